//! The table of merges: from a pair of ids to its rank and what it becomes.

use crate::hash;

/// No rank: a pair that does not merge.
pub(super) const NONE: u32 = u32::MAX;

/// Bits of a rank, so that a rank and a place of a word fit a number that orders by both.
pub(super) const RANK_BITS: u32 = 24;

/// Merges by pair. Ranks may be shared; then the leftmost pair of the rank comes first.
#[derive(Clone)]
pub(crate) struct Pairs {
    /// Open addressing.
    table: Vec<Merge>,
    seed: u64,
}

/// A pair of ids and what becomes of it.
#[derive(Clone, Copy)]
pub(crate) struct Merge {
    pair: u64,
    pub(super) rank: u32,
    pub(super) merged: u32,
}

const NO_MERGE: Merge = Merge { pair: 0, rank: NONE, merged: NONE };

impl Pairs {
    /// Ranks are below this.
    pub(crate) const MAX_RANKS: usize = (1 << RANK_BITS) - 1;

    /// The table of `merges`: left, right, rank, merged. Of merges of the same pair the last counts.
    pub(crate) fn new(merges: impl ExactSizeIterator<Item = [u32; 4]>) -> Self {
        let size = (merges.len() * 2 + 1).next_power_of_two();
        let mut pairs = Self { table: vec![NO_MERGE; size], seed: hash::seed() };
        for [left, right, rank, merged] in merges {
            let pair = hash::pair_key(left, right);
            let place = pairs.place(pair);
            pairs.table[place] = Merge { pair, rank, merged };
        }
        pairs
    }

    /// Where `pair` is in the table or would be put.
    #[inline]
    fn place(&self, pair: u64) -> usize {
        let mask = self.table.len() - 1;
        let mut place = hash::mix(self.seed ^ pair, 0x9e37_79b9_7f4a_7c15) as usize & mask;
        while self.table[place].rank != NONE && self.table[place].pair != pair {
            place = (place + 1) & mask;
        }
        place
    }

    /// What becomes of a pair; its rank is [`NONE`] if nothing does.
    #[inline]
    pub(super) fn get(&self, left: u32, right: u32) -> Merge {
        self.table[self.place(hash::pair_key(left, right))]
    }
}
