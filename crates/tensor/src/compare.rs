//! Comparing, choosing and sorting.

use std::cmp::Ordering;

use crate::bools::Bools;
use crate::element::Element;
use crate::elementwise::{for_chunks, inner_length, merge, segments};
use crate::ids::Ids;
use crate::kernels::par;
use crate::shape::{self, contiguous_strides};
use crate::tensor::Tensor;

macro_rules! comparison {
    ($name:ident $scalar:ident $op:tt $symbol:literal) => {
        #[doc = concat!("Where `x ", $symbol, " y`, with broadcasting; false where either is NaN, except in `ne`.")]
        ///
        /// # Panics
        /// If the shapes do not broadcast.
        #[allow(clippy::should_implement_trait)] // Elementwise, unlike the operator of the standard library.
        #[track_caller]
        pub fn $name(&self, other: &Self) -> Bools {
            self.compare(stringify!($name), other, |x, y| x $op y)
        }

        #[doc = concat!("Where `x ", $symbol, " value`.")]
        pub fn $scalar(&self, value: E) -> Bools {
            self.compare(stringify!($scalar), &Self::scalar(value), |x, y| x $op y)
        }
    };
}

impl<E: Element> Tensor<E> {
    comparison!(eq eq_scalar == "= ");
    comparison!(ne ne_scalar != "≠ ");
    comparison!(lt lt_scalar < "< ");
    comparison!(le le_scalar <= "≤ ");
    comparison!(gt gt_scalar > "> ");
    comparison!(ge ge_scalar >= "≥ ");

    #[track_caller]
    fn compare(&self, op: &str, other: &Self, f: impl Fn(E, E) -> bool + Sync + Copy) -> Bools {
        let Some(shape) = shape::broadcast(self.shape(), other.shape()) else {
            let operands = [("left", "", self.shape()), ("right", "", other.shape())];
            shape::fail(op, &operands, "shapes do not broadcast");
        };
        let (x, y) = (self.strided_data(), other.strided_data());
        let (dims, strides) =
            merge(&shape, [self.broadcast_strides(&shape), other.broadcast_strides(&shape)]);
        let mut out = vec![false; shape::size(&shape)];
        for_chunks(&mut out, inner_length(&dims), &|start, out| {
            segments(&dims, strides, start, out, &mut |at, steps, out| {
                let (x, y) = (&x[at[0]..], &y[at[1]..]);
                match steps {
                    [1, 1] => out.iter_mut().zip(x.iter().zip(y)).for_each(|(o, (x, y))| *o = f(*x, *y)),
                    [1, 0] => out.iter_mut().zip(x).for_each(|(o, x)| *o = f(*x, y[0])),
                    _ => {
                        out.iter_mut()
                            .enumerate()
                            .for_each(|(i, o)| *o = f(x[i * steps[0]], y[i * steps[1]]));
                    }
                }
            });
        });
        Bools::new(out, &shape)
    }

