//! Muon.

use serde::{Deserialize, Serialize};
use tensor::kernels::gemm::{MatMut, MatRef, NoEpilogue, Output, gemm};
use tensor::kernels::{map, par, reduce};
use tensor::{Element, Tensor};

use super::rule::{Buffer, Rule, Update, data};
use super::{AdamW, Split};
use crate::config::{ConfigError, decay, non_negative, require};

/// Muon (Jordan 2024, "Muon: an optimizer for hidden layers in neural networks"): the momentum of a matrix with
/// all its singular values brought near 1.
///
/// `m += (1 − momentum)(g − m)`, `u = g + momentum·(m − g)` (Nesterov) or `m`; `u` is orthogonalised by
/// Newton–Schulz steps `x ← a·x + (b·xxᵀ + c·(xxᵀ)²)·x` from `u/‖u‖`; `p *= 1 − lr·weight_decay`,
/// `p −= lr·scale·u`. For the matrices inside a network; embeddings, the output layer, biases and norms go to
/// another rule: see [`with_adamw`](Self::with_adamw).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Muon {
    /// Decay of the momentum.
    pub momentum: f64,
    /// Look ahead along the momentum.
    pub nesterov: bool,
    /// Strength of the decoupled decay.
    pub weight_decay: f64,
    /// Newton–Schulz steps.
    pub iterations: usize,
    /// Least norm divided by.
    pub eps: f64,
    /// Factor of the update by the shape of the matrix.
    pub scale: MuonScale,
}

/// How the update of a matrix depends on its shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MuonScale {
    /// `√max(1, rows/cols)` (Jordan 2024).
    #[default]
    Aspect,
    /// `0.2·√max(rows, cols)`: updates as large as AdamW's, whose rate can then be shared (Liu et al. 2025, "Muon is
    /// scalable for LLM training").
    MatchAdamW,
}

impl Default for Muon {
    fn default() -> Self {
        let (iterations, scale) = (5, MuonScale::default());
        Self { momentum: 0.95, nesterov: true, weight_decay: 0.0, iterations, eps: 1e-7, scale }
    }
}

impl Muon {
    /// Muon for the matrices that `takes` accepts by path, AdamW for everything else.
    ///
    /// ```
    /// use nn::optim::{AdamW, Muon, Optim};
    /// let inside = |path: &str| path.contains("layers.");
    /// let optim = Optim::<_, f32>::new(Muon::default().with_adamw(AdamW::default(), inside))?;
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    pub fn with_adamw(
        self,
        adamw: AdamW,
        takes: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Split<Self, AdamW> {
        Split::new(self, adamw, move |path, shape| shape.len() == 2 && takes(path))
    }

    fn factor(&self, rows: usize, cols: usize) -> f64 {
        match self.scale {
            MuonScale::Aspect => (rows as f64 / cols as f64).max(1.0).sqrt(),
            MuonScale::MatchAdamW => 0.2 * (rows.max(cols) as f64).sqrt(),
        }
    }
}

impl<E: Element> Rule<E> for Muon {
    fn name(&self) -> &'static str {
        "muon"
    }

    fn validate(&self) -> Result<(), ConfigError> {
        decay("muon", "momentum", self.momentum)?;
        non_negative("muon", "weight_decay", self.weight_decay)?;
        non_negative("muon", "eps", self.eps)?;
        require(self.iterations > 0, "muon", "iterations", self.iterations, "at least 1")
    }

    fn supports(&self, _path: &str, shape: &[usize]) -> bool {
        shape.len() == 2
    }

    fn buffers(&self, _path: &str, shape: &[usize]) -> Vec<Buffer> {
        vec![Buffer::new("momentum_buffer", shape)]
    }

    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]) {
        let (rows, cols) = (update.shape[0], update.shape[1]);
        if p.is_empty() {
            return;
        }
        let [m] = data(buffers);
        let (scale, momentum) = (E::from_f64(update.gradient_scale), E::from_f64(self.momentum));
        let along = if self.nesterov { momentum } else { E::ONE };
        let mut direction = Tensor::zeros(&[rows, cols]);
        let (u, len) = (direction.data_mut(), p.len());
        par::for_each((gradient, m, &mut *u), len, par::CHUNK / 4, |_, (g, m, u)| {
            for ((&g, m), u) in g.iter().zip(m).zip(u) {
                let g = g * scale;
                *m += (E::ONE - momentum) * (g - *m);
                *u = g + along * (*m - g);
            }
        });
        orthogonalise(u, rows, cols, self.iterations, self.eps);
        map::scale(p, E::from_f64(1.0 - update.lr * self.weight_decay * update.decay_scale));
        map::axpy(E::from_f64(-update.lr * self.factor(rows, cols)), u, p);
    }
}

/// The coefficients of a Newton–Schulz step, chosen for a steep slope at 0 (Jordan 2024).
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// Brings the singular values of `x (rows, cols)` near 1 and leaves its singular vectors.
fn orthogonalise<E: Element>(x: &mut [E], rows: usize, cols: usize, iterations: usize, eps: f64) {
    let [a, b, c] = COEFFICIENTS.map(E::from_f64);
    let norm = reduce::sum_squares(x).to_f64().sqrt().max(eps);
    map::scale(x, E::from_f64(1.0 / norm));
    // xxᵀ of the shorter side: a tall x is transposed in the products, never in memory.
    let (tall, side) = (rows > cols, rows.min(cols));
    let [mut gram, mut square] = [(); 2].map(|()| Tensor::<E>::zeros(&[side, side]));
    let mut next = Tensor::<E>::zeros(&[rows, cols]);
    let (gram, square, next) = (gram.data_mut(), square.data_mut(), next.data_mut());
    let product = |left: MatRef<'_, E>, right: MatRef<'_, E>, out: &mut [E], (rows, cols), output| {
        gemm(left, right, MatMut::row_major(out, rows, cols), output, &NoEpilogue);
    };
    for _ in 0..iterations {
        let matrix = MatRef::row_major(x, rows, cols);
        let (left, right) = if tall { (matrix.t(), matrix) } else { (matrix, matrix.t()) };
        product(left, right, gram, (side, side), Output::Replace); // (side, side)
        let symmetric = MatRef::row_major(gram, side, side);
        product(symmetric, symmetric, square, (side, side), Output::Replace); // (side, side)
        gram.iter_mut().zip(&*square).for_each(|(g, s)| *g = b * *g + c * *s);
        let polynomial = MatRef::row_major(gram, side, side);
        let (left, right) = if tall { (matrix, polynomial) } else { (polynomial, matrix) };
        next.iter_mut().zip(&*x).for_each(|(n, x)| *n = a * *x);
        product(left, right, next, (rows, cols), Output::Accumulate); // (rows, cols)
        x.copy_from_slice(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singular_values_come_near_one() {
        for (rows, cols) in [(3, 5), (5, 3), (4, 4)] {
            let mut x: Vec<f64> = (0..rows * cols).map(|i| ((i * i + 1) as f64 * 0.7).sin()).collect();
            orthogonalise(&mut x, rows, cols, 5, 1e-7);
            // The sum of squared singular values, of which there are as many as the shorter side.
            let mean = x.iter().map(|x| x * x).sum::<f64>() / rows.min(cols) as f64;
            assert!((0.5..1.4).contains(&mean), "({rows}, {cols}): {mean}");
        }
    }
}
