//! Feed-forward layers, plain and gated.

use std::fmt;

use autograd::{Case, Var, gradcheck};
use rand::Rng;
use serde::{Deserialize, Serialize};
use tensor::Element;

use super::{Activation, Dropout, Linear};
use crate::config::ConfigError;
use crate::gradcheck::{gradcheck_module_with, randomise};
use crate::mode::Mode;
use crate::module;

pub(super) const CASES: &[Case] = &[
    Case::new("FeedForward", |draw| {
        let [batch, time, d_model, d_ff] = draw.dims();
        let mut layer = FeedForward::new(d_model, d_ff, Activation::Gelu, 0.2, draw.rng()).expect("sizes");
        randomise(&mut layer, draw);
        let (x, rng) = (draw.normal(&[batch, time, d_model]), draw.rng().clone());
        gradcheck_module_with(&layer, &[x], |layer, v| {
            layer.forward(&v[0], &mut Mode::Train(&mut rng.clone()))
        })
    }),
    Case::new("GatedFeedForward", |draw| {
        let [batch, time, d_model, d_ff] = draw.dims();
        let gate = [Activation::Silu, Activation::Gelu, Activation::Sigmoid][draw.below(3)];
        let mut layer = GatedFeedForward::new(d_model, d_ff, gate, false, draw.rng()).expect("sizes");
        randomise(&mut layer, draw);
        let x = draw.normal(&[batch, time, d_model]);
        gradcheck_module_with(&layer, &[x], |layer, v| layer.forward(&v[0]))
    }),
    Case::new("Glu", |draw| {
        let [time, d_model] = draw.dims();
        let (x, glu) =
            (draw.normal(&[time, 2 * d_model]), [Glu::GLU, Glu::SWIGLU, Glu::GEGLU][draw.below(3)]);
        gradcheck(|v| glu.forward(&v[0]), &[x])
    }),
];

/// `y = linear2(dropout(f(linear1(x))))` (Vaswani et al. 2017, equation 2), for layers that hold the two linear
/// layers under names of their own: `x (.., d_model)` → `(.., d_model)`.
///
/// # Panics
/// If the sizes do not fit together.
#[track_caller]
pub fn feed_forward<E: Element>(
    x: &Var<E>,
    linear1: &Linear<E>,
    f: Activation,
    dropout: &Dropout,
    linear2: &Linear<E>,
    mode: &mut Mode<'_>,
) -> Var<E> {
    let hidden = linear1.forward_act(x, f); // (.., d_ff)
    linear2.forward(&dropout.forward(&hidden, mode))
}

/// [`feed_forward`] as a layer.
#[derive(Clone, Debug)]
pub struct FeedForward<E: Element = f32> {
    /// `d_model` → `d_ff`
    pub linear1: Linear<E>,
    /// `d_ff` → `d_model`
    pub linear2: Linear<E>,
    activation: Activation,
    dropout: Dropout,
}
module!(FeedForward<E> { linear1, linear2; activation, dropout });

impl<E: Element> FeedForward<E> {
    /// Two linear layers with PyTorch's start around `activation`; dropout with probability `p`.
    ///
    /// # Errors
    /// If a size is 0 or `p` is not in `[0, 1)`.
    pub fn new(
        d_model: usize,
        d_ff: usize,
        activation: Activation,
        p: f64,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let linear1 = Linear::new(d_model, d_ff, true, rng)?;
        let linear2 = Linear::new(d_ff, d_model, true, rng)?;
        Ok(Self { linear1, linear2, activation, dropout: Dropout::new(p)? })
    }

    /// `x (.., d_model)` → `(.., d_model)`
    ///
    /// # Panics
    /// If the last dimension is not `d_model`.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        feed_forward(x, &self.linear1, self.activation, &self.dropout, &self.linear2, mode)
    }
}

impl<E: Element> fmt::Display for FeedForward<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (d_model, d_ff) = (self.linear1.input(), self.linear1.output());
        write!(f, "FeedForward(d_model={d_model}, d_ff={d_ff}, {}, {})", self.activation, self.dropout)
    }
}

/// `y = down_proj(f(gate_proj(x))·up_proj(x))` (Shazeer 2020, "GLU variants improve Transformer"): SwiGLU with SiLU
/// as the gate's function, GEGLU with GELU, GLU with sigmoid. Names are LLaMA's.
///
/// ```
/// use autograd::Var;
/// use nn::{Activation, GatedFeedForward};
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let layer = GatedFeedForward::<f32>::new(5, 7, Activation::Silu, false, rng)?;
/// assert_eq!(layer.forward(&Var::constant(Tensor::ones(&[2, 5]))).shape(), [2, 5]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GatedFeedForward<E: Element = f32> {
    /// `d_model` → `d_ff`
    pub gate_proj: Linear<E>,
    /// `d_model` → `d_ff`
    pub up_proj: Linear<E>,
    /// `d_ff` → `d_model`
    pub down_proj: Linear<E>,
    gate: Activation,
}
module!(GatedFeedForward<E> { gate_proj, up_proj, down_proj; gate });

impl<E: Element> GatedFeedForward<E> {
    /// Three linear layers with PyTorch's start.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(
        d_model: usize,
        d_ff: usize,
        gate: Activation,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let gate_proj = Linear::new(d_model, d_ff, bias, rng)?;
        let up_proj = Linear::new(d_model, d_ff, bias, rng)?;
        Ok(Self { gate_proj, up_proj, down_proj: Linear::new(d_ff, d_model, bias, rng)?, gate })
    }

    /// `x (.., d_model)` → `(.., d_model)`
    ///
    /// # Panics
    /// If the last dimension is not `d_model`.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>) -> Var<E> {
        let (gate, up) = (self.gate_proj.forward(x), self.up_proj.forward(x)); // (.., d_ff) each
        self.down_proj.forward(&gate.gated(self.gate, &up))
    }
}

impl<E: Element> fmt::Display for GatedFeedForward<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (d_model, d_ff) = (self.gate_proj.input(), self.gate_proj.output());
        write!(f, "GatedFeedForward(d_model={d_model}, d_ff={d_ff}, {})", self.gate)
    }
}

/// A gated unit without parameters (Dauphin et al. 2017): with `a, b` the halves of the last dimension,
/// `y = a·f(b)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Glu {
    /// The function of the gate.
    pub gate: Activation,
}

impl Glu {
    /// With a sigmoid gate, as PyTorch's `GLU`.
    pub const GLU: Self = Self { gate: Activation::Sigmoid };
    /// With SiLU.
    pub const SWIGLU: Self = Self { gate: Activation::Silu };
    /// With GELU.
    pub const GEGLU: Self = Self { gate: Activation::Gelu };

    /// `x (.., 2·d_model)` → `(.., d_model)`
    ///
    /// # Panics
    /// If the last dimension is odd.
    #[track_caller]
    pub fn forward<E: Element>(self, x: &Var<E>) -> Var<E> {
        let size = x.dim(-1);
        assert!(size.is_multiple_of(2), "glu: the last dimension of shape {:?} has no two halves", x.shape());
        let halves = x.chunk(-1, 2); // (.., d_model) each
        halves[1].gated(self.gate, &halves[0])
    }
}

impl fmt::Display for Glu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glu({})", self.gate)
    }
}
