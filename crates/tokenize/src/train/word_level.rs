//! Training word level: the most frequent words.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bpe::{special_vocab, text};
use super::memory::Memory;
use super::progress::Progress;
use super::trainer::Trainer;
use super::words::WordSource;
use crate::error::Error;
use crate::model::WordLevel;

/// Trains a [`WordLevel`]: the special tokens, then the most frequent words, of equally frequent ones the first by
/// their bytes. This is the order of Hugging Face's trainer; a word that is a special token is not listed again.
///
/// ```
/// use tokenize::train::{Trainer, WordCounts, WordLevelTrainer};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let words: WordCounts = [("the", 9), ("cat", 2), ("hat", 2), ("sat", 1)].into_iter().collect();
/// let model = WordLevelTrainer::new(3).special_tokens(["<unk>"]).train_counts(&words, &mut |_| {})?;
/// assert_eq!([model.token(0), model.token(1), model.token(2)], [Some("<unk>"), Some("the"), Some("cat")]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WordLevelTrainer {
    vocab_size: usize,
    min_frequency: u64,
    special_tokens: Vec<String>,
    unk_token: String,
    memory: Memory,
}

impl WordLevelTrainer {
    /// A trainer for a vocabulary of at most `vocab_size` ids, special tokens included.
    pub fn new(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            min_frequency: 1,
            special_tokens: Vec::new(),
            unk_token: "<unk>".to_owned(),
            memory: Memory::default(),
        }
    }

    /// Only words seen at least this often are taken (default 1).
    #[must_use]
    pub fn min_frequency(mut self, count: u64) -> Self {
        self.min_frequency = count;
        self
    }

    /// Strings that get the first ids, such as `<unk>`.
    #[must_use]
    pub fn special_tokens<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.special_tokens = tokens.into_iter().map(Into::into).collect();
        self
    }

    /// The token of the model for unknown words (default `<unk>`). It must be a special token to be of use.
    #[must_use]
    pub fn unk_token(mut self, token: impl Into<String>) -> Self {
        self.unk_token = token.into();
        self
    }

    /// Counts words within `bytes` of memory, as [`train`](crate::train) describes.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory = Memory::new(Some(bytes));
        self
    }
}

impl Trainer for WordLevelTrainer {
    type Model = WordLevel;

    fn train_counts(
        &self,
        words: &dyn WordSource,
        _progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<WordLevel, Error> {
        let mut vocab = special_vocab(&self.special_tokens)?;
        let room = self.vocab_size.checked_sub(vocab.len()).ok_or_else(|| {
            Error::Config(format!(
                "a vocabulary of {} ids has no room for {} special tokens",
                self.vocab_size,
                vocab.len()
            ))
        })?;
        // The best so far, the last of them on top.
        let mut best: BinaryHeap<(Reverse<u64>, Vec<u8>)> = BinaryHeap::new();
        let mut invalid = None;
        words.for_each(&mut |word, count| {
            if std::str::from_utf8(word).is_err() {
                invalid = Some(text(word));
            }
            if count < self.min_frequency.max(1) || vocab.id(word).is_some() {
                return;
            }
            if best.len() < room {
                best.push((Reverse(count), word.to_vec()));
            } else if let Some(mut last) = best.peek_mut()
                && (Reverse(count), word) < (last.0, last.1.as_slice())
            {
                *last = (Reverse(count), word.to_vec());
            }
        })?;
        if let Some(word) = invalid {
            return Err(Error::Config(format!("the word {word:?} is not UTF-8")));
        }
        for (_, word) in best.into_sorted_vec() {
            vocab.push(&word);
        }
        WordLevel::new(vocab.iter().map(text).zip(0..), &self.unk_token)
    }

    fn limit(&self) -> Option<usize> {
        self.memory.bytes()
    }
}
