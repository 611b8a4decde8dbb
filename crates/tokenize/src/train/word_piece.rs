//! Training WordPiece.

use super::bpe::{BpeTrainer, text};
use super::progress::Progress;
use super::trainer::Trainer;
use super::words::WordSource;
use crate::error::Error;
use crate::model::{BpeOptions, WordPiece, WordPieceOptions};

/// Trains a [`WordPiece`] as Hugging Face does: the vocabulary is that of byte-pair encoding with `##` before what
/// continues a word, without the merges.
///
/// (The published algorithm, Schuster & Nakajima 2012, chooses merges by likelihood instead.) Ids and ties are those
/// of [`BpeTrainer`].
///
/// ```
/// use tokenize::train::{Trainer, WordCounts, WordPieceTrainer};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let words: WordCounts = [("hug", 10), ("pug", 5), ("hugs", 5)].into_iter().collect();
/// let model = WordPieceTrainer::new(12).special_tokens(["[UNK]"]).train_counts(&words, &mut |_| {})?;
/// assert_eq!(model.id("[UNK]"), Some(0));
/// assert!(model.id("##ug").is_some());
/// assert!(model.id("hug").is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WordPieceTrainer {
    bpe: BpeTrainer,
    options: WordPieceOptions,
    suffix: Option<String>,
}

impl WordPieceTrainer {
    /// A trainer for a vocabulary of `vocab_size` ids, special tokens and characters included.
    pub fn new(vocab_size: usize) -> Self {
        Self { bpe: BpeTrainer::new(vocab_size), options: WordPieceOptions::default(), suffix: None }
    }

    /// Only pairs seen at least this often are merged (default 1).
    #[must_use]
    pub fn min_frequency(mut self, count: u64) -> Self {
        self.bpe = self.bpe.min_frequency(count);
        self
    }

    /// Strings that get the first ids, such as `[UNK]`.
    #[must_use]
    pub fn special_tokens<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.bpe = self.bpe.special_tokens(tokens);
        self
    }

    /// At most so many characters, the most frequent; the others are taken out of the words.
    #[must_use]
    pub fn limit_alphabet(mut self, characters: usize) -> Self {
        self.bpe = self.bpe.limit_alphabet(characters);
        self
    }

    /// Characters that are in the vocabulary whether they occur or not, before all others if there is a limit.
    #[must_use]
    pub fn initial_alphabet(mut self, characters: impl IntoIterator<Item = char>) -> Self {
        self.bpe = self.bpe.initial_alphabet(characters);
        self
    }

    /// What tokens that end a word end with, if anything.
    #[must_use]
    pub fn end_of_word_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = Some(suffix.into());
        self
    }

    /// What the model is besides its vocabulary: the prefix of what continues a word (`##`), the unknown token and so
    /// on.
    #[must_use]
    pub fn options(mut self, options: WordPieceOptions) -> Self {
        self.options = options;
        self
    }

    /// Keeps to `bytes` of memory, as [`train`](crate::train) describes.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.bpe = self.bpe.memory_limit(bytes);
        self
    }
}

impl Trainer for WordPieceTrainer {
    type Model = WordPiece;

    fn train_counts(
        &self,
        words: &dyn WordSource,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<WordPiece, Error> {
        let options = BpeOptions {
            continuing_subword_prefix: Some(self.options.continuing_subword_prefix.clone()),
            end_of_word_suffix: self.suffix.clone(),
            ..BpeOptions::default()
        };
        let (vocab, _) = self.bpe.clone().options(options).learn(words, progress)?;
        WordPiece::new(vocab.iter().map(text).zip(0..), self.options.clone())
    }

    fn limit(&self) -> Option<usize> {
        self.bpe.limit()
    }
}
