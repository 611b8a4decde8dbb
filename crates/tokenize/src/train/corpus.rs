//! The words of a corpus while training merges their symbols.

use std::collections::HashMap;

use super::classes::{Class, Classes, Dropped};
use super::words::WordSource;
use crate::error::Error;
use crate::hash;

/// Slot value between words.
const END: u32 = u32::MAX;
/// Slot value inside a token, neither its first nor its last slot.
const INSIDE: u32 = u32::MAX - 1;
/// Tag of a token's last slot (of two or more): the other bits are the token's length.
const BACK: u32 = 1 << 31;
/// More slots than this cannot be addressed.
const MAX_SLOTS: usize = (BACK - 2) as usize;

/// All distinct words, one slot of four bytes per symbol they started with and one between words.
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
    /// Pairs whose token would be as long as this or longer are not counted (but for pairs of two symbols).
    too_long: u32,
    left: Neighbours,
    right: Neighbours,
}

/// What a merge changes: pairs by their keys, with counts.
#[derive(Default)]
pub(super) struct Changes {
    /// Pairs that have become less frequent, and by how much.
    pub(super) fewer: Vec<(u64, u64)>,
    /// Pairs that have not stood in the corpus before, how often they do, and where. The places are left out of pairs
    /// that the caller does not want.
    pub(super) new: Vec<(u64, u64, Vec<u32>)>,
}

impl Corpus {
    /// Lays out the words. `symbols` appends the symbols of a word to a list; ids from `first_free` on are not in use.
    /// Words of one symbol cannot be merged and are left out, and so are the rarest words if the slots would take more
    /// than `memory` bytes.
    pub(super) fn new(
        words: &dyn WordSource,
        symbols: &dyn Fn(&[u8], &mut Vec<u32>),
        first_free: usize,
        too_long: Option<usize>,
        memory: Option<usize>,
    ) -> Result<(Self, Option<Dropped>), Error> {
        let mut word = Vec::new();
        let mut classes = Classes::default();
        words.for_each(&mut |bytes, count| {
            word.clear();
            symbols(bytes, &mut word);
            if word.len() > 1 && count > 0 {
                classes.add(count, word.len() + 1);
            }
        })?;
        let most = memory.map_or(usize::MAX, |memory| memory / size_of::<u32>());
        let (classes, dropped) = classes.fitting(most.min(MAX_SLOTS - 1));
        if dropped.is_some() && memory.is_none() {
            return Err(Error::Config(format!(
                "the distinct words hold over {MAX_SLOTS} symbols, which is all that one training can take: set a \
                 limit of memory, so that the rarest words are left out, or train on less text"
            )));
        }
        if dropped.is_some() && classes.is_empty() {
            return Err(Error::Config(format!(
                "a limit of memory that leaves room for {most} symbols cannot hold even the most frequent words"
            )));
        }
        let layout = Layout::new(&classes);
        let mut slots = vec![END; layout.size];
        let mut next = layout.starts;
        words.for_each(&mut |bytes, count| {
            let Some(at) = next.get_mut(&count) else { return };
            word.clear();
            symbols(bytes, &mut word);
            if word.len() > 1 {
                slots[*at..*at + word.len()].copy_from_slice(&word);
                *at += word.len() + 1;
            }
        })?;
        let corpus = Self {
            slots,
            lengths: vec![1; first_free],
            runs: layout.runs,
            too_long: too_long.map_or(u32::MAX, |length| u32::try_from(length).unwrap_or(u32::MAX)),
            left: Neighbours::default(),
            right: Neighbours::default(),
        };
        Ok((corpus, dropped))
    }

    /// Number of ids, symbols and merged tokens.
    pub(super) fn ids(&self) -> usize {
        self.lengths.len()
    }

    /// Number of slots: an upper bound of the pairs that stand in the corpus.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Calls `visit` on the slot, the key and the count of every pair, from left to right.
    pub(super) fn for_each_pair(&self, mut visit: impl FnMut(u32, u64, u64)) {
        let mut at = 1;
        for &(end, count) in &self.runs {
            while at < end as usize {
                // A run begins with a word and ends with END, so a token stands here and something follows it.
                let left = self.slots[at];
                let next = at + self.lengths[left as usize] as usize;
                let right = self.slots[next];
                if right == END {
                    at = next + 1;
                    continue;
                }
                if self.is_counted(left, right) {
                    visit(at as u32, hash::pair_key(left, right), count);
                }
                at = next;
            }
        }
    }

    fn is_counted(&self, left: u32, right: u32) -> bool {
        let length = self.lengths[left as usize] + self.lengths[right as usize];
        length < self.too_long || length == 2
    }

    /// Replaces the pair by `merged`, the next id that is not in use, at those of `positions` where it stands still.
    /// They are all its places, from left to right. The changes go to `changes`; `wants` is asked with the key and the
    /// count of a new pair whether its places are wanted.
    pub(super) fn merge(
        &mut self,
        pair: u64,
        merged: u32,
        mut positions: Vec<u32>,
        wants: &dyn Fn(u64, u64) -> bool,
        changes: &mut Changes,
    ) {
        let (left, right) = hash::key_pair(pair);
        debug_assert_eq!(self.lengths.len(), merged as usize);
        self.lengths.push(self.lengths[left as usize] + self.lengths[right as usize]);
        self.left.resize(self.lengths.len());
        self.right.resize(self.lengths.len());
        self.rewrite(left, right, merged, &mut positions);
        self.list_changes(left, right, merged, wants, changes);
        self.place_new_pairs(merged, &positions, changes);
        self.left.clear();
        self.right.clear();
    }

