//! Products through `matrixmultiply`: `f64`, and `f32` on processors without kernels of our own.

use std::ops::Range;

use super::element::Right;
use super::packed::Storage;
use super::view::{MatMut, MatRef, RawMut};
use super::{Epilogue, Output, worth_sharing};
use crate::Element;
use crate::kernels::par::tasks;

/// A scalar that `matrixmultiply` multiplies.
pub(super) trait Portable: Element {
    /// `C = A · B + beta · C`; with `beta` 0, `C` is not read. Strides are (row, column).
    ///
    /// # Safety
    /// `a` is `m × k` and `b` is `k × n`, both readable; `c` is `m × n`, writable, its elements distinct.
    unsafe fn multiply(
        shape: (usize, usize, usize),
        a: (*const Self, isize, isize),
        b: (*const Self, isize, isize),
        beta: Self,
        c: (*mut Self, isize, isize),
    );
}

macro_rules! portable {
    ($t:ident, $multiply:path) => {
        impl Portable for $t {
            unsafe fn multiply(
                (m, k, n): (usize, usize, usize),
                a: (*const $t, isize, isize),
                b: (*const $t, isize, isize),
                beta: $t,
                c: (*mut $t, isize, isize),
            ) {
                // SAFETY: the caller's promise is the callee's contract.
                unsafe { $multiply(m, k, n, 1.0, a.0, a.1, a.2, b.0, b.1, b.2, beta, c.0, c.1, c.2) };
            }
        }
    };
}
portable!(f32, matrixmultiply::sgemm);
portable!(f64, matrixmultiply::dgemm);

/// Rows, or columns where there are few rows, that one task computes.
const ROWS: usize = 64;
const COLS: usize = 256;

/// `C (+)= A · B`. The pieces that tasks compute do not change the order in which `k` is summed.
pub(super) fn product<E: Portable, X: Epilogue<E>>(
    a: MatRef<'_, E>,
    b: MatRef<'_, E>,
    c: MatMut<'_, E>,
    output: Output,
    epilogue: &X,
    parallel: bool,
) {
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    if m == 0 || n == 0 {
        return;
    }
    let c = c.into_raw();
    let piece = |rows: Range<usize>, cols: Range<usize>| {
        let a = a.rows_range(rows.clone());
        let b = b.cols_range(cols.clone());
        // SAFETY: the views were checked when made; pieces of `C` are disjoint.
        unsafe { multiply_piece(a, b, c, rows, cols, output, epilogue) };
    };
    if !(parallel && worth_sharing(m, k, n)) {
        piece(0..m, 0..n);
    } else if m >= 2 * ROWS {
        let blocks = m.div_ceil(ROWS);
        tasks(blocks, &|i| piece(i * ROWS..((i + 1) * ROWS).min(m), 0..n));
    } else {
        let blocks = n.div_ceil(COLS);
        tasks(blocks, &|j| piece(0..m, j * COLS..((j + 1) * COLS).min(n)));
    }
}

/// Computes `C[rows, cols]` from its rows of `A` and columns of `B`.
///
/// # Safety
/// The piece lies within `C`, and nobody else has access to it.
unsafe fn multiply_piece<E: Portable, X: Epilogue<E>>(
    a: MatRef<'_, E>,
    b: MatRef<'_, E>,
    c: RawMut<E>,
    rows: Range<usize>,
    cols: Range<usize>,
    output: Output,
    epilogue: &X,
) {
    let beta = if output == Output::Accumulate { E::ONE } else { E::ZERO };
    // SAFETY: `a` and `b` are views checked when made; the piece of `C` is the caller's to write, rows do not overlap.
    unsafe {
        E::multiply(
            (rows.len(), a.cols(), cols.len()),
            (a.as_ptr(), a.row_stride() as isize, a.col_stride() as isize),
            (b.as_ptr(), b.row_stride() as isize, b.col_stride() as isize),
            beta,
            (c.at(rows.start, cols.start), c.row_stride as isize, 1),
        );
        for row in rows {
            epilogue.apply(row, cols.start, c.segment(row, cols.start, cols.len()));
        }
    }
}

/// A right operand as a view.
pub(super) fn right<E: Copy>(b: Right<'_, E>) -> MatRef<'_, E> {
    match b {
        Right::View(view) => view,
        Right::Packed(packed) => packed.plain().expect("packed by this engine"),
    }
}

/// `b`, row after row.
pub(super) fn pack<E: Copy>(b: MatRef<'_, E>) -> Storage<E> {
    let rows = (0..b.rows()).flat_map(|i| (0..b.cols()).map(move |j| b.at(i, j)));
    Storage::Plain(rows.collect())
}
