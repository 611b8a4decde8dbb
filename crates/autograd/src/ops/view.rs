//! The same values under another shape: gradients go back through the inverse view.

use std::ops::Range;

use tensor::kernels::par;
use tensor::shape::{Dims, axis_index};
use tensor::{Element, Tensor};

use crate::{Case, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("reshape", |draw| {
        let [batch, rows, cols] = draw.dims();
        let x = draw.normal(&[batch, rows, cols]);
        gradcheck(|v| v[0].reshape(&[batch * rows, cols]).flatten(0, 1), &[x])
    }),
    Case::new("permute", |draw| {
        let [a, b, c, d] = draw.dims();
        let x = draw.normal(&[a, b, c, d]);
        gradcheck(|v| v[0].permute(&[2, 0, 3, 1]).transpose(0, -2).t(), &[x])
    }),
    Case::new("slice", |draw| {
        let [a, b, c] = draw.dims();
        let x = draw.normal(&[a, b + 2, c]);
        let axis = draw.below(3);
        let (step, len) = (1 + draw.below(3), x.shape()[axis]);
        let start = draw.below(len);
        gradcheck(|v| v[0].slice_step(axis as isize, start..len, step), &[x])
    }),
    Case::new("select", |draw| {
        let [a, b, c] = draw.dims();
        let x = draw.normal(&[a, b, c]);
        let axis = draw.below(3);
        let index = draw.below(x.shape()[axis]);
        gradcheck(|v| v[0].select(axis as isize, index), &[x])
    }),
    Case::new("squeeze and unsqueeze", |draw| {
        let [a, b] = draw.dims();
        let x = draw.normal(&[a, 1, b]);
        gradcheck(|v| v[0].squeeze(1).unsqueeze(-1).unsqueeze(0), &[x])
    }),
    Case::new("broadcast_to", |draw| {
        let [a, b, c] = draw.dims();
        let x = draw.normal(&[b, 1]);
        gradcheck(|v| v[0].broadcast_to(&[a, b, c]), &[x])
    }),
];

