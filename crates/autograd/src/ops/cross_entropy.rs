//! Cross-entropy against class ids, fused with log-softmax.

use tensor::kernels::loss as kernel;
use tensor::shape::agree;
use tensor::{Element, Ids, Tensor};

use crate::{Case, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("cross_entropy", |draw| {
        let [batch, time, vocab] = draw.dims();
        let (logits, targets) = (draw.normal(&[batch, time, vocab]), draw.ids(&[batch, time], vocab));
        gradcheck(|v| v[0].cross_entropy(&targets, &CrossEntropy::default()), &[logits])
    }),
    Case::new("cross_entropy, all options", |draw| {
        let [rows, vocab] = draw.dims();
        let (logits, targets) = (draw.normal(&[rows, vocab]), draw.ids(&[rows], vocab));
        let reduction = [Reduction::Mean, Reduction::Sum, Reduction::None][draw.below(3)];
        let options = CrossEntropy {
            // Never the only target, so that a gradient remains.
            ignore_index: Some(targets.data()[0]).filter(|id| targets.data().iter().any(|t| t != id)),
            label_smoothing: 0.2,
            class_weights: Some(draw.uniform(&[vocab], 0.5, 2.0)),
            z_loss: 0.1,
            reduction,
        };
        gradcheck(|v| v[0].cross_entropy(&targets, &options), &[logits])
    }),
];

/// How a loss of many elements becomes what is returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// The mean over the elements that count.
    #[default]
    Mean,
    /// The sum.
    Sum,
    /// One loss for each element.
    None,
}

/// Options of [`Var::cross_entropy`].
#[derive(Clone, Debug)]
pub struct CrossEntropy<E: Element = f32> {
    /// Target id of rows that do not count, such as that of padding.
    pub ignore_index: Option<u32>,
    /// Share ε of the target that is spread over all classes, in `[0, 1]` (Szegedy et al. 2016).
    pub label_smoothing: f64,
    /// Weight of each class, `(vocab)`.
    pub class_weights: Option<Tensor<E>>,
    /// Factor of `logsumexp²`, which keeps logits near normalisation (Chowdhery et al. 2022, PaLM).
    pub z_loss: f64,
    /// The mean divides by the sum of the weights of the targets that count.
    pub reduction: Reduction,
}

/// No smoothing, weights or z-loss, nothing ignored; the mean.
impl<E: Element> Default for CrossEntropy<E> {
    fn default() -> Self {
        Self {
            ignore_index: None,
            label_smoothing: 0.0,
            class_weights: None,
            z_loss: 0.0,
            reduction: Reduction::Mean,
        }
    }
}

