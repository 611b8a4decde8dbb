//! The ids of words seen lately.

/// Words of up to this many bytes are kept; their bytes and length make one `u128`.
pub(super) const MAX_WORD: usize = 15;
/// Words of up to this many ids are kept.
pub(super) const MAX_IDS: usize = 4;
/// Sets of a new cache, 32 KB of them, so that a short text costs little.
const FIRST_SETS: usize = 1 << 9;
/// Sets of the largest cache, 8 MB of them.
const MOST_SETS: usize = 1 << 17;
/// Where a key holds the length of its word, and an entry's key the number of its ids.
const LENGTH_BIT: u32 = 120;
const COUNT_BIT: u32 = 124;
/// Set in the keys of parts of words.
const PART: u128 = 1 << 127;
/// What of an entry's key is the key of its word.
const WORD: u128 = !(7 << COUNT_BIT);

/// A table in which each word has two places, which share a line of the processor's cache, and two more in the line
/// beside it; a word that finds all taken pushes out the one that came earlier. So nothing is ever searched, and the
/// words that a text is made of stay. A table of which a quarter is taken becomes twice as large, up to a limit.
pub(super) struct WordCache {
    sets: Box<[Set]>,
    /// How far a hash is shifted to be a place.
    shift: u32,
    /// Entries taken.
    used: usize,
}

/// One line of the processor's cache.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Set([Entry; 2]);

#[derive(Clone, Copy, Default)]
struct Entry {
    /// The word's key and the number of ids. 0 for none: a word's length is not 0.
    key: u128,
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
    /// Of words that are not kept. No word has it: the key of a word has no number of ids.
    pub(super) const NONE: Self = Self(u128::MAX);

    /// The key of the word of up to [`MAX_WORD`] bytes that a chunk begins with.
    #[inline]
    pub(super) fn new(chunk: u128, length: usize) -> Self {
        debug_assert!(length <= MAX_WORD);
        Self(chunk & MASKS[length & MAX_WORD] | (length as u128) << LENGTH_BIT)
    }

    /// The key of `word`.
    #[cfg(test)]
    fn of(word: &[u8]) -> Self {
        let mut bytes = [0; 16];
        match bytes.get_mut(..word.len()) {
            Some(part) if word.len() <= MAX_WORD => part.copy_from_slice(word),
            _ => return Self::NONE,
        }
        Self::new(u128::from_le_bytes(bytes), word.len())
    }

    /// The key of the same bytes as a part of a word, which may have other ids than the word that they are.
    #[inline]
    pub(super) fn as_part(self) -> Self {
        if self == Self::NONE { self } else { Self(self.0 | PART) }
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
            used: 0,
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
        let entry = &set[usize::from(set[0].key & WORD != key.0)];
        (entry.key & WORD == key.0)
            .then_some(Ids { ids: entry.ids, length: (entry.key >> COUNT_BIT) as usize & 7 })
    }

    pub(super) fn insert(&mut self, key: Key, ids: &[u32]) {
        if key == Key::NONE || ids.len() > MAX_IDS {
            return;
        }
        let mut entry = Entry { key: key.0 | (ids.len() as u128) << COUNT_BIT, ids: [0; MAX_IDS] };
        entry.ids[..ids.len()].copy_from_slice(ids);
        if self.used * 2 >= self.sets.len() && self.sets.len() < MOST_SETS {
            self.grow();
        }
        self.write(entry);
    }

    fn write(&mut self, entry: Entry) {
        let place = self.place(Key(entry.key & WORD));
        for place in [place, place ^ 1] {
            if let Some(free) = self.sets[place].0.iter_mut().find(|entry| entry.key == 0) {
                *free = entry;
                self.used += 1;
                return;
            }
        }
        let set = &mut self.sets[place].0;
        *set = [entry, set[0]];
    }

    fn grow(&mut self) {
        let old = std::mem::replace(self, Self::of_size(self.sets.len() * 2));
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

    fn get(cache: &WordCache, word: &[u8]) -> Option<Vec<u32>> {
        let key = Key::of(word);
        let ids = cache.get(key).or_else(|| cache.get_beside(key))?;
        Some(ids.as_slice().to_vec())
    }

    #[test]
    fn words_are_found_by_content_alone() {
        let mut cache = WordCache::new();
        assert!(get(&cache, b"abc").is_none());
        cache.insert(Key::of(b"abc"), &[1, 2]);
        assert_eq!(get(&cache, b"abc"), Some(vec![1, 2]));
        assert!(Key::new(u128::from_le_bytes(*b"abcdefghijklmnop"), 3) == Key::of(b"abc"));
        assert!(get(&cache, b"ab").is_none());
        assert!(get(&cache, b"abc\0").is_none());
        assert!(cache.get(Key::of(b"abc").as_part()).is_none());
        assert!(Key::of(&[b'a'; 15]) != Key::NONE);
        assert!(Key::of(&[b'a'; 16]) == Key::NONE && Key::of(&[b'a'; 17]).as_part() == Key::NONE);
        cache.insert(Key::NONE, &[1]);
        assert!(cache.get(Key::NONE).is_none());
        let key = Key::of(&[b'a'; 15]);
        cache.insert(key, &[0; MAX_IDS + 1]);
        assert!(cache.get(key).is_none());
        cache.insert(key, &[u32::MAX, 0, 0, 7]);
        assert_eq!(get(&cache, &[b'a'; 15]), Some(vec![u32::MAX, 0, 0, 7]));
        // The key that is nearest to the one of words that are not kept.
        cache.insert(Key::of(&[0xff; 15]).as_part(), &[1, 2, 3, 4]);
        assert!(cache.get(Key::NONE).is_none());
    }

    #[test]
    fn a_cache_grows_to_its_limit_and_keeps_most_words() {
        let mut cache = WordCache::new();
        let words: Vec<String> = (0..MOST_SETS).map(|word| format!("word {word}")).collect();
        for (id, word) in (0..).zip(&words) {
            cache.insert(Key::of(word.as_bytes()), &[id]);
            assert_eq!(get(&cache, word.as_bytes()), Some(vec![id]));
        }
        assert_eq!(cache.sets.len(), MOST_SETS);
        let is_there = |id, word: &String| get(&cache, word.as_bytes()) == Some(vec![id]);
        let found = (0..).zip(&words).filter(|&(id, word)| is_there(id, word));
        assert!(found.count() > MOST_SETS / 10 * 9);
    }
}
