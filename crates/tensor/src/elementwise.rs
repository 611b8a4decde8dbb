//! Elementwise operations: one strided loop under all of them.
//!
//! Operands are first aligned to the result's shape (stride 0 along stretched dimensions), then dimensions
//! that lie behind each other in every operand are merged. What is left is an outer odometer around an inner
//! loop of unit or zero strides that vectorises: no index arithmetic per element in the usual cases, whatever
//! the rank.

use std::ops::{Add, Div, Mul, Neg, Sub};

use rayon::prelude::*;

use crate::buffer::Buffer;
use crate::element::Element;
use crate::shape::{self, Dims};
use crate::simd::{Kernel, dispatch};
use crate::tensor::Tensor;

/// Elements per parallel task, and the size from which work is shared at all.
const CHUNK: usize = 1 << 15;

impl<E: Element> Tensor<E> {
    /// `yᵢ = f(xᵢ)`.
    pub fn map(&self, f: impl Fn(E) -> E + Sync + Copy) -> Self {
        let operand = [(self.strided_data(), self.strides)];
        elementwise(&self.shape, operand, move |[x]| f(x))
    }

    /// `zᵢ = f(xᵢ, yᵢ)` with broadcasting.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn zip(&self, other: &Self, f: impl Fn(E, E) -> E + Sync + Copy) -> Self {
        self.zip_named("zip", other, f)
    }

    #[track_caller]
    pub(crate) fn zip_named(&self, op: &str, other: &Self, f: impl Fn(E, E) -> E + Sync + Copy) -> Self {
        let Some(shape) = shape::broadcast(&self.shape, &other.shape) else {
            let operands = [("left", "", &*self.shape), ("right", "", &*other.shape)];
            shape::fail(op, &operands, "shapes do not broadcast");
        };
        let operands = [
            (self.strided_data(), self.broadcast_strides(&shape)),
            (other.strided_data(), other.broadcast_strides(&shape)),
        ];
        elementwise(&shape, operands, move |[x, y]| f(x, y))
    }

    /// `xᵢ ← f(xᵢ, yᵢ)` in place; `other` broadcasts to the shape of `self`.
    ///
    /// # Panics
    /// If `other` does not broadcast to this shape.
    #[track_caller]
    pub fn zip_assign(&mut self, other: &Self, f: impl Fn(E, E) -> E + Sync + Copy) {
        let other = other.broadcast_to(&self.shape);
        let shape = self.shape;
        let target = self.data_mut();
        let (dims, [strides]) = merge(&shape, [other.strides]);
        let source = other.strided_data();
        let inner = inner_length(&dims);
        let body = |start: usize, out: &mut [E]| {
            segments(&dims, [strides], start, out, &mut |[at], [step], out| {
                dispatch(Assign { source: &source[at..], step, out, f });
            });
        };
        for_chunks(target, inner, &body);
    }

    /// `x ← x + y`; `y` broadcasts.
    ///
    /// # Panics
    /// If `y` does not broadcast to this shape.
    #[track_caller]
    pub fn add_assign(&mut self, y: &Self) {
        self.zip_assign(y, |a, b| a + b);
    }

    /// `x ← a·x`.
    pub fn scale_assign(&mut self, a: E) {
        let target = self.data_mut();
        let body = |_: usize, out: &mut [E]| out.iter_mut().for_each(|x| *x *= a);
        for_chunks(target, CHUNK, &body);
    }

    /// Elementwise maximum, with broadcasting; NaN where either is NaN.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(&self, other: &Self) -> Self {
        self.zip_named("maximum", other, E::maximum)
    }

    /// Elementwise minimum, with broadcasting; NaN where either is NaN.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(&self, other: &Self) -> Self {
        self.zip_named("minimum", other, E::minimum)
    }

    /// Every element limited to `[low, high]`.
    pub fn clamp(&self, low: E, high: E) -> Self {
        self.map(|x| x.maximum(low).minimum(high))
    }

    /// `|x|`.
    pub fn abs(&self) -> Self {
        self.map(E::abs)
    }

    /// `x²`.
    pub fn square(&self) -> Self {
        self.map(|x| x * x)
    }

    /// `√x`.
    pub fn sqrt(&self) -> Self {
        self.map(E::sqrt)
    }

    /// `xᵃ`.
    pub fn powf(&self, exponent: E) -> Self {
        self.map(|x| x.powf(exponent))
    }

    /// `sin x`.
    pub fn sin(&self) -> Self {
        self.map(E::sin)
    }

    /// `cos x`.
    pub fn cos(&self) -> Self {
        self.map(E::cos)
    }
}

