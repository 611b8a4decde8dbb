//! A matrix that several threads write, each its own part.

use std::marker::PhantomData;

/// A row-major matrix whose elements several threads write, each its own.
pub(crate) struct SharedRows<'a, E> {
    start: *mut E,
    rows: usize,
    cols: usize,
    exclusive: PhantomData<&'a mut [E]>,
}

// SAFETY: holds an exclusive borrow, and `segment` asks its callers to keep to disjoint elements.
unsafe impl<E: Send> Sync for SharedRows<'_, E> {}

impl<'a, E> SharedRows<'a, E> {
    pub(crate) fn new(data: &'a mut [E], cols: usize) -> Self {
        let rows = data.len() / cols.max(1);
        Self { start: data.as_mut_ptr(), rows, cols, exclusive: PhantomData }
    }

    /// `len` elements of row `row` from `col` on.
    ///
    /// # Safety
    /// No element of it is in another segment that lives at the same time.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // Disjoint parts of one exclusive borrow, by the promise above.
    pub(crate) unsafe fn segment(&self, row: usize, col: usize, len: usize) -> &mut [E] {
        assert!(row < self.rows && col + len <= self.cols, "segment outside the matrix");
        // SAFETY: inside the borrowed slice by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.cols + col), len) }
    }
}
