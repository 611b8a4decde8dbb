//! Byte-pair encoding over characters, with every setting that `tokenizer.json` knows.

mod merge;
mod pairs;
mod symbols;

use std::fmt;
use std::sync::Arc;

use super::Piece;
use super::token_table::{TokenTable, vocabulary_methods};
use super::word_cache::Pool;
use crate::error::Error;
pub(crate) use merge::{Buffers, Decision, Rules};
pub(crate) use pairs::Pairs;
use symbols::FirstSymbols;
pub(crate) use symbols::Symbols;

/// What a [`Bpe`] model is besides its vocabulary and merges. By default everything is off.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BpeOptions {
    /// The token that stands for a character that is not in the vocabulary. Without it such characters vanish.
    pub unk_token: Option<String>,
    /// Whether unknown characters in a row become one unknown token and not one each.
    pub fuse_unk: bool,
    /// Whether a character that is not in the vocabulary becomes the tokens `<0x00>` … `<0xFF>` of its bytes, if all
    /// of them are there.
    pub byte_fallback: bool,
    /// What the vocabulary puts before a character that does not begin its word.
    pub continuing_subword_prefix: Option<String>,
    /// What the vocabulary puts after the character that ends its word.
    pub end_of_word_suffix: Option<String>,
    /// Whether a word that is a token is that token, whatever the merges say.
    pub ignore_merges: bool,
    /// The probability with which [`Bpe::sample_pieces`] is meant to leave out a merge, as the file says it;
    /// [`Bpe::pieces`] never leaves out any.
    pub dropout: Option<f32>,
}

/// Byte-pair encoding (Sennrich, Haddow & Birch 2016).
///
/// A word starts as its characters. As long as there is a pair of neighbours that a merge names, the pair whose merge
/// was learnt first becomes one token; of equal pairs, the leftmost. The time is `O(n log n)` in the length of the
/// word.
///
/// ```
/// use tokenize::model::{Bpe, BpeOptions};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let vocab = ["<unk>", "l", "o", "w", "lo", "low"].map(String::from).into_iter().zip(0..);
/// let merges = [("l", "o"), ("lo", "w")].map(|(left, right)| (left.to_owned(), right.to_owned()));
/// let options = BpeOptions { unk_token: Some("<unk>".to_owned()), ..Default::default() };
/// let model = Bpe::new(vocab, merges, options)?;
/// let mut pieces = Vec::new();
/// model.pieces("lowlö", &mut pieces)?;
/// assert_eq!(pieces.iter().map(|piece| piece.id).collect::<Vec<_>>(), [5, 1, 0]);
/// assert_eq!(pieces[2].range, 4..6);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Bpe {
    vocab: TokenTable,
    options: BpeOptions,
    unk_id: Option<u32>,
    first: FirstSymbols,
    /// Left, right and merged id by rank.
    merges: Vec<[u32; 3]>,
    pairs: Pairs,
    /// Whether every merged token is spelled by its parts.
    is_spelled: bool,
    caches: Arc<Pool>,
}

/// Buffers of one encoding.
#[derive(Default)]
pub(super) struct Scratch {
    symbols: Symbols,
    buffers: Buffers,
}

impl Bpe {
    /// A model of tokens with their ids and of merges in the order learnt: each names the two tokens that become the
    /// one spelled by both (less the prefix of a continuing right one). Of merges of the same pair the last counts.
    ///
    /// # Errors
    /// [`Error::Config`] if a token or an id comes twice, a merge names or makes a token that is not in the
    /// vocabulary, or the dropout is no probability.
    pub fn new(
        vocab: impl IntoIterator<Item = (String, u32)>,
        merges: impl IntoIterator<Item = (String, String)>,
        options: BpeOptions,
    ) -> Result<Self, Error> {
        if let Some(dropout) = options.dropout.filter(|dropout| !(0.0..=1.0).contains(dropout)) {
            return Err(Error::Config(format!("dropout: {dropout} is not between 0 and 1")));
        }
        let vocab = TokenTable::new(vocab)?;
        let prefix = options.continuing_subword_prefix.as_deref().unwrap_or("");
        let mut ids = Vec::new();
        for (rank, (left, right)) in merges.into_iter().enumerate() {
            if rank == Pairs::MAX_RANKS {
                return Err(Error::Config(format!("merges: more than {} cannot be taken", Pairs::MAX_RANKS)));
            }
            let merge = merge_ids(&vocab, &left, &right, prefix);
            ids.push(merge.map_err(|what| Error::Config(format!("merges[{rank}]: {what}")))?);
        }
        let unk_id = options.unk_token.as_deref().and_then(|token| vocab.id(token));
        let is_spelled = is_spelled_by_merges(&vocab, &ids, prefix, unk_id);
        let first = FirstSymbols::new(&vocab, &options);
        let ranked = (0..).zip(&ids).map(|(rank, &[left, right, merged])| [left, right, rank, merged]);
        let pairs = Pairs::new(ranked.collect::<Vec<_>>().into_iter());
        Ok(Self { vocab, options, unk_id, first, merges: ids, pairs, is_spelled, caches: Arc::default() })
    }

