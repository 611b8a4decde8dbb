//! Adding to the scores of chosen tokens.

use crate::error::{ConfigError, require};
use crate::process::{Context, Process};

/// Adds a constant to the logits of some tokens; minus infinity forbids a token.
///
/// ```
/// use decode::process::{Context, LogitBias, Process};
/// let bias = LogitBias::new(&[(0, 2.0), (2, f32::NEG_INFINITY)], 3)?;
/// let mut logits = [1.0, 1.0, 1.0];
/// bias.process(Context::default(), &mut logits);
/// assert_eq!(logits, [3.0, 1.0, f32::NEG_INFINITY]);
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LogitBias {
    bias: Vec<(u32, f32)>,
}

impl LogitBias {
    /// A bias for each of some tokens of a vocabulary of size `vocab`; a smaller model may lack some.
    ///
    /// # Errors
    /// If a token is not in the vocabulary, or a bias is NaN or plus infinity.
    pub fn new(bias: &[(u32, f32)], vocab: usize) -> Result<Self, ConfigError> {
        for &(token, value) in bias {
            require((token as usize) < vocab, "bias", "for tokens of the vocabulary", token)?;
            require(
                !value.is_nan() && value < f32::INFINITY,
                "bias",
                "below infinity",
                format_args!("{value} for token {token}"),
            )?;
        }
        Ok(Self { bias: bias.to_vec() })
    }
}

impl Process for LogitBias {
    fn process(&self, _context: Context<'_>, logits: &mut [f32]) {
        for &(token, value) in &self.bias {
            // Two huge finite numbers may sum to infinity, which cannot be normalised.
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = (*logit + value).min(f32::MAX);
            }
        }
    }
}
