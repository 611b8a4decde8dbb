//! What can be wrong with the tokens a model is given.

use tensor::{Element, IdError, Tensor};

/// Input that no model of these sizes can take.
///
/// ```
/// # use {nn::Mode, rand::SeedableRng, tensor::Ids, transformer::{Gpt, GptConfig, InputError}};
/// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// # let gpt = Gpt::<f32>::new(GptConfig { time: 2, layers: 1, ..GptConfig::new(11) }, &mut rng)?;
/// let error = |ids: Ids| gpt.forward(&ids, &mut Mode::Eval).unwrap_err();
/// let long = error(Ids::new(vec![1, 2, 3], &[1, 3]));
/// assert_eq!(long, InputError::Positions { tokens: 3, most: 2 });
/// assert_eq!(long.to_string(), "a sequence of 3 tokens, expected 1 to 2");
/// assert!(matches!(error(Ids::new(vec![11], &[1, 1])), InputError::Id(_)));       // tokens are 0 to 10
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// An id is no token of the vocabulary.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The loss refused its targets.
    #[error(transparent)]
    Loss(#[from] nn::LossError),
    /// Not `(batch, time)`, or none at all.
    #[error("token ids of shape {shape:?}, expected (batch, time), at least 1 each")]
    NotBatchTime {
        /// Shape of the ids.
        shape: Vec<usize>,
    },
    /// Two inputs, or an input and what is remembered, are of different batches.
    #[error("`{what}` is of {found} sequences, `{other}` of {expected}")]
    Batch {
        /// What is taken to be wrong.
        what: &'static str,
        /// Its number of sequences.
        found: usize,
        /// What it was compared with.
        other: &'static str,
        /// The number of sequences there.
        expected: usize,
    },
    /// No tokens, or more than the model has positions.
    #[error("a sequence of {tokens} tokens, expected 1 to {most}")]
    Positions {
        /// Tokens, those cached before included.
        tokens: usize,
        /// Positions of the model.
        most: usize,
    },
    /// A source's length is of more tokens than there are.
    #[error("sequence {row} has a length of {found}, expected 0 to {most}")]
    Length {
        /// Which sequence.
        row: usize,
        /// Its length.
        found: usize,
        /// Tokens of a row.
        most: usize,
    },
}

/// Checks that two batches are of one size.
pub(crate) fn same_batch(
    what: &'static str,
    found: usize,
    other: &'static str,
    expected: usize,
) -> Result<(), InputError> {
    if found == expected { Ok(()) } else { Err(InputError::Batch { what, found, other, expected }) }
}

/// Checks that each length is at most `most`; attention to no keys is defined, so 0 is a length as others are.
pub(crate) fn check_lengths(lengths: &[usize], most: usize) -> Result<(), InputError> {
    match lengths.iter().position(|length| *length > most) {
        Some(row) => Err(InputError::Length { row, found: lengths[row], most }),
        None => Ok(()),
    }
}

/// Logits in row-major order behind `scores`.
pub(crate) fn append<E: Element>(scores: &mut Vec<f32>, logits: &Tensor<E>) {
    scores.extend(logits.contiguous().data().iter().map(|x| x.to_f64() as f32));
}

/// Hidden states and logits of rows, behind those before.
pub(crate) fn keep<E: Element>(scores: &mut Vec<f32>, hidden: &mut Vec<f32>, next: (Tensor<E>, Tensor<E>)) {
    append(hidden, &next.0);
    append(scores, &next.1);
}
