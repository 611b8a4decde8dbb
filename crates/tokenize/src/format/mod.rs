//! Files of tokenizers: read with every fault named by file and place, written whole or not at all.

mod base64;
mod component;
mod components;
pub(crate) mod disk;
mod json;
mod load;
mod ordered;
mod parts;
mod pipeline;
mod read_json;
mod tiktoken;
mod vocab_merges;
mod vocab_txt;
mod write_json;

use std::path::Path;

pub use load::load;
pub use tiktoken::Tiktoken;

use crate::bpe::ByteLevelBpe;
use crate::chars::CharTokenizer;
use crate::error::Error;
use read_json::Loaded;

impl ByteLevelBpe {
    /// Reads a `tokenizer.json`, as this crate and Hugging Face's `tokenizers` write it.
    ///
    /// # Errors
    /// As [`load`]; also [`Error::Format`] if the file holds another kind of tokenizer.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&path.display().to_string(), &disk::read(path)?)
    }

    /// Reads the content of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Format`] as [`from_file`](Self::from_file).
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Self::parse("tokenizer.json", json)
    }

    fn parse(file: &str, json: &str) -> Result<Self, Error> {
        match read_json::read(file, json)? {
            Loaded::ByteLevelBpe(tokenizer) => Ok(*tokenizer),
            Loaded::Chars(_) => {
                Err(Error::format(file, "model", "a byte-level BPE is expected, found characters"))
            }
        }
    }

    /// The content of a `tokenizer.json` that `tokenizers` loads too and encodes with equally.
    pub fn to_json(&self) -> String {
        write_json::byte_level_bpe(self)
    }

    /// Writes [`to_json`](Self::to_json) to a file. Until it is all on the disk, what was there before stays.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        disk::write(path.as_ref(), self.to_json())
    }

    /// Reads `vocab.json` and `merges.txt`, the two files of GPT-2. They do not say which tokens are special; those
    /// named in `specials` are, and must be in the vocabulary.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, [`Error::Format`] if one is damaged or they do not fit together.
    pub fn from_vocab_and_merges(
        vocab: impl AsRef<Path>,
        merges: impl AsRef<Path>,
        specials: &[&str],
    ) -> Result<Self, Error> {
        let (vocab, merges) = (vocab.as_ref(), merges.as_ref());
        let names = (vocab.display().to_string(), merges.display().to_string());
        vocab_merges::read((&names.0, &disk::read(vocab)?), (&names.1, &disk::read(merges)?), specials)
    }

    /// Writes `vocab.json` and `merges.txt`. The files hold neither the split nor which tokens are special.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_vocab_and_merges(
        &self,
        vocab: impl AsRef<Path>,
        merges: impl AsRef<Path>,
    ) -> Result<(), Error> {
        disk::write(vocab.as_ref(), vocab_merges::vocab(self))?;
        disk::write(merges.as_ref(), vocab_merges::merges(self))
    }
}

impl CharTokenizer {
    /// Reads a `tokenizer.json` that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// As [`load`]; also [`Error::Format`] if the file holds another kind of tokenizer.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&path.display().to_string(), &disk::read(path)?)
    }

    /// Reads the content of such a file.
    ///
    /// # Errors
    /// [`Error::Format`] as [`from_file`](Self::from_file).
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Self::parse("tokenizer.json", json)
    }

    fn parse(file: &str, json: &str) -> Result<Self, Error> {
        match read_json::read(file, json)? {
            Loaded::Chars(tokenizer) => Ok(tokenizer),
            Loaded::ByteLevelBpe(_) => {
                Err(Error::format(file, "model", "characters are expected, found a byte-level BPE"))
            }
        }
    }

    /// The content of a `tokenizer.json`: a word-level model over a split into characters, which `tokenizers` loads
    /// too.
    pub fn to_json(&self) -> String {
        write_json::chars(self)
    }

    /// Writes [`to_json`](Self::to_json) to a file. Until it is all on the disk, what was there before stays.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        disk::write(path.as_ref(), self.to_json())
    }
}
