//! Longest match first in time linear in the word: LinMaxMatch (Song, Salcianu, Song, Dopson & Zhou 2021).
//!
//! A walk down a trie of the tokens looks for the longest. Where it cannot go on, the tokens that the word has by then
//! certainly begun with are popped, and the walk goes on from the state that the rest of what was read leads to. Both
//! depend on the state alone and are computed beforehand, as in the automaton of Aho and Corasick.

use std::ops::RangeInclusive;

use crate::double_array::{DoubleArray, NONE};
use crate::hash;
use crate::model::Piece;
use crate::model::word_cache::short_key;

/// Begins the keys of tokens as they begin a word.
const FIRST: u8 = 0;
/// Begins the keys of tokens as they continue one, without their prefix.
const CONTINUING: u8 = 1;

#[derive(Clone)]
pub(super) struct Automaton {
    trie: DoubleArray,
    /// By state.
    failures: Vec<Failure>,
    pops: Vec<Pop>,
    first: u32,
    continuing: u32,
    whole: WholeWords,
}

/// What to do where a state has no step for the next byte.
#[derive(Clone, Copy)]
struct Failure {
    /// The state to go on from; [`NONE`] if the word cannot be expressed.
    next: u32,
    /// The last of the tokens to pop, an index of `pops`; [`NONE`] for none.
    last_pop: u32,
}

const DEAD: Failure = Failure { next: NONE, last_pop: NONE };

/// One element of a list that is shared by all lists that begin with it.
#[derive(Clone, Copy)]
struct Pop {
    id: u32,
    length: u32,
    previous: u32,
}

impl Automaton {
    /// How many tokens there may be.
    pub(super) const MAX_TOKENS: usize = 1 << 30;

