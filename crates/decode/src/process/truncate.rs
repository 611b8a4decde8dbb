//! Cutting off the tail of the distribution, where a model's scores are least reliable.

use crate::error::{ConfigError, require};
use crate::process::{Context, Process};
use crate::softmax::{log_sum_exp, top};

/// Takes out every token that is not in `keep`, which is sorted by rank.
fn retain(logits: &mut [f32], keep: &[usize]) {
    let kept: Vec<(usize, f32)> = keep.iter().map(|&token| (token, logits[token])).collect();
    logits.fill(f32::NEG_INFINITY);
    for (token, logit) in kept {
        logits[token] = logit;
    }
}

/// Keeps the `k` likeliest tokens (Fan et al. 2018); among equals the lowest ids.
///
/// ```
/// use decode::process::{Context, Process, TopK};
/// let mut logits = [1.0, 3.0, 2.0];
/// TopK::new(2)?.process(Context::default(), &mut logits);
/// assert_eq!(logits, [f32::NEG_INFINITY, 3.0, 2.0]);
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TopK {
    k: usize,
}

impl TopK {
    /// Keeps `k` tokens.
    ///
    /// # Errors
    /// If `k` is 0.
    pub fn new(k: usize) -> Result<Self, ConfigError> {
        require(k > 0, "top_k", "at least 1", k)?;
        Ok(Self { k })
    }
}

impl Process for TopK {
    fn process(&self, _context: Context<'_>, logits: &mut [f32]) {
        if self.k < logits.len() {
            let keep = top(logits, self.k);
            retain(logits, &keep);
        }
    }
}

/// Keeps the smallest set of likeliest tokens whose probabilities sum to at least `p` (nucleus sampling,
/// Holtzman et al. 2020). At least one token stays.
///
/// ```
/// use decode::process::{Context, Process, TopP};
/// let mut logits = [0.5_f32.ln(), 0.3_f32.ln(), 0.2_f32.ln()];
/// TopP::new(0.7)?.process(Context::default(), &mut logits);
/// assert!(logits[1].is_finite() && logits[2] == f32::NEG_INFINITY);
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TopP {
    p: f32,
}

impl TopP {
    /// Keeps the mass `p`.
    ///
    /// # Errors
    /// If `p` is not above 0 and at most 1.
    pub fn new(p: f32) -> Result<Self, ConfigError> {
        require(p > 0.0 && p <= 1.0, "top_p", "above 0 and at most 1", p)?;
        Ok(Self { p })
    }
}

impl Process for TopP {
    fn process(&self, _context: Context<'_>, logits: &mut [f32]) {
        if self.p >= 1.0 {
            return;
        }
        let total = log_sum_exp(logits);
        let mut order = top(logits, logits.len());
        let mut mass = 0.0;
        let last = order.iter().position(|&token| {
            mass += (f64::from(logits[token]) - total).exp();
            mass >= f64::from(self.p)
        });
        if let Some(last) = last {
            order.truncate(last + 1);
            retain(logits, &order);
        }
    }
}

/// Keeps the tokens whose probability is at least `p` times that of the likeliest (Nguyen et al. 2024).
///
/// ```
/// use decode::process::{Context, MinP, Process};
/// let mut logits = [0.6_f32.ln(), 0.35_f32.ln(), 0.05_f32.ln()];
/// MinP::new(0.5)?.process(Context::default(), &mut logits);
/// assert!(logits[1].is_finite() && logits[2] == f32::NEG_INFINITY);
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MinP {
    log_p: f32,
}

impl MinP {
    /// With this ratio.
    ///
    /// # Errors
    /// If `p` is not between 0 and 1.
    pub fn new(p: f32) -> Result<Self, ConfigError> {
        require((0.0..=1.0).contains(&p), "min_p", "between 0 and 1", p)?;
        Ok(Self { log_p: p.ln() })
    }
}

