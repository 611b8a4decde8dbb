//! Merges as a table, and their application to one word.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::hash;

/// No merge.
const NONE: u32 = u32::MAX;
/// Words of up to this many bytes are merged by scanning for the lowest rank, longer ones through a queue.
const SCAN_LIMIT: usize = 100;
/// Ranks and positions share a `u64` in the queue of long words.
const RANK_BITS: u32 = 24;

/// Which pairs merge, in what order, and into what.
#[derive(Clone)]
pub(super) struct Merges {
    /// Left, right and merged id by rank.
    rules: Vec<[u32; 3]>,
    /// Open addressing over the pairs: key and rank.
    table: Vec<(u64, u32)>,
    seed: u64,
}

/// Buffers for merging, kept between words.
#[derive(Default)]
pub(super) struct Scratch {
    ids: Vec<u32>,
    ranks: Vec<u32>,
    next: Vec<usize>,
    previous: Vec<usize>,
    queue: BinaryHeap<Reverse<u64>>,
}

impl Merges {
    /// How many merges a table can hold.
    pub(super) const MAX: usize = 1 << RANK_BITS;

    /// The table of `rules` (left, right, merged), or the index of the first rule whose pair an earlier one has.
    pub(super) fn new(rules: Vec<[u32; 3]>) -> Result<Self, usize> {
        let size = (rules.len() * 2 + 1).next_power_of_two();
        let mut merges = Self { rules: Vec::new(), table: vec![(0, NONE); size], seed: hash::seed() };
        for (rank, &[left, right, _]) in rules.iter().enumerate() {
            let place = merges.place(hash::pair_key(left, right));
            if merges.table[place].1 != NONE {
                return Err(rank);
            }
            merges.table[place] = (hash::pair_key(left, right), rank as u32);
        }
        merges.rules = rules;
        Ok(merges)
    }

    /// Left, right and merged id of every merge, by rank.
    pub(super) fn rules(&self) -> &[[u32; 3]] {
        &self.rules
    }

    /// Where `key` is in the table or would be put.
    #[inline]
    fn place(&self, key: u64) -> usize {
        let mask = self.table.len() - 1;
        let mut place = hash::mix(self.seed ^ key, 0x9e37_79b9_7f4a_7c15) as usize & mask;
        while self.table[place].1 != NONE && self.table[place].0 != key {
            place = (place + 1) & mask;
        }
        place
    }

    /// The rank of a pair, [`NONE`] if it does not merge.
    #[inline]
    fn rank(&self, left: u32, right: u32) -> u32 {
        self.table[self.place(hash::pair_key(left, right))].1
    }