    /// `tokens` with their ids, whose order does not matter.
    pub(super) fn new<'t>(tokens: impl Iterator<Item = (&'t str, u32)>, prefix: &str) -> Self {
        let mut words = Vec::new();
        // What a key ends in: the id and the length of the text that it stands for.
        let mut ends: Vec<(u32, u32)> = Vec::new();
        let mut keys: Vec<(Vec<u8>, u32)> = vec![(vec![FIRST], NONE), (vec![CONTINUING], NONE)];
        for (token, id) in tokens {
            words.push((token.as_bytes(), id));
            for (kind, rest) in [(FIRST, Some(token)), (CONTINUING, token.strip_prefix(prefix))] {
                if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
                    keys.push(([&[kind], rest.as_bytes()].concat(), ends.len() as u32));
                    ends.push((id, rest.len() as u32));
                }
            }
        }
        keys.sort_unstable();
        let keys: Vec<(&[u8], u32)> = keys.iter().map(|(key, end)| (&key[..], *end)).collect();
        let (trie, order) = DoubleArray::new(&keys);
        let root = |kind| trie.step(DoubleArray::ROOT, kind).unwrap_or(DoubleArray::ROOT);
        let mut automaton = Self {
            failures: vec![DEAD; trie.len()],
            pops: Vec::new(),
            first: root(FIRST),
            continuing: root(CONTINUING),
            whole: WholeWords::new(words),
            trie,
        };
        for state in order {
            if let Some((parent, byte)) = automaton.trie.parent(state)
                && parent != DoubleArray::ROOT
            {
                let end = ends.get(automaton.trie.value(state) as usize);
                automaton.failures[state as usize] = automaton.failure(parent, byte, end.copied());
            }
        }
        automaton
    }

    /// The failure of the state that `byte` leads to from `parent`, where those of all shallower states are known;
    /// `end` is that of the token that ends there.
    fn failure(&mut self, parent: u32, byte: u8, end: Option<(u32, u32)>) -> Failure {
        if let Some((id, length)) = end {
            return Failure { next: self.continuing, last_pop: self.push_pop(id, length, NONE) };
        }
        let Failure { next: mut rest, mut last_pop } = self.failures[parent as usize];
        let mut list = Vec::new();
        while rest != NONE {
            if let Some(next) = self.trie.step(rest, byte) {
                return Failure { next, last_pop };
            }
            let failure = self.failures[rest as usize];
            list.extend(self.list(failure.last_pop));
            while let Some(Pop { id, length, .. }) = list.pop() {
                last_pop = self.push_pop(id, length, last_pop);
            }
            rest = failure.next;
        }
        DEAD
    }

    fn push_pop(&mut self, id: u32, length: u32, previous: u32) -> u32 {
        self.pops.push(Pop { id, length, previous });
        self.pops.len() as u32 - 1
    }

    /// A list of pops from its last element to its first.
    fn list(&self, last: u32) -> impl Iterator<Item = Pop> {
        std::iter::successors(self.pops.get(last as usize), |pop| self.pops.get(pop.previous as usize))
            .copied()
    }

    /// Appends the pieces of `word` to `out`; `false`, and any beginning of them, if it cannot be expressed.
    #[inline]
    pub(super) fn pieces(&self, word: &[u8], out: &mut Vec<Piece>) -> bool {
        if let Some(id) = self.whole.get(word) {
            out.push(Piece { id, range: 0..word.len() });
            return true;
        }
        let mut state = self.first;
        let mut start = 0;
        for &byte in word {
            state = loop {
                match self.trie.step(state, byte) {
                    Some(next) => break next,
                    None if self.pop(&mut state, &mut start, out) => {}
                    None => return false,
                }
            };
        }
        while state != self.continuing && !word.is_empty() {
            if !self.pop(&mut state, &mut start, out) {
                return false;
            }
        }
        true
    }

    /// Goes to where a state fails to; `false` if to nowhere.
    #[inline]
    fn pop(&self, state: &mut u32, start: &mut usize, out: &mut Vec<Piece>) -> bool {
        let Failure { next, last_pop } = self.failures[*state as usize];
        if next == NONE {
            return false;
        }
        *state = next;
        if let Some(pop) = self.pops.get(last_pop as usize) {
            if pop.previous == NONE {
                let end = *start + pop.length as usize;
                out.push(Piece { id: pop.id, range: *start..end });
                *start = end;
            } else {
                self.pop_many(last_pop, start, out);
            }
        }
        true
    }

    fn pop_many(&self, last_pop: u32, start: &mut usize, out: &mut Vec<Piece>) {
        let before = out.len();
        out.extend(self.list(last_pop).map(|pop| Piece { id: pop.id, range: 0..pop.length as usize }));
        out[before..].reverse();
        for piece in &mut out[before..] {
            let end = *start + piece.range.end;
            piece.range = *start..end;
            *start = end;
        }
    }
}

/// Short tokens by their text. Most words are one token, and one look at a table finds it.
#[derive(Clone)]
struct WholeWords {
    /// Of up to eight bytes.
    short: Table<u64>,
    /// Of up to fifteen.
    long: Table<[u64; 2]>,
}

impl WholeWords {
    fn new(words: Vec<(&[u8], u32)>) -> Self {
        let of_length = |lengths: RangeInclusive<usize>| {
            words.iter().copied().filter(move |(word, _)| lengths.contains(&word.len()))
        };
        Self {
            short: Table::new(of_length(1..=8).map(|(word, id)| (short_key(word), word.len(), id)).collect()),
            long: Table::new(of_length(9..=15).map(|(word, id)| (long_key(word), word.len(), id)).collect()),
        }
    }

    #[inline]
    fn get(&self, word: &[u8]) -> Option<u32> {
        match word.len() {
            1..=8 => self.short.get(short_key(word), word.len()),
            9..=15 => self.long.get(long_key(word), word.len()),
            _ => None,
        }
    }
}

/// Nine to fifteen bytes as two numbers, which share some of them.
#[inline]
fn long_key(word: &[u8]) -> [u64; 2] {
    let number = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |&bytes| u64::from_le_bytes(bytes));
    [number(word.first_chunk()), number(word.last_chunk())]
}

/// Ids by the content and the length of words: open addressing.
#[derive(Clone)]
struct Table<K> {
    /// A length of 0 is a free place.
    entries: Vec<Entry<K>>,
    seed: u64,
}

