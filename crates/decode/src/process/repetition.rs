//! Making what was already said less likely.

use crate::error::{ConfigError, require};
use crate::process::{Context, Process};

/// Divides the logits of tokens that occur in the sequence by `penalty` where positive, multiplies them where
/// negative (Keskar et al. 2019, CTRL). 1 changes nothing; above 1 discourages repetition.
///
/// ```
/// use decode::process::{Context, Process, RepetitionPenalty};
/// let mut logits = [3.0, -1.0, 5.0];
/// RepetitionPenalty::new(2.0)?.process(Context::new(&[1, 0, 0]), &mut logits);
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
    fn process(&self, context: Context<'_>, logits: &mut [f32]) {
        for (token, _) in counts(context.sequence) {
            let logit = &mut logits[token as usize];
            let penalised = if *logit > 0.0 { *logit / self.penalty } else { *logit * self.penalty };
            *logit = penalised.min(f32::MAX);
        }
    }
}

/// Takes `frequency · count + presence` from the logits of tokens that were generated `count > 0` times before; those of
/// the prompt do not count. Negative penalties encourage repetition.
///
/// ```
/// use decode::process::{Context, OccurrencePenalty, Process};
/// let mut logits = [3.0, -1.0, 5.0];
/// let generated = Context { prompt_len: 1, ..Context::new(&[2, 0, 1, 0]) };
/// OccurrencePenalty::new(0.5, 1.0)?.process(generated, &mut logits);
/// assert_eq!(logits, [1.0, -2.5, 5.0]);
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OccurrencePenalty {
    frequency: f32,
    presence: f32,
}

impl OccurrencePenalty {
    /// With these penalties.
    ///
    /// # Errors
    /// If one is not finite.
    pub fn new(frequency: f32, presence: f32) -> Result<Self, ConfigError> {
        require(frequency.is_finite(), "frequency_penalty", "finite", frequency)?;
        require(presence.is_finite(), "presence_penalty", "finite", presence)?;
        Ok(Self { frequency, presence })
    }
}

impl Process for OccurrencePenalty {
    fn process(&self, context: Context<'_>, logits: &mut [f32]) {
        for (token, count) in counts(context.generated()) {
            let logit = &mut logits[token as usize];
            *logit = (*logit - (self.frequency * count as f32 + self.presence)).min(f32::MAX);
        }
    }
}

/// The tokens that occur, rising, and how often.
fn counts(sequence: &[u32]) -> Vec<(u32, usize)> {
    let mut sorted = sequence.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len())).collect()
}
