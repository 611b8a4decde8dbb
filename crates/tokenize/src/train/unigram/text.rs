//! The words of a corpus as numbered characters.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::error::Error;
use crate::train::classes::{Classes, Dropped};
use crate::train::words::WordSource;

/// Follows every word.
pub(super) const END: u32 = 0;

/// Distinct words in the order of their characters, whatever the order they came in, so that sums over them are
/// always taken in the same order.
///
/// A character is its code: 1 plus its place among all characters by code point. Codes are ordered as characters are.
pub(super) struct Text {
    /// The codes of each word, then [`END`].
    pub(super) codes: Vec<u32>,
    /// Where each word starts, and its count.
    pub(super) words: Vec<(u32, u64)>,
    /// The character of each code from 1 on, and how often it occurs.
    pub(super) characters: Vec<(char, u64)>,
}

/// A stretch of a text's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Text {
    /// Takes in the words, the rarest of them left out if there would be more than `most` codes.
    pub(super) fn new(words: &dyn WordSource, most: Option<usize>) -> Result<(Self, Option<Dropped>), Error> {
        let mut classes = Classes::default();
        let mut invalid = None;
        words.for_each(&mut |word, count| match std::str::from_utf8(word) {
            Ok(word) if count > 0 && !word.is_empty() => classes.add(count, word.chars().count() + 1),
            Ok(_) => {}
            Err(_) => invalid = Some(String::from_utf8_lossy(word).into_owned()),
        })?;
        if let Some(word) = invalid {
            return Err(Error::Config(format!(
                "the word {word:?} is not UTF-8, of which characters can be taken"
            )));
        }
        let (classes, dropped) = classes.fitting(most.unwrap_or(usize::MAX).min(u32::MAX as usize));
        if dropped.is_some() && (most.is_none() || classes.is_empty()) {
            return Err(Error::Config(format!(
                "the words have more characters than the {} that one training can take here",
                most.unwrap_or(u32::MAX as usize)
            )));
        }
        let size = classes.iter().map(|(_, class)| class.size).sum();
        let least_count = classes.last().map_or(0, |&(count, _)| count).max(1);
        // First with code points for codes.
        let mut text = Self { codes: Vec::with_capacity(size), words: Vec::new(), characters: Vec::new() };
        let mut seen: BTreeMap<char, u64> = BTreeMap::new();
        words.for_each(&mut |word, count| {
            if count >= least_count && !word.is_empty() {
                text.words.push((text.codes.len() as u32, count));
                for character in std::str::from_utf8(word).unwrap_or_default().chars() {
                    let sum = seen.entry(character).or_default();
                    *sum = sum.saturating_add(count);
                    text.codes.push(u32::from(character) + 1);
                }
                text.codes.push(END);
            }
        })?;
        text.characters = seen.into_iter().collect();
        text.sort();
        text.number();
        Ok((text, dropped))
    }

    fn sort(&mut self) {
        let codes = &self.codes;
        let word = |&(start, _): &(u32, u64)| {
            let word = &codes[start as usize..];
            word.split(|&code| code == END).next().unwrap_or_default()
        };
        if self.words.is_sorted_by(|a, b| word(a) <= word(b)) {
            return;
        }
        self.words.par_sort_unstable_by(|a, b| word(a).cmp(word(b)));
        let mut sorted = Vec::with_capacity(codes.len());
        for entry in &mut self.words {
            let start = sorted.len() as u32;
            sorted.extend_from_slice(word(entry));
            sorted.push(END);
            entry.0 = start;
        }
        self.codes = sorted;
    }

    /// Replaces code points by codes.
    fn number(&mut self) {
        let characters = &self.characters;
        self.codes.par_iter_mut().filter(|code| **code != END).for_each(|code| {
            let place = characters.binary_search_by_key(code, |&(character, _)| u32::from(character) + 1);
            *code = place.map_or(END, |place| place as u32 + 1);
        });
    }

    /// The codes of a span.
    pub(super) fn span(&self, span: Span) -> &[u32] {
        &self.codes[span.start as usize..(span.start + span.len) as usize]
    }

    /// The span as a string.
    pub(super) fn string(&self, span: Span) -> String {
        self.span(span).iter().map(|&code| self.characters[code as usize - 1].0).collect()
    }

    /// The sum of the words' counts.
    pub(super) fn total(&self) -> f64 {
        self.words.iter().map(|&(_, count)| count as f64).sum()
    }

    /// Has `work` done on `lanes` stretches of words, each of about the same number of codes; the results come in
    /// the order of the words. `work` is given the words of one stretch: their codes, without [`END`], and counts.
    pub(super) fn in_lanes<R: Send>(
        &self,
        lanes: usize,
        work: impl Fn(&mut dyn Iterator<Item = (&[u32], u64)>) -> R + Sync,
    ) -> Vec<R> {
        let first_word = |lane: usize| {
            let start = self.codes.len() * lane / lanes;
            self.words.partition_point(|&(at, _)| (at as usize) < start)
        };
        let lane = |lane: usize| {
            let words = first_word(lane)..first_word(lane + 1);
            let mut words = words.map(|index| {
                let end = self.words.get(index + 1).map_or(self.codes.len(), |&(start, _)| start as usize);
                let (start, count) = self.words[index];
                (&self.codes[start as usize..end - 1], count)
            });
            work(&mut words)
        };
        (0..lanes).into_par_iter().map(lane).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::WordCounts;

    #[test]
    fn words_are_sorted_and_numbered() {
        let words: WordCounts = [("cab", 2), ("bé", 1), ("", 5), ("a", 3), ("z", 0)].into_iter().collect();
        let (text, dropped) = Text::new(&words, None).unwrap();
        assert_eq!(dropped, None);
        assert_eq!(text.characters, [('a', 5), ('b', 3), ('c', 2), ('é', 1)]);
        assert_eq!(text.codes, [1, 0, 2, 4, 0, 3, 1, 2, 0]);
        assert_eq!(text.words, [(0, 3), (2, 1), (5, 2)]);
        assert_eq!(text.string(Span { start: 5, len: 3 }), "cab");
        for lanes in 1..12 {
            let words = text.in_lanes(lanes, |words| {
                words.map(|(word, count)| (word.to_vec(), count)).collect::<Vec<_>>()
            });
            assert_eq!(words.concat(), [(vec![1], 3), (vec![2, 4], 1), (vec![3, 1, 2], 2)]);
        }
    }

    #[test]
    fn rare_words_give_way() {
        let words: WordCounts = [("cab", 2), ("bé", 1), ("a", 3)].into_iter().collect();
        let (text, dropped) = Text::new(&words, Some(8)).unwrap();
        assert!(dropped.is_some());
        assert_eq!(text.words, [(0, 3), (2, 2)]);
        assert!(Text::new(&words, Some(1)).is_err());
    }
}
