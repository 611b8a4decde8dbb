//! Making what was already said less likely.

use crate::error::{ConfigError, require};
use crate::process::Process;

/// Divides the logits of tokens that occur in the sequence by `penalty` where positive, multiplies them where
/// negative (Keskar et al. 2019, CTRL). 1 changes nothing; above 1 discourages repetition.
///
/// ```
/// use decode::process::{Process, RepetitionPenalty};
/// let mut logits = [3.0, -1.0, 5.0];
/// RepetitionPenalty::new(2.0)?.process(&[1, 0, 0], &mut logits);
/// assert_eq!(logits, [1.5, -2.0, 5.0]);
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RepetitionPenalty {
    penalty: f32,
}

impl RepetitionPenalty {
    /// With this penalty.
    ///
    /// # Errors
    /// If the penalty is not a finite number above 0.
    pub fn new(penalty: f32) -> Result<Self, ConfigError> {
        let valid = penalty.is_finite() && penalty > 0.0;
        require(valid, "repetition_penalty", "finite and above 0", penalty)?;
        Ok(Self { penalty })
    }
}

impl Process for RepetitionPenalty {
    fn process(&self, sequence: &[u32], logits: &mut [f32]) {
        let mut seen = sequence.to_vec();
        seen.sort_unstable();
        seen.dedup();
        for token in seen {
            let logit = &mut logits[token as usize];
            let penalised = if *logit > 0.0 { *logit / self.penalty } else { *logit * self.penalty };
            *logit = penalised.min(f32::MAX);
        }
    }
}
