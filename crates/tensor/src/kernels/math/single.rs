//! The functions in `f32`.
//!
//! Polynomials are minimax fits (Remez exchange in 40-digit arithmetic, coefficients rounded to `f32`) of
//! the function named beside them. Integers are moved in and out of the exponent field with bit
//! operations, comparisons become selects: nothing here keeps a loop from being vectorised.

use super::VectorMath;

/// `1.5 · 2²³`: adding it leaves the nearest integer in the low bits of the mantissa.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has 9 bits, so that its product with an exponent is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// √½, where the mantissa of a logarithm's argument starts.
const SQRT_HALF_BITS: i32 = 0x3f35_04f3;

/// `(eʳ − 1 − r) / r²` for `|r| ≤ ln 2 / 2`.
const EXP: [f32; 5] = [0.5, 1.666_657_6e-1, 4.166_637_4e-2, 8.363_294e-3, 1.394_132_3e-3];
/// `(ln(1 + f) − f + f²/2) / f³` for `√½ ≤ 1 + f ≤ √2`.
const LN: [f32; 9] = [
    3.333_332_2e-1,
    -2.499_998_7e-1,
    2.000_155_4e-1,
    -1.666_894_1e-1,
    1.423_043_2e-1,
    -1.239_495_2e-1,
    1.180_359_2e-1,
    -1.170_887_1e-1,
    6.967_547e-2,
];
/// `erf(x) / x − 1` in `x²` for `|x| ≤ 1`.
const ERF: [f32; 7] = [
    1.283_791_7e-1,
    -3.761_262_6e-1,
    1.128_36e-1,
    -2.685_444_4e-2,
    5.189_535e-3,
    -8.020_841e-4,
    7.889_115e-5,
];
/// `−ln(1 − erf(x))` in `x` for `1 ≤ x ≤ 4`; from 4 on `erf` rounds to 1.
const ERFC: [f32; 7] =
    [3.537_402_7e-4, 1.127_039_9, 6.382_258e-1, 1.030_372_5e-1, -2.180_526e-2, 2.939_593e-3, -1.855_725_9e-4];

/// `c₀ + c₁ x + c₂ x² + …`, even and odd terms apart: two chains of multiply-adds that run side by side.
#[inline(always)]
fn polynomial<const FMA: bool, const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    let square = x * x;
    let (mut last, mut before) = (coefficients[N - 1], coefficients[N - 2]);
    let mut i = N - 2;
    while i >= 2 {
        last = last.fma::<FMA>(square, coefficients[i - 1]);
        before = before.fma::<FMA>(square, coefficients[i - 2]);
        i -= 2;
    }
    // An odd number of coefficients leaves `c₀`.
    if i == 1 {
        last.fma::<FMA>(square, before.fma::<FMA>(x, coefficients[0]))
    } else {
        last.fma::<FMA>(x, before)
    }
}

/// 2ⁿ for `−126 ≤ n ≤ 127`; some number otherwise.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `n` and `eʳ − 1` of `x = n ln 2 + r`, for `|x| < 2²¹`.
#[inline(always)]
fn exp_parts<const FMA: bool>(x: f32) -> (i32, f32) {
    let shifted = x.fma::<FMA>(std::f32::consts::LOG2_E, ROUND);
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let whole = shifted - ROUND;
    let r = whole.fma::<FMA>(-LN2_LOW, whole.fma::<FMA>(-LN2_HIGH, x));
    let p = polynomial::<FMA, 5>(r, &EXP);
    (n, (r * r).fma::<FMA>(p, r))
}

/// The smaller of `x` and a limit; NaN stays.
#[inline(always)]
fn at_most(x: f32, limit: f32) -> f32 {
    if x > limit { limit } else { x }
}

/// The larger of `x` and a limit; NaN stays.
#[inline(always)]
fn at_least(x: f32, limit: f32) -> f32 {
    if x < limit { limit } else { x }
}

/// `ln(x · 2ᵃ)` of a positive, normal, finite `x`; some number otherwise.
#[inline(always)]
fn ln_normal<const FMA: bool>(x: f32, added: f32) -> f32 {
    let bits = (x.to_bits() as i32).wrapping_sub(SQRT_HALF_BITS);
    let n = (bits >> 23) as f32 + added;
    let f = f32::from_bits((bits & 0x007f_ffff).wrapping_add(SQRT_HALF_BITS) as u32) - 1.0;
    let square = f * f;
    let p = polynomial::<FMA, 9>(f, &LN) * f;
    let low = n.fma::<FMA>(LN2_LOW, square * p);
    n.fma::<FMA>(LN2_HIGH, f + square.fma::<FMA>(-0.5, low))
}

