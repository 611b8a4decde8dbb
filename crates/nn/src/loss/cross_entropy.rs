//! Cross-entropy against class ids.

use autograd::{Case, Reduction, Var, gradcheck};
use tensor::{Element, Ids, Tensor};

use super::{LossError, check_classes};
use crate::config::{ConfigError, non_negative, unit};

pub(super) const CASES: &[Case] = &[Case::new("CrossEntropy", |draw| {
    let [batch, time, vocab] = draw.dims();
    let (logits, targets) = (draw.normal(&[batch, time, vocab]), draw.ids(&[batch, time], vocab));
    let weights = draw.uniform(&[vocab], 0.5, 2.0).to_vec();
    let loss = CrossEntropy {
        label_smoothing: 0.1,
        class_weights: Some(weights),
        z_loss: 0.1,
        ..CrossEntropy::default()
    };
    gradcheck(|v| loss.forward(&v[0], &targets).expect("targets below vocab"), &[logits])
})];

/// Cross-entropy of logits against class ids, in nats, fused with log-softmax.
///
/// For logits `x` with target `t`, `p = softmax(x)`, smoothing `ε`, class weights `w` and `z = ln Σ eˣ`:
/// `loss = −(1 − ε)·w_t·ln p_t − ε/vocab·Σ_c w_c·ln p_c + z_loss·z²`. The mean divides by the sum of the weights of
/// the targets that count.
///
/// ```
/// use autograd::Var;
/// use nn::CrossEntropy;
/// use tensor::{Ids, Tensor};
/// let logits = Var::leaf(Tensor::<f32>::zeros(&[2, 4]));                         // (time, vocab)
/// let loss = CrossEntropy::default().forward(&logits, &Ids::from_slice(&[1, 3]))?;
/// assert!((loss.item() - 4.0_f32.ln()).abs() < 1e-6);
/// let error = CrossEntropy::default().forward(&logits, &Ids::from_slice(&[1, 4])).unwrap_err();
/// assert_eq!(error.to_string(), "target 4 at position [1] is not below 4");
/// # Ok::<(), nn::LossError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// Share of the target that is spread over all classes, in `[0, 1]` (Szegedy et al. 2016).
    pub label_smoothing: f64,
    /// Target id of rows that do not count, such as that of padding.
    pub ignore_index: Option<u32>,
    /// Weight of each class.
    pub class_weights: Option<Vec<f64>>,
    /// Factor of `logsumexp²`, which keeps logits near normalisation (Chowdhery et al. 2022, PaLM).
    pub z_loss: f64,
    /// Mean, sum, or one loss for each target.
    pub reduction: Reduction,
}

impl CrossEntropy {
    /// `logits (.., vocab)`, `targets (..)` → `()`, or `(..)` without reduction.
    ///
    /// # Errors
    /// If a target that is not ignored is `vocab` or more, if all are ignored and the mean is wanted, if there are
    /// not `vocab` class weights, or if a setting does not [check](Self::check).
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn forward<E: Element>(&self, logits: &Var<E>, targets: &Ids) -> Result<Var<E>, LossError> {
        let vocab = logits.dim(-1);
        self.check()?;
        check_classes(targets, vocab, self.ignore_index, self.class_weights.as_deref(), self.reduction)?;
        let weights = self.class_weights.as_ref().map(|weights| Tensor::from_slice(weights, &[vocab]).cast());
        let options = autograd::CrossEntropy {
            ignore_index: self.ignore_index,
            label_smoothing: self.label_smoothing,
            class_weights: weights,
            z_loss: self.z_loss,
            reduction: self.reduction,
        };
        Ok(logits.cross_entropy(targets, &options))
    }

    /// Checks the settings; [`forward`](Self::forward) does so too.
    ///
    /// # Errors
    /// If `label_smoothing` is not in `[0, 1]`, or `z_loss` or a class weight is negative or not finite.
    pub fn check(&self) -> Result<(), ConfigError> {
        let name = "cross-entropy";
        unit(name, "label_smoothing", self.label_smoothing)?;
        non_negative(name, "z_loss", self.z_loss)?;
        let mut weights = self.class_weights.iter().flatten();
        weights.try_for_each(|weight| non_negative(name, "class_weights", *weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_checked_apart_from_the_ignored() {
        let logits = Var::leaf(Tensor::<f32>::zeros(&[3, 4]));
        let loss = CrossEntropy { ignore_index: Some(u32::MAX), ..CrossEntropy::default() };
        let ids = |ids: &[u32]| Ids::from_slice(ids);
        assert!((loss.forward(&logits, &ids(&[u32::MAX, 3, 0])).unwrap().item() - 4.0_f32.ln()).abs() < 1e-6);
        let error = loss.forward(&logits, &ids(&[u32::MAX, 3, 7])).unwrap_err();
        assert_eq!(error.to_string(), "target 7 at position [2] is not below 4");
        let error = loss.forward(&logits, &ids(&[u32::MAX; 3])).unwrap_err();
        assert_eq!(error, LossError::NothingCounts { targets: 3 });
        let sum = CrossEntropy { reduction: Reduction::Sum, ..loss.clone() };
        assert_eq!(sum.forward(&logits, &ids(&[u32::MAX; 3])).unwrap().item(), 0.0);
        let weighted = CrossEntropy { class_weights: Some(vec![1.0; 3]), ..loss.clone() };
        let error = weighted.forward(&logits, &ids(&[0, 1, 2])).unwrap_err();
        assert_eq!(error.to_string(), "loss: 3 class weights for 4 classes");
        let smooth = CrossEntropy { label_smoothing: 1.5, ..loss.clone() };
        let error = smooth.forward(&logits, &ids(&[0, 1, 2])).unwrap_err();
        let expected = "cross-entropy: `label_smoothing` is 1.5, expected a number in [0, 1]";
        assert_eq!(error.to_string(), expected);
        assert!(CrossEntropy { z_loss: -1.0, ..loss.clone() }.check().is_err());
        assert!(CrossEntropy { class_weights: Some(vec![1.0, f64::NAN]), ..loss }.check().is_err());
    }
}
