//! RMSProp.

use serde::{Deserialize, Serialize};
use tensor::kernels::optim as kernel;
use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update};
use crate::config::{ConfigError, decay, non_negative};

/// RMSProp (Tieleman & Hinton 2012, lecture 6.5; centred: Graves 2013), as `torch.optim.RMSprop`:
/// `g += weight_decay·p`, `v = αv + (1 − α)g²`, `d = g / (√v + eps)`, or `g / (√(v − a²) + eps)` with
/// `a = αa + (1 − α)g` if centred; `b = momentum·b + d`, `p −= lr·b`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RmsProp {
    /// Decay of the second moment.
    pub alpha: f64,
    /// Added to the root.
    pub eps: f64,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: f64,
    /// Share of the old direction that is kept.
    pub momentum: f64,
    /// Divide by the standard deviation rather than by the root mean square.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self { alpha: 0.99, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: false }
    }
}

impl<E: Element> Rule<E> for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        decay("rmsprop", "alpha", self.alpha)?;
        decay("rmsprop", "momentum", self.momentum)?;
        non_negative("rmsprop", "eps", self.eps)?;
        non_negative("rmsprop", "weight_decay", self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        let mut buffers = vec![Buffer::new("square_avg", shape)];
        buffers.extend(self.centered.then(|| Buffer::new("grad_avg", shape)));
        buffers.extend((self.momentum > 0.0).then(|| Buffer::new("momentum_buffer", shape)));
        buffers
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let rule = kernel::RmsProp {
            lr: E::from_f64(update.lr),
            alpha: E::from_f64(self.alpha),
            eps: E::from_f64(self.eps),
            weight_decay: E::from_f64(self.weight_decay * update.decay_scale),
            momentum: E::from_f64(self.momentum),
            gradient_scale: E::from_f64(update.gradient_scale),
        };
        let mut buffers = buffers.iter_mut().map(Tensor::data_mut);
        let v = buffers.next().expect("a second moment");
        let mean = if self.centered { buffers.next() } else { None };
        rule.update(p, gradient, v, mean, buffers.next());
    }
}
