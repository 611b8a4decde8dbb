//! LAMB.

use serde::{Deserialize, Serialize};
use tensor::kernels::{map, par, reduce};
use tensor::{Element, Tensor};

use super::adam::{correction, moment_buffers, validate_moments};
use super::rule::{Buffer, Rule, Update, data};
use crate::config::ConfigError;

/// LAMB (You et al. 2019, "Large batch optimization for deep learning", algorithm 2): Adam's direction with the
/// decay in it, `r = m̂ / (√v̂ + eps) + weight_decay·p`, taken with a step in proportion to the parameter:
/// `p −= lr·‖p‖/‖r‖·r`; with factor 1 where either norm is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lamb {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Strength of the decay.
    pub weight_decay: f64,
}

impl Default for Lamb {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-6, weight_decay: 0.01 }
    }
}

impl<E: Element> Rule<E> for Lamb {
    fn name(&self) -> &'static str {
        "lamb"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        validate_moments("lamb", self.beta1, self.beta2, self.eps, self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        moment_buffers(shape)
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let [m, v] = data(buffers);
        let e = E::from_f64;
        let (beta1, beta2, eps) = (e(self.beta1), e(self.beta2), e(self.eps));
        let (fresh1, fresh2) = (E::ONE - beta1, E::ONE - beta2);
        let (decay, scale) = (e(self.weight_decay * update.decay_scale), e(update.gradient_scale));
        let of_m = e(1.0 / correction(self.beta1, update.step));
        let of_v = e(1.0 / correction(self.beta2, update.step));
        let len = p.len();
        let mut direction = Tensor::zeros(&[len]);
        let r = direction.data_mut();
        par::for_each((&*p, gradient, m, v, &mut *r), len, par::CHUNK / 4, |_, (p, g, m, v, r)| {
            for i in 0..p.len() {
                let g = g[i] * scale;
                m[i] = beta1 * m[i] + fresh1 * g;
                v[i] = beta2 * v[i] + fresh2 * g * g;
                r[i] = m[i] * of_m / ((v[i] * of_v).sqrt() + eps) + decay * p[i];
            }
        });
        let norms = (reduce::sum_squares(p).to_f64().sqrt(), reduce::sum_squares(r).to_f64().sqrt());
        let trust = if norms.0 > 0.0 && norms.1 > 0.0 { norms.0 / norms.1 } else { 1.0 };
        map::axpy(e(-update.lr * trust), r, p);
    }
}
