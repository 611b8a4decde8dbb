//! Logits to probabilities, in f64 so that sums over large vocabularies stay exact enough to rank by.

/// Index of the largest logit, the lowest index among equals; `None` if all are minus infinity.
pub(crate) fn argmax(logits: &[f32]) -> Option<usize> {
    let mut best = None;
    let mut best_logit = f32::NEG_INFINITY;
    for (token, &logit) in logits.iter().enumerate() {
        if logit > best_logit {
            (best, best_logit) = (Some(token), logit);
        }
    }
    best
}

/// So many sums side by side, which processors add in one instruction each.
const LANES: usize = 8;

/// `ln Σ exp(logit)`; minus infinity if all logits are, NaN if one is.
pub(crate) fn log_sum_exp(logits: &[f32]) -> f64 {
    let (chunks, rest) = logits.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (most, &logit) in most.iter_mut().zip(chunk) {
            *most = if logit > *most { logit } else { *most };
        }
    }
    let max = most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    if max == f32::NEG_INFINITY {
        // The largest passes over NaN, their sum does not.
        return logits.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, |sum, logit| sum + logit);
    }
    let max = f64::from(max);
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, &logit) in sums.iter_mut().zip(chunk) {
            *sum += exp(f64::from(logit) - max);
        }
    }
    let rest: f64 = rest.iter().map(|&logit| exp(f64::from(logit) - max)).sum();
    max + (sums.iter().sum::<f64>() + rest).ln()
}

/// `eˣ` of what is at most 0, within 2 units of the last place, without branches: with `x = n·ln 2 + r` it is `2ⁿ` times
/// the Taylor series of `eʳ`, whose first term left out is below 10⁻¹⁴ for `|r| ≤ ln 2 / 2`. Below −708, at least 10⁻³⁰⁸; NaN
/// of NaN.
#[inline]
fn exp(x: f64) -> f64 {
    // Added to a number of moderate size, leaves its nearest whole number in the last bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if x < -708.0 { -708.0 } else { x };
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut series = 1.0 / 6_227_020_800.0; // 1/13!
    for factorial in
        [479_001_600.0, 39_916_800.0, 3_628_800.0, 362_880.0, 40_320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0]
    {
        series = series * r + 1.0 / factorial;
    }
    series = (series * r + 1.0) * r + 1.0;
    series * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// Token ids with a logit above minus infinity, the `count` likeliest, by falling logit and rising id.
pub(crate) fn top(logits: &[f32], count: usize) -> Vec<usize> {
    let by_rank = |&a: &usize, &b: &usize| logits[b].total_cmp(&logits[a]).then(a.cmp(&b));
    let mut tokens: Vec<usize> = (0..logits.len()).filter(|&t| logits[t] > f32::NEG_INFINITY).collect();
    if count == 0 {
        return Vec::new();
    }
    if count < tokens.len() {
        tokens.select_nth_unstable_by(count - 1, by_rank);
        tokens.truncate(count);
    }
    tokens.sort_unstable_by(by_rank);
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_go_to_the_lowest_id() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(top(&[1.0, 3.0, 3.0, f32::NEG_INFINITY], 9), [1, 2, 0]);
        assert_eq!(top(&[2.0; 5], 2), [0, 1]);
        assert_eq!(argmax(&[f32::NEG_INFINITY; 2]), None);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        assert!((log_sum_exp(&[1e4, 1e4]) - (1e4 + 2.0_f64.ln())).abs() < 1e-9);
        assert_eq!(log_sum_exp(&[f32::NEG_INFINITY; 3]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f32::NEG_INFINITY, 3.0]), 3.0);
        assert_eq!((exp(0.0), exp(-f64::MIN_POSITIVE), exp(f64::NEG_INFINITY) < 1e-307), (1.0, 1.0, true));
        assert!(exp(f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn exponentials_are_those_of_the_standard_library(x in -708.0_f64..=0.0) {
            let expected = x.exp();
            prop_assert!((exp(x) - expected).abs() <= 2.0 * f64::EPSILON * expected, "{x}: {} {expected}", exp(x));
        }

        #[test]
        fn sums_do_not_depend_on_lanes(logits in prop::collection::vec(-900.0_f32..900.0, 1..40)) {
            let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - max).exp()).sum();
            prop_assert!((log_sum_exp(&logits) - (max + sum.ln())).abs() <= 1e-12 * (1.0 + max.abs()));
        }

        #[test]
        fn one_nan_makes_the_sum_nan(length in 1_usize..40, at in 0_usize..40, logit in -9.0_f32..9.0) {
            let mut logits = vec![logit; length];
            logits[at % length] = f32::NAN;
            prop_assert!(log_sum_exp(&logits).is_nan());
        }

        #[test]
        fn top_is_a_prefix_of_the_sorted_order(
            logits in prop::collection::vec((-3_i8..3).prop_map(f32::from), 1..40),
            count in 0_usize..45,
        ) {
            let mut order: Vec<usize> = (0..logits.len()).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));    // stable: ids rise among equals
            order.truncate(count);
            prop_assert_eq!(top(&logits, count), order);
        }
    }
}
