//! How a limit of memory is shared out.

use super::counter::{LEAST_MEMORY, WordCounter};
use super::progress::Progress;
use super::splitter::Splitter;

/// The memory that a training may take: all it wants, or so many bytes.
///
/// Counting has all of it, and what it took is given back before merging begins, but for words in memory, of which
/// counting keeps no more than a quarter. Of the rest a quarter goes to the symbols of the words and a half to the
/// index of their pairs, which needs room for the places of one pair while those of the next are made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory(Option<usize>);

impl Memory {
    pub(super) fn new(bytes: Option<usize>) -> Self {
        Self(bytes.map(|bytes| bytes.max(LEAST_MEMORY)))
    }

    pub(super) fn bytes(self) -> Option<usize> {
        self.0
    }

    /// A counter that keeps to the limit.
    pub(super) fn counter<'s>(
        self,
        splitter: &'s dyn Splitter,
        progress: &'s mut dyn FnMut(Progress<'_>),
    ) -> WordCounter<'s> {
        let counter = WordCounter::new(splitter).progress(progress);
        match self.0 {
            Some(bytes) => counter.memory_limit(bytes),
            None => counter,
        }
    }

    /// The bytes that the symbols of a corpus may take.
    pub(super) fn corpus(self) -> Option<usize> {
        self.0.map(|bytes| bytes / 5)
    }

    /// The bytes that an index of pairs may take.
    pub(super) fn index(self) -> Option<usize> {
        self.0.map(|bytes| bytes / 5 * 2)
    }
}
