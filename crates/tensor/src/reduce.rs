//! Reductions along axes.
//!
//! A tensor in row-major order with neighbouring axes reduced is `(outer, reduced, inner)`: for `inner = 1`
//! rows are folded, otherwise the columns of every `(reduced, inner)` matrix. Every other case is first
//! permuted into that form, without a copy where the axes merely lie in another order in memory.
//!
//! A NaN among the elements makes the result NaN. The order of every sum depends on shapes and strides only.

use crate::element::Element;
use crate::ids::Ids;
use crate::kernels::{
    par,
    reduce::{self, Fold, Max, Min, Sum},
    softmax,
};
use crate::shape::{self, Dims, axis_index};
use crate::tensor::Tensor;

/// `Π x`
#[derive(Clone, Copy)]
struct Product;

impl Fold for Product {
    #[inline(always)]
    fn start<E: Element>() -> E {
        E::ONE
    }
    #[inline(always)]
    fn step<const FMA: bool, E: Element>(so_far: E, x: E) -> E {
        so_far * x
    }
    #[inline(always)]
    fn join<E: Element>(a: E, b: E) -> E {
        a * b
    }
}

impl<E: Element> Tensor<E> {
    /// `Σ x` over all elements, shape `()`.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let x = Tensor::<f32>::arange(6).reshape(&[2, 3]);
    /// assert_eq!(x.sum().item(), 15.0);
    /// assert_eq!(x.sum_axis(0, false).to_vec(), [3.0, 5.0, 7.0]);
    /// assert_eq!(x.mean_axis(-1, true).shape(), [2, 1]);
    /// ```
    pub fn sum(&self) -> Self {
        Self::scalar(reduce::sum(self.memory_order().data()))
    }

