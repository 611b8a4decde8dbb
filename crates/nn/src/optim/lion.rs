//! Lion.

use serde::{Deserialize, Serialize};
use tensor::kernels::optim as kernel;
use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update, data};
use crate::config::{ConfigError, decay, non_negative};

/// Lion (Chen et al. 2023, algorithm 2): `p −= lr·(sign(β₁m + (1 − β₁)g) + weight_decay·p)`,
/// `m = β₂m + (1 − β₂)g`. Wants a rate three to ten times smaller, and a decay as much larger, than AdamW.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lion {
    /// Weight of the momentum in the direction.
    pub beta1: f64,
    /// Decay of the momentum.
    pub beta2: f64,
    /// Strength of the decoupled decay.
    pub weight_decay: f64,
}

impl Default for Lion {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, weight_decay: 0.0 }
    }
}

impl<E: Element> Rule<E> for Lion {
    fn name(&self) -> &'static str {
        "lion"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        decay("lion", "beta1", self.beta1)?;
        decay("lion", "beta2", self.beta2)?;
        non_negative("lion", "weight_decay", self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        vec![Buffer::new("exp_avg", shape)]
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let [m] = data(buffers);
        let rule = kernel::Lion {
            lr: E::from_f64(update.lr),
            beta1: E::from_f64(self.beta1),
            beta2: E::from_f64(self.beta2),
            weight_decay: E::from_f64(self.weight_decay * update.decay_scale),
            gradient_scale: E::from_f64(update.gradient_scale),
        };
        rule.update(p, gradient, m);
    }
}
