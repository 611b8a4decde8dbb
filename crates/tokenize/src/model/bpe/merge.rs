//! Merging the symbols of one word: always the pair of the lowest rank, of equal ones the leftmost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pairs::{NONE, Pairs, RANK_BITS};
use super::symbols::Symbols;

/// Words of up to this many symbols are searched for their lowest rank, again for every merge.
const SCAN_LIMIT: usize = 64;
const SCAN_SHIFT: u32 = 32 - RANK_BITS;
const QUEUE_SHIFT: u32 = 64 - RANK_BITS;

/// Buffers of [`Pairs::merge_by_queue`].
#[derive(Default)]
pub(super) struct Buffers {
    ranks: Vec<u32>,
    next: Vec<usize>,
    previous: Vec<usize>,
    queue: BinaryHeap<Reverse<u64>>,
    put_off: Vec<Reverse<u64>>,
}

impl Pairs {
    #[inline]
    pub(super) fn merge(&self, symbols: &mut Symbols, buffers: &mut Buffers) {
        match symbols.ids.len() {
            0 | 1 => {}
            2..=SCAN_LIMIT if self.spelled() => self.merge_by_scan(symbols),
            _ => self.merge_by_queue(symbols, buffers, || false),
        }
    }

    /// Quadratic in the length, and the fastest for words of common length.
    fn merge_by_scan(&self, symbols: &mut Symbols) {
        const { assert!(SCAN_LIMIT <= 1 << SCAN_SHIFT) };
        let ids = &mut symbols.ids;
        let length = ids.len();
        let key = |rank: u32, at: usize| if rank == NONE { NONE } else { rank << SCAN_SHIFT | at as u32 };
        let mut keys = [NONE; SCAN_LIMIT];
        // The first symbol has none before it, the last has the end behind it.
        let mut next = [0u8; SCAN_LIMIT];
        let mut previous = [0u8; SCAN_LIMIT];
        for at in 0..length {
            next[at] = at as u8 + 1;
            previous[at] = (at as u8).wrapping_sub(1);
            if at + 1 < length {
                keys[at] = key(self.rank(ids[at], ids[at + 1]), at);
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
            ids[at] = self.merged(lowest >> SCAN_SHIFT);
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
        symbols.keep(|at| usize::from(next[at]));
    }

    /// `O(n log n)` in the length. A merge for which `put_off` says so waits until another one has been made.
    pub(super) fn merge_by_queue(
        &self,
        symbols: &mut Symbols,
        buffers: &mut Buffers,
        mut put_off: impl FnMut() -> bool,
    ) {
        let ids = &mut symbols.ids;
        let length = ids.len();
        let Buffers { ranks, next, previous, queue, put_off: waiting } = buffers;
        next.clear();
        next.extend(1..=length);
        previous.clear();
        previous.extend((0..length).map(|at| at.wrapping_sub(1)));
        ranks.clear();
        ranks.extend(ids.windows(2).map(|pair| self.rank(pair[0], pair[1])));
        ranks.push(NONE);
        let entry = |rank: u32, at: usize| Reverse(u64::from(rank) << QUEUE_SHIFT | at as u64);
        let entries = ranks.iter().enumerate().filter(|&(_, &rank)| rank != NONE);
        queue.extend(entries.map(|(at, &rank)| entry(rank, at)));
        while let Some(top) = queue.pop() {
            if put_off() {
                waiting.push(top);
                continue;
            }
            queue.extend(waiting.drain(..));
            let (rank, at) = ((top.0 >> QUEUE_SHIFT) as u32, (top.0 & ((1 << QUEUE_SHIFT) - 1)) as usize);
            // The pair may have changed since it was queued. Like the peer, this looks at what the pair becomes and
            // not at its rank.
            if ranks[at] == NONE || self.merged(ranks[at]) != self.merged(rank) {
                continue;
            }
            let gone = next[at];
            ids[at] = self.merged(rank);
            ranks[gone] = NONE;
            ranks[at] = NONE;
            next[at] = next[gone];
            if next[at] < length {
                previous[next[at]] = at;
            }
            // Both new pairs: with the symbol before and with the one after.
            for left in [previous[at], at] {
                if left < length && next[left] < length {
                    ranks[left] = self.rank(ids[left], ids[next[left]]);
                    if ranks[left] != NONE {
                        queue.push(entry(ranks[left], left));
                    }
                }
            }
        }
        waiting.clear();
        symbols.keep(|at| next[at]);
    }
}
