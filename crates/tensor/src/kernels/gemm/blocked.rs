//! The general product: operands packed into strips, `C` cut into tiles, tasks over the threads of rayon.
//!
//! Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): a strip of `B`
//! (`kc × nr`) stays in the first-level cache, a block of `A` (`mc × kc`) in the second, packed `B` in the third.
//! `k` is cut by its length alone and never shared between threads, and the micro-kernels sum in the order of `k`:
//! the bits of a product depend on its shape only.

use std::ops::Range;

use super::buffer::Scratch;
use super::isa::Isa;
use super::pack::{self, Strip};
use super::tile::Tile;
use super::view::{MatRef, RawMut};
use super::{Epilogue, worth_sharing};
use crate::kernels::par::tasks;

/// A strided operand without its lifetime, to be shared between tasks.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub(super) ptr: *const f32,
    pub(super) row: usize,
    pub(super) col: usize,
}

// SAFETY: only read, within the borrow it was made from.
unsafe impl Send for Operand {}
// SAFETY: as above.
unsafe impl Sync for Operand {}

impl Operand {
    /// Address of element `(row, col)`.
    ///
    /// # Safety
    /// The element lies within the operand.
    #[inline(always)]
    unsafe fn at(&self, row: usize, col: usize) -> *const f32 {
        // SAFETY: by the caller's promise.
        unsafe { self.ptr.add(row * self.row + col * self.col) }
    }
}

impl From<MatRef<'_, f32>> for Operand {
    fn from(m: MatRef<'_, f32>) -> Self {
        Self { ptr: m.as_ptr(), row: m.row_stride(), col: m.col_stride() }
    }
}

/// The right operand: as the caller has it, or all its panels packed by [`pack_all`].
#[derive(Clone, Copy)]
pub(super) enum Right {
    View(Operand),
    Packed(Panels),
}

/// A product to run.
pub(super) struct Product<'a, X> {
    pub(super) isa: &'static Isa,
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) a: Operand,
    pub(super) b: Right,
    pub(super) c: RawMut<f32>,
    pub(super) accumulate: bool,
    pub(super) epilogue: &'a X,
}

/// Elements of `B` packed at a time: 8 MiB, which the third-level cache holds beside the rest.
const CHUNK: usize = 2 << 20;
/// Most of `k` packed at a time; longer products visit `C` more than once.
const CHUNK_K: usize = 8192;
/// Elements of `B` that one packing task copies.
const PACK_TASK: usize = 32 << 10;
/// Tasks per thread: enough to even out threads of unequal speed.
const TASKS_PER_THREAD: usize = 4;

