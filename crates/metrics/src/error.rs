//! What can go wrong.

use std::fmt;

/// Data that cannot be scored.
///
/// ```
/// let error = metrics::accuracy(&[1, 2, 3], &[1, 2]).unwrap_err();
/// assert_eq!(error.to_string(), "expected 3 items, found 2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Two sequences that belong together differ in length.
    Lengths {
        /// Length of the truth.
        expected: usize,
        /// Length of the predictions.
        found: usize,
    },
    /// A class out of range.
    Class {
        /// Index in the data.
        position: usize,
        /// The class.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A segment without a reference.
    NoReference {
        /// Index of the segment.
        segment: usize,
    },
    /// A tag that marks no entity.
    Tag {
        /// Index in the sequence.
        position: usize,
        /// The tag.
        tag: String,
        /// The letters that a tag may begin with.
        letters: &'static str,
    },
    /// What is wrong with one of several sequences.
    Sequence {
        /// Index of the sequence.
        sequence: usize,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// No data: the score is undefined.
    Empty,
    /// A setting that makes no sense.
    Setting(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lengths { expected, found } => write!(f, "expected {expected} items, found {found}"),
            Self::Class { position, class, classes } => {
                write!(f, "item {position}: class {class} is out of range, there are {classes}")
            }
            Self::NoReference { segment } => write!(f, "segment {segment} has no reference"),
            Self::Tag { position, tag, letters } => {
                write!(f, "tag {position} is {tag:?}, expected one that begins with one of {letters}")
            }
            Self::Sequence { sequence, error } => write!(f, "sequence {sequence}: {error}"),
            Self::Empty => write!(f, "no data to score"),
            Self::Setting(what) => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for Error {}