    /// Appends the pieces of `word` to `out`.
    ///
    /// # Errors
    /// [`Error::NoUnknownToken`] if a character is not in the vocabulary and the unknown token that the options name
    /// is not either.
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
        if self.options.ignore_merges
            && let Some(id) = self.vocab.id(word)
        {
            if !word.is_empty() {
                out.push(Piece { id, range: 0..word.len() });
            }
            return Ok(());
        }
        let cache = scratch.words.of(&self.caches);
        let key = cache.key(word.as_bytes());
        if key.is_some_and(|key| cache.push_pieces(key, 0, out)) {
            return Ok(());
        }
        let first = out.len();
        let Scratch { symbols, buffers } = &mut scratch.bpe;
        self.start(word, symbols)?;
        if self.is_spelled {
            self.pairs.merge(symbols, buffers);
        } else {
            let mut rules = Dropout { merges: &self.merges, put_off: || false };
            self.pairs.merge_by_queue(symbols, buffers, &mut rules);
        }
        symbols.pieces(out);
        let ends = std::iter::once(0).chain(out[first..].iter().map(|piece| piece.range.end));
        let follows = out[first..].iter().zip(ends).all(|(piece, end)| piece.range.start == end);
        if let Some(key) = key.filter(|_| follows) {
            cache.insert(key, &out[first..]);
        }
        Ok(())
    }

    /// Appends a random segmentation of `word` to `out`: BPE dropout (Provilkov, Emelianenko & Voita 2020). Each time
    /// a merge could be made, it is put off with probability `dropout` until another has been made. At 0 the pieces
    /// are those of [`pieces`](Self::pieces) (but `ignore_merges` does not count), at 1 they are characters.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tokenize::model::{Bpe, BpeOptions, Piece};
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let vocab = ["l", "o", "w", "lo", "low"].map(String::from).into_iter().zip(0..);
    /// let merges = [("l", "o"), ("lo", "w")].map(|(left, right)| (left.to_owned(), right.to_owned()));
    /// let model = Bpe::new(vocab, merges, BpeOptions::default())?;
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    /// let mut lengths = [0; 4];
    /// for _ in 0..100 {
    ///     let mut pieces: Vec<Piece> = Vec::new();
    ///     model.sample_pieces("low", 0.5, &mut rng, &mut pieces)?;
    ///     lengths[pieces.len()] += 1;
    /// }
    /// assert!(lengths[1..].iter().all(|&count| count > 10));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`pieces`](Self::pieces).
    pub fn sample_pieces(
        &self,
        word: &str,
        dropout: f32,
        rng: &mut impl rand::Rng,
        out: &mut Vec<Piece>,
    ) -> Result<(), Error> {
        let mut scratch = Scratch::default();
        self.start(word, &mut scratch.symbols)?;
        if dropout < 1.0 {
            let put_off = || rand::RngExt::random::<f32>(rng) < dropout;
            let mut rules = Dropout { merges: &self.merges, put_off };
            self.pairs.merge_by_queue(&mut scratch.symbols, &mut scratch.buffers, &mut rules);
        }
        scratch.symbols.pieces(out);
        Ok(())
    }

    fn start(&self, word: &str, symbols: &mut Symbols) -> Result<(), Error> {
        symbols.clear();
        if self.first.fill(word, &self.vocab, &self.options, self.unk_id, symbols) {
            Ok(())
        } else {
            Err(Error::no_unknown_token(word, self.options.unk_token.as_deref()))
        }
    }

    /// What the model is besides its vocabulary and merges.
    pub fn options(&self) -> &BpeOptions {
        &self.options
    }

    /// The merges in the order learnt, each as its left and right token.
    pub fn merges(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let token = |id| self.vocab.token(id).unwrap_or_default();
        self.merges.iter().map(move |&[left, right, _]| (token(left), token(right)))
    }
}

vocabulary_methods!(Bpe);

impl fmt::Debug for Bpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bpe")
            .field("tokens", &self.len())
            .field("merges", &self.merges.len())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Merges as Hugging Face's `tokenizers` makes them.
struct Dropout<'m, F> {
    merges: &'m [[u32; 3]],
    put_off: F,
}

impl<F: FnMut() -> bool> Rules for Dropout<'_, F> {
    fn decide(&mut self) -> Decision {
        if (self.put_off)() { Decision::PutOff } else { Decision::Make }
    }

    /// It looks at what the pair becomes and not at its rank.
    fn is_current(&self, current: u32, rank: u32) -> bool {
        self.merges[current as usize][2] == self.merges[rank as usize][2]
    }
}

/// The ids of the left, the right and the merged token.
fn merge_ids(vocab: &TokenTable, left: &str, right: &str, prefix: &str) -> Result<[u32; 3], String> {
    let id = |token: &str| vocab.id(token).ok_or_else(|| format!("{token:?} is not in the vocabulary"));
    let ids = (id(left)?, id(right)?);
    // The peer drops as many bytes as the prefix has, whatever they are.
    let Some(rest) = right.get(prefix.len()..) else {
        return Err(format!("{right:?} does not begin with the prefix {prefix:?}"));
    };
    Ok([ids.0, ids.1, id(&format!("{left}{rest}"))?])
}

/// Whether every token that merges make is spelled by its parts. Then two pairs in one place that become the same
/// token are the same pair, which the faster way of merging relies on. It fails only where the unknown token is merged
/// or a right token lacks the prefix.
fn is_spelled_by_merges(vocab: &TokenTable, merges: &[[u32; 3]], prefix: &str, unk_id: Option<u32>) -> bool {
    merges.iter().all(|&[left, right, _]| {
        let is_continuing = vocab.token(right).is_some_and(|token| token.starts_with(prefix));
        is_continuing && ![left, right].map(Some).contains(&unk_id)
    })
}
