//! Steps of several inputs that share their targets.

use super::grade::{Loss, grade as grade_scores};
use super::simd::Simd;
use super::{Aim, Rows};

/// `gᵢₜ` at `t · m + i`.
///
/// # Safety
/// Of [`Kernels`](super::Kernels).
#[inline(always)]
pub(super) unsafe fn grade<S: Simd>(
    rows: Rows<'_>,
    aim: Aim<'_>,
    width: usize,
    g: &mut [f32],
    loss: &mut Loss,
) {
    assert!(g.len() >= super::scores_len(rows.inputs.len(), rows.targets.len()));
    // How many targets go together is chosen so that sums, rows at hand and one more fit 16 registers.
    // SAFETY: the caller's.
    unsafe {
        match *rows.inputs {
            [] => return,
            [a] => scores::<S, 1, 6>([a], rows.targets, width, g),
            [a, b] => scores::<S, 2, 6>([a, b], rows.targets, width, g),
            [a, b, c] => scores::<S, 3, 3>([a, b, c], rows.targets, width, g),
            [a, b, c, d] => scores::<S, 4, 3>([a, b, c, d], rows.targets, width, g),
            [a, b, c, d, e] => scores::<S, 5, 2>([a, b, c, d, e], rows.targets, width, g),
            [a, b, c, d, e, f] => scores::<S, 6, 2>([a, b, c, d, e, f], rows.targets, width, g),
            _ => unreachable!("a step has at most six inputs"),
        }
    }
    grade_scores(g, rows.inputs.len(), aim.signs, aim.rate, loss);
}

/// Scores `vᵢ·uₜ`, `N` targets at a time.
#[inline(always)]
pub(super) unsafe fn scores<S: Simd, const M: usize, const N: usize>(
    inputs: [*mut f32; M],
    targets: &[*mut f32],
    width: usize,
    out: &mut [f32],
) {
    let (blocks, rest) = targets.as_chunks::<N>();
    let mut at = 0;
    for &block in blocks {
        // SAFETY: the caller's; `out` has room for four values beyond the last pair.
        unsafe { score_block::<S, M, N>(inputs, block, width, &mut out[at..]) };
        at += M * N;
    }
    for &target in rest {
        // SAFETY: as above.
        unsafe { score_block::<S, M, 1>(inputs, [target], width, &mut out[at..]) };
        at += M;
    }
}

/// `M × N` products of rows at once: each vector loaded is used `M` or `N` times.
#[inline(always)]
unsafe fn score_block<S: Simd, const M: usize, const N: usize>(
    inputs: [*mut f32; M],
    targets: [*mut f32; N],
    width: usize,
    out: &mut [f32],
) {
    // SAFETY: columns below `width` of valid rows.
    unsafe {
        let zero = S::splat(0.0);
        let mut sums = [[zero; M]; N];
        let mut k = 0;
        while k < width {
            let u: [S::V; N] = std::array::from_fn(|t| S::load(targets[t], k));
            for i in 0..M {
                let v = S::load(inputs[i], k);
                for t in 0..N {
                    sums[t][i] = S::fma(v, u[t], sums[t][i]);
                }
            }
            k += S::LANES;
        }
        let sum = |pair: usize| if pair < M * N { sums[pair / M][pair % M] } else { zero };
        let mut pair = 0;
        while pair < M * N {
            let four = S::sums([sum(pair), sum(pair + 1), sum(pair + 2), sum(pair + 3)]);
            out[pair..pair + 4].copy_from_slice(&four);
            pair += 4;
        }
    }
}

/// Adds the updates to columns `from..to`.
///
/// # Safety
/// Of [`Kernels`](super::Kernels).
#[inline(always)]
pub(super) unsafe fn apply<S: Simd>(rows: Rows<'_>, g: &[f32], from: usize, to: usize) {
    assert!(g.len() >= rows.inputs.len() * rows.targets.len());
    // SAFETY: the caller's.
    unsafe {
        match *rows.inputs {
            [] => {}
            [a] => columns::<S, 1, 4>([a], rows.targets, g, from, to),
            [a, b] => columns::<S, 2, 2>([a, b], rows.targets, g, from, to),
            [a, b, c] => columns::<S, 3, 2>([a, b, c], rows.targets, g, from, to),
            [a, b, c, d] => columns::<S, 4, 1>([a, b, c, d], rows.targets, g, from, to),
            [a, b, c, d, e] => columns::<S, 5, 1>([a, b, c, d, e], rows.targets, g, from, to),
            [a, b, c, d, e, f] => columns::<S, 6, 1>([a, b, c, d, e, f], rows.targets, g, from, to),
            _ => unreachable!("a step has at most six inputs"),
        }
    }
}

/// `K` vectors of columns at a time, then one.
#[inline(always)]
unsafe fn columns<S: Simd, const M: usize, const K: usize>(
    inputs: [*mut f32; M],
    targets: &[*mut f32],
    g: &[f32],
    from: usize,
    to: usize,
) {
    let mut k = from;
    // SAFETY: the caller's.
    unsafe {
        while k + K * S::LANES <= to {
            column_block::<S, M, K>(inputs, targets, g, k);
            k += K * S::LANES;
        }
        while k < to {
            column_block::<S, M, 1>(inputs, targets, g, k);
            k += S::LANES;
        }
    }
}

/// Inputs are loaded once and their changes stay in registers while the targets go by.
///
/// A change is added to its row as the row is then, for the same row may be two of the inputs.
#[inline(always)]
unsafe fn column_block<S: Simd, const M: usize, const K: usize>(
    inputs: [*mut f32; M],
    targets: &[*mut f32],
    g: &[f32],
    k: usize,
) {
    // SAFETY: columns of valid rows; `g` has a value for each pair.
    unsafe {
        let v: [[S::V; K]; M] =
            std::array::from_fn(|i| std::array::from_fn(|c| S::load(inputs[i], k + c * S::LANES)));
        let mut change = [[S::splat(0.0); K]; M];
        for (t, &target) in targets.iter().enumerate() {
            let old: [S::V; K] = std::array::from_fn(|c| S::load(target, k + c * S::LANES));
            let mut new = old;
            for i in 0..M {
                let g = S::splat(*g.get_unchecked(t * M + i));
                for c in 0..K {
                    new[c] = S::fma(g, v[i][c], new[c]);
                    change[i][c] = S::fma(g, old[c], change[i][c]);
                }
            }
            for c in 0..K {
                S::store(target, k + c * S::LANES, new[c]);
            }
        }
        for i in 0..M {
            for c in 0..K {
                let at = k + c * S::LANES;
                S::store(inputs[i], at, S::add(S::load(inputs[i], at), change[i][c]));
            }
        }
    }
}
