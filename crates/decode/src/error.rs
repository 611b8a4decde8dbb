//! What can go wrong.

use std::fmt;

/// Settings with which no decoder can be built.
///
/// ```
/// use decode::{Beam, BeamSearch};
/// let error = BeamSearch::new(&Beam::new(0, 1, 10)).unwrap_err();
/// assert_eq!((error.setting, &*error.found), ("width", "0"));
/// assert_eq!(error.to_string(), "width must be at least 1, found 0");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigError {
    /// The setting, by its field name.
    pub setting: &'static str,
    /// What it must be.
    pub expected: &'static str,
    /// What it is.
    pub found: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}, found {}", self.setting, self.expected, self.found)
    }
}

impl std::error::Error for ConfigError {}

/// Returns `Ok` if `holds`, else the error.
pub(crate) fn require(
    holds: bool,
    setting: &'static str,
    expected: &'static str,
    found: impl fmt::Display,
) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError { setting, expected, found: found.to_string() }) }
}

/// Why decoding stopped without a result. `E` is the model's own error.
///
/// ```
/// # use decode::Scorer;
/// # struct Chain([[f32; 3]; 3]);
/// # impl Scorer for Chain {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 3 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         self.extend(&[], &p.iter().map(|p| p[p.len() - 1]).collect::<Vec<_>>(), s)
/// #     }
/// #     fn extend(&mut self, _: &[usize], t: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(t.iter().flat_map(|t| self.0[*t as usize]));
/// #         Ok(())
/// #     }
/// # }
/// use decode::{Error, Stop, greedy};
/// let mut model = Chain([[0.0; 3], [f32::NAN; 3], [0.0; 3]]);
/// let mut error = |prompt: Vec<u32>| greedy(&mut model, &[vec![2], prompt], &Stop::after(5)).unwrap_err();
/// assert_eq!(error(vec![]), Error::EmptyPrompt { row: 1 });
/// assert_eq!(
///     error(vec![2, 3]).to_string(),
///     "prompt 1, position 1: token 3 is out of range, the model has 3"
/// );
/// assert!(matches!(error(vec![1]), Error::BadScore { row: 1, token: 0, .. }));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The model reported an error.
    Model(E),
    /// A prompt without any token: there is nothing to continue. Begin with a start token.
    EmptyPrompt {
        /// Which prompt.
        row: usize,
    },
    /// A prompt holds a token that the model does not have.
    UnknownToken {
        /// Which prompt.
        row: usize,
        /// Index within the prompt.
        position: usize,
        /// The token.
        token: u32,
        /// Number of tokens the model has.
        vocab: usize,
    },
    /// The decoder was built for another vocabulary than the model's.
    Vocab {
        /// Number of tokens the decoder was built for.
        expected: usize,
        /// Number of tokens the model has.
        found: usize,
    },
    /// The model gave too few or too many scores.
    ScoreCount {
        /// Rows × vocabulary.
        expected: usize,
        /// Number of scores given.
        found: usize,
    },
    /// A score is NaN or plus infinity.
    BadScore {
        /// Which row of the batch.
        row: usize,
        /// The token scored.
        token: u32,
        /// The score.
        value: f32,
    },
    /// A weight of what the model attends to is no finite number.
    BadAttention {
        /// Which row of the batch.
        row: usize,
        /// Which position of the source.
        position: usize,
        /// The weight.
        value: f32,
    },
    /// A hidden state that the model tells has a number that is not finite.
    BadHidden {
        /// Which row of the batch.
        row: usize,
        /// Which number of the state.
        index: usize,
        /// What it is.
        value: f32,
    },
    /// The search has a coverage penalty, and the model does not tell what it attends to.
    NoAttention,
    /// The search compares hidden states, and the model does not tell them.
    NoHidden,
    /// Every token is forbidden: all scores are minus infinity.
    NothingAllowed {
        /// Which prompt.
        row: usize,
        /// How many tokens were generated before.
        position: usize,
    },
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(error) => write!(f, "the model: {error}"),
            Self::EmptyPrompt { row } => {
                write!(f, "prompt {row} is empty: it needs at least one token, such as a start token")
            }
            Self::UnknownToken { row, position, token, vocab } => write!(
                f,
                "prompt {row}, position {position}: token {token} is out of range, the model has {vocab}"
            ),
            Self::Vocab { expected, found } => {
                write!(f, "the decoder was built for a vocabulary of {expected}, the model has {found}")
            }
            Self::ScoreCount { expected, found } => {
                write!(f, "the model gave {found} scores where {expected} were expected")
            }
            Self::BadScore { row, token, value } => {
                let expected = "expected a finite one or minus infinity";
                write!(f, "the score of token {token} in row {row} is {value}, {expected}")
            }
            Self::BadAttention { row, position, value } => {
                let expected = "expected a finite number";
                write!(f, "the attention of row {row} to position {position} is {value}, {expected}")
            }
            Self::BadHidden { row, index, value } => {
                let expected = "expected finite numbers";
                write!(f, "the hidden state of row {row} is {value} at index {index}, {expected}")
            }
            Self::NoAttention => {
                write!(f, "a coverage penalty needs a model that tells what it attends to: Scorer::attention")
            }
            Self::NoHidden => {
                write!(f, "contrastive search needs a model that tells its hidden states: Scorer::hidden")
            }
            Self::NothingAllowed { row, position } => {
                write!(f, "prompt {row}: after {position} generated tokens every next token is forbidden")
            }
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Model(error) => Some(error),
            _ => None,
        }
    }
}
