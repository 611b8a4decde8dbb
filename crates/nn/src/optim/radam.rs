//! RAdam.

use serde::{Deserialize, Serialize};
use tensor::kernels::par;
use tensor::{Element, Tensor};

use super::adam::{correction, moment_buffers, validate_moments};
use super::rule::{Buffer, Rule, Update, data};
use crate::config::ConfigError;

/// Adam with a rectified second moment (Liu et al. 2019, "On the variance of the adaptive learning rate"), as
/// `torch.optim.RAdam`: as long as `ρₜ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ)`, `ρ∞ = 2/(1 − β₂) − 1`, is at most 5, plain
/// momentum `p −= lr·m̂`; then Adam's step times
/// `√((ρₜ − 4)(ρₜ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρₜ))`. Needs no warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RAdam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: f64,
}

impl Default for RAdam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

impl RAdam {
    /// The factor of Adam's step; `None` while the second moment varies too much to be used.
    fn rectification(&self, step: u64) -> Option<f64> {
        let limit = 2.0 / (1.0 - self.beta2) - 1.0;
        let correction = correction(self.beta2, step);
        let rho = limit - 2.0 * step as f64 * (1.0 - correction) / correction;
        let ratio = (rho - 4.0) * (rho - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * rho);
        (rho > 5.0).then(|| ratio.sqrt())
    }
}

impl<E: Element> Rule<E> for RAdam {
    fn name(&self) -> &'static str {
        "radam"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        validate_moments("radam", self.beta1, self.beta2, self.eps, self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        moment_buffers(shape)
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let [m, v] = data(buffers);
        let e = E::from_f64;
        let rectified = self.rectification(update.step);
        let size = update.lr / correction(self.beta1, update.step) * rectified.unwrap_or(1.0);
        let root = e(correction(self.beta2, update.step).sqrt());
        let (size, eps, adaptive) = (e(size), e(self.eps), rectified.is_some());
        let (beta1, beta2) = (e(self.beta1), e(self.beta2));
        let (fresh1, fresh2) = (E::ONE - beta1, E::ONE - beta2);
        let (coupled, scale) = (e(self.weight_decay * update.decay_scale), e(update.gradient_scale));
        let len = p.len();
        par::for_each((p, gradient, m, v), len, par::CHUNK / 4, |_, (p, g, m, v)| {
            for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                let g = g * scale + coupled * *p;
                *m = beta1 * *m + fresh1 * g;
                *v = beta2 * *v + fresh2 * g * g;
                let divisor = if adaptive { (v.sqrt() + eps) / root } else { E::ONE };
                *p -= size * *m / divisor;
            }
        });
    }
}
