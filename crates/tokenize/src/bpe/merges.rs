//! Merges as a table, and their application to one word.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::Error;
use crate::hash;

/// No merge.
const NONE: u32 = u32::MAX;
/// Words of up to this many bytes are merged by scanning for the lowest rank, longer ones through a queue.
const SCAN_LIMIT: usize = 128;
/// Nearly all words are of up to this many bytes, for which less has to be laid out.
const SHORT: usize = 32;
/// A rank and a position are one number, so that the lowest of many is found together with where it is: a `u32` where
/// words are scanned, a `u64` in the queue.
const RANK_BITS: u32 = 24;

/// Bits of the filter for each pair.
const FILTER_BITS: usize = 8;

/// Which pairs merge, in what order, and into what.
#[derive(Clone)]
pub(super) struct Merges {
    /// The symbol that each byte starts as.
    byte_ids: [u32; 256],
    /// Ranks of pairs of bytes: most look-ups, and none of them needs the table.
    byte_ranks: Vec<u32>,
    /// Left, right and merged id by rank.
    rules: Vec<[u32; 3]>,
    /// Open addressing over the pairs: key and rank.
    table: Vec<(u64, u32)>,
    /// One bit for each hash of a pair that merges: small enough to stay near the processor, it spares most pairs that
    /// do not merge the table.
    filter: Vec<u64>,
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
    put_off: Vec<Reverse<u64>>,
}

impl Merges {
    /// How many merges a table can hold.
    const MAX: usize = 1 << RANK_BITS;

    /// # Errors
    /// [`Error::Config`] if there are more merges than a table can hold.
    pub(super) fn check_number(merges: usize) -> Result<(), Error> {
        if merges <= Self::MAX {
            return Ok(());
        }
        Err(Error::Config(format!("{merges} merges, of which {} can be taken", Self::MAX)))
    }

    /// The table of `rules` (left, right, merged), or the index of the first rule whose pair an earlier one has.
    pub(super) fn new(byte_ids: [u32; 256], rules: Vec<[u32; 3]>) -> Result<Self, usize> {
        let mut merges = Self::growing(byte_ids, rules.len());
        for (rank, &[left, right, _]) in rules.iter().enumerate() {
            let place = merges.place(merges.hash(left, right), hash::pair_key(left, right));
            if merges.table[place].1 != NONE {
                return Err(rank);
            }
            merges.insert(left, right, rank as u32);
        }
        merges.rules = rules;
        let byte_pairs = (0..1 << 16).map(|pair| (byte_ids[pair >> 8], byte_ids[pair & 255]));
        merges.byte_ranks = byte_pairs.map(|(left, right)| merges.rank(left, right)).collect();
        Ok(merges)
    }

    /// A table with room for merges of up to `most` ranks, to which they are [added](Self::add) in any order.
    pub(super) fn growing(byte_ids: [u32; 256], most: usize) -> Self {
        Self {
            byte_ids,
            byte_ranks: vec![NONE; 1 << 16],
            rules: vec![[NONE; 3]; most],
            table: vec![(0, NONE); (most * 2 + 1).next_power_of_two()],
            filter: vec![0; (most * FILTER_BITS / 64 + 1).next_power_of_two()],
            seed: hash::seed(),
        }
    }

    /// Adds the merge of `rank` to a [growing](Self::growing) table. Its pair must be new.
    pub(super) fn add(&mut self, token: &[u8], left: u32, right: u32, rank: u32, merged: u32) {
        self.insert(left, right, rank);
        self.rules[rank as usize] = [left, right, merged];
        if let &[left, right] = token {
            self.byte_ranks[usize::from(u16::from_be_bytes([left, right]))] = rank;
        }
    }

    /// Ends growing: ranks without a merge are left out, the others keep their order.
    pub(super) fn finish(&mut self) {
        let mut ranks = Vec::with_capacity(self.rules.len());
        let mut next = 0;
        for rule in &self.rules {
            ranks.push(next);
            next += u32::from(rule[0] != NONE);
        }
        self.rules.retain(|rule| rule[0] != NONE);
        let all = self.table.iter_mut().map(|(_, rank)| rank).chain(&mut self.byte_ranks);
        all.filter(|rank| **rank != NONE).for_each(|rank| *rank = ranks[*rank as usize]);
    }

