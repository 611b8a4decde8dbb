//! Softmax, norms and cross-entropy over the last axis, for any leading dimensions and strides.

use crate::element::Element;
use crate::ids::Ids;
use crate::kernels::loss::{CrossEntropy, TargetOutOfRange, Totals};
use crate::kernels::{norm, softmax};
use crate::shape::{self, Operand};
use crate::tensor::Tensor;

/// What [`Tensor::cross_entropy`] returns.
#[derive(Clone, Debug)]
pub struct CrossEntropyLoss<E: Element> {
    /// Loss of every row, `(..)`; 0 where ignored.
    pub loss: Tensor<E>,
    /// Log-sum-exp of every row, `(..)`, which the gradient needs.
    pub lse: Tensor<E>,
    /// Sums of losses and weights over the rows that count; their quotient is the mean loss.
    pub totals: Totals<E>,
}

impl<E: Element> Tensor<E> {
    /// `eˣ / Σ eˣ` along `axis`. A slice that is all −∞ gives zeros.
    ///
    /// # Panics
    /// If there is no such axis.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let scores = Tensor::from_slice(&[0.0_f32, 0.0, f32::NEG_INFINITY], &[1, 3]);
    /// assert_eq!(scores.softmax(-1).to_vec(), [0.5, 0.5, 0.0]);
    /// ```
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Self {
        self.along("softmax", axis, softmax::softmax)
    }

