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
    /// A word that a vocabulary cannot express, where no token stands for the unknown.
    #[error("{}", no_unknown_token_message(word, unk_token.as_deref()))]
    NoUnknownToken {
        /// The word, or its beginning if it is long.
        word: String,
        /// The unknown token that the model names but does not hold, if it names one.
        unk_token: Option<String>,
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
    /// A regular expression gave up on a text.
    #[error("the regular expression {pattern:?} cannot be matched against this text: {what}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// What its engine said.
        what: String,
    },
    /// Settings with which no tokenizer can be trained or built.
    #[error("{0}")]
    Config(String),
}

/// Of a word that is longer, an error shows this many characters.
const SHOWN_CHARS: usize = 40;

fn no_unknown_token_message(word: &str, unk_token: Option<&str>) -> String {
    let what = format!("the vocabulary cannot express {word:?}");
    match unk_token {
        Some(token) => format!("{what} and does not hold the unknown token {token:?}"),
        None => format!("{what} and has no unknown token"),
    }
}

impl Error {
    /// [`Error::NoUnknownToken`] for a word of any length.
    #[cold]
    pub(crate) fn no_unknown_token(word: &str, unk_token: Option<&str>) -> Self {
        let word = word.chars().take(SHOWN_CHARS).collect();
        Error::NoUnknownToken { word, unk_token: unk_token.map(str::to_owned) }
    }

    /// A [`Error::Format`] with its three parts.
    pub(crate) fn format(file: &str, place: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Format { file: file.to_owned(), place: place.into(), what: what.into() }
    }
}
