//! Ending training when validation no longer improves.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What a new validation loss means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The best so far: a checkpoint to keep.
    Best,
    /// No better, but not for too long.
    Wait,
    /// No better for as many evaluations as the patience allows.
    Stop,
}

/// Watches the validation loss (Prechelt 1998). Serialise it with the training state.
///
/// ```
/// use train::{EarlyStop, Verdict};
/// let mut stop = EarlyStop::new(2, 0.0)?;
/// let verdicts = [3.0, 2.0, 2.5, 2.1].map(|loss| stop.update(loss));
/// assert_eq!(verdicts, [Verdict::Best, Verdict::Best, Verdict::Wait, Verdict::Stop]);
/// assert_eq!(stop.best(), Some(2.0));
/// # Ok::<(), train::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStop {
    patience: usize,
    min_delta: f64,
    best: Option<f64>,
    waited: usize,
}

impl EarlyStop {
    /// Stops after `patience` evaluations in a row that do not improve the best loss by more than `min_delta`.
    ///
    /// # Errors
    /// If the patience is 0, or `min_delta` is negative or not finite.
    pub fn new(patience: usize, min_delta: f64) -> Result<Self, Error> {
        if patience == 0 || !min_delta.is_finite() || min_delta < 0.0 {
            let what = format!(
                "early stopping needs patience and a delta of at least 0, found {patience}, {min_delta}"
            );
            return Err(Error::Config(what));
        }
        Ok(Self { patience, min_delta, best: None, waited: 0 })
    }

    /// Takes in a validation loss. One that is not a number is never the best.
    pub fn update(&mut self, loss: f64) -> Verdict {
        if !loss.is_nan() && self.best.is_none_or(|best| loss < best - self.min_delta) {
            self.best = Some(loss);
            self.waited = 0;
            return Verdict::Best;
        }
        self.waited += 1;
        if self.waited >= self.patience { Verdict::Stop } else { Verdict::Wait }
    }

    /// The best loss so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_gains_do_not_count() {
        let mut stop = EarlyStop::new(3, 0.1).unwrap();
        let verdicts = [1.0, 0.95, f64::NAN, 0.89, 0.9].map(|loss| stop.update(loss));
        assert_eq!(verdicts, [Verdict::Best, Verdict::Wait, Verdict::Wait, Verdict::Best, Verdict::Wait]);
        assert!(EarlyStop::new(0, 0.0).is_err() && EarlyStop::new(1, -1.0).is_err());
    }
}
