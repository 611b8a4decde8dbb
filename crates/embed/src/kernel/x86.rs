//! 256-bit and 512-bit vectors.
//!
//! Methods are compiled with the features of their set and inlined into the entry points of
//! [`kernels`](super::kernels), which have them too.

use std::arch::asm;
use std::arch::x86_64::{
    __m256, __m512, _MM_HINT_T0, _mm_add_ps, _mm_prefetch, _mm_storeu_ps, _mm256_add_ps,
    _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm512_add_ps, _mm512_castps512_ps256, _mm512_extractf32x8_ps, _mm512_fmadd_ps,
    _mm512_mul_ps, _mm512_set1_ps,
};

use super::simd::Simd;

/// `avx2`, `fma`.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn load(row: *const f32, at: usize) -> __m256 {
        let v;
        // SAFETY: the caller gives eight floats at `row + at`; the move may race (see `Simd`).
        unsafe {
            asm!("vmovups {v}, [{row} + 4*{at}]", v = out(ymm_reg) v, row = in(reg) row, at = in(reg) at,
                 options(pure, readonly, nostack, preserves_flags));
        }
        v
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store(row: *mut f32, at: usize, v: __m256) {
        // SAFETY: as in `load`.
        unsafe {
            asm!("vmovups [{row} + 4*{at}], {v}", v = in(ymm_reg) v, row = in(reg) row, at = in(reg) at,
                 options(nostack, preserves_flags));
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn splat(x: f32) -> __m256 {
        _mm256_set1_ps(x)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        _mm256_add_ps(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        _mm256_mul_ps(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        _mm256_fmadd_ps(a, b, c)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn sums(v: [__m256; 4]) -> [f32; 4] {
        let pairs = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
        let four = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs));
        let mut sums = [0.0; 4];
        // SAFETY: four floats are written to an array of four.
        unsafe { _mm_storeu_ps(sums.as_mut_ptr(), four) };
        sums
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn prefetch(row: *const f32, at: usize) {
        _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(at).cast());
    }
}

/// `avx512f`, `avx512dq`.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn load(row: *const f32, at: usize) -> __m512 {
        let v;
        // SAFETY: the caller gives sixteen floats at `row + at`; the move may race (see `Simd`).
        unsafe {
            asm!("vmovups {v}, [{row} + 4*{at}]", v = out(zmm_reg) v, row = in(reg) row, at = in(reg) at,
                 options(pure, readonly, nostack, preserves_flags));
        }
        v
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn store(row: *mut f32, at: usize, v: __m512) {
        // SAFETY: as in `load`.
        unsafe {
            asm!("vmovups [{row} + 4*{at}], {v}", v = in(zmm_reg) v, row = in(reg) row, at = in(reg) at,
                 options(nostack, preserves_flags));
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn splat(x: f32) -> __m512 {
        _mm512_set1_ps(x)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        _mm512_add_ps(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        _mm512_mul_ps(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        _mm512_fmadd_ps(a, b, c)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn sums(v: [__m512; 4]) -> [f32; 4] {
        let half = |v| _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v));
        let halves = [half(v[0]), half(v[1]), half(v[2]), half(v[3])];
        // SAFETY: this set has `avx2` and `fma`.
        unsafe { Avx2::sums(halves) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    unsafe fn prefetch(row: *const f32, at: usize) {
        _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(at).cast());
    }
}
