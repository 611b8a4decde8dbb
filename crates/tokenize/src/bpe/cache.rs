//! The ids of words seen lately.

/// Words of up to this many bytes are kept; their bytes and length make one `u128`.
const MAX_WORD: usize = 15;
/// Words of up to this many ids are kept.
const MAX_IDS: usize = 4;
/// Pairs of entries of a cache, 4 MB of them.
const SETS: usize = 1 << 16;
/// An entry's first id shares its number with how many ids there are.
const ID_BITS: u32 = 29;

/// A table in which each word has two places, which share a line of the processor's cache; a word that finds both
/// taken pushes out the one that came earlier. So memory is fixed, nothing is ever searched, and the words that a
/// text is made of stay.
pub(super) struct WordCache {
    sets: Box<[Set]>,
}

/// One line of the processor's cache.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Set([Entry; 2]);

#[derive(Clone, Copy, Default)]
struct Entry {
    /// 0 for none: a word's key holds its length, which is not 0.
    key: u128,
    /// The ids, the first under the number of ids.
    ids: [u32; MAX_IDS],
}

/// A word's content and place.
#[derive(Clone, Copy)]
pub(super) struct Key {
    key: u128,
    place: usize,
}

/// Up to four ids.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub(super) ids: [u32; MAX_IDS],
    pub(super) length: usize,
}

impl WordCache {
    pub(super) fn new() -> Self {
        Self { sets: vec![Set::default(); SETS].into_boxed_slice() }
    }

    /// The key of `text[start..end]`, if it is short enough to be kept.
    #[inline]
    pub(super) fn key(text: &[u8], start: usize, end: usize) -> Option<Key> {
        let length = end - start;
        if length > MAX_WORD {
            return None;
        }
        // Sixteen bytes read at once where the text has them: a copy of unknown length is slower than the rest of
        // the look-up.
        let bytes = match text.get(start..).and_then(|rest| rest.first_chunk::<16>()) {
            Some(&chunk) => u128::from_le_bytes(chunk) & MASKS[length & MAX_WORD],
            None => {
                let mut chunk = [0; 16];
                chunk[..length].copy_from_slice(&text[start..end]);
                u128::from_le_bytes(chunk)
            }
        };
        let key = bytes | (length as u128) << 120;
        // Two products side by side: the place is wanted soon, and a bad one costs only a word made anew.
        let hash = (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ ((key >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        Some(Key { key, place: (hash >> 40) as usize & (SETS - 1) })
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<Ids> {
        let set = &self.sets[key.place].0;
        let entry = if set[0].key == key.key { &set[0] } else { &set[1] };
        if entry.key != key.key {
            return None;
        }
        let mut ids = entry.ids;
        let length = ids[0] >> ID_BITS;
        ids[0] &= (1 << ID_BITS) - 1;
        Some(Ids { ids, length: length as usize })
    }

    pub(super) fn insert(&mut self, key: Key, ids: &[u32]) {
        if ids.is_empty() || ids.len() > MAX_IDS || ids[0] >> ID_BITS != 0 {
            return;
        }
        let mut entry = Entry { key: key.key, ids: [0; MAX_IDS] };
        entry.ids[..ids.len()].copy_from_slice(ids);
        entry.ids[0] |= (ids.len() as u32) << ID_BITS;
        let set = &mut self.sets[key.place].0;
        *set = [entry, set[0]];
    }
}

/// The lowest bytes of a word's length.
const MASKS: [u128; 16] = {
    let mut masks = [0; 16];
    let mut length = 0;
    while length < 16 {
        masks[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    masks
};

#[cfg(test)]
mod tests {
    use super::*;

    fn get(cache: &WordCache, text: &[u8], start: usize, end: usize) -> Option<Vec<u32>> {
        let ids = cache.get(WordCache::key(text, start, end).unwrap())?;
        Some(ids.ids[..ids.length].to_vec())
    }

    #[test]
    fn words_are_found_by_content_alone() {
        let mut cache = WordCache::new();
        let text = b"abcabcabcabcabcabcabc ab";
        assert!(get(&cache, text, 0, 3).is_none());
        cache.insert(WordCache::key(text, 0, 3).unwrap(), &[1, 2]);
        // Elsewhere in the text, and at its end, where the bytes are read in another way.
        for at in [3, 6, 15] {
            assert_eq!(get(&cache, text, at, at + 3), Some(vec![1, 2]));
        }
        assert_eq!(get(&cache, b"abc", 0, 3), Some(vec![1, 2]));
        assert!(get(&cache, text, 0, 2).is_none());
        assert!(get(&cache, b"abc\0", 0, 4).is_none());
        assert!(WordCache::key(text, 0, 15).is_some());
        assert!(WordCache::key(text, 0, 16).is_none());
        let key = WordCache::key(text, 0, 15).unwrap();
        cache.insert(key, &[0; MAX_IDS + 1]);
        cache.insert(key, &[1 << ID_BITS]);
        assert!(cache.get(key).is_none());
        cache.insert(key, &[(1 << ID_BITS) - 1, u32::MAX, 0, 7]);
        assert_eq!(get(&cache, text, 0, 15), Some(vec![(1 << ID_BITS) - 1, u32::MAX, 0, 7]));
    }
}
