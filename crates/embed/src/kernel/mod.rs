//! The arithmetic of training, compiled for each instruction set.
//!
//! A *step* predicts from `m` input rows `vᵢ` to `n` target rows `uₜ`: skip-gram takes several context words of a
//! word together, with the same negative samples (Ji et al. 2016), so that the products are those of small
//! matrices `(m, dim)` and `(n, dim)` and each row is read once. CBOW has one input: the bag of all context words.
//!
//! The loss of a step is the sum over pairs `Σᵢₜ ln(1 + e^(−sₜ vᵢ·uₜ))`, where `sₜ` is 1 for what is there and −1
//! for what is not: a negative sample, or a turn not taken. With `σ(x) = 1/(1 + e^(−x))`, its derivative with
//! respect to the score `vᵢ·uₜ` is `−sₜ σ(−sₜ vᵢ·uₜ)`, so that a step of gradient descent with rate `α` is
//!
//! ```text
//! gᵢₜ = α sₜ σ(−sₜ vᵢ·uₜ)          grade_pairs
//! vᵢ ← vᵢ + Σₜ gᵢₜ uₜ              apply_pairs, both with the rows before the step
//! uₜ ← uₜ + Σᵢ gᵢₜ vᵢ
//! ```
//!
//! which for a negative sample or a turn is the familiar `α (label − σ(v·u))`.

mod bag;
mod grade;
mod pairs;
mod rows;
mod scan;
mod simd;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use grade::Loss;

use simd::{Portable, Simd};
use tensor::Level;

/// Most input rows of a step: with more, the running sums no longer fit the registers.
pub(crate) const MAX_INPUTS: usize = 6;

/// Length of the list of scores for `inputs × targets` pairs: whole vectors, and what is written beside them.
pub(crate) const fn scores_len(inputs: usize, targets: usize) -> usize {
    (inputs * targets + 4).next_multiple_of(grade::CHUNK)
}

/// The rows of a step, each at least `width` floats long.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// At most [`MAX_INPUTS`] rows; for a bag, any number of context rows. A row may occur twice.
    pub(crate) inputs: &'a [*mut f32],
    /// Target rows; a row may occur twice.
    pub(crate) targets: &'a [*mut f32],
}

/// What a step is trained towards, and how strongly.
#[derive(Clone, Copy)]
pub(crate) struct Aim<'a> {
    /// `sₜ`: 1 or −1 for each target.
    pub(crate) signs: &'a [f32],
    /// The learning rate `α`.
    pub(crate) rate: f32,
}

