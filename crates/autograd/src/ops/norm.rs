//! Layer norm and RMS norm, each one pass forward and one back.

use tensor::kernels::norm as kernel;
use tensor::shape::agree;
use tensor::{Element, Tensor};

use crate::{Case, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("layer_norm", |draw| {
        let [batch, time] = draw.dims();
        let d_model = 6;
        let (x, weight) = (draw.normal(&[batch, time, d_model]), draw.normal(&[d_model]));
        let bias = draw.normal(&[d_model]);
        gradcheck(|v| v[0].layer_norm(Some(&v[1]), Some(&v[2]), 1e-5), &[x, weight, bias])
    }),
    Case::new("layer_norm without bias or weight", |draw| {
        let [time] = draw.dims();
        let (x, weight) = (draw.normal(&[time, 6]), draw.normal(&[6]));
        gradcheck(|v| v[0].layer_norm(Some(&v[1]), None, 1e-5).layer_norm(None, None, 0.1), &[x, weight])
    }),
    Case::new("add_layer_norm", |draw| {
        let [batch, time] = draw.dims();
        let (x, residual) = (draw.normal(&[batch, time, 6]), draw.normal(&[batch, time, 6]));
        let (weight, bias) = (draw.normal(&[6]), draw.normal(&[6]));
        let inputs = [x, residual, weight, bias];
        gradcheck(
            |v| {
                let (sum, normed) = v[0].add_layer_norm(&v[1], Some(&v[2]), Some(&v[3]), 1e-5);
                &normed * 2.0 + sum
            },
            &inputs,
        )
    }),
    Case::new("rms_norm", |draw| {
        let [batch, time, d_model] = draw.dims();
        let (x, weight) = (draw.normal(&[batch, time, d_model]), draw.normal(&[d_model]));
        gradcheck(|v| v[0].rms_norm(Some(&v[1]), 1e-5), &[x, weight])
    }),
    Case::new("rms_norm without weight", |draw| {
        let [batch, d_model] = draw.dims();
        let x = draw.normal(&[batch, d_model]);
        gradcheck(|v| v[0].rms_norm(None, 1e-3), &[x])
    }),
];

/// Values in row-major order, where there are some.
fn contiguous<E: Element>(var: Option<&Var<E>>) -> Option<Tensor<E>> {
    var.map(|var| var.value().contiguous())
}

/// Statistics of the rows, kept for the way back.
struct Statistics<E: Element> {
    mean: Tensor<E>,
    rstd: Tensor<E>,
}

impl<E: Element> Statistics<E> {
    fn new(rows: usize) -> Self {
        Self { mean: Tensor::zeros(&[rows]), rstd: Tensor::zeros(&[rows]) }
    }
}

#[track_caller]
fn check<E: Element>(op: &str, x: &Var<E>, weight: Option<&Var<E>>, bias: Option<&Var<E>>) {
    let mut operands = vec![("x", ".. d_model", x.shape())];
    operands.extend(weight.map(|weight| ("weight", "d_model", weight.shape())));
    operands.extend(bias.map(|bias| ("bias", "d_model", bias.shape())));
    agree(op, &operands);
}

