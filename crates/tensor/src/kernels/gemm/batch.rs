//! Many products of one shape.

use super::element::Right;
use super::view::{MatMut, MatRef, RawMut, extent};
use super::{Epilogue, Output, worth_sharing};
use crate::Element;
use crate::kernels::par::tasks;

/// A batch of equally shaped matrices over one slice.
///
/// The batch may have any number of axes, each with its stride: `(batch, heads)` of attention is
/// `batch_strides = [time · heads · d_head, d_head]` over activations that were never transposed. A stride of 0
/// repeats the matrix along that axis.
#[derive(Clone, Copy, Debug)]
pub struct BatchRef<'a, E> {
    data: &'a [E],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
    batch_strides: &'a [usize],
}

impl<'a, E> BatchRef<'a, E> {
    /// Matrices of `rows × cols`; whether they lie within `data` is checked when the batch is used.
    pub fn new(
        data: &'a [E],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
        batch_strides: &'a [usize],
    ) -> Self {
        Self { data, rows, cols, row_stride, col_stride, batch_strides }
    }

    /// Each matrix transposed, no copy.
    #[must_use]
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// Matrix `index` of the batch, counted row-major over the axes `dims`.
    #[track_caller]
    fn matrix(&self, dims: &[usize], index: usize) -> MatRef<'a, E> {
        let mut rest = index;
        let mut offset = 0;
        for (&dim, &stride) in dims.iter().zip(self.batch_strides).rev() {
            offset += rest % dim * stride;
            rest /= dim;
        }
        let data = self.data.get(offset..).unwrap_or(&[]);
        MatRef::new(data, self.rows, self.cols, self.row_stride, self.col_stride)
    }

    /// All matrices stacked into one of `batch · rows` rows, if their rows are evenly spaced through the batch.
    fn stacked(&self, dims: &[usize]) -> Option<MatRef<'a, E>> {
        let mut spacing = self.rows * self.row_stride;
        for (&dim, &stride) in dims.iter().zip(self.batch_strides).rev() {
            if dim != 1 && stride != spacing {
                return None;
            }
            spacing *= dim;
        }
        let rows = self.rows * dims.iter().product::<usize>();
        Some(MatRef::new(self.data, rows, self.cols, self.row_stride, self.col_stride))
    }
}

/// The matrices a batch of products writes: one after the other, `batch_stride` apart.
#[derive(Debug)]
pub struct BatchMut<'a, E> {
    data: &'a mut [E],
    rows: usize,
    cols: usize,
    row_stride: usize,
    batch_stride: usize,
}

impl<'a, E> BatchMut<'a, E> {
    /// Matrices of `rows × cols`, rows `row_stride` apart, matrices `batch_stride` apart.
    ///
    /// # Panics
    /// If rows or matrices overlap. Whether all lie within `data` is checked when the batch is used.
    #[track_caller]
    pub fn new(data: &'a mut [E], rows: usize, cols: usize, row_stride: usize, batch_stride: usize) -> Self {
        let apart = rows == 0
            || cols == 0
            || extent(rows, cols, row_stride, 1).is_some_and(|len| len <= batch_stride);
        assert!(
            (rows <= 1 || row_stride >= cols) && apart,
            "matrices of {rows} × {cols} with row stride {row_stride}, {batch_stride} apart, overlap"
        );
        Self { data, rows, cols, row_stride, batch_stride }
    }

    /// Matrices of `rows × cols`, everything contiguous.
    ///
    /// # Panics
    /// If a matrix has more elements than memory can hold.
    #[track_caller]
    pub fn contiguous(data: &'a mut [E], rows: usize, cols: usize) -> Self {
        Self::new(data, rows, cols, cols, rows.saturating_mul(cols))
    }
}

