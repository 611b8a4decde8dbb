//! The pieces that training starts from: characters and frequent substrings.

use std::cmp::{Ordering, Reverse};

use rayon::prelude::*;

use super::text::{END, Span, Text};

/// A piece and its score: how often it occurs, times its length.
pub(super) type Seed = (Span, u64);

/// All characters by falling count, then the substrings of the highest scores: at most `most` pieces, unless there are
/// more characters. Of equal scores, the later in the order of characters comes first.
///
/// The substrings are those of two characters or more, up to `longest`, that stand in at least two places of the
/// distinct words and before different characters (or the end of a word) in at least two: what stands before the same
/// character everywhere is worth no more than with that character. They are the inner nodes of the words' suffix tree,
/// and found as the intervals of common prefixes in the sorted suffixes (Abouelhoda, Kurtz & Ohlebusch 2004). Suffixes
/// are sorted by their beginnings alone, as far as a piece can reach, so that the time does not depend on how the
/// text repeats itself.
pub(super) fn seeds(text: &Text, longest: usize, most: usize) -> Vec<Seed> {
    let mut seeds = characters(text);
    let room = most.saturating_sub(seeds.len());
    let mut substrings = substrings(text, longest);
    substrings.par_sort_unstable_by(|a, b| {
        (Reverse(a.1), Reverse(text.span(a.0))).cmp(&(Reverse(b.1), Reverse(text.span(b.0))))
    });
    substrings.truncate(room);
    seeds.append(&mut substrings);
    seeds
}

fn characters(text: &Text) -> Vec<Seed> {
    let mut first = vec![None; text.characters.len() + 1];
    for (at, &code) in (0..).zip(&text.codes) {
        first[code as usize].get_or_insert(at);
    }
    let places = first.into_iter().skip(1).flatten();
    let mut seeds: Vec<Seed> =
        places.zip(&text.characters).map(|(start, &(_, count))| (Span { start, len: 1 }, count)).collect();
    // They are in the order of the characters.
    seeds.reverse();
    seeds.sort_by_key(|&(_, count)| Reverse(count));
    seeds
}

fn substrings(text: &Text, longest: usize) -> Vec<Seed> {
    let order = Suffixes { codes: &text.codes, reach: longest.saturating_add(1), bits: bits(text) };
    let sorted = order.sorted();
    let mut found = Vec::new();
    // Intervals that are still open: how many codes all suffixes of one share, and where it starts.
    let mut open: Vec<(usize, usize)> = Vec::new();
    for at in 1..=sorted.len() {
        let shared = if at < sorted.len() { order.shared(sorted[at - 1], sorted[at]) } else { 0 };
        let mut start = at - 1;
        while let Some(&(depth, from)) = open.last()
            && depth > shared
        {
            open.pop();
            start = from;
            let place = sorted[from] as usize;
            // Not if the end of the word is in it.
            if depth <= longest && depth > 1 && text.codes[place + depth - 1] != END {
                let span = Span { start: place as u32, len: depth as u32 };
                found.push((span, (at - from) as u64 * depth as u64));
            }
        }
        if open.last().is_none_or(|&(depth, _)| depth < shared) {
            open.push((shared, start));
        }
    }
    found
}

/// Bits that a code takes.
fn bits(text: &Text) -> u32 {
    usize::BITS - text.characters.len().leading_zeros()
}

/// Suffixes of words, compared by their first `reach` codes.
struct Suffixes<'t> {
    codes: &'t [u32],
    reach: usize,
    bits: u32,
}

