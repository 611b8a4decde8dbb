//! What can go wrong.

use std::io;
use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

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
    /// A reader given by the caller failed.
    #[error("the corpus could not be read: {0}")]
    Read(io::Error),
    /// Text that is not UTF-8, where the caller asked for it to be refused.
    #[error("{corpus}: invalid UTF-8 at byte {at}")]
    InvalidUtf8 {
        /// Which corpus.
        corpus: String,
        /// Offset of the first invalid byte from the start of the corpus.
        at: u64,
    },
    /// A corpus without a single word.
    #[error("the corpus is empty: it has no words")]
    EmptyCorpus,
    /// A corpus all of whose words are too rare.
    #[error(
        "no word is left for the vocabulary: the corpus has {distinct} distinct words, the most frequent \
         occurring {most} times, and the minimum count is {min_count}"
    )]
    EmptyVocabulary {
        /// Distinct words of the corpus.
        distinct: u64,
        /// Count of the most frequent one.
        most: u64,
        /// Occurrences asked for.
        min_count: u64,
    },
    /// A corpus in which no word has another beside it.
    #[error(
        "nothing to predict: of the {words} words read, no two were left side by side in a sentence; a smaller \
         minimum count or a smaller `sample` (0 thins out none) leaves more"
    )]
    NothingToPredict {
        /// Words of the vocabulary that were read.
        words: u64,
    },
    /// The same word twice where words must differ.
    #[error("word {index} is {word:?}, which is also word {first}")]
    DuplicateWord {
        /// The word.
        word: String,
        /// Where it stands first.
        first: usize,
        /// Where it stands again.
        index: usize,
    },
    /// More words than ids, or more than memory can hold.
    #[error("{what}: at most {limit}, found {found}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The largest size allowed.
        limit: u64,
        /// The size found.
        found: u64,
    },
    /// Numbers that do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Size {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A setting outside its range.
    #[error("{setting} is {found}: expected {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A file that is not what it should be.
    #[error("{}: {at}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in it.
        at: String,
        /// What is wrong there.
        what: String,
    },
    /// A word without a vector.
    #[error("{word:?} is not in the vocabulary")]
    UnknownWord {
        /// The word.
        word: String,
    },
    /// No words, where some are needed.
    #[error("{what} needs at least {least} words, found {found}")]
    TooFewWords {
        /// What needs them.
        what: &'static str,
        /// How many it needs.
        least: usize,
        /// How many there are.
        found: usize,
    },
    /// A vector that is no number: training diverged, or a file was damaged.
    #[error("the vector of {word:?} is not finite; if training diverged, lower the learning rate")]
    NotFinite {
        /// The word.
        word: String,
    },
}

/// [`Error::Setting`] unless it holds.
pub(crate) fn check(
    setting: &'static str,
    holds: bool,
    expected: &'static str,
    found: &dyn std::fmt::Display,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Setting { setting, expected, found: found.to_string() }) }
}

impl Error {
    /// An [`Error::Io`] that names the file.
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
