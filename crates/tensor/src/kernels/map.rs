//! Elementwise loops: one or two inputs, rows and columns broadcast, and updates in place.
//!
//! Every function runs serially up to a few [`par::CHUNK`]s of cheap work and in parallel above.
//! All panic if the lengths disagree.

use super::par::{self, rows};
use crate::Element;
use crate::simd::{Kernel, dispatch};

/// A function of one element, compiled for every instruction set. Closures `Fn(E) -> E` are operations too.
pub trait Unary<E>: Sync {
    /// Cost of one application, in additions.
    const COST: usize = 1;
    /// The function. `FMA` tells whether a fused multiply-add is one instruction.
    fn apply<const FMA: bool>(&self, x: E) -> E;
}

impl<E, F: Fn(E) -> E + Sync> Unary<E> for F {
    #[inline(always)]
    fn apply<const FMA: bool>(&self, x: E) -> E {
        self(x)
    }
}

/// A function of two elements, compiled for every instruction set. Closures `Fn(E, E) -> E` are operations too.
pub trait Binary<E>: Sync {
    /// Cost of one application, in additions.
    const COST: usize = 1;
    /// The function. `FMA` tells whether a fused multiply-add is one instruction.
    fn apply<const FMA: bool>(&self, a: E, b: E) -> E;
}

impl<E, F: Fn(E, E) -> E + Sync> Binary<E> for F {
    #[inline(always)]
    fn apply<const FMA: bool>(&self, a: E, b: E) -> E {
        self(a, b)
    }
}

struct UnaryKernel<'a, E, F> {
    x: &'a [E],
    y: &'a mut [E],
    f: &'a F,
}

impl<E: Element, F: Unary<E>> Kernel for UnaryKernel<'_, E, F> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = self.f.apply::<FMA>(x);
        }
    }
}

/// `yᵢ = f(xᵢ)`
///
/// ```
/// use tensor::kernels::map;
/// let mut y = [0.0f32; 3];
/// map::unary(&[1.0, 2.0, 3.0], &mut y, |x: f32| x * x);
/// assert_eq!(y, [1.0, 4.0, 9.0]);
/// ```
pub fn unary<E: Element, F: Unary<E>>(x: &[E], y: &mut [E], f: F) {
    assert_eq!(x.len(), y.len(), "map: lengths differ");
    let chunk = par::rows_per_chunk(F::COST);
    par::for_each((x, y), x.len(), chunk, |_, (x, y)| dispatch(UnaryKernel { x, y, f: &f }));
}

struct InPlaceKernel<'a, E, F> {
    y: &'a mut [E],
    f: &'a F,
}

impl<E: Element, F: Unary<E>> Kernel for InPlaceKernel<'_, E, F> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for y in self.y {
            *y = self.f.apply::<FMA>(*y);
        }
    }
}

/// `yᵢ = f(yᵢ)`
pub fn unary_in_place<E: Element, F: Unary<E>>(y: &mut [E], f: F) {
    let (len, chunk) = (y.len(), par::rows_per_chunk(F::COST));
    par::for_each(y, len, chunk, |_, y| dispatch(InPlaceKernel { y, f: &f }));
}

struct BinaryKernel<'a, E, F> {
    a: &'a [E],
    b: &'a [E],
    y: &'a mut [E],
    f: &'a F,
}

impl<E: Element, F: Binary<E>> Kernel for BinaryKernel<'_, E, F> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for ((y, &a), &b) in self.y.iter_mut().zip(self.a).zip(self.b) {
            *y = self.f.apply::<FMA>(a, b);
        }
    }
}

/// `yᵢ = f(aᵢ, bᵢ)`
pub fn binary<E: Element, F: Binary<E>>(a: &[E], b: &[E], y: &mut [E], f: F) {
    assert!(a.len() == y.len() && b.len() == y.len(), "map: lengths differ");
    let chunk = par::rows_per_chunk(F::COST);
    par::for_each((a, b, y), a.len(), chunk, |_, (a, b, y)| dispatch(BinaryKernel { a, b, y, f: &f }));
}

struct UpdateKernel<'a, E, F> {
    y: &'a mut [E],
    x: &'a [E],
    f: &'a F,
}

