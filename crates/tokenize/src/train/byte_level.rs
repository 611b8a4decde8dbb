//! Training byte-level byte-pair encoding.

use std::path::Path;

use super::corpus::Corpus;
use super::counter::WordCounter;
use super::learn::{Rules, learn};
use super::memory::Memory;
use super::progress::Progress;
use super::words::WordSource;
use crate::added::AddedToken;
use crate::bpe::ByteLevelBpe;
use crate::byte_chars;
use crate::error::Error;
use crate::split::Split;
use crate::vocab::Vocab;

/// Trains a [`ByteLevelBpe`].
///
/// The ids are: the special tokens in the order given, the 256 bytes in the order of GPT-2's alphabet, then one token
/// per merge. Each merge takes the pair of neighbouring tokens with the highest count in the corpus; of equal counts,
/// the pair with the smaller left id, then the smaller right id. This is the order of Hugging Face's trainer, so that
/// the same word counts give the same merges; except that no merge here ever makes a special token out of text that
/// spells it. Neither the number of threads nor the limit of memory changes anything, as long as the words fit.
///
/// ```
/// use tokenize::ByteLevelBpeTrainer;
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let tokenizer = ByteLevelBpeTrainer::new(260).train(["low low low lower newest newest"])?;
/// let merges: Vec<_> = tokenizer.merges().map(|m| (m.left.to_vec(), m.right.to_vec())).collect();
/// assert_eq!(merges[0], (b"l".to_vec(), b"o".to_vec()));
/// assert_eq!(tokenizer.decode(&tokenizer.encode("lowest"))?, "lowest");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ByteLevelBpeTrainer {
    vocab_size: usize,
    min_frequency: u64,
    special_tokens: Vec<String>,
    split: Split,
    memory: Memory,
}

impl ByteLevelBpeTrainer {
    /// A trainer for a vocabulary of `vocab_size` ids, special tokens and the 256 bytes included.
    pub fn new(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            min_frequency: 1,
            special_tokens: Vec::new(),
            split: Split::default(),
            memory: Memory::default(),
        }
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

    /// Keeps to `bytes` of memory, as [`train`](crate::train) describes.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory = Memory::new(Some(bytes));
        self
    }

    /// Trains on `texts`. They are read once and may be owned strings made on the fly, so that a corpus need not fit
    /// into memory.
    ///
    /// # Errors
    /// [`Error::Config`] if the vocabulary has no room for the special tokens and the bytes, if a special token is
    /// empty, a single byte or given twice, or if the words are too large for one training (2³¹ symbols, or the
    /// memory limit); [`Error::Io`] if a temporary file fails.
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
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<ByteLevelBpe, Error> {
        self.initial_vocab()?;
        let mut counter = self.memory.counter(&self.split, progress);
        counter.count(texts)?;
        let words = counter.finish()?;
        let prepared = self.prepare(&words, progress)?;
        drop(words);
        self.learn(prepared, progress)
    }

    /// Trains on files of UTF-8, each line a text (see [`WordCounter::count_reader`]).
    ///
    /// ```
    /// use tokenize::ByteLevelBpeTrainer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("corpus.txt");
    /// std::fs::write(&path, "low lower\nlow lowest\n")?;
    /// let trainer = ByteLevelBpeTrainer::new(300).min_frequency(2).special_tokens(["<|endoftext|>"]);
    /// let tokenizer = trainer.train_files([&path], &mut |_| {})?;
    /// // Nothing but `lo`, `low`, ` low` and ` lowe` is there twice.
    /// assert_eq!(tokenizer.vocab_size(), 1 + 256 + 4);
    /// assert_eq!(tokenizer.encode(" low").len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`train`](Self::train); [`Error::Io`] and [`Error::Format`] if a file cannot be read or is not UTF-8.
    pub fn train_files<P: AsRef<Path>>(
        &self,
        paths: impl IntoIterator<Item = P>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<ByteLevelBpe, Error> {
        self.initial_vocab()?;
        let mut counter: WordCounter<'_> = self.memory.counter(&self.split, progress);
        paths.into_iter().try_for_each(|path| counter.count_file(path))?;
        let words = counter.finish()?;
        let prepared = self.prepare(&words, progress)?;
        drop(words);
        self.learn(prepared, progress)
    }

    /// Trains on words counted before.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn train_counts(
        &self,
        words: &dyn WordSource,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<ByteLevelBpe, Error> {
        let prepared = self.prepare(words, progress)?;
        self.learn(prepared, progress)
    }

    /// The vocabulary before the first merge, and the words as symbols of it: all that merging needs, so that the
    /// words themselves can be given back.
    fn prepare(
        &self,
        words: &dyn WordSource,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(Vocab, Corpus), Error> {
        let (vocab, byte_ids) = self.initial_vocab()?;
        let symbols = |word: &[u8], ids: &mut Vec<u32>| {
            ids.extend(word.iter().map(|&byte| byte_ids[usize::from(byte)]));
        };
        let (corpus, dropped) = Corpus::new(words, &symbols, vocab.len(), None, self.memory.corpus())?;
        if let Some(dropped) = dropped {
            progress(dropped.into());
        }
        Ok((vocab, corpus))
    }

    fn learn(
        &self,
        (mut vocab, corpus): (Vocab, Corpus),
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<ByteLevelBpe, Error> {
        let rules = Rules {
            vocab_size: self.vocab_size,
            min_frequency: self.min_frequency,
            prefix: "",
            index_memory: self.memory.index(),
        };
        let merges = learn(corpus, &rules, &mut vocab, progress);
        let mut model = ByteLevelBpe::new(vocab, merges, self.split)?;
        for (id, content) in (0..).zip(&self.special_tokens) {
            model.add_token(AddedToken::new(id, content.as_str(), true))?;
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
}
