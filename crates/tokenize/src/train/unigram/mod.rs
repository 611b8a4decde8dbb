//! Training Unigram.

mod estimate;
mod finish;
mod pieces;
mod prune;
mod scaled;
mod seed;
mod text;
mod trie;

use estimate::{expectation, maximisation};
use pieces::Pieces;
use text::Text;

use super::memory::Memory;
use super::progress::Progress;
use super::trainer::Trainer;
use super::words::WordSource;
use crate::error::Error;
use crate::model::Unigram;

/// Trains a [`Unigram`] (Kudo 2018): starts from many substrings of the words, estimates their probabilities by
/// expectation and maximisation, leaves out a quarter of them, and again, until few enough are left.
///
/// The ids are: the unknown token if it is none of the special tokens, the special tokens, then the pieces by falling
/// probability. Every character of the words is a piece.
///
/// Each step is that of Hugging Face's trainer, which follows sentencepiece, from the same word counts. Sums are taken
/// in another order (in Hugging Face's, one that changes from run to run), which moves scores in the last digits and can
/// turn a tie; beyond that, characters that are too rare to have a probability of their own get scores in the order of
/// their counts, where Hugging Face's order is random.
///
/// ```
/// use tokenize::train::{Trainer, UnigramTrainer, WordCounts};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let words: WordCounts = [("hugging", 10), ("hug", 15), ("hugs", 5), ("bugs", 4)].into_iter().collect();
/// let model = UnigramTrainer::new(10).unk_token("<unk>").train_counts(&words, &mut |_| {})?;
/// let mut pieces = Vec::new();
/// model.pieces("hugs", &mut pieces)?;
/// assert_eq!(model.token(0), Some("<unk>"));
/// assert_eq!(model.token(pieces[0].id), Some("hug"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct UnigramTrainer {
    vocab_size: usize,
    special_tokens: Vec<String>,
    unk_token: Option<String>,
    initial_alphabet: Vec<char>,
    shrinking_factor: f64,
    sub_iterations: usize,
    max_piece_length: usize,
    seed_size: usize,
    final_cut: FinalCut,
    memory: Memory,
}

/// Which pieces stay when the last, up to a tenth more than wanted, are cut to the size of the vocabulary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinalCut {
    /// Those whose loss was largest when pieces were last left out, as Hugging Face's trainer does.
    #[default]
    ByLoss,
    /// The most probable, as sentencepiece does.
    ByScore,
}

/// The last pieces are cut from this many tenths of the vocabulary.
const TENTHS_BEFORE_CUT: usize = 11;
/// Bytes of memory for each character of the words: its code, its place among the sorted suffixes, with key and
/// candidate.
const CHARACTER_BYTES: usize = 48;
/// Bytes of memory for each piece: its place in the trie, once per character, and in the sums of each lane.
const PIECE_BYTES: usize = 512;