impl<E: Element> Var<E> {
    /// Layer norm over the last dimension (Ba, Kiros & Hinton 2016, "Layer normalization"):
    /// `y = x̂·weight + bias` with `x̂ = (x − mean)/√(variance + eps)`, the variance being that of a population.
    ///
    /// `x (.., d_model)`, `weight, bias (d_model)` → `(.., d_model)`. With `g = dy·weight`:
    /// `dx = (g − mean(g) − x̂·mean(g·x̂))/√(variance + eps)`, `dweight = Σ dy·x̂`, `dbias = Σ dy`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn layer_norm(&self, weight: Option<&Self>, bias: Option<&Self>, eps: E) -> Self {
        check("layer_norm", self, weight, bias);
        let (x, w, b) = (self.value().contiguous(), contiguous(weight), contiguous(bias));
        let d_model = x.dim(-1);
        let mut kept = Statistics::new(x.len() / d_model.max(1));
        let y = Tensor::build(x.shape(), |y| {
            let (w, b) = (w.as_ref().map(Tensor::data), b.as_ref().map(Tensor::data));
            kernel::layer_norm(x.data(), d_model, w, b, eps, y, kept.mean.data_mut(), kept.rstd.data_mut());
        });
        self.normed(weight, bias, x, w, y, kept)
    }

    /// Residual connection and layer norm in one pass: `sum = x + residual`, `normed = layer_norm(sum)`. Returns
    /// `(sum, normed)`.
    ///
    /// `x, residual (.., d_model)`, `weight, bias (d_model)` → twice `(.., d_model)`. Gradients as of addition and
    /// [`layer_norm`](Self::layer_norm).
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn add_layer_norm(
        &self,
        residual: &Self,
        weight: Option<&Self>,
        bias: Option<&Self>,
        eps: E,
    ) -> (Self, Self) {
        check("add_layer_norm", self, weight, bias);
        if self.shape() != residual.shape() {
            let operands = [("x", "", self.shape()), ("residual", "", residual.shape())];
            tensor::shape::fail("add_layer_norm", &operands, "shapes differ");
        }
        let (x, r) = (self.value().contiguous(), residual.value().contiguous());
        let (w, b) = (contiguous(weight), contiguous(bias));
        let d_model = x.dim(-1);
        let mut kept = Statistics::new(x.len() / d_model.max(1));
        let mut normed = None;
        let sum = Tensor::build(x.shape(), |sum| {
            normed = Some(Tensor::build(x.shape(), |y| {
                let (w, b) = (w.as_ref().map(Tensor::data), b.as_ref().map(Tensor::data));
                let (mean, rstd) = (kept.mean.data_mut(), kept.rstd.data_mut());
                kernel::add_layer_norm(x.data(), r.data(), d_model, w, b, eps, sum, y, mean, rstd);
            }));
        });
        let normed = normed.expect("built with the sum");
        let sum_value = sum.clone();
        let sum = Self::record("add", [self, residual], sum, |dy| [Some(dy.clone()), Some(dy.clone())]);
        let normed = sum.normed(weight, bias, sum_value, w, normed, kept);
        (sum, normed)
    }

    /// The record of a layer norm of `self`, whose value is `x`, with result `y`.
    fn normed(
        &self,
        weight: Option<&Self>,
        bias: Option<&Self>,
        x: Tensor<E>,
        w: Option<Tensor<E>>,
        y: Tensor<E>,
        kept: Statistics<E>,
    ) -> Self {
        let inputs: Vec<&Self> = [Some(self), weight, bias].into_iter().flatten().collect();
        let (has_weight, has_bias) = (weight.is_some(), bias.is_some());
        Self::record_many("layer_norm", &inputs, y, move |dy| {
            let (dy, d_model) = (dy.contiguous(), x.dim(-1));
            let mut dweight = has_weight.then(|| Tensor::zeros(&[d_model]));
            let mut dbias = has_bias.then(|| Tensor::zeros(&[d_model]));
            let dx = Tensor::build(x.shape(), |dx| {
                kernel::layer_norm_backward(
                    x.data(),
                    dy.data(),
                    d_model,
                    w.as_ref().map(Tensor::data),
                    kept.mean.data(),
                    kept.rstd.data(),
                    dx,
                    dweight.as_mut().map(Tensor::data_mut),
                    dbias.as_mut().map(Tensor::data_mut),
                );
            });
            [Some(dx), dweight, dbias].into_iter().flatten().map(Some).collect()
        })
    }

    /// RMS norm over the last dimension (Zhang & Sennrich 2019, "Root mean square layer normalization"):
    /// `y = x̂·weight` with `x̂ = x/√(mean(x²) + eps)`.
    ///
    /// `x (.., d_model)`, `weight (d_model)` → `(.., d_model)`. With `g = dy·weight`:
    /// `dx = (g − x̂·mean(g·x̂))/√(mean(x²) + eps)`, `dweight = Σ dy·x̂`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn rms_norm(&self, weight: Option<&Self>, eps: E) -> Self {
        check("rms_norm", self, weight, None);
        let (x, w) = (self.value().contiguous(), contiguous(weight));
        let d_model = x.dim(-1);
        let mut rstd = Tensor::zeros(&[x.len() / d_model.max(1)]);
        let y = Tensor::build(x.shape(), |y| {
            kernel::rms_norm(x.data(), d_model, w.as_ref().map(Tensor::data), eps, y, rstd.data_mut());
        });
        let inputs: Vec<&Self> = [Some(self), weight].into_iter().flatten().collect();
        Self::record_many("rms_norm", &inputs, y, move |dy| {
            let (dy, d_model) = (dy.contiguous(), x.dim(-1));
            let w = w.as_ref().map(Tensor::data);
            let mut dweight = w.is_some().then(|| Tensor::zeros(&[d_model]));
            let dx = Tensor::build(x.shape(), |dx| {
                let dweight = dweight.as_mut().map(Tensor::data_mut);
                kernel::rms_norm_backward(x.data(), dy.data(), d_model, w, rstd.data(), dx, dweight);
            });
            [Some(dx), dweight].into_iter().flatten().map(Some).collect()
        })
    }
}
