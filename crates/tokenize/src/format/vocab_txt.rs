//! `vocab.txt`: one token a line, whose id is the number of the line from 0.

use std::collections::HashMap;
use std::path::Path;

use super::disk;
use crate::error::Error;
use crate::model::{WordPiece, WordPieceOptions};

impl WordPiece {
    /// Reads a `vocab.txt`, as BERT's tokenizers have it. Whitespace at the end of a line does not count; a token that
    /// comes twice has the id of its last line.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or is not UTF-8.
    pub fn from_vocab_file(path: impl AsRef<Path>, options: WordPieceOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let with_file = |error: Error| Error::format(&path.display().to_string(), "vocab", error.to_string());
        Self::from_vocab_text(&disk::read(path)?, options).map_err(with_file)
    }

    /// Reads the content of a `vocab.txt`.
    ///
    /// ```
    /// use tokenize::model::{WordPiece, WordPieceOptions};
    ///
    /// let model = WordPiece::from_vocab_text("[UNK]\nto\n##day\n", WordPieceOptions::default())?;
    /// let mut pieces = Vec::new();
    /// model.pieces("today", &mut pieces)?;
    /// assert_eq!(pieces.iter().map(|piece| piece.id).collect::<Vec<_>>(), [1, 2]);
    /// assert_eq!(model.to_vocab_text()?, "[UNK]\nto\n##day\n");
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] as [`new`](Self::new).
    pub fn from_vocab_text(text: &str, options: WordPieceOptions) -> Result<Self, Error> {
        let lines: HashMap<&str, u32> = text.lines().map(str::trim_end).zip(0..).collect();
        Self::new(lines.into_iter().map(|(token, id)| (token.to_owned(), id)), options)
    }

    /// The content of a `vocab.txt`.
    ///
    /// # Errors
    /// [`Error::Config`] if the file cannot hold the vocabulary: an id is missing, or a token has a line break in it or
    /// ends in whitespace.
    pub fn to_vocab_text(&self) -> Result<String, Error> {
        let mut text = String::new();
        for (line, (token, id)) in (0..).zip(self.vocab()) {
            if id != line {
                return Err(Error::Config(format!(
                    "vocab.txt cannot leave out ids, and {line} has no token"
                )));
            }
            if token.contains('\n') || token.trim_end() != token {
                return Err(Error::Config(format!("{token:?} (id {id}) cannot be a line of vocab.txt")));
            }
            text.push_str(token);
            text.push('\n');
        }
        Ok(text)
    }

    /// Writes [`to_vocab_text`](Self::to_vocab_text) to a file. Until it is all on the disk, what was there before
    /// stays.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`to_vocab_text`](Self::to_vocab_text).
    pub fn save_vocab_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        disk::write(path.as_ref(), self.to_vocab_text()?)
    }
}
