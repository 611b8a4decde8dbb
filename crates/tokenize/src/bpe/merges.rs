//! Merges as a table.

use std::ops::Range;

use super::apply::{NONE, RANK_BITS, Ranks};
use crate::error::Error;
use crate::hash;

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
        merges.byte_ranks = byte_pairs.map(|(left, right)| merges.rank_of_ids(left, right)).collect();
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

    /// The rank of a pair, [`NONE`] if it does not merge.
    #[inline]
    fn rank_of_ids(&self, left: u32, right: u32) -> u32 {
        let hash = self.hash(left, right);
        let (word, bit) = self.filter_place(hash);
        if self.filter[word] & bit == 0 {
            return NONE;
        }
        self.table[self.place(hash, hash::pair_key(left, right))].1
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
}

impl Ranks for Merges {
    fn byte_ids(&self) -> &[u32; 256] {
        &self.byte_ids
    }

    #[inline]
    fn byte_rank(&self, pair: [u8; 2]) -> u32 {
        self.byte_ranks[usize::from(u16::from_be_bytes(pair))]
    }

    #[inline]
    fn rank(&self, [left, right]: [u32; 2], _: &[u8], _: Range<usize>) -> u32 {
        self.rank_of_ids(left, right)
    }

    #[inline]
    fn merged(&self, rank: u32) -> u32 {
        self.rules[rank as usize][2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_pair_is_refused() {
        let byte_ids = std::array::from_fn(|byte| byte as u32);
        assert_eq!(Merges::new(byte_ids, vec![[0, 1, 256], [1, 1, 257], [0, 1, 258]]).err(), Some(2));
    }
}
