//! The table of merges: from a pair of ids to its rank.

use crate::hash;

/// No rank: a pair that does not merge.
pub(super) const NONE: u32 = u32::MAX;

/// Bits of a rank, so that a rank and a place of a word fit a number that orders by both.
pub(super) const RANK_BITS: u32 = 24;

/// How many merges a table holds.
pub(super) const MAX_MERGES: usize = (1 << RANK_BITS) - 1;

/// Merges by rank and by pair.
#[derive(Clone)]
pub(super) struct Pairs {
    /// Left, right and merged id by rank.
    rules: Vec<[u32; 3]>,
    /// Open addressing over the pairs: key and rank.
    table: Vec<(u64, u32)>,
    seed: u64,
    /// Whether every merged token is spelled by its parts.
    spelled: bool,
}

impl Pairs {
    /// The table of `rules` (left, right, merged), of which there may be [`MAX_MERGES`].
    pub(super) fn new(rules: Vec<[u32; 3]>, spelled: bool) -> Self {
        let size = (rules.len() * 2 + 1).next_power_of_two();
        let mut pairs = Self { rules: Vec::new(), table: vec![(0, NONE); size], seed: hash::seed(), spelled };
        for (rank, &[left, right, _]) in rules.iter().enumerate() {
            let key = hash::pair_key(left, right);
            let place = pairs.place(key);
            pairs.table[place] = (key, rank as u32);
        }
        pairs.rules = rules;
        pairs
    }

    pub(super) fn rules(&self) -> &[[u32; 3]] {
        &self.rules
    }

    pub(super) fn spelled(&self) -> bool {
        self.spelled
    }

    /// The id that the pair of a rank becomes.
    #[inline]
    pub(super) fn merged(&self, rank: u32) -> u32 {
        self.rules[rank as usize][2]
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
    pub(super) fn rank(&self, left: u32, right: u32) -> u32 {
        self.table[self.place(hash::pair_key(left, right))].1
    }
}
