//! Negative log-likelihood of class ids.

use autograd::{Case, Reduction, Var, gradcheck};
use tensor::{Element, Ids, Tensor};

use super::{LossError, check_classes};
use crate::config::non_negative;

pub(super) const CASES: &[Case] = &[Case::new("Nll", |draw| {
    let [batch, time, vocab] = draw.dims();
    let (x, targets) = (draw.normal(&[batch, time, vocab]), draw.ids(&[batch, time], vocab));
    let class_weights = Some(draw.uniform(&[vocab], 0.5, 2.0).to_vec());
    let loss = Nll { class_weights, ..Nll::default() };
    gradcheck(|v| loss.forward(&v[0].log_softmax(-1), &targets).expect("targets below vocab"), &[x])
})];

/// Negative log-likelihood of class ids `t` under log-probabilities `x`, `−w_t·x_t`. The mean divides by the sum of
/// the weights of the targets that count. Of logits, [`CrossEntropy`](crate::CrossEntropy) is the same in one step.
///
/// ```
/// use autograd::Var;
/// use nn::Nll;
/// use tensor::{Ids, Tensor};
/// let log_p = Var::leaf(Tensor::<f32>::zeros(&[2, 4])).log_softmax(-1);         // (time, vocab)
/// let loss = Nll::default().forward(&log_p, &Ids::from_slice(&[1, 3]))?;
/// assert!((loss.item() - 4.0_f32.ln()).abs() < 1e-6);
/// # Ok::<(), nn::LossError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nll {
    /// Target id of rows that do not count, such as that of padding.
    pub ignore_index: Option<u32>,
    /// Weight of each class.
    pub class_weights: Option<Vec<f64>>,
    /// Mean, sum, or one loss for each target.
    pub reduction: Reduction,
}

impl Nll {
    /// `log_probabilities (.., vocab)`, `targets (..)` → `()`, or `(..)` without reduction.
    ///
    /// # Errors
    /// If a target that is not ignored is `vocab` or more, if all are ignored and the mean is wanted, if there are
    /// not `vocab` class weights, or one is negative or not finite.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn forward<E: Element>(
        &self,
        log_probabilities: &Var<E>,
        targets: &Ids,
    ) -> Result<Var<E>, LossError> {
        let vocab = log_probabilities.dim(-1);
        let weights = self.class_weights.as_deref();
        weights.into_iter().flatten().try_for_each(|w| non_negative("nll", "class_weights", *w))?;
        check_classes(targets, vocab, self.ignore_index, weights, self.reduction)?;
        let weights = weights.map(|weights| Tensor::from_slice(weights, &[vocab]).cast());
        Ok(log_probabilities.nll(targets, self.ignore_index, weights.as_ref(), self.reduction))
    }
}
