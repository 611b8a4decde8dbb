//! Longest match first.

mod automaton;

use std::fmt;

use automaton::Automaton;

use super::Piece;
use super::token_table::{TokenTable, vocabulary_methods};
use crate::error::Error;

/// What a [`WordPiece`] model is besides its vocabulary. The default is BERT's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordPieceOptions {
    /// The token that stands for a word that the vocabulary cannot express: `[UNK]`.
    pub unk_token: String,
    /// How the tokens that continue a word begin: `##`.
    pub continuing_subword_prefix: String,
    /// A word of more characters than this is unknown: 100.
    pub max_input_chars_per_word: usize,
}

impl Default for WordPieceOptions {
    fn default() -> Self {
        Self {
            unk_token: "[UNK]".to_owned(),
            continuing_subword_prefix: "##".to_owned(),
            max_input_chars_per_word: 100,
        }
    }
}

/// WordPiece (Schuster & Nakajima 2012), as of BERT: a word becomes the longest token that begins it, then the
/// longest that continues it, and so on; where none does, the whole word is the unknown token. The time is linear in
/// the length of the word (LinMaxMatch, Song et al. 2021).
///
/// ```
/// use tokenize::model::{WordPiece, WordPieceOptions};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let vocab = ["[UNK]", "token", "##izer", "##ize"].map(String::from).into_iter().zip(0..);
/// let model = WordPiece::new(vocab, WordPieceOptions::default())?;
/// let mut pieces = Vec::new();
/// model.pieces("tokenizer", &mut pieces)?;
/// model.pieces("tokenized", &mut pieces)?;
/// assert_eq!(pieces.iter().map(|piece| piece.id).collect::<Vec<_>>(), [1, 2, 0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WordPiece {
    vocab: TokenTable,
    options: WordPieceOptions,
    unk_id: Option<u32>,
    automaton: Automaton,
}

impl WordPiece {
    /// A model of tokens and their ids. The unknown token need not be among them; then a word that the others do not
    /// express is an error.
    ///
    /// # Errors
    /// [`Error::Config`] if a token or an id comes twice.
    pub fn new(
        vocab: impl IntoIterator<Item = (String, u32)>,
        options: WordPieceOptions,
    ) -> Result<Self, Error> {
        let vocab = TokenTable::new(vocab)?;
        if vocab.len() > Automaton::MAX_TOKENS {
            return Err(Error::Config(format!(
                "vocab: more than {} tokens cannot be taken",
                Automaton::MAX_TOKENS
            )));
        }
        let automaton = Automaton::new(vocab.iter(), &options.continuing_subword_prefix);
        Ok(Self { unk_id: vocab.id(&options.unk_token), options, vocab, automaton })
    }

    /// Appends the pieces of `word` to `out`.
    ///
    /// # Errors
    /// [`Error::NoUnknownToken`] if the word is unknown and the vocabulary has no unknown token.
    pub fn pieces(&self, word: &str, out: &mut Vec<Piece>) -> Result<(), Error> {
        let before = out.len();
        if !self.is_too_long(word) && self.automaton.pieces(word.as_bytes(), out) {
            return Ok(());
        }
        out.truncate(before);
        let id = self.unk_id.ok_or_else(|| Error::no_unknown_token(word, Some(&self.options.unk_token)))?;
        out.push(Piece { id, range: 0..word.len() });
        Ok(())
    }

    fn is_too_long(&self, word: &str) -> bool {
        let limit = self.options.max_input_chars_per_word;
        word.len() > limit && word.chars().count() > limit
    }

    /// What the model is besides its vocabulary.
    pub fn options(&self) -> &WordPieceOptions {
        &self.options
    }
}

vocabulary_methods!(WordPiece);

impl fmt::Debug for WordPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordPiece")
            .field("tokens", &self.len())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
