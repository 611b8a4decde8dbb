//! The functions in `f64`: the standard library's, and an error function.

use super::VectorMath;

/// `2/√π`
const TWO_OVER_SQRT_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI;

/// The error function by its series below 2 and the continued fraction of `erfc` above; within 4 ulp.
///
/// Abramowitz & Stegun, Handbook of Mathematical Functions (1964), 7.1.6 and 7.1.14.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    let y = if a.is_nan() {
        a
    } else if a < 2.0 {
        // 2/√π e^(−a²) Σ 2ⁿ a²ⁿ⁺¹ / (1·3·…·(2n+1)): all terms positive, nothing cancels.
        let (mut term, mut sum, mut n) = (a, a, 1.0);
        while term > sum * 1e-18 {
            term *= 2.0 * a * a / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        TWO_OVER_SQRT_PI * (-a * a).exp() * sum
    } else if a < 6.0 {
        // √π e^(a²) erfc(a) = 1/(a + ½/(a + 1/(a + 3/2/(a + …)))), from the inside out.
        let mut tail = a;
        for n in (1..=60).rev() {
            tail = a + 0.5 * f64::from(n) / tail;
        }
        1.0 - 0.5 * TWO_OVER_SQRT_PI * (-a * a).exp() / tail
    } else {
        1.0
    };
    y.copysign(x)
}

impl VectorMath for f64 {
    #[inline(always)]
    fn fma<const FMA: bool>(self, b: f64, c: f64) -> f64 {
        if FMA { self.mul_add(b, c) } else { self * b + c }
    }
    #[inline(always)]
    fn vexp<const FMA: bool>(self) -> f64 {
        self.exp()
    }
    #[inline(always)]
    fn vexp_nonpositive<const FMA: bool>(self) -> f64 {
        let y = self.exp();
        if y < f64::MIN_POSITIVE { 0.0 } else { y }
    }
    #[inline(always)]
    fn vexp_m1<const FMA: bool>(self) -> f64 {
        self.exp_m1()
    }
    #[inline(always)]
    fn vln<const FMA: bool>(self) -> f64 {
        self.ln()
    }
    #[inline(always)]
    fn vln_1p<const FMA: bool>(self) -> f64 {
        self.ln_1p()
    }
    #[inline(always)]
    fn vtanh<const FMA: bool>(self) -> f64 {
        self.tanh()
    }
    #[inline(always)]
    fn vsigmoid<const FMA: bool>(self) -> f64 {
        let e = (-self.abs()).exp();
        let numerator = if self < 0.0 { e } else { 1.0 };
        numerator / (1.0 + e)
    }
    #[inline(always)]
    fn vsoftplus<const FMA: bool>(self) -> f64 {
        (if self < 0.0 { 0.0 } else { self }) + (-self.abs()).exp().ln_1p()
    }
    #[inline(always)]
    fn verf<const FMA: bool>(self) -> f64 {
        erf(self)
    }
    #[inline(always)]
    fn with_sign(self, sign: f64) -> f64 {
        self.copysign(sign)
    }
    #[inline(always)]
    fn unit_from_bits(bits: u32) -> f64 {
        f64::from(bits >> 8) * (1.0 / 16_777_216.0)
    }
}

#[cfg(test)]
mod tests {
    use super::erf;

    /// Values of a 40-digit computation.
    #[test]
    fn erf_is_accurate_to_a_few_ulp() {
        for (x, y) in TABLE {
            assert!((erf(x) - y).abs() <= 4.0 * f64::EPSILON * y, "erf({x}) = {} not {y}", erf(x));
            assert_eq!(erf(-x), -erf(x));
        }
        assert_eq!(erf(0.0).to_bits(), 0);
        assert_eq!(erf(-0.0).to_bits(), (-0.0f64).to_bits());
        assert_eq!(erf(f64::INFINITY), 1.0);
        assert!(erf(f64::NAN).is_nan());
    }

    const TABLE: [(f64, f64); 20] = [
        (1e-300, 1.1283791670955126e-300),
        (1e-10, 1.1283791670955126e-10),
        (0.1, 0.1124629160182849),
        (0.3, 0.3286267594591274),
        (0.5, 0.5204998778130465),
        (0.75, 0.7111556336535151),
        (1.0, 0.8427007929497149),
        (1.25, 0.9229001282564583),
        (1.5, 0.9661051464753108),
        (2.0, 0.9953222650189527),
        (2.25, 0.9985372834133188),
        (2.5, 0.999593047982555),
        (2.75, 0.9998993780778803),
        (2.99, 0.9999764743969194),
        (3.0, 0.9999779095030014),
        (3.125, 0.9999901032653747),
        (3.5, 0.9999992569016276),
        (4.0, 0.9999999845827421),
        (5.0, 0.9999999999984626),
        (5.9, 0.9999999999999999),
    ];
}
