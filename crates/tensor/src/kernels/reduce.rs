//! Sums, products, extremes and checks over slices, rows and columns.
//!
//! Every sum runs over a fixed number of accumulators that are added in a fixed tree, and over parts whose size
//! depends on the shape alone, so its bits depend neither on the threads nor on the vector width. (Fused
//! multiply-add changes the last bits of [`sum_squares`] and [`dot`].)

use super::compiled::compiled;
use super::par::{self, rows};
use crate::Element;

/// Accumulators of a plain sum or extreme: what fits into registers, so that the loop over one block
/// is unrolled.
const LANES: usize = 32;

/// Accumulators of a sum of products.
///
/// Loops over them take blocks of `chunks(WIDE)`, whose length the compiler does not know: it then
/// vectorises the inner loop, where with fused multiply-adds it leaves an unrolled one scalar.
pub(crate) const WIDE: usize = 64;

/// An associative reduction: how to start, how to take one element in, how to join two results.
pub trait Fold: Copy + Send + Sync {
    /// The result of no elements.
    fn start<E: Element>() -> E;
    /// `so_far` with `x` taken in.
    fn step<const FMA: bool, E: Element>(so_far: E, x: E) -> E;
    /// Two results as one.
    fn join<E: Element>(a: E, b: E) -> E;
    /// A whole slice.
    #[inline(always)]
    fn slice<const FMA: bool, E: Element>(x: &[E]) -> E {
        let mut lanes = [Self::start::<E>(); LANES];
        let (blocks, tail) = x.as_chunks::<LANES>();
        for block in blocks {
            for l in 0..LANES {
                lanes[l] = Self::step::<FMA, E>(lanes[l], block[l]);
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(tail) {
            *lane = Self::step::<FMA, E>(*lane, x);
        }
        join_lanes::<Self, E, LANES>(lanes)
    }
}

/// `Σ x`
#[derive(Clone, Copy, Debug)]
pub struct Sum;
impl Fold for Sum {
    #[inline(always)]
    fn start<E: Element>() -> E {
        E::ZERO
    }
    #[inline(always)]
    fn step<const FMA: bool, E: Element>(so_far: E, x: E) -> E {
        so_far + x
    }
    #[inline(always)]
    fn join<E: Element>(a: E, b: E) -> E {
        a + b
    }
}

/// `Σ x²`
#[derive(Clone, Copy, Debug)]
pub struct SumSquares;
impl Fold for SumSquares {
    #[inline(always)]
    fn start<E: Element>() -> E {
        E::ZERO
    }
    #[inline(always)]
    fn step<const FMA: bool, E: Element>(so_far: E, x: E) -> E {
        x.fma::<FMA>(x, so_far)
    }
    #[inline(always)]
    fn join<E: Element>(a: E, b: E) -> E {
        a + b
    }
    #[inline(always)]
    fn slice<const FMA: bool, E: Element>(x: &[E]) -> E {
        dot_lanes::<FMA, E>(x, x)
    }
}

/// `Σ |x|`
#[derive(Clone, Copy, Debug)]
pub struct SumAbs;
impl Fold for SumAbs {
    #[inline(always)]
    fn start<E: Element>() -> E {
        E::ZERO
    }
    #[inline(always)]
    fn step<const FMA: bool, E: Element>(so_far: E, x: E) -> E {
        so_far + x.abs()
    }
    #[inline(always)]
    fn join<E: Element>(a: E, b: E) -> E {
        a + b
    }
}

/// The largest; NaN if any is, −∞ of none.
#[derive(Clone, Copy, Debug)]
pub struct Max;
impl Fold for Max {
    #[inline(always)]
    fn start<E: Element>() -> E {
        E::NEG_INFINITY
    }
    #[inline(always)]
    fn step<const FMA: bool, E: Element>(so_far: E, x: E) -> E {
        so_far.maximum(x)
    }
    #[inline(always)]
    fn join<E: Element>(a: E, b: E) -> E {
        a.maximum(b)
    }
}

/// The smallest; NaN if any is, +∞ of none.
#[derive(Clone, Copy, Debug)]
pub struct Min;
impl Fold for Min {
    #[inline(always)]
    fn start<E: Element>() -> E {
        E::INFINITY
    }
    #[inline(always)]
    fn step<const FMA: bool, E: Element>(so_far: E, x: E) -> E {
        so_far.minimum(x)
    }
    #[inline(always)]
    fn join<E: Element>(a: E, b: E) -> E {
        a.minimum(b)
    }
}

/// Joins lanes pairwise: halves of the array, then halves of what remains.
#[inline(always)]
pub(crate) fn join_lanes<F: Fold, E: Element, const N: usize>(mut lanes: [E; N]) -> E {
    let mut half = N / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] = F::join(lanes[l], lanes[l + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// `Σ aᵢ bᵢ`, to be inlined into a kernel.
#[inline(always)]
pub(crate) fn dot_lanes<const FMA: bool, E: Element>(a: &[E], b: &[E]) -> E {
    let mut lanes = [E::ZERO; WIDE];
    for (a, b) in a.chunks(WIDE).zip(b.chunks(WIDE)) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = a.fma::<FMA>(b, *lane);
        }
    }
    join_lanes::<Sum, E, WIDE>(lanes)
}

compiled! {
    fn fold_part<'a, E, F: Fold>(x: &'a [E], _f: F) -> E {
        F::slice::<FMA, E>(x)
    }

    fn dot_part<'a, E>(a: &'a [E], b: &'a [E]) -> E {
        dot_lanes::<FMA, E>(a, b)
    }