impl<E: Element> CrossEntropy<E> {
    /// `f` on the kernel with these options.
    fn with_kernel<T>(&self, f: impl FnOnce(kernel::CrossEntropy<'_, E>) -> T) -> T {
        let weights = self.class_weights.as_ref().map(Tensor::contiguous);
        f(kernel::CrossEntropy {
            ignore_index: self.ignore_index,
            label_smoothing: E::from_f64(self.label_smoothing),
            class_weights: weights.as_ref().map(Tensor::data),
            z_loss: E::from_f64(self.z_loss),
        })
    }
}

impl<E: Element> Var<E> {
    /// Cross-entropy of logits against class ids, as PyTorch defines it.
    ///
    /// `logits (.., vocab)`, `targets (..)` → `()`, or `(..)` without reduction. For logits `x` with target `t`,
    /// `p = softmax(x)`, smoothing `ε`, class weights `w` and `z = ln Σ eˣ`:
    /// `loss = −(1 − ε)·w_t·ln p_t − ε/vocab·Σ_c w_c·ln p_c + z_loss·z²`. The gradient is computed from the
    /// logits and `z`; no probabilities are kept. If nothing counts, the mean is NaN and the gradient 0.
    ///
    /// # Panics
    /// If the shapes disagree, or a target that is not ignored is `vocab` or more: check ids where they enter
    /// the program ([`Ids::check_below`]).
    ///
    /// ```
    /// use autograd::{CrossEntropy, Var};
    /// use tensor::{Ids, Tensor};
    /// let logits = Var::leaf(Tensor::<f32>::zeros(&[2, 4]));      // (time, vocab)
    /// let loss = logits.cross_entropy(&Ids::from_slice(&[1, 3]), &CrossEntropy::default());
    /// assert!((loss.item() - 4.0_f32.ln()).abs() < 1e-6);
    /// let grads = loss.backward()?;
    /// assert_eq!(grads.get(&logits).unwrap().at(&[0, 1]), -0.375);
    /// # Ok::<(), autograd::BackwardError>(())
    /// ```
    #[track_caller]
    pub fn cross_entropy(&self, targets: &Ids, options: &CrossEntropy<E>) -> Self {
        let mut operands = vec![("logits", ".. vocab", self.shape())];
        operands.extend(options.class_weights.as_ref().map(|w| ("class_weights", "vocab", w.shape())));
        agree("cross_entropy", &operands);
        if self.shape()[..self.rank() - 1] != *targets.shape() {
            let operands = [("logits", ".. vocab", self.shape()), ("targets", "", targets.shape())];
            tensor::shape::fail("cross_entropy", &operands, "not one target for each row of logits");
        }
        let (logits, vocab) = (self.value().contiguous(), self.dim(-1));
        let mut lse = Tensor::zeros(targets.shape());
        let mut totals = None;
        let losses = Tensor::build(targets.shape(), |loss| {
            let run = |kernel: kernel::CrossEntropy<'_, E>| {
                kernel.forward(logits.data(), vocab, targets.data(), loss, lse.data_mut())
            };
            totals = Some(options.with_kernel(run));
        });
        let totals = totals.expect("set above").unwrap_or_else(|error| panic!("cross_entropy: {error}"));
        let (value, scale) = match options.reduction {
            Reduction::Mean => (Tensor::scalar(totals.loss / totals.weight), E::ONE / totals.weight),
            Reduction::Sum => (Tensor::scalar(totals.loss), E::ONE),
            Reduction::None => (losses, E::ONE),
        };
        let (targets, options) = (targets.clone(), options.clone());
        Self::record("cross_entropy", [self], value, move |dy| {
            let (scale, row_scale) = match options.reduction {
                Reduction::None => (E::ONE, Some(dy.contiguous())),
                _ => (scale * dy.item(), None),
            };
            let row_scale = row_scale.as_ref().map(Tensor::data);
            let dlogits = Tensor::build(logits.shape(), |out| {
                let run = |kernel: kernel::CrossEntropy<'_, E>| {
                    kernel.backward(logits.data(), vocab, targets.data(), lse.data(), scale, row_scale, out)
                };
                options.with_kernel(run).expect("targets were checked on the way forward");
            });
            [Some(dlogits)]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_rows_count_for_nothing() {
        let logits = Var::leaf(Tensor::from_vec(vec![1.0_f64, 2.0, 3.0, -1.0, 5.0, 0.5], &[3, 2]));
        let options = CrossEntropy { ignore_index: Some(0), ..CrossEntropy::default() };
        let loss = logits.cross_entropy(&Ids::from_slice(&[1, 0, 1]), &options);
        let by_hand = |x: f64, y: f64| (x.exp() + y.exp()).ln() - y;
        assert!((loss.item() - (by_hand(1.0, 2.0) + by_hand(5.0, 0.5)) / 2.0).abs() < 1e-12);
        let grads = loss.backward().unwrap();
        assert_eq!(grads.get(&logits).unwrap().slice(0, 1..2).to_vec(), [0.0, 0.0]);

        let nothing = logits.cross_entropy(&Ids::from_slice(&[0, 0, 0]), &options);
        assert!(nothing.item().is_nan());
        assert_eq!(nothing.backward().unwrap().get(&logits).unwrap().to_vec(), [0.0; 6]);
    }

    #[test]
    #[should_panic(expected = "cross-entropy target of row 1 is 4, expected an id below 3")]
    fn a_target_out_of_range_is_named() {
        let logits = Var::constant(Tensor::<f32>::zeros(&[2, 3]));
        let _ = logits.cross_entropy(&Ids::from_slice(&[0, 4]), &CrossEntropy::default());
    }

    #[test]
    #[should_panic(expected = "cross_entropy: logits (2, vocab=3), targets (3): not one target")]
    fn targets_must_match_the_rows() {
        let logits = Var::constant(Tensor::<f32>::zeros(&[2, 3]));
        let _ = logits.cross_entropy(&Ids::from_slice(&[0, 1, 2]), &CrossEntropy::default());
    }
}