/// `f` over aligned operands, into a new contiguous tensor.
fn elementwise<E: Element, const N: usize>(
    shape: &[usize],
    operands: [(&[E], Dims); N],
    f: impl Fn([E; N]) -> E + Sync + Copy,
) -> Tensor<E> {
    let mut buffer = Buffer::stale(shape::size(shape));
    let (dims, strides) = merge(shape, operands.map(|operand| operand.1));
    let body = |start: usize, out: &mut [E]| {
        segments(&dims, strides, start, out, &mut |at, steps, out| {
            let sources = std::array::from_fn(|n| &operands[n].0[at[n]..]);
            dispatch(Segment { sources, steps, out, f });
        });
    };
    for_chunks(buffer.as_mut_slice(), inner_length(&dims), &body);
    Tensor::from_buffer(buffer, shape)
}

/// Cuts `out` into tasks of whole inner rows where rows are short; the cut depends on sizes alone. Behind a
/// pointer, as in [`segments`], what is not the loop itself is compiled once and not for each operation.
pub(crate) fn for_chunks<T: Send>(out: &mut [T], inner: usize, body: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if out.len() < 2 * CHUNK {
        if !out.is_empty() {
            body(0, out);
        }
        return;
    }
    let chunk = if inner < CHUNK { CHUNK / inner * inner } else { CHUNK };
    out.par_chunks_mut(chunk).enumerate().for_each(|(i, part)| body(i * chunk, part));
}

pub(crate) fn inner_length(dims: &Dims) -> usize {
    dims.last().copied().unwrap_or(1).max(1)
}

/// Drops dimensions of size 1 and merges neighbours that every operand walks in one stride.
pub(crate) fn merge<const N: usize>(shape: &[usize], strides: [Dims; N]) -> (Dims, [Dims; N]) {
    let mut dims = Dims::default();
    let mut out = [Dims::default(); N];
    for axis in 0..shape.len() {
        if shape[axis] == 1 {
            continue;
        }
        let last = dims.len();
        let joins = last > 0 && (0..N).all(|n| out[n][last - 1] == strides[n][axis] * shape[axis]);
        if joins {
            dims[last - 1] *= shape[axis];
            (0..N).for_each(|n| out[n][last - 1] = strides[n][axis]);
        } else {
            dims.push(shape[axis]);
            (0..N).for_each(|n| out[n].push(strides[n][axis]));
        }
    }
    (dims, out)
}

/// What [`segments`] calls: offsets, inner strides, part of the result.
type Run<'a, E, const N: usize> = dyn FnMut([usize; N], [usize; N], &mut [E]) + 'a;

/// Calls `body(offsets, inner strides, part of out)` for each run along the innermost dimension that `out`,
/// which begins at flat index `start` of the result, covers.
pub(crate) fn segments<E, const N: usize>(
    dims: &Dims,
    strides: [Dims; N],
    start: usize,
    out: &mut [E],
    body: &mut Run<'_, E, N>,
) {
    let Some(last) = dims.len().checked_sub(1) else {
        return body([0; N], [0; N], out);
    };
    let mut index = Dims::new(dims);
    let mut rest = start;
    for axis in (0..=last).rev() {
        index[axis] = rest % dims[axis];
        rest /= dims[axis];
    }
    let steps = std::array::from_fn(|n| strides[n][last]);
    let mut at: [usize; N] =
        std::array::from_fn(|n| index.iter().zip(&*strides[n]).map(|(i, s)| i * s).sum());
    let mut rest = out;
    while !rest.is_empty() {
        let run = rest.len().min(dims[last] - index[last]);
        let (now, later) = rest.split_at_mut(run);
        body(at, steps, now);
        rest = later;
        (0..N).for_each(|n| at[n] -= index[last] * steps[n]);
        index[last] = 0;
        for axis in (0..last).rev() {
            index[axis] += 1;
            (0..N).for_each(|n| at[n] += strides[n][axis]);
            if index[axis] < dims[axis] {
                break;
            }
            (0..N).for_each(|n| at[n] -= dims[axis] * strides[n][axis]);
            index[axis] = 0;
        }
    }
}

/// One run of [`elementwise`].
struct Segment<'a, E, F, const N: usize> {
    sources: [&'a [E]; N],
    steps: [usize; N],
    out: &'a mut [E],
    f: F,
}