impl<X: Epilogue<f32>> Product<'_, X> {
    /// Runs the product, over the current rayon pool if `parallel` and large enough.
    ///
    /// # Safety
    /// `a` is `m × k`, `b` is `k × n`, both readable; `c` is `m × n` and nobody else's; `m`, `k`, `n` are not 0.
    pub(super) unsafe fn run(&self, parallel: bool) {
        let threads =
            if parallel && worth_sharing(self.m, self.k, self.n) { rayon::current_num_threads() } else { 1 };
        let nr = self.isa.nr();
        let step = k_step(self.k, self.isa.kc);
        let view = match self.b {
            Right::Packed(panels) => {
                // SAFETY: by the caller's promise.
                unsafe { self.tiles(0..self.k, 0..self.n, panels, threads) };
                return;
            }
            Right::View(view) => view,
        };
        let in_place = view.col == 1 && self.m <= self.rows_in_place(view.row);
        let k_chunk = if in_place { self.k } else { (CHUNK_K / step).max(1) * step };
        let n_chunk = if in_place { self.n } else { (CHUNK / k_chunk.min(self.k)).next_multiple_of(nr) };
        for cols in ranges(self.n, n_chunk) {
            let packed_from = if in_place { cols.end / nr * nr } else { cols.start };
            for ks in ranges(self.k, k_chunk) {
                let width = padded(cols.end - packed_from, self.isa);
                let mut buffer = Scratch::take(width * ks.len());
                let panels = Panels {
                    in_place: in_place.then_some(view),
                    packed: buffer.as_mut_ptr(),
                    n: cols.len(),
                    k_from: ks.start,
                    step,
                };
                // SAFETY: the buffer holds the chunk; the rest by the caller's promise.
                unsafe {
                    if packed_from < cols.end {
                        let shifted = Panels { in_place: None, n: cols.end - packed_from, ..panels };
                        pack_panels(self.isa, view, shifted, ks.clone(), packed_from..cols.end, threads);
                    }
                    self.tiles(ks, cols.clone(), panels, threads);
                }
            }
        }
    }

    /// Up to how many rows `B` is better read where it is than packed: 12 × 384 × 1000 88 against 65 GFLOP/s. Rows
    /// a multiple of 4 KiB apart fall into the same sets of the cache and soon cost more (16 × 512 × 2048 64 against
    /// 68).
    fn rows_in_place(&self, b_row: usize) -> usize {
        self.isa.mr * if b_row.is_multiple_of(1024) { 2 } else { 4 }
    }

    /// `C[.., cols] (+)= A[.., ks] · B[ks, cols]`.
    unsafe fn tiles(&self, ks: Range<usize>, cols: Range<usize>, panels: Panels, threads: usize) {
        let strips = cols.len().div_ceil(self.isa.nr());
        let (row_blocks, col_blocks) = self.grid(strips, threads);
        // Blocks begin between bands of the tallest kernel, so that nearly all bands are that tall (256 × 64 × 256 on
        // one thread: 87 against 84 GFLOP/s); blocks of few bands are even instead, so that tasks are (on two: 154
        // against 147).
        let bands = self.m.div_ceil(self.isa.mr);
        let units = if bands >= 12 * row_blocks { bands } else { self.m };
        let task = |index: usize| {
            let (row, col) = (index / col_blocks, index % col_blocks);
            let rows = part(units, row_blocks, row);
            let rows = self.m * rows.start / units..self.m * rows.end / units;
            let strips = part(strips, col_blocks, col);
            // SAFETY: tasks have disjoint tiles of `C`; the rest by the caller's promise.
            unsafe { self.block(ks.clone(), rows, cols.start, strips, panels) };
        };
        let count = row_blocks * col_blocks;
        if threads == 1 {
            (0..count).for_each(task);
        } else {
            tasks(count, &task);
        }
    }

    /// How many blocks of rows and of columns `C` is cut into.
    fn grid(&self, strips: usize, threads: usize) -> (usize, usize) {
        let row_blocks = self.m.div_ceil(self.isa.mc);
        let wanted = threads * TASKS_PER_THREAD;
        if threads == 1 || row_blocks >= wanted {
            return (row_blocks, 1);
        }
        // Rows first: each block of columns packs its rows of `A` anew, so it should be wide.
        let most_rows = self.m.div_ceil(2 * self.isa.mr).max(row_blocks);
        let rows = row_blocks.next_multiple_of(threads).min(most_rows);
        let most_cols = strips.div_ceil(8);
        let cols = wanted.div_ceil(rows).min(most_cols);
        let rows = if rows * cols < wanted { wanted.div_ceil(cols).min(most_rows) } else { rows };
        let cols = if rows * cols < wanted { wanted.div_ceil(rows).min(strips.div_ceil(2)) } else { cols };
        (rows, cols)
    }

    /// One task: the tiles of `rows` and `strips`, all of `ks`, and their epilogue after the last `k`.
    unsafe fn block(
        &self,
        ks: Range<usize>,
        rows: Range<usize>,
        col: usize,
        strips: Range<usize>,
        panels: Panels,
    ) {
        let isa = self.isa;
        let (nr, step) = (isa.nr(), panels.step);
        let in_place = (strips.len() <= 4 || rows.len() <= 2) && (self.a.row == 1 || self.a.col == 1);
        let mut buffer = (!in_place).then(|| Scratch::take(rows.len() * step.min(ks.len()) + pack::SLACK));
        let cols = strips.start * nr..(strips.end * nr).min(panels.n);
        let tallest = if in_place && self.a.row != 1 { isa.mr_apart } else { isa.mr };
        let bands = rows.len().div_ceil(tallest);
        for p in ranges_from(ks.clone(), step) {
            // SAFETY: every address below is an element of `A`, of packed `A`, of a panel or of this task's tile.
            unsafe {
                let packed = buffer.as_mut().map(|buffer| {
                    let packed = buffer.as_mut_ptr();
                    self.pack_rows(rows.clone(), bands, p.clone(), packed);
                    packed
                });
                for strip in strips.clone() {
                    let (b, b_row, vectors) = panels.strip(isa, p.clone(), strip, col);
                    let width = (panels.n - strip * nr).min(nr);
                    for band in 0..bands {
                        let band = part(rows.len(), bands, band);
                        let (height, row) = (band.len(), rows.start + band.start);
                        let (a, a_row, a_col) = match packed {
                            Some(packed) => (packed.add(band.start * p.len()).cast_const(), 1, height),
                            None => (self.a.at(row, p.start), self.a.row, self.a.col),
                        };
                        isa.tile(height, vectors, a_row == 1)(&Tile {
                            k: p.len(),
                            a,
                            a_row,
                            a_col,
                            b,
                            b_row,
                            ahead: if panels.in_place.is_some() { nr } else { 8 * nr },
                            c: self.c.at(row, col + strip * nr),
                            c_row: self.c.row_stride,
                            cols: width,
                            accumulate: self.accumulate || p.start > 0,
                        });
                    }
                }
            }
        }
        if ks.end == self.k {
            for row in rows {
                // SAFETY: this task's part of the row, finished.
                let segment = unsafe { self.c.segment(row, col + cols.start, cols.len()) };
                self.epilogue.apply(row, col + cols.start, segment);
            }
        }
    }

    /// Packs `A[rows, p]`, band after band.
    unsafe fn pack_rows(&self, rows: Range<usize>, bands: usize, p: Range<usize>, packed: *mut f32) {
        for band in 0..bands {
            let band = part(rows.len(), bands, band);
            // SAFETY: the band is part of `A`; the buffer holds all rows and the slack after the last band.
            unsafe {
                pack::run(&Strip {
                    src: self.a.at(rows.start + band.start, p.start),
                    lane_stride: self.a.row,
                    k_stride: self.a.col,
                    lanes: band.len(),
                    width: band.len(),
                    k: p.len(),
                    dst: packed.add(band.start * p.len()),
                });
            }
        }
    }
}

