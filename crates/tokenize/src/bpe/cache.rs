//! The ids of words seen lately.

use crate::hash;

/// Words of up to this many bytes are kept; their bytes and length make one `u128`.
const MAX_WORD: usize = 15;
/// Words of up to this many ids are kept.
const MAX_IDS: usize = 11;
/// Entries of a cache, 2 MB of them.
const ENTRIES: usize = 1 << 15;

/// A table in which each word has one place; a word that comes to a taken place takes it over. So memory is fixed,
/// nothing is ever searched, and the words that a text is made of stay.
pub(super) struct WordCache {
    entries: Vec<Entry>,
    seed: u64,
}

/// One line of the processor's cache.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Entry {
    /// 0 for none: a word's key holds its length, which is not 0.
    key: u128,
    ids: [u32; MAX_IDS],
    length: u32,
}

/// A word's content and place.
#[derive(Clone, Copy)]
pub(super) struct Key {
    key: u128,
    place: usize,
}

impl WordCache {
    pub(super) fn new() -> Self {
        Self { entries: vec![Entry::default(); ENTRIES], seed: hash::seed() }
    }

    /// The key of `text[start..end]`, if it is short enough to be kept.
    #[inline]
    pub(super) fn key(&self, text: &[u8], start: usize, end: usize) -> Option<Key> {
        let length = end - start;
        if length > MAX_WORD {
            return None;
        }
        // Sixteen bytes read at once where the text has them: a copy of unknown length is slower than the rest of
        // the look-up.
        let bytes = match text.get(start..).and_then(|rest| rest.first_chunk::<16>()) {
            Some(&chunk) => u128::from_le_bytes(chunk) & ((1 << (8 * length)) - 1),
            None => {
                let mut chunk = [0; 16];
                chunk[..length].copy_from_slice(&text[start..end]);
                u128::from_le_bytes(chunk)
            }
        };
        let key = bytes | (length as u128) << 120;
        let hash = hash::mix(key as u64 ^ self.seed, (key >> 64) as u64 ^ 0x9e37_79b9_7f4a_7c15);
        Some(Key { key, place: hash as usize & (ENTRIES - 1) })
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&[u32]> {
        let entry = &self.entries[key.place];
        (entry.key == key.key).then(|| &entry.ids[..entry.length as usize])
    }

    pub(super) fn insert(&mut self, key: Key, ids: &[u32]) {
        if ids.len() <= MAX_IDS {
            let entry = &mut self.entries[key.place];
            entry.key = key.key;
            entry.length = ids.len() as u32;
            entry.ids[..ids.len()].copy_from_slice(ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_content_alone() {
        let mut cache = WordCache::new();
        let text = b"abcabcabcabcabcabcabc ab";
        let key = cache.key(text, 0, 3).unwrap();
        assert!(cache.get(key).is_none());
        cache.insert(key, &[1, 2]);
        // Elsewhere in the text, and at its end, where the bytes are read in another way.
        for at in [3, 6, 15] {
            assert_eq!(cache.get(cache.key(text, at, at + 3).unwrap()), Some(&[1, 2][..]));
        }
        assert_eq!(cache.get(cache.key(b"abc", 0, 3).unwrap()), Some(&[1, 2][..]));
        assert!(cache.get(cache.key(text, 0, 2).unwrap()).is_none());
        assert!(cache.get(cache.key(b"abc\0", 0, 4).unwrap()).is_none());
        assert!(cache.key(text, 0, 15).is_some());
        assert!(cache.key(text, 0, 16).is_none());
        cache.insert(cache.key(text, 0, 15).unwrap(), &[0; MAX_IDS + 1]);
        assert!(cache.get(cache.key(text, 0, 15).unwrap()).is_none());
    }
}
