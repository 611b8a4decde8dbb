//! The kernels of each instruction set, and the block sizes they like.

use std::arch::x86_64::{__m256, __m512};

use super::skinny::{self, AxpyJob, DotJob};
use super::tile::{self, Tile, TileFn};
use crate::simd::{Level, level};

/// What the drivers need to know of an instruction set.
pub(super) struct Isa {
    /// Elements in a vector.
    pub(super) lanes: usize,
    /// Tallest micro-kernel.
    pub(super) mr: usize,
    /// Tallest one over rows of `A` that lie apart: each needs a register for its address, and addresses in memory
    /// cost half the speed (768 × 512 × 128 with AVX-512: height 12 128 GFLOP/s, 10 186, 8 257).
    pub(super) mr_apart: usize,
    /// Longest run of `k` between two visits of a tile of `C`.
    pub(super) kc: usize,
    /// Most rows of `A` packed at a time.
    pub(super) mc: usize,
    tiles: &'static [[[TileFn; 2]; 2]],
    pub(super) axpy: unsafe fn(&AxpyJob),
    pub(super) dot: unsafe fn(&DotJob),
}

impl Isa {
    /// The micro-kernel of `height` rows (`1..=mr`) and one or two vectors; `unit` as in [`tile::run`].
    #[inline(always)]
    pub(super) fn tile(&self, height: usize, vectors: usize, unit: bool) -> TileFn {
        self.tiles[height - 1][vectors - 1][usize::from(unit)]
    }

    /// Columns of a full tile: two vectors.
    #[inline(always)]
    pub(super) fn nr(&self) -> usize {
        2 * self.lanes
    }
}

/// The kernels for [`level()`]; `None` where there are none of our own.
pub(super) fn isa() -> Option<&'static Isa> {
    match level() {
        Level::Portable => None,
        Level::Avx2 => Some(&avx2::ISA),
        Level::Avx512 => Some(&avx512::ISA),
    }
}

macro_rules! isa {
    (
        $module:ident, $vector:ty, $features:literal,
        mc: $mc:literal, kc: $kc:literal, apart: $apart:literal, heights: $($height:literal)*
    ) => {
        pub(super) mod $module {
            use super::*;

            #[target_feature(enable = $features)]
            unsafe fn tile<const H: usize, const NV: usize, const UNIT: bool>(t: &Tile) {
                // SAFETY: the caller keeps the contract of `tile::run`; the features are on.
                unsafe { tile::run::<$vector, H, NV, UNIT>(t) }
            }

            #[target_feature(enable = $features)]
            unsafe fn axpy(job: &AxpyJob) {
                // SAFETY: the caller keeps the contract of `skinny::axpy`; the features are on.
                unsafe { skinny::axpy::<$vector>(job) }
            }

            #[target_feature(enable = $features)]
            unsafe fn dot(job: &DotJob) {
                // SAFETY: the caller keeps the contract of `skinny::dot`; the features are on.
                unsafe { skinny::dot::<$vector>(job) }
            }

            const TILES: &[[[TileFn; 2]; 2]] = &[$([
                [tile::<$height, 1, false>, tile::<$height, 1, true>],
                [tile::<$height, 2, false>, tile::<$height, 2, true>],
            ]),*];

            pub(in super::super) static ISA: Isa = Isa {
                lanes: <$vector as super::super::vector::Vector>::LANES,
                mr: TILES.len(),
                mr_apart: $apart,
                kc: $kc,
                mc: $mc,
                tiles: TILES,
                axpy,
                dot,
            };
        }
    };
}

isa!(avx2, __m256, "avx2,fma", mc: 96, kc: 256, apart: 6, heights: 1 2 3 4 5 6);
isa!(avx512, __m512, "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma",
    mc: 224, kc: 384, apart: 8, heights: 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
#[cfg(test)]
isa!(paired, super::super::vector::Pair, "avx2,fma", mc: 224, kc: 384, apart: 8, heights: 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
