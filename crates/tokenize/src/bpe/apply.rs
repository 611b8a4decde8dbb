//! Merges applied to one word.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// No merge.
pub(super) const NONE: u32 = u32::MAX;
/// Words of up to this many bytes are merged by scanning for the lowest rank, longer ones through a queue.
const SCAN_LIMIT: usize = 128;
/// Nearly all words are of up to this many bytes, for which less has to be laid out.
const SHORT: usize = 32;
/// A rank and a position are one number, so that the lowest of many is found together with where it is: a `u32` where
/// words are scanned, a `u64` in the queue.
pub(super) const RANK_BITS: u32 = 24;

/// Which neighbours merge, in what order, and into what. Ranks are below `1 << RANK_BITS`.
pub(super) trait Ranks {
    /// The token that each byte starts as.
    fn byte_ids(&self) -> &[u32; 256];

    /// The rank of the pair that two neighbouring bytes of a word start as, [`NONE`] if it does not merge.
    fn byte_rank(&self, pair: [u8; 2]) -> u32;

    /// The rank of a pair of ids, which together stand for a range of `word`, [`NONE`] if it does not merge.
    fn rank(&self, pair: [u32; 2], word: &[u8], range: Range<usize>) -> u32;

    /// The token that the pair of a rank becomes.
    fn merged(&self, rank: u32) -> u32;
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

/// Merges the bytes of one word: always the pair of the lowest rank, of equal ones the leftmost.
#[inline]
pub(super) fn apply<'s>(ranks: &impl Ranks, word: &[u8], scratch: &'s mut Scratch) -> &'s [u32] {
    if word.len() <= SHORT {
        apply_by_scan::<SHORT>(ranks, word, scratch);
    } else if word.len() <= SCAN_LIMIT {
        apply_by_scan::<SCAN_LIMIT>(ranks, word, scratch);
    } else {
        apply_by_queue(ranks, word, scratch, || false);
    }
    &scratch.ids
}

/// [`apply`], but each time a merge could be made, `put_off` may say that it has to wait until
/// another has been made.
pub(super) fn apply_at_random<'s>(
    ranks: &impl Ranks,
    word: &[u8],
    scratch: &'s mut Scratch,
    put_off: impl FnMut() -> bool,
) -> &'s [u32] {
    apply_by_queue(ranks, word, scratch, put_off);
    &scratch.ids
}

/// Quadratic in the length, and the fastest for words of common length.
/// The word has up to `MOST` bytes.
fn apply_by_scan<const MOST: usize>(ranks: &impl Ranks, word: &[u8], Scratch { ids, .. }: &mut Scratch) {
    const { assert!(SCAN_LIMIT <= 1 << (32 - RANK_BITS)) };
    let length = word.len();
    let key = |rank: u32, at: usize| if rank == NONE { NONE } else { rank << (32 - RANK_BITS) | at as u32 };
    let mut keys = [NONE; MOST];
    // Where the neighbours of a token start. The first has none before it, the last has the end behind it.
    let mut next = [0u8; MOST];
    let mut previous = [0u8; MOST];
    for at in 0..length {
        next[at] = at as u8 + 1;
        previous[at] = (at as u8).wrapping_sub(1);
        if at + 1 < length {
            keys[at] = key(ranks.byte_rank([word[at], word[at + 1]]), at);
        }
    }
    ids.clear();
    ids.extend(word.iter().map(|&byte| ranks.byte_ids()[usize::from(byte)]));
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
        ids[at] = ranks.merged(lowest >> (32 - RANK_BITS));
        next[at] = after as u8;
        keys[gone] = NONE;
        keys[at] = NONE;
        if after < length {
            previous[after] = at as u8;
            let end = usize::from(next[after]);
            keys[at] = key(ranks.rank([ids[at], ids[after]], word, at..end), at);
        }
        if at > 0 {
            let before = usize::from(previous[at]);
            keys[before] = key(ranks.rank([ids[before], ids[at]], word, before..after), before);
        }
    }
    keep_starts(ids, |at| usize::from(next[at]));
}

/// `O(n log n)` in the length, for words without end.
fn apply_by_queue(
    rules: &impl Ranks,
    word: &[u8],
    scratch: &mut Scratch,
    mut has_to_wait: impl FnMut() -> bool,
) {
    let Scratch { ids, ranks, next, previous, queue, put_off } = scratch;
    let length = word.len();
    ids.clear();
    ids.extend(word.iter().map(|&byte| rules.byte_ids()[usize::from(byte)]));
    next.clear();
    next.extend(1..=length);
    previous.clear();
    previous.extend((0..length).map(|at| at.wrapping_sub(1)));
    ranks.clear();
    ranks.extend(word.windows(2).map(|pair| rules.byte_rank([pair[0], pair[1]])));
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
        let (rank, at) = ((key >> (64 - RANK_BITS)) as u32, (key & ((1 << (64 - RANK_BITS)) - 1)) as usize);
        // A pair that has changed since it was queued has another rank, or none.
        if ranks[at] != rank {
            continue;
        }
        let gone = next[at];
        ids[at] = rules.merged(rank);
        ranks[gone] = NONE;
        next[at] = next[gone];
        ranks[at] = NONE;
        if next[at] < length {
            previous[next[at]] = at;
            ranks[at] = rules.rank([ids[at], ids[next[at]]], word, at..next[next[at]]);
            if ranks[at] != NONE {
                queue.push(entry(ranks[at], at));
            }
        }
        let before = previous[at];
        if before < length {
            ranks[before] = rules.rank([ids[before], ids[at]], word, before..next[at]);
            if ranks[before] != NONE {
                queue.push(entry(ranks[before], before));
            }
        }
    }
    put_off.clear();
    keep_starts(ids, |at| next[at]);
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
    use crate::bpe::merges::Merges;
    use crate::hash;
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
                prop_assert_eq!(apply(&merges, word, &mut scratch), &expected);
                apply_by_queue(&merges, word, &mut scratch, || false);
                prop_assert_eq!(&scratch.ids, &expected);
            }
        }
    }

    /// Not the bytes themselves, so that ids and bytes cannot be mistaken for each other.
    fn byte_ids() -> [u32; 256] {
        std::array::from_fn(|byte| if byte < 4 { 3 - byte as u32 } else { byte as u32 + 100 })
    }
}
