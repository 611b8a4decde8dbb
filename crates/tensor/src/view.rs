//! Views: other shapes of the same storage.

use std::ops::Range;

use crate::element::Element;
use crate::shape::{self, Dims, axis_index};
use crate::tensor::Tensor;

impl<E: Element> Tensor<E> {
    /// The same values in row-major order under another shape. A view where the strides allow, else a copy.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        if shape::size(shape) != self.len() {
            shape::fail(
                "reshape",
                &[("from", "", &self.shape), ("to", "", shape)],
                &format!("{} and {} elements", self.len(), shape::size(shape)),
            );
        }
        if let Some(strides) = reshaped_strides(&self.shape, &self.strides, shape) {
            return Self {
                buffer: self.buffer.clone(),
                shape: Dims::new(shape),
                strides,
                offset: self.offset,
            };
        }
        self.contiguous().reshape(shape)
    }

    /// Dimensions in the order `axes`: result dimension `i` is dimension `axes[i]` of `self`. A view.
    ///
    /// # Panics
    /// If `axes` is not a permutation of `0..rank`.
    #[track_caller]
    pub fn permute(&self, axes: &[usize]) -> Self {
        let is_permutation = axes.len() == self.rank() && (0..self.rank()).all(|axis| axes.contains(&axis));
        assert!(is_permutation, "permute: {axes:?} is no order of the dimensions of shape {:?}", self.shape);
        let mut view = self.clone();
        for (to, &from) in axes.iter().enumerate() {
            view.shape[to] = self.shape[from];
            view.strides[to] = self.strides[from];
        }
        view
    }

    /// Dimensions `a` and `b` exchanged; negative counts from the end. A view.
    ///
    /// # Panics
    /// If there is no such dimension.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let (a, b) = (axis_index("transpose", a, self.rank()), axis_index("transpose", b, self.rank()));
        let mut view = self.clone();
        view.shape.swap(a, b);
        view.strides.swap(a, b);
        view
    }

    /// The last two dimensions exchanged: the transpose of each matrix. A view.
    ///
    /// # Panics
    /// Below two dimensions.
    #[track_caller]
    pub fn t(&self) -> Self {
        self.transpose(-2, -1)
    }

    /// The elements `range` along `axis`. A view.
    ///
    /// # Panics
    /// If the range does not lie inside the dimension.
    #[track_caller]
    pub fn slice(&self, axis: isize, range: Range<usize>) -> Self {
        self.slice_step(axis, range, 1)
    }

    /// Every `step`-th element of `range` along `axis`. A view.
    ///
    /// # Panics
    /// If the range does not lie inside the dimension or `step` is 0.
    #[track_caller]
    pub fn slice_step(&self, axis: isize, range: Range<usize>, step: usize) -> Self {
        let at = axis_index("slice", axis, self.rank());
        let inside = range.start <= range.end && range.end <= self.shape[at] && step > 0;
        assert!(inside, "slice: {range:?} step {step} along axis {axis} of shape {:?}", self.shape);
        let mut view = self.clone();
        view.shape[at] = range.len().div_ceil(step);
        view.offset += range.start * self.strides[at];
        view.strides[at] *= step;
        view
    }

    /// Element `index` along `axis`, which disappears. A view.
    ///
    /// # Panics
    /// If `index` is out of range.
    #[track_caller]
    pub fn select(&self, axis: isize, index: usize) -> Self {
        let at = axis_index("select", axis, self.rank());
        let mut view = self.slice(axis, index..index + 1);
        view.shape.remove(at);
        view.strides.remove(at);
        view
    }

    /// A new dimension of size 1 before `axis`; −1 appends it at the end. A view.
    ///
    /// # Panics
    /// If there is no such place.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let at = axis_index("unsqueeze", axis, self.rank() + 1);
        let mut view = self.clone();
        view.shape.insert(at, 1);
        view.strides.insert(at, 0);
        view
    }

    /// Dimension `axis`, of size 1, removed. A view.
    ///
    /// # Panics
    /// If it has another size.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        let at = axis_index("squeeze", axis, self.rank());
        assert!(self.shape[at] == 1, "squeeze: axis {axis} of shape {:?} is not 1", self.shape);
        let mut view = self.clone();
        view.shape.remove(at);
        view.strides.remove(at);
        view
    }

    /// Stretched to `shape` by repeating dimensions of size 1 (NumPy's rule). A view.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or `shape` has no [size](shape::size).
    #[track_caller]
    pub fn broadcast_to(&self, shape: &[usize]) -> Self {
        shape::size(shape);
        if shape::broadcast(&self.shape, shape).is_none_or(|out| out[..] != *shape) {
            let why = "a dimension that is not 1 would have to stretch";
            shape::fail("broadcast_to", &[("from", "", &self.shape), ("to", "", shape)], why);
        }
        let mut view = self.clone();
        view.shape = Dims::new(shape);
        view.strides = self.broadcast_strides(shape);
        view
    }

    /// Strides of this tensor seen under a shape it broadcasts to: 0 along every stretched dimension.
    pub(crate) fn broadcast_strides(&self, shape: &[usize]) -> Dims {
        shape::broadcast_strides(&self.shape, &self.strides, shape)
    }
}

