//! From scores to the gradient's coefficients, and the loss.

/// Scores are handled so many at a time.
pub(crate) const CHUNK: usize = 16;

/// What stands for no pair: a score that is right beyond doubt.
const CERTAIN: f32 = 100.0;

/// Replaces scores `x` by `rate · s · σ(−s x)` and adds their losses `ln(1 + e^(−s x))`.
///
/// `scores` holds `targets × inputs` values and room to the end of a chunk; `signs` one value for each target.
#[inline(always)]
pub(super) fn grade(scores: &mut [f32], inputs: usize, signs: &[f32], rate: f32, loss: &mut Loss) {
    let pairs = signs.len() * inputs;
    let padded = pairs.next_multiple_of(CHUNK);
    let (chunks, _) = scores[..padded].as_chunks_mut::<CHUNK>();
    for (c, chunk) in chunks.iter_mut().enumerate() {
        let mut s = [1.0; CHUNK];
        let first = c * CHUNK;
        if first + CHUNK > pairs {
            chunk[pairs - first..].fill(CERTAIN);
        }
        let inside = (pairs - first).min(CHUNK);
        let (mut target, mut input) = (first / inputs, first % inputs);
        for s in &mut s[..inside] {
            *s = signs[target];
            input += 1;
            if input == inputs {
                (target, input) = (target + 1, 0);
            }
        }
        grade_chunk(chunk, &s, rate, loss);
    }
}

#[inline(always)]
fn grade_chunk(scores: &mut [f32; CHUNK], signs: &[f32; CHUNK], rate: f32, loss: &mut Loss) {
    for i in 0..CHUNK {
        let margin = signs[i] * scores[i];
        let e = exp_negative(margin.abs());
        // σ(−margin), without overflow on either side.
        let wrong = if margin >= 0.0 { e } else { 1.0 } / (1.0 + e);
        scores[i] = rate * signs[i] * wrong;
        loss.linear[i] += (-margin).max(0.0);
        loss.product[i] *= 1.0 + e;
    }
    loss.factors += 1;
    if loss.factors == Loss::MOST_FACTORS {
        loss.gather();
    }
}

/// `e^(−x)` for `x ≥ 0`, relative error below 3·10⁻⁷; zero from 87 on.
///
/// `2^f` on [−½, ½] by its Taylor polynomial of degree 6; the whole part of the exponent goes straight into the bits.
#[inline(always)]
fn exp_negative(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    /// Adding it rounds to a whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let t = (x * -LOG2_E).max(-126.0);
    let rounded = t + ROUND;
    let f = t - (rounded - ROUND);
    let mut p = 1.540_353e-4;
    for c in [1.333_355_8e-3, 9.618_129e-3, 5.550_411e-2, 2.402_265e-1, std::f32::consts::LN_2, 1.0] {
        p = p * f + c;
    }
    let power = (rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23;
    p * f32::from_bits(power)
}

/// Sum of losses of pairs.
///
/// A pair's loss is `max(−y, 0) + ln(1 + e^(−|y|))`. Logarithms are saved by multiplying what they are taken of:
/// the factors lie between 1 and 2, so that a hundred do not overflow.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    linear: [f32; CHUNK],
    product: [f32; CHUNK],
    factors: u32,
    sum: f64,
}

impl Default for Loss {
    fn default() -> Self {
        Self { linear: [0.0; CHUNK], product: [1.0; CHUNK], factors: 0, sum: 0.0 }
    }
}

impl Loss {
    const MOST_FACTORS: u32 = 100;

    #[cold]
    fn gather(&mut self) {
        let logs: f64 = self.product.iter().map(|&p| f64::from(p).ln()).sum();
        self.sum += logs + self.linear.iter().map(|&x| f64::from(x)).sum::<f64>();
        (self.linear, self.product, self.factors) = ([0.0; CHUNK], [1.0; CHUNK], 0);
    }

    /// The sum so far, which starts again at zero.
    pub(crate) fn take(&mut self) -> f64 {
        self.gather();
        std::mem::take(&mut self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_exact_to_a_few_units() {
        for i in 0..20_000 {
            let x = i as f32 * 0.004;
            let exact = (-f64::from(x)).exp();
            let error = (f64::from(exp_negative(x)) - exact).abs() / exact;
            assert!(error < 1e-6 * f64::from(x).max(1.0), "{x}: {error}");
        }
        assert!(exp_negative(1e30) < 1e-37 && exp_negative(0.0) == 1.0);
    }

    #[test]
    fn coefficients_and_losses_are_the_sigmoids() {
        let x: Vec<f32> = (0..21).map(|i| (i as f32 - 10.0) * 0.7).collect();
        let signs = [1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0];
        let mut scores = x.clone();
        scores.resize(32, f32::NAN);
        let mut loss = Loss::default();
        grade(&mut scores, 3, &signs, 0.5, &mut loss);
        let mut expected = 0.0;
        for (i, (&x, &g)) in x.iter().zip(&scores).enumerate() {
            let s = f64::from(signs[i / 3]);
            let y = s * f64::from(x);
            expected += (1.0 + (-y).exp()).ln();
            assert!((f64::from(g) - 0.5 * s / (1.0 + y.exp())).abs() < 1e-6);
        }
        let sum = loss.take();
        assert!((sum - expected).abs() < 1e-5 * expected);
    }

    #[test]
    fn many_losses_do_not_overflow() {
        let mut loss = Loss::default();
        for _ in 0..1000 {
            grade(&mut [0.0; 32], 1, &[1.0; 32], 1.0, &mut loss);
        }
        let sum = loss.take();
        assert_eq!(loss.take(), 0.0);
        assert!((sum / 32_000.0 - std::f64::consts::LN_2).abs() < 1e-6);
    }
}
