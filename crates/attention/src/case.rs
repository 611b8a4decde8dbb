//! The gradient checks of this crate.

use autograd::Case;

use crate::{attend, coverage, local, multi_head, score, steps};

/// The gradient checks of all operations and layers of this crate.
///
/// ```
/// let cases = attention::cases();
/// let additive = cases.iter().find(|case| case.name == "additive_scores").unwrap();
/// assert!(additive.run(0, 1).is_ok());                                // one draw of sizes and numbers, from seed 0
/// ```
pub fn cases() -> Vec<Case> {
    [attend::CASES, multi_head::CASES, steps::CASES, score::CASES, local::CASES, coverage::CASES].concat()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_gradient_matches_finite_differences() {
        for case in super::cases() {
            if let Err((seed, error)) = case.run(0, 40) {
                panic!("{} (seed {seed}): {error}", case.name);
            }
        }
    }
}
