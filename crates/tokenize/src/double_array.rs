//! A trie of byte strings in two arrays (Aoe 1989), in which a step costs one look at memory.

use std::collections::VecDeque;

/// No value, no state.
pub(crate) const NONE: u32 = u32::MAX;

/// Slots that share all bits but the lowest eight; children of one state lie in one block.
const BLOCK: usize = 256;

/// Blocks in which children are still placed. Older ones keep their holes, so that building takes time in proportion
/// to the number of states.
const OPEN_BLOCKS: usize = 16;

/// Maps byte strings to numbers, and walks them byte by byte.
///
/// The child of state `s` by byte `b` is the slot `base[s] ^ b`, if that slot says that `s` is its parent.
#[derive(Clone)]
pub(crate) struct DoubleArray {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    base: u32,
    parent: u32,
    /// The number of the string that ends here.
    value: u32,
}

/// A slot that nothing has taken.
const FREE: Slot = Slot { base: 0, parent: NONE, value: NONE };

impl DoubleArray {
    /// The state before the first byte.
    pub(crate) const ROOT: u32 = 0;

    /// The trie of `keys` with their values, sorted and distinct, and its states, parents before their children.
    pub(crate) fn new(keys: &[(&[u8], u32)]) -> (Self, Vec<u32>) {
        debug_assert!(keys.is_sorted_by(|left, right| left.0 < right.0));
        let mut builder = Builder::default();
        builder.open_block();
        builder.take(Self::ROOT as usize, Self::ROOT);
        let mut order = Vec::new();
        let mut labels = Vec::new();
        let mut queue = VecDeque::from([(Self::ROOT, 0, 0, keys.len())]);
        while let Some((state, depth, mut start, end)) = queue.pop_front() {
            order.push(state);
            if start < end && keys[start].0.len() == depth {
                builder.slots[state as usize].value = keys[start].1;
                start += 1;
            }
            labels.clear();
            for (key, _) in &keys[start..end] {
                if labels.last() != Some(&key[depth]) {
                    labels.push(key[depth]);
                }
            }
            if labels.is_empty() {
                continue;
            }
            let base = builder.place(&labels);
            builder.slots[state as usize].base = base;
            for &label in &labels {
                let child = base ^ u32::from(label);
                builder.take(child as usize, state);
                let size = keys[start..end].partition_point(|(key, _)| key[depth] <= label);
                queue.push_back((child, depth + 1, start, start + size));
                start += size;
            }
        }
        // The root is nobody's child: no byte may lead to it.
        builder.slots[Self::ROOT as usize].parent = NONE;
        (Self { slots: builder.slots }, order)
    }

    /// The state after one more byte.
    #[inline]
    pub(crate) fn step(&self, state: u32, byte: u8) -> Option<u32> {
        let child = self.slots[state as usize].base ^ u32::from(byte);
        (self.slots[child as usize].parent == state).then_some(child)
    }

    /// The value of the string that led to `state`, [`NONE`] if it is none of the keys.
    #[inline]
    pub(crate) fn value(&self, state: u32) -> u32 {
        self.slots[state as usize].value
    }

    /// The state before `state` and the byte that leads from there to it; `None` for the root.
    pub(crate) fn parent(&self, state: u32) -> Option<(u32, u8)> {
        let parent = self.slots[state as usize].parent;
        (parent != NONE).then(|| (parent, (self.slots[parent as usize].base ^ state) as u8))
    }

    /// Number of slots; every state is below it.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The length and value of the longest key that begins `text`.
    pub(crate) fn longest_prefix(&self, text: &[u8]) -> Option<(usize, u32)> {
        let mut state = Self::ROOT;
        let mut longest = None;
        for (index, &byte) in text.iter().enumerate() {
            let Some(next) = self.step(state, byte) else { break };
            state = next;
            if self.value(state) != NONE {
                longest = Some((index + 1, self.value(state)));
            }
        }
        longest
    }
}

/// The arrays while they grow.
#[derive(Default)]
struct Builder {
    slots: Vec<Slot>,
    /// For each free slot of the open blocks, the free ones after and before it; a ring.
    next: Vec<u32>,
    previous: Vec<u32>,
    /// Any free slot of the open blocks.
    free: Option<u32>,
}

