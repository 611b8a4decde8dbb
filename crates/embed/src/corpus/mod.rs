//! Where sentences come from.
//!
//! A [`Corpus`] can be gone through again and again, in [`Block`]s of some ten thousand words, so that a corpus
//! of any length needs the memory of a few blocks; several threads work on different blocks. [`TextFiles`] reads
//! files, [`Text`] a string, [`Readers`] anything that reads, [`Sentences`] lists of words in memory or made on
//! the way.
//!
//! # What is a sentence, what is a word
//! In text, a line is a sentence and white space (Unicode's, U+3000 between Chinese words too; zero bytes as well)
//! parts words; nothing is lower-cased or taken off but a byte order mark at the beginning. A line longer than a
//! block (64 KiB) is cut at white space. A run of more than 64 KiB without any white space is no word and is left
//! out. Bytes that are not UTF-8 become U+FFFD, or an error where that is asked for.

mod block;
mod lines;
mod sentences;
mod sources;

pub use block::{Block, Token, Tokens};
pub use sentences::Sentences;
pub use sources::{Readers, Text, TextFiles};

pub(crate) use lines::BYTE_ORDER_MARK;

use crate::Result;

/// Sentences that can be gone through again and again.
pub trait Corpus: Sync {
    /// Starts at the first sentence.
    ///
    /// # Errors
    /// If the corpus cannot be opened.
    fn open(&self) -> Result<Box<dyn Source + '_>>;
}

/// One passage through a [`Corpus`].
pub trait Source: Send {
    /// Replaces the content of `block` by the next sentences; `false` at the end.
    ///
    /// The cut into blocks depends on the corpus alone: another passage gives the same blocks.
    ///
    /// # Errors
    /// If the corpus cannot be read.
    fn read(&mut self, block: &mut Block) -> Result<bool>;
}

impl<C: Corpus + ?Sized> Corpus for &C {
    fn open(&self) -> Result<Box<dyn Source + '_>> {
        (**self).open()
    }
}

/// What becomes of bytes that are not UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvalidUtf8 {
    /// Each invalid sequence becomes U+FFFD.
    #[default]
    Replace,
    /// [`Error::InvalidUtf8`](crate::Error::InvalidUtf8).
    Refuse,
}
