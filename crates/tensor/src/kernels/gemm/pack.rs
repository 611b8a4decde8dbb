//! Packing: copies a strip of an operand into the order in which the micro-kernel reads it.

use std::arch::x86_64::*;

/// Copies `lanes × k` elements so that the `lanes` of one `p` lie side by side:
/// `dst[p · width + l] = src[l · lane_stride + p · k_stride]`, and zero for `lanes ≤ l < width`.
///
/// A strip of `A` has its rows as lanes, a strip of `B` its columns.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    pub(super) src: *const f32,
    pub(super) lane_stride: usize,
    pub(super) k_stride: usize,
    pub(super) lanes: usize,
    pub(super) width: usize,
    pub(super) k: usize,
    pub(super) dst: *mut f32,
}

/// How far past its end a strip whose width is no multiple of eight may write.
pub(super) const SLACK: usize = 8;

/// Packs one strip. Where `width` is no multiple of eight, up to [`SLACK`] elements after the strip are
/// overwritten with anything: pack such strips in order, and leave room after the last.
///
/// # Safety
/// The strip is readable, its packed form (and the slack) writable; the processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn run(s: &Strip) {
    // SAFETY: the caller's promise is that of each function called.
    unsafe {
        if s.lane_stride == 1 && s.lanes == s.width {
            copy_rows(s);
        } else if s.k_stride == 1 && s.lane_stride != 1 {
            transpose(s);
        } else {
            gather(s);
        }
    }
}

/// Lanes already side by side: rows are copied, with the compiler's fixed-size moves for every usual width.
#[target_feature(enable = "avx2")]
unsafe fn copy_rows(s: &Strip) {
    #[target_feature(enable = "avx2")]
    unsafe fn fixed<const W: usize>(s: &Strip) {
        for p in 0..s.k {
            // SAFETY: row `p` of the strip has `W` readable elements and `W` writable ones in the packed form.
            unsafe {
                let row = s.src.add(p * s.k_stride).cast::<[f32; W]>().read_unaligned();
                s.dst.add(p * W).cast::<[f32; W]>().write_unaligned(row);
            }
        }
    }
    // SAFETY: `W` is the strip's width.
    unsafe {
        match s.width {
            4 => fixed::<4>(s),
            5 => fixed::<5>(s),
            6 => fixed::<6>(s),
            8 => fixed::<8>(s),
            11 => fixed::<11>(s),
            12 => fixed::<12>(s),
            13 => fixed::<13>(s),
            14 => fixed::<14>(s),
            16 => fixed::<16>(s),
            32 => fixed::<32>(s),
            _ => gather(s),
        }
    }
}

/// Packs `strips` whole strips that lie side by side, lanes contiguous, `dst_step` apart when packed.
///
/// A row of four strips at a time: rows that start within a cache line share their lines between strips, and rows a
/// power of two apart would push each other out of the cache before the next strip is read.
///
/// # Safety
/// As [`run`], for each strip; the width is 16 or 32.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn run_side_by_side(s: &Strip, strips: usize, dst_step: usize) {
    #[target_feature(enable = "avx2")]
    unsafe fn rows<const W: usize, const S: usize>(s: &Strip, dst_step: usize) {
        for p in 0..s.k {
            for strip in 0..S {
                // SAFETY: the row has `S · W` readable elements, each packed strip `W` writable ones.
                unsafe {
                    let row = s.src.add(p * s.k_stride + strip * W).cast::<[f32; W]>().read_unaligned();
                    s.dst.add(strip * dst_step + p * W).cast::<[f32; W]>().write_unaligned(row);
                }
            }
        }
    }
    let mut done = 0;
    while done < strips {
        let group = if strips - done >= 4 { 4 } else { 1 };
        // SAFETY: `group` strips from `done`; the width is one of the two.
        unsafe {
            let part = Strip { src: s.src.add(done * s.width), dst: s.dst.add(done * dst_step), ..*s };
            match (s.width, group) {
                (16, 4) => rows::<16, 4>(&part, dst_step),
                (16, _) => rows::<16, 1>(&part, dst_step),
                (_, 4) => rows::<32, 4>(&part, dst_step),
                _ => rows::<32, 1>(&part, dst_step),
            }
        }
        done += group;
    }
}