impl Builder {
    /// A base from which all `labels` lead to free slots.
    fn place(&mut self, labels: &[u8]) -> u32 {
        if let Some(first) = self.free {
            let mut slot = first;
            loop {
                let base = slot ^ u32::from(labels[0]);
                if labels.iter().all(|&label| self.is_free(base ^ u32::from(label))) {
                    return base;
                }
                slot = self.next[slot as usize];
                if slot == first {
                    break;
                }
            }
        }
        self.open_block()
    }

    fn is_free(&self, slot: u32) -> bool {
        self.slots[slot as usize].parent == NONE
    }

    /// Appends a block, gives its first slot, and closes the one that has been open longest.
    fn open_block(&mut self) -> u32 {
        let start = self.slots.len();
        self.slots.resize(start + BLOCK, FREE);
        self.next.resize(start + BLOCK, NONE);
        self.previous.resize(start + BLOCK, NONE);
        if let Some(closing) = start.checked_sub(OPEN_BLOCKS * BLOCK) {
            for slot in closing..closing + BLOCK {
                if self.is_free(slot as u32) {
                    self.unlink(slot);
                }
            }
        }
        for slot in start as u32..(start + BLOCK) as u32 {
            match self.free {
                None => {
                    (self.next[slot as usize], self.previous[slot as usize]) = (slot, slot);
                    self.free = Some(slot);
                }
                Some(first) => {
                    let last = self.previous[first as usize];
                    self.next[last as usize] = slot;
                    self.previous[slot as usize] = last;
                    self.next[slot as usize] = first;
                    self.previous[first as usize] = slot;
                }
            }
        }
        start as u32
    }

    fn take(&mut self, slot: usize, parent: u32) {
        self.unlink(slot);
        self.slots[slot].parent = parent;
    }

    /// Takes a slot out of the ring of free ones, if it is in there.
    fn unlink(&mut self, slot: usize) {
        let (next, previous) = (self.next[slot], self.previous[slot]);
        if next == NONE {
            return;
        }
        if next as usize == slot {
            self.free = None;
        } else {
            self.next[previous as usize] = next;
            self.previous[next as usize] = previous;
            if self.free == Some(slot as u32) {
                self.free = Some(next);
            }
        }
        self.next[slot] = NONE;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn trie(keys: &BTreeMap<Vec<u8>, u32>) -> (DoubleArray, Vec<u32>) {
        let keys: Vec<(&[u8], u32)> = keys.iter().map(|(key, &value)| (&key[..], value)).collect();
        DoubleArray::new(&keys)
    }

    fn find(trie: &DoubleArray, key: &[u8]) -> Option<u32> {
        let state = key.iter().try_fold(DoubleArray::ROOT, |state, &byte| trie.step(state, byte))?;
        Some(trie.value(state)).filter(|&value| value != NONE)
    }

    proptest! {
        #[test]
        fn it_holds_the_keys_and_no_others(
            keys in prop::collection::btree_map(prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..6), 0u32..100, 0..300),
            others in prop::collection::vec(prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..6), 0..100),
        ) {
            let (trie, order) = trie(&keys);
            for key in keys.keys().chain(&others) {
                prop_assert_eq!(find(&trie, key), keys.get(key).copied());
                let longest = (1..=key.len()).rev().find_map(|n| Some((n, *keys.get(&key[..n])?)));
                prop_assert_eq!(trie.longest_prefix(key), longest);
            }
            let prefixes: std::collections::BTreeSet<_> =
                keys.keys().flat_map(|key| (0..=key.len()).map(|n| &key[..n])).collect();
            prop_assert_eq!(order.len(), prefixes.len().max(1));
        }
    }

    #[test]
    fn many_blocks_keep_it_dense() {
        let keys: BTreeMap<Vec<u8>, u32> =
            (0..100_000u32).map(|i| (format!("{:x}", i.wrapping_mul(0x9e37_79b1)).into_bytes(), i)).collect();
        let (trie, order) = trie(&keys);
        assert!(keys.iter().all(|(key, &value)| find(&trie, key) == Some(value)));
        assert!(trie.len() < order.len() * 2, "{} slots for {} states", trie.len(), order.len());
    }
}
