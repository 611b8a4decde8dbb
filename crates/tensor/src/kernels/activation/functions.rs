//! The functions, one type each.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

use super::Activation;
use crate::Element;

/// The constant `value` in the type at hand.
#[inline(always)]
fn c<E: Element>(value: f64) -> E {
    E::from_f64(value)
}

/// `if condition { a } else { b }`, as one instruction.
#[inline(always)]
fn select<E: Element>(condition: bool, a: E, b: E) -> E {
    if condition { a } else { b }
}

/// `max(x, 0)`; derivative 0 at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relu;
impl Activation for Relu {
    const COST: usize = 1;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        // NaN stays NaN, as everywhere in this file.
        select(x < E::ZERO, E::ZERO, x)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        select(x > E::ZERO, E::ONE, E::ZERO)
    }
}

/// `min(max(x, 0), 6)`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relu6;
impl Activation for Relu6 {
    const COST: usize = 1;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        let x = select(x < E::ZERO, E::ZERO, x);
        select(x > c(6.0), c(6.0), x)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        select(x > E::ZERO && x < c(6.0), E::ONE, E::ZERO)
    }
}

/// `x` above 0, `slope · x` below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    /// Slope below 0.
    pub slope: f64,
}
impl Default for LeakyRelu {
    fn default() -> Self {
        Self { slope: 0.01 }
    }
}
impl Activation for LeakyRelu {
    const COST: usize = 1;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        select(x > E::ZERO, x, c::<E>(self.slope) * x)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        select(x > E::ZERO, E::ONE, c(self.slope))
    }
}

/// `x` above 0, `alpha (eˣ − 1)` below (Clevert, Unterthiner & Hochreiter 2015).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    /// Minus the value at −∞.
    pub alpha: f64,
}
impl Default for Elu {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}
impl Activation for Elu {
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        select(x > E::ZERO, x, c::<E>(self.alpha) * x.vexp_m1::<FMA>())
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        select(x > E::ZERO, E::ONE, c::<E>(self.alpha) * x.vexp::<FMA>())
    }
}

/// `scale · elu(x, alpha)` with the fixed point of mean 0 and variance 1 (Klambauer et al. 2017).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Selu;
impl Selu {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const SCALE: f64 = 1.050_700_987_355_480_5;
}
impl Activation for Selu {
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        c::<E>(Self::SCALE) * Elu { alpha: Self::ALPHA }.value::<FMA, E>(x)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        c::<E>(Self::SCALE) * Elu { alpha: Self::ALPHA }.derivative::<FMA, E>(x)
    }
}

/// `ln(1 + eˣ)`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Softplus;
impl Activation for Softplus {
    const COST: usize = 8;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        x.vsoftplus::<FMA>()
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        x.vsigmoid::<FMA>()
    }
}

/// `ln σ(x) = −softplus(−x)`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogSigmoid;
impl Activation for LogSigmoid {
    const COST: usize = 8;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        -(-x).vsoftplus::<FMA>()
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        (-x).vsigmoid::<FMA>()
    }
}

/// `x Φ(x) = x/2 · (1 + erf(x/√2))` (Hendrycks & Gimpel 2016).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gelu;
impl Activation for Gelu {
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        let half = c::<E>(0.5) * x;
        half.fma::<FMA>((x * c(FRAC_1_SQRT_2)).verf::<FMA>(), half)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        // Φ(x) + x φ(x)
        let cdf = c::<E>(0.5).fma::<FMA>((x * c(FRAC_1_SQRT_2)).verf::<FMA>(), c(0.5));
        let density =
            c::<E>(0.5 * FRAC_2_SQRT_PI / SQRT_2) * (c::<E>(-0.5) * x * x).vexp_nonpositive::<FMA>();
        x.fma::<FMA>(density, cdf)
    }
}

