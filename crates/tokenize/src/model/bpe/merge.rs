//! Merging the symbols of one word: always the pair of the lowest rank, of equal ones the leftmost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pairs::{Merge, NONE, Pairs, RANK_BITS};
use super::symbols::Symbols;

/// Words of up to this many symbols are searched for their lowest rank, again for every merge.
const SCAN_LIMIT: usize = 64;
const SCAN_SHIFT: u32 = 32 - RANK_BITS;
const QUEUE_SHIFT: u32 = 64 - RANK_BITS;

/// Buffers of [`Pairs::merge_by_queue`].
#[derive(Default)]
pub(crate) struct Buffers {
    /// By the left symbol of a pair.
    ranks: Vec<u32>,
    merged: Vec<u32>,
    next: Vec<usize>,
    previous: Vec<usize>,
    queue: BinaryHeap<Reverse<u64>>,
    put_off: Vec<Reverse<u64>>,
}

/// What is to be done with a merge that could be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Make,
    /// Not before another merge has been made.
    PutOff,
    /// Not at all, unless a new pair comes up.
    Drop,
}

/// What the owner of the merges does while they are made. By default nothing.
pub(crate) trait Rules {
    fn decide(&mut self) -> Decision {
        Decision::Make
    }

    /// Is told of every pair that comes up and could be merged.
    fn see(&mut self, _left: u32, _right: u32, _merged: u32) {}

    /// Whether a pair that was queued with `rank` is still to be merged where there is now one of rank `current`.
    fn is_current(&self, current: u32, rank: u32) -> bool {
        current == rank
    }
}

/// Merges are made as they come.
pub(crate) struct Plain;

impl Rules for Plain {}

impl Pairs {
    #[inline]
    pub(crate) fn merge(&self, symbols: &mut Symbols, buffers: &mut Buffers) {
        match symbols.ids.len() {
            0 | 1 => {}
            2..=SCAN_LIMIT => self.merge_by_scan(symbols),
            _ => self.merge_by_queue(symbols, buffers, &mut Plain),
        }
    }

    /// Quadratic in the length, and the fastest for words of common length.
    fn merge_by_scan(&self, symbols: &mut Symbols) {
        const { assert!(SCAN_LIMIT <= 1 << SCAN_SHIFT) };
        let ids = &mut symbols.ids;
        let length = ids.len();
        // The rank and place of the pair that begins at a symbol, and what it becomes.
        let mut keys = [NONE; SCAN_LIMIT];
        let mut merged = [NONE; SCAN_LIMIT];
        let put = |keys: &mut [u32], merged: &mut [u32], ids: &[u32], at: usize, after: usize| {
            let merge = self.get(ids[at], ids[after]);
            keys[at] = if merge.rank == NONE { NONE } else { merge.rank << SCAN_SHIFT | at as u32 };
            merged[at] = merge.merged;
        };
        // The first symbol has none before it, the last has the end behind it.
        let mut next = [0u8; SCAN_LIMIT];
        let mut previous = [0u8; SCAN_LIMIT];
        for at in 0..length {
            next[at] = at as u8 + 1;
            previous[at] = (at as u8).wrapping_sub(1);
            if at + 1 < length {
                put(&mut keys, &mut merged, ids, at, at + 1);
            }
        }
        // Whole groups of eight, so that the minimum is taken of eight numbers at once.
        let groups = length.next_multiple_of(8).min(SCAN_LIMIT);
        loop {
            let lowest = keys[..groups].iter().fold(NONE, |lowest, &key| lowest.min(key));
            if lowest == NONE {
                break;
            }
            let at = (lowest & ((1 << SCAN_SHIFT) - 1)) as usize;
            let gone = usize::from(next[at]);
            let after = usize::from(next[gone]);
            ids[at] = merged[at];
            next[at] = after as u8;
            keys[gone] = NONE;
            keys[at] = NONE;
            if after < length {
                previous[after] = at as u8;
                put(&mut keys, &mut merged, ids, at, after);
            }
            if at > 0 {
                put(&mut keys, &mut merged, ids, usize::from(previous[at]), at);
            }
        }
        symbols.keep(|at| usize::from(next[at]));
    }

    /// `O(n log n)` in the length.
    pub(crate) fn merge_by_queue(
        &self,
        symbols: &mut Symbols,
        buffers: &mut Buffers,
        rules: &mut impl Rules,
    ) {
        let ids = &mut symbols.ids;
        let length = ids.len();
        let Buffers { ranks, merged, next, previous, queue, put_off } = buffers;
        next.clear();
        next.extend(1..=length);
        previous.clear();
        previous.extend((0..length).map(|at| at.wrapping_sub(1)));
        ranks.clear();
        merged.clear();
        queue.clear();
        let entry = |rank: u32, at: usize| Reverse(u64::from(rank) << QUEUE_SHIFT | at as u64);
        for (at, &left) in ids.iter().enumerate() {
            let merge = ids.get(at + 1).map(|&right| (right, self.get(left, right)));
            ranks.push(merge.map_or(NONE, |(_, merge)| merge.rank));
            merged.push(merge.map_or(NONE, |(_, merge)| merge.merged));
            if let Some((right, merge)) = merge.filter(|(_, merge)| merge.rank != NONE) {
                rules.see(left, right, merge.merged);
                queue.push(entry(merge.rank, at));
            }
        }
        while let Some(top) = queue.pop() {
            let (rank, at) = ((top.0 >> QUEUE_SHIFT) as u32, (top.0 & ((1 << QUEUE_SHIFT) - 1)) as usize);
            match rules.decide() {
                Decision::Make => queue.extend(put_off.drain(..)),
                Decision::PutOff => {
                    put_off.push(top);
                    continue;
                }
                Decision::Drop => continue,
            }
            // The pair may have changed since it was queued.
            if ranks[at] == NONE || !rules.is_current(ranks[at], rank) {
                continue;
            }
            let gone = next[at];
            ids[at] = merged[at];
            ranks[gone] = NONE;
            ranks[at] = NONE;
            next[at] = next[gone];
            if next[at] < length {
                previous[next[at]] = at;
            }
            // Both new pairs: with the symbol before and with the one after.
            for left in [previous[at], at] {
                if left < length && next[left] < length {
                    let Merge { rank, merged: becomes, .. } = self.get(ids[left], ids[next[left]]);
                    (ranks[left], merged[left]) = (rank, becomes);
                    if rank != NONE {
                        rules.see(ids[left], ids[next[left]], becomes);
                        queue.push(entry(rank, left));
                    }
                }
            }
        }
        put_off.clear();
        symbols.keep(|at| next[at]);
    }
}
