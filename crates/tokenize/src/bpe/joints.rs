//! Where long words can be taken apart before they are merged.

use std::ops::Range;

use crate::hash;
use crate::vocab::Vocab;

/// Bits of a filter for each of its numbers, and bits of the smallest filter.
const BITS: usize = 16;
const LEAST_BITS: usize = 1 << 16;
const K: u64 = 0xd6e8_feb8_6659_fd93;

/// What stands around the borders between characters inside of tokens.
///
/// Merging never crosses a border in a text that lies inside of no token there. A token that lies across a border has
/// one or two bytes and perhaps more on either side of it; so a border around which neither one nor two bytes on either
/// side are as around any border inside a token can be cut, and what lies between two cuts is merged by itself. Chinese
/// clauses come apart into words so, which are short and come again.
///
/// Only borders before characters of several bytes count. The filters may know a border that no token has; that costs a
/// cut and nothing else.
pub(super) struct Joints {
    /// Borders of all kinds by one or two bytes on either side.
    filter: Filter,
    /// For each character of three bytes, how it stands at borders in tokens.
    triples: Vec<u8>,
    /// Pairs of such characters that stand side by side in a token.
    pairs: Filter,
}

/// Flags of a character of three bytes: followed, or preceded, by another in a token.
const FOLLOWED: u8 = 1;
const PRECEDED: u8 = 2;
/// At such a border in a token that may hold no more than a part of the one or of the other.
const RAGGED_BEFORE: u8 = 4;
const RAGGED_AFTER: u8 = 8;

/// Characters of three bytes, Chinese and others, by the 16 bits that these hold. Bytes that only look like one are no
/// matter.
const TRIPLES: usize = 1 << 16;

impl Joints {
    /// The borders of all tokens.
    pub(super) fn new(vocab: &Vocab) -> Self {
        let mut contexts = Vec::new();
        let mut pairs = Vec::new();
        let mut flags = vec![0; TRIPLES];
        for token in vocab.iter().filter(|token| token.len() > 1) {
            for at in (1..token.len()).filter(|&at| is_border(token[at])) {
                let (before, after) = (triple_before(token, at), triple(token, at));
                if let (Some(before), Some(after)) = (before, after) {
                    flags[before] |= FOLLOWED;
                    flags[after] |= PRECEDED;
                    pairs.push(pair(before, after));
                } else {
                    mark_ragged(&mut flags, token, at);
                }
                // Of the contexts of a border that lies in a token, the widest is enough: whoever asks tries all four.
                contexts.push(context(token, at, at.min(2), (token.len() - at).min(2)));
            }
        }
        Self { filter: Filter::new(contexts), triples: flags, pairs: Filter::new(pairs) }
    }

    /// The parts of `text` from `start` on.
    #[inline]
    pub(super) fn parts(&self, text: &[u8], start: usize) -> impl Iterator<Item = Range<usize>> {
        let mut start = start;
        // The character of three bytes that starts there, if one does.
        let mut first = triple(text, start);
        std::iter::from_fn(move || {
            (start < text.len()).then(|| {
                let (end, next) = self.part_end(text, start, first);
                first = next;
                std::mem::replace(&mut start, end)..end
            })
        })
    }

    /// The end of the part that starts at `start`: the next border at which the text can be cut, or its end. And what
    /// [`triple`] finds there, if it is not the end.
    #[inline]
    fn part_end(&self, text: &[u8], start: usize, first: Option<usize>) -> (usize, Option<usize>) {
        let mut before = first;
        let mut at = start + if before.is_some() { 3 } else { 1 };
        while at < text.len() {
            let after = triple(text, at);
            if is_border(text[at]) {
                let joins = match (before, after) {
                    (Some(before), Some(after)) => self.may_join_triples(text, at, before, after),
                    _ => self.may_join(text, at),
                };
                if !joins {
                    return (at, after);
                }
            }
            before = after;
            at += if after.is_some() { 3 } else { 1 };
        }
        (text.len(), None)
    }

    /// Whether a token may lie across the border at `at` between two characters of three bytes.
    #[inline]
    fn may_join_triples(&self, text: &[u8], at: usize, before: usize, after: usize) -> bool {
        let (left, right) = (self.triples[before], self.triples[after]);
        (left & FOLLOWED != 0 && right & PRECEDED != 0 && self.pairs.has(pair(before, after)))
            || (left & RAGGED_BEFORE != 0 && right & RAGGED_AFTER != 0 && self.may_join(text, at))
    }

    /// Whether a token may lie across the border at `at`.
    fn may_join(&self, text: &[u8], at: usize) -> bool {
        if let Some(&[b0, b1, b2, b3]) = at.checked_sub(2).and_then(|start| text[start..].first_chunk()) {
            // All four at once, for nearly always none is known.
            let all = u64::from(u32::from_be_bytes([b0, b1, b2, b3]));
            let narrow = numbered(all >> 8 & 0xffff, 1, 1);
            return self.filter.has(numbered(all, 2, 2))
                | self.filter.has(numbered(all & 0xff_ffff, 1, 2))
                | self.filter.has(numbered(all >> 8, 2, 1))
                | self.filter.has(narrow);
        }
        let most = at.min(2);
        (1..=most).any(|before| {
            (1..=(text.len() - at).min(2)).any(|after| self.filter.has(context(text, at, before, after)))
        })
    }
}

