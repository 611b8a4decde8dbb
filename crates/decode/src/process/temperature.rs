//! Flattening or sharpening the distribution.

use crate::error::{ConfigError, require};
use crate::process::{Context, Process};

/// Divides the logits by a temperature: below 1 sharpens the distribution, above 1 flattens it.
///
/// ```
/// use decode::process::{Context, Process, Temperature};
/// let mut logits = [1.0, 3.0];
/// Temperature::new(0.5)?.process(Context::default(), &mut logits);
/// assert_eq!(logits, [-4.0, 0.0]);                    // twice as far apart, the largest at 0
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Temperature {
    temperature: f32,
}

impl Temperature {
    /// With this temperature.
    ///
    /// # Errors
    /// If it is not a finite number above 0. The limit 0 is greedy search: see
    /// [`Sampling::temperature`](crate::Sampling::temperature).
    pub fn new(temperature: f32) -> Result<Self, ConfigError> {
        let valid = temperature.is_finite() && temperature > 0.0;
        require(valid, "temperature", "finite and above 0 (0 itself is greedy search)", temperature)?;
        Ok(Self { temperature })
    }
}

impl Process for Temperature {
    fn process(&self, _context: Context<'_>, logits: &mut [f32]) {
        // Relative to the largest, so that a tiny temperature cannot overflow to plus infinity.
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if max == f32::NEG_INFINITY {
            return;
        }
        for logit in logits {
            // The largest stays exactly 0 even where 0 ÷ temperature would be ill-defined.
            *logit = if *logit == max { 0.0 } else { (*logit - max) / self.temperature };
        }
    }
}