    /// Left, right and merged id of every merge, by rank.
    pub(super) fn rules(&self) -> &[[u32; 3]] {
        &self.rules
    }

    fn insert(&mut self, left: u32, right: u32, rank: u32) {
        let (hash, key) = (self.hash(left, right), hash::pair_key(left, right));
        let place = self.place(hash, key);
        self.table[place] = (key, rank);
        let (word, bit) = self.filter_place(hash);
        self.filter[word] |= bit;
    }

    #[inline]
    fn hash(&self, left: u32, right: u32) -> u64 {
        hash::mix(self.seed ^ hash::pair_key(left, right), 0x9e37_79b9_7f4a_7c15)
    }

    /// Where `key` is in the table or would be put.
    #[inline]
    fn place(&self, hash: u64, key: u64) -> usize {
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        while self.table[place].1 != NONE && self.table[place].0 != key {
            place = (place + 1) & mask;
        }
        place
    }

    /// The word and bit of the filter that a hash has.
    #[inline]
    fn filter_place(&self, hash: u64) -> (usize, u64) {
        let high = hash >> 32;
        ((high >> 6) as usize & (self.filter.len() - 1), 1 << (high & 63))
    }

    /// The rank of a pair, [`NONE`] if it does not merge.
    #[inline]
    fn rank(&self, left: u32, right: u32) -> u32 {
        let hash = self.hash(left, right);
        let (word, bit) = self.filter_place(hash);
        if self.filter[word] & bit == 0 {
            return NONE;
        }
        self.table[self.place(hash, hash::pair_key(left, right))].1
    }

    /// The rank of the pair that two neighbouring bytes of a word start as.
    #[inline]
    fn byte_rank(&self, pair: [u8; 2]) -> u32 {
        self.byte_ranks[usize::from(u16::from_be_bytes(pair))]
    }