impl UnigramTrainer {
    /// A trainer for a vocabulary of at most `vocab_size` ids, special tokens and characters included.
    pub fn new(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            special_tokens: Vec::new(),
            unk_token: None,
            initial_alphabet: Vec::new(),
            shrinking_factor: 0.75,
            sub_iterations: 2,
            max_piece_length: 16,
            seed_size: 1_000_000,
            final_cut: FinalCut::default(),
            memory: Memory::default(),
        }
    }

    /// Strings that get the first ids, with a score of 0.
    #[must_use]
    pub fn special_tokens<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.special_tokens = tokens.into_iter().map(Into::into).collect();
        self
    }

    /// The token for characters that are not in the vocabulary. If it is not a special token it becomes the first.
    #[must_use]
    pub fn unk_token(mut self, token: impl Into<String>) -> Self {
        self.unk_token = Some(token.into());
        self
    }

    /// Characters that are in the vocabulary whether they occur or not.
    #[must_use]
    pub fn initial_alphabet(mut self, characters: impl IntoIterator<Item = char>) -> Self {
        self.initial_alphabet = characters.into_iter().collect();
        self
    }

    /// What part of the pieces is kept each time (default 0.75).
    #[must_use]
    pub fn shrinking_factor(mut self, factor: f64) -> Self {
        self.shrinking_factor = factor;
        self
    }

    /// Estimations of the probabilities each time (default 2).
    #[must_use]
    pub fn sub_iterations(mut self, iterations: usize) -> Self {
        self.sub_iterations = iterations;
        self
    }

    /// The longest piece, in characters (default 16).
    #[must_use]
    pub fn max_piece_length(mut self, characters: usize) -> Self {
        self.max_piece_length = characters;
        self
    }

    /// How many pieces training starts from (default 1,000,000).
    #[must_use]
    pub fn seed_size(mut self, pieces: usize) -> Self {
        self.seed_size = pieces;
        self
    }

    /// Which pieces stay in the end.
    #[must_use]
    pub fn final_cut(mut self, cut: FinalCut) -> Self {
        self.final_cut = cut;
        self
    }

    /// Keeps to `bytes` of memory, as [`train`](crate::train) describes. Training then starts from no more pieces
    /// than one for each kibibyte of the limit.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory = Memory::new(Some(bytes));
        self
    }

    fn check(&self) -> Result<(), Error> {
        let fault = if !(self.shrinking_factor > 0.0 && self.shrinking_factor < 1.0) {
            format!("a shrinking factor of {} is not between 0 and 1", self.shrinking_factor)
        } else if self.sub_iterations == 0 || self.max_piece_length == 0 {
            "neither the sub-iterations nor the longest piece can be 0".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Config(fault))
    }

    fn seeds(&self, text: &Text) -> Pieces {
        let most =
            self.memory.bytes().map_or(self.seed_size, |bytes| self.seed_size.min(bytes / 2 / PIECE_BYTES));
        let seeds = seed::seeds(text, self.max_piece_length, most);
        let sum = seeds.iter().map(|&(_, score)| score as f64).sum::<f64>().ln();
        let mut pieces = Pieces::unknown();
        for (span, score) in seeds {
            pieces.push(span, (score as f64).ln() - sum);
        }
        pieces
    }

    /// Estimates and prunes until few enough pieces are left.
    fn shrink(&self, text: &Text, mut pieces: Pieces, progress: &mut dyn FnMut(Progress<'_>)) -> Pieces {
        let wanted = self.vocab_size * TENTHS_BEFORE_CUT / 10;
        let rounds = (wanted as f64 / pieces.len() as f64).ln() / self.shrinking_factor.ln();
        let expected = (rounds.max(0.0) as usize + 1) * self.sub_iterations;
        let mut done = 0;
        loop {
            for _ in 0..self.sub_iterations {
                let (frequencies, loss) = expectation(text, &pieces);
                pieces = maximisation(&pieces, &frequencies);
                done += 1;
                progress(Progress::Estimating { done, expected, pieces: pieces.len() - 1, loss });
            }
            let before = pieces.len();
            if before <= wanted {
                return pieces;
            }
            let left = ((before as f64 * self.shrinking_factor) as usize).max(wanted);
            pieces = prune::prune(text, &pieces, left);
            // Where most of the pieces are characters there is nothing to leave out.
            if pieces.len() == before {
                return pieces;
            }
        }
    }
}

impl Trainer for UnigramTrainer {
    type Model = Unigram;

    fn train_counts(
        &self,
        words: &dyn WordSource,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Unigram, Error> {
        self.check()?;
        let most = self.memory.bytes().map(|bytes| bytes / 2 / CHARACTER_BYTES);
        let (text, dropped) = Text::new(words, most)?;
        if let Some(dropped) = dropped {
            progress(dropped.into());
        }
        // Before the long work, not after it.
        let frame = finish::Frame::new(self, &text)?;
        let pieces = if text.words.is_empty() {
            Pieces::unknown()
        } else {
            self.shrink(&text, self.seeds(&text), progress)
        };
        frame.model(&text, &pieces)
    }

    fn limit(&self) -> Option<usize> {
        self.memory.bytes()
    }
}
