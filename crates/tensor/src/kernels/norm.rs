//! Layer norm and RMS norm over the rows of a matrix, with their gradients.
//!
//! A row is read from memory once: its statistics are computed while it is in cache.

use std::borrow::Cow;

use super::compiled::compiled;
use super::par::{self, Rows, rows};
use super::reduce::{Fold, Sum, SumSquares, WIDE, join_lanes};
use crate::Element;

/// Cost of one element of a norm, in additions.
const COST: usize = 2;

/// Mean of a row and `1 / √(variance + eps)`; the variance is that of the row as a population.
#[inline(always)]
fn statistics<const FMA: bool, E: Element>(x: &[E], eps: E) -> (E, E) {
    let n = E::from_usize(x.len());
    let mean = Sum::slice::<FMA, E>(x) / n;
    // A second pass over the row in cache: Σ x² − n mean² would cancel.
    let mut lanes = [E::ZERO; WIDE];
    for block in x.chunks(WIDE) {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            let d = x - mean;
            *lane = d.fma::<FMA>(d, *lane);
        }
    }
    let variance = join_lanes::<Sum, E, WIDE>(lanes) / n;
    (mean, E::ONE / (variance + eps).sqrt())
}

/// `y = (x − mean) · rstd · weight + bias`
#[inline(always)]
fn normalise<const FMA: bool, E: Element>(
    x: &[E],
    mean: E,
    rstd: E,
    weight: Option<&[E]>,
    bias: Option<&[E]>,
    y: &mut [E],
) {
    match (weight, bias) {
        (Some(weight), Some(bias)) => {
            for (((y, &x), &w), &b) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                *y = ((x - mean) * rstd).fma::<FMA>(w, b);
            }
        }
        (Some(weight), None) => {
            for ((y, &x), &w) in y.iter_mut().zip(x).zip(weight) {
                *y = (x - mean) * rstd * w;
            }
        }
        (None, bias) => {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - mean) * rstd;
            }
            if let Some(bias) = bias {
                for (y, &b) in y.iter_mut().zip(bias) {
                    *y += b;
                }
            }
        }
    }
}

/// `Σ dy w` and `Σ dy w x̂` of a row, with `x̂ = (x − mean) · rstd`.
#[inline(always)]
fn gradient_sums<const FMA: bool, E: Element>(x: &[E], dy: &[E], w: &[E], mean: E, rstd: E) -> (E, E) {
    let (mut plain, mut along) = ([E::ZERO; WIDE], [E::ZERO; WIDE]);
    for ((x, dy), w) in x.chunks(WIDE).zip(dy.chunks(WIDE)).zip(w.chunks(WIDE)) {
        let sums = plain.iter_mut().zip(along.iter_mut());
        for ((((plain, along), &x), &dy), &w) in sums.zip(x).zip(dy).zip(w) {
            let d = dy * w;
            *plain += d;
            *along = d.fma::<FMA>((x - mean) * rstd, *along);
        }
    }
    (join_lanes::<Sum, E, WIDE>(plain), join_lanes::<Sum, E, WIDE>(along))
}

/// What the rows of a norm share.
#[derive(Clone, Copy)]
struct Affine<'a, E> {
    cols: usize,
    weight: Option<&'a [E]>,
    bias: Option<&'a [E]>,
    eps: E,
}