/// `x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`: the approximation of [`Gelu`] that GPT-2 uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeluTanh;
impl GeluTanh {
    /// `√(2/π)`
    const OUTER: f64 = FRAC_2_SQRT_PI / SQRT_2;
    const CUBIC: f64 = 0.044_715;
}
impl Activation for GeluTanh {
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        let inner = x * (x * x).fma::<FMA>(c(Self::OUTER * Self::CUBIC), c(Self::OUTER));
        let half = c::<E>(0.5) * x;
        half.fma::<FMA>(inner.vtanh::<FMA>(), half)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        let square = x * x;
        let inner = x * square.fma::<FMA>(c(Self::OUTER * Self::CUBIC), c(Self::OUTER));
        let slope = square.fma::<FMA>(c(3.0 * Self::OUTER * Self::CUBIC), c(Self::OUTER));
        let t = inner.vtanh::<FMA>();
        // ½ (1 + t) + ½ x (1 − t²) · inner′
        c::<E>(0.5) * (x * slope).fma::<FMA>(t.fma::<FMA>(-t, E::ONE), E::ONE + t)
    }
}

/// `x σ(x)`, also called swish (Elfwing, Uchibe & Doya 2017).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Silu;
impl Activation for Silu {
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        x * x.vsigmoid::<FMA>()
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        let s = x.vsigmoid::<FMA>();
        s * x.fma::<FMA>(E::ONE - s, E::ONE)
    }
}

/// `x tanh(softplus(x))` (Misra 2019).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mish;
impl Activation for Mish {
    const COST: usize = 12;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        x * x.vsoftplus::<FMA>().vtanh::<FMA>()
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        let t = x.vsoftplus::<FMA>().vtanh::<FMA>();
        (x * x.vsigmoid::<FMA>()).fma::<FMA>(t.fma::<FMA>(-t, E::ONE), t)
    }
}

/// `1 / (1 + e⁻ˣ)`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sigmoid;
impl Activation for Sigmoid {
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        x.vsigmoid::<FMA>()
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        let s = x.vsigmoid::<FMA>();
        s * (E::ONE - s)
    }
}

/// Hyperbolic tangent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tanh;
impl Activation for Tanh {
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        x.vtanh::<FMA>()
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        let t = x.vtanh::<FMA>();
        t.fma::<FMA>(-t, E::ONE)
    }
}

/// `x / (1 + |x|)`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Softsign;
impl Activation for Softsign {
    const COST: usize = 4;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        x / (E::ONE + x.abs())
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        let d = E::ONE + x.abs();
        E::ONE / (d * d)
    }
}

/// `min(max(x/6 + 1/2, 0), 1)`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HardSigmoid;
impl Activation for HardSigmoid {
    const COST: usize = 2;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        let y = x.fma::<FMA>(c(1.0 / 6.0), c(0.5));
        let y = select(x <= c(-3.0), E::ZERO, y);
        select(x >= c(3.0), E::ONE, y)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        select(x > c(-3.0) && x < c(3.0), c(1.0 / 6.0), E::ZERO)
    }
}

/// `min(max(x, −1), 1)`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HardTanh;
impl Activation for HardTanh {
    const COST: usize = 1;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        let x = select(x < c(-1.0), c(-1.0), x);
        select(x > E::ONE, E::ONE, x)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        select(x > c(-1.0) && x < E::ONE, E::ONE, E::ZERO)
    }
}

/// `x · min(max(x + 3, 0), 6) / 6` (Howard et al. 2019).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HardSwish;
impl Activation for HardSwish {
    const COST: usize = 2;
    #[inline(always)]
    fn value<const FMA: bool, E: Element>(self, x: E) -> E {
        let y = x * (x + c(3.0)) * c(1.0 / 6.0);
        let y = select(x <= c(-3.0), E::ZERO, y);
        select(x >= c(3.0), x, y)
    }
    #[inline(always)]
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E {
        let d = x.fma::<FMA>(c(1.0 / 3.0), c(0.5));
        let d = select(x <= c(-3.0), E::ZERO, d);
        select(x >= c(3.0), E::ONE, d)
    }
}
