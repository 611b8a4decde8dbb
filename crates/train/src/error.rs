//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

/// An error of this crate. Every variant says where the fault lies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file was read, but its content is not what it should be.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        what: String,
    },
    /// A corpus has fewer tokens than one window of training data.
    #[error("the corpus is too short: {needed} tokens are needed for one window, found {found}")]
    CorpusTooShort {
        /// Tokens needed.
        needed: u64,
        /// Tokens there are.
        found: u64,
    },
    /// A token that the vocabulary does not hold.
    #[error("token {token} at position {position} is out of range: the vocabulary has {vocab}")]
    UnknownToken {
        /// The token.
        token: u32,
        /// Its index in the sequence.
        position: u64,
        /// Number of tokens in the vocabulary.
        vocab: u32,
    },
    /// A loss or a norm stopped being a number.
    #[error(
        "step {step}: {what} is {value}; lower the learning rate or clip gradients; `autograd::detect_anomaly` finds the origin"
    )]
    NotFinite {
        /// The training step.
        step: u64,
        /// What was looked at.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A checkpoint does not fit the model or state it is loaded into.
    #[error("{0}")]
    Mismatch(Mismatch),
    /// A picture could not be drawn.
    #[error("{}: {what}", path.display())]
    Chart {
        /// The picture.
        path: PathBuf,
        /// What went wrong.
        what: String,
    },
    /// Settings that make no sense.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// For `map_err`: an [`Error::Io`] at `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn format(path: &Path, what: impl Into<String>) -> Self {
        Self::Format { path: path.to_owned(), what: what.into() }
    }
}

/// How named tensors differ from those expected: everything at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mismatch {
    /// Expected, but not there.
    pub missing: Vec<String>,
    /// There, but not expected.
    pub unexpected: Vec<String>,
    /// Name, expected shape, found shape.
    pub shapes: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Mismatch {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.shapes.is_empty()
    }

    pub(crate) fn into_result(self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::Mismatch(self)) }
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.missing.is_empty() {
            parts.push(format!("missing: {}", self.missing.join(", ")));
        }
        if !self.unexpected.is_empty() {
            parts.push(format!("unexpected: {}", self.unexpected.join(", ")));
        }
        for (name, expected, found) in &self.shapes {
            parts.push(format!("{name}: expected shape {expected:?}, found {found:?}"));
        }
        write!(f, "tensors do not match: {}", parts.join("; "))
    }
}
