//! Losses: settings in a struct, `forward` to a variable.
//!
//! What comes from data (class ids, targets) is checked and gives a [`LossError`]; shapes that do not fit are the
//! caller's mistake and panic.

mod binary;
mod cross_entropy;
mod divergence;
mod embedding;
mod regression;

pub use binary::{BceWithLogits, Focal, Hinge};
pub use cross_entropy::CrossEntropy;
pub use divergence::Distillation;
pub use embedding::{CosineEmbedding, InfoNce, Triplet};
pub use regression::{Huber, Mae, Mse};

use autograd::Case;
use tensor::{Element, IdError, Tensor};

/// Targets or settings that do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LossError {
    /// A class id that is not below the number of classes.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Every target is ignored, so that there is no mean.
    #[error("loss: all {targets} targets are ignored")]
    NothingCounts {
        /// How many there are.
        targets: usize,
    },
    /// A target outside its range.
    #[error("loss: target {found} at row-major index {index}, expected {expected}")]
    Target {
        /// The target.
        found: String,
        /// Where it stands.
        index: usize,
        /// What it may be.
        expected: &'static str,
    },
    /// As many class weights as there are classes are wanted.
    #[error("loss: {found} class weights for {expected} classes")]
    ClassWeights {
        /// Number of classes.
        expected: usize,
        /// Number of weights.
        found: usize,
    },
}

/// Checks every value of a target.
fn check_targets<E: Element>(
    targets: &Tensor<E>,
    holds: impl Fn(E) -> bool,
    expected: &'static str,
) -> Result<(), LossError> {
    match targets.contiguous().data().iter().enumerate().find(|(_, x)| !holds(**x)) {
        Some((index, x)) => Err(LossError::Target { found: x.to_string(), index, expected }),
        None => Ok(()),
    }
}

/// The gradient checks of all losses.
pub(crate) fn cases() -> Vec<Case> {
    [cross_entropy::CASES, binary::CASES, divergence::CASES, embedding::CASES, regression::CASES].concat()
}