#[derive(Clone, Copy, Default)]
struct Entry<K> {
    key: K,
    id: u32,
    length: u32,
}

impl<K: Key> Table<K> {
    fn new(words: Vec<(K, usize, u32)>) -> Self {
        let size = (words.len() * 2 + 1).next_power_of_two();
        let mut table = Self { entries: vec![Entry::default(); size], seed: hash::seed() };
        for (key, length, id) in words {
            let length = length as u32;
            let place = table.place(key, length);
            table.entries[place] = Entry { key, id, length };
        }
        table
    }

    #[inline]
    fn get(&self, key: K, length: usize) -> Option<u32> {
        let found = &self.entries[self.place(key, length as u32)];
        (found.length != 0).then_some(found.id)
    }

    /// Where a word is in the table or would be put.
    #[inline]
    fn place(&self, key: K, length: u32) -> usize {
        let mask = self.entries.len() - 1;
        let mut place = key.hash(self.seed) as usize & mask;
        loop {
            let found = &self.entries[place];
            if found.length == 0 || (found.key == key && found.length == length) {
                return place;
            }
            place = (place + 1) & mask;
        }
    }
}

/// The content of a word.
trait Key: Copy + Default + PartialEq {
    fn hash(self, seed: u64) -> u64;
}

impl Key for u64 {
    #[inline]
    fn hash(self, seed: u64) -> u64 {
        hash::mix(self ^ seed, 0x9e37_79b9_7f4a_7c15)
    }
}

impl Key for [u64; 2] {
    #[inline]
    fn hash(self, seed: u64) -> u64 {
        hash::mix(self[0] ^ seed, self[1] ^ seed.rotate_left(32))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: the longest token that begins the rest of the word, until nothing is left.
    fn longest_matches(tokens: &[(&str, u32)], word: &str) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < word.len() {
            let prefix = if start > 0 { "##" } else { "" };
            let matches = tokens.iter().filter_map(|&(token, id)| {
                let rest = token.strip_prefix(prefix)?;
                (!rest.is_empty() && word[start..].starts_with(rest)).then_some((rest.len(), id))
            });
            let (length, id) = matches.max()?;
            pieces.push(Piece { id, range: start..start + length });
            start += length;
        }
        Some(pieces)
    }

    proptest! {
        #[test]
        fn it_follows_the_definition(
            tokens in prop::collection::btree_set("(##)?[abé#]{0,5}", 0..25),
            long in prop::collection::btree_set("[ab]{9,16}", 0..10),
            words in prop::collection::vec("[abé#]{0,14}", 0..20),
        ) {
            let words = words.iter().chain(&long);
            let tokens = &tokens | &long;
            let tokens: Vec<(&str, u32)> = tokens.iter().map(String::as_str).zip(10..).collect();
            let automaton = Automaton::new(tokens.iter().copied(), "##");
            for word in words {
                let mut out = vec![Piece { id: 7, range: 3..3 }];
                let expressed = automaton.pieces(word.as_bytes(), &mut out);
                prop_assert_eq!(expressed.then(|| out.split_off(1)), longest_matches(&tokens, word), "{}", word);
            }
        }
    }

    /// Every state of the long token fails to all the short ones before it; written out, that would be quadratic.
    #[test]
    fn lists_of_pops_are_shared() {
        let long: String = (0..20_000).map(|i| char::from(b'a' + (i % 7) as u8)).collect();
        let letters: Vec<String> = ('a'..='g').flat_map(|c| [c.to_string(), format!("##{c}")]).collect();
        let end = format!("{long}x");
        let tokens = letters.iter().chain([&end]).map(String::as_str).zip(0..);
        let automaton = Automaton::new(tokens, "##");
        assert!(automaton.pops.len() < 3 * long.len(), "{}", automaton.pops.len());
        let mut out = Vec::new();
        assert!(automaton.pieces(long.as_bytes(), &mut out));
        assert_eq!(out.len(), long.len());
        out.clear();
        assert!(automaton.pieces(end.as_bytes(), &mut out));
        assert_eq!(out, [Piece { id: 14, range: 0..end.len() }]);
    }
}