impl<E: Element> Var<E> {
    /// The same values in row-major order under another shape; `dx = dy` reshaped back.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        let from = Dims::new(self.shape());
        Self::record("reshape", [self], self.value().reshape(shape), move |dy| [Some(dy.reshape(&from))])
    }

    /// The dimensions `first..=last` joined into one; negative counts from the end.
    ///
    /// # Panics
    /// If there are no such dimensions.
    #[track_caller]
    pub fn flatten(&self, first: isize, last: isize) -> Self {
        let rank = self.rank();
        let (first, last) = (axis_index("flatten", first, rank), axis_index("flatten", last, rank));
        assert!(first <= last, "flatten: axis {first} comes after axis {last}");
        let from = self.shape();
        let joined: usize = from[first..=last].iter().product();
        self.reshape(&[&from[..first], &[joined], &from[last + 1..]].concat())
    }

    /// Dimensions in the order `axes`: result dimension `i` is dimension `axes[i]`. `dx` is `dy` in the inverse
    /// order.
    ///
    /// # Panics
    /// If `axes` is not a permutation of `0..rank`.
    #[track_caller]
    pub fn permute(&self, axes: &[usize]) -> Self {
        let value = self.value().permute(axes);
        let mut inverse = Dims::new(axes);
        axes.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
        Self::record("permute", [self], value, move |dy| [Some(dy.permute(&inverse))])
    }

    /// Dimensions `a` and `b` exchanged, in `dy` back again; negative counts from the end.
    ///
    /// # Panics
    /// If there is no such dimension.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let value = self.value().transpose(a, b);
        Self::record("transpose", [self], value, move |dy| [Some(dy.transpose(a, b))])
    }

    /// The transpose of each matrix: the last two dimensions exchanged.
    ///
    /// # Panics
    /// Below two dimensions.
    #[track_caller]
    pub fn t(&self) -> Self {
        self.transpose(-2, -1)
    }

    /// The elements `range` along `axis`; `dx` is `dy` with zeros around. To take a tensor apart, use
    /// [`split`](Self::split), which makes no zeros.
    ///
    /// # Panics
    /// If the range does not lie inside the dimension.
    #[track_caller]
    pub fn slice(&self, axis: isize, range: Range<usize>) -> Self {
        self.slice_step(axis, range, 1)
    }

    /// Every `step`-th element of `range` along `axis`; `dx` is `dy` with zeros between and around.
    ///
    /// # Panics
    /// If the range does not lie inside the dimension or `step` is 0.
    #[track_caller]
    pub fn slice_step(&self, axis: isize, range: Range<usize>, step: usize) -> Self {
        let value = self.value().slice_step(axis, range.clone(), step);
        let from = Dims::new(self.shape());
        let axis = axis_index("slice", axis, from.len());
        Self::record("slice", [self], value, move |dy| [Some(spread(dy, &from, axis, range.start, step))])
    }

    /// Element `index` along `axis`, which disappears; `dx` is `dy` with zeros around. To take all of them, use
    /// [`unbind`](Self::unbind).
    ///
    /// # Panics
    /// If `index` is out of range.
    #[track_caller]
    pub fn select(&self, axis: isize, index: usize) -> Self {
        let value = self.value().select(axis, index);
        let from = Dims::new(self.shape());
        let at = axis_index("select", axis, from.len());
        Self::record("select", [self], value, move |dy| {
            [Some(spread(&dy.unsqueeze(at as isize), &from, at, index, 1))]
        })
    }

    /// A new dimension of size 1 before `axis`; −1 appends it at the end. `dx` is `dy` without it.
    ///
    /// # Panics
    /// If there is no such place.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let value = self.value().unsqueeze(axis);
        let at = axis_index("unsqueeze", axis, value.rank()) as isize;
        Self::record("unsqueeze", [self], value, move |dy| [Some(dy.squeeze(at))])
    }

    /// Dimension `axis`, of size 1, removed; `dx` is `dy` with it.
    ///
    /// # Panics
    /// If it has another size.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        let value = self.value().squeeze(axis);
        let at = axis_index("squeeze", axis, self.rank()) as isize;
        Self::record("squeeze", [self], value, move |dy| [Some(dy.unsqueeze(at))])
    }

    /// Stretched to `shape` by repeating dimensions of size 1 (NumPy's rule); `dx` is the sum of `dy` over the
    /// repeats.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn broadcast_to(&self, shape: &[usize]) -> Self {
        // The engine sums the gradient down to the input's shape.
        Self::record("broadcast_to", [self], self.value().broadcast_to(shape), |dy| [Some(dy.clone())])
    }
}

/// A tensor of shape `shape`: `part` at every `step`-th place from `start` along `axis`, and 0 elsewhere.
fn spread<E: Element>(
    part: &Tensor<E>,
    shape: &[usize],
    axis: usize,
    start: usize,
    step: usize,
) -> Tensor<E> {
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let (whole, taken) = (shape[axis] * inner, part.shape()[axis] * inner);
    if outer * taken == 0 {
        return Tensor::zeros(shape);
    }
    let part = part.contiguous();
    Tensor::build(shape, |out| {
        let data = (par::rows(out, whole), par::rows(part.data(), taken));
        par::for_each(data, outer, par::rows_per_chunk(whole), |_, (out, part)| {
            for (out, part) in out.data.chunks_exact_mut(whole).zip(part.data.chunks_exact(taken)) {
                if step == 1 {
                    let (before, rest) = out.split_at_mut(start * inner);
                    let (middle, after) = rest.split_at_mut(taken);
                    before.fill(E::ZERO);
                    middle.copy_from_slice(part);
                    after.fill(E::ZERO);
                } else {
                    out.fill(E::ZERO);
                    let places = out[start * inner..].chunks_mut(step * inner);
                    places.zip(part.chunks_exact(inner)).for_each(|(o, p)| o[..inner].copy_from_slice(p));
                }
            }
        });
    })
}