    fn fold_rows_part<'a, E, F: Fold>(x: &'a [E], cols: usize, y: &'a mut [E], _f: F) {
        for (y, x) in y.iter_mut().zip(x.chunks_exact(cols)) {
            *y = F::slice::<FMA, E>(x);
        }
    }

    fn fold_columns_part<'a, E, F: Fold>(x: &'a [E], y: &'a mut [E], _f: F) {
        let cols = y.len();
        y.fill(F::start());
        // Four rows at a time, so that `y` is read and written once for four rows of `x`.
        let mut fours = x.chunks_exact(4 * cols);
        for four in &mut fours {
            let (ab, cd) = four.split_at(2 * cols);
            let ((a, b), (c, d)) = (ab.split_at(cols), cd.split_at(cols));
            for ((((y, &a), &b), &c), &d) in y.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                let ab = F::step::<FMA, E>(F::step::<FMA, E>(*y, a), b);
                *y = F::step::<FMA, E>(F::step::<FMA, E>(ab, c), d);
            }
        }
        for row in fours.remainder().chunks_exact(cols) {
            for (y, &x) in y.iter_mut().zip(row) {
                *y = F::step::<FMA, E>(*y, x);
            }
        }
    }

    fn first_non_finite_part<'a, E>(x: &'a [E]) -> Option<usize> {
        for (i, block) in x.chunks(LANES).enumerate() {
            let mut bad = false;
            for x in block {
                bad |= !x.is_finite();
            }
            if bad {
                return block.iter().position(|x| !x.is_finite()).map(|at| i * LANES + at);
            }
        }
        None
    }

    fn argmax_part<'a, E>(x: &'a [E]) -> (usize, E) {
        let max = Max::slice::<FMA, E>(x);
        for (i, block) in x.chunks(LANES).enumerate() {
            let mut found = false;
            for &x in block {
                found |= x == max || x.is_nan();
            }
            if found {
                let at = block.iter().position(|&x| x == max || x.is_nan()).unwrap_or(0);
                return (i * LANES + at, max);
            }
        }
        (0, max)
    }
}

/// `F` over all of `x`.
///
/// ```
/// use tensor::kernels::reduce::{Max, fold};
/// assert_eq!(fold(&[1.0f32, 3.0, 2.0], Max), 3.0);
/// ```
pub fn fold<E: Element, F: Fold>(x: &[E], f: F) -> E {
    par::fold(x, x.len(), par::CHUNK, |_, x| fold_part(x, f), F::join).unwrap_or_else(F::start)
}

/// `Σ xᵢ`
pub fn sum<E: Element>(x: &[E]) -> E {
    fold(x, Sum)
}

/// `Σ xᵢ²`
pub fn sum_squares<E: Element>(x: &[E]) -> E {
    fold(x, SumSquares)
}

/// The largest element; NaN if any is NaN, −∞ if there is none.
pub fn max<E: Element>(x: &[E]) -> E {
    fold(x, Max)
}

/// The smallest element; NaN if any is NaN, +∞ if there is none.
pub fn min<E: Element>(x: &[E]) -> E {
    fold(x, Min)
}

/// `Σ aᵢ bᵢ`. Panics if the lengths differ.
pub fn dot<E: Element>(a: &[E], b: &[E]) -> E {
    assert_eq!(a.len(), b.len(), "dot: lengths differ");
    par::fold((a, b), a.len(), par::CHUNK, |_, (a, b)| dot_part(a, b), |a, b| a + b).unwrap_or(E::ZERO)
}

