//! Packing buffers, kept per thread so that a product allocates nothing once warm.

use std::cell::RefCell;

/// One cache line of `f32`; a buffer of lines is aligned for every vector width.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line([f32; Line::LEN]);

impl Line {
    pub(super) const LEN: usize = 16;
    pub(super) const ZERO: Self = Self([0.0; Self::LEN]);
}

/// How many idle buffers a thread keeps: the two of a product, and those of products that a stolen task
/// starts while an outer one waits.
const KEPT: usize = 4;

thread_local! {
    static IDLE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer borrowed from the current thread's store, with whatever the last user left in it.
pub(super) struct Scratch {
    lines: Vec<Line>,
}

impl Scratch {
    /// A buffer of at least `len` elements.
    pub(super) fn take(len: usize) -> Self {
        let needed = len.div_ceil(Line::LEN);
        let fitting = IDLE.with_borrow_mut(|idle| {
            let smallest =
                (0..idle.len()).filter(|&i| idle[i].len() >= needed).min_by_key(|&i| idle[i].len());
            smallest.map(|i| idle.swap_remove(i))
        });
        Self { lines: fitting.unwrap_or_else(|| vec![Line::ZERO; needed]) }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.lines.as_mut_ptr().cast()
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: lines are arrays of initialised elements, without padding.
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr(), self.lines.len() * Line::LEN) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        // Fails only while the thread ends; the buffer is then simply freed.
        let _ = IDLE.try_with(|idle| {
            let mut idle = idle.borrow_mut();
            idle.push(lines);
            if idle.len() > KEPT {
                let smallest = (0..idle.len()).min_by_key(|&i| idle[i].len()).unwrap_or(0);
                idle.swap_remove(smallest);
            }
        });
    }
}
