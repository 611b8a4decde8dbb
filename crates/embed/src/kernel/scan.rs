//! Vectors against many rows: what a search does.

use super::simd::Simd;

/// Rows at a time, so that each part of a vector is loaded once for all of them.
const ROWS: usize = 4;

/// Places that are read in turn: a core has more of the memory's lines under way when they lie in several pages.
const STREAMS: usize = 2 * ROWS;

/// Most floats of a [`Simd`] vector.
const MOST_LANES: usize = 16;

/// Products `(vectors, rows)` of vectors of `dim` numbers, one after the other, with rows that lie the same way.
///
/// # Safety
/// The instruction set must be there.
#[inline(always)]
pub(super) unsafe fn scan<S: Simd>(rows: &[f32], vectors: &[f32], dim: usize, products: &mut [f32]) {
    let number = vectors.len() / dim;
    let length = products.len() / number.max(1);
    assert!(rows.len() >= length * dim, "rows end before their products");
    let mut rest = (vectors, products);
    // SAFETY: the instruction set is there.
    unsafe {
        // As many as there are registers for.
        if S::LANES == MOST_LANES {
            rest = scan_many::<S, 4>(rows, rest, dim, length);
        }
        rest = scan_many::<S, 2>(rows, rest, dim, length);
        scan_many::<S, 1>(rows, rest, dim, length);
    }
}

/// Takes `Q` vectors at a time while there are as many; gives back the others and the room for their products.
#[inline(always)]
unsafe fn scan_many<'v, 'p, S: Simd, const Q: usize>(
    rows: &[f32],
    (mut vectors, mut products): (&'v [f32], &'p mut [f32]),
    dim: usize,
    length: usize,
) -> (&'v [f32], &'p mut [f32]) {
    while vectors.len() >= Q * dim {
        let (these, others) = vectors.split_at(Q * dim);
        let (room, left) = products.split_at_mut(Q * length);
        // SAFETY: the instruction set is there.
        unsafe { scan_block::<S, Q>(rows, these, dim, room, length) };
        (vectors, products) = (others, left);
    }
    (vectors, products)
}

#[inline(always)]
unsafe fn scan_block<S: Simd, const Q: usize>(
    rows: &[f32],
    vectors: &[f32],
    dim: usize,
    products: &mut [f32],
    length: usize,
) {
    let queries = Queries::<Q>::new(std::array::from_fn(|q| &vectors[q * dim..][..dim]), S::LANES);
    let apart = length / STREAMS;
    for i in 0..apart {
        for first in [i, i + ROWS * apart] {
            // SAFETY: the last row is below `STREAMS · apart`, of which there are as many rows.
            let found = unsafe { products_of::<S, ROWS, Q>(&rows[first * dim..], apart * dim, &queries) };
            for (q, found) in found.into_iter().enumerate() {
                for (stream, product) in found.into_iter().enumerate() {
                    products[q * length + first + stream * apart] = product;
                }
            }
        }
    }
    for i in STREAMS * apart..length {
        // SAFETY: row `i` is there.
        let found = unsafe { products_of::<S, 1, Q>(&rows[i * dim..], 0, &queries) };
        for (q, [product]) in found.into_iter().enumerate() {
            products[q * length + i] = product;
        }
    }
}

/// Vectors of one length, and their ends.
struct Queries<'a, const Q: usize> {
    vectors: [&'a [f32]; Q],
    /// The last lanes of each, zero where whole vectors have been before: what is left of a row is read as a whole
    /// vector that reaches back.
    ends: [[f32; MOST_LANES]; Q],
}

impl<'a, const Q: usize> Queries<'a, Q> {
    fn new(vectors: [&'a [f32]; Q], lanes: usize) -> Self {
        let ends = vectors.map(|vector| {
            let (left, mut end) = (vector.len() % lanes, [0.0; MOST_LANES]);
            end[lanes - left..lanes].copy_from_slice(&vector[vector.len() - left..]);
            end
        });
        Self { vectors, ends }
    }
}

/// Products with `N` rows that begin `apart` floats from each other.
///
/// # Safety
/// The instruction set must be there, and the rows must lie in `rows`.
#[inline(always)]
unsafe fn products_of<S: Simd, const N: usize, const Q: usize>(
    rows: &[f32],
    apart: usize,
    queries: &Queries<'_, Q>,
) -> [[f32; N]; Q] {
    let Queries { vectors, ends } = queries;
    let dim = vectors[0].len();
    if dim < S::LANES {
        let row = |i: usize| &rows[i * apart..][..dim];
        return vectors
            .map(|vector| std::array::from_fn(|i| row(i).iter().zip(vector).map(|(a, b)| a * b).sum()));
    }
    let whole = dim / S::LANES * S::LANES;
    // SAFETY: columns below `dim` of `N` rows, and of vectors and their ends.
    unsafe {
        let mut sums = [[S::splat(0.0); ROWS]; Q];
        let mut k = 0;
        while k < whole {
            let row: [S::V; N] = std::array::from_fn(|i| S::load(rows.as_ptr().add(i * apart), k));
            for q in 0..Q {
                let v = S::load(vectors[q].as_ptr(), k);
                for i in 0..N {
                    sums[q][i] = S::fma(row[i], v, sums[q][i]);
                }
            }
            k += S::LANES;
        }
        if whole < dim {
            let back = dim - S::LANES;
            let row: [S::V; N] = std::array::from_fn(|i| S::load(rows.as_ptr().add(i * apart), back));
            for q in 0..Q {
                let v = S::load(ends[q].as_ptr(), 0);
                for i in 0..N {
                    sums[q][i] = S::fma(row[i], v, sums[q][i]);
                }
            }
        }
        std::array::from_fn(|q| {
            let sums = S::sums(sums[q]);
            std::array::from_fn(|i| sums[i])
        })
    }
}
