//! Activation functions, elementwise and gated.

use std::fmt;

use tensor::kernels::activation as kernel;
use tensor::kernels::map;
use tensor::shape;
use tensor::{Element, Tensor};

use crate::{Case, GradcheckError, GradcheckReport, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("activations", |draw| {
        let dims = draw.dims::<3>();
        // Wide enough for the corners of the hard functions at ±3 and 6.
        let x = [draw.uniform(&dims, -7.0, 7.0)];
        each_activation(|f| gradcheck(|v| v[0].activation(f), &x))
    }),
    Case::new("relu", |draw| {
        let dims = draw.dims::<2>();
        let x = draw.normal(&dims);
        gradcheck(|v| v[0].relu(), &[x])
    }),
    Case::new("gelu", |draw| {
        let dims = draw.dims::<2>();
        let x = draw.normal(&dims);
        gradcheck(|v| v[0].gelu() + v[0].gelu_tanh() * 2.0, &[x])
    }),
    Case::new("prelu", |draw| {
        let [batch, channels, time] = draw.dims();
        let (x, slope) = (draw.normal(&[batch, channels, time]), draw.normal(&[channels, 1]));
        gradcheck(|v| v[0].prelu(&v[1]), &[x, slope])
    }),
    Case::new("glu", |draw| {
        let [rows, cols, other] = draw.dims();
        let (x, axis) = (draw.normal(&[2 * rows, 2 * cols, other]), draw.below(2) as isize);
        gradcheck(|v| v[0].glu(axis), &[x])
    }),
    Case::new("swiglu and geglu", |draw| {
        let [time, d_ff] = draw.dims();
        let (gate, up) = (draw.normal(&[time, d_ff]), draw.normal(&[time, d_ff]));
        gradcheck(|v| v[0].swiglu(&v[1]) + v[0].geglu(&v[1]) * 2.0, &[gate, up])
    }),
];

/// One check of every function, so that no seed passes one by.
pub(super) fn each_activation(
    check: impl Fn(Activation) -> Result<GradcheckReport, GradcheckError>,
) -> Result<GradcheckReport, GradcheckError> {
    let all = Activation::ALL.iter();
    all.map(|f| check(*f)).try_fold(GradcheckReport::default(), |sum, report| Ok(sum.merge(report?)))
}

/// An elementwise activation function, to choose by configuration or to fuse with a linear layer. Constants and
/// defaults are PyTorch's; equations stand at the functions in [`tensor::kernels::activation`]. With the feature
/// `serde` it is a name in snake case in configuration files: `"gelu_tanh"`, `{"leaky_relu": {"slope": 0.2}}`.
///
/// ```
/// use autograd::{Activation, Var};
/// use tensor::Tensor;
/// let x = Var::constant(Tensor::from_vec(vec![-1.0_f32, 2.0], &[2]));
/// assert_eq!(Activation::Relu.forward(&x).value().to_vec(), [0.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
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

