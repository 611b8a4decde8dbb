//! `vocab.txt`: one token a line, whose id is the number of the line from 0.

use std::collections::HashMap;
use std::path::Path;

use super::disk;
use crate::added::AddedToken;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::model::{Model, WordPiece, WordPieceOptions};
use crate::normalise::{BertNormalizer, Normalizer};
use crate::pipeline::{Parts, Pipeline};
use crate::post::{BertProcessing, PostProcessor};
use crate::pre::PreTokenizer;

impl WordPiece {
    /// Reads a `vocab.txt`, as BERT's tokenizers have it. Whitespace at the end of a line does not count; a token that
    /// comes twice has the id of its last line.
    ///
    /// ```
    /// use tokenize::model::{WordPiece, WordPieceOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("vocab.txt");
    /// std::fs::write(&path, "[UNK]\nto\n##day\n")?;
    /// let model = WordPiece::from_vocab_file(&path, WordPieceOptions::default())?;
    /// assert_eq!(model.id("##day"), Some(2));
    /// # Ok(())
    /// # }
    /// ```
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

/// The tokenizer of BERT (Devlin et al. 2019) with the vocabulary of a file. Without a token that has a capital letter,
/// the model knows no words but in small letters, and without accents.
pub(super) fn bert(file: &str, text: &str) -> Result<Pipeline, Error> {
    let with_file = |error: Error| Error::format(file, "vocab", error.to_string());
    let model = WordPiece::from_vocab_text(text, WordPieceOptions::default()).map_err(with_file)?;
    let is_special = |token: &str| token.starts_with('[') && token.ends_with(']');
    let lowercase =
        !model.vocab().any(|(token, _)| !is_special(token) && token.chars().any(char::is_uppercase));
    let special = |content: &str| Some((content.to_owned(), model.id(content)?));
    let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].into_iter().filter_map(special);
    let added_tokens = specials.map(|(content, id)| AddedToken::new(id, content, true)).collect();
    let around = special("[SEP]").zip(special("[CLS]"));
    Pipeline::new(Parts {
        normalizer: Some(Normalizer::Bert(BertNormalizer { lowercase, ..BertNormalizer::default() })),
        pre_tokenizer: Some(PreTokenizer::Bert),
        post_processor: around.map(|(sep, cls)| PostProcessor::Bert(BertProcessing { sep, cls })),
        decoder: Some(Decoder::WordPiece { prefix: "##".to_owned(), cleanup: true }),
        added_tokens,
        ..Parts::new(Model::WordPiece(model))
    })
    .map_err(with_file)
}