/// `y[r] = F over x[r, ·]` for `x (rows, cols)`, `y (rows)`. Panics if the lengths disagree.
pub fn fold_rows<E: Element, F: Fold>(x: &[E], cols: usize, y: &mut [E], f: F) {
    assert_eq!(x.len(), y.len() * cols, "fold_rows: not {} rows of {cols}", y.len());
    if cols == 0 {
        return y.fill(F::start());
    }
    let n_rows = y.len();
    par::for_each((rows(x, cols), y), n_rows, par::rows_per_chunk(cols), |_, (x, y)| {
        fold_rows_part(x.data, cols, y, f);
    });
}

/// `y[r] = Σ x[r, ·]` for `x (rows, cols)`, `y (rows)`. Panics if the lengths disagree.
pub fn sum_rows<E: Element>(x: &[E], cols: usize, y: &mut [E]) {
    fold_rows(x, cols, y, Sum);
}

/// `y[c] = F over x[·, c]` for `x (rows, cols)`, `y (cols)`. Panics if the lengths disagree.
///
/// ```
/// use tensor::kernels::reduce::{Sum, fold_columns};
/// let mut y = [0.0f32; 2];
/// fold_columns(&[1.0, 2.0, 3.0, 4.0], &mut y, Sum);
/// assert_eq!(y, [4.0, 6.0]);
/// ```
pub fn fold_columns<E: Element, F: Fold>(x: &[E], y: &mut [E], f: F) {
    let cols = y.len();
    if cols == 0 {
        return assert!(x.is_empty(), "fold_columns: {} elements are not rows of 0", x.len());
    }
    assert!(x.len().is_multiple_of(cols), "fold_columns: {} elements are not rows of {cols}", x.len());
    let (n_rows, chunk) = (x.len() / cols, par::rows_per_chunk(cols));
    if cols == 1 {
        y[0] = fold(x, f);
    } else if n_rows <= chunk {
        fold_columns_part(x, y, f);
    } else {
        let part = |_, x: par::Rows<&[E]>| {
            let mut y = vec![E::ZERO; cols];
            fold_columns_part(x.data, &mut y, f);
            y
        };
        let join = |mut a: Vec<E>, b: Vec<E>| {
            for (a, &b) in a.iter_mut().zip(&b) {
                *a = F::join(*a, b);
            }
            a
        };
        if let Some(total) = par::fold(rows(x, cols), n_rows, chunk, part, join) {
            y.copy_from_slice(&total);
        }
    }
}

/// `y[c] = Σ x[·, c]` for `x (rows, cols)`, `y (cols)`: the gradient of a bias. Panics if the lengths disagree.
pub fn sum_columns<E: Element>(x: &[E], y: &mut [E]) {
    fold_columns(x, y, Sum);
}

/// Index of the largest element, the first of several; a NaN counts as larger than all. `None` if empty.
pub fn argmax<E: Element>(x: &[E]) -> Option<usize> {
    let part = |start, x: &[E]| {
        let (at, max) = argmax_part(x);
        (start + at, max)
    };
    let join = |a: (usize, E), b: (usize, E)| {
        let second = !a.1.is_nan() && (b.1.is_nan() || b.1 > a.1);
        if second { b } else { a }
    };
    par::fold(x, x.len(), par::CHUNK, part, join).map(|(at, _)| at)
}

/// [`argmax`] of every row of `x (rows, cols)`, into `y (rows)`. Panics if the lengths disagree or `cols` is 0.
pub fn argmax_rows<E: Element>(x: &[E], cols: usize, y: &mut [usize]) {
    assert!(cols > 0 && x.len() == y.len() * cols, "argmax_rows: not {} rows of {cols}", y.len());
    let n_rows = y.len();
    par::for_each((rows(x, cols), y), n_rows, par::rows_per_chunk(2 * cols), |_, (x, y)| {
        for (y, x) in y.iter_mut().zip(x.data.chunks_exact(cols)) {
            *y = argmax_part(x).0;
        }
    });
}

