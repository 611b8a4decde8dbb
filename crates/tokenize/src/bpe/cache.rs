//! The ids of words seen lately.

/// Words of up to this many bytes are kept; their bytes and length make one `u128`.
const MAX_WORD: usize = 15;
/// Words of up to this many ids are kept.
pub(super) const MAX_IDS: usize = 4;
/// Sets of a new cache, 32 KB of them, so that a short text costs little.
const FIRST_SETS: usize = 1 << 9;
/// Sets of the largest cache, 8 MB of them.
const MOST_SETS: usize = 1 << 17;
/// How many times as large a cache becomes when it grows.
const GROWTH: usize = 4;
/// An entry's first id shares its number with how many ids there are.
const ID_BITS: u32 = 29;

/// A table in which each word has two places, which share a line of the processor's cache, and two more in the line
/// beside it; a word that finds all taken pushes out the one that came earlier. So nothing is ever searched, and the
/// words that a text is made of stay. A table that is often written to grows, up to a limit.
pub(super) struct WordCache {
    sets: Box<[Set]>,
    /// How far a hash is shifted to be a place.
    shift: u32,
    /// Words written since the table has this size.
    written: usize,
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

/// A word's content, if it is short enough to be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u128);

/// Up to four ids.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub(super) ids: [u32; MAX_IDS],
    pub(super) length: usize,
}

impl Ids {
    #[inline]
    pub(super) fn as_slice(&self) -> &[u32] {
        &self.ids[..self.length.min(MAX_IDS)]
    }
}

impl Key {
    /// Of words that are not kept. No word has it: its length would be 255.
    pub(super) const NONE: Self = Self(u128::MAX);

    /// The key of `text[start..end]`.
    #[inline]
    pub(super) fn new(text: &[u8], start: usize, end: usize) -> Self {
        let length = end - start;
        if length > MAX_WORD {
            return Self::NONE;
        }
        // Sixteen bytes read at once, beginning with the word or ending with the text: a copy of unknown length is
        // slower than all the rest.
        let bytes =
            match (text.get(start..).and_then(|rest| rest.first_chunk::<16>()), text.last_chunk::<16>()) {
                (Some(&chunk), _) => u128::from_le_bytes(chunk),
                (None, Some(&chunk)) => u128::from_le_bytes(chunk) >> (8 * (start + 16 - text.len())),
                (None, None) => {
                    let bytes = text[start..end].iter().rev();
                    bytes.fold(0, |bytes, &byte| bytes << 8 | u128::from(byte))
                }
            };
        Self(bytes & MASKS[length & MAX_WORD] | (length as u128) << 120)
    }

    /// The key of the same bytes as a part of a word, which may have other ids than the word that they are.
    #[inline]
    pub(super) fn of_part(text: &[u8], start: usize, end: usize) -> Self {
        match Self::new(text, start, end) {
            Self::NONE => Self::NONE,
            Self(key) => Self(key | 1 << 127),
        }
    }

    /// Two products side by side: the place is wanted soon, and a bad one costs only a word made anew.
    #[inline]
    fn hash(self) -> u64 {
        (self.0 as u64).wrapping_mul(0xff51_afd7_ed55_8ccd)
            ^ ((self.0 >> 64) as u64).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
    }
}

impl WordCache {
    pub(super) fn new() -> Self {
        Self::of_size(FIRST_SETS)
    }

    fn of_size(sets: usize) -> Self {
        Self {
            sets: vec![Set::default(); sets].into_boxed_slice(),
            shift: u64::BITS - sets.trailing_zeros(),
            written: 0,
        }
    }