impl VectorMath for f32 {
    #[inline(always)]
    fn fma<const FMA: bool>(self, b: f32, c: f32) -> f32 {
        if FMA { self.mul_add(b, c) } else { self * b + c }
    }

    #[inline(always)]
    fn vexp<const FMA: bool>(self) -> f32 {
        let x = at_most(at_least(self, -104.0), 89.0);
        let (n, p) = exp_parts::<FMA>(x);
        // Two factors: the exponent of a denormal or overflowing result does not fit into one.
        let half = n >> 1;
        (1.0 + p) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
    }

    #[inline(always)]
    fn vexp_nonpositive<const FMA: bool>(self) -> f32 {
        // The logarithm of the smallest normal number, rounded up.
        const LOWEST: f32 = -87.336_54;
        let (n, p) = exp_parts::<FMA>(at_least(self, LOWEST));
        let scale = power_of_two(n);
        let y = p.fma::<FMA>(scale, scale);
        if self < LOWEST { 0.0 } else { y }
    }

    #[inline(always)]
    fn vexp_m1<const FMA: bool>(self) -> f32 {
        let x = at_most(at_least(self, -20.0), 89.0);
        let (n, p) = exp_parts::<FMA>(x);
        let half = n >> 1;
        let rest = n.wrapping_sub(half);
        let (a, b) = (power_of_two(half), power_of_two(rest));
        let y = b * a.fma::<FMA>(p, a - power_of_two(rest.wrapping_neg()));
        // −0 and what rounds to itself.
        if self.abs() < 1e-8 { self } else { y }
    }

    #[inline(always)]
    fn vln<const FMA: bool>(self) -> f32 {
        let denormal = self < f32::MIN_POSITIVE;
        let (x, added) = if denormal { (self * 8_388_608.0, -23.0) } else { (self, 0.0) };
        let y = ln_normal::<FMA>(x, added);
        let y = if self == f32::INFINITY { self } else { y };
        let y = if self == 0.0 { f32::NEG_INFINITY } else { y };
        if self >= 0.0 { y } else { f32::NAN }
    }

    #[inline(always)]
    fn vln_1p<const FMA: bool>(self) -> f32 {
        let u = 1.0 + self;
        // What the addition rounded away, to first order.
        let correction = (self - (u - 1.0)) / u;
        let y = u.vln::<FMA>() + correction;
        let y = if u == f32::INFINITY || u == 0.0 { u.vln::<FMA>() } else { y };
        if self.abs() < 1e-8 { self } else { y }
    }

    #[inline(always)]
    fn vtanh<const FMA: bool>(self) -> f32 {
        // tanh x = (e²ˣ − 1) / (e²ˣ − 1 + 2); from 2x = 20 on it rounds to 1.
        let (n, p) = exp_parts::<FMA>(at_most(2.0 * self.abs(), 20.0));
        let scale = power_of_two(n);
        let e = scale.fma::<FMA>(p, scale - 1.0);
        (e / (e + 2.0)).copysign(self)
    }

    #[inline(always)]
    fn vsigmoid<const FMA: bool>(self) -> f32 {
        let e = (-self.abs()).vexp::<FMA>();
        let numerator = if self < 0.0 { e } else { 1.0 };
        numerator / (1.0 + e)
    }

    #[inline(always)]
    fn vsoftplus<const FMA: bool>(self) -> f32 {
        // ln (1 + e) without the special cases: `u` is in [1, 2], or NaN, which the correction carries on.
        let e = (-self.abs()).vexp::<FMA>();
        let u = 1.0 + e;
        let correction = (e - (u - 1.0)) / u;
        at_least(self, 0.0) + (ln_normal::<FMA>(u, 0.0) + correction)
    }

    #[inline(always)]
    fn verf<const FMA: bool>(self) -> f32 {
        let x = at_most(self.abs(), 4.0);
        let small = x.fma::<FMA>(polynomial::<FMA, 7>(x * x, &ERF), x);
        let large = 1.0 - (-polynomial::<FMA, 7>(x, &ERFC)).vexp_nonpositive::<FMA>();
        (if x < 1.0 { small } else { large }).copysign(self)
    }

    #[inline(always)]
    fn with_sign(self, sign: f32) -> f32 {
        self.copysign(sign)
    }

    #[inline(always)]
    fn unit_from_bits(bits: u32) -> f32 {
        // Through `i32`, whose conversion is one instruction everywhere.
        (bits >> 8) as i32 as f32 * (1.0 / 16_777_216.0)
    }
}