    /// `a` where `mask` is true, `b` elsewhere; all three broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let x = Tensor::from_slice(&[-1.0_f32, 2.0, -3.0], &[3]);
    /// let magnitude = Tensor::select_where(&x.lt_scalar(0.0), &-&x, &x);
    /// assert_eq!(magnitude.to_vec(), [1.0, 2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn select_where(mask: &Bools, a: &Self, b: &Self) -> Self {
        let shape = shape::broadcast(a.shape(), b.shape()).and_then(|ab| shape::broadcast(mask.shape(), &ab));
        let Some(shape) = shape else {
            let operands = [("mask", "", mask.shape()), ("a", "", a.shape()), ("b", "", b.shape())];
            shape::fail("select_where", &operands, "shapes do not broadcast");
        };
        let mask_strides = shape::broadcast_strides(mask.shape(), &contiguous_strides(mask.shape()), &shape);
        let strides = [mask_strides, a.broadcast_strides(&shape), b.broadcast_strides(&shape)];
        let (mask, a, b) = (mask.data(), a.strided_data(), b.strided_data());
        let (dims, strides) = merge(&shape, strides);
        Self::build(&shape, |out| {
            for_chunks(out, inner_length(&dims), &|start, out| {
                segments(&dims, strides, start, out, &mut |at, steps, out| {
                    let (mask, a, b) = (&mask[at[0]..], &a[at[1]..], &b[at[2]..]);
                    let choose = |m: bool, a: E, b: E| if m { a } else { b };
                    match steps {
                        [1, 0, 1] => {
                            let pairs = mask.iter().zip(b);
                            out.iter_mut().zip(pairs).for_each(|(o, (m, b))| *o = choose(*m, a[0], *b));
                        }
                        [1, 1, 0] => {
                            let pairs = mask.iter().zip(a);
                            out.iter_mut().zip(pairs).for_each(|(o, (m, a))| *o = choose(*m, *a, b[0]));
                        }
                        [m, x, y] => {
                            let each = out.iter_mut().enumerate();
                            each.for_each(|(i, o)| *o = choose(mask[i * m], a[i * x], b[i * y]));
                        }
                    }
                });
            });
        })
    }

    /// `value` where `mask`, which broadcasts to this shape, is true; unchanged elsewhere.
    ///
    /// # Panics
    /// If `mask` does not broadcast to this shape.
    #[track_caller]
    pub fn masked_fill(&self, mask: &Bools, value: E) -> Self {
        if shape::broadcast(mask.shape(), self.shape()).is_none_or(|out| out != self.shape) {
            let operands = [("x", "", self.shape()), ("mask", "", mask.shape())];
            shape::fail("masked_fill", &operands, "the mask does not broadcast to x");
        }
        Self::select_where(mask, &Self::scalar(value), self)
    }

    /// The `k` largest elements along the last axis, largest first, and their indices: `(.., n)` →
    /// `(.., k)` each. Of equal elements the first comes first; a NaN counts as larger than all.
    ///
    /// # Panics
    /// If there is no axis or `k` is above its size.
    #[track_caller]
    pub fn topk(&self, k: usize) -> (Self, Ids) {
        shape::agree("topk", &[("x", ".. n", self.shape())]);
        let n = self.dim(-1);
        assert!(k <= n, "topk: {k} of the last axis of shape {:?}", self.shape());
        self.ordered(k, |row, order| {
            if k < n {
                order.select_nth_unstable_by(k, |a, b| descending(row, *a, *b));
            }
            order[..k].sort_unstable_by(|a, b| descending(row, *a, *b));
        })
    }

    /// The indices that sort along the last axis: `(.., n)` → `(.., n)`. Equal elements keep their order; a NaN
    /// counts as larger than all.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn argsort(&self, descending: bool) -> Ids {
        self.sort(descending).1
    }

    /// The elements sorted along the last axis, and the indices they came from: `(.., n)` → `(.., n)` each.
    /// Equal elements keep their order; a NaN counts as larger than all.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn sort(&self, descending: bool) -> (Self, Ids) {
        shape::agree("sort", &[("x", ".. n", self.shape())]);
        self.ordered(self.dim(-1), |row, order| {
            if descending {
                order.sort_unstable_by(|a, b| self::descending(row, *a, *b));
            } else {
                order.sort_unstable_by(|a, b| greater(row, *a, *b).then(a.cmp(b)));
            }
        })
    }

    /// The first `k` elements and indices of every row once `arrange` has put its indices in order.
    fn ordered(&self, k: usize, arrange: impl Fn(&[E], &mut [u32]) + Sync) -> (Self, Ids) {
        let (source, n) = (self.contiguous(), self.dim(-1));
        let mut shape = self.shape;
        shape[self.rank() - 1] = k; // (.., k)
        let mut ids = vec![0; shape::size(&shape)];
        let values = Self::build(&shape, |out| {
            if out.is_empty() {
                return;
            }
            let count = out.len() / k;
            let data = (par::rows(source.data(), n), par::rows(out, k), par::rows(&mut ids[..], k));
            par::for_each(data, count, par::rows_per_chunk(16 * n), |_, (x, out, ids)| {
                let mut order: Vec<u32> = Vec::with_capacity(n);
                let results = out.data.chunks_exact_mut(k).zip(ids.data.chunks_exact_mut(k));
                for (row, (out, ids)) in x.data.chunks_exact(n).zip(results) {
                    order.clear();
                    order.extend(0..n as u32);
                    arrange(row, &mut order);
                    ids.copy_from_slice(&order[..k]);
                    out.iter_mut().zip(ids).for_each(|(o, at)| *o = row[*at as usize]);
                }
            });
        });
        (values, Ids::new(ids, &shape))
    }

    /// Whether the shapes are equal and `|xᵢ − yᵢ| ≤ atol + rtol · |yᵢ|` everywhere. Equal infinities are
    /// close, a NaN is close to nothing.
    pub fn all_close(&self, other: &Self, rtol: f64, atol: f64) -> bool {
        let close = |x: f64, y: f64| x == y || (x - y).abs() <= atol + rtol * y.abs();
        let (a, b) = (self.contiguous(), other.contiguous());
        self.shape == other.shape
            && a.data().iter().zip(b.data()).all(|(x, y)| {
                let (x, y) = (x.to_f64(), y.to_f64());
                close(x, y) && (x.is_finite() && y.is_finite() || x == y)
            })
    }

    /// The largest `|xᵢ − yᵢ|`; NaN if any difference is, 0 if there are no elements.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn max_abs_diff(&self, other: &Self) -> f64 {
        if self.shape != other.shape {
            let operands = [("left", "", self.shape()), ("right", "", other.shape())];
            shape::fail("max_abs_diff", &operands, "shapes differ");
        }
        let (a, b) = (self.contiguous(), other.contiguous());
        let differences = a.data().iter().zip(b.data()).map(|(x, y)| match (x.to_f64(), y.to_f64()) {
            (x, y) if x == y => 0.0,
            (x, y) => (x - y).abs(),
        });
        differences.fold(0.0, Element::maximum)
    }
}

