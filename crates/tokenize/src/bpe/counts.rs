//! How often each word occurs: all that training needs to know of a corpus.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::interner::Interner;
use crate::split::Split;

/// Texts are cut into parts of this size, so that threads have something to share out within one long text.
const PART_BYTES: usize = 1 << 18;
/// Texts are gathered up to this size before the threads start on them: the memory that streamed input takes.
const BATCH_BYTES: usize = 1 << 24;

/// Distinct words (pieces of a [`Split`]) and their counts.
///
/// Counting and training can be apart: counts can be added up over many files, or come from elsewhere.
///
/// ```
/// use tokenize::{Split, WordCounts};
///
/// let mut counts = WordCounts::new();
/// counts.count_texts(Split::Gpt2, ["a rose is a rose"]);
/// assert_eq!(counts.get(b" rose"), 2);
/// counts.add(b" rose", 3);
/// assert_eq!(counts.get(b" rose"), 5);
/// assert_eq!(counts.len(), 4);
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
    pub fn count_texts<T: AsRef<str> + Sync>(&mut self, split: Split, texts: impl IntoIterator<Item = T>) {
        self.count_texts_with(split, texts, &mut |_| {});
    }

    /// [`count_texts`](Self::count_texts) that reports the bytes counted so far.
    pub(super) fn count_texts_with<T: AsRef<str> + Sync>(
        &mut self,
        split: Split,
        texts: impl IntoIterator<Item = T>,
        report: &mut dyn FnMut(u64),
    ) {
        // One table per thread: which words meet in a table depends on scheduling, their sums do not.
        let tables: Vec<Mutex<WordCounts>> =
            (0..=rayon::current_num_threads()).map(|_| Mutex::default()).collect();
        let mut texts = texts.into_iter();
        let mut total = 0;
        loop {
            let (batch, bytes) = next_batch(&mut texts);
            if batch.is_empty() {
                break;
            }
            let parts: Vec<&[u8]> =
                batch.iter().flat_map(|text| split.parts(text.as_ref().as_bytes(), PART_BYTES)).collect();
            parts.par_iter().for_each(|part| {
                let table = &tables[rayon::current_thread_index().unwrap_or(tables.len() - 1)];
                let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                split.for_each(part, |word| table.add(&part[word], 1));
            });
            total += bytes as u64;
            report(total);
        }
        for table in tables {
            self.merge(&table.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// The next texts that together reach [`BATCH_BYTES`], and their size.
fn next_batch<T: AsRef<str>>(texts: &mut impl Iterator<Item = T>) -> (Vec<T>, usize) {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES
        && let Some(text) = texts.next()
    {
        bytes += text.as_ref().len();
        batch.push(text);
    }
    (batch, bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_and_many_threads_count_the_same() {
        let text = "the cat, the hat; 中文文本 12 ".repeat(40_000);
        let mut serial = WordCounts::new();
        Split::Gpt2.for_each(text.as_bytes(), |word| serial.add(&text.as_bytes()[word], 1));
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut counts = WordCounts::new();
            pool.install(|| counts.count_texts(Split::Gpt2, [&text]));
            assert_eq!(counts.len(), serial.len());
            assert!(serial.iter().all(|(word, count)| counts.get(word) == count));
        }
    }
}
