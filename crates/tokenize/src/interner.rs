//! Byte strings in one block of memory, each with an index, and a table that finds the index of a string.

use crate::hash;

/// A growing list of byte strings that can be searched by content.
///
/// One allocation for all bytes, one for the ends, one for the table: a vocabulary of 100,000 tokens or a corpus of
/// millions of distinct words costs no allocation per entry.
#[derive(Clone)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: Vec<Slot>,
    seed: u64,
}

/// One place of the table: `index + 1` of a string (0: free) and its hash, which settles most comparisons without
/// touching the bytes, and says where the string belongs when the table grows.
#[derive(Clone, Copy, Default)]
struct Slot {
    next: u32,
    hash: u32,
}

impl Default for Interner {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), table: vec![Slot::default(); 16], seed: hash::seed() }
    }
}

impl Interner {
    /// An empty list with room for so many strings and bytes.
    pub(crate) fn with_capacity(strings: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(strings),
            table: vec![Slot::default(); (strings * 2 + 1).next_power_of_two().max(16)],
            seed: hash::seed(),
        }
    }

    /// Number of strings.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of memory taken, those set aside for growth included.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.table.capacity() * size_of::<Slot>()
    }

    /// The string at `index`.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&[u8]> {
        let index = index as usize;
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.bytes[start..end])
    }

    /// All strings in the order of their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index as u32).unwrap_or_default())
    }

    /// The index of the first string equal to `string`.
    #[inline]
    pub(crate) fn find(&self, string: &[u8]) -> Option<u32> {
        self.probe(string, self.hash(string)).ok()
    }

    /// The index of `string`, which is appended if it is new.
    #[inline]
    pub(crate) fn intern(&mut self, string: &[u8]) -> u32 {
        let hash = self.hash(string);
        match self.probe(string, hash) {
            Ok(index) => index,
            Err(place) => {
                let index = self.append(string);
                self.occupy(place, index, hash);
                index
            }
        }
    }

    /// Appends `string` even if it is there already; [`find`](Self::find) keeps giving the first.
    pub(crate) fn push(&mut self, string: &[u8]) -> u32 {
        let hash = self.hash(string);
        let found = self.probe(string, hash);
        let index = self.append(string);
        if let Err(place) = found {
            self.occupy(place, index, hash);
        }
        index
    }

    #[inline]
    fn hash(&self, string: &[u8]) -> u32 {
        hash::hash_bytes(self.seed, string) as u32
    }

    fn append(&mut self, string: &[u8]) -> u32 {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
        (self.ends.len() - 1) as u32
    }

    /// The index of `string`, or the free place of the table where it belongs.
    #[inline]
    fn probe(&self, string: &[u8], hash: u32) -> Result<u32, usize> {
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.table[place];
            if slot.next == 0 {
                return Err(place);
            }
            if slot.hash == hash && self.get(slot.next - 1) == Some(string) {
                return Ok(slot.next - 1);
            }
            place = (place + 1) & mask;
        }
    }

    fn occupy(&mut self, place: usize, index: u32, hash: u32) {
        self.table[place] = Slot { next: index + 1, hash };
        if self.len() * 2 > self.table.len() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        let old = std::mem::replace(&mut self.table, vec![Slot::default(); size]);
        for slot in old.into_iter().filter(|slot| slot.next != 0) {
            let mut place = slot.hash as usize & (size - 1);
            while self.table[place].next != 0 {
                place = (place + 1) & (size - 1);
            }
            self.table[place] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Interner;

    #[test]
    fn strings_keep_their_first_index() {
        let mut interner = Interner::default();
        let words: Vec<String> = (0..1000).map(|i| format!("w{i}")).collect();
        for (index, word) in words.iter().enumerate() {
            assert_eq!(interner.intern(word.as_bytes()), index as u32);
        }
        assert_eq!(interner.push(b"w7"), 1000);
        for (index, word) in words.iter().enumerate() {
            assert_eq!(interner.intern(word.as_bytes()), index as u32);
            assert_eq!(interner.get(index as u32), Some(word.as_bytes()));
        }
        assert_eq!(interner.find(b"absent"), None);
        assert_eq!(interner.find(b""), None);
        assert_eq!(interner.get(1001), None);
        assert_eq!(interner.len(), 1001);
    }
}
