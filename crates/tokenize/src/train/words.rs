//! How often each word occurs: all that training needs to know of a corpus.

use std::fmt;

use super::counter::WordCounter;
use super::splitter::Splitter;
use crate::error::Error;
use crate::interner::Interner;

/// Words with their counts, as often as a trainer wants to go through them.
///
/// Every word comes once. The order means nothing: no trainer's result depends on it.
pub trait WordSource {
    /// Calls `visit` with every word and its count.
    ///
    /// # Errors
    /// [`Error::Io`] if the words lie in a file that cannot be read.
    fn for_each(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), Error>;
}

/// Distinct words (pieces of a [`Splitter`]) and their counts, in memory.
///
/// Counting and training can be apart: counts can be added up over many files, or come from elsewhere. A corpus whose
/// distinct words do not fit into memory is counted by a [`WordCounter`].
///
/// ```
/// use tokenize::{Split, WordCounts};
///
/// let mut counts = WordCounts::new();
/// counts.count_texts(Split::Gpt2, ["a rose is a rose"])?;
/// assert_eq!(counts.get(b" rose"), 2);
/// counts.add(b" rose", 3);
/// assert_eq!(counts.get(b" rose"), 5);
/// assert_eq!(counts.len(), 4);
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct WordCounts {
    words: Interner,
    counts: Vec<u64>,
}

impl WordCounts {
    /// No words.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of distinct words.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How often `word` was counted.
    pub fn get(&self, word: &[u8]) -> u64 {
        self.words.find(word).map_or(0, |index| self.counts[index as usize])
    }

    /// The words with their counts, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.words.iter().zip(self.counts.iter().copied())
    }

    /// Counts `word` another `count` times.
    #[inline]
    pub fn add(&mut self, word: &[u8], count: u64) {
        let index = self.words.intern(word) as usize;
        if index == self.counts.len() {
            self.counts.push(0);
        }
        self.counts[index] = self.counts[index].saturating_add(count);
    }

    /// Counts all of `other` here too.
    pub fn merge(&mut self, other: &WordCounts) {
        for (word, count) in other.iter() {
            self.add(word, count);
        }
    }

    /// Counts the words of `texts`, in parallel. Words do not reach across texts.
    ///
    /// # Errors
    /// Those of the splitter; a [`Split`](crate::Split) or a closure has none.
    pub fn count_texts<T: AsRef<str> + Sync>(
        &mut self,
        splitter: impl Splitter,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<(), Error> {
        let mut counter = WordCounter::new(&splitter);
        counter.count(texts)?;
        let mut counts = counter.into_memory();
        if counts.len() > self.len() {
            std::mem::swap(self, &mut counts);
        }
        self.merge(&counts);
        Ok(())
    }

    /// Bytes of memory taken, those set aside for growth included.
    pub(super) fn memory(&self) -> usize {
        self.words.memory() + self.counts.capacity() * size_of::<u64>()
    }

    /// The words in the order of their bytes, with their counts.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        let word = |index: u32| self.words.get(index).unwrap_or_default();
        order.sort_unstable_by(|&a, &b| word(a).cmp(word(b)));
        order.into_iter().map(move |index| (word(index), self.counts[index as usize]))
    }
}

impl fmt::Debug for WordCounts {
    /// The words in the order of their bytes, with their counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.sorted().map(|(word, count)| (String::from_utf8_lossy(word), count)))
            .finish()
    }
}

impl WordSource for WordCounts {
    fn for_each(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), Error> {
        self.iter().for_each(|(word, count)| visit(word, count));
        Ok(())
    }
}

impl<'w> FromIterator<(&'w [u8], u64)> for WordCounts {
    fn from_iter<I: IntoIterator<Item = (&'w [u8], u64)>>(words: I) -> Self {
        let mut counts = Self::new();
        for (word, count) in words {
            counts.add(word, count);
        }
        counts
    }
}

impl<'w> FromIterator<(&'w str, u64)> for WordCounts {
    fn from_iter<I: IntoIterator<Item = (&'w str, u64)>>(words: I) -> Self {
        words.into_iter().map(|(word, count)| (word.as_bytes(), count)).collect()
    }
}
