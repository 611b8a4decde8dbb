//! The instruction set, chosen once at run time.
//!
//! A kernel is written once, as plain loops over slices in a [`Kernel`]; [`dispatch`] compiles it for
//! every instruction set below and calls the widest one this processor has. Callers need no `RUSTFLAGS`.

use std::sync::OnceLock;

/// Instruction sets the kernels are compiled for, narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every processor of the target has.
    Portable,
    /// 256-bit vectors with fused multiply-add (`avx2`, `fma`).
    Avx2,
    /// 512-bit vectors (`avx512f`, `avx512bw`, `avx512dq`, `avx512vl`).
    Avx512,
}

/// The instruction set in use: the widest this processor has, or a narrower one asked for through the
/// environment variable `TENSOR_SIMD` (`portable`, `avx2`, `avx512`). Read once per process.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let has = detect();
        match std::env::var("TENSOR_SIMD").as_deref() {
            Ok("portable") => Level::Portable,
            Ok("avx2") => has.min(Level::Avx2),
            _ => has,
        }
    })
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("fma")
    {
        Level::Avx512
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        Level::Avx2
    } else {
        Level::Portable
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Portable
}

/// A piece of numeric code to be compiled for every [`Level`].
///
/// Implementations mark `run` and everything it calls `#[inline(always)]`: only code inlined into the
/// dispatching function is compiled for its instruction set.
pub(crate) trait Kernel {
    /// What the kernel returns.
    type Output;
    /// The computation. `FMA` tells whether `mul_add` is one instruction (a library call otherwise).
    fn run<const FMA: bool>(self) -> Self::Output;
}

/// Runs `kernel` compiled for [`level()`].
#[inline]
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match level() {
        // SAFETY: `level` returns a set only if this processor has all its features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { run_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { run_avx2(kernel) },
        _ => kernel.run::<false>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<true>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<true>()
}
