//! Vectors of floats, and how rows that threads share are read and written.

/// A vector of floats and what is done with it.
///
/// # Rows that race
/// Threads that train in fast mode read and write the same rows without locks, so `load` and `store` must be
/// accesses that may race. In Rust's memory model that takes atomics, which no compiler vectorises. So the
/// portable implementation loads and stores relaxed atomics lane by lane, and those for x86-64 move vectors in
/// assembly, where the processor's memory model rules: aligned lanes of four bytes are never torn, and a racing
/// load gives some value that was stored. The compiler sees opaque reads and writes of memory and assumes nothing
/// about other threads. A lost update is one step of stochastic gradient descent less.
///
/// # Safety
/// The instruction set must be there wherever a method is called; [`kernels`](super::kernels) sees to that. `load`
/// and `store` need `LANES` floats at `row + at` inside one row of a [`Matrix`](crate::matrix::Matrix) or another
/// buffer of the caller.
pub(crate) trait Simd: Copy {
    /// A vector.
    type V: Copy;
    /// Floats in it; a divisor of 16.
    const LANES: usize;

    /// Floats `row[at..at + LANES]`.
    unsafe fn load(row: *const f32, at: usize) -> Self::V;
    /// Writes floats `row[at..at + LANES]`.
    unsafe fn store(row: *mut f32, at: usize, v: Self::V);
    /// The same number in all lanes.
    unsafe fn splat(x: f32) -> Self::V;
    /// `a + b`
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a · b`
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Sums over the lanes of four vectors.
    unsafe fn sums(v: [Self::V; 4]) -> [f32; 4];
    /// Asks for the cache line at `row + at`.
    unsafe fn prefetch(row: *const f32, at: usize);
}

/// Any processor.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    type V = [f32; 8];
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(row: *const f32, at: usize) -> [f32; 8] {
        use std::sync::atomic::{AtomicU32, Ordering};
        std::array::from_fn(|lane| {
            // SAFETY: the caller gives `LANES` floats, aligned to four bytes, that all threads reach as atomics.
            let cell = unsafe { AtomicU32::from_ptr(row.add(at + lane).cast_mut().cast()) };
            f32::from_bits(cell.load(Ordering::Relaxed))
        })
    }

    #[inline(always)]
    unsafe fn store(row: *mut f32, at: usize, v: [f32; 8]) {
        use std::sync::atomic::{AtomicU32, Ordering};
        for (lane, x) in v.into_iter().enumerate() {
            // SAFETY: as in `load`.
            let cell = unsafe { AtomicU32::from_ptr(row.add(at + lane).cast()) };
            cell.store(x.to_bits(), Ordering::Relaxed);
        }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 8] {
        [x; 8]
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn fma(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    unsafe fn sums(v: [[f32; 8]; 4]) -> [f32; 4] {
        v.map(|v| {
            let four: [f32; 4] = std::array::from_fn(|i| v[i] + v[i + 4]);
            (four[0] + four[1]) + (four[2] + four[3])
        })
    }

    #[inline(always)]
    unsafe fn prefetch(_: *const f32, _: usize) {}
}