impl Process for MinP {
    fn process(&self, _context: Context<'_>, logits: &mut [f32]) {
        // p ≥ min_p · p_max, in logs; the normaliser cancels.
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for logit in logits {
            if *logit < max + self.log_p {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn probabilities(logits: &[f32]) -> Vec<f64> {
        let total = log_sum_exp(logits);
        logits.iter().map(|&logit| (f64::from(logit) - total).exp()).collect()
    }

    /// Logits with ties and forbidden tokens, at least one of them allowed.
    fn logits() -> impl Strategy<Value = Vec<f32>> {
        let logit = prop_oneof![
            6 => -8.0_f32..8.0,
            2 => (-3_i8..3).prop_map(f32::from),
            1 => Just(f32::NEG_INFINITY),
        ];
        prop::collection::vec(logit, 1..50).prop_filter("one allowed", |l| l.iter().any(|x| x.is_finite()))
    }

    /// The tokens kept, after checking that kept logits are unchanged and that no token outside is likelier
    /// than one inside.
    fn kept(before: &[f32], after: &[f32]) -> Result<Vec<usize>, TestCaseError> {
        let kept: Vec<usize> = (0..after.len()).filter(|&t| after[t] > f32::NEG_INFINITY).collect();
        prop_assert!(kept.iter().all(|&t| before[t] == after[t]));
        let least = kept.iter().map(|&t| before[t]).fold(f32::INFINITY, f32::min);
        let outside = (0..after.len()).filter(|t| !kept.contains(t)).map(|t| before[t]);
        prop_assert!(outside.fold(f32::NEG_INFINITY, f32::max) <= least);
        Ok(kept)
    }

    proptest! {
        #[test]
        fn top_k_keeps_k(before in logits(), k in 1_usize..60) {
            let mut after = before.clone();
            TopK::new(k).unwrap().process(Context::default(), &mut after);
            let allowed = before.iter().filter(|l| l.is_finite()).count();
            prop_assert_eq!(kept(&before, &after)?.len(), k.min(allowed));
        }

        #[test]
        fn top_p_is_the_smallest_set_with_the_mass(before in logits(), p in 0.01_f32..1.0) {
            let mut after = before.clone();
            TopP::new(p).unwrap().process(Context::default(), &mut after);
            let kept = kept(&before, &after)?;
            let probabilities = probabilities(&before);
            let mass: f64 = kept.iter().map(|&t| probabilities[t]).sum();
            let least = kept.iter().map(|&t| probabilities[t]).fold(1.0, f64::min);
            prop_assert!(mass >= f64::from(p) - 1e-9);
            prop_assert!(kept.len() == 1 || mass - least < f64::from(p) + 1e-9);
        }

        #[test]
        fn top_p_of_one_changes_nothing(before in logits()) {
            let mut after = before.clone();
            TopP::new(1.0).unwrap().process(Context::default(), &mut after);
            prop_assert_eq!(before, after);
        }

        #[test]
        fn min_p_is_a_threshold(before in logits(), p in 0.0_f32..=1.0) {
            let mut after = before.clone();
            MinP::new(p).unwrap().process(Context::default(), &mut after);
            kept(&before, &after)?;
            let probabilities = probabilities(&before);
            let max = probabilities.iter().copied().fold(0.0, f64::max);
            for (token, &probability) in probabilities.iter().enumerate() {
                let ratio = probability / max - f64::from(p);
                if ratio.abs() > 1e-6 && before[token].is_finite() {
                    prop_assert_eq!(after[token].is_finite(), ratio > 0.0, "token {}", token);
                }
            }
        }
    }

    #[test]
    fn bad_settings_are_refused() {
        assert!(TopK::new(0).is_err());
        assert!(TopP::new(0.0).is_err() && TopP::new(1.1).is_err() && TopP::new(f32::NAN).is_err());
        assert!(MinP::new(-0.1).is_err() && MinP::new(f32::NAN).is_err());
    }
}