/// Entry points of one instruction set.
///
/// # Safety
/// The rows must be valid for `width` floats and written by nothing but these kernels while they run; lists of
/// scores have [`scores_len`] elements.
pub(crate) struct Kernels {
    /// Vectors lie at multiples of this many floats; `width` is one.
    pub(crate) lanes: usize,
    /// Fills `g` (target by target) with `gᵢₜ` and adds the loss; arguments: rows, aim, `width`, `g`, loss.
    pub(crate) grade_pairs: unsafe fn(Rows<'_>, Aim<'_>, usize, &mut [f32], &mut Loss),
    /// Adds the updates to columns `from..to` of all rows; arguments: rows, `g`, `from`, `to`.
    pub(crate) apply_pairs: unsafe fn(Rows<'_>, &[f32], usize, usize),
    /// Fills `h` with `scale · Σ vᵢ`, then `g` as for the one input `h`; arguments: rows, `scale`, aim, `width`,
    /// `h`, `g`, loss.
    pub(crate) grade_bag: unsafe fn(Rows<'_>, f32, Aim<'_>, usize, *mut f32, &mut [f32], &mut Loss),
    /// Adds the updates to columns `from..to`, to each input row that of `h`; arguments: rows, `h`, `g`, `from`,
    /// `to`.
    pub(crate) apply_bag: unsafe fn(Rows<'_>, *const f32, &[f32], usize, usize),
    /// Products of vectors with rows that lie one after the other; arguments: rows, vectors, their length, products
    /// `(vectors, rows)`.
    pub(crate) scan: unsafe fn(&[f32], &[f32], usize, &mut [f32]),
    /// The product of two rows of `width` floats.
    pub(crate) dot: unsafe fn(*const f32, *const f32, usize) -> f32,
    /// Adds a multiple of a row to another; arguments: factor, from, to, `width`.
    pub(crate) add: unsafe fn(f32, *const f32, *mut f32, usize),
    /// Asks for `width` floats of a row to be brought to the cache.
    pub(crate) prefetch: unsafe fn(*const f32, usize),
}

/// Compiles the entry points with the features of an instruction set.
macro_rules! kernels {
    ($module:ident, $simd:ty $(, $features:literal)?) => {
        mod $module {
            use super::*;

            $(#[target_feature(enable = $features)])?
            unsafe fn grade_pairs(rows: Rows<'_>, aim: Aim<'_>, width: usize, g: &mut [f32], loss: &mut Loss) {
                // SAFETY: the caller's, and the features are enabled.
                unsafe { pairs::grade::<$simd>(rows, aim, width, g, loss) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn apply_pairs(rows: Rows<'_>, g: &[f32], from: usize, to: usize) {
                // SAFETY: as above.
                unsafe { pairs::apply::<$simd>(rows, g, from, to) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn grade_bag(
                rows: Rows<'_>, scale: f32, aim: Aim<'_>, width: usize, h: *mut f32, g: &mut [f32], loss: &mut Loss,
            ) {
                // SAFETY: as above.
                unsafe { bag::grade::<$simd>(rows, scale, aim, width, h, g, loss) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn apply_bag(rows: Rows<'_>, h: *const f32, g: &[f32], from: usize, to: usize) {
                // SAFETY: as above.
                unsafe { bag::apply::<$simd>(rows, h, g, from, to) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn scan(rows: &[f32], vectors: &[f32], dim: usize, products: &mut [f32]) {
                // SAFETY: as above.
                unsafe { scan::scan::<$simd>(rows, vectors, dim, products) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn dot(a: *const f32, b: *const f32, width: usize) -> f32 {
                // SAFETY: as above.
                unsafe { rows::dot::<$simd>(a, b, width) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn add(factor: f32, from: *const f32, to: *mut f32, width: usize) {
                // SAFETY: as above.
                unsafe { rows::add::<$simd>(factor, from, to, width) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn prefetch(row: *const f32, width: usize) {
                for at in (0..width).step_by(16) {
                    // SAFETY: a prefetch reads nothing, and the features are enabled.
                    unsafe { <$simd>::prefetch(row, at) };
                }
            }

            pub(super) static KERNELS: Kernels = Kernels {
                lanes: <$simd>::LANES,
                grade_pairs,
                apply_pairs,
                grade_bag,
                apply_bag,
                scan,
                dot,
                add,
                prefetch,
            };
        }
    };
}

kernels!(portable, Portable);
#[cfg(target_arch = "x86_64")]
kernels!(avx2, x86::Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(avx512, x86::Avx512, "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma");

/// The kernels of the widest instruction set this processor has (or `TENSOR_SIMD` asks for).
pub(crate) fn kernels() -> &'static Kernels {
    match tensor::level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => &avx512::KERNELS,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => &avx2::KERNELS,
        _ => &portable::KERNELS,
    }
}

/// Products `(vectors, rows)` of vectors of `dim` numbers with rows, all of which lie one after the other: with as many
/// rows as `products` has room for.
///
/// # Panics
/// If there are fewer rows.
pub(crate) fn scan(rows: &[f32], vectors: &[f32], dim: usize, products: &mut [f32]) {
    // SAFETY: the kernels are those of this processor; slices are checked by the kernel.
    unsafe { (kernels().scan)(rows, vectors, dim, products) }
}