/// A chunk of `B` as strips of `nr` columns (the last as many vectors as it needs), within each block of `k` one
/// strip after the other.
#[derive(Clone, Copy)]
pub(super) struct Panels {
    /// Where whole strips are read in place and only the last, partial one is packed.
    in_place: Option<Operand>,
    packed: *const f32,
    n: usize,
    k_from: usize,
    step: usize,
}

// SAFETY: read-only while shared (packing tasks write disjoint strips), within the buffer's borrow.
unsafe impl Send for Panels {}
// SAFETY: as above.
unsafe impl Sync for Panels {}

impl Panels {
    /// Address, row stride and width in vectors of a strip's block `p` of `k`; the chunk begins at column `col`.
    #[inline(always)]
    unsafe fn strip(
        &self,
        isa: &Isa,
        p: Range<usize>,
        strip: usize,
        col: usize,
    ) -> (*const f32, usize, usize) {
        let nr = isa.nr();
        let left = self.n - strip * nr;
        let width = padded(left.min(nr), isa);
        // SAFETY: the strip is part of the chunk.
        unsafe {
            let (at, row) = match self.in_place {
                Some(b) if left >= nr => (b.at(p.start, col + strip * nr), b.row),
                Some(_) => (self.packed.add((p.start - self.k_from) * width), width),
                None => {
                    let before = (p.start - self.k_from) * padded(self.n, isa) + strip * nr * p.len();
                    (self.packed.add(before), width)
                }
            };
            (at, row, width / isa.lanes)
        }
    }
}

