//! Two rows.

use super::simd::Simd;

/// The product of two rows of `width` floats.
///
/// # Safety
/// Of [`Kernels`](super::Kernels).
#[inline(always)]
pub(super) unsafe fn dot<S: Simd>(a: *const f32, b: *const f32, width: usize) -> f32 {
    // SAFETY: the caller's; `width` is a multiple of the lanes.
    unsafe {
        let zero = S::splat(0.0);
        let mut sums = [zero; 4];
        let mut k = 0;
        while k + 4 * S::LANES <= width {
            for i in 0..4 {
                sums[i] = S::fma(S::load(a, k + i * S::LANES), S::load(b, k + i * S::LANES), sums[i]);
            }
            k += 4 * S::LANES;
        }
        while k < width {
            sums[0] = S::fma(S::load(a, k), S::load(b, k), sums[0]);
            k += S::LANES;
        }
        let [a, b, c, d] = S::sums(sums);
        (a + b) + (c + d)
    }
}

/// `to += factor · from` for `width` floats.
///
/// # Safety
/// Of [`Kernels`](super::Kernels).
#[inline(always)]
pub(super) unsafe fn add<S: Simd>(factor: f32, from: *const f32, to: *mut f32, width: usize) {
    // SAFETY: as above.
    unsafe {
        let factor = S::splat(factor);
        for k in (0..width).step_by(S::LANES) {
            S::store(to, k, S::fma(factor, S::load(from, k), S::load(to, k)));
        }
    }
}
