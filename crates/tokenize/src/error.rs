//! What can go wrong with text, ids and files from outside.

use std::io;
use std::path::PathBuf;

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
    /// A file was read, but its content is not what the format asks for.
    #[error("{file}: {place}: {what}")]
    Format {
        /// The file, or the name the caller gave to the text.
        file: String,
        /// The place in it, such as `model.merges[17]` or `line 3 column 9`.
        place: String,
        /// What was expected and what was found.
        what: String,
    },
    /// A character that a character-level vocabulary does not hold.
    #[error(
        "character {character:?} (U+{:04X}) at byte {offset} is not in the vocabulary",
        *character as u32
    )]
    UnknownCharacter {
        /// The character.
        character: char,
        /// Where it starts in the text, in bytes.
        offset: usize,
    },
    /// An id that no token has.
    #[error("token id {id} at position {position} is out of range: the vocabulary has {vocab_size} ids")]
    UnknownId {
        /// The id.
        id: u32,
        /// Its index in the sequence of ids.
        position: usize,
        /// How many ids there are.
        vocab_size: usize,
    },
    /// The ids decode to bytes that are not text.
    #[error("the decoded bytes stop being UTF-8 at byte {offset}")]
    InvalidUtf8 {
        /// The first byte of the first invalid sequence.
        offset: usize,
    },
    /// Settings with which no tokenizer can be trained or built.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// A [`Error::Format`] with its three parts.
    pub(crate) fn format(file: &str, place: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Format { file: file.to_owned(), place: place.into(), what: what.into() }
    }
}