    #[inline]
    fn place(&self, key: Key) -> usize {
        (key.hash() >> self.shift) as usize
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<Ids> {
        self.find(self.place(key), key)
    }

    /// [`get`](Self::get) for a word that is not where it should be: some had to take the next best place.
    #[cold]
    pub(super) fn get_beside(&self, key: Key) -> Option<Ids> {
        self.find(self.place(key) ^ 1, key)
    }

    #[inline]
    fn find(&self, place: usize, key: Key) -> Option<Ids> {
        let set = &self.sets[place].0;
        // No branch: which of the two it is cannot be foretold.
        let entry = &set[usize::from(set[0].key != key.0)];
        if entry.key != key.0 {
            return None;
        }
        let mut ids = entry.ids;
        let length = ids[0] >> ID_BITS;
        ids[0] &= (1 << ID_BITS) - 1;
        Some(Ids { ids, length: length as usize })
    }

    pub(super) fn insert(&mut self, key: Key, ids: &[u32]) {
        if key == Key::NONE || ids.is_empty() || ids.len() > MAX_IDS || ids[0] >> ID_BITS != 0 {
            return;
        }
        let mut entry = Entry { key: key.0, ids: [0; MAX_IDS] };
        entry.ids[..ids.len()].copy_from_slice(ids);
        entry.ids[0] |= (ids.len() as u32) << ID_BITS;
        if self.written == self.sets.len() && self.sets.len() < MOST_SETS {
            self.grow();
        }
        self.write(entry);
        self.written += 1;
    }

    fn write(&mut self, entry: Entry) {
        let place = self.place(Key(entry.key));
        for place in [place, place ^ 1] {
            if let Some(free) = self.sets[place].0.iter_mut().find(|entry| entry.key == 0) {
                *free = entry;
                return;
            }
        }
        let set = &mut self.sets[place].0;
        *set = [entry, set[0]];
    }

    fn grow(&mut self) {
        let old = std::mem::replace(self, Self::of_size(self.sets.len() * GROWTH));
        for Set([newer, older]) in old.sets {
            for entry in [older, newer] {
                if entry.key != 0 {
                    self.write(entry);
                }
            }
        }
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
        let key = Key::new(text, start, end);
        let ids = cache.get(key).or_else(|| cache.get_beside(key))?;
        Some(ids.as_slice().to_vec())
    }

    #[test]
    fn words_are_found_by_content_alone() {
        let mut cache = WordCache::new();
        let text = b"abcabcabcabcabcabcabc ab";
        assert!(get(&cache, text, 0, 3).is_none());
        cache.insert(Key::new(text, 0, 3), &[1, 2]);
        // Elsewhere in the text, at its end, and in a short one, where the bytes are read in other ways.
        for at in [3, 6, 15, 18] {
            assert_eq!(get(&cache, text, at, at + 3), Some(vec![1, 2]));
        }
        assert_eq!(get(&cache, b"abc", 0, 3), Some(vec![1, 2]));
        assert_eq!(get(&cache, b" abc", 1, 4), Some(vec![1, 2]));
        assert!(get(&cache, text, 0, 2).is_none());
        assert!(get(&cache, b"abc\0", 0, 4).is_none());
        assert!(cache.get(Key::of_part(text, 0, 3)).is_none());
        assert!(Key::new(text, 0, 15) != Key::NONE);
        assert!(Key::new(text, 0, 16) == Key::NONE);
        cache.insert(Key::NONE, &[1]);
        assert!(cache.get(Key::NONE).is_none());
        let key = Key::new(text, 0, 15);
        cache.insert(key, &[0; MAX_IDS + 1]);
        cache.insert(key, &[1 << ID_BITS]);
        assert!(cache.get(key).is_none());
        cache.insert(key, &[(1 << ID_BITS) - 1, u32::MAX, 0, 7]);
        assert_eq!(get(&cache, text, 0, 15), Some(vec![(1 << ID_BITS) - 1, u32::MAX, 0, 7]));
    }

    #[test]
    fn a_cache_grows_to_its_limit_and_keeps_most_words() {
        let mut cache = WordCache::new();
        let words: Vec<String> = (0..MOST_SETS).map(|word| format!("word {word}")).collect();
        let bytes = |word: &String| word.clone().into_bytes();
        for (id, word) in (0..).zip(&words) {
            cache.insert(Key::new(&bytes(word), 0, word.len()), &[id]);
            assert_eq!(get(&cache, &bytes(word), 0, word.len()), Some(vec![id]));
        }
        assert_eq!(cache.sets.len(), MOST_SETS);
        let is_there = |id, word: &String| get(&cache, &bytes(word), 0, word.len()) == Some(vec![id]);
        let found = (0..).zip(&words).filter(|&(id, word)| is_there(id, word));
        assert!(found.count() > MOST_SETS / 10 * 9);
    }
}
