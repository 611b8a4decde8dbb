//! The models: from the characters of one word to the ids of its pieces.
//!
//! A model sees text that a normaliser and a pre-tokeniser have prepared, one word at a time (or a whole text, where
//! nothing cuts it), and gives [`Piece`]s: ids with the bytes of the word that each stands for. The four are those of
//! `tokenizer.json`, with the results of Hugging Face's `tokenizers`:
//!
//! | model | a word becomes | source |
//! |---|---|---|
//! | [`WordLevel`] | one id | |
//! | [`WordPiece`] | the longest token that begins it, then the longest that continues, … | Schuster & Nakajima 2012 |
//! | [`Bpe`] | its characters, merged pair by pair in the order learnt | Sennrich, Haddow & Birch 2016 |
//! | [`Unigram`] | the tokens with the largest sum of log-probabilities | Kudo 2018 |

pub(crate) mod bpe;
mod token_table;
pub(crate) mod unigram;
pub(crate) mod word_cache;
mod word_level;
mod word_piece;

use std::ops::Range;

pub use bpe::{Bpe, BpeOptions};
pub use unigram::Unigram;
pub use word_level::WordLevel;
pub use word_piece::{WordPiece, WordPieceOptions};

use crate::error::Error;

/// One piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The id of the token.
    pub id: u32,
    /// The bytes of the word that the piece stands for. Pieces of one character (its bytes, as byte fallback makes
    /// them) can share them or have one byte each.
    pub range: Range<usize>,
}

/// A model of any kind; what stands under `model` in `tokenizer.json`.
///
/// ```
/// use tokenize::model::{Model, Piece, WordPiece, WordPieceOptions};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let vocab = ["[UNK]", "un", "##able", "##break"].map(String::from).into_iter().zip(0..);
/// let model = Model::WordPiece(WordPiece::new(vocab, WordPieceOptions::default())?);
/// let mut pieces = Vec::new();
/// model.pieces("unbreakable", &mut pieces)?;
/// assert_eq!(pieces[1], Piece { id: 3, range: 2..7 });
/// assert_eq!(model.token(3), Some("##break"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub enum Model {
    /// Byte-pair encoding over characters.
    Bpe(Bpe),
    /// Longest match first.
    WordPiece(WordPiece),
    /// The most probable segmentation.
    Unigram(Unigram),
    /// One id per word.
    WordLevel(WordLevel),
}

/// Buffers that a model fills and empties while it works, and the words that it has cut lately. Kept from word to word,
/// they spare allocations and work; the pieces are the same with any.
#[derive(Default)]
pub struct Scratch {
    bpe: bpe::Scratch,
    unigram: unigram::Scratch,
    words: word_cache::Loan,
}

impl Model {
    /// Appends the pieces of one word to `out`.
    ///
    /// # Errors
    /// [`Error::NoUnknownToken`] if the vocabulary cannot express the word and has no token for the unknown.
    pub fn pieces(&self, word: &str, out: &mut Vec<Piece>) -> Result<(), Error> {
        self.pieces_with(word, &mut Scratch::default(), out)
    }

    /// [`pieces`](Self::pieces) with buffers that are used again for the next word.
    ///
    /// # Errors
    /// As [`pieces`](Self::pieces).
    pub fn pieces_with(&self, word: &str, scratch: &mut Scratch, out: &mut Vec<Piece>) -> Result<(), Error> {
        match self {
            Self::Bpe(model) => model.pieces_with(word, scratch, out),
            Self::WordPiece(model) => model.pieces(word, out),
            Self::Unigram(model) => model.pieces_with(word, scratch, out),
            Self::WordLevel(model) => model.pieces(word, out),
        }
    }

    /// The text of a token.
    pub fn token(&self, id: u32) -> Option<&str> {
        match self {
            Self::Bpe(model) => model.token(id),
            Self::WordPiece(model) => model.token(id),
            Self::Unigram(model) => model.token(id),
            Self::WordLevel(model) => model.token(id),
        }
    }

    /// The id of the token with exactly this text.
    pub fn id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Bpe(model) => model.id(token),
            Self::WordPiece(model) => model.id(token),
            Self::Unigram(model) => model.id(token),
            Self::WordLevel(model) => model.id(token),
        }
    }

    /// Number of tokens. Where ids are missing between others, ids reach beyond it: see
    /// [`id_bound`](Self::id_bound).
    pub fn len(&self) -> usize {
        match self {
            Self::Bpe(model) => model.len(),
            Self::WordPiece(model) => model.len(),
            Self::Unigram(model) => model.len(),
            Self::WordLevel(model) => model.len(),
        }
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A number that every id is below: the largest id plus 1.
    pub fn id_bound(&self) -> u64 {
        match self {
            Self::Bpe(model) => model.id_bound(),
            Self::WordPiece(model) => model.id_bound(),
            Self::Unigram(model) => model.len() as u64,
            Self::WordLevel(model) => model.id_bound(),
        }
    }
}