    /// `Σ x` over `axes`, which disappear, or stay with size 1 if `keep`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn sum_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.fold_axes("sum", axes, keep, Sum)
    }

    /// `Σ x` over `axis`, which disappears, or stays with size 1 if `keep`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn sum_axis(&self, axis: isize, keep: bool) -> Self {
        self.fold_axes("sum", &[axis], keep, Sum)
    }

    /// The mean of all elements, shape `()`; NaN if there are none.
    pub fn mean(&self) -> Self {
        &self.sum() / E::from_usize(self.len())
    }

    /// The mean over `axes`, which disappear, or stay with size 1 if `keep`. NaN over no elements.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn mean_axes(&self, axes: &[isize], keep: bool) -> Self {
        let sum = self.fold_axes("mean", axes, keep, Sum);
        let count: usize = axes.iter().map(|axis| self.dim(*axis)).product();
        &sum / E::from_usize(count)
    }

    /// The mean over `axis`, which disappears, or stays with size 1 if `keep`. NaN over no elements.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn mean_axis(&self, axis: isize, keep: bool) -> Self {
        self.mean_axes(&[axis], keep)
    }

    /// `Π x` over all elements, shape `()`; 1 if there are none.
    pub fn prod(&self) -> Self {
        Self::scalar(reduce::fold(self.memory_order().data(), Product))
    }

    /// `Π x` over `axis`, which disappears, or stays with size 1 if `keep`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn prod_axis(&self, axis: isize, keep: bool) -> Self {
        self.fold_axes("prod", &[axis], keep, Product)
    }

    /// The largest element, shape `()`.
    ///
    /// # Panics
    /// If there are no elements.
    #[track_caller]
    pub fn max(&self) -> Self {
        assert!(!self.is_empty(), "max: no elements in shape {:?}", self.shape());
        Self::scalar(reduce::max(self.memory_order().data()))
    }

    /// The largest element along `axis`, which disappears, or stays with size 1 if `keep`.
    ///
    /// # Panics
    /// If there is no such axis or it has size 0.
    #[track_caller]
    pub fn max_axis(&self, axis: isize, keep: bool) -> Self {
        self.assert_some("max", axis);
        self.fold_axes("max", &[axis], keep, Max)
    }

    /// The smallest element, shape `()`.
    ///
    /// # Panics
    /// If there are no elements.
    #[track_caller]
    pub fn min(&self) -> Self {
        assert!(!self.is_empty(), "min: no elements in shape {:?}", self.shape());
        Self::scalar(reduce::min(self.memory_order().data()))
    }

    /// The smallest element along `axis`, which disappears, or stays with size 1 if `keep`.
    ///
    /// # Panics
    /// If there is no such axis or it has size 0.
    #[track_caller]
    pub fn min_axis(&self, axis: isize, keep: bool) -> Self {
        self.assert_some("min", axis);
        self.fold_axes("min", &[axis], keep, Min)
    }

    /// Index of the largest element along `axis`, which disappears: the first of several; a NaN counts as
    /// larger than all.
    ///
    /// # Panics
    /// If there is no such axis or it has size 0.
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Ids {
        self.assert_some("argmax", axis);
        let last = self.axis_last("argmax", axis);
        let (cols, rows) = (last.dim(-1), &last.shape()[..self.rank() - 1]);
        let mut found = vec![0; shape::size(rows)];
        reduce::argmax_rows(last.data(), cols, &mut found);
        Ids::new(found.into_iter().map(|at| at as u32).collect(), rows)
    }

    /// Index of the smallest element along `axis`, which disappears: the first of several; a NaN counts as
    /// smaller than all.
    ///
    /// # Panics
    /// If there is no such axis or it has size 0.
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Ids {
        self.assert_some("argmin", axis);
        (-self).argmax(axis)
    }

    /// The variance along `axis`, which disappears, or stays with size 1 if `keep`:
    /// `Σ (x − mean)² / n`, or `/ (n − 1)` if `unbiased`. In two passes, so free of cancellation.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn var_axis(&self, axis: isize, keep: bool, unbiased: bool) -> Self {
        let deviation = self - &self.mean_axis(axis, true);
        let sum = deviation.fold_axes("var", &[axis], keep, reduce::SumSquares);
        &sum / (E::from_usize(self.dim(axis)) - if unbiased { E::ONE } else { E::ZERO })
    }

    /// `ln Σ eˣ` along `axis`, which disappears, or stays with size 1 if `keep`; −∞ of no elements.
    /// Overflows for no finite input.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn logsumexp_axis(&self, axis: isize, keep: bool) -> Self {
        let last = self.axis_last("logsumexp", axis);
        let out = Self::build(&last.shape()[..self.rank() - 1], |out| {
            softmax::logsumexp(last.data(), last.dim(-1), out);
        });
        if keep { out.reshape(&self.kept_shape(&[axis_index("logsumexp", axis, self.rank())])) } else { out }
    }

    /// Running sums along `axis`: `yᵢ = x₀ + … + xᵢ`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Self {
        let at = axis_index("cumsum", axis, self.rank());
        let source = self.contiguous();
        let [_, length, inner] = split_at_axis(&self.shape, at);
        let block = length * inner;
        Self::build(&self.shape, |out| {
            out.copy_from_slice(source.data());
            if out.is_empty() {
                return;
            }
            let blocks = out.len() / block;
            par::for_each(par::rows(out, block), blocks, par::rows_per_chunk(block), |_, part| {
                for block in part.data.chunks_exact_mut(block) {
                    running_sum(block, inner);
                }
            });
        })
    }

    /// Sums over what [`broadcast_to`](Self::broadcast_to) would have stretched, so that `shape` is the
    /// result's: the gradient of broadcasting.
    ///
    /// # Panics
    /// If `shape` does not broadcast to this shape.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let dy = Tensor::<f32>::ones(&[4, 2, 3]);                 // (batch, time, hidden)
    /// assert_eq!(dy.sum_to(&[3]).to_vec(), [8.0; 3]);           // (hidden)
    /// assert_eq!(dy.sum_to(&[2, 1]).to_vec(), [12.0; 2]);       // (time, 1)
    /// ```
    #[track_caller]
    pub fn sum_to(&self, shape: &[usize]) -> Self {
        if *self.shape == *shape {
            return self.clone();
        }
        if shape::broadcast(shape, &self.shape).is_none_or(|out| out != self.shape) {
            let operands = [("from", "", self.shape()), ("to", "", shape)];
            shape::fail("sum_to", &operands, "the second does not broadcast to the first");
        }
        let new = self.rank() - shape.len();
        let mut axes = Dims::default();
        for axis in 0..self.rank() {
            if axis < new || (shape[axis - new] == 1 && self.shape[axis] != 1) {
                axes.push(axis);
            }
        }
        self.fold(&axes, Sum).reshape(shape)
    }

    /// `Σ x²` over all elements.
    pub fn sum_squares(&self) -> E {
        reduce::sum_squares(self.memory_order().data())
    }

    #[track_caller]
    fn fold_axes<F: Fold>(&self, op: &str, axes: &[isize], keep: bool, f: F) -> Self {
        let mut at = Dims::default();
        for &axis in axes {
            let index = axis_index(op, axis, self.rank());
            assert!(!at.contains(&index), "{op}: axis {axis} named twice in {axes:?}");
            at.push(index);
        }
        let out = self.fold(&at, f);
        if keep { out.reshape(&self.kept_shape(&at)) } else { out }
    }

    /// The result of folding `axes`, which disappear.
    fn fold<F: Fold>(&self, axes: &[usize], f: F) -> Self {
        let kept: Vec<usize> = (0..self.rank()).filter(|axis| !axes.contains(axis)).collect();
        let mut order = self.descending_strides();
        let mut ordered = self.permute(&order);
        if !(ordered.is_contiguous() && neighbours(&order, &ordered.shape, axes)) {
            order = Dims::new(&[&kept, axes].concat());
            ordered = self.permute(&order).contiguous();
        }
        // Kept axes in the order of memory; permuted to their own order at the end.
        let out_order: Vec<usize> = order.iter().copied().filter(|axis| !axes.contains(axis)).collect();
        let out_shape: Vec<usize> = out_order.iter().map(|axis| self.shape[*axis]).collect();
        let first = order.iter().position(|axis| axes.contains(axis) && self.shape[*axis] != 1);
        let first = first.unwrap_or(order.len());
        let outer = shape::size(&ordered.shape[..first]);
        let reduced: usize = axes.iter().map(|axis| self.shape[*axis]).product();
        let out = Self::build(&out_shape, |out| fold_middle(ordered.data(), outer, reduced, out, f));
        let back: Vec<usize> =
            kept.iter().map(|axis| out_order.iter().position(|o| o == axis).expect("a kept axis")).collect();
        out.permute(&back).contiguous()
    }

    /// The same elements in the order in which they lie in memory, if they lie without gaps; else row-major.
    fn memory_order(&self) -> Self {
        self.permute(&self.descending_strides()).contiguous()
    }

    /// Axes by descending stride; axes of size 1 keep their places as far as the sort allows.
    fn descending_strides(&self) -> Dims {
        let mut order = Dims::new(&self.shape);
        order.iter_mut().enumerate().for_each(|(axis, o)| *o = axis);
        if !self.is_contiguous() {
            order.sort_by_key(|axis| std::cmp::Reverse(self.strides[*axis]));
        }
        order
    }

    /// Row-major with `axis` moved to the end.
    #[track_caller]
    pub(crate) fn axis_last(&self, op: &str, axis: isize) -> Self {
        let at = axis_index(op, axis, self.rank());
        let order: Vec<usize> = (0..self.rank()).filter(|a| *a != at).chain([at]).collect();
        self.permute(&order).contiguous()
    }

    fn kept_shape(&self, axes: &[usize]) -> Dims {
        let mut kept = self.shape;
        axes.iter().for_each(|axis| kept[*axis] = 1);
        kept
    }

    #[track_caller]
    fn assert_some(&self, op: &str, axis: isize) {
        let at = axis_index(op, axis, self.rank());
        assert!(self.shape[at] > 0, "{op}: no elements along axis {axis} of shape {:?}", self.shape());
    }
}