/// Evaluates `$body` with `$f` the kernel's function of `$activation`, so that the loop is compiled for it.
macro_rules! with_function {
    ($activation:expr, |$f:ident| $body:expr) => {
        with_function!(@arms $activation, $f, $body;
            Relu Relu6 Selu Gelu GeluTanh Silu Mish Sigmoid Tanh Softplus LogSigmoid Softsign HardSigmoid HardTanh
            HardSwish)
    };
    (@arms $activation:expr, $f:ident, $body:expr; $($name:ident)*) => {
        match $activation {
            $(Activation::$name => { let $f = kernel::$name; $body })*
            Activation::LeakyRelu { slope } => { let $f = kernel::LeakyRelu { slope }; $body }
            Activation::Elu { alpha } => { let $f = kernel::Elu { alpha }; $body }
        }
    };
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

    /// Name in the snake case of configuration files: `gelu_tanh`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Elu { .. } => "elu",
            Self::Selu => "selu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::Mish => "mish",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Softplus => "softplus",
            Self::LogSigmoid => "log_sigmoid",
            Self::Softsign => "softsign",
            Self::HardSigmoid => "hard_sigmoid",
            Self::HardTanh => "hard_tanh",
            Self::HardSwish => "hard_swish",
        }
    }

    /// `f(x)` with its gradient, as [`Var::activation`]: `x (..)` → `(..)`.
    pub fn forward<E: Element>(self, x: &Var<E>) -> Var<E> {
        x.activation(self)
    }

    /// `y = f(x)` of plain values.
    pub fn apply<E: Element>(self, x: &Tensor<E>) -> Tensor<E> {
        with_function!(self, |f| x.activate(f))
    }

    /// `x ← f(x)` of plain values.
    pub fn apply_in_place<E: Element>(self, x: &mut Tensor<E>) {
        with_function!(self, |f| x.activate_in_place(f));
    }

    /// `dx = f′(x)·dy`
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn backward<E: Element>(self, x: &Tensor<E>, dy: &Tensor<E>) -> Tensor<E> {
        with_function!(self, |f| x.activate_backward(dy, f))
    }

    /// `z = x·weightᵀ + bias` and `f(z)`.
    #[track_caller]
    pub(super) fn after_linear<E: Element>(
        self,
        x: &Tensor<E>,
        weight: &Tensor<E>,
        bias: Option<&Tensor<E>>,
    ) -> (Tensor<E>, Tensor<E>) {
        with_function!(self, |f| x.linear_act(weight, bias, f))
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

/// `y = f(gate)·up`, elementwise.
struct Gate<F>(F);

impl<E: Element, F: kernel::Activation> map::Binary<E> for Gate<F> {
    const COST: usize = F::COST + 1;
    #[inline(always)]
    fn apply<const FMA: bool>(&self, gate: E, up: E) -> E {
        self.0.value::<FMA, E>(gate) * up
    }
}

fn gated<E: Element>(f: Activation, gate: &Tensor<E>, up: &Tensor<E>) -> Tensor<E> {
    let (gate, up) = (gate.contiguous(), up.contiguous());
    Tensor::build(gate.shape(), |y| with_function!(f, |f| map::binary(gate.data(), up.data(), y, Gate(f))))
}

macro_rules! method {
    ($($(#[$doc:meta])* $name:ident $function:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(&self) -> Self {
            self.activation($function)
        })*
    };
}

impl<E: Element> Var<E> {
    /// `y = f(x)`; `dx = f′(x)·dy`.
    ///
    /// ```
    /// use autograd::{Activation, Var};
    /// use tensor::Tensor;
    /// let x = Var::leaf(Tensor::from_vec(vec![-1.0_f32, 2.0], &[2]));
    /// assert_eq!(x.activation(Activation::Relu).value().to_vec(), [0.0, 2.0]);
    /// ```
    pub fn activation(&self, f: Activation) -> Self {
        match f {
            // Their gradients need `y` alone.
            Activation::Tanh => return self.tanh(),
            Activation::Sigmoid => return self.sigmoid(),
            _ => {}
        }
        let value = f.apply(self.value());
        let x = match f {
            // Positive where `x` is, and kept by what comes next in any case.
            Activation::Relu => value.clone(),
            _ => self.value().clone(),
        };
        Self::record(f.name(), [self], value, move |dy| [Some(f.backward(&x, dy))])
    }

    method! {
        /// `y = max(x, 0)`; `dx = dy` where `x > 0`, else 0.
        relu Activation::Relu;
        /// `y = min(max(x, 0), 6)`; `dx = dy` where `0 < x < 6`, else 0.
        relu6 Activation::Relu6;
        /// `y = scale·(x` above 0, `alpha·(eˣ − 1)` below`)` with the constants of Klambauer et al. 2017;
        /// `dx = scale·(1` or `alpha·eˣ)·dy`.
        selu Activation::Selu;
        /// `y = x·Φ(x)`, Φ the normal distribution (Hendrycks & Gimpel 2016); `dx = (Φ(x) + x·φ(x))·dy`.
        gelu Activation::Gelu;
        /// The approximation of [`gelu`](Self::gelu) by tanh that GPT-2 uses, with the derivative of the
        /// approximation.
        gelu_tanh Activation::GeluTanh;
        /// `y = x·s` with `s = sigmoid(x)` (Elfwing, Uchibe & Doya 2017); `dx = s·(1 + x·(1 − s))·dy`.
        silu Activation::Silu;
        /// `y = x·t` with `t = tanh(softplus(x))` (Misra 2019); `dx = (t + x·sigmoid(x)·(1 − t²))·dy`.
        mish Activation::Mish;
        /// `y = ln sigmoid(x)`; `dx = sigmoid(−x)·dy`.
        log_sigmoid Activation::LogSigmoid;
        /// `y = x/(1 + |x|)`; `dx = dy/(1 + |x|)²`.
        softsign Activation::Softsign;
        /// `y = min(max(x/6 + 1/2, 0), 1)`; `dx = dy/6` where `−3 < x < 3`, else 0.
        hard_sigmoid Activation::HardSigmoid;
        /// `y = min(max(x, −1), 1)`; `dx = dy` where `−1 < x < 1`, else 0.
        hard_tanh Activation::HardTanh;
        /// `y = x·min(max(x + 3, 0), 6)/6` (Howard et al. 2019); `dx = (x/3 + 1/2)·dy` where `−3 < x < 3`.
        hard_swish Activation::HardSwish;
    }

    /// `y = x` above 0, `slope·x` below; `dx = dy` or `slope·dy`.
    pub fn leaky_relu(&self, slope: f64) -> Self {
        self.activation(Activation::LeakyRelu { slope })
    }

    /// `y = x` above 0, `alpha·(eˣ − 1)` below (Clevert, Unterthiner & Hochreiter 2015); `dx = dy` or
    /// `alpha·eˣ·dy`.
    pub fn elu(&self, alpha: f64) -> Self {
        self.activation(Activation::Elu { alpha })
    }

    /// `y = x` above 0, `slope·x` below, with a learned slope (He et al. 2015) that broadcasts to `x`;
    /// `dx = dy` or `slope·dy`, `dslope = Σ x·dy` where `x ≤ 0`.
    ///
    /// # Panics
    /// If `slope` does not broadcast to the shape of `x`.
    #[track_caller]
    pub fn prelu(&self, slope: &Self) -> Self {
        let (x, slope_value) = (self.value().clone(), slope.value().broadcast_to(self.shape()));
        let value = x.zip(&slope_value, |x, a| if x > E::ZERO { x } else { a * x });
        let (need_x, need_slope) = (self.needs_grad(), slope.needs_grad());
        Self::record("prelu", [self, slope], value, move |dy| {
            let slope_at = |x, a| if x > E::ZERO { E::ONE } else { a };
            let dx = need_x.then(|| &x.zip(&slope_value, slope_at) * dy);
            let dslope = need_slope.then(|| x.zip(dy, |x, dy| if x > E::ZERO { E::ZERO } else { x * dy }));
            [dx, dslope]
        })
    }

    /// Gated linear unit (Dauphin et al. 2017): with `a, b` the halves of `x` along `axis`, `y = a·sigmoid(b)`;
    /// `da = sigmoid(b)·dy`, `db = a·sigmoid′(b)·dy`.
    ///
    /// # Panics
    /// If there is no such axis or its size is odd.
    #[track_caller]
    pub fn glu(&self, axis: isize) -> Self {
        let size = self.dim(axis);
        assert!(size.is_multiple_of(2), "glu: axis {axis} of shape {:?} has no two halves", self.shape());
        let parts = self.chunk(axis, 2);
        parts[1].gated(Activation::Sigmoid, &parts[0])
    }

    /// `y = silu(gate)·up`, `self` being the gate (Shazeer 2020, "GLU variants improve Transformer").
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn swiglu(&self, up: &Self) -> Self {
        self.gated(Activation::Silu, up)
    }

    /// `y = gelu(gate)·up`, `self` being the gate (Shazeer 2020).
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn geglu(&self, up: &Self) -> Self {
        self.gated(Activation::Gelu, up)
    }

    /// `y = f(gate)·up`, `self` being the gate; `dgate = f′(gate)·up·dy`, `dup = f(gate)·dy`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn gated(&self, f: Activation, up: &Self) -> Self {
        if self.shape() != up.shape() {
            let operands = [("gate", "", self.shape()), ("up", "", up.shape())];
            shape::fail("gated", &operands, "shapes differ");
        }
        let value = gated(f, self.value(), up.value());
        let (gate, up_value) = (self.value().clone(), up.value().clone());
        let (need_gate, need_up) = (self.needs_grad(), up.needs_grad());
        Self::record("gated", [self, up], value, move |dy| {
            let dgate = need_gate.then(|| f.backward(&gate, &(&up_value * dy)));
            [dgate, need_up.then(|| gated(f, &gate, dy))]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = Activation::ALL.iter().map(|f| f.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Activation::ALL.len());
    }
}
