//! A vector against many rows: what a search does.

use super::simd::Simd;

/// Rows at a time, so that each part of the vector is loaded once for all of them.
const ROWS: usize = 4;

/// Products of `vector` with rows of its length that lie one after the other.
///
/// # Safety
/// The instruction set must be there.
#[inline(always)]
pub(super) unsafe fn scan<S: Simd>(rows: &[f32], vector: &[f32], products: &mut [f32]) {
    let dim = vector.len();
    assert!(rows.len() >= products.len() * dim, "rows end before their products");
    let (blocks, rest) = products.as_chunks_mut::<ROWS>();
    let mut at = 0;
    for block in blocks {
        // SAFETY: the rows of the block are there.
        *block = unsafe { products_of::<S, ROWS>(&rows[at..at + ROWS * dim], vector) };
        at += ROWS * dim;
    }
    for product in rest {
        // SAFETY: as above.
        [*product] = unsafe { products_of::<S, 1>(&rows[at..at + dim], vector) };
        at += dim;
    }
}

#[inline(always)]
unsafe fn products_of<S: Simd, const N: usize>(rows: &[f32], vector: &[f32]) -> [f32; N] {
    let dim = vector.len();
    let whole = dim / S::LANES * S::LANES;
    // SAFETY: columns below `dim` of `N` rows.
    unsafe {
        let mut sums = [S::splat(0.0); ROWS];
        let mut k = 0;
        while k < whole {
            let v = S::load(vector.as_ptr(), k);
            for i in 0..N {
                sums[i] = S::fma(S::load(rows.as_ptr().add(i * dim), k), v, sums[i]);
            }
            k += S::LANES;
        }
        let sums = S::sums(sums);
        std::array::from_fn(|i| {
            let tail = rows[i * dim + whole..(i + 1) * dim].iter().zip(&vector[whole..]);
            sums[i] + tail.map(|(a, b)| a * b).sum::<f32>()
        })
    }
}
