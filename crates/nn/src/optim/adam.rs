//! Adam, with weight decay through the gradient or apart from it.

use serde::{Deserialize, Serialize};
use tensor::kernels::{optim as kernel, par};
use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update, data};
use crate::config::{ConfigError, decay, non_negative};

/// Adam (Kingma & Ba 2014), optionally AMSGrad (Reddi, Kale & Kumar 2018), as `torch.optim.Adam`.
///
/// `g += weight_decay·p`, `m = β₁m + (1 − β₁)g`, `v = β₂v + (1 − β₂)g²`,
/// `p −= lr·m̂ / (√v̂ + eps)` with `m̂ = m / (1 − β₁ᵗ)`, `v̂ = v / (1 − β₂ᵗ)`; AMSGrad takes the largest `v` so
/// far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: f64,
    /// Divide by the largest second moment so far.
    pub amsgrad: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, amsgrad: false }
    }
}

/// Adam with decoupled weight decay (Loshchilov & Hutter 2017), as `torch.optim.AdamW`: `p` is multiplied by
/// `1 − lr·weight_decay` and the gradient left alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdamW {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Strength of the decay.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 }
    }
}

/// Checks what all rules with two moments have in common.
pub(super) fn validate_moments(
    name: &'static str,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
) -> Result<(), ConfigError> {
    decay(name, "beta1", beta1)?;
    decay(name, "beta2", beta2)?;
    non_negative(name, "eps", eps)?;
    non_negative(name, "weight_decay", weight_decay)
}

/// First and second moment.
pub(super) fn moment_buffers(shape: &[usize]) -> Vec<Buffer> {
    vec![Buffer::new("exp_avg", shape), Buffer::new("exp_avg_sq", shape)]
}

impl<E: Element> Rule<E> for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        validate_moments("adamw", self.beta1, self.beta2, self.eps, self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        moment_buffers(shape)
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let [m, v] = data(buffers);
        let (betas, weight_decay) = ((self.beta1, self.beta2), self.weight_decay);
        scalars(update, betas, self.eps, weight_decay, true).update(p, gradient, m, v);
    }
}

fn scalars<E: Element>(
    update: &Update<'_>,
    (beta1, beta2): (f64, f64),
    eps: f64,
    weight_decay: f64,
    decoupled: bool,
) -> kernel::Adam<E> {
    let e = E::from_f64;
    kernel::Adam {
        lr: e(update.lr),
        beta1: e(beta1),
        beta2: e(beta2),
        eps: e(eps),
        weight_decay: e(weight_decay * update.decay_scale),
        decoupled,
        step: update.step,
        gradient_scale: e(update.gradient_scale),
    }
}

impl<E: Element> Rule<E> for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        validate_moments("adam", self.beta1, self.beta2, self.eps, self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        let mut buffers = moment_buffers(shape);
        buffers.extend(self.amsgrad.then(|| Buffer::new("max_exp_avg_sq", shape)));
        buffers
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        if self.amsgrad {
            return self.update_amsgrad(update, p, gradient, data(buffers));
        }
        let [m, v] = data(buffers);
        let (betas, weight_decay) = ((self.beta1, self.beta2), self.weight_decay);
        scalars(update, betas, self.eps, weight_decay, false).update(p, gradient, m, v);
    }
}

impl Adam {
    fn update_amsgrad<E: Element>(
        &self,
        update: &Update<'_>,
        p: &mut [E],
        gradient: &[E],
        [m, v, largest]: [&mut [E]; 3],
    ) {
        let e = E::from_f64;
        let (beta1, beta2, eps) = (e(self.beta1), e(self.beta2), e(self.eps));
        let (fresh1, fresh2) = (E::ONE - beta1, E::ONE - beta2);
        let (coupled, scale) = (e(self.weight_decay * update.decay_scale), e(update.gradient_scale));
        let step_size = e(update.lr / correction(self.beta1, update.step));
        let inverse_root = e(1.0 / correction(self.beta2, update.step).sqrt());
        let len = p.len();
        par::for_each((p, gradient, m, v, largest), len, par::CHUNK / 4, |_, (p, g, m, v, largest)| {
            for i in 0..p.len() {
                let g = g[i] * scale + coupled * p[i];
                m[i] = beta1 * m[i] + fresh1 * g;
                v[i] = beta2 * v[i] + fresh2 * g * g;
                largest[i] = largest[i].maximum(v[i]);
                p[i] -= step_size * m[i] / (largest[i].sqrt() * inverse_root + eps);
            }
        });
    }
}

/// `1 − βᵗ`: what a running average that started at 0 falls short of after `t` steps.
pub(super) fn correction(beta: f64, step: u64) -> f64 {
    1.0 - beta.powi(step.min(i32::MAX as u64) as i32)
}
