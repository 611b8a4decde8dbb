//! Training byte-pair encoding over characters.

use super::alphabet::{Alphabet, Spelling};
use super::corpus::Corpus;
use super::learn::{Rules, learn};
use super::memory::Memory;
use super::progress::Progress;
use super::trainer::Trainer;
use super::words::WordSource;
use crate::error::Error;
use crate::model::{Bpe, BpeOptions};
use crate::vocab::Vocab;

/// Trains a [`Bpe`] (Sennrich, Haddow & Birch 2016).
///
/// The ids are: the special tokens in the order given, the characters by code point, their forms with prefix or suffix
/// by code point, then one token per merge. Each merge takes the pair of neighbours with the highest count; of equal
/// counts, the pair with the smaller left id, then the smaller right id. From the same word counts this gives the
/// merges of Hugging Face's trainer, with these exceptions: where there is a prefix or a suffix, Hugging Face numbers
/// the forms of characters at random, and ties fall accordingly; of equally frequent characters at the limit of the
/// alphabet it keeps random ones, and we those of the smaller code points; and no merge here makes a token that is
/// there already, such as a special token that the text happens to spell.
///
/// ```
/// use tokenize::train::{BpeTrainer, Trainer, WordCounts};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let words: WordCounts = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)].into_iter().collect();
/// let model = BpeTrainer::new(20).end_of_word_suffix("</w>").train_counts(&words, &mut |_| {})?;
/// let merges: Vec<_> = model.merges().collect();
/// assert_eq!(merges[..3], [("e", "s"), ("es", "t</w>"), ("l", "o")]);
/// # Ok(())
/// # }
/// ```
///
/// What becomes a symbol and what is merged can be limited:
///
/// ```
/// use tokenize::train::{BpeTrainer, Trainer, WordCounts};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let words: WordCounts = [("low", 5), ("löw", 1)].into_iter().collect();
/// let trainer = BpeTrainer::new(20).initial_alphabet(['x']).limit_alphabet(4).min_frequency(2);
/// let model = trainer.train_counts(&words, &mut |_| {})?;
/// // Without its rarest character the other word is `lw`, a pair that is there only once.
/// assert_eq!((model.id("x"), model.id("ö")), (Some(3), None));
/// assert!(model.merges().eq([("l", "o"), ("lo", "w")]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BpeTrainer {
    vocab_size: usize,
    min_frequency: u64,
    special_tokens: Vec<String>,
    limit_alphabet: Option<usize>,
    initial_alphabet: Vec<char>,
    max_token_length: Option<usize>,
    options: BpeOptions,
    memory: Memory,
}

impl BpeTrainer {
    /// A trainer for a vocabulary of `vocab_size` ids, special tokens and characters included.
    pub fn new(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            min_frequency: 1,
            special_tokens: Vec::new(),
            limit_alphabet: None,
            initial_alphabet: Vec::new(),
            max_token_length: None,
            options: BpeOptions::default(),
            memory: Memory::default(),
        }
    }

    /// Only pairs seen at least this often are merged (default 1).
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

    /// At most so many characters, the most frequent; the others are taken out of the words.
    #[must_use]
    pub fn limit_alphabet(mut self, characters: usize) -> Self {
        self.limit_alphabet = Some(characters);
        self
    }

    /// Characters that are in the vocabulary whether they occur or not, before all others if there is a limit.
    #[must_use]
    pub fn initial_alphabet(mut self, characters: impl IntoIterator<Item = char>) -> Self {
        self.initial_alphabet = characters.into_iter().collect();
        self
    }

    /// Tokens are shorter than this, in characters, but for those of two characters (as Hugging Face's trainer has
    /// it).
    #[must_use]
    pub fn max_token_length(mut self, characters: usize) -> Self {
        self.max_token_length = Some(characters);
        self
    }

    /// What tokens that do not begin a word begin with, such as `##`.
    #[must_use]
    pub fn continuing_subword_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.options.continuing_subword_prefix = Some(prefix.into());
        self
    }

    /// What tokens that end a word end with, such as `</w>`.
    #[must_use]
    pub fn end_of_word_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.options.end_of_word_suffix = Some(suffix.into());
        self
    }

    /// What the model is besides its vocabulary and merges: the unknown token and so on. Prefix and suffix are set
    /// here too.
    #[must_use]
    pub fn options(mut self, options: BpeOptions) -> Self {
        self.options = options;
        self
    }

    /// Keeps to `bytes` of memory, as [`train`](crate::train) describes.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory = Memory::new(Some(bytes));
        self
    }

    /// The vocabulary and the merges, as pairs of ids.
    pub(super) fn learn(
        &self,
        words: &dyn WordSource,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(Vocab, Vec<(u32, u32)>), Error> {
        let mut vocab = special_vocab(&self.special_tokens)?;
        let prefix = self.options.continuing_subword_prefix.as_deref().unwrap_or_default();
        let spelling = Spelling {
            limit: self.limit_alphabet,
            initial: &self.initial_alphabet,
            prefix,
            suffix: self.options.end_of_word_suffix.as_deref().unwrap_or_default(),
        };
        let alphabet = Alphabet::new(words, &spelling, &mut vocab)?;
        if vocab.len() > self.vocab_size {
            return Err(Error::Config(format!(
                "a vocabulary of {} ids has no room for the {} special tokens and characters: limit the alphabet",
                self.vocab_size,
                vocab.len()
            )));
        }
        let symbols = |word: &[u8], ids: &mut Vec<u32>| alphabet.symbols(word, ids);
        let (corpus, dropped) =
            Corpus::new(words, &symbols, vocab.len(), self.max_token_length, self.memory.corpus())?;
        if let Some(dropped) = dropped {
            progress(dropped.into());
        }
        let rules = Rules {
            vocab_size: self.vocab_size,
            min_frequency: self.min_frequency,
            prefix,
            index_memory: self.memory.index(),
        };
        let merges = learn(corpus, &rules, &mut vocab, progress);
        Ok((vocab, merges))
    }
}

impl Trainer for BpeTrainer {
    type Model = Bpe;

    fn train_counts(
        &self,
        words: &dyn WordSource,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Bpe, Error> {
        let (vocab, merges) = self.learn(words, progress)?;
        let token = |id| text(vocab.token(id).unwrap_or_default());
        let merges = merges.into_iter().map(|(left, right)| (token(left), token(right)));
        Bpe::new(vocab.iter().map(text).zip(0..), merges, self.options.clone())
    }

    fn limit(&self) -> Option<usize> {
        self.memory.bytes()
    }
}

/// A vocabulary of special tokens.
pub(super) fn special_vocab(tokens: &[String]) -> Result<Vocab, Error> {
    let mut vocab = Vocab::default();
    for token in tokens {
        if token.is_empty() || vocab.id(token.as_bytes()).is_some() {
            return Err(Error::Config(format!("special token {token:?} is empty or given twice")));
        }
        vocab.push(token.as_bytes());
    }
    Ok(vocab)
}

/// A token that is known to be made of characters.
pub(super) fn text(token: &[u8]) -> String {
    String::from_utf8_lossy(token).into_owned()
}
