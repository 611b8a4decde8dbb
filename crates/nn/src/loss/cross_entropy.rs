//! Cross-entropy against class ids.

use autograd::{Case, Reduction, Var, gradcheck};
use tensor::{Element, Ids, Tensor};

use super::LossError;

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
    /// If a target that is not ignored is `vocab` or more, if all are ignored and the mean is wanted, or if there
    /// are not `vocab` class weights.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn forward<E: Element>(&self, logits: &Var<E>, targets: &Ids) -> Result<Var<E>, LossError> {
        let vocab = logits.dim(-1);
        self.check(targets, vocab)?;
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

    fn check(&self, targets: &Ids, vocab: usize) -> Result<(), LossError> {
        if let Some(weights) = self.class_weights.as_ref().filter(|weights| weights.len() != vocab) {
            return Err(LossError::ClassWeights { expected: vocab, found: weights.len() });
        }
        let counts = |id: &&u32| Some(**id) != self.ignore_index;
        if targets.data().iter().filter(counts).any(|id| *id as usize >= vocab) {
            // The ignored id may itself be out of range: put one that is inside in its place, to name the other.
            let inside = targets.data().iter().map(|id| if counts(&id) { *id } else { 0 });
            Ids::new(inside.collect(), targets.shape()).check_below(vocab, "target")?;
        }
        if self.reduction == Reduction::Mean && !targets.data().iter().any(|id| counts(&id)) {
            return Err(LossError::NothingCounts { targets: targets.len() });
        }
        Ok(())
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
        let weighted = CrossEntropy { class_weights: Some(vec![1.0; 3]), ..loss };
        let error = weighted.forward(&logits, &ids(&[0, 1, 2])).unwrap_err();
        assert_eq!(error.to_string(), "loss: 3 class weights for 4 classes");
    }
}
