//! Longest match first in time linear in the word: LinMaxMatch (Song, Salcianu, Song, Dopson & Zhou 2021).
//!
//! A walk down a trie of the tokens looks for the longest. Where it cannot go on, the tokens that the word has by then
//! certainly begun with are popped, and the walk goes on from the state that the rest of what was read leads to. Both
//! depend on the state alone and are computed beforehand, as in the automaton of Aho and Corasick.

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

/// Short tokens by their text. Most words are one token, and one look at this table finds it.
#[derive(Clone)]
struct WholeWords {
    /// Open addressing; a length of 0 is a free place.
    table: Vec<WholeWord>,
    seed: u64,
}

#[derive(Clone, Copy, Default)]
struct WholeWord {
    key: u64,
    id: u32,
    length: u32,
}

impl WholeWords {
    /// The longest text that fits a key.
    const MAX: usize = 8;

    fn new(words: Vec<(&[u8], u32)>) -> Self {
        let is_short = |word: &[u8]| (1..=Self::MAX).contains(&word.len());
        let count = words.iter().filter(|(word, _)| is_short(word)).count();
        let mut whole = Self {
            table: vec![WholeWord::default(); (count * 2 + 1).next_power_of_two()],
            seed: hash::seed(),
        };
        for (word, id) in words {
            if is_short(word) {
                let (key, length) = (short_key(word), word.len() as u32);
                let place = whole.place(key, length);
                whole.table[place] = WholeWord { key, id, length };
            }
        }
        whole
    }

    #[inline]
    fn get(&self, word: &[u8]) -> Option<u32> {
        if word.is_empty() || word.len() > Self::MAX {
            return None;
        }
        let found = &self.table[self.place(short_key(word), word.len() as u32)];
        (found.length != 0).then_some(found.id)
    }

    /// Where a word is in the table or would be put.
    #[inline]
    fn place(&self, key: u64, length: u32) -> usize {
        let mask = self.table.len() - 1;
        let mut place = hash::mix(key ^ self.seed, 0x9e37_79b9_7f4a_7c15) as usize & mask;
        loop {
            let found = &self.table[place];
            if found.length == 0 || (found.key == key && found.length == length) {
                return place;
            }
            place = (place + 1) & mask;
        }
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
            words in prop::collection::vec("[abé#]{0,14}", 0..20),
        ) {
            let tokens: Vec<(&str, u32)> = tokens.iter().map(String::as_str).zip(10..).collect();
            let automaton = Automaton::new(tokens.iter().copied(), "##");
            for word in words {
                let mut out = vec![Piece { id: 7, range: 3..3 }];
                let expressed = automaton.pieces(word.as_bytes(), &mut out);
                prop_assert_eq!(expressed.then(|| out.split_off(1)), longest_matches(&tokens, &word), "{}", word);
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