/// `k` contiguous: eight lanes by eight steps of `k` are transposed in registers.
#[target_feature(enable = "avx2")]
unsafe fn transpose(s: &Strip) {
    let whole = s.k / 8 * 8;
    // The last eight lanes first: where they are fewer, their stores run into the next step's first lanes, which
    // the stores of those lanes then set right.
    for first in (0..s.lanes.div_ceil(8)).rev().map(|group| group * 8) {
        let lanes = (s.lanes - first).min(8);
        // SAFETY: lanes `first..first + lanes` of the strip exist, and `k` elements of each are contiguous.
        // A store of eight elements ends within the strip, the next step, or the slack.
        unsafe {
            let src = s.src.add(first * s.lane_stride);
            let dst = s.dst.add(first);
            for p in (0..whole).step_by(8) {
                let mut rows = [_mm256_setzero_ps(); 8];
                if lanes == 8 {
                    for l in 0..8 {
                        rows[l] = _mm256_loadu_ps(src.add(l * s.lane_stride + p));
                    }
                } else {
                    for l in 0..lanes {
                        rows[l] = _mm256_loadu_ps(src.add(l * s.lane_stride + p));
                    }
                }
                let columns = transpose8(rows);
                for q in 0..8 {
                    _mm256_storeu_ps(dst.add((p + q) * s.width), columns[q]);
                }
            }
            for p in whole..s.k {
                for l in 0..lanes {
                    *dst.add(p * s.width + l) = *src.add(l * s.lane_stride + p);
                }
            }
        }
    }
    let padded_from = s.lanes.next_multiple_of(8);
    for p in 0..s.k {
        let from = if p < whole { padded_from } else { s.lanes };
        for l in from..s.width {
            // SAFETY: within the packed strip.
            unsafe { *s.dst.add(p * s.width + l) = 0.0 };
        }
    }
}

/// Transposes an 8 × 8 block.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose8(r: [__m256; 8]) -> [__m256; 8] {
    let pairs = |x, y| (_mm256_unpacklo_ps(x, y), _mm256_unpackhi_ps(x, y));
    let (a0, a1) = pairs(r[0], r[1]);
    let (a2, a3) = pairs(r[2], r[3]);
    let (a4, a5) = pairs(r[4], r[5]);
    let (a6, a7) = pairs(r[6], r[7]);
    let quads = |x, y| (_mm256_shuffle_ps(x, y, 0x44), _mm256_shuffle_ps(x, y, 0xee));
    let (b0, b1) = quads(a0, a2);
    let (b2, b3) = quads(a1, a3);
    let (b4, b5) = quads(a4, a6);
    let (b6, b7) = quads(a5, a7);
    let low = |x, y| _mm256_permute2f128_ps(x, y, 0x20);
    let high = |x, y| _mm256_permute2f128_ps(x, y, 0x31);
    [
        low(b0, b4),
        low(b1, b5),
        low(b2, b6),
        low(b3, b7),
        high(b0, b4),
        high(b1, b5),
        high(b2, b6),
        high(b3, b7),
    ]
}

/// Any strides, element by element.
#[target_feature(enable = "avx2")]
unsafe fn gather(s: &Strip) {
    for p in 0..s.k {
        // SAFETY: element `(l, p)` of the strip is readable, and `width` elements of its packed form writable.
        unsafe {
            let dst = s.dst.add(p * s.width);
            for l in 0..s.lanes {
                *dst.add(l) = *s.src.add(l * s.lane_stride + p * s.k_stride);
            }
            for l in s.lanes..s.width {
                *dst.add(l) = 0.0;
            }
        }
    }
}
