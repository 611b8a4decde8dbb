//! What can be wrong with the tokens a model is given.

use tensor::IdError;

/// Input that no model of these sizes can take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// An id is no token of the vocabulary.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The loss refused its targets.
    #[error(transparent)]
    Loss(#[from] nn::LossError),
    /// Not `(batch, time)`.
    #[error("token ids of shape {shape:?}, expected (batch, time)")]
    NotBatchTime {
        /// Shape of the ids.
        shape: Vec<usize>,
    },
    /// No tokens, or more than the model has positions.
    #[error("a sequence of {tokens} tokens, expected 1 to {most}")]
    Length {
        /// Tokens, those cached before included.
        tokens: usize,
        /// Positions of the model.
        most: usize,
    },
}
