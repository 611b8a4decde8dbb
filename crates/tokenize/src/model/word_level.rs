//! One id per word.

use std::fmt;

use super::Piece;
use super::token_table::{TokenTable, vocabulary_methods};
use crate::error::Error;

/// A vocabulary of whole words; every other word is the unknown token.
///
/// ```
/// use tokenize::model::WordLevel;
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let model = WordLevel::new([("<unk>".to_owned(), 0), ("to".to_owned(), 1)], "<unk>")?;
/// let mut pieces = Vec::new();
/// for word in ["to", "be"] {
///     model.pieces(word, &mut pieces)?;
/// }
/// assert_eq!((pieces[0].id, pieces[1].id), (1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WordLevel {
    vocab: TokenTable,
    unk_token: String,
    unk_id: Option<u32>,
}

impl WordLevel {
    /// A model of words and their ids. `unk_token` need not be among them; then an unknown word is an error.
    ///
    /// # Errors
    /// [`Error::Config`] if a word or an id comes twice.
    pub fn new(vocab: impl IntoIterator<Item = (String, u32)>, unk_token: &str) -> Result<Self, Error> {
        let vocab = TokenTable::new(vocab)?;
        Ok(Self { unk_id: vocab.id(unk_token), unk_token: unk_token.to_owned(), vocab })
    }

    /// Appends the piece of `word` to `out`.
    ///
    /// # Errors
    /// [`Error::NoUnknownToken`] if neither the word nor the unknown token is in the vocabulary.
    #[inline]
    pub fn pieces(&self, word: &str, out: &mut Vec<Piece>) -> Result<(), Error> {
        let id = self.vocab.id(word).or(self.unk_id);
        let id = id.ok_or_else(|| Error::no_unknown_token(word, Some(&self.unk_token)))?;
        out.push(Piece { id, range: 0..word.len() });
        Ok(())
    }

    /// The token that stands for every word that is not in the vocabulary.
    pub fn unk_token(&self) -> &str {
        &self.unk_token
    }
}

vocabulary_methods!(WordLevel);

impl fmt::Debug for WordLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordLevel")
            .field("tokens", &self.len())
            .field("unk_token", &self.unk_token)
            .finish_non_exhaustive()
    }
}
