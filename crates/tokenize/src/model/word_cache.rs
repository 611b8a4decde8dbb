//! The pieces of words seen lately. Text repeats its words, and looking one up is several times faster than cutting it.

use std::sync::{Arc, Mutex, PoisonError};

use super::Piece;
use crate::hash;

/// Words of up to this many bytes are kept; their bytes and length make one `u128`.
const MAX_WORD: usize = 15;
/// Words of up to this many pieces are kept.
const MAX_PIECES: usize = 8;
/// Entries of a cache, 1 MB of them.
const ENTRIES: usize = 1 << 14;

/// A table in which each word has one place; a word that comes to a taken place takes it over. So memory is fixed,
/// nothing is ever searched, and the words that a text is made of stay.
pub(crate) struct WordCache {
    entries: Vec<Entry>,
    seed: u64,
}

/// One line of the processor's cache.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Entry {
    /// 0 for none: a word's key holds its length, which is not 0.
    key: u128,
    ids: [u32; MAX_PIECES],
    lengths: [u8; MAX_PIECES],
    count: u8,
}

/// A word's content and place.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    key: u128,
    place: usize,
}

impl Default for WordCache {
    fn default() -> Self {
        Self { entries: vec![Entry::default(); ENTRIES], seed: hash::seed() }
    }
}

impl WordCache {
    /// The key of a word, if it is short enough to be kept.
    #[inline]
    pub(crate) fn key(&self, word: &[u8]) -> Option<Key> {
        if word.is_empty() || word.len() > MAX_WORD {
            return None;
        }
        let bytes = match (word.first_chunk::<8>(), word.last_chunk::<8>()) {
            (Some(&first), Some(&last)) => {
                // Where both reach the same byte they agree.
                let last = u128::from(u64::from_le_bytes(last)) << (8 * (word.len() - 8));
                u128::from(u64::from_le_bytes(first)) | last
            }
            _ => u128::from(short_key(word)),
        };
        let key = bytes | (word.len() as u128) << 120;
        let hash = hash::mix(key as u64 ^ self.seed, (key >> 64) as u64 ^ 0x9e37_79b9_7f4a_7c15);
        Some(Key { key, place: hash as usize & (ENTRIES - 1) })
    }

    /// Appends the pieces of a word that begins at `start`; `false` if they are not here.
    #[inline]
    pub(crate) fn push_pieces(&self, key: Key, start: usize, out: &mut Vec<Piece>) -> bool {
        let entry = &self.entries[key.place];
        if entry.key != key.key {
            return false;
        }
        let mut end = start;
        let pieces = entry.ids.iter().zip(entry.lengths).take(usize::from(entry.count));
        out.extend(pieces.map(|(&id, length)| {
            let start = end;
            end += usize::from(length);
            Piece { id, range: start..end }
        }));
        true
    }

    /// Keeps the pieces of a word, which follow each other.
    pub(crate) fn insert(&mut self, key: Key, pieces: &[Piece]) {
        if pieces.len() > MAX_PIECES {
            return;
        }
        let entry = &mut self.entries[key.place];
        entry.key = key.key;
        entry.count = pieces.len() as u8;
        for (piece, (id, length)) in pieces.iter().zip(entry.ids.iter_mut().zip(&mut entry.lengths)) {
            *id = piece.id;
            *length = piece.range.len() as u8;
        }
    }
}

/// Up to eight bytes as a number, read in at most two steps: a copy of unknown length is slower than all the rest of a
/// look-up.
#[inline]
pub(super) fn short_key(word: &[u8]) -> u64 {
    let length = word.len();
    if let (Some(&first), Some(&last)) = (word.first_chunk::<4>(), word.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(last)) << (8 * (length.min(8) - 4));
        return u64::from(u32::from_le_bytes(first)) | last;
    }
    match (word.first(), word.get(length / 2), word.last()) {
        (Some(&first), Some(&middle), Some(&last)) => {
            u64::from(first) | u64::from(middle) << (8 * (length / 2)) | u64::from(last) << (8 * (length - 1))
        }
        _ => 0,
    }
}

/// The caches of a model that no encoding is using.
pub(super) type Pool = Mutex<Vec<WordCache>>;

/// A cache on loan from a model.
#[derive(Default)]
pub(super) struct Loan {
    held: Option<(Arc<Pool>, WordCache)>,
}

impl Loan {
    /// A cache of the model that owns `pool`.
    #[inline]
    pub(super) fn of(&mut self, pool: &Arc<Pool>) -> &mut WordCache {
        let is_theirs = self.held.as_ref().is_some_and(|(held, _)| Arc::ptr_eq(held, pool));
        if !is_theirs {
            self.give_back();
        }
        let take = || {
            let cache = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
            (Arc::clone(pool), cache.unwrap_or_default())
        };
        &mut self.held.get_or_insert_with(take).1
    }

    #[cold]
    fn give_back(&mut self) {
        if let Some((pool, cache)) = self.held.take() {
            pool.lock().unwrap_or_else(PoisonError::into_inner).push(cache);
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_content_alone() {
        let mut cache = WordCache::default();
        let word = b"abcdefghijklmno";
        let pieces =
            |length: usize| vec![Piece { id: length as u32, range: 0..1 }, Piece { id: 7, range: 1..length }];
        for length in 2..=15 {
            let key = cache.key(&word[..length]).unwrap();
            assert!(!cache.push_pieces(key, 0, &mut Vec::new()), "{length}");
            cache.insert(key, &pieces(length));
            let mut out = Vec::new();
            assert!(cache.push_pieces(cache.key(&word.to_vec()[..length]).unwrap(), 0, &mut out));
            assert_eq!(out, pieces(length));
        }
        let mut out = Vec::new();
        assert!(cache.push_pieces(cache.key(b"abc").unwrap(), 10, &mut out));
        assert_eq!(out[1], Piece { id: 7, range: 11..13 });
        for other in ["b", "abd", "bbc", "adc", "abc\0", "abcdefgi", "abcdefghi\0"] {
            let key = cache.key(other.as_bytes()).unwrap();
            assert!(!cache.push_pieces(key, 0, &mut out), "{other}");
        }
        assert!(cache.key(b"").is_none() && cache.key(b"abcdefghijklmnop").is_none());
        let key = cache.key(b"many").unwrap();
        cache.insert(key, &vec![Piece { id: 0, range: 0..0 }; MAX_PIECES + 1]);
        assert!(!cache.push_pieces(key, 0, &mut out));
    }

    #[test]
    fn short_words_have_distinct_keys() {
        let mut keys = std::collections::HashSet::new();
        for length in 0..=8 {
            let word: Vec<u8> = (1..=length).collect();
            let expected = word.iter().rev().fold(0, |key, &byte| key << 8 | u64::from(byte));
            assert_eq!(short_key(&word), expected);
            assert!(keys.insert(expected));
        }
    }

    #[test]
    fn a_cache_goes_back_to_its_model() {
        let pools: [Arc<Pool>; 2] = Default::default();
        let mut loan = Loan::default();
        let key = loan.of(&pools[0]).key(b"a").unwrap();
        loan.of(&pools[0]).insert(key, &[Piece { id: 1, range: 0..1 }]);
        assert!(!loan.of(&pools[1]).push_pieces(key, 0, &mut Vec::new()));
        assert_eq!(pools[0].lock().unwrap().len(), 1);
        drop(loan);
        assert_eq!(pools[1].lock().unwrap().len(), 1);
        assert!(Loan::default().of(&pools[0]).push_pieces(key, 0, &mut Vec::new()));
    }
}
