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

/// `ln Σ exp(logit)`; minus infinity if all logits are, NaN if one is.
pub(crate) fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if max == f32::NEG_INFINITY {
        // The largest passes over NaN, their sum does not.
        return logits.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, |sum, logit| sum + logit);
    }
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - f64::from(max)).exp()).sum();
    f64::from(max) + sum.ln()
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
    }

    proptest! {
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
