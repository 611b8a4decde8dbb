//! Softmax, log-softmax and log-sum-exp over the rows of a matrix, with their gradients.
//!
//! Rows are shifted by their maximum, so no exponential overflows. A row with nothing to attend to (all
//! `−∞`, or none of it within the limit) gives zeros, never NaN; a NaN in a row makes the row NaN.

use super::compiled::compiled;
use super::par::{self, rows};
use super::reduce::{Fold, Max, Sum, dot_lanes, join_lanes};
use crate::Element;

/// Elements taken at once where an exponential is computed: few enough to keep its terms in registers.
const BLOCK: usize = 16;

/// Cost of one element of a softmax, in additions.
const COST: usize = 4;

/// `yᵢ ← e^(scale · yᵢ − shift)`; returns `Σ yᵢ`. No exponent may be above 0 by more than rounding.
#[inline(always)]
pub(crate) fn exp_in_place<const FMA: bool, E: Element>(y: &mut [E], scale: E, shift: E) -> E {
    let mut lanes = [E::ZERO; BLOCK];
    let (blocks, tail) = y.as_chunks_mut::<BLOCK>();
    for block in blocks {
        for l in 0..BLOCK {
            block[l] = block[l].fma::<FMA>(scale, -shift).vexp_nonpositive::<FMA>();
            lanes[l] += block[l];
        }
    }
    if !tail.is_empty() {
        // Padded to a whole block, which costs less than up to 15 scalar exponentials.
        let mut block = [E::NEG_INFINITY; BLOCK];
        block[..tail.len()].copy_from_slice(tail);
        for l in 0..BLOCK {
            block[l] = block[l].fma::<FMA>(scale, -shift).vexp_nonpositive::<FMA>();
            lanes[l] += block[l];
        }
        tail.copy_from_slice(&block[..tail.len()]);
    }
    join_lanes::<Sum, E, BLOCK>(lanes)
}

/// `Σ e^(xᵢ − shift)`. No exponent may be above 0.
#[inline(always)]
pub(crate) fn exp_sum<const FMA: bool, E: Element>(x: &[E], shift: E) -> E {
    let mut lanes = [E::ZERO; BLOCK];
    let (blocks, tail) = x.as_chunks::<BLOCK>();
    for block in blocks {
        for l in 0..BLOCK {
            lanes[l] += (block[l] - shift).vexp_nonpositive::<FMA>();
        }
    }
    if !tail.is_empty() {
        let mut block = [E::NEG_INFINITY; BLOCK];
        block[..tail.len()].copy_from_slice(tail);
        for l in 0..BLOCK {
            lanes[l] += (block[l] - shift).vexp_nonpositive::<FMA>();
        }
    }
    join_lanes::<Sum, E, BLOCK>(lanes)
}

/// Maximum and `ln Σ e^(x − maximum)` of a row; their sum is its log-sum-exp.
#[inline(always)]
pub(crate) fn max_and_log_sum<const FMA: bool, E: Element>(x: &[E]) -> (E, E) {
    let max = Max::slice::<FMA, E>(x);
    if max == E::NEG_INFINITY {
        return (max, E::ZERO);
    }
    (max, exp_sum::<FMA, E>(x, max).ln())
}

#[inline(always)]
fn softmax_row<const FMA: bool, E: Element>(y: &mut [E], scale: E) {
    let max = Max::slice::<FMA, E>(y);
    if max == E::NEG_INFINITY {
        return y.fill(E::ZERO);
    }
    let inverse = E::ONE / exp_in_place::<FMA, E>(y, scale, scale * max);
    for y in y {
        *y *= inverse;
    }
}

