//! The vocabulary: words, how often they occur, and what follows from that.
//!
//! [`Vocab`] counts a corpus; [`Subsampling`] says how often a frequent word is kept, [`Unigram`] draws negative
//! samples, [`Huffman`] codes words for hierarchical softmax.

mod count;
mod huffman;
mod subsample;
mod unigram;

pub use huffman::Huffman;
pub use subsample::Subsampling;
pub use unigram::Unigram;

use serde::{Deserialize, Serialize};

use crate::corpus::Corpus;
use crate::error::check;
use crate::{Error, Result, Words};

/// Words by falling frequency (ties by first occurrence), with their counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocab {
    words: Words,
    counts: Vec<u64>,
    total: u64,
    corpus_words: u64,
}

/// Which words of a corpus become the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VocabSettings {
    /// Words that occur fewer times are left out.
    pub min_count: u64,
    /// At most so many words, the most frequent ones.
    pub max_words: Option<usize>,
    /// While counting, whenever there are more distinct words than this, those seen least often are forgotten, to
    /// bound memory; counting then uses one thread, and counts of rare words become lower bounds.
    pub prune_above: Option<usize>,
}

impl Default for VocabSettings {
    /// gensim's: at least five occurrences, no cap.
    fn default() -> Self {
        Self { min_count: 5, max_words: None, prune_above: None }
    }
}

impl VocabSettings {
    /// All words that occur `min_count` times.
    #[must_use]
    pub fn min_count(min_count: u64) -> Self {
        Self { min_count, ..Self::default() }
    }
}

impl Vocab {
    /// Counts the words of a corpus on all threads of the current rayon pool.
    ///
    /// # Errors
    /// If the corpus cannot be read, is empty, or has no word that occurs often enough, or none are wanted.
    ///
    /// ```
    /// use embed::{Text, Vocab, VocabSettings};
    ///
    /// let vocab = Vocab::count(&Text("a rose is a rose is a rose"), &VocabSettings::min_count(3))?;
    /// assert!(vocab.words().iter().eq(["a", "rose"]));
    /// assert_eq!((vocab.total(), vocab.corpus_words()), (6, 8));
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn count(corpus: &(impl Corpus + ?Sized), settings: &VocabSettings) -> Result<Self> {
        check("max_words", settings.max_words != Some(0), "1 or more", &0)?;
        count::count(corpus, settings.prune_above)?.select(settings)
    }

    /// A vocabulary of known counts, in the order given.
    ///
    /// # Errors
    /// If a word occurs twice or there is none.
    pub fn from_counts<I, S>(counts: I) -> Result<Self>
    where
        I: IntoIterator<Item = (S, u64)>,
        S: AsRef<str>,
    {
        let (mut words, mut list) = (Words::new(), Vec::new());
        for (word, count) in counts {
            let (first, is_new) = words.insert(word.as_ref())?;
            if !is_new {
                let word = word.as_ref().to_owned();
                return Err(Error::DuplicateWord { word, first, index: list.len() });
            }
            list.push(count);
        }
        if list.is_empty() {
            return Err(Error::EmptyCorpus);
        }
        let total = list.iter().sum();
        Ok(Self { words, counts: list, total, corpus_words: total })
    }

    /// The parts of a vocabulary that was saved.
    pub(crate) fn from_parts(words: Words, counts: Vec<u64>, total: u64, corpus_words: u64) -> Result<Self> {
        if words.len() != counts.len() {
            let (expected, found) = (words.len() as u64, counts.len() as u64);
            return Err(Error::Size { what: "counts of words", expected, found });
        }
        if words.is_empty() {
            return Err(Error::EmptyCorpus);
        }
        Ok(Self { words, counts, total: total.max(1), corpus_words })
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The words, without counts.
    pub(crate) fn into_words(self) -> Words {
        self.words
    }

    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none; no constructor makes such a vocabulary.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How often each word occurs.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How often `word` occurs, if it is in the vocabulary.
    #[must_use]
    pub fn count_of(&self, word: &str) -> Option<u64> {
        self.words.index(word).map(|index| self.counts[index])
    }

    /// Occurrences of words of the vocabulary in the corpus counted last.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Occurrences of all words of the corpus, those outside the vocabulary too.
    #[must_use]
    pub fn corpus_words(&self) -> u64 {
        self.corpus_words
    }

    /// The words of this vocabulary, which keep their numbers, followed by those that only `other` has.
    ///
    /// Counts are those of `other` where it has the word: training on its corpus thins out words and draws
    /// negative samples by them.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if there would be too many words.
    pub fn extended(&self, other: &Self) -> Result<Self> {
        let mut all = self.clone();
        for (word, &count) in other.words.iter().zip(&other.counts) {
            let (index, is_new) = all.words.insert(word)?;
            if is_new {
                all.counts.push(count);
            } else {
                all.counts[index] = count;
            }
        }
        (all.total, all.corpus_words) = (other.total, other.corpus_words);
        Ok(all)
    }
}
