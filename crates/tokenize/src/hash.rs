//! Fast hashing of short byte strings and id pairs.
//!
//! Tables are seeded at random, so that nobody can choose a text or a vocabulary file whose entries all collide; no
//! result of the crate depends on the order of a table.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

const K: u64 = 0x9e37_79b9_7f4a_7c15;

/// A seed that differs from table to table and from run to run.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The two halves of the 128-bit product, folded.
#[inline]
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Hash of a byte string, eight bytes at a time.
#[inline]
pub(crate) fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(K);
    let (words, tail) = bytes.as_chunks::<8>();
    for &word in words {
        hash = mix(hash ^ u64::from_le_bytes(word), K);
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    mix(hash ^ u64::from_le_bytes(last), K ^ seed)
}

/// Two ids as one key; ordered as the pair of ids is.
#[inline]
pub(crate) fn pair_key(left: u32, right: u32) -> u64 {
    (u64::from(left) << 32) | u64::from(right)
}

/// The ids of a [`pair_key`].
#[inline]
pub(crate) fn key_pair(key: u64) -> (u32, u32) {
    ((key >> 32) as u32, key as u32)
}

/// A map from [`pair_key`]s.
pub(crate) type PairHashMap<V> = HashMap<u64, V, PairState>;

/// Builds [`PairHasher`]s of one seed.
#[derive(Clone)]
pub(crate) struct PairState(u64);

impl Default for PairState {
    fn default() -> Self {
        Self(seed())
    }
}

impl BuildHasher for PairState {
    type Hasher = PairHasher;

    fn build_hasher(&self) -> PairHasher {
        PairHasher(self.0)
    }
}

/// Hashes one `u64`.
pub(crate) struct PairHasher(u64);

impl Hasher for PairHasher {
    #[inline]
    fn write_u64(&mut self, key: u64) {
        self.0 = mix(self.0 ^ key, K);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash_bytes(self.0, bytes);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
