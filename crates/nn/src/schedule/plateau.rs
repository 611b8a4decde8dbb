//! Lowering the rate when a measure stops improving.

use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, decay, non_negative, require};

/// What counts as better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Better than the best by this share of it.
    Relative(f64),
    /// Better than the best by this much.
    Absolute(f64),
}

/// Settings of [`ReduceOnPlateau`]; the defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// Larger is better (accuracy) rather than smaller (loss).
    pub maximise: bool,
    /// Multiplier of the rate.
    pub factor: f64,
    /// Reports without improvement that are put up with.
    pub patience: u64,
    /// What counts as improvement.
    pub threshold: Threshold,
    /// Reports after a reduction that count for nothing.
    pub cooldown: u64,
    /// Never below this rate.
    pub floor: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        let threshold = Threshold::Relative(1e-4);
        Self { maximise: false, factor: 0.1, patience: 10, threshold, cooldown: 0, floor: 0.0 }
    }
}

/// Multiplies the rate by a factor whenever a measure, reported after each evaluation, has not improved for a
/// while. Save it with the run: it has a state.
///
/// ```
/// use nn::schedule::{Plateau, ReduceOnPlateau};
/// let settings = Plateau { factor: 0.5, patience: 1, ..Plateau::default() };
/// let mut rate = ReduceOnPlateau::new(0.1, settings)?;
/// for loss in [1.0, 0.9, 0.9, 0.9] {
///     rate.report(loss);
/// }
/// assert_eq!(rate.rate(), 0.05);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReduceOnPlateau {
    settings: Plateau,
    rate: f64,
    best: Option<f64>,
    bad: u64,
    cooling: u64,
}

impl ReduceOnPlateau {
    /// Starts at `rate`.
    ///
    /// # Errors
    /// If the factor is not in `[0, 1)`, or a rate or threshold is negative or not finite.
    pub fn new(rate: f64, settings: Plateau) -> Result<Self, ConfigError> {
        let name = "reduce on plateau";
        decay(name, "factor", settings.factor)?;
        non_negative(name, "rate", rate)?;
        non_negative(name, "floor", settings.floor)?;
        let (Threshold::Relative(threshold) | Threshold::Absolute(threshold)) = settings.threshold;
        require(threshold >= 0.0, name, "threshold", threshold, "at least 0")?;
        Ok(Self { settings, rate, best: None, bad: 0, cooling: 0 })
    }

    /// The rate now.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes note of a measure and returns the rate from now on. A NaN is no improvement.
    pub fn report(&mut self, measure: f64) -> f64 {
        if self.best.is_none_or(|best| self.improves(measure, best)) && !measure.is_nan() {
            self.best = Some(measure);
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.bad = 0;
        }
        if self.bad > self.settings.patience {
            self.rate = (self.rate * self.settings.factor).max(self.settings.floor.min(self.rate));
            self.cooling = self.settings.cooldown;
            self.bad = 0;
        }
        self.rate
    }

    fn improves(&self, measure: f64, best: f64) -> bool {
        let sign = if self.settings.maximise { 1.0 } else { -1.0 };
        let target = match self.settings.threshold {
            Threshold::Relative(share) => best * (1.0 + sign * share),
            Threshold::Absolute(amount) => best + sign * amount,
        };
        if self.settings.maximise { measure > target } else { measure < target }
    }
}
