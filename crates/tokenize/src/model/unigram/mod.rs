//! The most probable segmentation.

mod lattice;
mod lexicon;

use std::fmt;
use std::sync::Arc;

use super::Piece;
use super::word_cache::Pool;
use crate::error::Error;
use crate::interner::Interner;
pub(crate) use lattice::Lattice;
pub(crate) use lexicon::{Best, Lexicon, Precision};
use lexicon::{MAX_PIECE, NoUnknown};

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
    /// For the first id of a text, the last id with the same text; empty if no text comes twice.
    last_ids: Vec<u32>,
    lexicon: Lexicon,
    unk_id: Option<u32>,
    byte_fallback: bool,
    /// The ids of the tokens `<0x00>` … `<0xFF>`; all `None` without byte fallback.
    byte_ids: Box<[Option<u32>; 256]>,
    caches: Arc<Pool>,
}

/// Buffers of one encoding.
#[derive(Default)]
pub(super) struct Scratch {
    best: Vec<Best>,
}

impl Unigram {
    /// A model of tokens, whose ids are their places, and their scores (log-probabilities). Of equal tokens the last
    /// counts. `unk_id` is the token for characters that the others do not express; without one they are an error.
    /// With `byte_fallback`, an unknown stretch becomes the tokens `<0x00>` … `<0xFF>` of its bytes.
    ///
    /// # Errors
    /// [`Error::Config`] if `unk_id` is not below the number of tokens, a score is not a number, or a token has more than
    /// 7999 bytes, the most that sentencepiece allows: time grows with the longest token that a text keeps beginning.
    pub fn new(
        vocab: impl IntoIterator<Item = (String, f64)>,
        unk_id: Option<u32>,
        byte_fallback: bool,
    ) -> Result<Self, Error> {
        let mut tokens = Interner::default();
        let mut scores = Vec::new();
        let mut last_ids = Vec::new();
        for (index, (token, score)) in vocab.into_iter().enumerate() {
            if score.is_nan() || index >= u32::MAX as usize {
                return Err(Error::Config(format!("vocab[{index}]: {token:?} has the score {score}")));
            }
            if token.len() > MAX_PIECE {
                let what = format!("a token of {} bytes, where at most {MAX_PIECE} are allowed", token.len());
                return Err(Error::Config(format!("vocab[{index}]: {what}")));
            }
            let id = tokens.push(token.as_bytes());
            let first = tokens.find(token.as_bytes()).unwrap_or(id);
            if first != id {
                last_ids.extend(last_ids.len() as u32..id);
                last_ids[first as usize] = id;
            }
            scores.push(score);
        }
        if let Some(unk_id) = unk_id.filter(|&id| id as usize >= scores.len()) {
            let size = scores.len();
            return Err(Error::Config(format!("unk_id: {unk_id} is not below {size}, the number of tokens")));
        }
        let last_id = |first: u32| last_ids.get(first as usize).copied().unwrap_or(first);
        let mut keys: Vec<(&[u8], u32)> = tokens.iter().zip((0..).map(last_id)).collect();
        keys.retain(|(token, _)| !token.is_empty());
        // Of equal tokens the first comes first, whose id the others' is not.
        keys.sort_by_key(|&(token, _)| token);
        keys.dedup_by_key(|&mut (token, _)| token);
        let min_score = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let lexicon = Lexicon::new(&keys, scores, unk_id, min_score, Precision::Double);
        let mut model = Self {
            tokens,
            last_ids,
            lexicon,
            unk_id,
            byte_fallback,
            byte_ids: Box::new([None; 256]),
            caches: Arc::default(),
        };
        if byte_fallback {
            *model.byte_ids = std::array::from_fn(|byte| model.id(&format!("<0x{byte:02X}>")));
        }
        Ok(model)
    }