/// Strides that show `shape` as `target`, if some do: walks groups of dimensions with equal products.
fn reshaped_strides(shape: &[usize], strides: &[usize], target: &[usize]) -> Option<Dims> {
    if shape::size(target) == 0 {
        return Some(shape::contiguous_strides(target));
    }
    let old: Vec<(usize, usize)> =
        shape.iter().zip(strides).filter(|(dim, _)| **dim != 1).map(|(d, s)| (*d, *s)).collect();
    let mut out = Dims::new(target);
    out.fill(1);
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < target.len() {
        let (start_i, start_j) = (i, j);
        let (mut have, mut want) = (old[i].0, target[j]);
        while have != want {
            if have < want {
                i += 1;
                have *= old[i].0;
            } else {
                j += 1;
                want *= target[j];
            }
        }
        // The group of old dimensions must itself be contiguous to be cut anew.
        if (start_i..i).any(|axis| old[axis].1 != old[axis + 1].0 * old[axis + 1].1) {
            return None;
        }
        let mut step = old[i].1;
        for axis in (start_j..=j).rev() {
            out[axis] = step;
            step *= target[axis];
        }
        i += 1;
        j += 1;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_of_a_split_head_view_copies_nothing() {
        let x = Tensor::<f32>::arange(2 * 3 * 12).reshape(&[2, 3, 12]);
        let q = x.slice(2, 0..4).reshape(&[2, 3, 2, 2]).transpose(1, 2);
        assert_eq!(q.strides(), [36, 2, 12, 1]);
        assert_eq!(q.at(&[1, 1, 2, 0]), (36 + 2 + 24) as f32);
    }

    #[test]
    fn reshape_of_a_transpose_copies() {
        let x = Tensor::<f32>::arange(6).reshape(&[2, 3]).t();
        assert_eq!(x.reshape(&[6]).to_vec(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(x.reshape(&[1, 3, 1, 2]).strides()[1], 1);
    }

    #[test]
    fn steps_and_selects() {
        let x = Tensor::<f32>::arange(10).slice_step(0, 1..9, 3);
        assert_eq!(x.to_vec(), [1.0, 4.0, 7.0]);
        let m = Tensor::<f32>::arange(6).reshape(&[2, 3]);
        assert_eq!(m.select(0, 1).to_vec(), [3.0, 4.0, 5.0]);
        assert_eq!(m.select(-1, 1).to_vec(), [1.0, 4.0]);
    }

    #[test]
    fn broadcast_repeats() {
        let x = Tensor::from_vec(vec![1.0_f32, 2.0], &[2, 1]).broadcast_to(&[3, 2, 2]);
        assert_eq!(x.to_vec(), [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
    }
}