compiled! {
    fn layer_norm_part<'a, E>(
        x: &'a [E], shared: Affine<'a, E>, y: &'a mut [E], mean: &'a mut [E], rstd: &'a mut [E]
    ) {
        let Affine { cols, weight, bias, eps } = shared;
        let per_row = y.chunks_exact_mut(cols).zip(mean.iter_mut().zip(rstd));
        for ((y, (mean, rstd)), x) in per_row.zip(x.chunks_exact(cols)) {
            (*mean, *rstd) = statistics::<FMA, E>(x, eps);
            normalise::<FMA, E>(x, *mean, *rstd, weight, bias, y);
        }
    }

    fn add_layer_norm_part<'a, E>(
        x: &'a [E], residual: &'a [E], shared: Affine<'a, E>, sum: &'a mut [E], y: &'a mut [E],
        mean: &'a mut [E], rstd: &'a mut [E]
    ) {
        let Affine { cols, weight, bias, eps } = shared;
        let inputs = x.chunks_exact(cols).zip(residual.chunks_exact(cols));
        let outputs = sum.chunks_exact_mut(cols).zip(y.chunks_exact_mut(cols));
        let saved = mean.iter_mut().zip(rstd);
        for (((x, residual), (sum, y)), (mean, rstd)) in inputs.zip(outputs).zip(saved) {
            for ((sum, &x), &r) in sum.iter_mut().zip(x).zip(residual) {
                *sum = x + r;
            }
            (*mean, *rstd) = statistics::<FMA, E>(sum, eps);
            normalise::<FMA, E>(sum, *mean, *rstd, weight, bias, y);
        }
    }

    fn rms_norm_part<'a, E>(x: &'a [E], shared: Affine<'a, E>, y: &'a mut [E], rstd: &'a mut [E]) {
        let Affine { cols, weight, eps, .. } = shared;
        for ((y, rstd), x) in y.chunks_exact_mut(cols).zip(rstd).zip(x.chunks_exact(cols)) {
            let mean_square = SumSquares::slice::<FMA, E>(x) / E::from_usize(cols);
            *rstd = E::ONE / (mean_square + eps).sqrt();
            normalise::<FMA, E>(x, E::ZERO, *rstd, weight, None, y);
        }
    }

    fn backward_part<'a, E>(
        x: &'a [E], dy: &'a [E], weight: &'a [E], mean: Option<&'a [E]>, rstd: &'a [E],
        dx: &'a mut [E], dweight: &'a mut [E], dbias: &'a mut [E]
    ) {
        let cols = weight.len();
        let inverse = E::ONE / E::from_usize(cols);
        let inputs = x.chunks_exact(cols).zip(dy.chunks_exact(cols));
        for (r, (dx, (x, dy))) in dx.chunks_exact_mut(cols).zip(inputs).enumerate() {
            let (centre, rstd) = (mean.map_or(E::ZERO, |mean| mean[r]), rstd[r]);
            let (plain, along) = gradient_sums::<FMA, E>(x, dy, weight, centre, rstd);
            // Without a mean, as in RMS norm, nothing flows through it.
            let plain = if mean.is_some() { plain * inverse } else { E::ZERO };
            let along = along * inverse;
            let params = dweight.iter_mut().zip(dbias.iter_mut());
            for ((((dx, &x), &dy), &w), (dw, db)) in dx.iter_mut().zip(x).zip(dy).zip(weight).zip(params) {
                let normed = (x - centre) * rstd;
                *dx = rstd * normed.fma::<FMA>(-along, dy.fma::<FMA>(w, -plain));
                *dw = dy.fma::<FMA>(normed, *dw);
                *db += dy;
            }
        }
    }
}

#[track_caller]
fn check<E>(name: &str, matrix: &[usize], per_row: &[usize], cols: usize, params: &[Option<&[E]>]) -> usize {
    let len = matrix[0];
    assert!(matrix.iter().all(|&l| l == len), "{name}: lengths differ: {matrix:?}");
    assert!(params.iter().flatten().all(|p| p.len() == cols), "{name}: weight or bias is not {cols} long");
    if cols == 0 {
        return 0;
    }
    assert!(len.is_multiple_of(cols), "{name}: {len} elements are not rows of {cols}");
    let n_rows = len / cols;
    assert!(per_row.iter().all(|&l| l == n_rows), "{name}: {per_row:?} values for {n_rows} rows");
    n_rows
}

/// Layer norm of every row (Ba, Kiros & Hinton 2016): `y = (x − mean) / √(var + eps) · weight + bias`.
///
/// `x, y (rows, cols)`, `weight, bias (cols)`; `mean` and `rstd = 1/√(var + eps)`, both `(rows)`, are kept
/// for [`layer_norm_backward`]. Panics if the lengths disagree.
///
/// ```
/// use tensor::kernels::norm::layer_norm;
/// let (mut y, mut mean, mut rstd) = ([0.0f32; 2], [0.0], [0.0]);
/// layer_norm(&[1.0, 3.0], 2, None, Some(&[10.0, 10.0]), 0.0, &mut y, &mut mean, &mut rstd);
/// assert_eq!((y, mean, rstd), ([9.0, 11.0], [2.0], [1.0]));
/// ```
pub fn layer_norm<E: Element>(
    x: &[E],
    cols: usize,
    weight: Option<&[E]>,
    bias: Option<&[E]>,
    eps: E,
    y: &mut [E],
    mean: &mut [E],
    rstd: &mut [E],
) {
    let n_rows = check("layer_norm", &[x.len(), y.len()], &[mean.len(), rstd.len()], cols, &[weight, bias]);
    let shared = Affine { cols, weight, bias, eps };
    let data = (rows(x, cols), rows(y, cols), mean, rstd);
    par::for_each(data, n_rows, par::rows_per_chunk(cols * COST), |_, (x, y, mean, rstd)| {
        layer_norm_part(x.data, shared, y.data, mean, rstd);
    });
}

/// Residual addition and layer norm in one pass: `sum = x + residual`, `y = layer_norm(sum)`.
///
/// Shapes as in [`layer_norm`]; `residual, sum (rows, cols)`. Panics if the lengths disagree.
pub fn add_layer_norm<E: Element>(
    x: &[E],
    residual: &[E],
    cols: usize,
    weight: Option<&[E]>,
    bias: Option<&[E]>,
    eps: E,
    sum: &mut [E],
    y: &mut [E],
    mean: &mut [E],
    rstd: &mut [E],
) {
    let matrices = [x.len(), residual.len(), sum.len(), y.len()];
    let n_rows = check("add_layer_norm", &matrices, &[mean.len(), rstd.len()], cols, &[weight, bias]);
    let shared = Affine { cols, weight, bias, eps };
    let data = ((rows(x, cols), rows(residual, cols)), rows(sum, cols), rows(y, cols), mean, rstd);
    par::for_each(
        data,
        n_rows,
        par::rows_per_chunk(cols * COST),
        |_, ((x, residual), sum, y, mean, rstd)| {
            add_layer_norm_part(x.data, residual.data, shared, sum.data, y.data, mean, rstd);
        },
    );
}