/// Index of the first element that is infinite or NaN.
pub fn first_non_finite<E: Element>(x: &[E]) -> Option<usize> {
    let part = |start, x: &[E]| first_non_finite_part(x).map(|at| start + at);
    par::fold(x, x.len(), par::CHUNK, part, Option::or).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::par::tests::same_on_any_threads;
    use super::*;
    use proptest::prelude::*;

    fn values(max: usize) -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(-4.0f32..4.0, 0..max)
    }

    proptest! {
        #[test]
        fn slices_agree_with_f64(x in values(200)) {
            let exact = |f: fn(f64) -> f64| x.iter().map(|&x| f(f64::from(x))).sum::<f64>() as f32;
            prop_assert!((sum(&x) - exact(|x| x)).abs() < 1e-3);
            prop_assert!((sum_squares(&x) - exact(|x| x * x)).abs() < 1e-3);
            prop_assert!((fold(&x, SumAbs) - exact(f64::abs)).abs() < 1e-3);
            prop_assert!((dot(&x, &x) - exact(|x| x * x)).abs() < 1e-3);
            prop_assert_eq!(max(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            prop_assert_eq!(min(&x), x.iter().copied().fold(f32::INFINITY, f32::min));
            prop_assert_eq!(argmax(&x), x.iter().position(|&v| v == max(&x)));
            prop_assert_eq!(first_non_finite(&x), None);
        }

        #[test]
        fn rows_and_columns_agree_with_f64(n_rows in 0usize..30, cols in 1usize..70, seed in 0u32..100) {
            let x: Vec<f32> = (0..n_rows * cols).map(|i| ((i as f32 + seed as f32) * 0.7).sin()).collect();
            let (mut by_row, mut by_col, mut top) = (vec![9.0; n_rows], vec![9.0; cols], vec![0; n_rows]);
            sum_rows(&x, cols, &mut by_row);
            sum_columns(&x, &mut by_col);
            argmax_rows(&x, cols, &mut top);
            for r in 0..n_rows {
                let row = &x[r * cols..(r + 1) * cols];
                prop_assert!((by_row[r] - row.iter().map(|&x| f64::from(x)).sum::<f64>() as f32).abs() < 1e-4);
                prop_assert_eq!(Some(top[r]), argmax(row));
            }
            for c in 0..cols {
                let exact: f64 = (0..n_rows).map(|r| f64::from(x[r * cols + c])).sum();
                prop_assert!((by_col[c] - exact as f32).abs() < 1e-4);
            }
            fold_columns(&x, &mut by_col, Max);
            for c in 0..cols {
                let want = (0..n_rows).map(|r| x[r * cols + c]).fold(f32::NEG_INFINITY, f32::max);
                prop_assert_eq!(by_col[c], want);
            }
        }

        #[test]
        fn nan_wins_and_ties_go_to_the_first(mut x in values(100), at in 0usize..100) {
            prop_assume!(!x.is_empty());
            let at = at % x.len();
            x[at] = f32::NAN;
            prop_assert!(max(&x).is_nan() && min(&x).is_nan());
            prop_assert_eq!(argmax(&x), Some(at));
            prop_assert_eq!(first_non_finite(&x), Some(at));
            x.fill(1.5);
            prop_assert_eq!(argmax(&x), Some(0));
        }
    }

    #[test]
    fn large_inputs_have_the_same_bits_on_any_number_of_threads() {
        let x: Vec<f32> = (0..300_000).map(|i| (i as f32 * 0.37).sin() * 7.0).collect();
        let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
        let (total, columns) = same_on_any_threads(|| {
            let mut columns = vec![0.0; 100];
            sum_columns(&x, &mut columns);
            (sum(&x).to_bits(), columns.iter().map(|c| c.to_bits()).collect::<Vec<_>>())
        });
        assert!((f64::from(f32::from_bits(total)) - exact).abs() < 0.1);
        let by_columns: f64 = columns.iter().map(|&c| f64::from(f32::from_bits(c))).sum();
        assert!((by_columns - exact).abs() < 0.1);
    }

    #[test]
    fn the_first_of_several_maxima_is_found_across_chunks() {
        let mut x = vec![0.0f32; 3 * par::CHUNK];
        x[par::CHUNK + 3] = 5.0;
        x[2 * par::CHUNK + 1] = 5.0;
        assert_eq!(argmax(&x), Some(par::CHUNK + 3));
        x[2 * par::CHUNK + 2] = f32::NAN;
        assert_eq!(argmax(&x), Some(2 * par::CHUNK + 2));
        assert_eq!(first_non_finite(&x), Some(2 * par::CHUNK + 2));
    }

    #[test]
    fn empty_reductions_are_the_neutral_element() {
        assert_eq!((sum::<f32>(&[]), max::<f32>(&[]), argmax::<f32>(&[])), (0.0, f32::NEG_INFINITY, None));
        let mut y = [1.0f32; 2];
        sum_rows(&[], 0, &mut y);
        assert_eq!(y, [0.0; 2]);
    }
}
