//! The micro-kernel: one tile of `C`, held in registers while `k` runs.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::vector::Vector;

/// `C[0..height, 0..cols] (+)= A[0..height, 0..k] · B[0..k, 0..width]`, one tile.
///
/// Element `(i, p)` of `A` lies at `a + i · a_row + p · a_col`, row `p` of `B` at `b + p · b_row` with all the
/// kernel's `width` columns readable, row `i` of `C` at `c + i · c_row`.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub(super) k: usize,
    pub(super) a: *const f32,
    pub(super) a_row: usize,
    pub(super) a_col: usize,
    pub(super) b: *const f32,
    pub(super) b_row: usize,
    /// How far ahead in memory each step fetches into the cache what is read next: the strip to the right where `B`
    /// is in place.
    pub(super) ahead: usize,
    pub(super) c: *mut f32,
    pub(super) c_row: usize,
    /// Columns to write; the kernel computes its whole width.
    pub(super) cols: usize,
    /// Add to what `C` holds instead of replacing it.
    pub(super) accumulate: bool,
}

/// A micro-kernel for a fixed height and width.
pub(super) type TileFn = unsafe fn(&Tile);

/// Runs `$body` for `$i` in `0..$n`, `$n ≤ 14`, without a loop: an array indexed by a loop's counter may end up in
/// memory instead of registers.
macro_rules! unrolled {
    ($i:ident < $n:ident, $body:block) => {
        unrolled!(@ $i < $n, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $i:ident < $n:ident, $body:block, $($index:literal)*) => {
        $(if $index < $n {
            let $i = $index;
            $body
        })*
    };
}

/// The micro-kernel of height `H` and width `NV · V::LANES`. Each element of `C` is one chain of fused
/// multiply-adds in the order of `k`, whatever the tile's size: so the bits of a product do not depend on how it
/// was cut into tiles. `UNIT` says that `a_row` is 1 (packed or transposed `A`); otherwise `a_col` is.
///
/// # Safety
/// `t` describes readable operands and a writable tile; the processor has `V`'s instruction set.
#[inline(always)]
pub(super) unsafe fn run<V: Vector, const H: usize, const NV: usize, const UNIT: bool>(t: &Tile) {
    // SAFETY: all addresses are elements of the operands described by `t`.
    unsafe {
        let a_col = if UNIT { t.a_col } else { 1 };
        let mut rows = [t.a; H];
        unrolled!(i < H, {
            _mm_prefetch::<_MM_HINT_T0>(t.c.add(i * t.c_row).cast());
            rows[i] = t.a.add(i * if UNIT { 1 } else { t.a_row });
        });
        let mut acc = [[V::zero(); NV]; H];
        let (mut at, mut b) = (0, t.b);
        for _ in 0..t.k / 4 {
            for u in 0..4 {
                _mm_prefetch::<_MM_HINT_T0>(b.wrapping_add(u * t.b_row + t.ahead).cast());
            }
            acc = step::<V, H, NV, UNIT>(acc, &rows, at, b);
            acc = step::<V, H, NV, UNIT>(acc, &rows, at + a_col, b.add(t.b_row));
            acc = step::<V, H, NV, UNIT>(acc, &rows, at + 2 * a_col, b.add(2 * t.b_row));
            acc = step::<V, H, NV, UNIT>(acc, &rows, at + 3 * a_col, b.add(3 * t.b_row));
            at += 4 * a_col;
            b = b.wrapping_add(4 * t.b_row);
        }
        for _ in 0..t.k % 4 {
            acc = step::<V, H, NV, UNIT>(acc, &rows, at, b);
            at += a_col;
            b = b.wrapping_add(t.b_row);
        }
        if t.cols == NV * V::LANES {
            unrolled!(i < H, {
                unrolled!(v < NV, {
                    let c = t.c.add(i * t.c_row + v * V::LANES);
                    let value = if t.accumulate { V::load(c).add(acc[i][v]) } else { acc[i][v] };
                    value.store(c);
                });
            });
        } else {
            store_part::<V, H, NV>(t, acc);
        }
    }
}

/// One step of `k`: a rank-1 update of the tile.
#[inline(always)]
unsafe fn step<V: Vector, const H: usize, const NV: usize, const UNIT: bool>(
    mut acc: [[V; NV]; H],
    rows: &[*const f32; H],
    at: usize,
    b: *const f32,
) -> [[V; NV]; H] {
    // SAFETY: `at` is the offset of this step in each row, `b` a row of `NV` vectors, by the caller's promise.
    unsafe {
        let mut row = [V::zero(); NV];
        unrolled!(v < NV, {
            row[v] = V::load(b.add(v * V::LANES));
        });
        unrolled!(i < H, {
            let scale = V::splat(if UNIT { *rows[0].add(at + i) } else { *rows[i].add(at) });
            unrolled!(v < NV, {
                acc[i][v] = acc[i][v].fma(scale, row[v]);
            });
        });
    }
    acc
}

/// Writes the first `t.cols` columns of a tile at the right edge of `C`.
#[inline(always)]
unsafe fn store_part<V: Vector, const H: usize, const NV: usize>(t: &Tile, acc: [[V; NV]; H]) {
    let mut row = [0.0; 32];
    const { assert!(H <= 14 && NV * V::LANES <= 32) };
    unrolled!(i < H, {
        // SAFETY: a row of the tile fits in `row`, and only the `t.cols` elements inside `C` are written.
        unsafe {
            unrolled!(v < NV, {
                acc[i][v].store(row.as_mut_ptr().add(v * V::LANES));
            });
            write_part(&row, t.c.add(i * t.c_row), t);
        }
    });
}

/// One row of [`store_part`].
#[inline(never)]
unsafe fn write_part(row: &[f32; 32], c: *mut f32, t: &Tile) {
    for (j, &value) in row.iter().enumerate().take(t.cols) {
        // SAFETY: the first `t.cols` elements of the row are inside `C`.
        unsafe { *c.add(j) = if t.accumulate { *c.add(j) + value } else { value } };
    }
}