    /// Writes the new tokens, counts their neighbours and keeps of `positions` those where a token was written.
    fn rewrite(&mut self, left: u32, right: u32, merged: u32, positions: &mut Vec<u32>) {
        let left_length = self.lengths[left as usize];
        let length = self.lengths[merged as usize];
        let mut run = 0;
        positions.retain(|&at| {
            let second = at + left_length;
            if self.slots[at as usize] != left || self.slots[second as usize] != right {
                return false;
            }
            if at >= self.runs[run].0 {
                run += self.runs[run..].partition_point(|&(end, _)| end <= at);
            }
            let count = self.runs[run].1;
            // Of two new tokens side by side, the left one counts the pair.
            if let Some(before) = before(&self.slots, at) {
                let neighbour = self.slots[before as usize];
                if neighbour != merged {
                    self.left.add(neighbour, count);
                }
            }
            let next = at + length;
            let neighbour = self.slots[next as usize];
            if neighbour != END {
                let merges_too = neighbour == left && self.slots[(next + left_length) as usize] == right;
                self.right.add(if merges_too { merged } else { neighbour }, count);
            }
            // The old last slot of the left token and first slot of the right one, unless they are rewritten below.
            self.slots[second as usize - 1] = INSIDE;
            self.slots[second as usize] = INSIDE;
            self.slots[at as usize] = merged;
            self.slots[next as usize - 1] = BACK | length;
            true
        });
    }

    fn list_changes(
        &mut self,
        left: u32,
        right: u32,
        merged: u32,
        wants: &dyn Fn(u64, u64) -> bool,
        changes: &mut Changes,
    ) {
        changes.fewer.clear();
        changes.new.clear();
        let mut push = |pair, neighbour: &mut Neighbour, counted| {
            neighbour.place = NOWHERE;
            if counted {
                let mut places = Vec::new();
                if wants(pair, neighbour.count) {
                    neighbour.place = changes.new.len() as u32;
                    places.reserve_exact(neighbour.places as usize);
                }
                changes.new.push((pair, neighbour.count, places));
            }
        };
        for &id in &self.left.touched {
            let counted = self.lengths[id as usize] + self.lengths[merged as usize] < self.too_long;
            let neighbour = &mut self.left.by_id[id as usize];
            changes.fewer.push((hash::pair_key(id, left), neighbour.count));
            push(hash::pair_key(id, merged), neighbour, counted);
        }
        for &id in &self.right.touched {
            let counted = self.lengths[id as usize] + self.lengths[merged as usize] < self.too_long;
            let neighbour = &mut self.right.by_id[id as usize];
            // Before it was merged itself, a new token to the right began with the left token.
            let was = if id == merged { left } else { id };
            changes.fewer.push((hash::pair_key(right, was), neighbour.count));
            push(hash::pair_key(merged, id), neighbour, counted);
        }
    }

    /// Writes down the places of the new pairs that are wanted.
    fn place_new_pairs(&mut self, merged: u32, positions: &[u32], changes: &mut Changes) {
        let length = self.lengths[merged as usize];
        for &at in positions {
            if let Some(before) = before(&self.slots, at) {
                let neighbour = self.slots[before as usize];
                if neighbour != merged
                    && let place = self.left.by_id[neighbour as usize].place
                    && place != NOWHERE
                {
                    changes.new[place as usize].2.push(before);
                }
            }
            let neighbour = self.slots[(at + length) as usize];
            if neighbour != END
                && let place = self.right.by_id[neighbour as usize].place
                && place != NOWHERE
            {
                changes.new[place as usize].2.push(at);
            }
        }
    }
}

/// The first slot of the token before the one at `at`.
#[inline]
fn before(slots: &[u32], at: u32) -> Option<u32> {
    match slots[at as usize - 1] {
        END => None,
        slot if slot & BACK != 0 => Some(at - (slot & !BACK)),
        _ => Some(at - 1),
    }
}

/// Where the words of each count go.
struct Layout {
    starts: HashMap<u64, usize>,
    runs: Vec<(u32, u64)>,
    size: usize,
}

impl Layout {
    fn new(classes: &[(u64, Class)]) -> Self {
        let mut layout = Self { starts: HashMap::new(), runs: Vec::new(), size: 1 };
        for &(count, class) in classes {
            layout.starts.insert(count, layout.size);
            layout.size += class.size;
            layout.runs.push((layout.size as u32, count));
        }
        layout
    }
}

/// No place is wanted.
const NOWHERE: u32 = u32::MAX;

/// The neighbours on one side of the tokens that a merge makes.
#[derive(Default)]
struct Neighbours {
    by_id: Vec<Neighbour>,
    touched: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Neighbour {
    /// How often, by the counts of words.
    count: u64,
    /// In how many places.
    places: u32,
    /// Where in [`Changes::new`] its places go.
    place: u32,
}

impl Neighbours {
    fn resize(&mut self, ids: usize) {
        self.by_id.resize(ids, Neighbour::default());
    }

    #[inline]
    fn add(&mut self, id: u32, count: u64) {
        let neighbour = &mut self.by_id[id as usize];
        if neighbour.places == 0 {
            self.touched.push(id);
        }
        neighbour.places += 1;
        neighbour.count = neighbour.count.saturating_add(count);
    }

    fn clear(&mut self) {
        for id in self.touched.drain(..) {
            self.by_id[id as usize] = Neighbour::default();
        }
    }
}
