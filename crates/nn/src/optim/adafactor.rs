//! Adafactor.

use serde::{Deserialize, Serialize};
use tensor::kernels::reduce;
use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update, data};
use crate::config::{ConfigError, non_negative, positive, require};

/// Adafactor (Shazeer & Stern 2018), as `torch.optim.Adafactor`: the second moment of a matrix is kept as one
/// number per row and one per column, so the state is tiny.
///
/// With `β = 1 − t^beta2_decay`, `α = max(eps2, rms(p))·min(lr, 1/√t)` and `p *= 1 − lr·weight_decay`: for a
/// matrix `R = βR + (1 − β)·mean_row(g²)`, `C` likewise by columns, `V = R·Cᵀ / max(mean(R), eps1)`; for a vector
/// `V = βV + (1 − β)g²`; then `u = g / √max(V, eps1², 10⁻³⁶)` and `p −= α·u / max(1, rms(u)/clip)`. Dimensions before the
/// last two are a batch of matrices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adafactor {
    /// Exponent of the growing decay of the second moment; negative.
    pub beta2_decay: f64,
    /// Least second moment.
    pub eps1: f64,
    /// Least root mean square of a parameter, as far as it sets the step.
    pub eps2: f64,
    /// Largest root mean square of an update.
    pub clip: f64,
    /// Strength of the decoupled decay.
    pub weight_decay: f64,
}

impl Default for Adafactor {
    fn default() -> Self {
        Self { beta2_decay: -0.8, eps1: 1e-30, eps2: 1e-3, clip: 1.0, weight_decay: 0.0 }
    }
}

impl<E: Element> Rule<E> for Adafactor {
    fn name(&self) -> &'static str {
        "adafactor"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let decay = self.beta2_decay;
        require(decay <= 0.0 && decay.is_finite(), "adafactor", "beta2_decay", decay, "at most 0")?;
        non_negative("adafactor", "eps1", self.eps1)?;
        non_negative("adafactor", "eps2", self.eps2)?;
        positive("adafactor", "clip", self.clip)?;
        non_negative("adafactor", "weight_decay", self.weight_decay)
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        match *shape {
            [ref batch @ .., rows, cols] => vec![
                Buffer::new("row_var", &[batch, &[rows, 1]].concat()),
                Buffer::new("col_var", &[batch, &[1, cols]].concat()),
            ],
            _ => vec![Buffer::new("variance", shape)],
        }
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        if p.is_empty() {
            return;
        }
        let step = update.step as f64;
        let fresh = E::from_f64(step.powf(self.beta2_decay));
        let rate = update.lr.min(1.0 / step.sqrt()) * rms(p).max(self.eps2);
        let scale = E::from_f64(update.gradient_scale);
        let mut direction = Tensor::build(&[p.len()], |out| {
            out.iter_mut().zip(gradient).for_each(|(out, g)| *out = *g * scale);
        });
        let u = direction.data_mut();
        match *update.shape {
            [.., rows, cols] => {
                let [row_var, col_var] = data(buffers);
                let matrices = u.chunks_exact_mut(rows * cols);
                let variances = row_var.chunks_exact_mut(rows).zip(col_var.chunks_exact_mut(cols));
                matrices.zip(variances).for_each(|(u, (row, col))| self.matrix(u, row, col, fresh));
            }
            _ => {
                let [variance] = data(buffers);
                self.vector(u, variance, fresh);
            }
        }
        let shrink = E::from_f64(1.0 - update.lr * self.weight_decay * update.decay_scale);
        let size = E::from_f64(rate / (rms(u) / self.clip).max(1.0));
        p.iter_mut().zip(u).for_each(|(p, u)| *p = *p * shrink - size * *u);
    }
}

impl Adafactor {
    /// The least second moment divided by: `eps1²`, but a normal number in `f32` too, so that a gradient of 0
    /// (rows of an embedding that did not occur) stays 0.
    fn least<E: Element>(&self) -> E {
        E::from_f64((self.eps1 * self.eps1).max(1e-36))
    }

    /// Divides the gradients `u (rows, cols)` by the root of their factored second moment.
    fn matrix<E: Element>(&self, u: &mut [E], row_var: &mut [E], col_var: &mut [E], fresh: E) {
        let (rows, cols) = (row_var.len(), col_var.len());
        let squares = |x: &[E]| reduce::sum_squares(x) / E::from_usize(cols);
        for (var, row) in row_var.iter_mut().zip(u.chunks_exact(cols)) {
            *var += fresh * (squares(row) - *var);
        }
        let mut sums = vec![E::ZERO; cols];
        for row in u.chunks_exact(cols) {
            sums.iter_mut().zip(row).for_each(|(sum, g)| *sum += *g * *g);
        }
        for (var, sum) in col_var.iter_mut().zip(sums) {
            *var += fresh * (sum / E::from_usize(rows) - *var);
        }
        let mean = (reduce::sum(row_var) / E::from_usize(rows)).maximum(E::from_f64(self.eps1));
        let least = self.least();
        for (row, row_var) in u.chunks_exact_mut(cols).zip(&*row_var) {
            // Divided first: the product of two small moments underflows.
            let share = *row_var / mean;
            row.iter_mut().zip(&*col_var).for_each(|(u, col)| *u /= (share * *col).maximum(least).sqrt());
        }
    }

    fn vector<E: Element>(&self, u: &mut [E], variance: &mut [E], fresh: E) {
        let least = self.least();
        for (u, var) in u.iter_mut().zip(variance) {
            *var += fresh * (*u * *u - *var);
            *u /= var.maximum(least).sqrt();
        }
    }
}

/// Root mean square.
fn rms<E: Element>(x: &[E]) -> f64 {
    (reduce::sum_squares(x).to_f64() / x.len() as f64).sqrt()
}
