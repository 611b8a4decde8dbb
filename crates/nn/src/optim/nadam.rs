//! NAdam.

use serde::{Deserialize, Serialize};
use tensor::kernels::par;
use tensor::{Element, Tensor};

use super::adam::{correction, moment_buffers, validate_moments};
use super::rule::{Buffer, Rule, Update, data};
use crate::config::{ConfigError, non_negative};

/// Adam with Nesterov momentum (Dozat 2016), as `torch.optim.NAdam`: `g += weight_decay·p`, moments as Adam's,
/// `μₜ = β₁(1 − ½·0.96^(t·momentum_decay))`,
/// `p −= lr·((1 − μₜ)/(1 − Πμ)·g + μₜ₊₁/(1 − Πμ·μₜ₊₁)·m) / (√v̂ + eps)`, `Πμ = μ₁…μₜ`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NAdam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: f64,
    /// How fast the momentum approaches `beta1`.
    pub momentum_decay: f64,
}

impl Default for NAdam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, momentum_decay: 4e-3 }
    }
}

impl NAdam {
    fn momentum(&self, step: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * 0.96_f64.powf(step as f64 * self.momentum_decay))
    }
}

impl<E: Element> Rule<E> for NAdam {
    fn name(&self) -> &'static str {
        "nadam"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        validate_moments("nadam", self.beta1, self.beta2, self.eps, self.weight_decay)?;
        non_negative("nadam", "momentum_decay", self.momentum_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        let mut buffers = moment_buffers(shape);
        buffers.push(Buffer::new("mu_product", &[]));
        buffers
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let [m, v, product] = data(buffers);
        let e = E::from_f64;
        let (now, next) = (self.momentum(update.step), self.momentum(update.step + 1));
        let so_far = if update.step == 1 { now } else { product[0].to_f64() * now };
        product[0] = e(so_far);
        let of_gradient = e(update.lr * (1.0 - now) / (1.0 - so_far));
        let of_momentum = e(update.lr * next / (1.0 - so_far * next));
        let inverse_root = e(1.0 / correction(self.beta2, update.step).sqrt());
        let (beta1, beta2, eps) = (e(self.beta1), e(self.beta2), e(self.eps));
        let (fresh1, fresh2) = (E::ONE - beta1, E::ONE - beta2);
        let (coupled, scale) = (e(self.weight_decay * update.decay_scale), e(update.gradient_scale));
        let len = p.len();
        par::for_each((p, gradient, m, v), len, par::CHUNK / 4, |_, (p, g, m, v)| {
            for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                let g = g * scale + coupled * *p;
                *m = beta1 * *m + fresh1 * g;
                *v = beta2 * *v + fresh2 * g * g;
                *p -= (of_gradient * g + of_momentum * *m) / (v.sqrt() * inverse_root + eps);
            }
        });
    }
}
