//! Losses: settings in a struct, `forward` to a variable.
//!
//! What comes from data (class ids, targets) is checked and gives a [`LossError`]; shapes that do not fit are the
//! caller's mistake and panic.

mod binary;
mod cross_entropy;
mod divergence;
mod embedding;
mod likelihood;
mod regression;
mod sampled;

pub use binary::{BceWithLogits, Focal, Hinge};
pub use cross_entropy::CrossEntropy;
pub use divergence::{Distillation, KlDiv};
pub use embedding::{CosineEmbedding, InfoNce, Triplet};
pub use likelihood::Nll;
pub use regression::{Huber, Mae, Mse};
pub use sampled::SampledSoftmax;

use autograd::{Case, Reduction};
use tensor::{Element, IdError, Ids, Tensor};

use crate::config::ConfigError;

/// Targets or settings that do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LossError {
    /// A class id that is not below the number of classes.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A setting of the loss makes no sense.
    #[error(transparent)]
    Setting(#[from] ConfigError),
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

/// Checks class ids and the number of class weights; without a target that counts, there is no mean.
fn check_classes(
    targets: &Ids,
    vocab: usize,
    ignore_index: Option<u32>,
    class_weights: Option<&[f64]>,
    reduction: Reduction,
) -> Result<(), LossError> {
    if let Some(weights) = class_weights.filter(|weights| weights.len() != vocab) {
        return Err(LossError::ClassWeights { expected: vocab, found: weights.len() });
    }
    let counts = |id: &&u32| Some(**id) != ignore_index;
    if targets.data().iter().filter(counts).any(|id| *id as usize >= vocab) {
        // The ignored id may itself be out of range: put one that is inside in its place, to name the other.
        let inside = targets.data().iter().map(|id| if counts(&id) { *id } else { 0 });
        Ids::new(inside.collect(), targets.shape()).check_below(vocab, "target")?;
    }
    if reduction == Reduction::Mean && !targets.data().iter().any(|id| counts(&id)) {
        return Err(LossError::NothingCounts { targets: targets.len() });
    }
    Ok(())
}

/// The gradient checks of all losses.
pub(crate) fn cases() -> Vec<Case> {
    [
        cross_entropy::CASES,
        likelihood::CASES,
        binary::CASES,
        divergence::CASES,
        embedding::CASES,
        regression::CASES,
        sampled::CASES,
    ]
    .concat()
}