/// Marks the characters of three bytes that may stand around the border at `at` of a token.
fn mark_ragged(flags: &mut [u8], token: &[u8], at: usize) {
    // Which characters have these bytes at their end, and these at their beginning.
    let tail = token[..at].iter().rev().take_while(|&&byte| is_trail(byte)).count();
    let is_cut = tail == at;
    match triple_before(token, at) {
        Some(before) => flags[before] |= RAGGED_BEFORE,
        None if is_cut && tail < 3 => {
            let low = token[..at].iter().fold(0, |low, &byte| low << 6 | usize::from(byte & 0x3f));
            let step = 1 << (6 * tail);
            flags.iter_mut().skip(low).step_by(step).for_each(|flags| *flags |= RAGGED_BEFORE);
        }
        None => {}
    }
    let after = &token[at..];
    match (triple(token, at), after) {
        (Some(after), _) => flags[after] |= RAGGED_AFTER,
        (None, &[first @ 0xe0..=0xef]) => {
            let start = usize::from(first & 0xf) << 12;
            flags[start..start + (1 << 12)].iter_mut().for_each(|flags| *flags |= RAGGED_AFTER);
        }
        (None, &[first @ 0xe0..=0xef, second]) if is_trail(second) => {
            let start = usize::from(first & 0xf) << 12 | usize::from(second & 0x3f) << 6;
            flags[start..start + (1 << 6)].iter_mut().for_each(|flags| *flags |= RAGGED_AFTER);
        }
        _ => {}
    }
}

/// The number of the character of three bytes that starts at `at`, if one does.
#[inline]
fn triple(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at..)? {
        [first @ 0xe0..=0xef, second @ 0x80..=0xbf, third @ 0x80..=0xbf, ..] => {
            let [first, second, third] = [first & 0xf, second & 0x3f, third & 0x3f].map(usize::from);
            Some(first << 12 | second << 6 | third)
        }
        _ => None,
    }
}

/// The number of the character of three bytes that ends at `at`, if one does.
fn triple_before(text: &[u8], at: usize) -> Option<usize> {
    at.checked_sub(3).and_then(|start| triple(&text[..at], start))
}

/// Two characters of three bytes as one number.
#[inline]
fn pair(before: usize, after: usize) -> u64 {
    (before << 32 | after) as u64
}

#[inline]
fn is_trail(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// A set of numbers that may hold some more than were put in.
struct Filter(Vec<u64>);

impl Filter {
    fn new(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        numbers.dedup();
        let mut filter = Self(vec![0; (numbers.len() * BITS).next_power_of_two().max(LEAST_BITS) / 64]);
        for number in numbers {
            let (word, bit) = filter.place(number);
            filter.0[word] |= bit;
        }
        filter
    }

    #[inline]
    fn has(&self, number: u64) -> bool {
        let (word, bit) = self.place(number);
        self.0[word] & bit != 0
    }

    #[inline]
    fn place(&self, number: u64) -> (usize, u64) {
        let hash = hash::mix(number, K);
        ((hash >> 6) as usize & (self.0.len() - 1), 1 << (hash & 63))
    }
}

/// The first byte of a character of several bytes.
#[inline]
fn is_border(byte: u8) -> bool {
    byte >= 0xc0
}

/// So many bytes before and after a place, in one number with how many they are.
#[inline]
fn numbered(bytes: u64, before: usize, after: usize) -> u64 {
    ((before * 4 + after) as u64) << 32 | bytes
}

/// So many bytes of `text` before and after a place.
#[inline]
fn context(text: &[u8], at: usize, before: usize, after: usize) -> u64 {
    let bytes = text[at - before..at + after].iter();
    numbered(bytes.fold(0, |bytes, &byte| bytes << 8 | u64::from(byte)), before, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_token_lies_across_a_cut(
            tokens in prop::collection::btree_set("[aé中文字。]{1,4}", 1..20),
            halves in prop::collection::vec(("[aé中文字]{1,2}", 0usize..4, 0usize..4), 0..6),
            text in "[aé中文字。]{1,30}",
        ) {
            let mut tokens: Vec<Vec<u8>> = tokens.into_iter().map(String::into_bytes).collect();
            // Tokens that begin or end inside of a character.
            let halves = halves.iter().map(|(text, front, back)| {
                let bytes = text.as_bytes();
                bytes[(*front).min(bytes.len())..].iter().copied().take(bytes.len() - back.min(&bytes.len())).collect()
            });
            tokens.extend(halves.filter(|half: &Vec<u8>| !half.is_empty()));
            let mut vocab = Vocab::default();
            tokens.iter().for_each(|token| _ = vocab.push(token));
            let joints = Joints::new(&vocab);
            let text = text.as_bytes();
            let cuts: Vec<usize> = joints.parts(text, 0).map(|part| part.end).collect();
            prop_assert_eq!(cuts.last(), Some(&text.len()));
            for token in &tokens {
                let places = text.windows(token.len()).enumerate().filter(|(_, window)| window == token);
                for (place, _) in places {
                    let inside = place + 1..place + token.len();
                    prop_assert!(!cuts.iter().any(|cut| inside.contains(cut)), "{token:?} in {text:?}: {cuts:?}");
                }
            }
        }
    }

    #[test]
    fn what_no_token_joins_comes_apart() {
        let mut vocab = Vocab::default();
        ["中文", "文。", "é"].iter().for_each(|token| _ = vocab.push(token.as_bytes()));
        let joints = Joints::new(&vocab);
        let text = "é中文é".as_bytes();
        assert!(joints.parts(text, 0).eq([0..2, 2..8, 8..10]));
    }
}
