//! Transcendental functions that vectorise.
//!
//! In `f32` they are polynomials without branches or calls, so that a loop over them compiles to vector
//! instructions; in `f64` they are the standard library's (accuracy matters there, not speed).
//!
//! Largest error of the `f32` forms against the exact value, in units of the last place. The tests hold these
//! bounds at every 1009th of all bit patterns, which reaches every exponent, and at the awkward ones:
//!
//! | function | ulp, with FMA | ulp, without |
//! |---|---|---|
//! | exp | 1.5 | 1.5 |
//! | exp_m1 | 2 | 2 |
//! | ln | 1 | 1.5 |
//! | ln_1p | 1.5 | 2 |
//! | tanh | 2.5 | 2.5 |
//! | sigmoid | 3 | 3 |
//! | softplus | 2 | 2.5 |
//! | erf | 2 | 2.5 |
//!
//! Signs of zero, infinities, NaN, denormal arguments and denormal results are those of IEEE 754.

mod double;
mod single;

use super::map::{self, Unary};
use crate::Element;

/// Functions of one scalar, each `#[inline(always)]` and free of branches in `f32`.
///
/// `FMA` tells whether the code being compiled has a fused multiply-add instruction.
pub trait VectorMath: Copy {
    /// `self · b + c`, fused where that is one instruction.
    fn fma<const FMA: bool>(self, b: Self, c: Self) -> Self;
    /// `eˣ`
    fn vexp<const FMA: bool>(self) -> Self;
    /// `eˣ` for `x ≤ 0` (or NaN), with results below the smallest normal number replaced by 0: cheaper
    /// than [`vexp`](Self::vexp), and spares what follows the cost of denormal numbers.
    fn vexp_nonpositive<const FMA: bool>(self) -> Self;
    /// `eˣ − 1`, accurate near 0.
    fn vexp_m1<const FMA: bool>(self) -> Self;
    /// Natural logarithm.
    fn vln<const FMA: bool>(self) -> Self;
    /// `ln(1 + x)`, accurate near 0.
    fn vln_1p<const FMA: bool>(self) -> Self;
    /// Hyperbolic tangent.
    fn vtanh<const FMA: bool>(self) -> Self;
    /// `1 / (1 + e⁻ˣ)`, accurate in both tails.
    fn vsigmoid<const FMA: bool>(self) -> Self;
    /// `ln(1 + eˣ)`, accurate in both tails.
    fn vsoftplus<const FMA: bool>(self) -> Self;
    /// The error function `2/√π ∫₀ˣ e^(−t²) dt`.
    fn verf<const FMA: bool>(self) -> Self;
    /// The magnitude of `self` with the sign of `sign`.
    fn with_sign(self, sign: Self) -> Self;
    /// A number in `[0, 1)` from 32 random bits: the upper 24 of them, in every type.
    fn unit_from_bits(bits: u32) -> Self;
}

macro_rules! slice_functions {
    ($($op:ident $name:ident $in_place:ident $method:ident $what:literal)*) => {$(
        #[doc = concat!($what, " as a [`Unary`] operation.")]
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $op;
        impl<E: Element> Unary<E> for $op {
            const COST: usize = 4;
            #[inline(always)]
            fn apply<const FMA: bool>(&self, x: E) -> E {
                x.$method::<FMA>()
            }
        }
        #[doc = concat!($what, " of every element of `x`, into `y`. Panics if the lengths differ.")]
        pub fn $name<E: Element>(x: &[E], y: &mut [E]) {
            map::unary(x, y, $op);
        }
        #[doc = concat!($what, " of every element, in place.")]
        pub fn $in_place<E: Element>(y: &mut [E]) {
            map::unary_in_place(y, $op);
        }
    )*};
}

slice_functions! {
    Exp exp exp_in_place vexp "`eˣ`"
    ExpM1 exp_m1 exp_m1_in_place vexp_m1 "`eˣ − 1`"
    Ln ln ln_in_place vln "Natural logarithm"
    Ln1p ln_1p ln_1p_in_place vln_1p "`ln(1 + x)`"
    Tanh tanh tanh_in_place vtanh "Hyperbolic tangent"
    Sigmoid sigmoid sigmoid_in_place vsigmoid "`1 / (1 + e⁻ˣ)`"
    Softplus softplus softplus_in_place vsoftplus "`ln(1 + eˣ)`"
    Erf erf erf_in_place verf "The error function"
    Sin sin sin_in_place vsin_std "Sine"
    Cos cos cos_in_place vcos_std "Cosine"
    Sqrt sqrt sqrt_in_place vsqrt "Square root"
    Rsqrt rsqrt rsqrt_in_place vrsqrt "`1 / √x`"
}

/// Functions that need no polynomial of their own, under the signature of the others.
trait Plain: Element {
    #[inline(always)]
    fn vsin_std<const FMA: bool>(self) -> Self {
        self.sin()
    }
    #[inline(always)]
    fn vcos_std<const FMA: bool>(self) -> Self {
        self.cos()
    }
    #[inline(always)]
    fn vsqrt<const FMA: bool>(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn vrsqrt<const FMA: bool>(self) -> Self {
        Self::ONE / self.sqrt()
    }
}
impl<E: Element> Plain for E {}

#[cfg(test)]
mod tests;
