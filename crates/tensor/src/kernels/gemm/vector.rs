//! The few vector operations the kernels are written in, for each instruction set.

use std::arch::x86_64::*;

/// A vector of `f32` lanes.
///
/// # Safety
/// Every method requires a processor with the implementing type's instruction set, and to be quick must be
/// inlined into a function compiled for it.
pub(super) trait Vector: Copy {
    const LANES: usize;
    unsafe fn zero() -> Self;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    /// `a · b + self`
    unsafe fn fma(self, a: Self, b: Self) -> Self;
    /// Sum of the lanes, as a fixed tree.
    unsafe fn sum(self) -> f32;
}

// Every method below is one instruction (two or three for the sum).
macro_rules! methods {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $t:ty),*) $(-> $ret:ty)? $body:block)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($arg: $t),*) $(-> $ret)? {
                // SAFETY: the caller promises the instruction set and valid pointers.
                unsafe { $body }
            }
        )*
    };
}

impl Vector for __m256 {
    const LANES: usize = 8;
    methods! {
        fn zero() -> Self { _mm256_setzero_ps() }
        fn splat(value: f32) -> Self { _mm256_set1_ps(value) }
        fn load(from: *const f32) -> Self { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller promises AVX2 and eight writable elements.
        unsafe { _mm256_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller promises AVX2.
        unsafe { _mm256_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn fma(self, a: Self, b: Self) -> Self {
        // SAFETY: the caller promises FMA.
        unsafe { _mm256_fmadd_ps(a, b, self) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the caller promises AVX2.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(self), _mm256_extractf128_ps(self, 1));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)))
        }
    }
}

impl Vector for __m512 {
    const LANES: usize = 16;
    methods! {
        fn zero() -> Self { _mm512_setzero_ps() }
        fn splat(value: f32) -> Self { _mm512_set1_ps(value) }
        fn load(from: *const f32) -> Self { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller promises AVX-512 and sixteen writable elements.
        unsafe { _mm512_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller promises AVX-512.
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn fma(self, a: Self, b: Self) -> Self {
        // SAFETY: the caller promises AVX-512.
        unsafe { _mm512_fmadd_ps(a, b, self) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the caller promises AVX-512 with DQ.
        unsafe { _mm256_add_ps(_mm512_castps512_ps256(self), _mm512_extractf32x8_ps(self, 1)).sum() }
    }
}

/// Sixteen lanes made of two AVX2 vectors: lets a processor without AVX-512 run, in tests, everything about
/// the AVX-512 kernels but the instructions themselves.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(super) struct Pair(__m256, __m256);

#[cfg(test)]
impl Vector for Pair {
    const LANES: usize = 16;
    methods! {
        fn zero() -> Self { Self(__m256::zero(), __m256::zero()) }
        fn splat(value: f32) -> Self { Self(__m256::splat(value), __m256::splat(value)) }
        fn load(from: *const f32) -> Self { Self(__m256::load(from), __m256::load(from.add(8))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller promises AVX2 and sixteen writable elements.
        unsafe {
            self.0.store(to);
            self.1.store(to.add(8));
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller promises AVX2.
        unsafe { Self(Vector::add(self.0, other.0), Vector::add(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn fma(self, a: Self, b: Self) -> Self {
        // SAFETY: the caller promises FMA.
        unsafe { Self(self.0.fma(a.0, b.0), self.1.fma(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the caller promises AVX2.
        unsafe { Vector::add(self.0, self.1).sum() }
    }
}
