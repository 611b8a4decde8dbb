//! Ids of chunks of text that have been seen.

use crate::hash;

/// The longest chunk that is kept. Longer ones hardly come again.
pub(crate) const LONGEST: usize = 64;
/// Places of the table at first and at most; at most half of them are used.
const FEWEST: usize = 1 << 10;
const MOST: usize = 1 << 17;

/// A table from chunks to ids. When it is full it is emptied, so its memory is bounded: about 8 MB.
pub(crate) struct Memo {
    slots: Vec<Slot>,
    used: usize,
    keys: Vec<u8>,
    ids: Vec<u32>,
    seed: u64,
}

/// Where a chunk and its ids are. A length of 0 marks a free place.
#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    key: u32,
    ids: u32,
    key_length: u16,
    ids_length: u16,
}

impl Memo {
    pub(crate) fn new() -> Self {
        let slots = vec![Slot::default(); FEWEST];
        Self { slots, used: 0, keys: Vec::new(), ids: Vec::new(), seed: hash::seed() }
    }

    #[inline]
    pub(crate) fn hash(&self, chunk: &[u8]) -> u32 {
        hash::hash_bytes(self.seed, chunk) as u32
    }

    /// The ids of a chunk, if it is kept.
    #[inline]
    pub(crate) fn get(&self, chunk: &[u8], hash: u32) -> Option<&[u32]> {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots[place];
            if slot.key_length == 0 {
                return None;
            }
            let key = slot.key as usize;
            if slot.hash == hash && &self.keys[key..key + usize::from(slot.key_length)] == chunk {
                let ids = slot.ids as usize;
                return Some(&self.ids[ids..ids + usize::from(slot.ids_length)]);
            }
            place = (place + 1) & mask;
        }
    }

    /// Keeps the ids of a chunk of 1 to [`LONGEST`] bytes, which is not kept yet.
    pub(crate) fn insert(&mut self, chunk: &[u8], hash: u32, ids: &[u32]) {
        let Ok(ids_length) = u16::try_from(ids.len()) else { return };
        if (self.used + 1) * 2 > self.slots.len() {
            self.make_room();
        }
        let slot = Slot {
            hash,
            key: self.keys.len() as u32,
            ids: self.ids.len() as u32,
            key_length: chunk.len() as u16,
            ids_length,
        };
        self.keys.extend_from_slice(chunk);
        self.ids.extend_from_slice(ids);
        self.occupy(slot);
        self.used += 1;
    }

    fn make_room(&mut self) {
        if self.slots.len() >= MOST {
            self.slots.fill(Slot::default());
            self.used = 0;
            self.keys.clear();
            self.ids.clear();
            return;
        }
        let larger = vec![Slot::default(); (self.slots.len() * 4).min(MOST)];
        let old = std::mem::replace(&mut self.slots, larger);
        old.into_iter().filter(|slot| slot.key_length > 0).for_each(|slot| self.occupy(slot));
    }

    fn occupy(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut place = slot.hash as usize & mask;
        while self.slots[place].key_length > 0 {
            place = (place + 1) & mask;
        }
        self.slots[place] = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_until_the_table_is_full() {
        let mut memo = Memo::new();
        let key = |number: u32| format!("chunk {number}").into_bytes();
        for number in 0..200_000 {
            let (chunk, ids) = (key(number), vec![number; (number % 3) as usize]);
            let hash = memo.hash(&chunk);
            assert_eq!(memo.get(&chunk, hash), None);
            memo.insert(&chunk, hash, &ids);
            assert_eq!(memo.get(&chunk, hash), Some(&ids[..]));
            assert!(memo.slots.len() <= MOST && memo.used * 2 <= memo.slots.len());
        }
        let found = (0..200_000).filter(|&number| memo.get(&key(number), memo.hash(&key(number))).is_some());
        assert_eq!(found.count(), memo.used);
        let last = key(199_999);
        assert_eq!(memo.get(&last, memo.hash(&last)), Some(&[199_999][..]));
    }
}
