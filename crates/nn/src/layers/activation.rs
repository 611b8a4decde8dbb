//! Activation functions to choose by configuration, and the one with parameters.

use std::fmt;

use autograd::{Case, Var, gradcheck};
use serde::{Deserialize, Serialize};
use tensor::{Element, Tensor};

use crate::config::{ConfigError, positive_size};
use crate::gradcheck::{gradcheck_module_with, randomise};
use crate::module;
use crate::param::Param;

pub(super) const CASES: &[Case] = &[
    Case::new("Activation", |draw| {
        let dims = draw.dims::<2>();
        // Wide enough for the corners of the hard functions at ±3 and 6.
        let (x, f) = (draw.uniform(&dims, -7.0, 7.0), Activation::ALL[draw.below(Activation::ALL.len())]);
        gradcheck(|v| f.forward(&v[0]), &[x])
    }),
    Case::new("PRelu", |draw| {
        let [batch, time, channels] = draw.dims();
        let mut layer = PRelu::new(if draw.flip() { channels } else { 1 }).expect("a size");
        randomise(&mut layer, draw);
        let x = draw.normal(&[batch, time, channels]);
        gradcheck_module_with(&layer, &[x], |layer, v| layer.forward(&v[0]))
    }),
];

/// An elementwise function between layers. Constants and defaults are PyTorch's; in configuration files it is a
/// name in snake case: `"gelu_tanh"`, `{"leaky_relu": {"slope": 0.2}}`.
///
/// ```
/// use autograd::Var;
/// use nn::Activation;
/// use tensor::Tensor;
/// let x = Var::constant(Tensor::from_vec(vec![-1.0_f32, 2.0], &[2]));
/// assert_eq!(Activation::Relu.forward(&x).value().to_vec(), [0.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x` above 0, `slope·x` below.
    LeakyRelu {
        /// Slope below 0.
        slope: f64,
    },
    /// `x` above 0, `alpha·(eˣ − 1)` below (Clevert, Unterthiner & Hochreiter 2015).
    Elu {
        /// Minus the value at −∞.
        alpha: f64,
    },
    /// Self-normalising ELU (Klambauer et al. 2017).
    Selu,
    /// `x·Φ(x)` (Hendrycks & Gimpel 2016).
    Gelu,
    /// The approximation of GELU that GPT-2 uses.
    GeluTanh,
    /// `x·sigmoid(x)` (Elfwing, Uchibe & Doya 2017).
    Silu,
    /// `x·tanh(softplus(x))` (Misra 2019).
    Mish,
    /// `1/(1 + e⁻ˣ)`
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `ln(1 + eˣ)`
    Softplus,
    /// `ln sigmoid(x)`
    LogSigmoid,
    /// `x/(1 + |x|)`
    Softsign,
    /// `min(max(x/6 + 1/2, 0), 1)`
    HardSigmoid,
    /// `min(max(x, −1), 1)`
    HardTanh,
    /// `x·min(max(x + 3, 0), 6)/6` (Howard et al. 2019).
    HardSwish,
}

impl Activation {
    /// Every function, those with a constant at its default.
    pub const ALL: &[Self] = &[
        Self::Relu,
        Self::Relu6,
        Self::LeakyRelu { slope: 0.01 },
        Self::Elu { alpha: 1.0 },
        Self::Selu,
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
        Self::Mish,
        Self::Sigmoid,
        Self::Tanh,
        Self::Softplus,
        Self::LogSigmoid,
        Self::Softsign,
        Self::HardSigmoid,
        Self::HardTanh,
        Self::HardSwish,
    ];

    /// Name in the snake case of configuration files.
    pub fn name(self) -> &'static str {
        autograd::Activation::from(self).name()
    }

    /// `x (..)` → `(..)`
    pub fn forward<E: Element>(self, x: &Var<E>) -> Var<E> {
        x.activation(self.into())
    }
}

impl From<Activation> for autograd::Activation {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Relu => Self::Relu,
            Activation::Relu6 => Self::Relu6,
            Activation::LeakyRelu { slope } => Self::LeakyRelu { slope },
            Activation::Elu { alpha } => Self::Elu { alpha },
            Activation::Selu => Self::Selu,
            Activation::Gelu => Self::Gelu,
            Activation::GeluTanh => Self::GeluTanh,
            Activation::Silu => Self::Silu,
            Activation::Mish => Self::Mish,
            Activation::Sigmoid => Self::Sigmoid,
            Activation::Tanh => Self::Tanh,
            Activation::Softplus => Self::Softplus,
            Activation::LogSigmoid => Self::LogSigmoid,
            Activation::Softsign => Self::Softsign,
            Activation::HardSigmoid => Self::HardSigmoid,
            Activation::HardTanh => Self::HardTanh,
            Activation::HardSwish => Self::HardSwish,
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeakyRelu { slope } => write!(f, "LeakyRelu(slope={slope})"),
            Self::Elu { alpha } => write!(f, "Elu(alpha={alpha})"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// ReLU with a learned slope below 0 (He et al. 2015), one for all features or one for each.
#[derive(Clone, Debug)]
pub struct PRelu<E: Element = f32> {
    /// `(1)` or `(channels)`
    pub weight: Param<E>,
}
module!(PRelu<E> { weight });

impl<E: Element> PRelu<E> {
    /// Slopes of 1/4; `channels` is 1 or the size of the last dimension.
    ///
    /// # Errors
    /// If `channels` is 0.
    pub fn new(channels: usize) -> Result<Self, ConfigError> {
        positive_size("prelu", "channels", channels)?;
        Ok(Self { weight: Param::new(Tensor::full(&[channels], E::from_f64(0.25))) })
    }

    /// `x (.., channels)` → `(.., channels)`
    ///
    /// # Panics
    /// If the last dimension is another.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>) -> Var<E> {
        x.prelu(self.weight.var())
    }
}

impl<E: Element> fmt::Display for PRelu<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PRelu(channels={})", self.weight.value().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_files_are_those_of_the_functions() {
        for activation in Activation::ALL {
            let text = serde_json::to_string(activation).unwrap();
            assert!(text.contains(&format!("\"{}\"", activation.name())), "{text}");
            assert_eq!(serde_json::from_str::<Activation>(&text).unwrap(), *activation);
        }
        assert_eq!(Activation::ALL.len(), autograd::Activation::ALL.len());
        assert_eq!(Activation::LeakyRelu { slope: 0.2 }.to_string(), "LeakyRelu(slope=0.2)");
    }
}
