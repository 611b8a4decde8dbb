//! Where long words can be taken apart before they are merged.

use crate::hash;
use crate::vocab::Vocab;

/// Bits of the filter for each context.
const BITS: usize = 8;
const K: u64 = 0xd6e8_feb8_6659_fd93;

/// What stands around the borders between characters inside of tokens.
///
/// Merging never crosses a border in a text that lies inside of no token there. A token that lies across a border has
/// one or two bytes and perhaps more on either side of it; so a border around which neither one nor two bytes on either
/// side are as around any border inside a token can be cut, and what lies between two cuts is merged by itself. Chinese
/// clauses come apart into words so, which are short and come again.
///
/// Only borders before characters of several bytes count. The filter may know a border that no token has; that costs a
/// cut and nothing else.
pub(super) struct Joints {
    filter: Vec<u64>,
}

impl Joints {
    /// The borders of all tokens.
    pub(super) fn new(vocab: &Vocab) -> Self {
        let mut contexts = Vec::new();
        for token in vocab.iter().filter(|token| token.len() > 1) {
            let borders = (1..token.len()).filter(|&at| is_border(token[at]));
            // Of the contexts of a border that lies in a token, the widest is enough: whoever asks tries all four.
            contexts.extend(borders.map(|at| context(token, at, at.min(2), (token.len() - at).min(2))));
        }
        contexts.sort_unstable();
        contexts.dedup();
        let mut joints = Self { filter: vec![0; (contexts.len() * BITS / 64 + 1).next_power_of_two()] };
        for context in contexts {
            let (word, bit) = joints.place(context);
            joints.filter[word] |= bit;
        }
        joints
    }

    /// The next border at or after `from`, which is not 0, at which `text` can be cut, or its end.
    #[inline]
    pub(super) fn next_cut(&self, text: &[u8], from: usize) -> usize {
        (from..text.len()).find(|&at| is_border(text[at]) && !self.may_join(text, at)).unwrap_or(text.len())
    }

    /// Whether a token may lie across the border at `at`.
    fn may_join(&self, text: &[u8], at: usize) -> bool {
        let (before, after) = (at.min(2), (text.len() - at).min(2));
        let knows = |before, after| {
            let (word, bit) = self.place(context(text, at, before, after));
            self.filter[word] & bit != 0
        };
        knows(before, after)
            || (before > 1 && knows(1, after))
            || (after > 1 && (knows(before, 1) || (before > 1 && knows(1, 1))))
    }

    #[inline]
    fn place(&self, context: u64) -> (usize, u64) {
        let hash = hash::mix(context, K);
        ((hash >> 6) as usize & (self.filter.len() - 1), 1 << (hash & 63))
    }
}

/// The first byte of a character of several bytes.
#[inline]
fn is_border(byte: u8) -> bool {
    byte >= 0xc0
}

/// So many bytes before and after a place, with their numbers.
#[inline]
fn context(text: &[u8], at: usize, before: usize, after: usize) -> u64 {
    let bytes = text[at - before..at + after].iter();
    bytes.fold((before * 4 + after) as u64, |context, &byte| context << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_token_lies_across_a_cut(
            tokens in prop::collection::btree_set("[aé中文。]{1,4}", 1..20),
            halves in prop::collection::vec("[é中文。]{2}", 0..6),
            text in "[aé中文。]{1,30}",
        ) {
            let mut tokens: Vec<Vec<u8>> = tokens.into_iter().map(String::into_bytes).collect();
            // Tokens that begin or end inside of a character.
            tokens.extend(halves.iter().map(|half| half.as_bytes()[1..].to_vec()));
            tokens.extend(halves.iter().map(|half| half.as_bytes()[..half.len() - 1].to_vec()));
            let mut vocab = Vocab::default();
            tokens.iter().for_each(|token| _ = vocab.push(token));
            let joints = Joints::new(&vocab);
            let text = text.as_bytes();
            let mut cuts = vec![];
            while cuts.last() != Some(&text.len()) {
                cuts.push(joints.next_cut(text, cuts.last().copied().unwrap_or(0) + 1));
            }
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
        assert_eq!(joints.next_cut(text, 1), 2);
        assert_eq!(joints.next_cut(text, 3), 8);
        assert_eq!(joints.next_cut(text, 9), 10);
    }
}