/// Whether the axes to reduce stand next to each other in `order`; those of size 1 may stand anywhere.
fn neighbours(order: &[usize], ordered_shape: &[usize], axes: &[usize]) -> bool {
    let wide = order.iter().zip(ordered_shape).filter(|(_, dim)| **dim != 1);
    let reduced: Vec<bool> = wide.map(|(axis, _)| axes.contains(axis)).collect();
    let changes = reduced.windows(2).filter(|pair| pair[0] != pair[1]).count();
    changes + usize::from(reduced.first() == Some(&true)) <= 2
}

/// `[outer, length, inner]` of a row-major shape around `axis`.
pub(crate) fn split_at_axis(shape: &[usize], axis: usize) -> [usize; 3] {
    [shape::size(&shape[..axis]), shape[axis], shape::size(&shape[axis + 1..])]
}

/// `y[o, i] = F over x[o, ·, i]` for `x (outer, reduced, inner)`, `y (outer, inner)`.
fn fold_middle<E: Element, F: Fold>(x: &[E], outer: usize, reduced: usize, y: &mut [E], f: F) {
    if y.is_empty() {
        return;
    }
    if x.is_empty() {
        return y.fill(F::start());
    }
    let inner = y.len() / outer;
    let few_long_rows = reduced >= 4 * par::CHUNK;
    if inner == 1 && few_long_rows {
        y.iter_mut().zip(x.chunks_exact(reduced)).for_each(|(y, x)| *y = reduce::fold(x, f));
    } else if inner == 1 {
        reduce::fold_rows(x, reduced, y, f);
    } else {
        let block = reduced * inner;
        let data = (par::rows(x, block), par::rows(y, inner));
        par::for_each(data, outer, par::rows_per_chunk(block), |_, (x, y)| {
            for (x, y) in x.data.chunks_exact(block).zip(y.data.chunks_exact_mut(inner)) {
                reduce::fold_columns(x, y, f);
            }
        });
    }
}

