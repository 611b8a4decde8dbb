//! Storage of a tensor: aligned, always initialised, reused between steps.
//!
//! A training step allocates the same sizes again and again, or with batches of other lengths nearly the same.
//! Asking the system for them costs a page fault per 4 KiB; so a dropped buffer goes to a pool and the next one of
//! its size, or of a somewhat smaller one, takes it. Memory from the pool holds stale but initialised values, which is
//! what an operation about to overwrite them all needs.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::element::Element;

/// Buffers start at a cache line, so that no vector load of an aligned row crosses one.
const ALIGN: usize = 64;
/// Below this many bytes the allocator is as fast as the pool.
const SMALLEST_POOLED: usize = 4096;
/// Idle memory the pool may hold; above it, the sizes that were used longest ago return to the system.
const MOST_IDLE: usize = 1 << 30;

/// Idle blocks by size in bytes.
struct Pool {
    shelves: BTreeMap<usize, Shelf>,
    idle: usize,
    most_idle: usize,
    clock: u64,
}

/// Idle blocks of one size.
#[derive(Default)]
struct Shelf {
    blocks: Vec<Block>,
    /// When one was taken or put here last.
    used: u64,
}

static POOL: Mutex<Pool> = Mutex::new(Pool::new(MOST_IDLE));

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    const fn new(most_idle: usize) -> Self {
        Self { shelves: BTreeMap::new(), idle: 0, most_idle, clock: 0 }
    }

    /// The smallest idle block of at least `class` bytes that is not over half as large again.
    fn take(&mut self, class: usize) -> Option<Block> {
        let mut fitting = self.shelves.range_mut(class..=class + class / 2).map(|(_, shelf)| shelf);
        let shelf = fitting.find(|shelf| !shelf.blocks.is_empty())?;
        self.clock += 1;
        shelf.used = self.clock;
        let block = shelf.blocks.pop()?;
        self.idle -= block.bytes;
        Some(block)
    }

    fn put(&mut self, block: Block) {
        if block.bytes > self.most_idle {
            return;
        }
        while self.idle + block.bytes > self.most_idle {
            let filled = self.shelves.values_mut().filter(|shelf| !shelf.blocks.is_empty());
            let Some(oldest) = filled.min_by_key(|shelf| shelf.used) else { break };
            self.idle -= oldest.blocks.pop().map_or(0, |block| block.bytes);
        }
        self.clock += 1;
        self.idle += block.bytes;
        let shelf = self.shelves.entry(block.bytes).or_default();
        shelf.used = self.clock;
        shelf.blocks.push(block);
    }
}

/// Returns all idle buffers to the system.
pub fn release_idle_memory() {
    let mut pool = pool();
    pool.shelves.clear();
    pool.idle = 0;
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
            let reused = (class >= SMALLEST_POOLED).then(|| pool().take(class)).flatten();
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

impl<E: Element> Drop for Buffer<E> {
    fn drop(&mut self) {
        let Some(block) = self.block.take() else { return };
        if block.bytes >= SMALLEST_POOLED {
            pool().put(block);
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

    /// A block of the size is taken first, then one not much larger, never one too small or far too large.
    #[test]
    fn blocks_are_taken_that_fit() {
        let mut pool = Pool::new(1 << 20);
        for bytes in [8192, 12_288, 5120] {
            pool.put(Block::zeroed(bytes));
        }
        assert_eq!(pool.take(8192).map(|block| block.bytes), Some(8192));
        assert_eq!(pool.take(8192).map(|block| block.bytes), Some(12_288));
        assert!(pool.take(8192).is_none());
        assert!(pool.take(3072).is_none());
        assert_eq!((pool.take(5120).map(|block| block.bytes), pool.idle), (Some(5120), 0));
    }

    /// A full pool gives up what was used longest ago, however large what comes.
    #[test]
    fn full_pools_forget_old_sizes() {
        let mut pool = Pool::new(20 * 1024);
        for bytes in [4096, 8192, 6144] {
            pool.put(Block::zeroed(bytes));
        }
        let block = pool.take(4096).unwrap();
        pool.put(block);
        pool.put(Block::zeroed(10 * 1024));
        let sizes: Vec<usize> = pool
            .shelves
            .iter()
            .filter(|(_, shelf)| !shelf.blocks.is_empty())
            .map(|(bytes, _)| *bytes)
            .collect();
        assert_eq!((sizes, pool.idle), (vec![4096, 6144, 10 * 1024], 20 * 1024));
        pool.put(Block::zeroed(21 * 1024));
        assert_eq!(pool.idle, 20 * 1024);
    }

    #[test]
    fn size_classes_waste_little() {
        for bytes in [1, 63, 64, 4097, 5000, 100_000, 1 << 20, (1 << 20) + 1] {
            let class = size_class(bytes);
            assert!(class >= bytes && class <= bytes + (bytes / 7).max(ALIGN), "{bytes} -> {class}");
        }
    }
}
