//! Steps whose input is a bag of context rows.

use super::grade::{Loss, grade as grade_scores};
use super::pairs::scores;
use super::simd::Simd;
use super::{Aim, Rows};

/// `h = scale · Σ vᵢ`, then `gₜ = α sₜ σ(−sₜ h·uₜ)`.
///
/// # Safety
/// Of [`Kernels`](super::Kernels); `h` has `width` floats.
#[inline(always)]
pub(super) unsafe fn grade<S: Simd>(
    rows: Rows<'_>,
    scale: f32,
    aim: Aim<'_>,
    width: usize,
    h: *mut f32,
    g: &mut [f32],
    loss: &mut Loss,
) {
    assert!(g.len() >= super::scores_len(1, rows.targets.len()));
    let mut k = 0;
    // SAFETY: columns below `width` of valid rows.
    unsafe {
        while k + 4 * S::LANES <= width {
            sum_block::<S, 4>(rows.inputs, scale, h, k);
            k += 4 * S::LANES;
        }
        while k < width {
            sum_block::<S, 1>(rows.inputs, scale, h, k);
            k += S::LANES;
        }
        scores::<S, 1, 6>([h], rows.targets, width, g);
    }
    grade_scores(g, 1, aim.signs, aim.rate, loss);
}

#[inline(always)]
unsafe fn sum_block<S: Simd, const K: usize>(inputs: &[*mut f32], scale: f32, h: *mut f32, k: usize) {
    // SAFETY: the caller's.
    unsafe {
        let mut sum = [S::splat(0.0); K];
        for &input in inputs {
            for c in 0..K {
                sum[c] = S::add(sum[c], S::load(input, k + c * S::LANES));
            }
        }
        for c in 0..K {
            S::store(h, k + c * S::LANES, S::mul(sum[c], S::splat(scale)));
        }
    }
}

/// `uₜ ← uₜ + gₜ h`, and `vᵢ ← vᵢ + Σₜ gₜ uₜ` for each context row: the step of `h` whole.
///
/// For the sum (`scale` 1) that is the gradient. For the mean the gradient of a row is `1/n` of it; that each row
/// takes the whole step is what word2vec.c and gensim do, a rate of `α n` for the rows of a bag of `n`.
///
/// # Safety
/// Of [`Kernels`](super::Kernels); `h` has `to` floats.
#[inline(always)]
pub(super) unsafe fn apply<S: Simd>(rows: Rows<'_>, h: *const f32, g: &[f32], from: usize, to: usize) {
    assert!(g.len() >= rows.targets.len());
    let mut k = from;
    // SAFETY: the caller's.
    unsafe {
        while k + 4 * S::LANES <= to {
            column_block::<S, 4>(rows, h, g, k);
            k += 4 * S::LANES;
        }
        while k < to {
            column_block::<S, 1>(rows, h, g, k);
            k += S::LANES;
        }
    }
}

#[inline(always)]
unsafe fn column_block<S: Simd, const K: usize>(rows: Rows<'_>, h: *const f32, g: &[f32], k: usize) {
    // SAFETY: columns of valid rows; `g` has a value for each target.
    unsafe {
        let at = |c: usize| k + c * S::LANES;
        let h: [S::V; K] = std::array::from_fn(|c| S::load(h, at(c)));
        let mut change = [S::splat(0.0); K];
        for (t, &target) in rows.targets.iter().enumerate() {
            let g = S::splat(*g.get_unchecked(t));
            for c in 0..K {
                let old = S::load(target, at(c));
                change[c] = S::fma(g, old, change[c]);
                S::store(target, at(c), S::fma(g, h[c], old));
            }
        }
        for &input in rows.inputs {
            for c in 0..K {
                S::store(input, at(c), S::add(S::load(input, at(c)), change[c]));
            }
        }
    }
}