/// Adds to every element the one `inner` before it, from the front.
fn running_sum<E: Element>(block: &mut [E], inner: usize) {
    for at in inner..block.len() {
        let before = block[at - inner];
        block[at] += before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::par::tests::same_on_any_threads;
    use crate::test_views::{indices, view};
    use proptest::prelude::*;

    /// The elements that fall on each index of the result, by definition.
    fn groups(x: &Tensor<f64>, axes: &[usize]) -> Vec<Vec<f64>> {
        let kept: Vec<usize> =
            (0..x.rank()).map(|a| if axes.contains(&a) { 1 } else { x.shape()[a] }).collect();
        let mut groups = vec![vec![]; shape::size(&kept)];
        for index in indices(x.shape()) {
            let flat = index.iter().zip(&kept).fold(0, |flat, (i, d)| flat * d + i.min(&(d - 1)));
            groups[flat].push(x.at(&index));
        }
        groups
    }

    proptest! {
        #[test]
        fn any_axes_of_any_view(x in view(0..5), chosen in prop::collection::vec(any::<bool>(), 8), keep: bool) {
            let axes: Vec<usize> = (0..x.rank()).filter(|axis| chosen[*axis]).collect();
            let signed: Vec<isize> = axes.iter().rev().map(|a| *a as isize - x.rank() as isize).collect();
            let groups = groups(&x, &axes);
            let sum = x.sum_axes(&signed, keep);
            let shape: Vec<usize> = (0..x.rank())
                .filter(|axis| keep || !axes.contains(axis))
                .map(|axis| if axes.contains(&axis) { 1 } else { x.shape()[axis] })
                .collect();
            prop_assert_eq!(sum.shape(), &shape[..]);
            let expected: Vec<f64> = groups.iter().map(|g| g.iter().sum()).collect();
            prop_assert_eq!(sum.data(), &expected[..]);
            prop_assert_eq!(sum.reshape(&shape_of(&x, &axes)), x.sum_axes(&signed, true));
            prop_assert_eq!(x.sum_to(&shape_of(&x, &axes)).to_vec(), &expected[..]);
        }

        #[test]
        fn one_axis(x in view(1..5), axis in 0_usize..8) {
            prop_assume!(x.rank() > 0);
            let axis = axis % x.rank();
            let groups = groups(&x, &[axis]);
            let every = |f: fn(&[f64]) -> f64| groups.iter().map(|g| f(g)).collect::<Vec<_>>();
            let a = axis as isize;
            let max = |g: &[f64]| g.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let min = |g: &[f64]| g.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert_eq!(x.max_axis(a, false).to_vec(), every(max));
            prop_assert_eq!(x.min_axis(a, true).to_vec(), every(min));
            let first = |g: &[f64], value: f64| g.iter().position(|x| *x == value).unwrap() as u32;
            let largest: Vec<u32> = groups.iter().map(|g| first(g, max(g))).collect();
            let smallest: Vec<u32> = groups.iter().map(|g| first(g, min(g))).collect();
            let (argmax, argmin) = (x.argmax(a), x.argmin(a));
            prop_assert_eq!(argmax.data(), &largest[..]);
            prop_assert_eq!(argmin.data(), &smallest[..]);
            let close = |y: Tensor<f64>, z: Vec<f64>| {
                y.data().iter().zip(&z).all(|(y, z)| (y - z).abs() <= 1e-12 * z.abs().max(1.0))
            };
            prop_assert!(close(x.mean_axis(a, false), every(|g| g.iter().sum::<f64>() / g.len() as f64)));
            prop_assert!(close(x.prod_axis(a, false), every(|g| g.iter().product())));
            prop_assert!(close(x.logsumexp_axis(a, true), every(|g| g.iter().map(|x| x.exp()).sum::<f64>().ln())));
            let variance = |g: &[f64]| {
                let mean = g.iter().sum::<f64>() / g.len() as f64;
                g.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / g.len() as f64
            };
            prop_assert!(close(x.var_axis(a, false, false), every(variance)));
            let sums = x.cumsum(a);
            for index in indices(x.shape()) {
                let upto = x.slice(a, 0..index[axis] + 1);
                let mut at = index.clone();
                at[axis] = 0;
                prop_assert_eq!(sums.at(&index), upto.sum_axis(a, true).at(&at));
            }
        }

        #[test]
        fn everything_at_once(x in view(1..5)) {
            let all = x.to_vec();
            prop_assert_eq!(x.sum().item(), all.iter().sum::<f64>());
            prop_assert_eq!(x.sum_squares(), all.iter().map(|x| x * x).sum::<f64>());
            prop_assert_eq!(x.max().item(), all.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            prop_assert_eq!(x.min().item(), all.iter().copied().fold(f64::INFINITY, f64::min));
            prop_assert_eq!(x.mean().item(), all.iter().sum::<f64>() / all.len() as f64);
        }
    }

    fn shape_of(x: &Tensor<f64>, axes: &[usize]) -> Vec<usize> {
        (0..x.rank()).map(|axis| if axes.contains(&axis) { 1 } else { x.shape()[axis] }).collect()
    }

    #[test]
    fn nothing_reduces_to_the_neutral_element() {
        let x = Tensor::<f32>::zeros(&[2, 0, 3]);
        assert_eq!(x.sum_axis(1, false).to_vec(), [0.0; 6]);
        assert_eq!(x.sum_axis(0, false).shape(), [0, 3]);
        assert_eq!(x.prod().item(), 1.0);
        assert!(x.mean().item().is_nan());
        assert_eq!(x.logsumexp_axis(1, false).to_vec(), [f32::NEG_INFINITY; 6]);
        assert_eq!(x.cumsum(1).shape(), [2, 0, 3]);
        assert_eq!(x.max_axis(0, false).shape(), [0, 3]);
    }

    #[test]
    fn nan_wins() {
        let x = Tensor::from_slice(&[1.0, f32::NAN, 3.0, 4.0, 2.0, 9.0], &[2, 3]);
        assert!(x.max_axis(1, false).at(&[0]).is_nan() && x.min().item().is_nan());
        assert_eq!(x.argmax(1).data(), [1, 2]);
        assert_eq!(x.argmin(1).data(), [1, 1]);
    }

    #[test]
    fn same_bits_on_any_number_of_threads() {
        let x = Tensor::<f32>::arange(3 * 400 * 700).map(|x| (x * 0.37).sin()).reshape(&[3, 400, 700]);
        same_on_any_threads(|| {
            let sums = [
                x.sum(),
                x.sum_to(&[700]),
                x.sum_to(&[400, 1]),
                x.sum_axes(&[0, 2], false),
                x.t().sum_axis(-1, false),
                x.reshape(&[2, 420_000]).sum_axis(1, false),
                x.var_axis(1, false, true),
                x.cumsum(1),
            ];
            sums.iter().flat_map(Tensor::to_vec).map(f32::to_bits).collect::<Vec<_>>()
        });
    }

    #[test]
    #[should_panic(expected = "max: no elements along axis 1 of shape [2, 0]")]
    fn no_maximum_of_nothing() {
        let _ = Tensor::<f32>::zeros(&[2, 0]).max_axis(1, false);
    }

    #[test]
    #[should_panic(expected = "sum_to: from (2, 3), to (2): the second does not broadcast to the first")]
    fn sum_to_needs_a_broadcast() {
        let _ = Tensor::<f32>::zeros(&[2, 3]).sum_to(&[2]);
    }
}
