//! Numbers that can be as small as the probability of a very long word.

/// `value · 2^scale`, not negative.
#[derive(Clone, Copy)]
pub(super) struct Scaled {
    value: f64,
    /// A multiple of [`STEP`].
    scale: i64,
}

/// Values are kept above 2 to the minus this, far enough from where `f64` ends that the products of a few stay exact.
const STEP: i64 = 256;

impl Scaled {
    pub(super) const ZERO: Self = Self { value: 0.0, scale: 0 };
    pub(super) const ONE: Self = Self { value: 1.0, scale: 0 };

    /// The same number with a value that is not too small.
    #[inline]
    pub(super) fn normalised(mut self) -> Self {
        while self.value != 0.0 && self.value < power(-STEP) {
            self.value *= power(STEP);
            self.scale -= STEP;
        }
        self
    }

    /// The product with a probability.
    #[inline]
    pub(super) fn times(self, probability: f64) -> Self {
        Self { value: self.value * probability, scale: self.scale }
    }

    #[inline]
    pub(super) fn add(&mut self, other: Self) {
        if self.value == 0.0 {
            *self = other;
        } else if self.scale == other.scale {
            self.value += other.value;
        } else if self.scale > other.scale {
            self.value += other.value * power(other.scale - self.scale);
        } else {
            self.value = self.value * power(self.scale - other.scale) + other.value;
            self.scale = other.scale;
        }
    }

    /// `self · factor / divisor`, which is of ordinary size.
    #[inline]
    pub(super) fn times_over(self, factor: Self, divisor: Self) -> f64 {
        let scale = self.scale + factor.scale - divisor.scale;
        let product = self.value * factor.value / divisor.value;
        if scale == 0 { product } else { product * power(scale) }
    }

    pub(super) fn ln(self) -> f64 {
        self.value.ln() + self.scale as f64 * std::f64::consts::LN_2
    }
}

/// 2 to the power of `exponent`, as far as `f64` goes.
#[inline]
fn power(exponent: i64) -> f64 {
    (exponent.clamp(-2000, 2000) as f64).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_products_over_all_scales() {
        let mut small = Scaled::ONE;
        for _ in 0..10_000 {
            small = small.times(1e-10).normalised();
        }
        assert!((small.ln() / 10_000.0 - 1e-10_f64.ln()).abs() < 1e-9);
        let mut sum = small;
        sum.add(small.times(0.5));
        assert!((sum.times_over(Scaled::ONE, small) - 1.5).abs() < 1e-12);
        sum.add(Scaled::ONE);
        assert_eq!(sum.ln(), 0.0);
        let mut sum = Scaled::ONE;
        sum.add(small);
        assert_eq!(sum.ln(), 0.0);
        let one = Scaled::ONE.times(power(-200)).times_over(Scaled::ONE, Scaled::ONE.times(power(-200)));
        assert_eq!(one, 1.0);
        // The same number on two scales.
        let mut number = Scaled::ONE.times(power(-300));
        number.add(number.normalised());
        assert!((number.ln() + 299.0 * std::f64::consts::LN_2).abs() < 1e-12);
    }
}