    /// Merges the symbols of one word: always the pair of the lowest rank, of equal ones the leftmost.
    #[inline]
    pub(super) fn apply<'s>(
        &self,
        symbols: impl ExactSizeIterator<Item = u32>,
        scratch: &'s mut Scratch,
    ) -> &'s [u32] {
        scratch.ids.clear();
        scratch.ids.extend(symbols);
        if scratch.ids.len() <= SCAN_LIMIT {
            self.apply_by_scan(scratch);
        } else {
            self.apply_by_queue(scratch);
        }
        &scratch.ids
    }

    /// Quadratic in the length, and the fastest for words of common length.
    fn apply_by_scan(&self, Scratch { ids, ranks, .. }: &mut Scratch) {
        ranks.clear();
        ranks.extend(ids.windows(2).map(|pair| self.rank(pair[0], pair[1])));
        while let Some(&lowest) = ranks.iter().min()
            && lowest != NONE
        {
            let at = ranks.iter().position(|&rank| rank == lowest).unwrap_or_default();
            ids[at] = self.rules[lowest as usize][2];
            ids.remove(at + 1);
            ranks.remove(at);
            if at > 0 {
                ranks[at - 1] = self.rank(ids[at - 1], ids[at]);
            }
            if at < ranks.len() {
                ranks[at] = self.rank(ids[at], ids[at + 1]);
            }
        }
    }

    /// `O(n log n)` in the length, for words without end.
    fn apply_by_queue(&self, scratch: &mut Scratch) {
        let Scratch { ids, ranks, next, previous, queue } = scratch;
        let length = ids.len();
        next.clear();
        next.extend(1..=length);
        previous.clear();
        previous.extend((0..length).map(|at| at.wrapping_sub(1)));
        ranks.clear();
        ranks.extend(ids.windows(2).map(|pair| self.rank(pair[0], pair[1])));
        ranks.push(NONE);
        let entry = |rank: u32, at: usize| Reverse(u64::from(rank) << (64 - RANK_BITS) | at as u64);
        let entries = ranks.iter().enumerate().filter(|&(_, &rank)| rank != NONE);
        queue.extend(entries.map(|(at, &rank)| entry(rank, at)));
        while let Some(Reverse(key)) = queue.pop() {
            let (rank, at) =
                ((key >> (64 - RANK_BITS)) as u32, (key & ((1 << (64 - RANK_BITS)) - 1)) as usize);
            // A pair that has changed since it was queued has another rank, or none.
            if ranks[at] != rank {
                continue;
            }
            let gone = next[at];
            ids[at] = self.rules[rank as usize][2];
            ranks[gone] = NONE;
            next[at] = next[gone];
            ranks[at] = NONE;
            if next[at] < length {
                previous[next[at]] = at;
                ranks[at] = self.rank(ids[at], ids[next[at]]);
                if ranks[at] != NONE {
                    queue.push(entry(ranks[at], at));
                }
            }
            let before = previous[at];
            if before < length {
                ranks[before] = self.rank(ids[before], ids[at]);
                if ranks[before] != NONE {
                    queue.push(entry(ranks[before], before));
                }
            }
        }
        let (mut at, mut kept) = (0, 0);
        while at < length {
            ids[kept] = ids[at];
            kept += 1;
            at = next[at];
        }
        ids.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: find the lowest rank, leftmost first; merge it; begin again.
    fn naive(merges: &[[u32; 3]], mut ids: Vec<u32>) -> Vec<u32> {
        let rank = |pair: &[u32]| merges.iter().position(|rule| rule[..2] == *pair);
        loop {
            let candidates = ids.windows(2).enumerate().filter_map(|(at, pair)| Some((rank(pair)?, at)));
            let Some((rank, at)) = candidates.min() else { return ids };
            ids.splice(at..at + 2, [merges[rank][2]]);
        }
    }

    proptest! {
        /// Random rules over few symbols, not such as training gives: every order of ranks occurs.
        #[test]
        fn scan_and_queue_follow_the_definition(
            rules in prop::collection::btree_map((0u32..12, 0u32..12), 4u32..12, 0..30),
            shuffle in any::<u64>(),
            ids in prop::collection::vec(0u32..4, 0..300),
        ) {
            let mut rules: Vec<[u32; 3]> = rules.into_iter().map(|((l, r), m)| [l, r, m]).collect();
            rules.sort_by_key(|rule| hash::mix(shuffle | 1, u64::from(rule[0] * 12 + rule[1] + 1)));
            let merges = Merges::new(rules.clone()).unwrap();
            let mut scratch = Scratch::default();
            let expected = naive(&rules, ids.clone());
            scratch.ids.clone_from(&ids);
            merges.apply_by_scan(&mut scratch);
            prop_assert_eq!(&scratch.ids, &expected);
            scratch.ids.clone_from(&ids);
            merges.apply_by_queue(&mut scratch);
            prop_assert_eq!(&scratch.ids, &expected);
        }
    }

    #[test]
    fn a_repeated_pair_is_refused() {
        assert_eq!(Merges::new(vec![[0, 1, 2], [1, 1, 3], [0, 1, 4]]).err(), Some(2));
    }
}
