//! AdaGrad.

use serde::{Deserialize, Serialize};
use tensor::kernels::optim as kernel;
use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update, data};
use crate::config::{ConfigError, non_negative};

/// AdaGrad (Duchi, Hazan & Singer 2011), as `torch.optim.Adagrad`: `g += weight_decay·p`, `s += g²`,
/// `p −= lr / (1 + (t − 1)·lr_decay)·g / (√s + eps)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdaGrad {
    /// How fast the rate itself falls.
    pub lr_decay: f64,
    /// Added to the root of the sum.
    pub eps: f64,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: f64,
}

impl Default for AdaGrad {
    fn default() -> Self {
        Self { lr_decay: 0.0, eps: 1e-10, weight_decay: 0.0 }
    }
}

impl<E: Element> Rule<E> for AdaGrad {
    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        non_negative("adagrad", "lr_decay", self.lr_decay)?;
        non_negative("adagrad", "eps", self.eps)?;
        non_negative("adagrad", "weight_decay", self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        vec![Buffer::new("sum", shape)]
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let [sum] = data(buffers);
        let rule = kernel::AdaGrad {
            lr: E::from_f64(update.lr / (1.0 + (update.step - 1) as f64 * self.lr_decay)),
            eps: E::from_f64(self.eps),
            weight_decay: E::from_f64(self.weight_decay * update.decay_scale),
            gradient_scale: E::from_f64(update.gradient_scale),
        };
        rule.update(p, gradient, sum);
    }
}
