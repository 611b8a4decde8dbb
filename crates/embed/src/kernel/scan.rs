//! A vector against many rows: what a search does.

use super::simd::Simd;

/// Rows at a time, so that each part of the vector is loaded once for all of them.
const ROWS: usize = 4;

/// Places that are read in turn: a core has more of the memory's lines under way when they lie in several pages.
const STREAMS: usize = 2 * ROWS;

/// Products of `vector` with rows of its length that lie one after the other.
///
/// # Safety
/// The instruction set must be there.
#[inline(always)]
pub(super) unsafe fn scan<S: Simd>(rows: &[f32], vector: &[f32], products: &mut [f32]) {
    let dim = vector.len();
    assert!(rows.len() >= products.len() * dim, "rows end before their products");
    let apart = products.len() / STREAMS;
    for i in 0..apart {
        for first in [i, i + ROWS * apart] {
            // SAFETY: the last row is below `STREAMS · apart`, of which there are as many rows.
            let found = unsafe { products_of::<S, ROWS>(&rows[first * dim..], apart * dim, vector) };
            for (stream, product) in found.into_iter().enumerate() {
                products[first + stream * apart] = product;
            }
        }
    }
    for i in STREAMS * apart..products.len() {
        // SAFETY: row `i` is there.
        [products[i]] = unsafe { products_of::<S, 1>(&rows[i * dim..], 0, vector) };
    }
}

/// Products with `N` rows that begin `apart` floats from each other.
///
/// # Safety
/// They must lie in `rows`.
#[inline(always)]
unsafe fn products_of<S: Simd, const N: usize>(rows: &[f32], apart: usize, vector: &[f32]) -> [f32; N] {
    let dim = vector.len();
    let whole = dim / S::LANES * S::LANES;
    // SAFETY: columns below `dim` of `N` rows.
    unsafe {
        let mut sums = [S::splat(0.0); ROWS];
        let mut k = 0;
        while k < whole {
            let v = S::load(vector.as_ptr(), k);
            for i in 0..N {
                sums[i] = S::fma(S::load(rows.as_ptr().add(i * apart), k), v, sums[i]);
            }
            k += S::LANES;
        }
        let sums = S::sums(sums);
        std::array::from_fn(|i| {
            let tail = rows[i * apart + whole..i * apart + dim].iter().zip(&vector[whole..]);
            sums[i] + tail.map(|(a, b)| a * b).sum::<f32>()
        })
    }
}