compiled! {
    fn softmax_part<'a, E>(x: &'a [E], cols: usize, y: &'a mut [E]) {
        for (y, x) in y.chunks_exact_mut(cols).zip(x.chunks_exact(cols)) {
            y.copy_from_slice(x);
            softmax_row::<FMA, E>(y, E::ONE);
        }
    }

    fn softmax_limit_part<'a, E>(y: &'a mut [E], cols: usize, scale: E, limit: &'a dyn Fn(usize) -> usize) {
        for (r, y) in y.chunks_exact_mut(cols).enumerate() {
            let (seen, masked) = y.split_at_mut(limit(r).min(cols));
            softmax_row::<FMA, E>(seen, scale);
            masked.fill(E::ZERO);
        }
    }

    fn softmax_backward_part<'a, E>(y: &'a [E], dy: &'a [E], cols: usize, scale: E, dx: &'a mut [E]) {
        let inputs = y.chunks_exact(cols).zip(dy.chunks_exact(cols));
        for (dx, (y, dy)) in dx.chunks_exact_mut(cols).zip(inputs) {
            let dot = dot_lanes::<FMA, E>(y, dy);
            for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = scale * y * (dy - dot);
            }
        }
    }

    fn softmax_backward_in_place_part<'a, E>(y: &'a [E], d: &'a mut [E], cols: usize, scale: E) {
        for (d, y) in d.chunks_exact_mut(cols).zip(y.chunks_exact(cols)) {
            let dot = dot_lanes::<FMA, E>(y, d);
            for (d, &y) in d.iter_mut().zip(y) {
                *d = scale * y * (*d - dot);
            }
        }
    }

    fn log_softmax_part<'a, E>(x: &'a [E], cols: usize, y: &'a mut [E]) {
        for (y, x) in y.chunks_exact_mut(cols).zip(x.chunks_exact(cols)) {
            let (max, log_sum) = max_and_log_sum::<FMA, E>(x);
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - max) - log_sum;
            }
        }
    }

    fn log_softmax_backward_part<'a, E>(y: &'a [E], dy: &'a [E], cols: usize, dx: &'a mut [E]) {
        let inputs = y.chunks_exact(cols).zip(dy.chunks_exact(cols));
        for (dx, (y, dy)) in dx.chunks_exact_mut(cols).zip(inputs) {
            let total = Sum::slice::<FMA, E>(dy);
            for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = y.vexp_nonpositive::<FMA>().fma::<FMA>(-total, dy);
            }
        }
    }

    fn logsumexp_part<'a, E>(x: &'a [E], cols: usize, y: &'a mut [E]) {
        for (y, x) in y.iter_mut().zip(x.chunks_exact(cols)) {
            let (max, log_sum) = max_and_log_sum::<FMA, E>(x);
            *y = max + log_sum;
        }
    }

    fn logsumexp_backward_part<'a, E>(x: &'a [E], y: &'a [E], dy: &'a [E], cols: usize, dx: &'a mut [E]) {
        let per_row = x.chunks_exact(cols).zip(y.iter().zip(dy));
        for (dx, (x, (&y, &dy))) in dx.chunks_exact_mut(cols).zip(per_row) {
            if y == E::NEG_INFINITY {
                dx.fill(E::ZERO);
                continue;
            }
            for (dx, &x) in dx.iter_mut().zip(x) {
                *dx = dy * (x - y).vexp_nonpositive::<FMA>();
            }
        }
    }
}

fn check(name: &str, matrix: &[usize], per_row: &[usize], cols: usize) -> usize {
    let len = matrix[0];
    assert!(matrix.iter().all(|&l| l == len), "{name}: lengths differ: {matrix:?}");
    if cols == 0 {
        return 0;
    }
    assert!(len.is_multiple_of(cols), "{name}: {len} elements are not rows of {cols}");
    let n_rows = len / cols;
    assert!(per_row.iter().all(|&l| l == n_rows), "{name}: {per_row:?} values for {n_rows} rows");
    n_rows
}

/// `y[r, ·] = softmax(x[r, ·])` for `x, y (rows, cols)`. Panics if the lengths disagree.
///
/// ```
/// use tensor::kernels::softmax::softmax;
/// let mut y = [0.0f32; 4];
/// softmax(&[0.0, 0.0, f32::NEG_INFINITY, 5.0], 2, &mut y);
/// assert_eq!(y, [0.5, 0.5, 0.0, 1.0]);
/// ```
pub fn softmax<E: Element>(x: &[E], cols: usize, y: &mut [E]) {
    let n_rows = check("softmax", &[x.len(), y.len()], &[], cols);
    par::for_each((rows(x, cols), rows(y, cols)), n_rows, par::rows_per_chunk(cols * COST), |_, (x, y)| {
        softmax_part(x.data, cols, y.data);
    });
}

