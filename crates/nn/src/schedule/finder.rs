//! The range test that finds a first learning rate.

use crate::config::{ConfigError, positive, require};

/// Learning-rate range test (Smith 2015, "Cyclical learning rates for training neural networks"): train for a
/// few hundred steps with a rate that grows geometrically, watch the loss, stop when it explodes, and take the
/// rate at which it fell fastest.
///
/// ```
/// use nn::schedule::LrFinder;
/// let mut finder = LrFinder::new(1e-5, 1.0, 100)?;
/// // A quadratic under gradient descent: x shrinks by 1 − 2·rate a step, and explodes above rate 1.
/// let mut x = 1.0_f64;
/// while let Some(rate) = finder.rate() {
///     let loss = x * x;
///     x -= rate * 2.0 * x;
///     finder.report(loss);
/// }
/// let best = finder.suggestion().unwrap();
/// assert!((0.005..0.6).contains(&best), "{best}");
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LrFinder {
    from: f64,
    to: f64,
    steps: u64,
    /// Rate and smoothed loss of each step.
    seen: Vec<(f64, f64)>,
    average: f64,
    lowest: f64,
    exploded: bool,
}

/// Weight of the past in the smoothed loss.
const SMOOTHING: f64 = 0.95;
/// A smoothed loss this many times the lowest has exploded.
const EXPLOSION: f64 = 4.0;

impl LrFinder {
    /// A test from rate `from` to rate `to`.
    ///
    /// # Errors
    /// If a rate is not above 0, they are not in order, or there are fewer than two steps.
    pub fn new(from: f64, to: f64, steps: u64) -> Result<Self, ConfigError> {
        let name = "learning-rate finder";
        positive(name, "from", from)?;
        positive(name, "to", to)?;
        require(to > from, name, "to", to, "more than `from`")?;
        require(steps >= 2, name, "steps", steps, "at least 2")?;
        let (seen, lowest) = (Vec::new(), f64::INFINITY);
        Ok(Self { from, to, steps, seen, average: 0.0, lowest, exploded: false })
    }

    /// The rate of the next step; `None` at the end of the test.
    pub fn rate(&self) -> Option<f64> {
        let step = self.seen.len() as u64;
        let progress = step as f64 / (self.steps - 1) as f64;
        (step < self.steps && !self.exploded).then(|| self.from * (self.to / self.from).powf(progress))
    }

    /// Takes note of the loss of the step taken with [`rate`](Self::rate). Ends the test if it is not finite, or
    /// far above the lowest. Does nothing after the end.
    pub fn report(&mut self, loss: f64) {
        let Some(rate) = self.rate() else { return };
        self.average = SMOOTHING * self.average + (1.0 - SMOOTHING) * loss;
        // The average starts at 0: divide by the weights so far (as Adam does).
        let smooth = self.average / (1.0 - SMOOTHING.powi(self.seen.len() as i32 + 1));
        self.exploded = !smooth.is_finite() || (self.seen.len() > 10 && smooth > EXPLOSION * self.lowest);
        self.lowest = self.lowest.min(smooth);
        if smooth.is_finite() {
            self.seen.push((rate, smooth));
        }
    }

    /// Rates and smoothed losses, to be drawn.
    pub fn curve(&self) -> &[(f64, f64)] {
        &self.seen
    }

    /// The rate at which the smoothed loss fell fastest per factor of rate; `None` if it never fell.
    pub fn suggestion(&self) -> Option<f64> {
        let slope = |pair: &[(f64, f64)]| (pair[1].1 - pair[0].1) / (pair[1].0 / pair[0].0).ln();
        let steepest = self.seen.windows(2).min_by(|a, b| slope(a).total_cmp(&slope(b)))?;
        (slope(steepest) < 0.0).then_some(steepest[0].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_geometric_and_the_valley_is_found() {
        let mut finder = LrFinder::new(1e-4, 1.0, 201).unwrap();
        let mut rates = Vec::new();
        while let Some(rate) = finder.rate() {
            rates.push(rate);
            // A loss that falls around 1e-2 and explodes from 0.3 on.
            let x = rate.log10();
            finder.report(2.0 - (3.0 * (x + 2.0)).tanh() + ((x + 0.5) * 12.0).exp());
        }
        assert!(rates.len() < 201 && (rates[1] / rates[0] - rates[50] / rates[49]).abs() < 1e-12);
        let best = finder.suggestion().unwrap();
        assert!((5e-3..5e-2).contains(&best), "{best}");
    }

    #[test]
    fn a_loss_that_only_rises_suggests_nothing() {
        let mut finder = LrFinder::new(1e-3, 1.0, 5).unwrap();
        (1..=9).for_each(|i| finder.report(f64::from(i)));
        assert_eq!((finder.curve().len(), finder.suggestion()), (5, None));
        let mut broken = LrFinder::new(1e-3, 1.0, 5).unwrap();
        broken.report(f64::NAN);
        assert_eq!((broken.rate(), broken.curve().len()), (None, 0));
    }
}
