//! Neither too likely nor too unlikely.

use crate::error::{ConfigError, require};
use crate::process::{Context, Process};
use crate::softmax::log_sum_exp;

/// Keeps the tokens whose surprise `−ln p` is closest to the entropy of the distribution, the surprise to be expected, until
/// their probabilities sum to at least `mass` (Meister et al. 2023). Tokens as far from the entropy as the last one stay too.
///
/// ```
/// use decode::process::{Context, Process, Typical};
/// // The likeliest token is less of a surprise than expected.
/// let mut logits = [0.5_f32.ln(), 0.2_f32.ln(), 0.1_f32.ln(), 0.1_f32.ln(), 0.1_f32.ln()];
/// Typical::new(0.15)?.process(Context::default(), &mut logits);
/// assert!(logits[0] == f32::NEG_INFINITY && logits[1].is_finite());
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Typical {
    mass: f32,
}

impl Typical {
    /// Keeps this mass.
    ///
    /// # Errors
    /// If it is not above 0 and at most 1.
    pub fn new(mass: f32) -> Result<Self, ConfigError> {
        require(mass > 0.0 && mass <= 1.0, "typical_p", "above 0 and at most 1", mass)?;
        Ok(Self { mass })
    }
}

impl Process for Typical {
    fn process(&self, _context: Context<'_>, logits: &mut [f32]) {
        if self.mass >= 1.0 {
            return;
        }
        let total = log_sum_exp(logits);
        let log_prob = |logit: f32| f64::from(logit) - total;
        let allowed: Vec<usize> = (0..logits.len()).filter(|&t| logits[t] > f32::NEG_INFINITY).collect();
        let entropy: f64 = allowed.iter().map(|&t| log_prob(logits[t])).map(|p| -p * p.exp()).sum();
        let mut order: Vec<(f64, usize)> =
            allowed.into_iter().map(|t| ((-log_prob(logits[t]) - entropy).abs(), t)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut mass = 0.0;
        let last = order.iter().position(|&(_, token)| {
            mass += log_prob(logits[token]).exp();
            mass >= f64::from(self.mass)
        });
        let Some(last) = last else { return };
        for &(distance, token) in &order[last..] {
            if distance > order[last].0 {
                logits[token] = f32::NEG_INFINITY;
            }
        }
    }
}