    /// `x − ln Σ eˣ` along `axis`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Self {
        self.along("log_softmax", axis, softmax::log_softmax)
    }

    /// `ln Σ eˣ` along the last axis, which disappears.
    ///
    /// # Panics
    /// If there are no dimensions.
    #[track_caller]
    pub fn logsumexp(&self) -> Self {
        self.logsumexp_axis(-1, false)
    }

    #[track_caller]
    fn along(&self, op: &str, axis: isize, kernel: impl Fn(&[E], usize, &mut [E])) -> Self {
        let at = shape::axis_index(op, axis, self.rank()) as isize;
        let x = self.transpose(at, -1).contiguous();
        let y = Self::build(x.shape(), |y| {
            if !y.is_empty() {
                kernel(x.data(), x.dim(-1), y);
            }
        });
        y.transpose(at, -1).contiguous()
    }

    /// Layer norm over the last axis (Ba, Kiros & Hinton 2016): `y = (x − mean) · rstd · weight + bias` with
    /// `rstd = 1 / √(variance + eps)`. Returns `(y, mean, rstd)`.
    ///
    /// This `(.., d_model)`, `weight, bias (d_model)` → `y (.., d_model)`, `mean, rstd (..)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn layer_norm(&self, weight: Option<&Self>, bias: Option<&Self>, eps: E) -> (Self, Self, Self) {
        self.check_norm("layer_norm", &[("weight", weight), ("bias", bias)], &[]);
        let x = self.contiguous();
        let (weight, bias) = (weight.map(Self::contiguous), bias.map(Self::contiguous));
        let rows = &self.shape[..self.rank() - 1];
        let (mut mean, mut rstd) = (Self::zeros(rows), Self::zeros(rows));
        let y = Self::build(self.shape(), |y| {
            let (weight, bias) = (weight.as_ref().map(Self::data), bias.as_ref().map(Self::data));
            if !y.is_empty() {
                let (mean, rstd) = (mean.data_mut(), rstd.data_mut());
                norm::layer_norm(x.data(), x.dim(-1), weight, bias, eps, y, mean, rstd);
            }
        });
        (y, mean, rstd)
    }

    /// The gradients of [`layer_norm`](Self::layer_norm) for this `x`: `(dx, dweight, dbias)`.
    ///
    /// This and `dy (.., d_model)`, `weight (d_model)`, `mean, rstd (..)` → `dx (.., d_model)`,
    /// `dweight, dbias (d_model)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn layer_norm_backward(
        &self,
        dy: &Self,
        weight: Option<&Self>,
        mean: &Self,
        rstd: &Self,
    ) -> (Self, Self, Self) {
        self.check_norm("layer_norm_backward", &[("weight", weight)], &[("dy", dy)]);
        let (x, dy, weight) = (self.contiguous(), dy.contiguous(), weight.map(Self::contiguous));
        let (mean, rstd) = (mean.contiguous(), rstd.contiguous());
        let d_model = x.dim(-1);
        let (mut dweight, mut dbias) = (Self::zeros(&[d_model]), Self::zeros(&[d_model]));
        let dx = Self::build(self.shape(), |dx| {
            if !dx.is_empty() {
                let weight = weight.as_ref().map(Self::data);
                let (dw, db) = (Some(dweight.data_mut()), Some(dbias.data_mut()));
                norm::layer_norm_backward(
                    x.data(),
                    dy.data(),
                    d_model,
                    weight,
                    mean.data(),
                    rstd.data(),
                    dx,
                    dw,
                    db,
                );
            }
        });
        (dx, dweight, dbias)
    }

    /// RMS norm over the last axis (Zhang & Sennrich 2019): `y = x · rstd · weight` with
    /// `rstd = 1 / √(mean(x²) + eps)`. Returns `(y, rstd)`.
    ///
    /// This `(.., d_model)`, `weight (d_model)` → `y (.., d_model)`, `rstd (..)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn rms_norm(&self, weight: Option<&Self>, eps: E) -> (Self, Self) {
        self.check_norm("rms_norm", &[("weight", weight)], &[]);
        let (x, weight) = (self.contiguous(), weight.map(Self::contiguous));
        let mut rstd = Self::zeros(&self.shape[..self.rank() - 1]);
        let y = Self::build(self.shape(), |y| {
            if !y.is_empty() {
                let weight = weight.as_ref().map(Self::data);
                norm::rms_norm(x.data(), x.dim(-1), weight, eps, y, rstd.data_mut());
            }
        });
        (y, rstd)
    }

    /// The gradients of [`rms_norm`](Self::rms_norm) for this `x`: `(dx, dweight)`; shapes as in
    /// [`layer_norm_backward`](Self::layer_norm_backward).
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn rms_norm_backward(&self, dy: &Self, weight: Option<&Self>, rstd: &Self) -> (Self, Self) {
        self.check_norm("rms_norm_backward", &[("weight", weight)], &[("dy", dy)]);
        let (x, dy, rstd) = (self.contiguous(), dy.contiguous(), rstd.contiguous());
        let weight = weight.map(Self::contiguous);
        let d_model = x.dim(-1);
        let mut dweight = Self::zeros(&[d_model]);
        let dx = Self::build(self.shape(), |dx| {
            if !dx.is_empty() {
                let (weight, dw) = (weight.as_ref().map(Self::data), Some(dweight.data_mut()));
                norm::rms_norm_backward(x.data(), dy.data(), d_model, weight, rstd.data(), dx, dw);
            }
        });
        (dx, dweight)
    }

    /// Cross-entropy of these logits `(.., vocab)` against `targets (..)`, as `options` say: see
    /// [`CrossEntropy`].
    ///
    /// # Errors
    /// If a target that is not ignored is `vocab` or more.
    ///
    /// # Panics
    /// If the shapes disagree.
    ///
    /// ```
    /// use tensor::{Ids, Tensor, kernels::loss::CrossEntropy};
    /// let logits = Tensor::<f32>::zeros(&[2, 3, 4]);                      // (batch, time, vocab)
    /// let targets = Ids::new(vec![0, 1, 2, 3, 0, 1], &[2, 3]);            // (batch, time)
    /// let result = logits.cross_entropy(&targets, &CrossEntropy::new())?;
    /// assert!((result.totals.loss / result.totals.weight - 4_f32.ln()).abs() < 1e-6);
    /// assert_eq!(result.loss.shape(), [2, 3]);
    /// # Ok::<(), tensor::kernels::loss::TargetOutOfRange>(())
    /// ```
    #[track_caller]
    pub fn cross_entropy(
        &self,
        targets: &Ids,
        options: &CrossEntropy<'_, E>,
    ) -> Result<CrossEntropyLoss<E>, TargetOutOfRange> {
        self.check_targets("cross_entropy", targets);
        let logits = self.contiguous();
        let (mut loss, mut lse) = (Self::zeros(targets.shape()), Self::zeros(targets.shape()));
        let totals =
            options.forward(logits.data(), self.dim(-1), targets.data(), loss.data_mut(), lse.data_mut())?;
        Ok(CrossEntropyLoss { loss, lse, totals })
    }

    /// The gradient of `Σ scale · row_scale · loss` of [`cross_entropy`](Self::cross_entropy) for these
    /// logits: `(.., vocab)`; `targets, lse, row_scale (..)`, the last 1 if absent. For the mean loss,
    /// `scale` is one over the total weight.
    ///
    /// # Errors
    /// If a target that is not ignored is `vocab` or more.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn cross_entropy_backward(
        &self,
        targets: &Ids,
        options: &CrossEntropy<'_, E>,
        lse: &Self,
        scale: E,
        row_scale: Option<&Self>,
    ) -> Result<Self, TargetOutOfRange> {
        self.check_targets("cross_entropy_backward", targets);
        let (logits, lse, row_scale) = (self.contiguous(), lse.contiguous(), row_scale.map(Self::contiguous));
        let mut done = Ok(());
        let dlogits = Self::build(self.shape(), |out| {
            let row_scale = row_scale.as_ref().map(Self::data);
            done = options.backward(
                logits.data(),
                logits.dim(-1),
                targets.data(),
                lse.data(),
                scale,
                row_scale,
                out,
            );
        });
        done.map(|()| dlogits)
    }

    /// Checks that the vectors are `(d_model)` and the matrices have this shape.
    #[track_caller]
    fn check_norm(&self, op: &str, vectors: &[(&str, Option<&Self>)], matrices: &[(&str, &Self)]) {
        let x = ("x", ".. d_model", self.shape());
        let given = vectors.iter().filter_map(|(name, v)| v.map(|v| (*name, "d_model", v.shape())));
        let same = matrices.iter().map(|(name, m)| (*name, ".. d_model", m.shape()));
        let operands: Vec<Operand<'_>> = std::iter::once(x).chain(given).chain(same).collect();
        shape::agree(op, &operands);
        if matrices.iter().any(|(_, m)| m.shape != self.shape) {
            shape::fail(op, &operands, "dimensions before the last differ");
        }
    }

    #[track_caller]
    fn check_targets(&self, op: &str, targets: &Ids) {
        let operands = [("logits", ".. vocab", self.shape()), ("targets", "", targets.shape())];
        shape::agree(op, &operands[..1]);
        if self.shape()[..self.rank() - 1] != *targets.shape() {
            shape::fail(op, &operands, "not one target for each row of logits");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_views::{reshown, view};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn softmax_of_any_view_along_any_axis(x in view(0..5), axis in 0_usize..8) {
            prop_assume!(x.rank() > 0);
            let axis = (axis % x.rank()) as isize;
            let exp = x.exp();
            let expected = &exp / &exp.sum_axis(axis, true);
            prop_assert!(x.softmax(axis).all_close(&expected, 1e-12, 0.0));
            prop_assert!(x.log_softmax(axis).all_close(&expected.ln(), 1e-12, 1e-12));
            prop_assert!(x.logsumexp().all_close(&exp.sum_axis(-1, false).ln(), 1e-12, 1e-12));
        }

        #[test]
        fn norms_of_any_view(x in view(1..6), kind in 0_usize..4) {
            prop_assume!(x.rank() > 0);
            let d_model = x.dim(-1);
            let (w, b) = (reshown(&[d_model], kind, 0, 1), reshown(&[d_model], 2, 0, 1));
            let (y, mean, rstd) = x.layer_norm(Some(&w), Some(&b), 0.1);
            prop_assert!(mean.all_close(&x.mean_axis(-1, false), 1e-12, 1e-12));
            let variance = x.var_axis(-1, false, false);
            prop_assert!(rstd.all_close(&(&variance + 0.1).rsqrt(), 1e-9, 0.0));
            let unit = &(&x - &mean.unsqueeze(-1)) * &rstd.unsqueeze(-1);
            prop_assert!(y.all_close(&(&(&unit * &w) + &b), 1e-9, 1e-9));
            let (y, rms) = x.rms_norm(Some(&w), 0.1);
            prop_assert!(rms.all_close(&(&x.square().mean_axis(-1, false) + 0.1).rsqrt(), 1e-12, 0.0));
            prop_assert!(y.all_close(&(&(&x * &rms.unsqueeze(-1)) * &w), 1e-12, 1e-12));

            let dy = reshown(x.shape(), kind, 0, 1);
            let (dx, dweight, dbias) = x.layer_norm_backward(&dy, Some(&w), &mean, &rstd);
            let g = &dy * &w;
            let projected = &unit * &(&g * &unit).mean_axis(-1, true);
            let expected = &(&(&g - &g.mean_axis(-1, true)) - &projected) * &rstd.unsqueeze(-1);
            prop_assert!(dx.all_close(&expected, 1e-9, 1e-9));
            prop_assert!(dweight.all_close(&(&dy * &unit).sum_to(&[d_model]), 1e-9, 1e-9));
            prop_assert!(dbias.all_close(&dy.sum_to(&[d_model]), 1e-9, 1e-9));
            let (dx, dweight) = x.rms_norm_backward(&dy, Some(&w), &rms);
            let unit = &x * &rms.unsqueeze(-1);
            let expected = &(&g - &(&unit * &(&g * &unit).mean_axis(-1, true))) * &rms.unsqueeze(-1);
            prop_assert!(dx.all_close(&expected, 1e-9, 1e-9));
            prop_assert!(dweight.all_close(&(&dy * &unit).sum_to(&[d_model]), 1e-9, 1e-9));
        }

        #[test]
        fn cross_entropy_of_any_view(logits in view(1..6), scale in 0.1_f64..2.0) {
            prop_assume!(logits.rank() > 0);
            let (vocab, rows) = (logits.dim(-1), &logits.shape()[..logits.rank() - 1]);
            let targets = Ids::new((0..shape::size(rows)).map(|i| (i * 3 % vocab) as u32).collect(), rows);
            let result = logits.cross_entropy(&targets, &CrossEntropy::new()).unwrap();
            let one_hot = Tensor::one_hot(&targets, vocab);
            let expected = -&(&logits.log_softmax(-1) * &one_hot).sum_axis(-1, false);
            prop_assert!(result.loss.all_close(&expected, 1e-12, 1e-12));
            prop_assert!((result.totals.loss - expected.sum().item()).abs() < 1e-9);
            let weights = Tensor::full(rows, 2.0);
            let dlogits = logits
                .cross_entropy_backward(&targets, &CrossEntropy::new(), &result.lse, scale, Some(&weights))
                .unwrap();
            let expected = &(&logits.softmax(-1) - &one_hot) * (2.0 * scale);
            prop_assert!(dlogits.all_close(&expected, 1e-12, 1e-12));
        }
    }

    #[test]
    fn nothing_in_nothing_out() {
        let x = Tensor::<f32>::zeros(&[0, 4]);
        assert_eq!(x.softmax(0).shape(), [0, 4]);
        let (y, mean, rstd) = x.layer_norm(None, None, 1e-5);
        assert_eq!((y.shape(), mean.shape(), rstd.shape()), (&[0, 4][..], &[0][..], &[0][..]));
        let (dx, dweight, _) = x.layer_norm_backward(&y, None, &mean, &rstd);
        assert_eq!((dx.shape(), dweight.to_vec()), (&[0, 4][..], vec![0.0; 4]));
        let result = x.cross_entropy(&Ids::from_slice(&[]), &CrossEntropy::new()).unwrap();
        assert_eq!(result.totals.weight, 0.0);
    }

    #[test]
    fn a_target_out_of_range_is_an_error() {
        let x = Tensor::<f32>::zeros(&[2, 4]);
        let error = x.cross_entropy(&Ids::from_slice(&[3, 4]), &CrossEntropy::new()).unwrap_err();
        assert_eq!((error.row, error.target, error.classes), (1, 4, 4));
    }

    #[test]
    #[should_panic(
        expected = "layer_norm: x (2, d_model=4), bias (d_model=3): `d_model` is 4 in x but 3 in bias"
    )]
    fn mismatch_names_the_dimension() {
        let _ = Tensor::<f32>::zeros(&[2, 4]).layer_norm(None, Some(&Tensor::zeros(&[3])), 1e-5);
    }
}
