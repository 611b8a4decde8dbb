//! Rows of numbers that threads may update together.

use std::marker::PhantomData;

/// Floats in a cache line.
const LINE: usize = 16;

/// A matrix `(rows, dim)` whose rows start at cache lines; what lies between rows is zero and stays zero.
///
/// A row of 100 floats then takes seven lines instead of mostly eight, and vector instructions run over its end
/// without harm.
pub(crate) struct Matrix {
    storage: Vec<f32>,
    /// Where the first row starts, so that it starts at a cache line.
    offset: usize,
    rows: usize,
    dim: usize,
    stride: usize,
}

impl Matrix {
    /// Zeros.
    pub(crate) fn zeros(rows: usize, dim: usize) -> Self {
        let stride = dim.next_multiple_of(LINE);
        let storage = vec![0.0f32; rows * stride + LINE];
        let offset = storage.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Self { storage, offset, rows, dim, stride }
    }

    /// Copies rows of `dim` that lie one after the other.
    pub(crate) fn from_rows(data: &[f32], dim: usize) -> Self {
        let mut matrix = Self::zeros(data.len() / dim, dim);
        for (i, row) in data.chunks_exact(dim).enumerate() {
            matrix.row_mut(i).copy_from_slice(row);
        }
        matrix
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn row(&self, index: usize) -> &[f32] {
        &self.storage[self.offset + index * self.stride..][..self.dim]
    }

    pub(crate) fn row_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.storage[self.offset + index * self.stride..][..self.dim]
    }

    /// Lends the rows to several threads.
    pub(crate) fn share(&mut self) -> Shared<'_> {
        // SAFETY: `offset` is at most `LINE`, by which the storage is longer than its rows.
        let first = unsafe { self.storage.as_mut_ptr().add(self.offset) };
        Shared { first, rows: self.rows, stride: self.stride, lent: PhantomData }
    }

    /// The rows one after the other, in the same memory.
    pub(crate) fn into_rows(mut self) -> Vec<f32> {
        for row in 0..self.rows {
            let from = self.offset + row * self.stride;
            self.storage.copy_within(from..from + self.dim, row * self.dim);
        }
        self.storage.truncate(self.rows * self.dim);
        self.storage.shrink_to_fit();
        self.storage
    }
}

/// The rows of a [`Matrix`] that is borrowed for writing, as addresses that can be sent to threads.
///
/// While it lives nothing else reaches the matrix. It gives out addresses only; what reads and writes through
/// them says why that is sound (see [`Simd`](crate::kernel::Simd)).
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    first: *mut f32,
    rows: usize,
    stride: usize,
    lent: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is an address and two sizes; using the address is unsafe, and the kernels that do so make only
// accesses that may race.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    /// Address of a row of `stride` floats, at a cache line.
    #[inline(always)]
    pub(crate) fn row(&self, index: u32) -> *mut f32 {
        debug_assert!((index as usize) < self.rows);
        // SAFETY: ids come from the vocabulary or the Huffman tree that sized the matrix, so the row lies in it.
        unsafe { self.first.add(index as usize * self.stride) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_start_at_lines_and_come_out_whole() {
        for dim in [1, 7, 16, 17, 100] {
            let data: Vec<f32> = (0..5 * dim).map(|i| i as f32 + 1.0).collect();
            let mut matrix = Matrix::from_rows(&data, dim);
            assert_eq!((matrix.rows(), matrix.row(3)), (5, &data[3 * dim..4 * dim]));
            for i in 0..5 {
                assert_eq!(matrix.share().row(i) as usize % 64, 0);
            }
            assert_eq!(matrix.into_rows(), data);
        }
    }
}
