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
    pub(super) c: *mut f32,
    pub(super) c_row: usize,
    /// Columns to write; the kernel computes its whole width.
    pub(super) cols: usize,
    /// Add to what `C` holds instead of replacing it.
    pub(super) accumulate: bool,
}

/// A micro-kernel for a fixed height and width.
pub(super) type TileFn = unsafe fn(&Tile);

/// How many steps of `k` one pass of the inner loop makes.
const UNROLL: usize = 4;

/// The micro-kernel of height `H` and width `NV · V::LANES`. Each element of `C` is one chain of fused
/// multiply-adds in the order of `k`, whatever the tile's size: so the bits of a product do not depend on how it
/// was cut into tiles. `UNIT` says that `a_row` is 1 (packed or transposed `A`).
///
/// # Safety
/// `t` describes readable operands and a writable tile; the processor has `V`'s instruction set.
#[inline(always)]
pub(super) unsafe fn run<V: Vector, const H: usize, const NV: usize, const UNIT: bool>(t: &Tile) {
    // SAFETY: all addresses are elements of the operands described by `t`.
    unsafe {
        let a_row = if UNIT { 1 } else { t.a_row };
        let (a_col, b_row) = (t.a_col, t.b_row);
        for i in 0..H {
            _mm_prefetch::<_MM_HINT_T0>(t.c.add(i * t.c_row).cast());
        }
        let mut acc = [[V::zero(); NV]; H];
        let mut a = t.a;
        let mut b = t.b;
        for _ in 0..t.k / UNROLL {
            for _ in 0..UNROLL {
                step::<V, H, NV>(&mut acc, a, a_row, b);
                a = a.add(a_col);
                b = b.add(b_row);
            }
        }
        for _ in 0..t.k % UNROLL {
            step::<V, H, NV>(&mut acc, a, a_row, b);
            a = a.wrapping_add(a_col);
            b = b.wrapping_add(b_row);
        }
        if t.cols == NV * V::LANES {
            for i in 0..H {
                for v in 0..NV {
                    let c = t.c.add(i * t.c_row + v * V::LANES);
                    let value = if t.accumulate { V::load(c).add(acc[i][v]) } else { acc[i][v] };
                    value.store(c);
                }
            }
        } else {
            store_part::<V, H, NV>(t, &acc);
        }
    }
}

/// One step of `k`: a rank-1 update of the tile.
#[inline(always)]
unsafe fn step<V: Vector, const H: usize, const NV: usize>(
    acc: &mut [[V; NV]; H],
    a: *const f32,
    a_row: usize,
    b: *const f32,
) {
    // SAFETY: `a` is a column of `H` elements, `b` a row of `NV` vectors, by the caller's promise.
    unsafe {
        let mut row = [V::zero(); NV];
        for v in 0..NV {
            row[v] = V::load(b.add(v * V::LANES));
        }
        for i in 0..H {
            let scale = V::splat(*a.add(i * a_row));
            for v in 0..NV {
                acc[i][v] = acc[i][v].fma(scale, row[v]);
            }
        }
    }
}

/// Writes the first `t.cols` columns of a tile at the right edge of `C`.
#[inline(always)]
unsafe fn store_part<V: Vector, const H: usize, const NV: usize>(t: &Tile, acc: &[[V; NV]; H]) {
    let mut row = [0.0; 32];
    const { assert!(NV * V::LANES <= 32) };
    for i in 0..H {
        // SAFETY: a row of the tile fits in `row`, and only the `t.cols` elements inside `C` are written.
        unsafe {
            for v in 0..NV {
                acc[i][v].store(row.as_mut_ptr().add(v * V::LANES));
            }
            for j in 0..t.cols {
                let c = t.c.add(i * t.c_row + j);
                *c = if t.accumulate { *c + row[j] } else { row[j] };
            }
        }
    }
}
