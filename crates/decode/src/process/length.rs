//! Not ending too early.

use crate::process::{Context, Process};

/// Forbids the end tokens until `min_tokens` tokens have been generated, the end token not counted.
///
/// ```
/// use decode::process::{Context, MinLength, Process};
/// let two = MinLength::new(&[0], 2);
/// let mut logits = [1.0, 1.0];
/// two.process(Context { prompt_len: 1, ..Context::new(&[1, 1]) }, &mut logits);
/// assert_eq!(logits, [f32::NEG_INFINITY, 1.0]);       // one token so far
/// ```
#[derive(Debug, Clone)]
pub struct MinLength {
    ends: Vec<u32>,
    min_tokens: usize,
}

impl MinLength {
    /// At least `min_tokens` tokens before any of `ends`, of which the model may lack some.
    pub fn new(ends: &[u32], min_tokens: usize) -> Self {
        Self { ends: ends.to_vec(), min_tokens }
    }
}

impl Process for MinLength {
    fn process(&self, context: Context<'_>, logits: &mut [f32]) {
        if context.generated().len() < self.min_tokens {
            for &end in &self.ends {
                if let Some(logit) = logits.get_mut(end as usize) {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
    }
}