impl Suffixes<'_> {
    /// Where the suffixes of two codes and more start, in order.
    fn sorted(&self) -> Vec<u32> {
        let starts = self.codes.windows(2).enumerate().filter(|(_, pair)| pair[0] != END && pair[1] != END);
        let mut suffixes: Vec<(u64, u32)> = starts.map(|(at, _)| (self.key(at), at as u32)).collect();
        suffixes.par_sort_unstable_by(|&(a_key, a), &(b_key, b)| {
            a_key.cmp(&b_key).then_with(|| self.compare_rest(a_key, a as usize, b as usize))
        });
        suffixes.into_iter().map(|(_, at)| at).collect()
    }

    /// How many codes the key of a suffix holds.
    fn key_codes(&self) -> usize {
        (u64::BITS / self.bits.max(1)) as usize
    }

    /// The first codes as one number, which settles most comparisons.
    fn key(&self, at: usize) -> u64 {
        let mut key = 0;
        let mut ended = false;
        for offset in 0..self.key_codes() {
            ended = ended || offset >= self.reach || self.codes[at + offset] == END;
            key = key << self.bits | if ended { 0 } else { u64::from(self.codes[at + offset]) };
        }
        key
    }

    fn compare_rest(&self, key: u64, a: usize, b: usize) -> Ordering {
        // The key ends with the end of the word if it reaches there.
        if key & ((1 << self.bits) - 1) == 0 {
            return Ordering::Equal;
        }
        for offset in self.key_codes()..self.reach {
            let (a, b) = (self.codes[a + offset], self.codes[b + offset]);
            if a != b {
                return a.cmp(&b);
            }
            if a == END {
                break;
            }
        }
        Ordering::Equal
    }

    /// How many codes two suffixes begin with in common, the end of their words included, up to `reach`.
    fn shared(&self, a: u32, b: u32) -> usize {
        let (a, b) = (a as usize, b as usize);
        for offset in 0..self.reach {
            let code = self.codes[a + offset];
            if code != self.codes[b + offset] {
                return offset;
            }
            if code == END {
                return offset + 1;
            }
        }
        self.reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::WordCounts;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn seeds_of(words: &WordCounts, longest: usize, most: usize) -> Vec<(String, u64)> {
        let (text, _) = Text::new(words, None).unwrap();
        seeds(&text, longest, most).into_iter().map(|(span, score)| (text.string(span), score)).collect()
    }

    /// By the definition: every substring with its places and what follows it.
    fn naive(words: &WordCounts, longest: usize) -> BTreeSet<(String, u64)> {
        let mut places: BTreeMap<String, (u64, BTreeSet<Option<char>>)> = BTreeMap::new();
        for (word, _) in words.iter() {
            let word: Vec<char> = std::str::from_utf8(word).unwrap().chars().collect();
            for start in 0..word.len() {
                for end in start + 2..=word.len().min(start + longest) {
                    let entry = places.entry(word[start..end].iter().collect()).or_default();
                    entry.0 += 1;
                    entry.1.insert(word.get(end).copied());
                }
            }
        }
        let places = places.into_iter().filter(|(_, (_, followers))| followers.len() > 1);
        places.map(|(string, (count, _))| (string.clone(), count * string.chars().count() as u64)).collect()
    }

    proptest! {
        #[test]
        fn substrings_follow_the_definition(
            words in prop::collection::btree_map("[abé]{1,12}|(ab){0,20}|[ㄅ-ㄩ]{0,3}", 1u64..9, 0..20),
            longest in 2usize..20,
        ) {
            let words: WordCounts = words.iter().map(|(word, &count)| (word.as_str(), count)).collect();
            let found = seeds_of(&words, longest, usize::MAX);
            let substrings = found.iter().filter(|(string, _)| string.chars().count() > 1).cloned();
            prop_assert_eq!(substrings.collect::<BTreeSet<_>>(), naive(&words, longest));
            let mut characters: BTreeMap<char, u64> = BTreeMap::new();
            for (word, count) in words.iter() {
                std::str::from_utf8(word).unwrap().chars().for_each(|c| *characters.entry(c).or_default() += count);
            }
            let first: Vec<_> = found.iter().take(characters.len()).cloned().collect();
            let mut expected: Vec<_> = characters.into_iter().map(|(c, count)| (c.to_string(), count)).collect();
            expected.sort_by_key(|(string, count)| Reverse((*count, string.clone())));
            prop_assert_eq!(first, expected);
        }
    }

    #[test]
    fn the_highest_scores_come_first() {
        let words: WordCounts = [("This is a", 1), ("こんにちは友達", 1)].into_iter().collect();
        let strings: Vec<_> = seeds_of(&words, 16, 1000).into_iter().map(|(string, _)| string).collect();
        let expected = ["s", "i", " ", "達", "友", "ん", "は", "に", "ち", "こ", "h", "a", "T", "is ", "s "];
        assert_eq!(strings, expected);
        assert_eq!(seeds_of(&words, 16, 14).len(), 14);
        assert_eq!(seeds_of(&words, 16, 3).len(), 13, "all characters stay");
    }
}
