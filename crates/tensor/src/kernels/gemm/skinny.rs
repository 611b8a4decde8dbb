//! Products with very few rows or columns: limited by reading the one large operand, so it is read once, in
//! order, and never packed.

use super::vector::Vector;

/// `C[0..m, 0..n] (+)= A · B` with rows of `B` contiguous: `C` gathers multiples of rows of `B`.
#[derive(Clone, Copy)]
pub(super) struct AxpyJob {
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) a: *const f32,
    pub(super) a_row: usize,
    pub(super) a_col: usize,
    pub(super) b: *const f32,
    pub(super) b_row: usize,
    pub(super) c: *mut f32,
    pub(super) c_row: usize,
    pub(super) accumulate: bool,
}

/// Columns of `C` kept in the first-level cache while `B` streams by.
const AXPY_COLS: usize = 512;
/// The same for a single row of `C`, kept in the second level: what counts there is that `B` is read in long stretches,
/// eight rows side by side. 1 × 8192 × 8192, which lies in memory, gets 24 GB/s from one core that way, 19 from four rows
/// in stretches of 2,048, and 16 from one row.
const ROW_COLS: usize = 32 << 10;

/// Runs `job`. Each element of `C` is one chain of fused multiply-adds in the order of `k`.
///
/// # Safety
/// The operands are readable, `C` writable; the processor has `V`'s instruction set.
#[inline(always)]
pub(super) unsafe fn axpy<V: Vector>(job: &AxpyJob) {
    let block = if job.m == 1 { ROW_COLS } else { AXPY_COLS };
    for from in (0..job.n).step_by(block) {
        let cols = (job.n - from).min(block);
        let mut p = 0;
        while p < job.k {
            let steps = match job.k - p {
                8.. if job.m == 1 => 8,
                4.. => 4,
                left => left,
            };
            let mut i = 0;
            while i < job.m {
                let rows = (job.m - i).min(4);
                // SAFETY: rows `i..i + rows` of `A` and `C`, rows `p..p + steps` of `B`, `cols` columns from `from`.
                unsafe {
                    let part = AxpyJob {
                        n: cols,
                        a: job.a.add(i * job.a_row + p * job.a_col),
                        b: job.b.add(p * job.b_row + from),
                        c: job.c.add(i * job.c_row + from),
                        accumulate: job.accumulate || p > 0,
                        ..*job
                    };
                    match (rows, steps) {
                        (1, 8) => axpy_rows::<V, 1, 8>(&part),
                        (1, 4) => axpy_rows::<V, 1, 4>(&part),
                        (2, 4) => axpy_rows::<V, 2, 4>(&part),
                        (3, 4) => axpy_rows::<V, 3, 4>(&part),
                        (_, 4) => axpy_rows::<V, 4, 4>(&part),
                        _ => axpy_steps::<V>(&part, rows, steps),
                    }
                }
                i += rows;
            }
            p += steps;
        }
    }
}

/// The last steps of `k`, fewer than four: one row of `C` and one of `B` at a time.
#[inline(always)]
unsafe fn axpy_steps<V: Vector>(part: &AxpyJob, rows: usize, steps: usize) {
    for i in 0..rows {
        for p in 0..steps {
            // SAFETY: as in the caller.
            unsafe {
                axpy_rows::<V, 1, 1>(&AxpyJob {
                    a: part.a.add(i * part.a_row + p * part.a_col),
                    b: part.b.add(p * part.b_row),
                    c: part.c.add(i * part.c_row),
                    accumulate: part.accumulate || p > 0,
                    ..*part
                });
            }
        }
    }
}

/// `R` rows of `C` gather `S` rows of `B`.
#[inline(always)]
unsafe fn axpy_rows<V: Vector, const R: usize, const S: usize>(part: &AxpyJob) {
    // SAFETY: all addresses lie in the operands the caller describes.
    unsafe {
        let mut scale = [[0.0; S]; R];
        let mut scales = [[V::zero(); S]; R];
        for i in 0..R {
            for p in 0..S {
                scale[i][p] = *part.a.add(i * part.a_row + p * part.a_col);
                scales[i][p] = V::splat(scale[i][p]);
            }
        }
        let whole = part.n / V::LANES * V::LANES;
        let mut j = 0;
        while j < whole {
            let mut b = [V::zero(); S];
            for p in 0..S {
                b[p] = V::load(part.b.add(p * part.b_row + j));
            }
            for i in 0..R {
                let c = part.c.add(i * part.c_row + j);
                let mut sum = if part.accumulate { V::load(c) } else { V::zero() };
                for p in 0..S {
                    sum = sum.fma(scales[i][p], b[p]);
                }
                sum.store(c);
            }
            j += V::LANES;
        }
        while j < part.n {
            for i in 0..R {
                let c = part.c.add(i * part.c_row + j);
                let mut sum = if part.accumulate { *c } else { 0.0 };
                for p in 0..S {
                    sum = scale[i][p].mul_add(*part.b.add(p * part.b_row + j), sum);
                }
                *c = sum;
            }
            j += 1;
        }
    }
}

