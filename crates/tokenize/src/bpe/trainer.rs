//! Learning merges from word counts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::corpus::{Corpus, CountedPair};
use super::counts::WordCounts;
use super::model::ByteLevelBpe;
use crate::added::AddedToken;
use crate::byte_chars;
use crate::error::Error;
use crate::hash;
use crate::split::Split;
use crate::vocab::Vocab;

/// Trains a [`ByteLevelBpe`].
///
/// The ids are: the special tokens in the order given, the 256 bytes in the order of GPT-2's alphabet, then one token
/// per merge. Each merge takes the pair of neighbouring tokens with the highest count in the corpus; of equal counts,
/// the pair with the smaller left id, then the smaller right id. This is the order of Hugging Face's trainer, so that
/// the same word counts give the same merges; except that no merge here ever makes a special token out of text that
/// spells it. The number of threads changes nothing.
///
/// ```
/// use tokenize::BpeTrainer;
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let tokenizer = BpeTrainer::new(260).train(["low low low lower newest newest"])?;
/// let merges: Vec<_> = tokenizer.merges().map(|m| (m.left.to_vec(), m.right.to_vec())).collect();
/// assert_eq!(merges[0], (b"l".to_vec(), b"o".to_vec()));
/// assert_eq!(tokenizer.decode(&tokenizer.encode("lowest"))?, "lowest");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BpeTrainer {
    vocab_size: usize,
    min_frequency: u64,
    special_tokens: Vec<String>,
    split: Split,
}

/// How far training has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Words are being counted.
    Counting {
        /// Bytes of text counted so far.
        bytes: u64,
    },
    /// Pairs are being merged.
    Merging {
        /// Merges made so far.
        done: usize,
        /// Merges wanted; training ends before if the corpus has no more pairs that are frequent enough.
        total: usize,
    },
}

impl BpeTrainer {
    /// A trainer for a vocabulary of `vocab_size` ids, special tokens and the 256 bytes included.
    pub fn new(vocab_size: usize) -> Self {
        Self { vocab_size, min_frequency: 1, special_tokens: Vec::new(), split: Split::default() }
    }

    /// Only pairs seen at least this often are merged (default 1).
    #[must_use]
    pub fn min_frequency(mut self, count: u64) -> Self {
        self.min_frequency = count;
        self
    }

    /// Strings that get ids of their own, such as `<|endoftext|>`.
    #[must_use]
    pub fn special_tokens<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.special_tokens = tokens.into_iter().map(Into::into).collect();
        self
    }

    /// How texts are cut into words (default [`Split::Gpt2`]).
    #[must_use]
    pub fn split(mut self, split: Split) -> Self {
        self.split = split;
        self
    }

    /// Trains on `texts`. They are read once and may be owned strings made on the fly, so that a corpus need not fit
    /// into memory; its distinct words must.
    ///
    /// # Errors
    /// [`Error::Config`] if the vocabulary has no room for the special tokens and the bytes, if a special token is
    /// empty, a single byte or given twice, or if the distinct words are too large for one training (2³¹ bytes).
    pub fn train<T: AsRef<str> + Sync>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<ByteLevelBpe, Error> {
        self.train_with(texts, &mut |_| {})
    }

    /// [`train`](Self::train) that reports its progress, for a user interface to show.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn train_with<T: AsRef<str> + Sync>(
        &self,
        texts: impl IntoIterator<Item = T>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ByteLevelBpe, Error> {
        self.initial_vocab()?;
        let mut counts = WordCounts::new();
        counts.count_texts_with(self.split, texts, &mut |bytes| progress(Progress::Counting { bytes }));
        self.train_counts(&counts, progress)
    }

    /// Trains on words counted before.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn train_counts(
        &self,
        counts: &WordCounts,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ByteLevelBpe, Error> {
        let (mut vocab, byte_ids) = self.initial_vocab()?;
        let corpus = Corpus::new(counts.iter().collect(), |byte| byte_ids[usize::from(byte)], vocab.len())?;
        let merges = self.learn(corpus, &mut vocab, progress);
        let mut model = ByteLevelBpe::new(vocab, merges, self.split)?;
        for (id, content) in (0..).zip(&self.special_tokens) {
            model.add_token(AddedToken { id, content: content.clone(), special: true })?;
        }
        Ok(model)
    }

    /// The special tokens and the bytes, and the id of each byte.
    fn initial_vocab(&self) -> Result<(Vocab, [u32; 256]), Error> {
        let least = self.special_tokens.len() + 256;
        if self.vocab_size < least {
            return Err(Error::Config(format!(
                "a vocabulary of {} ids has no room for {} special tokens and 256 bytes",
                self.vocab_size,
                self.special_tokens.len()
            )));
        }
        let mut vocab = Vocab::default();
        for token in &self.special_tokens {
            if token.len() < 2 || vocab.id(token.as_bytes()).is_some() {
                return Err(Error::Config(format!(
                    "special token {token:?} is empty, a single byte or given twice"
                )));
            }
            vocab.push(token.as_bytes());
        }
        let mut byte_ids = [0; 256];
        for byte in byte_chars::bytes_in_order() {
            byte_ids[usize::from(byte)] = vocab.push(&[byte]);
        }
        Ok((vocab, byte_ids))
    }

    /// Merges until the vocabulary is full or no pair is frequent enough; new tokens go into `vocab`.
    fn learn(
        &self,
        mut corpus: Corpus,
        vocab: &mut Vocab,
        progress: &mut dyn FnMut(Progress),
    ) -> Vec<(u32, u32)> {
        let total = self.vocab_size - vocab.len();
        let mut merges = Vec::new();
        let mut queue: Queue = corpus.pairs().map(queued).collect();
        let mut grown = Vec::new();
        while vocab.len() < self.vocab_size
            && let Some((pair, count)) = most_frequent(&mut queue, &mut corpus)
            && count >= self.min_frequency
        {
            let (left, right) = hash::key_pair(pair);
            let token: Vec<u8> =
                [left, right].iter().flat_map(|&id| vocab.token(id).unwrap_or_default()).copied().collect();
            let merged = match vocab.id(&token) {
                // Text must not become a special token by spelling it.
                Some(id) if (id as usize) < self.special_tokens.len() => {
                    corpus.forget(pair);
                    continue;
                }
                // The same token by another way.
                Some(id) => id,
                None => vocab.push(&token),
            };
            merges.push((left, right));
            corpus.merge(pair, merged, merges.len() as u32, &mut grown);
            queue.extend(grown.drain(..).filter_map(|pair| Some(queued((pair, corpus.count(pair)?)))));
            progress(Progress::Merging { done: merges.len(), total });
        }
        merges
    }
}

/// Pairs by count, then the smaller pair first. Counts fall while a pair waits, so an entry may be out of date.
type Queue = BinaryHeap<(u64, Reverse<u64>)>;

/// Takes the most frequent pair off the queue.
fn most_frequent(queue: &mut Queue, corpus: &mut Corpus) -> Option<CountedPair> {
    loop {
        let (count, Reverse(pair)) = queue.pop()?;
        match corpus.count(pair) {
            Some(now) if now == count => return Some((pair, count)),
            Some(now) => queue.push(queued((pair, now))),
            None => corpus.forget(pair),
        }
    }
}

/// An entry of the queue.
fn queued((pair, count): CountedPair) -> (u64, Reverse<u64>) {
    (count, Reverse(pair))
}
