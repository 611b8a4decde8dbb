//! Words of a block: along the best route, or all that the dictionary knows.

use std::collections::HashSet;
use std::ops::Range;

use super::dictionary::Dictionary;
use super::hmm::Hmm;
use super::route::{Step, best_route};
use super::text::{Block, HAN, is_ascii_word};

/// What cutting a block needs beside the block; kept from block to block.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) route: Vec<Step>,
    back: Vec<u8>,
    /// The words found, as ranges of the block's characters.
    pub(super) words: Vec<Range<usize>>,
}

/// The model of unseen words, and the words it may not make.
#[derive(Clone, Copy)]
pub(super) struct Unseen<'a> {
    pub(super) hmm: &'a Hmm,
    pub(super) forbidden: &'a HashSet<Box<str>>,
}

/// Cuts a block along the best route. Single characters that follow each other go to the model of unseen words
/// together, unless they are a word together.
pub(super) fn with_model(dictionary: &Dictionary, unseen: Unseen<'_>, block: &Block, scratch: &mut Scratch) {
    let Scratch { route, back, words } = scratch;
    best_route(dictionary, &block.codes, route);
    words.clear();
    let mut start = 0;
    while start < block.len() {
        let end = route[start].end;
        if end - start > 1 {
            words.push(start..end);
            start = end;
            continue;
        }
        let singles = singles_from(route, start, block.len());
        match singles.len() {
            1 => words.push(singles.clone()),
            _ if is_word(dictionary, &block.codes[singles.clone()]) => {
                words.extend(singles.clone().map(|i| i..i + 1));
            }
            _ => unseen_words(unseen, block, singles.clone(), back, words),
        }
        start = singles.end;
    }
}

/// The longest run of single characters on the route.
#[inline]
pub(super) fn singles_from(route: &[Step], start: usize, len: usize) -> Range<usize> {
    let mut end = start + 1;
    while end < len && route[end].end == end + 1 {
        end += 1;
    }
    start..end
}

/// Are the characters with these codes a word?
pub(super) fn is_word(dictionary: &Dictionary, codes: &[u16]) -> bool {
    dictionary.trie().find(codes).is_some_and(|node| node.word != 0)
}

/// Cuts single characters: runs of Han characters by the model, numbers and Latin words by their looks.
fn unseen_words(
    unseen: Unseen<'_>,
    block: &Block,
    chars: Range<usize>,
    back: &mut Vec<u8>,
    words: &mut Vec<Range<usize>>,
) {
    let mut start = chars.start;
    while start < chars.end {
        let han = HAN.contains(&block.chars[start]);
        let length = block.chars[start..chars.end].iter().take_while(|c| HAN.contains(c) == han).count();
        let run = start..start + length;
        start = run.end;
        if !han {
            latin_words(block, run, words);
        } else if unseen.forbidden.is_empty() {
            unseen.hmm.cut(&block.chars[run.clone()], back, |word| {
                words.push(run.start + word.start..run.start + word.end);
            });
        } else {
            unseen.hmm.cut(&block.chars[run.clone()], back, |word| {
                let word = run.start + word.start..run.start + word.end;
                let letters: String =
                    block.chars[word.clone()].iter().filter_map(|&c| char::from_u32(c.into())).collect();
                match unseen.forbidden.contains(&*letters) {
                    true => words.extend(word.map(|i| i..i + 1)),
                    false => words.push(word),
                }
            });
        }
    }
}

/// Cuts what is not Chinese as `[a-zA-Z0-9]+(\.\d+)?%?` and the stretches between.
fn latin_words(block: &Block, run: Range<usize>, words: &mut Vec<Range<usize>>) {
    let chars = &block.chars[..run.end];
    let is = |i: usize, c: u8| chars.get(i) == Some(&u16::from(c));
    let digit = |i: usize| chars.get(i).is_some_and(|&c| u8::try_from(c).is_ok_and(|c| c.is_ascii_digit()));
    let skip =
        |i: usize, word: bool| i + chars[i..].iter().take_while(|&&c| is_ascii_word(c) == word).count();
    let mut start = run.start;
    while start < run.end {
        let mut end = skip(start, false);
        if end == start {
            end = skip(start, true);
            if is(end, b'.') && digit(end + 1) {
                end += 1;
                while digit(end) {
                    end += 1;
                }
            }
            end += usize::from(is(end, b'%'));
        }
        words.push(start..end);
        start = end;
    }
}

/// Cuts a block along the best route, with single letters and digits that follow each other as one word.
pub(super) fn without_model(dictionary: &Dictionary, block: &Block, scratch: &mut Scratch) {
    let Scratch { route, words, .. } = scratch;
    best_route(dictionary, &block.codes, route);
    words.clear();
    let letter = |i: usize| route[i].end == i + 1 && is_ascii_word(block.chars[i]);
    let mut start = 0;
    while start < block.len() {
        let mut end = route[start].end;
        if letter(start) {
            while end < block.len() && letter(end) {
                end += 1;
            }
        }
        words.push(start..end);
        start = end;
    }
}

/// All words of the dictionary that are in a block, in the order in which jieba's full mode finds them: by where they
/// start, then by length, single characters only where no other word covers them.
pub(super) fn all_words(dictionary: &Dictionary, block: &Block, words: &mut Vec<Range<usize>>) {
    words.clear();
    let mut ends = Vec::new();
    // The end of the last word found, and the letters and digits that are not yet a word.
    let (mut covered, mut latin) = (0, 0..0);
    for start in 0..block.len() {
        if !is_ascii_word(block.chars[start]) && !latin.is_empty() {
            words.push(std::mem::take(&mut latin));
        }
        word_ends(dictionary, block, start, &mut ends);
        if let [end] = ends[..]
            && start >= covered
        {
            covered = end;
            if !is_ascii_word(block.chars[start]) {
                words.push(start..end);
            } else if latin.end == start && !latin.is_empty() {
                latin.end = end;
            } else {
                // Another word lay between.
                words.extend((!latin.is_empty()).then_some(latin));
                latin = start..end;
            }
        } else {
            for &end in ends.iter().filter(|&&end| end > start + 1) {
                words.push(start..end);
                covered = end;
            }
        }
    }
    words.extend((!latin.is_empty()).then_some(latin));
}

/// The ends of all words that start at a character; of the character alone where there is none.
fn word_ends(dictionary: &Dictionary, block: &Block, start: usize, ends: &mut Vec<usize>) {
    ends.clear();
    let mut node = dictionary.trie().first(block.codes[start]);
    let mut end = start + 1;
    while let Some(prefix) = node {
        if prefix.word != 0 {
            ends.push(end);
        }
        node = dictionary.trie().step(prefix, block.codes[end]);
        end += 1;
    }
    if ends.is_empty() {
        ends.push(start + 1);
    }
}

/// Puts before every word of three and more characters the words of two and of three characters within it.
pub(super) fn with_inner_words(dictionary: &Dictionary, block: &Block, words: &mut Vec<Range<usize>>) {
    let outer = std::mem::take(words);
    for word in outer {
        for length in [2, 3] {
            if word.len() > length {
                let starts = word.start..=word.end - length;
                let inner = starts.map(|i| i..i + length);
                words.extend(inner.filter(|inner| is_word(dictionary, &block.codes[inner.clone()])));
            }
        }
        words.push(word);
    }
}
