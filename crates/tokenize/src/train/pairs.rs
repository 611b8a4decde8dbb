//! Which pair is the most frequent, and where it stands: an index that stays within bounds of memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use rayon::prelude::*;

use super::corpus::{Changes, Corpus};
use crate::hash::{self, PairHashMap};

/// A pair's count and key, ordered as pairs are merged: the higher count, then the smaller pair.
type Rank = (u64, Reverse<u64>);

/// The index holds pairs of at least this part of the highest count. Far fewer pairs are ever merged than there are:
/// most never come near the top, and neither their places nor their counts are worth keeping.
const SPREAD: u64 = 16;
/// Bytes of memory that an indexed pair takes besides its places, and the same of a pair that is counted: an entry of
/// a hash table, which can be half empty, and of the queue.
const PAIR_BYTES: usize = 144;
const COUNTED_BYTES: usize = 64;
/// The least memory of an index.
const LEAST_BYTES: usize = 1 << 18;

/// Pairs with their counts and places.
///
/// It holds every pair whose rank is not below `lowest`. When none of these is left, the corpus is gone through again
/// for the next ones. So the index takes the memory it is given, and training does not depend on how much that is.
pub(super) struct PairIndex {
    pairs: PairHashMap<Stats>,
    /// Counts fall while a pair waits, so an entry may be out of date.
    queue: BinaryHeap<Rank>,
    lowest: Rank,
    /// Pairs of a lower count are never merged.
    least_count: u64,
    /// Pairs that are never merged for another reason.
    forgotten: HashSet<u64>,
    /// Bytes of memory taken by the pairs, and how many it may be.
    bytes: usize,
    budget: usize,
    /// There are no more different pairs in the corpus than this.
    different: usize,
}

/// How often a pair stands in the corpus, and where.
struct Stats {
    count: u64,
    /// Slots of the left tokens, from left to right. Some may be out of date: they are checked when used.
    positions: Vec<u32>,
}

impl PairIndex {
    /// An index of the pairs that stand in `corpus` at least `least_count` times, that takes `memory` bytes.
    pub(super) fn new(corpus: &Corpus, least_count: u64, memory: Option<usize>) -> Self {
        let least_count = least_count.max(1);
        let mut index = Self {
            pairs: PairHashMap::default(),
            queue: BinaryHeap::new(),
            lowest: (u64::MAX, Reverse(0)),
            least_count,
            forgotten: HashSet::new(),
            bytes: 0,
            budget: memory.unwrap_or(2 * corpus.len() * size_of::<u32>() + (1 << 22)).max(LEAST_BYTES),
            different: corpus.len().min(corpus.ids().saturating_mul(corpus.ids())),
        };
        index.rebuild(corpus);
        index
    }

    /// Takes the most frequent pair out: its key, its count and its places.
    pub(super) fn pop(&mut self, corpus: &Corpus) -> Option<(u64, u64, Vec<u32>)> {
        loop {
            let Some(&(count, Reverse(pair))) = self.queue.peek() else {
                if self.lowest.0 < self.least_count {
                    return None;
                }
                self.rebuild(corpus);
                continue;
            };
            self.queue.pop();
            let now = self.pairs.get(&pair).map_or(0, |stats| stats.count);
            if now == count {
                let stats = self.pairs.remove(&pair)?;
                self.bytes -= bytes(&stats);
                return Some((pair, count, stats.positions));
            }
            if (now, Reverse(pair)) >= self.lowest {
                self.queue.push((now, Reverse(pair)));
            } else if let Some(stats) = self.pairs.remove(&pair) {
                self.bytes -= bytes(&stats);
            }
        }
    }

    /// Never gives `pair` again.
    pub(super) fn forget(&mut self, pair: u64) {
        self.forgotten.insert(pair);
    }

    /// Whether the places of a new pair of this count are worth keeping.
    pub(super) fn wants(&self, pair: u64, count: u64) -> bool {
        (count, Reverse(pair)) >= self.lowest
    }

    /// Takes in what a merge changed.
    pub(super) fn update(&mut self, changes: &mut Changes, corpus: &Corpus) {
        for &(pair, count) in &changes.fewer {
            if let Some(stats) = self.pairs.get_mut(&pair) {
                stats.count = stats.count.saturating_sub(count);
            }
        }
        self.different += changes.new.len();
        for (pair, count, positions) in changes.new.drain(..) {
            if self.wants(pair, count) {
                self.insert(pair, Stats { count, positions });
            }
        }
        if self.bytes > self.budget {
            self.rebuild(corpus);
        }
    }

    fn insert(&mut self, pair: u64, stats: Stats) {
        self.bytes += bytes(&stats);
        self.queue.push((stats.count, Reverse(pair)));
        self.pairs.insert(pair, stats);
    }

