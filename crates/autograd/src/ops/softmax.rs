//! Softmax and its logarithm.

use tensor::kernels::softmax as kernel;
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
}