/// Scaled softmax in place of the first `limit(r)` entries of each row; the rest of the row becomes 0.
///
/// `y (rows, cols)`: `y[r, c] ← softmax_{c < limit(r)}(scale · y[r, c])`. A causal mask is
/// `limit = |r| r + 1`, no mask is `limit = |_| cols`. `scale` must be positive. Panics if the length of
/// `y` is not a multiple of `cols`.
pub fn softmax_limit<E: Element>(y: &mut [E], cols: usize, scale: E, limit: impl Fn(usize) -> usize + Sync) {
    let n_rows = check("softmax_limit", &[y.len()], &[], cols);
    par::for_each(rows(y, cols), n_rows, par::rows_per_chunk(cols * COST), |start, y| {
        softmax_limit_part(y.data, cols, scale, &|r| limit(start + r));
    });
}

/// `dx = scale · y · (dy − Σ y dy)` for `y = softmax(scale · x)`, all `(rows, cols)`. Masked entries,
/// where `y` is 0, get 0. Panics if the lengths disagree.
pub fn softmax_backward<E: Element>(y: &[E], dy: &[E], cols: usize, scale: E, dx: &mut [E]) {
    let n_rows = check("softmax_backward", &[y.len(), dy.len(), dx.len()], &[], cols);
    let data = (rows(y, cols), rows(dy, cols), rows(dx, cols));
    par::for_each(data, n_rows, par::rows_per_chunk(cols * 2), |_, (y, dy, dx)| {
        softmax_backward_part(y.data, dy.data, cols, scale, dx.data);
    });
}

/// [`softmax_backward`] with the gradient `d` of the output replaced by that of the input.
pub fn softmax_backward_in_place<E: Element>(y: &[E], d: &mut [E], cols: usize, scale: E) {
    let n_rows = check("softmax_backward", &[y.len(), d.len()], &[], cols);
    par::for_each((rows(y, cols), rows(d, cols)), n_rows, par::rows_per_chunk(cols * 2), |_, (y, d)| {
        softmax_backward_in_place_part(y.data, d.data, cols, scale);
    });
}

/// `y[r, ·] = x[r, ·] − logsumexp(x[r, ·])` for `x, y (rows, cols)`. A row of `−∞` alone has no
/// distribution and gives NaN. Panics if the lengths disagree.
pub fn log_softmax<E: Element>(x: &[E], cols: usize, y: &mut [E]) {
    let n_rows = check("log_softmax", &[x.len(), y.len()], &[], cols);
    par::for_each((rows(x, cols), rows(y, cols)), n_rows, par::rows_per_chunk(cols * COST), |_, (x, y)| {
        log_softmax_part(x.data, cols, y.data);
    });
}

/// `dx = dy − e^y Σ dy` for `y = log_softmax(x)`, all `(rows, cols)`. Panics if the lengths disagree.
pub fn log_softmax_backward<E: Element>(y: &[E], dy: &[E], cols: usize, dx: &mut [E]) {
    let n_rows = check("log_softmax_backward", &[y.len(), dy.len(), dx.len()], &[], cols);
    let data = (rows(y, cols), rows(dy, cols), rows(dx, cols));
    par::for_each(data, n_rows, par::rows_per_chunk(cols * COST), |_, (y, dy, dx)| {
        log_softmax_backward_part(y.data, dy.data, cols, dx.data);
    });
}

/// `y[r] = ln Σ_c e^x[r, c]` for `x (rows, cols)`, `y (rows)`; `−∞` for a row of `−∞`, and for an empty one.
/// Panics if the lengths disagree.
pub fn logsumexp<E: Element>(x: &[E], cols: usize, y: &mut [E]) {
    if cols == 0 {
        return y.fill(E::NEG_INFINITY);
    }
    let n_rows = check("logsumexp", &[x.len()], &[y.len()], cols);
    par::for_each((rows(x, cols), y), n_rows, par::rows_per_chunk(cols * COST), |_, (x, y)| {
        logsumexp_part(x.data, cols, y);
    });
}

/// `dx[r, c] = dy[r] · e^(x[r, c] − y[r])` for `y = logsumexp(x)`, `x, dx (rows, cols)`, `y, dy (rows)`.
/// Panics if the lengths disagree.
pub fn logsumexp_backward<E: Element>(x: &[E], y: &[E], dy: &[E], cols: usize, dx: &mut [E]) {
    let n_rows = check("logsumexp_backward", &[x.len(), dx.len()], &[y.len(), dy.len()], cols);
    let data = (rows(x, cols), y, dy, rows(dx, cols));
    par::for_each(data, n_rows, par::rows_per_chunk(cols * COST), |_, (x, y, dy, dx)| {
        logsumexp_backward_part(x.data, y, dy, cols, dx.data);
    });
}

#[cfg(test)]
mod tests;