/// RMS norm of every row (Zhang & Sennrich 2019): `y = x / √(mean(x²) + eps) · weight`.
///
/// `x, y (rows, cols)`, `weight (cols)`; `rstd = 1/√(mean(x²) + eps)`, `(rows)`, is kept for
/// [`rms_norm_backward`]. Panics if the lengths disagree.
pub fn rms_norm<E: Element>(x: &[E], cols: usize, weight: Option<&[E]>, eps: E, y: &mut [E], rstd: &mut [E]) {
    let n_rows = check("rms_norm", &[x.len(), y.len()], &[rstd.len()], cols, &[weight]);
    let shared = Affine { cols, weight, bias: None, eps };
    let data = (rows(x, cols), rows(y, cols), rstd);
    par::for_each(data, n_rows, par::rows_per_chunk(cols * COST), |_, (x, y, rstd)| {
        rms_norm_part(x.data, shared, y.data, rstd);
    });
}

/// Gradients of [`layer_norm`], in one pass over `x` and `dy`.
///
/// With `x̂ = (x − mean) · rstd` and `g = dy · weight`:
/// `dx = rstd · (g − mean(g) − x̂ · mean(g x̂))`, `dweight = Σ_rows dy x̂`, `dbias = Σ_rows dy`.
/// `x, dy, dx (rows, cols)`, `mean, rstd (rows)`, `weight, dweight, dbias (cols)`; the last two are
/// overwritten. Panics if the lengths disagree.
pub fn layer_norm_backward<E: Element>(
    x: &[E],
    dy: &[E],
    cols: usize,
    weight: Option<&[E]>,
    mean: &[E],
    rstd: &[E],
    dx: &mut [E],
    dweight: Option<&mut [E]>,
    dbias: Option<&mut [E]>,
) {
    let params = [weight, dweight.as_deref(), dbias.as_deref()];
    let matrices = [x.len(), dy.len(), dx.len()];
    let n_rows = check("layer_norm_backward", &matrices, &[mean.len(), rstd.len()], cols, &params);
    backward(n_rows, cols, x, dy, weight, Some(mean), rstd, dx, dweight, dbias);
}

/// Gradients of [`rms_norm`]: `dx = rstd · (g − x̂ · mean(g x̂))`, `dweight = Σ_rows dy x̂`, with
/// `x̂ = x · rstd` and `g = dy · weight`; shapes as in [`layer_norm_backward`]. Panics if the lengths disagree.
pub fn rms_norm_backward<E: Element>(
    x: &[E],
    dy: &[E],
    cols: usize,
    weight: Option<&[E]>,
    rstd: &[E],
    dx: &mut [E],
    dweight: Option<&mut [E]>,
) {
    let matrices = [x.len(), dy.len(), dx.len()];
    let params = [weight, dweight.as_deref()];
    let n_rows = check("rms_norm_backward", &matrices, &[rstd.len()], cols, &params);
    backward(n_rows, cols, x, dy, weight, None, rstd, dx, dweight, None);
}

fn backward<E: Element>(
    n_rows: usize,
    cols: usize,
    x: &[E],
    dy: &[E],
    weight: Option<&[E]>,
    mean: Option<&[E]>,
    rstd: &[E],
    dx: &mut [E],
    dweight: Option<&mut [E]>,
    dbias: Option<&mut [E]>,
) {
    let weight = weight.map_or_else(|| Cow::Owned(vec![E::ONE; cols]), Cow::Borrowed);
    type Part<'a, E> = (Rows<&'a [E]>, Rows<&'a [E]>, Option<&'a [E]>, &'a [E], Rows<&'a mut [E]>);
    let part = |_, (x, dy, mean, rstd, dx): Part<'_, E>| {
        let mut params = vec![E::ZERO; 2 * cols];
        let (dweight, dbias) = params.split_at_mut(cols);
        backward_part(x.data, dy.data, &weight, mean, rstd, dx.data, dweight, dbias);
        params
    };
    let join = |mut a: Vec<E>, b: Vec<E>| {
        for (a, &b) in a.iter_mut().zip(&b) {
            *a += b;
        }
        a
    };
    let data = (rows(x, cols), rows(dy, cols), mean, rstd, rows(dx, cols));
    let params = par::fold(data, n_rows, par::rows_per_chunk(cols * COST), part, join);
    let params = params.unwrap_or_else(|| vec![E::ZERO; 2 * cols]);
    if let Some(dweight) = dweight {
        dweight.copy_from_slice(&params[..cols]);
    }
    if let Some(dbias) = dbias {
        dbias.copy_from_slice(&params[cols..]);
    }
}

#[cfg(test)]
mod tests;