/// Packs `B[ks, cols]` into the buffer behind `panels`.
unsafe fn pack_panels(
    isa: &Isa,
    b: Operand,
    panels: Panels,
    ks: Range<usize>,
    cols: Range<usize>,
    threads: usize,
) {
    let nr = isa.nr();
    let strips = cols.len().div_ceil(nr);
    // Memory is read in its order: along `k` where that is contiguous, else a block of rows at a time.
    let by_columns = b.row == 1;
    let blocks = if by_columns { 1 } else { ks.len().div_ceil(panels.step) };
    let groups = (cols.len() * ks.len() / blocks).div_ceil(PACK_TASK).min(strips.div_ceil(4));
    let task = |index: usize| {
        let (block, group) = (index / groups, index % groups);
        let strips = part(strips, groups, group);
        // SAFETY: by the caller's promise; tasks have different strips or blocks of `k`.
        unsafe {
            if by_columns {
                for strip in strips {
                    for p in ranges_from(ks.clone(), panels.step) {
                        pack_strips(isa, b, panels, p, &cols, strip..strip + 1);
                    }
                }
            } else {
                let from = ks.start + block * panels.step;
                pack_strips(isa, b, panels, from..(from + panels.step).min(ks.end), &cols, strips);
            }
        }
    };
    if threads == 1 {
        (0..blocks * groups).for_each(task);
    } else {
        tasks(blocks * groups, &task);
    }
}

/// Packs some strips of one block of `k`.
unsafe fn pack_strips(
    isa: &Isa,
    b: Operand,
    panels: Panels,
    p: Range<usize>,
    cols: &Range<usize>,
    strips: Range<usize>,
) {
    let nr = isa.nr();
    let strip = |index: usize| {
        let col = cols.start + index * nr;
        // SAFETY: the strip is part of `B`, and its place in the buffer its own.
        let (src, (dst, width, _)) = unsafe { (b.at(p.start, col), panels.strip(isa, p.clone(), index, 0)) };
        let lanes = (cols.end - col).min(nr);
        Strip { src, lane_stride: b.col, k_stride: b.row, lanes, width, k: p.len(), dst: dst.cast_mut() }
    };
    let whole = if b.col == 1 { strips.end.min(cols.len() / nr).max(strips.start) } else { strips.start };
    // SAFETY: as above; widths are multiples of eight, so nothing is written past a strip.
    unsafe {
        if whole > strips.start {
            pack::run_side_by_side(&strip(strips.start), whole - strips.start, nr * p.len());
        }
        for index in whole..strips.end {
            pack::run(&strip(index));
        }
    }
}

/// Elements that [`pack_all`] writes.
pub(super) fn packed_len(isa: &Isa, k: usize, n: usize) -> usize {
    k * padded(n, isa)
}

/// Packs all of `b` (`k × n`) into `packed`, for any number of products.
///
/// # Safety
/// `b` is readable, `packed` has room for [`packed_len`] elements.
pub(super) unsafe fn pack_all(isa: &Isa, b: Operand, k: usize, n: usize, packed: *mut f32) {
    // SAFETY: by the caller's promise.
    unsafe { pack_panels(isa, b, packed_panels(isa, k, n, packed), 0..k, 0..n, 1) };
}

/// The panels that [`pack_all`] wrote.
pub(super) fn packed_panels(isa: &Isa, k: usize, n: usize, packed: *const f32) -> Panels {
    Panels { in_place: None, packed, n, k_from: 0, step: k_step(k, isa.kc) }
}

/// `n` columns, the last strip filled up to whole vectors.
fn padded(n: usize, isa: &Isa) -> usize {
    n.next_multiple_of(isa.lanes)
}

/// Length of the blocks of `k`: as even as possible, at most `longest`.
fn k_step(k: usize, longest: usize) -> usize {
    k.div_ceil(k.div_ceil(longest)).next_multiple_of(8)
}

/// `0..len` in pieces of `step`.
fn ranges(len: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    ranges_from(0..len, step)
}

/// `range` in pieces of `step`.
fn ranges_from(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(step).map(move |from| from..(from + step).min(range.end))
}

/// Piece `index` of `0..len` cut into `pieces` as even as possible.
#[inline(always)]
fn part(len: usize, pieces: usize, index: usize) -> Range<usize> {
    len * index / pieces..len * (index + 1) / pieces
}
