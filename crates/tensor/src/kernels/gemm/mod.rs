//! Matrix products `C (+)= A · B` over strided slices.
//!
//! One engine for every linear layer: own AVX2 and AVX-512 micro-kernels over packed panels for `f32`
//! (`matrixmultiply` for `f64` and for processors without these), separate kernels for products that are
//! limited by reading one operand, the split over rayon, weights packed once, and an [`Epilogue`] applied
//! to each piece of `C` while it is still in the cache.
//!
//! The bits of a result depend on shapes and strides only, never on the number of threads.
//!
//! ```
//! use tensor::kernels::gemm::{MatMut, MatRef, NoEpilogue, Output, gemm};
//!
//! let x = [1.0_f32, 2.0, 3.0, 4.0]; // (2, 2)
//! let w = [5.0_f32, 6.0, 7.0, 8.0]; // (2, 2), used transposed
//! let mut y = [0.0; 4];
//! gemm(
//!     MatRef::row_major(&x, 2, 2),
//!     MatRef::row_major(&w, 2, 2).t(),
//!     MatMut::row_major(&mut y, 2, 2),
//!     Output::Replace,
//!     &NoEpilogue,
//! );
//! assert_eq!(y, [17.0, 23.0, 39.0, 53.0]);
//! ```

mod batch;
mod element;
mod packed;
mod portable;
mod view;

#[cfg(target_arch = "x86_64")]
mod blocked;
#[cfg(target_arch = "x86_64")]
mod buffer;
#[cfg(target_arch = "x86_64")]
mod isa;
#[cfg(target_arch = "x86_64")]
mod pack;
#[cfg(target_arch = "x86_64")]
mod single;
#[cfg(target_arch = "x86_64")]
mod skinny;
#[cfg(target_arch = "x86_64")]
mod tile;
#[cfg(target_arch = "x86_64")]
mod vector;

#[cfg(test)]
mod tests;

pub use batch::{BatchMut, BatchRef, gemm_batch};
pub use element::GemmElement;
pub use packed::{PackedB, gemm_packed, gemm_packed_serial};
pub use view::{MatMut, MatRef};

use crate::Element;
use element::Right;

/// What a product does with the old contents of `C`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// `C = A · B`; the old contents are never read.
    Replace,
    /// `C += A · B`
    Accumulate,
}

/// Work on finished elements of `C` while they are in the cache: a bias, an activation, a residual.
///
/// Long segments are the rule (a few hundred elements), so an implementation may choose its instruction set
/// on each call.
pub trait Epilogue<E>: Sync {
    /// Sees `C[row, col..col + c.len()]`. Over a whole product, called exactly once for each element.
    fn apply(&self, row: usize, col: usize, c: &mut [E]);
}

/// Leaves `C` as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEpilogue;

impl<E> Epilogue<E> for NoEpilogue {
    #[inline(always)]
    fn apply(&self, _row: usize, _col: usize, _c: &mut [E]) {}
}

/// `C (+)= A · B`, over the current rayon pool where the product is large enough to share.
///
/// `a (m, k)`, `b (k, n)`, `c (m, n)`. With `k = 0` the product is zero.
///
/// # Panics
/// If the shapes do not fit together.
#[track_caller]
pub fn gemm<E: Element>(
    a: MatRef<'_, E>,
    b: MatRef<'_, E>,
    c: MatMut<'_, E>,
    output: Output,
    epilogue: &impl Epilogue<E>,
) {
    check(&a, b.rows(), b.cols(), &c);
    E::product(a, Right::View(b), c, output, epilogue, true);
}

/// [`gemm`] on the calling thread alone, for use inside a parallel loop.
///
/// # Panics
/// If the shapes do not fit together.
#[track_caller]
pub fn gemm_serial<E: Element>(
    a: MatRef<'_, E>,
    b: MatRef<'_, E>,
    c: MatMut<'_, E>,
    output: Output,
    epilogue: &impl Epilogue<E>,
) {
    check(&a, b.rows(), b.cols(), &c);
    E::product(a, Right::View(b), c, output, epilogue, false);
}

#[track_caller]
fn check<E>(a: &MatRef<'_, E>, b_rows: usize, b_cols: usize, c: &MatMut<'_, E>) {
    assert!(
        a.cols() == b_rows && a.rows() == c.rows() && b_cols == c.cols(),
        "gemm: A ({}, {}) · B ({b_rows}, {b_cols}) does not fit C ({}, {})",
        a.rows(),
        a.cols(),
        c.rows(),
        c.cols()
    );
}

/// Whether a product is worth waking other threads: its multiply-adds, and the operands it has to read, each
/// element as costly as a few multiply-adds, against the ten-odd microseconds that a parallel loop takes.
pub(crate) fn worth_sharing(m: usize, k: usize, n: usize) -> bool {
    let work = m * k * n + 4 * (m * k + k * n);
    work >= 1_500_000
}
