//! Stochastic gradient descent.

use serde::{Deserialize, Serialize};
use tensor::kernels::optim as kernel;
use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update, data};
use crate::config::{ConfigError, decay, non_negative, require, unit};

/// Gradient descent with momentum (Polyak 1964), Nesterov's variant (Sutskever et al. 2013), and weight decay
/// through the gradient, as `torch.optim.SGD`.
///
/// `g += weight_decay·p`; with momentum `b = momentum·b + (1 − dampening)·g`, then `g = g + momentum·b`
/// (Nesterov) or `g = b`; `p −= lr·g`. The first `b` is `g`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sgd {
    /// Share of the old direction that is kept.
    pub momentum: f64,
    /// Share of the gradient that does not enter the direction.
    pub dampening: f64,
    /// Look ahead along the new direction.
    pub nesterov: bool,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: f64,
}

impl<E: Element> Rule<E> for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        decay("sgd", "momentum", self.momentum)?;
        unit("sgd", "dampening", self.dampening)?;
        non_negative("sgd", "weight_decay", self.weight_decay)?;
        let possible = !self.nesterov || (self.momentum > 0.0 && self.dampening == 0.0);
        require(possible, "sgd", "nesterov", self.nesterov, "false without momentum or with dampening")
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        if self.momentum == 0.0 { Vec::new() } else { vec![Buffer::new("momentum_buffer", shape)] }
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let rule = kernel::Sgd {
            lr: E::from_f64(update.lr),
            momentum: E::from_f64(self.momentum),
            dampening: E::from_f64(if update.step == 1 { 0.0 } else { self.dampening }),
            weight_decay: E::from_f64(self.weight_decay * update.decay_scale),
            nesterov: self.nesterov,
            gradient_scale: E::from_f64(update.gradient_scale),
        };
        if buffers.is_empty() {
            rule.update(p, gradient, None);
        } else {
            let [buffer] = data(buffers);
            rule.update(p, gradient, Some(buffer));
        }
    }
}
