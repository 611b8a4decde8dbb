//! Words in a file that is mapped into memory.

use std::ops::Range;
use std::sync::Arc;

use crate::vectors::Map;

/// Words and the table that finds them, in place: nothing is read but what is asked for.
///
/// The file holds the words in UTF-8 with a byte between each two; where each ends, as little-endian `u64`; and a
/// table of a power of two slots, each a hash and a number plus one as little-endian `u32`, zero where free, with
/// linear probing from the hash on. Nothing of that is trusted: in a damaged file a word may not be found, or read as
/// U+FFFD, and nothing worse.
pub(crate) struct Mapped {
    map: Arc<Map>,
    /// Bytes of the map.
    text: Range<usize>,
    ends: Range<usize>,
    slots: Range<usize>,
}

/// The little-endian number at `at`, zero beyond the end.
fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

impl Mapped {
    /// Words in three parts of a map; what is wrong with their sizes, if anything.
    ///
    /// # Panics
    /// If the parts do not lie in the map.
    pub(crate) fn new(
        map: Arc<Map>,
        text: Range<usize>,
        ends: Range<usize>,
        slots: Range<usize>,
    ) -> Result<Self, String> {
        assert!([&text, &ends, &slots].iter().all(|part| part.start <= part.end && part.end <= map.len()));
        let words = Self { map, text, ends, slots };
        let (len, slots) = (words.len(), words.slots.len() / 8);
        let last = if len == 0 { 0 } else { words.end(len - 1) };
        if words.text.len() != last {
            return Err(format!("the last word ends at {last}, the words have {} bytes", words.text.len()));
        }
        if !slots.is_power_of_two() || slots <= len || len >= super::MAX_WORDS as usize {
            return Err(format!("a table of {slots} slots for {len} words"));
        }
        Ok(words)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len() / 8
    }

    fn end(&self, index: usize) -> usize {
        u64::from_le_bytes(number(&self.map[self.ends.clone()], 8 * index)) as usize
    }

    fn bytes(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.end(index - 1).saturating_add(1) };
        self.map[self.text.clone()].get(start..self.end(index)).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn word(&self, index: usize) -> &str {
        assert!(index < self.len(), "word {index} of {}", self.len());
        std::str::from_utf8(self.bytes(index)).unwrap_or("\u{fffd}")
    }

    pub(super) fn find(&self, wanted: u32, word: &[u8]) -> Option<u32> {
        let slots = &self.map[self.slots.clone()];
        let mask = slots.len() / 8 - 1;
        for step in 0..=mask {
            let at = 8 * ((wanted as usize).wrapping_add(step) & mask);
            let found = u32::from_le_bytes(number(slots, at));
            let index = u32::from_le_bytes(number(slots, at + 4)).checked_sub(1)?;
            if found == wanted && (index as usize) < self.len() && self.bytes(index as usize) == word {
                return Some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::super::{Words, hash};
    use super::*;

    /// The words in a file that is mapped; of it, `bytes` are changed.
    fn mapped(words: &Words, changed: &[(usize, u8)]) -> Result<Words, String> {
        let text = words.iter().collect::<Vec<_>>().join("\n").into_bytes();
        let (ends, slots) = words.index_bytes();
        let mut all = [&text[..], &ends, &slots].concat();
        for &(at, byte) in changed {
            let at = at % all.len();
            all[at] = byte;
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&all).unwrap();
        // SAFETY: the file has no name, and nothing writes to it.
        let map = Arc::new(unsafe { Map::map(&file) }.unwrap());
        let (a, b) = (text.len(), text.len() + ends.len());
        Mapped::new(map, 0..a, a..b, b..all.len()).map(Words::from_mapped)
    }

    proptest! {
        #[test]
        fn words_are_those_of_the_file(list in prop::collection::btree_set("[a-z三国 ]{1,9}", 1..300)) {
            let words = Words::from_words(&list).unwrap();
            let mut there = mapped(&words, &[]).unwrap();
            prop_assert_eq!(&there, &words);
            for (index, word) in list.iter().enumerate() {
                prop_assert_eq!(there.index(word), Some(index));
            }
            prop_assert_eq!(there.index("A"), None);
            prop_assert_eq!(there.index_bytes().0, words.index_bytes().0);
            prop_assert_eq!(there.insert("A").unwrap(), (list.len(), true));
            prop_assert_eq!(there.index(words.word(0)), Some(0));
        }

        #[test]
        fn damage_is_no_panic(
            list in prop::collection::btree_set("[a-z三国]{1,9}", 1..40),
            changed in prop::collection::vec((any::<usize>(), any::<u8>()), 1..40),
        ) {
            let words = Words::from_words(&list).unwrap();
            if let Ok(there) = mapped(&words, &changed) {
                for (index, word) in list.iter().enumerate() {
                    let _ = (there.word(index), there.index(word));
                }
                // Whatever is found is that word.
                for word in ["a", "三", "zz"].into_iter().chain(list.iter().map(String::as_str)) {
                    prop_assert!(there.index(word).is_none_or(|index| there.word(index) == word));
                }
            }
        }
    }

    #[test]
    fn hashes_and_sizes_are_checked() {
        let words = Words::from_words(["king", "queen"]).unwrap();
        assert!(mapped(&words, &[(18, 7)]).unwrap_err().contains("the words have 10 bytes"));
        assert_ne!(hash(b"king"), hash(b"queen"));
    }
}
