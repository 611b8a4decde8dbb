//! `f32` products on our own kernels: which of them suits which shape.

use std::ops::Range;

use super::blocked::{self, Operand, Product};
use super::buffer::{Line, Scratch};
use super::element::Right;
use super::isa::Isa;
use super::packed::{Storage, Strips};
use super::skinny::{AxpyJob, DotJob};
use super::view::{MatMut, MatRef, RawMut};
use super::{Epilogue, Output, worth_sharing};
use crate::kernels::par::tasks;

/// Up to this many rows, rows of `B` are summed as they stream by. (Three rows: 40 GFLOP/s either way at
/// `k` 512, `n` 2048 on one Zen 3 core; six rows: 38, the micro-kernel with `B` in place 69.)
const FEW_SUMS: usize = 2;
/// Up to this many rows (columns), inner products beat packing the large operand, however short `k`: 8 × 64 × 1000
/// 49 against 44 GFLOP/s.
const FEW_DOTS: usize = 8;
/// The same for rows from [`LONG_K`] on: 32 × 512 × 1000 81 against 74.
const MORE_DOTS: usize = 32;
const LONG_K: usize = 128;
/// Shortest `k` for which inner products fill their vectors.
const DOT_K: usize = 32;
/// Elements of the large operand that one task of a skinny product reads.
const SKINNY_TASK: usize = 64 << 10;

/// Shortest stretch of a row that a task of a sum of rows reads: the hardware prefetcher wants long ones. At
/// 1 × 2048 × 2048 whole rows run at 22 GFLOP/s a thread, stretches of 512 elements at 12, of 64 at 1; asking for
/// the next rows by hand made whole rows slower and short ones no faster.
const SWEPT: usize = 1024;
/// From so many elements on, the large operand comes from memory, and stretches are as long as there are threads for.
const UNCACHED: usize = 4 << 20;

/// `C (+)= A · B`, shapes already checked.
pub(super) fn product<X: Epilogue<f32>>(
    isa: &'static Isa,
    a: MatRef<'_, f32>,
    b: Right<'_, f32>,
    c: MatMut<'_, f32>,
    output: Output,
    epilogue: &X,
    parallel: bool,
) {
    let (m, k, n) = (a.rows(), a.cols(), c.cols());
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        return empty_sum(c, output, epilogue);
    }
    let skinny = Skinny {
        isa,
        accumulate: output == Output::Accumulate,
        c: c.into_raw(),
        epilogue,
        parallel: parallel && worth_sharing(m, k, n),
    };
    let b = match b {
        Right::View(b)
            if b.row_stride() == 1 && (m <= FEW_DOTS && k >= DOT_K || m <= MORE_DOTS && k >= LONG_K) =>
        {
            return skinny.row_dots(a, b);
        }
        Right::View(b) if m <= FEW_SUMS && b.col_stride() == 1 => return skinny.row_sums(a, b),
        Right::View(b) if n <= FEW_DOTS && a.col_stride() == 1 && k >= DOT_K => {
            return skinny.column_dots(a, b);
        }
        Right::View(b) if n == 1 && a.row_stride() == 1 && skinny.c.row_stride == 1 => {
            return skinny.column_sum(a, b);
        }
        Right::View(b) => blocked::Right::View(b.into()),
        Right::Packed(packed) => match packed.storage() {
            Storage::Strips(Strips(lines)) => {
                blocked::Right::Packed(blocked::packed_panels(isa, k, n, lines.as_ptr().cast()))
            }
            Storage::Plain(data) => blocked::Right::View(MatRef::row_major(data, k, n).into()),
        },
    };
    let Skinny { accumulate, c, .. } = skinny;
    let product = Product { isa, m, k, n, a: a.into(), b, c, accumulate, epilogue };
    // SAFETY: the views were checked when made and the shapes by the caller; none is 0.
    unsafe { product.run(skinny.parallel) };
}

/// Packs `b` for the micro-kernels.
pub(super) fn pack(isa: &Isa, b: MatRef<'_, f32>) -> Storage<f32> {
    let (k, n) = (b.rows(), b.cols());
    let mut lines = vec![Line::ZERO; blocked::packed_len(isa, k, n).div_ceil(Line::LEN)];
    if k > 0 && n > 0 {
        // SAFETY: `b` is a checked view, `lines` has the room.
        unsafe { blocked::pack_all(isa, Operand::from(b), k, n, lines.as_mut_ptr().cast()) };
    }
    Storage::Strips(Strips(lines))
}

/// `k = 0`: every sum is empty.
fn empty_sum<X: Epilogue<f32>>(mut c: MatMut<'_, f32>, output: Output, epilogue: &X) {
    for row in 0..c.rows() {
        let c = c.row_mut(row);
        if output == Output::Replace {
            c.fill(0.0);
        }
        epilogue.apply(row, 0, c);
    }
}

/// A product with one large operand, cut along that operand only.
struct Skinny<'a, X> {
    isa: &'static Isa,
    c: RawMut<f32>,
    accumulate: bool,
    epilogue: &'a X,
    parallel: bool,
}