impl<E: Element, F: Fn([E; N]) -> E, const N: usize> Kernel for Segment<'_, E, F, N> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { sources, steps, out, f } = self;
        let len = out.len();
        if steps.iter().all(|step| *step == 1) {
            let sources = sources.map(|source| &source[..len]);
            for i in 0..len {
                out[i] = f(std::array::from_fn(|n| sources[n][i]));
            }
        } else if N == 2 && steps[0] == 1 && steps[1] == 0 {
            let (x, y) = (&sources[0][..len], sources[1][0]);
            for i in 0..len {
                out[i] = f(std::array::from_fn(|n| if n == 0 { x[i] } else { y }));
            }
        } else if N == 2 && steps[0] == 0 && steps[1] == 1 {
            let (x, y) = (sources[0][0], &sources[1][..len]);
            for i in 0..len {
                out[i] = f(std::array::from_fn(|n| if n == 0 { x } else { y[i] }));
            }
        } else {
            for i in 0..len {
                out[i] = f(std::array::from_fn(|n| sources[n][i * steps[n]]));
            }
        }
    }
}

/// One run of [`Tensor::zip_assign`].
struct Assign<'a, E, F> {
    source: &'a [E],
    step: usize,
    out: &'a mut [E],
    f: F,
}

impl<E: Element, F: Fn(E, E) -> E> Kernel for Assign<'_, E, F> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { source, step, out, f } = self;
        match step {
            1 => out.iter_mut().zip(source).for_each(|(x, y)| *x = f(*x, *y)),
            0 => out.iter_mut().for_each(|x| *x = f(*x, source[0])),
            _ => out.iter_mut().enumerate().for_each(|(i, x)| *x = f(*x, source[i * step])),
        }
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $name:literal, $op:tt) => {
        /// Elementwise, with broadcasting. Panics if the shapes do not broadcast.
        impl<E: Element> $trait for &Tensor<E> {
            type Output = Tensor<E>;
            #[track_caller]
            fn $method(self, other: Self) -> Tensor<E> {
                self.zip_named($name, other, |a, b| a $op b)
            }
        }
        /// Elementwise with one number.
        impl<E: Element> $trait<E> for &Tensor<E> {
            type Output = Tensor<E>;
            fn $method(self, other: E) -> Tensor<E> {
                self.map(|a| a $op other)
            }
        }
    };
}
operator!(Add, add, "add", +);
operator!(Sub, sub, "sub", -);
operator!(Mul, mul, "mul", *);
operator!(Div, div, "div", /);

impl<E: Element> Neg for &Tensor<E> {
    type Output = Tensor<E>;
    fn neg(self) -> Tensor<E> {
        self.map(|a| -a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The value at every index, by definition.
    fn naive(a: &Tensor<f64>, b: &Tensor<f64>, shape: &[usize]) -> Vec<f64> {
        let (a, b) = (a.broadcast_to(shape), b.broadcast_to(shape));
        (0..shape::size(shape))
            .map(|flat| {
                let mut rest = flat;
                let mut index = shape.to_vec();
                for axis in (0..shape.len()).rev() {
                    index[axis] = rest % shape[axis];
                    rest /= shape[axis];
                }
                a.at(&index) - 2.0 * b.at(&index)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn any_strides_and_broadcasts(
            dims in prop::collection::vec(1_usize..5, 1..5),
            stretch in prop::collection::vec(any::<bool>(), 8),
            swap in any::<bool>(),
        ) {
            let mut other: Vec<usize> =
                dims.iter().zip(&stretch).map(|(d, s)| if *s { 1 } else { *d }).collect();
            if stretch[7] { other.remove(0); }
            let mut a = Tensor::<f64>::arange(shape::size(&dims)).reshape(&dims);
            let b = Tensor::<f64>::arange(shape::size(&other)).reshape(&other);
            if swap && dims.len() > 1 {
                let turned = a.transpose(0, -1).contiguous();
                a = turned.transpose(0, -1);
            }
            let c = a.zip(&b, |x, y| x - 2.0 * y);
            prop_assert_eq!(c.shape(), &dims[..]);
            prop_assert_eq!(c.to_vec(), naive(&a, &b, &dims));
            let mut d = a.clone();
            d.zip_assign(&b, |x, y| x - 2.0 * y);
            prop_assert_eq!(d.to_vec(), c.to_vec());
        }
    }

    #[test]
    fn large_tensors_take_the_parallel_path() {
        let x = Tensor::<f32>::arange(300 * 1000).reshape(&[300, 1000]);
        let row = Tensor::<f32>::arange(1000);
        let y = &x - &row;
        assert_eq!(y.at(&[299, 999]), 299_000.0);
        assert_eq!(x.t().map(|v| v + 1.0).at(&[7, 11]), 11_008.0);
    }

    #[test]
    #[should_panic(expected = "add: left (2, 3), right (4): shapes do not broadcast")]
    fn mismatch_names_both_shapes() {
        let _ = &Tensor::<f32>::zeros(&[2, 3]) + &Tensor::<f32>::zeros(&[4]);
    }
}
