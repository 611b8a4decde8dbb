//! What the threads of an epoch share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::plan::{Encoded, Planner};
use super::{Progress, Word2Vec};
use crate::batches::lock;
use crate::corpus::{Block, Corpus, Source};
use crate::vocab::Vocab;
use crate::{Error, Result};

/// An epoch under way.
pub(crate) struct Run<'a> {
    pub(crate) settings: &'a Word2Vec,
    pub(crate) vocab: &'a Vocab,
    pub(crate) planner: &'a Planner,
    pub(crate) epoch: usize,
    source: Mutex<Numbered<'a>>,
    tally: Mutex<Tally>,
    /// Words read in all epochs.
    words: AtomicU64,
    words_before: u64,
    stop: AtomicBool,
    started: Instant,
}

/// A passage that counts its blocks.
struct Numbered<'a> {
    source: Box<dyn Source + 'a>,
    next: u64,
    has_ended: bool,
}

/// Sums over the blocks done.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) loss: f64,
    pub(crate) pairs: u64,
    /// Sentences held out, with the number of their block.
    pub(crate) held: Vec<Held>,
    pub(crate) error: Option<Error>,
}

/// Sentences of a block that are held out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) block: u64,
    pub(crate) words: Vec<u32>,
    pub(crate) ends: Vec<usize>,
}

/// Where a run begins in its epoch.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    pub(crate) epoch: usize,
    pub(crate) blocks: u64,
    pub(crate) words: u64,
}

/// Where a run ended.
pub(crate) struct Outcome {
    /// Whether the corpus did.
    pub(crate) is_complete: bool,
    /// Blocks given in this epoch.
    pub(crate) blocks: u64,
    /// Words read in all.
    pub(crate) words: u64,
    pub(crate) tally: Tally,
}

impl<'a> Run<'a> {
    /// Opens the corpus and goes to the block where the epoch goes on.
    pub(crate) fn new(
        settings: &'a Word2Vec,
        vocab: &'a Vocab,
        planner: &'a Planner,
        corpus: &'a (impl Corpus + ?Sized),
        start: Start,
        tally: Tally,
    ) -> Result<Self> {
        let mut source = corpus.open()?;
        let mut block = Block::default();
        for _ in 0..start.blocks {
            source.read(&mut block)?;
        }
        Ok(Self {
            settings,
            vocab,
            planner,
            epoch: start.epoch,
            source: Mutex::new(Numbered { source, next: start.blocks, has_ended: false }),
            tally: Mutex::new(tally),
            words: AtomicU64::new(start.words),
            words_before: start.words,
            stop: AtomicBool::new(false),
            started: Instant::now(),
        })
    }

    /// The next block and its number; none at the end, or when the run was stopped.
    pub(crate) fn next_block(&self, block: &mut Block) -> Option<u64> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let mut source = lock(&self.source);
        match source.source.read(block) {
            Ok(true) => {
                source.next += 1;
                Some(source.next - 1)
            }
            Ok(false) => {
                source.has_ended = true;
                None
            }
            Err(error) => {
                self.stop();
                lock(&self.tally).error = Some(error);
                None
            }
        }
    }

    /// No more blocks will be given.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Counts words as read; returns how many were before.
    pub(crate) fn count_words(&self, words: u64) -> u64 {
        self.words.fetch_add(words, Ordering::Relaxed)
    }

    /// Learning rate after so many words in all.
    pub(crate) fn rate_after(&self, words: f64) -> f32 {
        self.settings.rate_at(words / self.total_words() as f64)
    }

    fn total_words(&self) -> u64 {
        self.vocab.total() * self.settings.epochs as u64
    }

    /// Adds the sums of a block.
    pub(crate) fn add(&self, (loss, pairs): (f64, u64), encoded: &mut Encoded, block: u64) {
        let mut tally = lock(&self.tally);
        tally.loss += loss;
        tally.pairs += pairs;
        if !encoded.held_ends.is_empty() {
            let words = std::mem::take(&mut encoded.held_words);
            tally.held.push(Held { block, words, ends: std::mem::take(&mut encoded.held_ends) });
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        let words = self.words.load(Ordering::Relaxed);
        let tally = lock(&self.tally);
        Progress {
            epoch: self.epoch,
            epochs: self.settings.epochs,
            words,
            total_words: self.total_words(),
            words_per_second: (words - self.words_before) as f64
                / self.started.elapsed().as_secs_f64().max(1e-9),
            rate: self.rate_after(words as f64),
            loss: mean(tally.loss, tally.pairs),
        }
    }

    /// What the run has come to.
    pub(crate) fn finish(self) -> Result<Outcome> {
        let mut tally = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = tally.error.take() {
            return Err(error);
        }
        tally.held.sort_by_key(|held| held.block);
        tally.held.dedup_by_key(|held| held.block);
        let source = self.source.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (is_complete, blocks) = (source.has_ended, source.next);
        Ok(Outcome { is_complete, blocks, words: self.words.into_inner(), tally })
    }
}

/// `sum / count`, not a number of nothing.
pub(crate) fn mean(sum: f64, count: u64) -> f64 {
    if count == 0 { f64::NAN } else { sum / count as f64 }
}
