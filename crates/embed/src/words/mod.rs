//! A numbered list of distinct words.

mod mapped;

use std::fmt;
use std::sync::Arc;

use crate::{Error, Result};

pub(crate) use mapped::Mapped;

/// Distinct words numbered from zero, found by name in constant time.
///
/// The words lie in one string, and a table of 8-byte slots finds them: about 20 bytes a word beside its letters. Those
/// of vectors that were [opened](crate::Vectors::open) may lie in the file, and take no memory.
#[derive(Clone)]
pub struct Words {
    list: List,
}

#[derive(Clone)]
enum List {
    Owned(Owned),
    Mapped(Arc<Mapped>),
}

/// Words in memory.
#[derive(Clone, Default)]
struct Owned {
    text: String,
    /// Where each word ends in `text`.
    ends: Vec<usize>,
    table: Table,
}

impl Owned {
    #[inline]
    fn word(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    #[inline]
    fn find(&self, hash: u32, word: &[u8]) -> Option<u32> {
        self.table.find(hash, |index| {
            let index = index as usize;
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            &self.text.as_bytes()[start..self.ends[index]] == word
        })
    }

    /// Adds a word that is not there.
    fn push(&mut self, hash: u32, word: &str) {
        self.table.insert(hash, self.ends.len() as u32);
        self.text.push_str(word);
        self.ends.push(self.text.len());
    }
}

impl Default for Words {
    fn default() -> Self {
        Self { list: List::Owned(Owned::default()) }
    }
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
        let index = self.len();
        if index as u64 >= MAX_WORDS {
            return Err(Error::TooLarge { what: "words", limit: MAX_WORDS, found: index as u64 + 1 });
        }
        self.own().push(hash, word);
        Ok((index, true))
    }

    /// The words in memory, copied there if they lie in a file.
    fn own(&mut self) -> &mut Owned {
        if let List::Mapped(words) = &self.list {
            let mut owned = Owned::default();
            for word in (0..words.len()).map(|index| words.word(index)) {
                owned.push(hash(word.as_bytes()), word);
            }
            self.list = List::Owned(owned);
        }
        match &mut self.list {
            List::Owned(owned) => owned,
            List::Mapped(_) => unreachable!("they have been copied"),
        }
    }

    /// Words in a file.
    pub(crate) fn from_mapped(words: Mapped) -> Self {
        Self { list: List::Mapped(Arc::new(words)) }
    }

    /// Where each word ends in the text of all words with a byte between each two, and the table that finds them, as
    /// [`Mapped`] reads them.
    pub(crate) fn index_bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut ends, mut end) = (Vec::with_capacity(8 * self.len()), 0u64);
        let mut table = Table::default();
        for (index, word) in self.iter().enumerate() {
            end += word.len() as u64;
            ends.extend((end + index as u64).to_le_bytes());
            if matches!(self.list, List::Mapped(_)) {
                table.insert(hash(word.as_bytes()), index as u32);
            }
        }
        let table = match &self.list {
            List::Owned(owned) => &owned.table,
            List::Mapped(_) => &table,
        };
        (
            ends,
            table
                .slots
                .iter()
                .flat_map(|(hash, number)| [*hash, *number])
                .flat_map(u32::to_le_bytes)
                .collect(),
        )
    }

    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.list {
            List::Owned(words) => words.ends.len(),
            List::Mapped(words) => words.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
        match &self.list {
            List::Owned(words) => words.word(index),
            List::Mapped(words) => words.word(index),
        }
    }

    /// All words in the order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|index| self.word(index))
    }

    #[inline]
    fn find(&self, hash: u32, word: &[u8]) -> Option<u32> {
        match &self.list {
            List::Owned(words) => words.find(hash, word),
            List::Mapped(words) => words.find(hash, word),
        }
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        match (&self.list, &other.list) {
            (List::Owned(a), List::Owned(b)) => a.ends == b.ends && a.text == b.text,
            _ => self.iter().eq(other.iter()),
        }
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

/// Hash of a byte string, eight bytes at a time: products of 128 bits, folded. Files hold such hashes (see [`Mapped`]).
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

    /// Files hold hashes: they must stay what they are.
    #[test]
    fn hashes_are_for_ever() {
        let hashes = ["", "a", "king", "kingdom!", "三国演义"].map(|word| hash(word.as_bytes()));
        assert_eq!(hashes, [0x0000_0000, 0xa22a_838c, 0x1c9a_ddd6, 0x2d13_5e83, 0x2ce4_0408]);
    }

    #[test]
    fn a_repeated_word_is_named() {
        let error = Words::from_words(["a", "b", "a"]).unwrap_err();
        assert_eq!(error.to_string(), "word 2 is \"a\", which is also word 0");
    }
}