impl<E: Element, F: Binary<E>> Kernel for UpdateKernel<'_, E, F> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = self.f.apply::<FMA>(*y, x);
        }
    }
}

/// `yᵢ = f(yᵢ, xᵢ)`
pub fn binary_in_place<E: Element, F: Binary<E>>(y: &mut [E], x: &[E], f: F) {
    assert_eq!(x.len(), y.len(), "map: lengths differ");
    let chunk = par::rows_per_chunk(F::COST);
    par::for_each((y, x), x.len(), chunk, |_, (y, x)| dispatch(UpdateKernel { y, x, f: &f }));
}

struct RowKernel<'a, E, F> {
    x: &'a [E],
    v: &'a [E],
    y: &'a mut [E],
    f: &'a F,
}

impl<E: Element, F: Binary<E>> Kernel for RowKernel<'_, E, F> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let cols = self.v.len();
        for (y, x) in self.y.chunks_exact_mut(cols).zip(self.x.chunks_exact(cols)) {
            for ((y, &x), &v) in y.iter_mut().zip(x).zip(self.v) {
                *y = self.f.apply::<FMA>(x, v);
            }
        }
    }
}

/// `y[r, c] = f(x[r, c], v[c])` for `x, y (rows, cols)`, `v (cols)`.
pub fn binary_row<E: Element, F: Binary<E>>(x: &[E], v: &[E], y: &mut [E], f: F) {
    let cols = v.len();
    check_matrix(x.len(), y.len(), cols);
    if cols == 0 {
        return;
    }
    let chunk = par::rows_per_chunk(cols * F::COST);
    par::for_each((rows(x, cols), rows(y, cols)), x.len() / cols, chunk, |_, (x, y)| {
        dispatch(RowKernel { x: x.data, v, y: y.data, f: &f });
    });
}

struct RowUpdateKernel<'a, E, F> {
    v: &'a [E],
    y: &'a mut [E],
    f: &'a F,
}

impl<E: Element, F: Binary<E>> Kernel for RowUpdateKernel<'_, E, F> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for y in self.y.chunks_exact_mut(self.v.len()) {
            for (y, &v) in y.iter_mut().zip(self.v) {
                *y = self.f.apply::<FMA>(*y, v);
            }
        }
    }
}

/// `y[r, c] = f(y[r, c], v[c])` for `y (rows, cols)`, `v (cols)`.
pub fn binary_row_in_place<E: Element, F: Binary<E>>(y: &mut [E], v: &[E], f: F) {
    let (cols, len) = (v.len(), y.len());
    check_matrix(len, len, cols);
    if cols == 0 {
        return;
    }
    let chunk = par::rows_per_chunk(cols * F::COST);
    par::for_each(rows(y, cols), len / cols, chunk, |_, y| {
        dispatch(RowUpdateKernel { v, y: y.data, f: &f });
    });
}

struct ColKernel<'a, E, F> {
    x: &'a [E],
    v: &'a [E],
    y: &'a mut [E],
    cols: usize,
    f: &'a F,
}

impl<E: Element, F: Binary<E>> Kernel for ColKernel<'_, E, F> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let lines = self.y.chunks_exact_mut(self.cols).zip(self.x.chunks_exact(self.cols));
        for ((y, x), &v) in lines.zip(self.v) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = self.f.apply::<FMA>(x, v);
            }
        }
    }
}

/// `y[r, c] = f(x[r, c], v[r])` for `x, y (rows, cols)`, `v (rows)`.
pub fn binary_col<E: Element, F: Binary<E>>(x: &[E], v: &[E], y: &mut [E], f: F) {
    if v.is_empty() || x.is_empty() {
        return assert!(x.is_empty() && y.is_empty(), "map: lengths differ");
    }
    let cols = x.len() / v.len();
    check_matrix(x.len(), y.len(), cols);
    assert_eq!(x.len(), v.len() * cols, "map: not one value for each row");
    let chunk = par::rows_per_chunk(cols * F::COST);
    par::for_each((rows(x, cols), v, rows(y, cols)), v.len(), chunk, |_, (x, v, y)| {
        dispatch(ColKernel { x: x.data, v, y: y.data, cols, f: &f });
    });
}