    /// Goes through the corpus for the pairs of the highest counts, as many as half of the memory holds.
    fn rebuild(&mut self, corpus: &Corpus) {
        self.pairs = PairHashMap::default();
        self.queue = BinaryHeap::new();
        self.bytes = 0;
        let chosen = self.choose(corpus);
        self.lowest = chosen.last().map_or((0, Reverse(u64::MAX)), |counted| counted.rank);
        let threads = rayon::current_num_threads();
        let found: Vec<_> =
            (0..threads).into_par_iter().map(|share| find(corpus, &chosen, share, threads)).collect();
        self.pairs.reserve(chosen.len());
        for (pair, stats) in found.into_iter().flatten() {
            self.insert(pair, stats);
        }
    }

    /// The pairs to index, by falling rank.
    fn choose(&mut self, corpus: &Corpus) -> Vec<Counted> {
        let threads = rayon::current_num_threads();
        // Each thread counts one share of the pairs at a time, so that the tables stay small however many there are.
        let rounds = (self.different * COUNTED_BYTES).div_ceil(self.budget / 2).max(1);
        let shares = rounds * threads;
        let most = self.budget / 2 / PAIR_BYTES + 1;
        let mut best: Vec<Counted> = Vec::new();
        let mut different = 0;
        for round in 0..rounds {
            let lists: Vec<(usize, Vec<Counted>)> = (round * threads..(round + 1) * threads)
                .into_par_iter()
                .map(|share| self.count_share(corpus, share, shares))
                .collect();
            for (pairs, mut list) in lists {
                different += pairs;
                best.append(&mut list);
            }
            keep_best(&mut best, most);
        }
        self.different = different;
        let mut bytes = 0;
        let fits = best.iter().take_while(|counted| {
            bytes += PAIR_BYTES + counted.places as usize * size_of::<u32>();
            bytes <= self.budget / 2
        });
        let fits = fits.count().max(1);
        best.truncate(fits);
        best
    }

    /// Counts the pairs of one share; gives how many there are, and those that can be worth indexing.
    fn count_share(&self, corpus: &Corpus, share: usize, shares: usize) -> (usize, Vec<Counted>) {
        let mut counts: PairHashMap<(u64, u32)> = PairHashMap::default();
        corpus.for_each_pair(|_, pair, count| {
            if share_of(pair, shares) == share {
                let (sum, places) = counts.entry(pair).or_default();
                *sum = sum.saturating_add(count);
                *places += 1;
            }
        });
        let different = counts.len();
        let highest = counts.values().map(|&(count, _)| count).max().unwrap_or(0);
        let least = self.least_count.max(highest / SPREAD);
        let counted =
            counts.into_iter().filter(|(pair, (count, _))| *count >= least && !self.forgotten.contains(pair));
        let mut list: Vec<Counted> =
            counted.map(|(pair, (count, places))| Counted { rank: (count, Reverse(pair)), places }).collect();
        keep_best(&mut list, self.budget / 2 / PAIR_BYTES + 1);
        (different, list)
    }
}

/// A pair that might be indexed.
#[derive(Clone, Copy)]
struct Counted {
    rank: Rank,
    places: u32,
}

/// Keeps the `most` highest ranks of a list, and none below the part of the highest count that is worth keeping;
/// sorts them, the highest first.
fn keep_best(list: &mut Vec<Counted>, most: usize) {
    list.sort_unstable_by_key(|counted| Reverse(counted.rank));
    list.truncate(most);
    if let Some(first) = list.first() {
        let least = first.rank.0 / SPREAD;
        list.truncate(list.partition_point(|counted| counted.rank.0 >= least));
    }
}

/// The places of those of the `chosen` pairs that fall to one share.
fn find(corpus: &Corpus, chosen: &[Counted], share: usize, shares: usize) -> PairHashMap<Stats> {
    let mine = chosen.iter().filter(|counted| share_of(counted.rank.1.0, shares) == share);
    let mut pairs: PairHashMap<Stats> = mine
        .map(|&Counted { rank: (count, Reverse(pair)), places }| {
            (pair, Stats { count, positions: Vec::with_capacity(places as usize) })
        })
        .collect();
    corpus.for_each_pair(|at, pair, _| {
        if share_of(pair, shares) == share
            && let Some(stats) = pairs.get_mut(&pair)
        {
            stats.positions.push(at);
        }
    });
    pairs
}

#[inline]
fn share_of(pair: u64, shares: usize) -> usize {
    (hash::mix(pair, 0xd6e8_feb8_6659_fd93) % shares as u64) as usize
}

fn bytes(stats: &Stats) -> usize {
    PAIR_BYTES + stats.positions.capacity() * size_of::<u32>()
}
