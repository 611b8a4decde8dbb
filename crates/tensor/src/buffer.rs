//! Storage of a tensor: aligned, always initialised, reused between steps.
//!
//! A training step allocates the same sizes again and again. Asking the system for them costs a page fault
//! per 4 KiB; so a dropped buffer goes to a pool and the next one of its size class takes it. Memory from the
//! pool holds stale but initialised values, which is what an operation about to overwrite them all needs.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::Mutex;

use crate::element::Element;

/// Buffers start at a cache line, so that no vector load of an aligned row crosses one.
const ALIGN: usize = 64;
/// Below this many bytes the allocator is as fast as the pool.
const SMALLEST_POOLED: usize = 4096;
/// Idle memory the pool may hold; above it, buffers return to the system.
const MOST_IDLE: usize = 1 << 30;

/// Idle blocks by size in bytes.
struct Pool {
    idle: BTreeMap<usize, Vec<Block>>,
    bytes: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { idle: BTreeMap::new(), bytes: 0 });

/// Returns all idle buffers to the system.
pub fn release_idle_memory() {
    let mut pool = POOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    pool.idle.clear();
    pool.bytes = 0;
}

/// An owned block of initialised bytes.
struct Block {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a block is plain memory with one owner.
unsafe impl Send for Block {}
// SAFETY: shared access only reads.
unsafe impl Sync for Block {}

impl Block {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ALIGN).expect("a tensor larger than the address space")
    }

    fn zeroed(bytes: usize) -> Self {
        let layout = Self::layout(bytes);
        // SAFETY: `bytes` is at least one size class, never zero.
        let start =
            NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        Self { start, bytes }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this layout, freed once.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.bytes)) }
    }
}

/// Rounds up to a size class: at most an eighth is wasted, so that close sizes share buffers.
fn size_class(bytes: usize) -> usize {
    let step = (bytes.max(ALIGN).next_power_of_two() / 16).max(ALIGN);
    bytes.max(1).next_multiple_of(step)
}

/// `len` elements, 64-byte aligned.
pub(crate) struct Buffer<E: Element> {
    block: Option<Block>,
    len: usize,
    element: std::marker::PhantomData<E>,
}

impl<E: Element> Buffer<E> {
    /// Initialised, but with any values: for results about to be overwritten whole. Panics if there are more
    /// bytes than an allocation can have.
    #[track_caller]
    pub(crate) fn stale(len: usize) -> Self {
        let bytes = len.checked_mul(size_of::<E>()).filter(|bytes| *bytes <= isize::MAX as usize / 2);
        let Some(bytes) = bytes else { panic!("{len} elements of {} do not fit the address space", E::NAME) };
        let block = (len > 0).then(|| {
            let class = size_class(bytes);
            let reused = (class >= SMALLEST_POOLED).then(|| take(class)).flatten();
            reused.unwrap_or_else(|| Block::zeroed(class))
        });
        Self { block, len, element: std::marker::PhantomData }
    }

    /// All elements `value`.
    #[track_caller]
    pub(crate) fn filled(len: usize, value: E) -> Self {
        let mut buffer = Self::stale(len);
        buffer.as_mut_slice().fill(value);
        buffer
    }

    pub(crate) fn from_slice(values: &[E]) -> Self {
        let mut buffer = Self::stale(values.len());
        buffer.as_mut_slice().copy_from_slice(values);
        buffer
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[E] {
        match &self.block {
            // SAFETY: the block holds at least `len` elements; every bit pattern is a valid float, and the
            // memory was zeroed when allocated.
            Some(block) => unsafe { std::slice::from_raw_parts(block.start.as_ptr().cast(), self.len) },
            None => &[],
        }
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [E] {
        match &mut self.block {
            // SAFETY: as in `as_slice`, and `&mut self` makes the access exclusive.
            Some(block) => unsafe { std::slice::from_raw_parts_mut(block.start.as_ptr().cast(), self.len) },
            None => &mut [],
        }
    }
}

fn take(class: usize) -> Option<Block> {
    let mut pool = POOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let block = pool.idle.get_mut(&class)?.pop()?;
    pool.bytes -= class;
    Some(block)
}

impl<E: Element> Drop for Buffer<E> {
    fn drop(&mut self) {
        let Some(block) = self.block.take() else { return };
        if block.bytes < SMALLEST_POOLED {
            return;
        }
        let mut pool = POOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if pool.bytes + block.bytes <= MOST_IDLE {
            pool.bytes += block.bytes;
            pool.idle.entry(block.bytes).or_default().push(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_and_reused() {
        let first = Buffer::<f32>::filled(5000, 3.0);
        let start = first.as_slice().as_ptr();
        assert_eq!(start as usize % ALIGN, 0);
        drop(first);
        let second = Buffer::<f64>::stale(2500);
        assert_eq!(second.as_slice().len(), 2500);
    }

    #[test]
    #[should_panic(expected = "4611686018427387904 elements of f64 do not fit the address space")]
    fn bytes_do_not_wrap() {
        let _ = Buffer::<f64>::stale(1 << 62);
    }

    #[test]
    fn size_classes_waste_little() {
        for bytes in [1, 63, 64, 4097, 5000, 100_000, 1 << 20, (1 << 20) + 1] {
            let class = size_class(bytes);
            assert!(class >= bytes && class <= bytes + (bytes / 7).max(ALIGN), "{bytes} -> {class}");
        }
    }
}