fn check_matrix(x: usize, y: usize, cols: usize) {
    assert_eq!(x, y, "map: lengths differ");
    assert!(
        if cols == 0 { x == 0 } else { x.is_multiple_of(cols) },
        "map: {x} elements are not rows of {cols}"
    );
}

struct Axpy<E>(E);
impl<E: Element> Binary<E> for Axpy<E> {
    #[inline(always)]
    fn apply<const FMA: bool>(&self, y: E, x: E) -> E {
        self.0.fma::<FMA>(x, y)
    }
}

/// `yᵢ += a · xᵢ`
pub fn axpy<E: Element>(a: E, x: &[E], y: &mut [E]) {
    binary_in_place(y, x, Axpy(a));
}

/// `yᵢ += xᵢ`
pub fn add_assign<E: Element>(y: &mut [E], x: &[E]) {
    binary_in_place(y, x, |y: E, x: E| y + x);
}

/// `yᵢ *= xᵢ`
pub fn mul_assign<E: Element>(y: &mut [E], x: &[E]) {
    binary_in_place(y, x, |y: E, x: E| y * x);
}

/// `yᵢ *= a`
pub fn scale<E: Element>(y: &mut [E], a: E) {
    unary_in_place(y, move |y: E| y * a);
}

/// `yᵢ = value`
pub fn fill<E: Element>(y: &mut [E], value: E) {
    let len = y.len();
    par::for_each(y, len, par::CHUNK, |_, y| y.fill(value));
}

/// `yᵢ = xᵢ`
pub fn copy<E: Element>(x: &[E], y: &mut [E]) {
    assert_eq!(x.len(), y.len(), "map: lengths differ");
    par::for_each((x, y), x.len(), par::CHUNK, |_, (x, y)| y.copy_from_slice(x));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data(len: usize, step: f32) -> Vec<f32> {
        (0..len).map(|i| ((i as f32) * step).sin() * 3.0).collect()
    }

    proptest! {
        #[test]
        fn maps_equal_plain_loops(len in prop_oneof![0usize..70, Just(3 * par::CHUNK + 5)]) {
            let (a, b) = (data(len, 0.7), data(len, 0.3));
            let mut y = vec![0.0; len];
            unary(&a, &mut y, |x: f32| x * 2.0 + 1.0);
            prop_assert!((0..len).all(|i| y[i] == a[i] * 2.0 + 1.0));
            unary_in_place(&mut y, |x: f32| x - 1.0);
            prop_assert!((0..len).all(|i| y[i] == (a[i] * 2.0 + 1.0) - 1.0));
            binary(&a, &b, &mut y, |a: f32, b: f32| a / b);
            prop_assert!((0..len).all(|i| y[i].to_bits() == (a[i] / b[i]).to_bits() || y[i].is_nan()));
            copy(&b, &mut y);
            add_assign(&mut y, &a);
            mul_assign(&mut y, &a);
            scale(&mut y, 0.5);
            prop_assert!((0..len).all(|i| y[i] == (b[i] + a[i]) * a[i] * 0.5));
            fill(&mut y, 2.0);
            axpy(3.0, &a, &mut y);
            prop_assert!((0..len).all(|i| (y[i] - (2.0 + 3.0 * a[i])).abs() < 1e-5));
        }

        #[test]
        fn broadcasts_equal_plain_loops(n_rows in 0usize..40, cols in prop_oneof![1usize..40, Just(2003)]) {
            let x = data(n_rows * cols, 0.7);
            let (row, col) = (data(cols, 0.2), data(n_rows, 0.4));
            let mut y = vec![0.0; x.len()];
            binary_row(&x, &row, &mut y, |x: f32, v: f32| x - v);
            let mut z = x.clone();
            binary_row_in_place(&mut z, &row, |x: f32, v: f32| x - v);
            prop_assert_eq!(&y, &z);
            prop_assert!((0..x.len()).all(|i| y[i] == x[i] - row[i % cols]));
            binary_col(&x, &col, &mut y, |x: f32, v: f32| x * v);
            prop_assert!((0..x.len()).all(|i| y[i] == x[i] * col[i / cols]));
        }
    }

    #[test]
    #[should_panic(expected = "not rows of 3")]
    fn a_ragged_matrix_is_refused() {
        binary_row(&[0.0f32; 4], &[0.0; 3], &mut [0.0; 4], |x: f32, _: f32| x);
    }
}
