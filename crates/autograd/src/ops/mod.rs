//! The differentiable operations, one idea per file: forward, equation, vjp and gradient check side by side.

mod activation;
mod arithmetic;
mod cross_entropy;
mod dropout;
mod index;
mod join;
mod linear;
mod loss;
mod norm;
mod reduce;
mod rows;
mod softmax;
mod unary;
mod view;

pub use activation::Activation;
pub use cross_entropy::{CrossEntropy, Reduction};

use crate::Case;

/// The gradient checks of all operations.
pub(crate) fn cases() -> Vec<Case> {
    [
        arithmetic::CASES,
        linear::CASES,
        view::CASES,
        join::CASES,
        index::CASES,
        unary::CASES,
        activation::CASES,
        reduce::CASES,
        softmax::CASES,
        norm::CASES,
        cross_entropy::CASES,
        loss::CASES,
        dropout::CASES,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_gradient_matches_finite_differences(seed in any::<u32>()) {
            for case in super::cases() {
                if let Err((seed, error)) = case.run(u64::from(seed), 1) {
                    return Err(TestCaseError::fail(format!("{} (seed {seed}): {error}", case.name)));
                }
            }
        }
    }
}