/// `C[i] (+)= A[i] · B[i]` for each `i` of a batch with axes `dims`, counted row-major.
///
/// Shared over the current rayon pool by matrices, and within them where they are few and large. Where one `B`
/// serves the whole batch and the rows of `A` and `C` are evenly spaced, it is a single product.
///
/// `a (dims.., m, k)`, `b (dims.., k, n)`, `c (dims.., m, n)`. The epilogue sees the batch as one tall `C`: row
/// `i · m + r` is row `r` of matrix `i`.
///
/// # Panics
/// If shapes do not fit together, an operand has not one stride per axis of `dims`, or a slice is too short.
#[track_caller]
pub fn gemm_batch<E: Element>(
    dims: &[usize],
    a: BatchRef<'_, E>,
    b: BatchRef<'_, E>,
    c: BatchMut<'_, E>,
    output: Output,
    epilogue: &impl Epilogue<E>,
) {
    let (m, k, n) = (c.rows, a.cols, c.cols);
    assert!(
        a.rows == m && b.rows == k && b.cols == n,
        "gemm_batch: A ({}, {k}) · B ({}, {}) does not fit C ({m}, {n})",
        a.rows,
        b.rows,
        b.cols
    );
    assert!(
        a.batch_strides.len() == dims.len() && b.batch_strides.len() == dims.len(),
        "gemm_batch: {} and {} batch strides for {} axes",
        a.batch_strides.len(),
        b.batch_strides.len(),
        dims.len()
    );
    let batch = dims
        .iter()
        .try_fold(1_usize, |batch, &dim| batch.checked_mul(dim))
        .expect("a batch that can be counted");
    if batch == 0 || m == 0 || n == 0 {
        return;
    }
    // The last matrix reaches farthest: where it fits, all do.
    let _ = (a.matrix(dims, batch - 1), b.matrix(dims, batch - 1));
    let height = (m - 1) * c.row_stride + n;
    let needed = (batch - 1).checked_mul(c.batch_stride).and_then(|before| before.checked_add(height));
    assert!(
        needed.is_some_and(|needed| needed <= c.data.len()),
        "gemm_batch: {batch} matrices of {m} × {n}, {} apart, do not fit in {} elements",
        c.batch_stride,
        c.data.len()
    );
    let one_b = dims.iter().zip(b.batch_strides).all(|(&dim, &stride)| dim == 1 || stride == 0);
    let one_c = batch == 1 || c.batch_stride == m * c.row_stride;
    if let (true, Some(a)) = (one_b && one_c, a.stacked(dims)) {
        let c = MatMut::new(c.data, batch * m, n, c.row_stride);
        return E::product(a, Right::View(b.matrix(dims, 0)), c, output, epilogue, true);
    }
    let (stride, row_stride) = (c.batch_stride, c.row_stride);
    let all = RawMut { ptr: c.data.as_mut_ptr(), row_stride: stride };
    let one = |index: usize, parallel: bool| {
        // SAFETY: matrix `index` lies within `c` by the check above, and matrices do not overlap.
        let c = unsafe { all.segment(index, 0, height) };
        let c = MatMut::new(c, m, n, row_stride);
        let epilogue = Below { rows: index * m, epilogue };
        E::product(a.matrix(dims, index), Right::View(b.matrix(dims, index)), c, output, &epilogue, parallel);
    };
    if !worth_sharing(batch * m, k, n) {
        (0..batch).for_each(|index| one(index, false));
    } else if batch >= 4 * rayon::current_num_threads() || !worth_sharing(m, k, n) {
        // Several small products to a task.
        let least = (64 * 64 * 64 / (m * k * n).max(1)).clamp(1, batch);
        tasks(batch.div_ceil(least), &|task| {
            (task * least..((task + 1) * least).min(batch)).for_each(|index| one(index, false));
        });
    } else {
        (0..batch).for_each(|index| one(index, true));
    }
}

/// An epilogue that sees its rows below others.
struct Below<'a, X> {
    rows: usize,
    epilogue: &'a X,
}

impl<E, X: Epilogue<E>> Epilogue<E> for Below<'_, X> {
    #[inline(always)]
    fn apply(&self, row: usize, col: usize, c: &mut [E]) {
        self.epilogue.apply(self.rows + row, col, c);
    }
}