impl<X: Epilogue<f32>> Skinny<'_, X> {
    /// Few rows, `B` transposed: inner products of rows of `A` with columns of `B`.
    fn row_dots(&self, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
        let m = a.rows();
        let mut copy = None;
        let x = contiguous_rows(a, &mut copy);
        self.pieces(b.cols(), a.cols(), 1, |cols| {
            // SAFETY: rows of `A`, columns `cols` of `B`, and their part of `C`, which is this piece's alone.
            unsafe {
                (self.isa.dot)(&DotJob {
                    k: a.cols(),
                    x: x.as_ptr(),
                    x_row: x.row_stride(),
                    x_rows: m,
                    y: b.cols_range(cols.clone()).as_ptr(),
                    y_row: b.col_stride(),
                    y_rows: cols.len(),
                    out: self.c.at(0, cols.start),
                    out_x: self.c.row_stride,
                    out_y: 1,
                    accumulate: self.accumulate,
                });
                self.finish(0..m, cols);
            }
        });
    }

    /// Few columns, rows of `A` contiguous: inner products of columns of `B` with rows of `A`.
    fn column_dots(&self, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
        let n = b.cols();
        let mut copy = None;
        let x = contiguous_rows(b.t(), &mut copy);
        self.pieces(a.rows(), a.cols(), 1, |rows| {
            // SAFETY: columns of `B`, rows `rows` of `A`, and their part of `C`, which is this piece's alone.
            unsafe {
                (self.isa.dot)(&DotJob {
                    k: a.cols(),
                    x: x.as_ptr(),
                    x_row: x.row_stride(),
                    x_rows: n,
                    y: a.rows_range(rows.clone()).as_ptr(),
                    y_row: a.row_stride(),
                    y_rows: rows.len(),
                    out: self.c.at(rows.start, 0),
                    out_x: 1,
                    out_y: self.c.row_stride,
                    accumulate: self.accumulate,
                });
                self.finish(rows, 0..n);
            }
        });
    }

    /// Few rows, rows of `B` contiguous: sums of multiples of rows of `B`.
    fn row_sums(&self, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
        let (m, k) = (a.rows(), a.cols());
        self.pieces(b.cols(), k, SWEPT, |cols| {
            // SAFETY: all of `A`, columns `cols` of `B`, and their part of `C`, which is this piece's alone.
            unsafe {
                (self.isa.axpy)(&AxpyJob {
                    m,
                    k,
                    n: cols.len(),
                    a: a.as_ptr(),
                    a_row: a.row_stride(),
                    a_col: a.col_stride(),
                    b: b.cols_range(cols.clone()).as_ptr(),
                    b_row: b.row_stride(),
                    c: self.c.at(0, cols.start),
                    c_row: self.c.row_stride,
                    accumulate: self.accumulate,
                });
                self.finish(0..m, cols);
            }
        });
    }

    /// One column, columns of `A` and `C` contiguous: a sum of multiples of columns of `A`.
    fn column_sum(&self, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
        let k = a.cols();
        self.pieces(a.rows(), k, SWEPT, |rows| {
            // SAFETY: all of `B`, rows `rows` of `A`, and their part of `C`, which is this piece's alone.
            unsafe {
                (self.isa.axpy)(&AxpyJob {
                    m: 1,
                    k,
                    n: rows.len(),
                    a: b.as_ptr(),
                    a_row: 0,
                    a_col: b.row_stride(),
                    b: a.rows_range(rows.clone()).as_ptr(),
                    b_row: a.col_stride(),
                    c: self.c.at(rows.start, 0),
                    c_row: 0,
                    accumulate: self.accumulate,
                });
                self.finish(rows, 0..1);
            }
        });
    }

    /// Runs `work` on pieces of `0..len`, multiples of a cache line, at least `least` long. How an element is summed
    /// does not depend on them.
    fn pieces(&self, len: usize, k: usize, least: usize, work: impl Fn(Range<usize>) + Sync) {
        let threads = if self.parallel { rayon::current_num_threads() } else { 1 };
        let tasks_each = if least > 1 && len * k >= UNCACHED { 1 } else { 4 };
        let step = len.div_ceil(tasks_each * threads).max(SKINNY_TASK / k).max(least).next_multiple_of(64);
        if threads == 1 || len <= step {
            return work(0..len);
        }
        tasks(len.div_ceil(step), &|i| work(i * step..((i + 1) * step).min(len)));
    }

    /// Applies the epilogue to a finished piece of `C`.
    ///
    /// # Safety
    /// The piece lies within `C`, and nobody else has access to it.
    unsafe fn finish(&self, rows: Range<usize>, cols: Range<usize>) {
        for row in rows {
            // SAFETY: by the caller's promise.
            let segment = unsafe { self.c.segment(row, cols.start, cols.len()) };
            self.epilogue.apply(row, cols.start, segment);
        }
    }
}

/// A small operand with contiguous rows: as it is, or a copy.
fn contiguous_rows<'s>(x: MatRef<'s, f32>, copy: &'s mut Option<Scratch>) -> MatRef<'s, f32> {
    if x.col_stride() == 1 {
        return x;
    }
    let (rows, k) = (x.rows(), x.cols());
    let copy = copy.insert(Scratch::take(rows * k)).as_mut_slice();
    for i in 0..rows {
        for p in 0..k {
            copy[i * k + p] = x.at(i, p);
        }
    }
    MatRef::row_major(copy, rows, k)
}
