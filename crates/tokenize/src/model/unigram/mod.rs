//! The most probable segmentation.

use std::fmt;

use super::Piece;
use crate::error::Error;
use crate::interner::Interner;

/// How much less than the lowest score of the vocabulary an unknown character scores.
const UNK_PENALTY: f64 = 10.0;

/// A unigram language model (Kudo 2018): every token has a log-probability, and of all ways to cut a word into tokens
/// the one with the largest sum is taken.
///
/// ```
/// use tokenize::model::Unigram;
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let vocab = [("<unk>", 0.0), ("a", -2.0), ("b", -2.5), ("ab", -3.0)].map(|(t, score)| (t.to_owned(), score));
/// let model = Unigram::new(vocab, Some(0), false)?;
/// let mut pieces = Vec::new();
/// model.pieces("aab", &mut pieces)?;
/// assert_eq!(pieces.iter().map(|piece| piece.id).collect::<Vec<_>>(), [1, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Unigram {
    /// By id.
    tokens: Interner,
    /// By id.
    scores: Vec<f64>,
    /// For the first id of a text, the last id with the same text; empty if no text comes twice.
    last_ids: Vec<u32>,
    longest: usize,
    unk_id: Option<u32>,
    byte_ids: Option<Box<[u32; 256]>>,
    byte_fallback: bool,
}

/// Buffers of one encoding.
#[derive(Default)]
pub(super) struct Scratch {
    best: Vec<Best>,
}

/// The best path that ends at a byte of the word: its score, its last token, and where that starts.
#[derive(Clone, Copy)]
struct Best {
    score: f64,
    id: u32,
    start: usize,
}

impl Unigram {
    /// A model of tokens, whose ids are their places, and their scores (log-probabilities). Of equal tokens the last
    /// counts. `unk_id` is the token for characters that the others do not express; without one they are an error.
    /// With `byte_fallback`, an unknown stretch becomes the tokens `<0x00>` … `<0xFF>` of its bytes.
    ///
    /// # Errors
    /// [`Error::Config`] if `unk_id` is not below the number of tokens, or a score is not a number.
    pub fn new(
        vocab: impl IntoIterator<Item = (String, f64)>,
        unk_id: Option<u32>,
        byte_fallback: bool,
    ) -> Result<Self, Error> {
        let mut model = Self {
            tokens: Interner::default(),
            scores: Vec::new(),
            last_ids: Vec::new(),
            longest: 0,
            unk_id,
            byte_ids: None,
            byte_fallback,
        };
        for (index, (token, score)) in vocab.into_iter().enumerate() {
            if score.is_nan() || index >= u32::MAX as usize {
                return Err(Error::Config(format!("vocab[{index}]: {token:?} has the score {score}")));
            }
            let id = model.tokens.push(token.as_bytes());
            let first = model.tokens.find(token.as_bytes()).unwrap_or(id);
            if first != id {
                let known = model.last_ids.len() as u32;
                model.last_ids.extend(known..id);
                model.last_ids[first as usize] = id;
            }
            model.scores.push(score);
            model.longest = model.longest.max(token.len());
        }
        if let Some(unk_id) = unk_id.filter(|&id| id as usize >= model.scores.len()) {
            let size = model.scores.len();
            return Err(Error::Config(format!(
                "unk_id: {unk_id} is out of range: the vocabulary has {size} tokens"
            )));
        }
        if byte_fallback {
            let id = |byte: usize| model.id(&format!("<0x{byte:02X}>"));
            let ids: Option<Vec<u32>> = (0..256).map(id).collect();
            model.byte_ids = ids.and_then(|ids| Box::<[u32; 256]>::try_from(ids.into_boxed_slice()).ok());
        }
        Ok(model)
    }

    /// Appends the pieces of `word` to `out`.
    ///
    /// # Errors
    /// [`Error::NoUnknownToken`] if a character is unknown and there is no `unk_id`.
    pub fn pieces(&self, word: &str, out: &mut Vec<Piece>) -> Result<(), Error> {
        self.pieces_with(word, &mut super::Scratch::default(), out)
    }