/// Orders two places of a row by value, NaN last.
fn greater<E: Element>(row: &[E], a: u32, b: u32) -> Ordering {
    let (x, y) = (row[a as usize], row[b as usize]);
    x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
}

/// Orders two places of a row by falling value, NaN first, equal values by place.
fn descending<E: Element>(row: &[E], a: u32, b: u32) -> Ordering {
    greater(row, b, a).then(a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::par::tests::same_on_any_threads;
    use crate::test_views::{indices, reshown, view};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn compares_and_chooses_by_element(x in view(0..5), axis in 0_usize..8, kind in 0_usize..5, cut in 0_usize..3) {
            let mut other = x.shape()[cut.min(x.rank())..].to_vec();
            if !other.is_empty() {
                let axis = axis % other.len();
                other[axis] = 1;
            }
            let y = reshown(&other, kind, 0, 1).map(|y| y / 2.0);
            let full = y.broadcast_to(x.shape());
            let less = x.lt(&y);
            let chosen = Tensor::select_where(&less, &x, &y);
            let narrow = Tensor::select_where(&y.ge_scalar(0.0), &y, &x);
            let filled = x.masked_fill(&y.ge_scalar(0.0), 77.0);
            for index in indices(x.shape()) {
                let (a, b) = (x.at(&index), full.at(&index));
                prop_assert_eq!(less.at(&index), a < b);
                prop_assert_eq!(x.eq(&y).at(&index), a == b);
                prop_assert_eq!(x.ge(&y).at(&index), a >= b);
                prop_assert_eq!(x.ne_scalar(2.0).at(&index), a != 2.0);
                prop_assert_eq!(chosen.at(&index), if a < b { a } else { b });
                prop_assert_eq!(narrow.at(&index), if b >= 0.0 { b } else { a });
                prop_assert_eq!(filled.at(&index), if b >= 0.0 { 77.0 } else { a });
            }
        }

        #[test]
        fn sorts_stably(x in view(0..7), k in 0_usize..7) {
            prop_assume!(x.rank() > 0);
            let n = x.dim(-1);
            let (up, down, (top, ids)) = (x.sort(false), x.sort(true), x.topk(k.min(n)));
            prop_assert_eq!(x.argsort(false), up.1.clone());
            for (row, at) in indices(&x.shape()[..x.rank() - 1]).into_iter().enumerate() {
                let values: Vec<f64> = (0..n).map(|i| x.at(&[&at[..], &[i]].concat())).collect();
                let mut order: Vec<usize> = (0..n).collect();
                order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
                let got: Vec<usize> = up.1.data()[row * n..][..n].iter().map(|i| *i as usize).collect();
                prop_assert_eq!(&got, &order);
                order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
                // A stable sort of a sorted list by the reverse order keeps equal elements by place.
                let got: Vec<usize> = down.1.data()[row * n..][..n].iter().map(|i| *i as usize).collect();
                prop_assert_eq!(&got, &order);
                let k = k.min(n);
                prop_assert_eq!(&ids.data()[row * k..][..k], &down.1.data()[row * n..][..k]);
                prop_assert_eq!(&top.data()[row * k..][..k], &down.0.data()[row * n..][..k]);
            }
        }
    }

    #[test]
    fn nan_is_the_largest() {
        let x = Tensor::from_slice(&[1.0, f32::NAN, 3.0, f32::NEG_INFINITY], &[4]);
        assert_eq!(x.topk(2).1.data(), [1, 2]);
        assert_eq!(x.argsort(false).data(), [3, 0, 2, 1]);
        assert_eq!(x.le(&x).data(), [true, false, true, true]);
        assert_eq!(x.ne(&x).data(), [false, true, false, false]);
    }

    #[test]
    fn closeness() {
        let x = Tensor::from_slice(&[1.0, f64::INFINITY], &[2]);
        let y = Tensor::from_slice(&[1.01, f64::INFINITY], &[2]);
        assert!(x.all_close(&y, 0.01, 0.0) && !x.all_close(&y, 0.001, 0.0) && x.all_close(&y, 0.0, 0.02));
        assert!((x.max_abs_diff(&y) - 0.01).abs() < 1e-12);
        let nan = Tensor::from_slice(&[f64::NAN, 0.0], &[2]);
        assert!(!nan.all_close(&nan, 1.0, 1.0) && nan.max_abs_diff(&x).is_nan());
        assert!(!x.all_close(&Tensor::zeros(&[2, 1]), 1.0, 1.0));
        assert!(!Tensor::scalar(1.0).all_close(&Tensor::scalar(f64::INFINITY), 1.0, 0.0));
    }

    #[test]
    fn large_comparisons_share_the_work() {
        let x = Tensor::<f32>::arange(300_000).map(|x| (x * 0.1).sin()).reshape(&[300, 1000]);
        let (positive, top) = same_on_any_threads(|| (x.gt_scalar(0.0).count(), x.topk(3).1.data().to_vec()));
        assert_eq!(positive, x.data().iter().filter(|x| **x > 0.0).count());
        assert_eq!(top[3..6], x.sort(true).1.row(1)[..3]);
    }
}
