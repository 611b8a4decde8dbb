//! Layer norm and RMS norm.

use std::fmt;

use autograd::{Case, Var};
use tensor::{Element, Tensor};

use crate::config::{ConfigError, positive_size};
use crate::gradcheck::{gradcheck_module_with, randomise};
use crate::module;
use crate::param::Param;

pub(super) const CASES: &[Case] = &[
    Case::new("LayerNorm", |draw| {
        let [batch, time] = draw.dims();
        let mut layer = LayerNorm::with_bias(6, draw.flip());
        randomise(&mut layer, draw);
        let (x, residual) = (draw.normal(&[batch, time, 6]), draw.normal(&[batch, time, 6]));
        gradcheck_module_with(&layer, &[x, residual], |layer, v| {
            let (sum, normed) = layer.forward_add(&v[0], &v[1]);
            layer.forward(&sum) + normed * 2.0
        })
    }),
    Case::new("RmsNorm", |draw| {
        let [batch, time] = draw.dims();
        let mut layer = RmsNorm::with_eps(6, 1e-6);
        randomise(&mut layer, draw);
        let x = draw.normal(&[batch, time, 6]);
        gradcheck_module_with(&layer, &[x], |layer, v| layer.forward(&v[0]))
    }),
];

/// PyTorch's default.
const EPS: f64 = 1e-5;

/// Layer norm (Ba, Kiros & Hinton 2016): over the last dimension,
/// `y = (x − mean)/√(variance + eps)·weight + bias`.
///
/// ```
/// use autograd::Var;
/// use nn::LayerNorm;
/// use tensor::Tensor;
/// let layer = LayerNorm::<f32>::new(3)?;
/// let y = layer.forward(&Var::constant(Tensor::from_vec(vec![1.0, 2.0, 3.0], &[1, 3])));
/// assert!((y.value().to_vec()[2] - 1.2247).abs() < 1e-3);
/// assert_eq!(layer.to_string(), "LayerNorm(d_model=3, eps=0.00001, bias)");
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LayerNorm<E: Element = f32> {
    /// `(d_model)`
    pub weight: Param<E>,
    /// `(d_model)`
    pub bias: Option<Param<E>>,
    eps: f64,
}
module!(LayerNorm<E> { weight, bias; eps });

impl<E: Element> LayerNorm<E> {
    /// Weight 1, bias 0, `eps` 10⁻⁵.
    ///
    /// # Errors
    /// If `d_model` is 0.
    pub fn new(d_model: usize) -> Result<Self, ConfigError> {
        positive_size("layer norm", "d_model", d_model)?;
        Ok(Self::with_eps(d_model, EPS))
    }

    /// Weight 1, bias 0; sizes that were checked with the configuration they are in.
    pub fn with_eps(d_model: usize, eps: f64) -> Self {
        let bias = Some(Param::new(Tensor::zeros(&[d_model])));
        Self { weight: Param::new(Tensor::ones(&[d_model])), bias, eps }
    }

    /// Weight 1, bias 0 or none, `eps` 10⁻⁵; a size that was checked with the configuration it is in.
    pub fn with_bias(d_model: usize, bias: bool) -> Self {
        let layer = Self::with_eps(d_model, EPS);
        if bias { layer } else { Self { bias: None, ..layer } }
    }

    /// Added to the variance.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// `x (.., d_model)` → `(.., d_model)`
    ///
    /// # Panics
    /// If the last dimension is not `d_model`.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>) -> Var<E> {
        x.layer_norm(Some(self.weight.var()), self.bias.as_ref().map(Param::var), E::from_f64(self.eps))
    }

    /// `x + residual` and its norm in one pass: `x, residual (.., d_model)` → twice `(.., d_model)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn forward_add(&self, x: &Var<E>, residual: &Var<E>) -> (Var<E>, Var<E>) {
        let bias = self.bias.as_ref().map(Param::var);
        x.add_layer_norm(residual, Some(self.weight.var()), bias, E::from_f64(self.eps))
    }
}

impl<E: Element> fmt::Display for LayerNorm<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bias = if self.bias.is_some() { "bias" } else { "no bias" };
        write!(f, "LayerNorm(d_model={}, eps={}, {bias})", self.weight.value().len(), self.eps)
    }
}

/// RMS norm (Zhang & Sennrich 2019): over the last dimension, `y = x/√(mean(x²) + eps)·weight`.
#[derive(Clone, Debug)]
pub struct RmsNorm<E: Element = f32> {
    /// `(d_model)`
    pub weight: Param<E>,
    eps: f64,
}
module!(RmsNorm<E> { weight; eps });

impl<E: Element> RmsNorm<E> {
    /// Weight 1, `eps` 10⁻⁶ (as in LLaMA).
    ///
    /// # Errors
    /// If `d_model` is 0.
    pub fn new(d_model: usize) -> Result<Self, ConfigError> {
        positive_size("rms norm", "d_model", d_model)?;
        Ok(Self::with_eps(d_model, 1e-6))
    }

    /// Weight 1; sizes that were checked with the configuration they are in.
    pub fn with_eps(d_model: usize, eps: f64) -> Self {
        Self { weight: Param::new(Tensor::ones(&[d_model])), eps }
    }

    /// `x (.., d_model)` → `(.., d_model)`
    ///
    /// # Panics
    /// If the last dimension is not `d_model`.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>) -> Var<E> {
        x.rms_norm(Some(self.weight.var()), E::from_f64(self.eps))
    }
}

impl<E: Element> fmt::Display for RmsNorm<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RmsNorm(d_model={}, eps={})", self.weight.value().len(), self.eps)
    }
}