    /// Merges the bytes of one word: always the pair of the lowest rank, of equal ones the leftmost.
    #[inline]
    pub(super) fn apply<'s>(&self, word: &[u8], scratch: &'s mut Scratch) -> &'s [u32] {
        if word.len() <= SHORT {
            self.apply_by_scan::<SHORT>(word, scratch);
        } else if word.len() <= SCAN_LIMIT {
            self.apply_by_scan::<SCAN_LIMIT>(word, scratch);
        } else {
            self.apply_by_queue(word, scratch, || false);
        }
        &scratch.ids
    }

    /// [`apply`](Self::apply), but each time a merge could be made, `put_off` may say that it has to wait until
    /// another has been made.
    pub(super) fn apply_at_random<'s>(
        &self,
        word: &[u8],
        scratch: &'s mut Scratch,
        put_off: impl FnMut() -> bool,
    ) -> &'s [u32] {
        self.apply_by_queue(word, scratch, put_off);
        &scratch.ids
    }

    /// Quadratic in the length, and the fastest for words of common length.
    /// The word has up to `MOST` bytes.
    fn apply_by_scan<const MOST: usize>(&self, word: &[u8], Scratch { ids, .. }: &mut Scratch) {
        const { assert!(SCAN_LIMIT <= 1 << (32 - RANK_BITS)) };
        let length = word.len();
        let key =
            |rank: u32, at: usize| if rank == NONE { NONE } else { rank << (32 - RANK_BITS) | at as u32 };
        let mut keys = [NONE; MOST];
        // Where the neighbours of a token start. The first has none before it, the last has the end behind it.
        let mut next = [0u8; MOST];
        let mut previous = [0u8; MOST];
        for at in 0..length {
            next[at] = at as u8 + 1;
            previous[at] = (at as u8).wrapping_sub(1);
            if at + 1 < length {
                keys[at] = key(self.byte_rank([word[at], word[at + 1]]), at);
            }
        }
        ids.clear();
        ids.extend(word.iter().map(|&byte| self.byte_ids[usize::from(byte)]));
        // Whole groups of eight, so that the minimum is taken of eight numbers at once.
        let groups = length.next_multiple_of(8).min(MOST);
        loop {
            let lowest = keys[..groups].iter().fold(NONE, |lowest, &key| lowest.min(key));
            if lowest == NONE {
                break;
            }
            let at = (lowest & ((1 << (32 - RANK_BITS)) - 1)) as usize;
            let gone = usize::from(next[at]);
            let after = usize::from(next[gone]);
            ids[at] = self.rules[(lowest >> (32 - RANK_BITS)) as usize][2];
            next[at] = after as u8;
            keys[gone] = NONE;
            keys[at] = NONE;
            if after < length {
                previous[after] = at as u8;
                keys[at] = key(self.rank(ids[at], ids[after]), at);
            }
            if at > 0 {
                let before = usize::from(previous[at]);
                keys[before] = key(self.rank(ids[before], ids[at]), before);
            }
        }
        keep_starts(ids, |at| usize::from(next[at]));
    }

    /// `O(n log n)` in the length, for words without end.
    fn apply_by_queue(&self, word: &[u8], scratch: &mut Scratch, mut has_to_wait: impl FnMut() -> bool) {
        let Scratch { ids, ranks, next, previous, queue, put_off } = scratch;
        let length = word.len();
        ids.clear();
        ids.extend(word.iter().map(|&byte| self.byte_ids[usize::from(byte)]));
        next.clear();
        next.extend(1..=length);
        previous.clear();
        previous.extend((0..length).map(|at| at.wrapping_sub(1)));
        ranks.clear();
        ranks.extend(word.windows(2).map(|pair| self.byte_rank([pair[0], pair[1]])));
        ranks.resize(length, NONE);
        let entry = |rank: u32, at: usize| Reverse(u64::from(rank) << (64 - RANK_BITS) | at as u64);
        let entries = ranks.iter().enumerate().filter(|&(_, &rank)| rank != NONE);
        queue.extend(entries.map(|(at, &rank)| entry(rank, at)));
        while let Some(Reverse(key)) = queue.pop() {
            if has_to_wait() {
                put_off.push(Reverse(key));
                continue;
            }
            queue.extend(put_off.drain(..));
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
        put_off.clear();
        keep_starts(ids, |at| next[at]);
    }
}

/// Drops the ids that have become part of the token before them.
#[inline]
fn keep_starts(ids: &mut Vec<u32>, next: impl Fn(usize) -> usize) {
    let (mut at, mut kept) = (0, 0);
    while at < ids.len() {
        ids[kept] = ids[at];
        kept += 1;
        at = next(at);
    }
    ids.truncate(kept);
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
            word in prop::collection::vec(0u8..4, 0..300),
        ) {
            let mut rules: Vec<[u32; 3]> = rules.into_iter().map(|((l, r), m)| [l, r, m]).collect();
            rules.sort_by_key(|rule| hash::mix(shuffle | 1, u64::from(rule[0] * 12 + rule[1] + 1)));
            let merges = Merges::new(byte_ids(), rules.clone()).unwrap();
            let mut scratch = Scratch::default();
            for length in [word.len(), word.len().min(SCAN_LIMIT)] {
                let word = &word[..length];
                let expected = naive(&rules, word.iter().map(|&byte| byte_ids()[usize::from(byte)]).collect());
                prop_assert_eq!(merges.apply(word, &mut scratch), &expected);
                merges.apply_by_queue(word, &mut scratch, || false);
                prop_assert_eq!(&scratch.ids, &expected);
            }
        }
    }

    /// Not the bytes themselves, so that ids and bytes cannot be mistaken for each other.
    fn byte_ids() -> [u32; 256] {
        std::array::from_fn(|byte| if byte < 4 { 3 - byte as u32 } else { byte as u32 + 100 })
    }

    #[test]
    fn a_repeated_pair_is_refused() {
        assert_eq!(Merges::new(byte_ids(), vec![[0, 1, 2], [1, 1, 3], [0, 1, 4]]).err(), Some(2));
    }
}
