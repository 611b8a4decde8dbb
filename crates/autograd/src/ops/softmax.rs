//! Distributions from scores: softmax, its logarithm, sparsemax.

use tensor::kernels::{par, softmax as kernel};
use tensor::shape::axis_index;
use tensor::{Element, Tensor};

use super::rows::{axis_back, axis_last};
use crate::{Case, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("softmax", |draw| {
        let dims = draw.dims::<3>();
        let (x, axis) = (draw.normal(&dims), draw.below(6) as isize - 3);
        gradcheck(|v| v[0].softmax(axis), &[x])
    }),
    Case::new("log_softmax", |draw| {
        let dims = draw.dims::<3>();
        let (x, axis) = (draw.normal(&dims), draw.below(6) as isize - 3);
        gradcheck(|v| v[0].log_softmax(axis), &[x])
    }),
    Case::new("sparsemax", |draw| {
        let dims = draw.dims::<3>();
        let (x, axis) = (draw.normal(&dims), draw.below(6) as isize - 3);
        gradcheck(|v| v[0].sparsemax(axis), &[x])
    }),
];

impl<E: Element> Var<E> {
    /// `y = eˣ/Σ eˣ` along `axis`; `dx = y·(dy − Σ y·dy)`. Where all of `x` is −∞, `y` and `dx` are 0.
    ///
    /// # Panics
    /// If there is no such axis.
    ///
    /// ```
    /// use autograd::Var;
    /// use tensor::Tensor;
    /// let scores = Var::leaf(Tensor::from_vec(vec![0.0_f32, 3.0_f32.ln()], &[1, 2])); // (query time, key time)
    /// let weights = scores.softmax(-1);
    /// assert!((weights.value().at(&[0, 1]) - 0.75).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Self {
        let axis = axis_index("softmax", axis, self.rank());
        let x = axis_last(self.value(), axis);
        let y = Tensor::build(x.shape(), |y| kernel::softmax(x.data(), x.dim(-1), y));
        let value = axis_back(&y, axis);
        Self::record("softmax", [self], value, move |dy| {
            let dy = axis_last(dy, axis);
            let dx = Tensor::build(y.shape(), |dx| {
                kernel::softmax_backward(y.data(), dy.data(), y.dim(-1), E::ONE, dx);
            });
            [Some(axis_back(&dx, axis))]
        })
    }

    /// `y = x − ln Σ eˣ` along `axis`; `dx = dy − eʸ·Σ dy`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Self {
        let axis = axis_index("log_softmax", axis, self.rank());
        let x = axis_last(self.value(), axis);
        let y = Tensor::build(x.shape(), |y| kernel::log_softmax(x.data(), x.dim(-1), y));
        let value = axis_back(&y, axis);
        Self::record("log_softmax", [self], value, move |dy| {
            let dy = axis_last(dy, axis);
            let dx = Tensor::build(y.shape(), |dx| {
                kernel::log_softmax_backward(y.data(), dy.data(), y.dim(-1), dx);
            });
            [Some(axis_back(&dx, axis))]
        })
    }

    /// The point of the probability simplex nearest to `x` along `axis` (Martins & Astudillo 2016, "From softmax
    /// to sparsemax"): `y = max(x − τ, 0)` with the threshold τ for which `y` sums to 1. Where `y > 0`,
    /// `dx = dy − mean(dy over y > 0)`, else 0.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn sparsemax(&self, axis: isize) -> Self {
        let axis = axis_index("sparsemax", axis, self.rank());
        let x = axis_last(self.value(), axis);
        let (cols, rows) = (x.dim(-1), x.len() / x.dim(-1).max(1));
        let y = Tensor::build(x.shape(), |y| {
            let data = (par::rows(x.data(), cols), par::rows(y, cols));
            par::for_each(data, rows, par::rows_per_chunk(16 * cols), |_, (x, y)| {
                for (x, y) in x.data.chunks_exact(cols).zip(y.data.chunks_exact_mut(cols)) {
                    let tau = sparsemax_threshold(x);
                    y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - tau).maximum(E::ZERO));
                }
            });
        });
        let value = axis_back(&y, axis);
        Self::record("sparsemax", [self], value, move |dy| {
            let dy = axis_last(dy, axis);
            let dx = Tensor::build(y.shape(), |dx| {
                let data = (par::rows(y.data(), cols), par::rows(dy.data(), cols), par::rows(dx, cols));
                par::for_each(data, rows, par::rows_per_chunk(4 * cols), |_, (y, dy, dx)| {
                    let inputs = y.data.chunks_exact(cols).zip(dy.data.chunks_exact(cols));
                    inputs
                        .zip(dx.data.chunks_exact_mut(cols))
                        .for_each(|((y, dy), dx)| sparsemax_back(y, dy, dx));
                });
            });
            [Some(axis_back(&dx, axis))]
        })
    }
}

/// τ of equation 4 of the paper: of the largest values, as many as stay above their own threshold.
fn sparsemax_threshold<E: Element>(x: &[E]) -> E {
    let mut sorted = x.to_vec();
    sorted.sort_by(|a, b| b.to_f64().total_cmp(&a.to_f64()));
    let (mut sum, mut tau) = (E::ZERO, E::ZERO);
    for (k, &z) in sorted.iter().enumerate() {
        sum += z;
        let candidate = (sum - E::ONE) / E::from_usize(k + 1);
        if z <= candidate {
            break;
        }
        tau = candidate;
    }
    tau
}

fn sparsemax_back<E: Element>(y: &[E], dy: &[E], dx: &mut [E]) {
    let (mut sum, mut count) = (E::ZERO, E::ZERO);
    for (&y, &dy) in y.iter().zip(dy) {
        if y > E::ZERO {
            sum += dy;
            count += E::ONE;
        }
    }
    for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
        *dx = if y > E::ZERO { dy - sum / count } else { E::ZERO };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparsemax_is_a_sparse_distribution() {
        let x = Var::constant(Tensor::from_vec(vec![1.0_f64, 0.8, -1.0, 0.3, 0.3, 0.3], &[2, 3]));
        let y = x.sparsemax(-1);
        let expected = Tensor::from_vec(vec![0.6, 0.4, 0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], &[2, 3]);
        assert!((y.value() - &expected).abs().max().item() < 1e-12);
    }
}