    /// Appends the pieces of `word` to `out`. Unknown characters in a row are one piece.
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
        let first = out.len();
        let cache = scratch.words.of(&self.caches);
        let key = cache.key(word.as_bytes());
        if key.is_some_and(|key| cache.push_pieces(key, 0, out)) {
            return Ok(());
        }
        let has_unknown = self.lexicon.viterbi(word, &mut scratch.unigram.best, out);
        if has_unknown.map_err(|NoUnknown| Error::no_unknown_token(word, None))? {
            let path = out.split_off(first);
            self.express(word, path, out);
        } else if let Some(key) = key {
            cache.insert(key, &out[first..]);
        }
        Ok(())
    }

    /// The `n` most probable segmentations of `word` with their log-probabilities, from the best on; fewer if there
    /// are fewer. Two that differ only inside an unknown stretch count as two.
    ///
    /// ```
    /// use tokenize::model::Unigram;
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let vocab = [("<unk>", 0.0), ("a", -2.0), ("aa", -3.0)].map(|(t, score)| (t.to_owned(), score));
    /// let model = Unigram::new(vocab, Some(0), false)?;
    /// let paths = model.n_best("aa", 3)?;
    /// let ids = |path: &[tokenize::model::Piece]| path.iter().map(|piece| piece.id).collect::<Vec<_>>();
    /// assert_eq!((ids(&paths[0].0), paths[0].1), (vec![2], -3.0));
    /// assert_eq!((ids(&paths[1].0), paths[1].1), (vec![1, 1], -4.0));
    /// assert_eq!(paths.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`pieces`](Self::pieces).
    pub fn n_best(&self, word: &str, n: usize) -> Result<Vec<(Vec<Piece>, f64)>, Error> {
        let mut paths = self.lattice(word)?.n_best(n);
        for (path, _) in &mut paths {
            let raw = std::mem::take(path);
            self.express(word, raw, path);
        }
        Ok(paths)
    }

    /// Appends a random segmentation of `word` to `out`, drawn with probability proportional to `pᵅ` where its own is
    /// `p` (subword regularisation, Kudo 2018): at `alpha` 0 all are equally likely, and the larger it is, the more
    /// often it is the best.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tokenize::model::Unigram;
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let vocab = [("<unk>", 0.0), ("a", -2.0), ("aa", -3.0)].map(|(t, score)| (t.to_owned(), score));
    /// let model = Unigram::new(vocab, Some(0), false)?;
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    /// let mut lengths = [0; 3];
    /// for _ in 0..1000 {
    ///     let mut pieces = Vec::new();
    ///     model.sample_pieces("aa", 1.0, &mut rng, &mut pieces)?;
    ///     lengths[pieces.len()] += 1;
    /// }
    /// // The log-probabilities are -3 and -4.
    /// let share = f64::from(lengths[1]) / 1000.0;
    /// assert!((share - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 0.05);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`pieces`](Self::pieces).
    pub fn sample_pieces(
        &self,
        word: &str,
        alpha: f64,
        rng: &mut impl rand::Rng,
        out: &mut Vec<Piece>,
    ) -> Result<(), Error> {
        let path = self.lattice(word)?.sample(alpha, rng);
        self.express(word, path, out);
        Ok(())
    }

    fn lattice(&self, word: &str) -> Result<Lattice<'_>, Error> {
        Lattice::new(&self.lexicon, word).map_err(|NoUnknown| Error::no_unknown_token(word, None))
    }

    /// Appends a path to `out`, where each unknown stretch is one piece: a token if its text happens to be one, or
    /// else its bytes if all of them have tokens, or else the unknown token.
    fn express(&self, word: &str, path: Vec<Piece>, out: &mut Vec<Piece>) {
        let is_unknown = |piece: &Piece| Some(piece.id) == self.unk_id;
        for run in path.chunk_by(|left, right| is_unknown(left) && is_unknown(right)) {
            if !is_unknown(&run[0]) {
                out.push(run[0].clone());
                continue;
            }
            let range = run[0].range.start..run[run.len() - 1].range.end;
            let bytes =
                || word.as_bytes()[range.clone()].iter().map(|&byte| self.byte_ids[usize::from(byte)]);
            match self.id(&word[range.clone()]) {
                Some(id) => out.push(Piece { id, range }),
                None if bytes().all(|id| id.is_some()) => {
                    out.extend(bytes().flatten().map(|id| Piece { id, range: range.clone() }));
                }
                None => out.push(Piece { id: run[0].id, range }),
            }
        }
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
        (0..self.len()).map(|id| (self.token(id as u32).unwrap_or_default(), self.lexicon.score(id as u32)))
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
        self.tokens.len()
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