    /// [`pieces`](Self::pieces) with buffers that are used again for the next word.
    ///
    /// # Errors
    /// As [`pieces`](Self::pieces).
    pub fn pieces_with(
        &self,
        word: &str,
        scratch: &mut super::Scratch,
        out: &mut Vec<Piece>,
    ) -> Result<(), Error> {
        let best = &mut scratch.unigram.best;
        let none = Best { score: f64::NEG_INFINITY, id: u32::MAX, start: usize::MAX };
        best.clear();
        best.resize(word.len() + 1, none);
        best[0].score = 0.0;
        let unk_score = self.min_score() - UNK_PENALTY;
        for (start, character) in word.char_indices() {
            let till_here = best[start].score;
            let mut improve = |end: usize, id: u32, score: f64| {
                let target = &mut best[end];
                if target.start == usize::MAX || score + till_here > target.score {
                    *target = Best { score: score + till_here, id, start };
                }
            };
            let mut single = false;
            let ends = word[start..].char_indices().map(|(at, c)| at + c.len_utf8());
            for length in ends.take_while(|&length| length <= self.longest) {
                if let Some(id) = self.id(&word[start..start + length]) {
                    improve(start + length, id, self.scores[id as usize]);
                    single |= length == character.len_utf8();
                }
            }
            if !single {
                let id = self.unk_id.ok_or_else(|| Error::no_unknown_token(word, None))?;
                improve(start + character.len_utf8(), id, unk_score);
            }
        }
        self.trace_back(word, best, out);
        Ok(())
    }

    /// Appends the pieces of the best path. Unknown characters in a row are one piece, which is a token if its text
    /// happens to be one, or else its bytes, or else the unknown token.
    fn trace_back(&self, word: &str, best: &[Best], out: &mut Vec<Piece>) {
        let first = out.len();
        let mut end = word.len();
        while end > 0 {
            let Best { id, mut start, .. } = best[end];
            if Some(id) == self.unk_id {
                while start > 0 && Some(best[start].id) == self.unk_id {
                    start = best[start].start;
                }
                match (self.id(&word[start..end]), &self.byte_ids) {
                    (Some(id), _) => out.push(Piece { id, range: start..end }),
                    (None, Some(ids)) => out.extend(
                        word.as_bytes()[start..end]
                            .iter()
                            .rev()
                            .map(|&byte| Piece { id: ids[usize::from(byte)], range: start..end }),
                    ),
                    (None, None) => out.push(Piece { id, range: start..end }),
                }
            } else {
                out.push(Piece { id, range: start..end });
            }
            end = start;
        }
        out[first..].reverse();
    }

    fn min_score(&self) -> f64 {
        self.scores.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The id of the token for unknown characters.
    pub fn unk_id(&self) -> Option<u32> {
        self.unk_id
    }

    /// Whether unknown stretches become the tokens of their bytes.
    pub fn byte_fallback(&self) -> bool {
        self.byte_fallback
    }

    /// The tokens with their scores, in the order of the ids.
    pub fn vocab(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        (0..self.len()).map(|id| (self.token(id as u32).unwrap_or_default(), self.scores[id]))
    }

    /// The text of a token.
    pub fn token(&self, id: u32) -> Option<&str> {
        std::str::from_utf8(self.tokens.get(id)?).ok()
    }

    /// The id of the token with exactly this text.
    pub fn id(&self, token: &str) -> Option<u32> {
        let first = self.tokens.find(token.as_bytes())?;
        Some(self.last_ids.get(first as usize).copied().unwrap_or(first))
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Unigram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unigram")
            .field("tokens", &self.len())
            .field("unk_id", &self.unk_id)
            .field("byte_fallback", &self.byte_fallback)
            .finish_non_exhaustive()
    }
}
