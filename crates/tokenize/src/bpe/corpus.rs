//! The words of a corpus while training merges their symbols.

use crate::error::Error;
use crate::hash::{self, PairHashMap};

/// Slot value between words.
const END: u32 = u32::MAX;
/// Slot value inside a token, neither its first nor its last slot.
const INSIDE: u32 = u32::MAX - 1;
/// Tag of a token's last slot (of two or more): the other bits are the token's length.
const BACK: u32 = 1 << 31;
/// More slots than this cannot be addressed.
const MAX_SLOTS: usize = (BACK - 2) as usize;

/// All distinct words, one slot of four bytes per symbol they started with, and where each pair of neighbours stands.
///
/// A token keeps the slots of the symbols it was merged from: its id in the first, its length in the last. So both
/// neighbours of any token are found in one step, a merge rewrites four slots, and the whole training takes time in
/// proportion to the symbols merged, however long a word is.
pub(super) struct Corpus {
    slots: Vec<u32>,
    /// Slots per token, by id.
    lengths: Vec<u32>,
    /// Words are laid out by falling count: each run is the end of its slots and the count of its words.
    runs: Vec<(u32, u64)>,
    pairs: PairHashMap<PairStats>,
}

/// Where a pair stands and how often.
#[derive(Default)]
struct PairStats {
    count: u64,
    /// Slots of the left tokens. Some may be out of date: they are checked when used.
    positions: Vec<u32>,
    /// The last merge that made the pair more frequent.
    step: u32,
}

/// A pair of ids (as a `pair_key`) and its count.
pub(super) type CountedPair = (u64, u64);

impl Corpus {
    /// Lays out the words, given as symbols, and counts their pairs. `symbols` is the number of ids in use.
    pub(super) fn new(
        mut words: Vec<(&[u8], u64)>,
        symbol: impl Fn(u8) -> u32,
        symbols: usize,
    ) -> Result<Self, Error> {
        words.retain(|&(word, count)| word.len() > 1 && count > 0);
        words.sort_unstable_by_key(|&(_, count)| std::cmp::Reverse(count));
        let size = 1 + words.iter().map(|(word, _)| word.len() + 1).sum::<usize>();
        if size > MAX_SLOTS {
            return Err(Error::Config(format!(
                "the distinct words hold {size} symbols, of which one training can take {MAX_SLOTS}: \
                 raise the smallest count of a word or train on less text"
            )));
        }
        let mut slots = Vec::with_capacity(size);
        let mut runs: Vec<(u32, u64)> = Vec::new();
        slots.push(END);
        for (word, count) in words {
            slots.extend(word.iter().map(|&byte| symbol(byte)));
            slots.push(END);
            let end = slots.len() as u32;
            match runs.last_mut() {
                Some(run) if run.1 == count => run.0 = end,
                _ => runs.push((end, count)),
            }
        }
        let mut corpus = Self { slots, lengths: vec![1; symbols], runs, pairs: PairHashMap::default() };
        corpus.count_pairs();
        Ok(corpus)
    }

    fn count_pairs(&mut self) {
        let mut start = 0;
        for &(end, count) in &self.runs {
            for at in start..end as usize {
                // A run ends with END, so the slot after any symbol exists.
                let left = self.slots[at];
                if left == END || self.slots[at + 1] == END {
                    continue;
                }
                let stats = self.pairs.entry(hash::pair_key(left, self.slots[at + 1])).or_default();
                stats.count = stats.count.saturating_add(count);
                stats.positions.push(at as u32);
            }
            start = end as usize;
        }
    }

    /// All pairs with their counts, in no particular order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = CountedPair> {
        self.pairs.iter().map(|(&pair, stats)| (pair, stats.count))
    }

    /// How often a pair stands in the corpus; nothing for a pair that does not, or that was merged.
    pub(super) fn count(&self, pair: u64) -> Option<u64> {
        self.pairs.get(&pair).map(|stats| stats.count).filter(|&count| count > 0)
    }

    /// Forgets a pair that will never be merged.
    pub(super) fn forget(&mut self, pair: u64) {
        self.pairs.remove(&pair);
    }

    /// Replaces the pair by `merged` everywhere, left to right, and writes the pairs that have become more frequent
    /// to `grown`. `step` is a different number for every merge, from 1.
    pub(super) fn merge(&mut self, pair: u64, merged: u32, step: u32, grown: &mut Vec<u64>) {
        let (left, right) = hash::key_pair(pair);
        let left_length = self.lengths[left as usize];
        let length = left_length + self.lengths[right as usize];
        if self.lengths.len() <= merged as usize {
            self.lengths.resize(merged as usize + 1, 1);
        }
        self.lengths[merged as usize] = length;
        let mut positions = self.pairs.remove(&pair).unwrap_or_default().positions;
        if !positions.is_sorted() {
            positions.sort_unstable();
        }
        let mut run = 0;
        for at in positions {
            let second = at + left_length;
            if self.slots[at as usize] != left || self.slots[second as usize] != right {
                continue;
            }
            let next = at + length;
            if at >= self.runs[run].0 {
                run += self.runs[run..].partition_point(|&(end, _)| end <= at);
            }
            let count = self.runs[run].1;
            if let Some(before) = self.before(at) {
                let neighbour = self.slots[before as usize];
                self.shrink(hash::pair_key(neighbour, left), count);
                self.grow(hash::pair_key(neighbour, merged), count, before, step, grown);
            }
            let neighbour = self.slots[next as usize];
            if neighbour != END {
                self.shrink(hash::pair_key(right, neighbour), count);
                self.grow(hash::pair_key(merged, neighbour), count, at, step, grown);
            }
            // The old last slot of the left token and first slot of the right one, unless they are rewritten below.
            self.slots[second as usize - 1] = INSIDE;
            self.slots[second as usize] = INSIDE;
            self.slots[at as usize] = merged;
            self.slots[next as usize - 1] = BACK | length;
        }
        grown.retain(|&pair| self.count(pair).is_some());
    }

    /// The first slot of the token before the one at `at`.
    fn before(&self, at: u32) -> Option<u32> {
        match self.slots[at as usize - 1] {
            END => None,
            slot if slot & BACK != 0 => Some(at - (slot & !BACK)),
            _ => Some(at - 1),
        }
    }

    fn shrink(&mut self, pair: u64, count: u64) {
        if let Some(stats) = self.pairs.get_mut(&pair) {
            stats.count = stats.count.saturating_sub(count);
        }
    }

    fn grow(&mut self, pair: u64, count: u64, at: u32, step: u32, grown: &mut Vec<u64>) {
        let stats = self.pairs.entry(pair).or_default();
        stats.count = stats.count.saturating_add(count);
        stats.positions.push(at);
        if stats.step != step {
            stats.step = step;
            grown.push(pair);
        }
    }
}
