//! Not saying the same thing twice.

use crate::error::{ConfigError, require};
use crate::process::{Context, Process};

/// Forbids every token that would complete an n-gram which the sequence already has, prompt included (Paulus et al. 2018).
/// With `n = 1` no token occurs twice.
///
/// ```
/// use decode::process::{Context, NoRepeatNgram, Process};
/// let mut logits = [0.0; 4];
/// NoRepeatNgram::new(2)?.process(Context::new(&[1, 2, 1, 3, 1]), &mut logits);
/// assert_eq!(logits, [0.0, 0.0, f32::NEG_INFINITY, f32::NEG_INFINITY]);       // 1 2 and 1 3 are there
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NoRepeatNgram {
    n: usize,
}

impl NoRepeatNgram {
    /// Forbids repeated runs of `n` tokens.
    ///
    /// # Errors
    /// If `n` is 0.
    pub fn new(n: usize) -> Result<Self, ConfigError> {
        require(n > 0, "no_repeat_ngram", "at least 1", n)?;
        Ok(Self { n })
    }
}

impl Process for NoRepeatNgram {
    fn process(&self, context: Context<'_>, logits: &mut [f32]) {
        let sequence = context.sequence;
        let Some(start) = (sequence.len() + 1).checked_sub(self.n) else { return };
        let begun = &sequence[start..];
        for gram in sequence.windows(self.n) {
            if gram[..self.n - 1] == *begun {
                logits[gram[self.n - 1] as usize] = f32::NEG_INFINITY;
            }
        }
    }
}
