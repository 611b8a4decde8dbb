//! Words as bags of their character n-grams.

use serde::{Deserialize, Serialize};

use crate::error::check;
use crate::{Result, Words};

/// Character n-grams whose vectors make up those of words (Bojanowski et al. 2017), so that words never seen have
/// vectors too.
///
/// A word between `<` and `>` has the n-grams of `min` to `max` characters; each falls into one of `buckets` by
/// the 32-bit FNV-1a hash of its bytes, and n-grams of the same bucket share a vector. N-grams and buckets are
/// fastText's.
///
/// ```
/// let subwords = embed::Subwords { min: 3, max: 3, buckets: 1000 };
/// assert_eq!(subwords.of("cat").len(), 3); // <ca cat at>
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subwords {
    /// Fewest characters of an n-gram.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// Number of vectors that n-grams share.
    pub buckets: u32,
}

impl Default for Subwords {
    /// fastText's: three to six characters, two million buckets.
    fn default() -> Self {
        Self { min: 3, max: 6, buckets: 2_000_000 }
    }
}

const OFFSET: u32 = 2_166_136_261;

#[inline]
fn fold(hash: u32, byte: u8) -> u32 {
    // fastText sees bytes as signed numbers.
    (hash ^ (byte as i8) as u32).wrapping_mul(16_777_619)
}

/// FNV-1a of a word, as fastText computes it.
pub(crate) fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(OFFSET, |hash, &byte| fold(hash, byte))
}

fn is_inside(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

impl Subwords {
    /// The buckets of a word's n-grams, from the front, the short ones of each place first.
    #[must_use]
    pub fn of(&self, word: &str) -> Vec<u32> {
        let mut buckets = Vec::new();
        self.extend(word, &mut buckets);
        buckets
    }

    /// Appends the buckets of a word's n-grams.
    pub(crate) fn extend(&self, word: &str, into: &mut Vec<u32>) {
        let bytes = [b"<", word.as_bytes(), b">"].concat();
        for start in (0..bytes.len()).filter(|&start| !is_inside(bytes[start])) {
            let (mut hash, mut end) = (OFFSET, start);
            for length in 1..=self.max {
                if end == bytes.len() {
                    break;
                }
                hash = fold(hash, bytes[end]);
                end += 1;
                while end < bytes.len() && is_inside(bytes[end]) {
                    hash = fold(hash, bytes[end]);
                    end += 1;
                }
                // `<` and `>` alone say nothing.
                let is_edge = length == 1 && (start == 0 || end == bytes.len());
                if length >= self.min && !is_edge {
                    into.push(hash % self.buckets);
                }
            }
        }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        check("subwords.min", (1..=self.max).contains(&self.min), "1 to the longest", &self.min)?;
        check("subwords.max", self.max <= 64, "at most 64", &self.max)?;
        check("subwords.buckets", (1..=1 << 30).contains(&self.buckets), "1 to 2³⁰", &self.buckets)
    }

    /// For each word the rows of its vectors: its own, then those of its n-grams, which follow the words'.
    pub(crate) fn rows(&self, words: &Words) -> Lists {
        let mut lists = Lists::default();
        for (row, word) in words.iter().enumerate() {
            lists.items.push(row as u32);
            let from = lists.items.len();
            self.extend(word, &mut lists.items);
            lists.items[from..].iter_mut().for_each(|bucket| *bucket += words.len() as u32);
            lists.ends.push(lists.items.len());
        }
        lists
    }
}

/// Lists of numbers, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    pub(crate) items: Vec<u32>,
    pub(crate) ends: Vec<usize>,
}

impl Lists {
    #[inline]
    pub(crate) fn get(&self, index: usize) -> &[u32] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.items[start..self.ends[index]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_grams_are_cut_between_characters() {
        let grams = |word: &str, min, max| Subwords { min, max, buckets: u32::MAX }.of(word);
        let hashes =
            |grams: &[&str]| grams.iter().map(|gram| hash(gram.as_bytes()) % u32::MAX).collect::<Vec<_>>();
        assert_eq!(grams("三国", 1, 2), hashes(&["<三", "三", "三国", "国", "国>"]));
        assert_eq!(grams("ab", 3, 6), hashes(&["<ab", "<ab>", "ab>"]));
        assert_eq!(grams("é", 1, 1), hashes(&["é"]));
        assert!(grams("", 3, 6).is_empty());
        // The reference value of 32-bit FNV-1a.
        assert_eq!(hash(b"foobar"), 0xbf9c_f968);
    }
}