/// `out[i, j] (+)= Σₚ x[i, p] · y[j, p]`: both operands contiguous along `k`.
///
/// Element `(i, j)` of the output lies at `i · out_x + j · out_y`.
#[derive(Clone, Copy)]
pub(super) struct DotJob {
    pub(super) k: usize,
    pub(super) x: *const f32,
    pub(super) x_row: usize,
    pub(super) x_rows: usize,
    pub(super) y: *const f32,
    pub(super) y_row: usize,
    pub(super) y_rows: usize,
    pub(super) out: *mut f32,
    pub(super) out_x: usize,
    pub(super) out_y: usize,
    pub(super) accumulate: bool,
}

/// Runs `job`: `x` is the small operand. How an element is summed depends on `k` and `x_rows` alone.
///
/// # Safety
/// The operands are readable, the output writable; the processor has `V`'s instruction set.
#[inline(always)]
pub(super) unsafe fn dot<V: Vector>(job: &DotJob) {
    let mut j = 0;
    while j < job.y_rows {
        let columns = if job.y_rows - j >= 4 { 4 } else { 1 };
        let mut i = 0;
        while i < job.x_rows {
            let left = job.x_rows - i;
            let rows = if left == 4 { 2 } else { left.min(3) };
            // SAFETY: rows `i..i + rows` of `x` and `j..j + columns` of `y`, and their outputs.
            unsafe {
                let part = DotJob {
                    x: job.x.add(i * job.x_row),
                    y: job.y.add(j * job.y_row),
                    out: job.out.add(i * job.out_x + j * job.out_y),
                    ..*job
                };
                match (rows, columns) {
                    (1, 4) => dot_tile::<V, 1, 4, 2>(&part),
                    (2, 4) => dot_tile::<V, 2, 4, 1>(&part),
                    (_, 4) => dot_tile::<V, 3, 4, 1>(&part),
                    (1, _) => dot_tile::<V, 1, 1, 2>(&part),
                    (2, _) => dot_tile::<V, 2, 1, 1>(&part),
                    _ => dot_tile::<V, 3, 1, 1>(&part),
                }
            }
            i += rows;
        }
        j += columns;
    }
}

/// `X · Y` inner products at once, each in `U` vectors of partial sums.
#[inline(always)]
unsafe fn dot_tile<V: Vector, const X: usize, const Y: usize, const U: usize>(part: &DotJob) {
    // SAFETY: all addresses lie in the operands the caller describes.
    unsafe {
        let mut sums = [[[V::zero(); U]; Y]; X];
        let whole = part.k / (U * V::LANES) * (U * V::LANES);
        let mut p = 0;
        while p < whole {
            for u in 0..U {
                let at = p + u * V::LANES;
                let mut x = [V::zero(); X];
                for i in 0..X {
                    x[i] = V::load(part.x.add(i * part.x_row + at));
                }
                for j in 0..Y {
                    let y = V::load(part.y.add(j * part.y_row + at));
                    for i in 0..X {
                        sums[i][j][u] = sums[i][j][u].fma(x[i], y);
                    }
                }
            }
            p += U * V::LANES;
        }
        for i in 0..X {
            for j in 0..Y {
                let mut total = sums[i][j][0];
                for u in 1..U {
                    total = total.add(sums[i][j][u]);
                }
                let mut sum = total.sum();
                for q in whole..part.k {
                    sum = (*part.x.add(i * part.x_row + q)).mul_add(*part.y.add(j * part.y_row + q), sum);
                }
                let out = part.out.add(i * part.out_x + j * part.out_y);
                *out = if part.accumulate { *out + sum } else { sum };
            }
        }
    }
}
