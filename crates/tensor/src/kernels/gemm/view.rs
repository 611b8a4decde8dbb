//! Operands of a product: strided views of slices.

use std::ops::Range;

/// A read-only matrix over a slice: element `(i, j)` lies at `i · row_stride + j · col_stride`.
///
/// A stride of 0 repeats one row or column (broadcasting).
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a, E> {
    data: &'a [E],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, E> MatRef<'a, E> {
    /// A view of `rows × cols` elements of `data`.
    ///
    /// # Panics
    /// If an element of the view would lie outside `data`.
    #[track_caller]
    pub fn new(data: &'a [E], rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Self {
        let needed = extent(rows, cols, row_stride, col_stride);
        assert!(
            needed.is_some_and(|needed| needed <= data.len()),
            "matrix view of {rows} × {cols} with strides ({row_stride}, {col_stride}) does not fit in {} elements",
            data.len()
        );
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// A view of the first `rows · cols` elements of `data`, row after row.
    ///
    /// # Panics
    /// If `data` is shorter than that.
    #[track_caller]
    pub fn row_major(data: &'a [E], rows: usize, cols: usize) -> Self {
        Self::new(data, rows, cols, cols, 1)
    }

    /// The transpose: `(cols, rows)`, no copy.
    #[must_use]
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// The rows of `range`, all columns.
    ///
    /// # Panics
    /// If `range` reaches past the last row.
    #[must_use]
    #[track_caller]
    pub fn rows_range(self, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= self.rows,
            "rows {range:?} of a matrix of {} rows",
            self.rows
        );
        let skipped = (range.start * self.row_stride).min(self.data.len());
        Self { data: &self.data[skipped..], rows: range.len(), ..self }
    }

    /// The columns of `range`, all rows.
    ///
    /// # Panics
    /// If `range` reaches past the last column.
    #[must_use]
    #[track_caller]
    pub fn cols_range(self, range: Range<usize>) -> Self {
        self.t().rows_range(range).t()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Distance between vertical neighbours.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Distance between horizontal neighbours.
    pub fn col_stride(&self) -> usize {
        self.col_stride
    }

    pub(super) fn as_ptr(&self) -> *const E {
        self.data.as_ptr()
    }
}

impl<E: Copy> MatRef<'_, E> {
    /// Element `(row, col)`.
    ///
    /// # Panics
    /// If the element lies outside the view's slice.
    #[inline]
    pub fn at(&self, row: usize, col: usize) -> E {
        self.data[row * self.row_stride + col * self.col_stride]
    }
}

/// A matrix to write: rows of consecutive elements, `row_stride` apart.
#[derive(Debug)]
pub struct MatMut<'a, E> {
    data: &'a mut [E],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl<'a, E> MatMut<'a, E> {
    /// A view of `rows × cols` elements of `data`, rows `row_stride` apart.
    ///
    /// # Panics
    /// If rows overlap (`row_stride < cols`) or an element would lie outside `data`.
    #[track_caller]
    pub fn new(data: &'a mut [E], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(rows <= 1 || row_stride >= cols, "rows of {cols} elements, {row_stride} apart, overlap");
        let needed = extent(rows, cols, row_stride, 1);
        assert!(
            needed.is_some_and(|needed| needed <= data.len()),
            "matrix of {rows} × {cols} with row stride {row_stride} does not fit in {} elements",
            data.len()
        );
        Self { data, rows, cols, row_stride }
    }

    /// A view of the first `rows · cols` elements of `data`, row after row.
    ///
    /// # Panics
    /// If `data` is shorter than that.
    #[track_caller]
    pub fn row_major(data: &'a mut [E], rows: usize, cols: usize) -> Self {
        Self::new(data, rows, cols, cols)
    }

    /// The same view, borrowed for a shorter time.
    pub fn reborrow(&mut self) -> MatMut<'_, E> {
        MatMut { data: self.data, rows: self.rows, cols: self.cols, row_stride: self.row_stride }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Distance between vertical neighbours.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn row_mut(&mut self, row: usize) -> &mut [E] {
        assert!(row < self.rows, "row {row} of a matrix of {} rows", self.rows);
        &mut self.data[row * self.row_stride..][..self.cols]
    }

    pub(super) fn into_raw(self) -> RawMut<E> {
        RawMut { ptr: self.data.as_mut_ptr(), row_stride: self.row_stride }
    }
}

/// Number of elements from the first to the last of a view; `None` if that overflows, or if the view repeats its
/// elements so often that a copy of it could not exist.
pub(super) fn extent(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Option<usize> {
    if rows == 0 || cols == 0 {
        return Some(0);
    }
    if rows.checked_mul(cols)? > isize::MAX as usize / 128 {
        return None;
    }
    let down = (rows - 1).checked_mul(row_stride)?;
    let right = (cols - 1).checked_mul(col_stride)?;
    down.checked_add(right)?.checked_add(1)
}

/// The matrix being written, as the tasks that share it see it: each writes its own rows and columns.
pub(super) struct RawMut<E> {
    pub(super) ptr: *mut E,
    pub(super) row_stride: usize,
}

impl<E> Clone for RawMut<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E> Copy for RawMut<E> {}

// SAFETY: a `RawMut` comes from the exclusive borrow in `MatMut`, and its users hand disjoint tiles to
// different threads.
unsafe impl<E: Send> Send for RawMut<E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for RawMut<E> {}

impl<E> RawMut<E> {
    /// Address of element `(row, col)`.
    ///
    /// # Safety
    /// The element lies within the matrix.
    #[inline(always)]
    pub(super) unsafe fn at(self, row: usize, col: usize) -> *mut E {
        // SAFETY: the caller names an element of the matrix.
        unsafe { self.ptr.add(row * self.row_stride + col) }
    }

    /// `len` elements of row `row` from `col`.
    ///
    /// # Safety
    /// They lie within the matrix, and nobody else has access to them while the slice lives.
    #[inline(always)]
    pub(super) unsafe fn segment<'a>(self, row: usize, col: usize, len: usize) -> &'a mut [E] {
        // SAFETY: by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.at(row, col), len) }
    }
}
