//! A numbered list of distinct words.

use std::fmt;

use crate::{Error, Result};

/// Distinct words numbered from zero, found by name in constant time.
///
/// The words lie in one string, and a table of 8-byte slots finds them: about 20 bytes a word beside its letters.
#[derive(Clone, Default)]
pub struct Words {
    text: String,
    /// Where each word ends in `text`.
    ends: Vec<usize>,
    table: Table,
}

/// Number of words whose table a hash of 32 bits addresses.
const MAX_WORDS: u64 = 1 << 31;

impl Words {
    /// No words.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Collects words, which must differ.
    ///
    /// # Errors
    /// [`Error::DuplicateWord`] names the first word that occurs twice.
    ///
    /// ```
    /// let words = embed::Words::from_words(["king", "queen"])?;
    /// assert_eq!(words.index("queen"), Some(1));
    /// assert_eq!(words.word(0), "king");
    /// assert!(embed::Words::from_words(["king", "king"]).is_err());
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn from_words<I>(words: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut list = Self::new();
        for word in words {
            let word = word.as_ref();
            let index = list.len();
            let (first, is_new) = list.insert(word)?;
            if !is_new {
                return Err(Error::DuplicateWord { word: word.to_owned(), first, index });
            }
        }
        Ok(list)
    }

    /// The number of `word`, which is added if it is new, and whether it was.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond 2³¹ words.
    pub fn insert(&mut self, word: &str) -> Result<(usize, bool)> {
        let hash = hash(word.as_bytes());
        if let Some(index) = self.find(hash, word.as_bytes()) {
            return Ok((index as usize, false));
        }
        let index = self.ends.len();
        if index as u64 >= MAX_WORDS {
            return Err(Error::TooLarge { what: "words", limit: MAX_WORDS, found: index as u64 + 1 });
        }
        self.text.push_str(word);
        self.ends.push(self.text.len());
        self.table.insert(hash, index as u32);
        Ok((index, true))
    }

    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The number of `word`.
    #[inline]
    #[must_use]
    pub fn index(&self, word: &str) -> Option<usize> {
        self.find(hash(word.as_bytes()), word.as_bytes()).map(|index| index as usize)
    }

    /// The number of the word with these bytes.
    #[inline]
    pub(crate) fn id(&self, word: &[u8]) -> Option<u32> {
        self.find(hash(word), word)
    }

    /// The word numbered `index`.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn word(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    /// All words in the order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|index| self.word(index))
    }

    #[inline]
    fn bytes(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text.as_bytes()[start..self.ends[index]]
    }

    #[inline]
    fn find(&self, hash: u32, word: &[u8]) -> Option<u32> {
        self.table.find(hash, |index| self.bytes(index) == word)
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.ends == other.ends && self.text == other.text
    }
}

impl Eq for Words {}

/// Open addressing with linear probing; a slot is a hash and the number plus one, zero where free. At most half
/// the slots are taken, so that a missing word is told after one or two of them.
#[derive(Clone, Default)]
pub(crate) struct Table {
    slots: Vec<(u32, u32)>,
    len: usize,
}

impl Table {
    /// The number whose hash is `hash` and for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (found, number) = self.slots[at];
            if number == 0 {
                return None;
            }
            if found == hash && is_it(number - 1) {
                return Some(number - 1);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a number that is not there.
    pub(crate) fn insert(&mut self, hash: u32, number: u32) {
        if (self.len + 1) * 2 > self.slots.len() {
            let larger = vec![(0, 0); (self.slots.len() * 2).max(16)];
            for (hash, number) in std::mem::replace(&mut self.slots, larger) {
                if number != 0 {
                    self.place(hash, number);
                }
            }
        }
        self.place(hash, number + 1);
        self.len += 1;
    }

    fn place(&mut self, hash: u32, number: u32) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at].1 != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = (hash, number);
    }
}

/// Hash of a byte string, eight bytes at a time: products of 128 bits, folded.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u32 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |a: u64| {
        let product = u128::from(a) * u128::from(K);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let mut hash = (bytes.len() as u64).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let (eights, tail) = bytes.as_chunks::<8>();
    for &eight in eights {
        hash = mix(hash ^ u64::from_le_bytes(eight));
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    hash = mix(mix(hash ^ u64::from_le_bytes(last)));
    (hash >> 32) as u32 ^ hash as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_are_found_as_in_a_map(list in prop::collection::vec("[a-d]{0,4}", 0..200)) {
            let mut words = Words::new();
            let mut map = HashMap::new();
            for word in &list {
                let next = map.len();
                let expected = *map.entry(word.clone()).or_insert(next);
                prop_assert_eq!(words.insert(word).unwrap(), (expected, expected == next));
            }
            prop_assert_eq!(words.len(), map.len());
            for (word, &index) in &map {
                prop_assert_eq!(words.index(word), Some(index));
                prop_assert_eq!(words.word(index), word.as_str());
            }
            prop_assert_eq!(words.index("e"), None);
        }
    }

    #[test]
    fn a_repeated_word_is_named() {
        let error = Words::from_words(["a", "b", "a"]).unwrap_err();
        assert_eq!(error.to_string(), "word 2 is \"a\", which is also word 0");
    }
}
