//! The linear layer.

use std::fmt;

use autograd::{Case, Var};
use rand::Rng;
use tensor::{Element, Tensor};

use super::Activation;
use crate::config::{ConfigError, positive_size};
use crate::gradcheck::{gradcheck_module_with, randomise};
use crate::init::{FanMode, Init, Nonlinearity};
use crate::module;
use crate::param::Param;

pub(super) const CASES: &[Case] = &[
    Case::new("Linear", |draw| {
        let [batch, time, input, output] = draw.dims();
        let mut layer = Linear::new(input, output, draw.flip(), draw.rng()).expect("sizes");
        randomise(&mut layer, draw);
        let x = draw.normal(&[batch, time, input]);
        gradcheck_module_with(&layer, &[x], |layer, v| layer.forward(&v[0]))
    }),
    Case::new("Linear, fused", |draw| {
        let [batch, input, output] = draw.dims();
        let mut layer = Linear::new(input, output, draw.flip(), draw.rng()).expect("sizes");
        randomise(&mut layer, draw);
        let (x, residual) = (draw.normal(&[batch, input]), draw.normal(&[batch, output]));
        gradcheck_module_with(&layer, &[x, residual], |layer, v| {
            layer.forward_add(&v[0], &layer.forward_act(&v[0], Activation::Gelu)) * &v[1]
        })
    }),
];

/// `y = x·weightᵀ + bias`
///
/// ```
/// use autograd::Var;
/// use nn::Linear;
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let layer = Linear::<f32>::new(5, 7, true, rng)?;
/// let x = Var::constant(Tensor::ones(&[2, 3, 5]));        // (batch, time, input)
/// assert_eq!(layer.forward(&x).shape(), [2, 3, 7]);       // (batch, time, output)
/// assert_eq!(layer.to_string(), "Linear(input=5, output=7, bias)");
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Linear<E: Element = f32> {
    /// `(output, input)`
    pub weight: Param<E>,
    /// `(output)`
    pub bias: Option<Param<E>>,
}
module!(Linear<E> { weight, bias });

impl<E: Element> Linear<E> {
    /// Weights and bias uniform within `±1/√input`, as PyTorch starts them.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(
        input: usize,
        output: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        // PyTorch writes it so: Kaiming's bound with a slope of √5 is 1/√fan_in.
        let nonlinearity = Nonlinearity::LeakyRelu(5.0_f64.sqrt());
        let weight = Init::KaimingUniform { mode: FanMode::In, nonlinearity };
        let mut layer = Self::with_init(input, output, false, weight, rng)?;
        let bound = 1.0 / (input as f64).sqrt();
        let values = Init::Uniform { low: -bound, high: bound };
        layer.bias = bias.then(|| Param::new(values.tensor(&[output], rng)));
        Ok(layer)
    }

    /// Weights as `init` says, bias 0.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn with_init(
        input: usize,
        output: usize,
        bias: bool,
        init: Init,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        positive_size("linear", "input", input)?;
        positive_size("linear", "output", output)?;
        let weight = Param::new(init.tensor(&[output, input], rng));
        Ok(Self { weight, bias: bias.then(|| Param::new(Tensor::zeros(&[output]))) })
    }

    /// `x (.., input)` → `(.., output)`
    ///
    /// # Panics
    /// If the last dimension is not `input`.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>) -> Var<E> {
        x.linear(self.weight.var(), self.bias())
    }

    /// `f(x·weightᵀ + bias)` in one pass over the product: `x (.., input)` → `(.., output)`.
    ///
    /// # Panics
    /// If the last dimension is not `input`.
    #[track_caller]
    pub fn forward_act(&self, x: &Var<E>, f: Activation) -> Var<E> {
        x.linear_act(self.weight.var(), self.bias(), f)
    }

    /// `residual + x·weightᵀ + bias` in one pass over the product: `x (.., input)`, `residual (.., output)` →
    /// `(.., output)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn forward_add(&self, x: &Var<E>, residual: &Var<E>) -> Var<E> {
        x.linear_add(self.weight.var(), self.bias(), residual)
    }

    fn bias(&self) -> Option<&Var<E>> {
        self.bias.as_ref().map(Param::var)
    }

    /// Size of the input.
    pub fn input(&self) -> usize {
        self.weight.shape()[1]
    }

    /// Size of the output.
    pub fn output(&self) -> usize {
        self.weight.shape()[0]
    }
}

impl<E: Element> fmt::Display for Linear<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bias = if self.bias.is_some() { "bias" } else { "no bias" };
        write!(f, "Linear(input={}, output={}, {bias})", self.input(), self.output())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Module;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn starts_within_pytorchs_bounds() {
        let layer = Linear::<f64>::new(16, 50, true, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        for (path, param) in layer.parameters() {
            let largest = param.value().to_vec().iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            assert!((0.2..=0.25).contains(&largest), "{path}: {largest}");
        }
    }

    #[test]
    fn sizes_of_zero_are_refused() {
        let error = Linear::<f32>::new(0, 3, true, &mut ChaCha8Rng::seed_from_u64(1)).unwrap_err();
        assert_eq!(error.to_string(), "linear: `input` is 0, expected at least 1");
    }
}
