//! AdaDelta.

use serde::{Deserialize, Serialize};
use tensor::kernels::par;
use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update, data};
use crate::config::{ConfigError, decay, non_negative};

/// AdaDelta (Zeiler 2012), as `torch.optim.Adadelta`: `g += weight_decay·p`, `v = ρv + (1 − ρ)g²`,
/// `d = g·√(u + eps) / √(v + eps)`, `u = ρu + (1 − ρ)d²`, `p −= lr·d`. Made for a rate of 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdaDelta {
    /// Decay of both averages.
    pub rho: f64,
    /// Added below both roots.
    pub eps: f64,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: f64,
}

impl Default for AdaDelta {
    fn default() -> Self {
        Self { rho: 0.9, eps: 1e-6, weight_decay: 0.0 }
    }
}

impl<E: Element> Rule<E> for AdaDelta {
    fn name(&self) -> &'static str {
        "adadelta"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        decay("adadelta", "rho", self.rho)?;
        non_negative("adadelta", "eps", self.eps)?;
        non_negative("adadelta", "weight_decay", self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        vec![Buffer::new("square_avg", shape), Buffer::new("acc_delta", shape)]
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let [v, u] = data(buffers);
        let e = E::from_f64;
        let (lr, rho, eps, scale) = (e(update.lr), e(self.rho), e(self.eps), e(update.gradient_scale));
        let (fresh, coupled) = (E::ONE - rho, e(self.weight_decay * update.decay_scale));
        let len = p.len();
        par::for_each((p, gradient, v, u), len, par::CHUNK / 4, |_, (p, g, v, u)| {
            for (((p, &g), v), u) in p.iter_mut().zip(g).zip(v).zip(u) {
                let g = g * scale + coupled * *p;
                *v = rho * *v + fresh * g * g;
                let delta = (*u + eps).sqrt() / (*v + eps).sqrt() * g;
                *u = rho * *u + fresh * delta * delta;
                *p -= lr * delta;
            }
        });
    }
}
