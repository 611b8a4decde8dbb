//! What the patterns have in common: runs of a class, contractions, white space before a word.

use super::swar;
use crate::unicode::{self, LETTER, NUMBER, OTHER, SPACE};

/// Where the run of characters with any of `flags` that has reached `at` ends.
#[inline]
pub(super) fn run_end(text: &[u8], mut at: usize, flags: u8) -> usize {
    while at < text.len() {
        let (found, length) = unicode::flags_at(text, at);
        if found & flags == 0 {
            break;
        }
        at += length;
    }
    at
}

/// Where the run of letters that has reached `at` ends.
#[inline(always)]
pub(super) fn letters_end(text: &[u8], at: usize) -> usize {
    let end = swar::letters_end(text, at);
    match text.get(end) {
        Some(0x80..) => run_end(text, end, LETTER),
        _ => end,
    }
}

/// Whether a letter starts at `at`.
#[inline]
pub(super) fn letter_at(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None => false,
        Some(byte @ 0..=0x7f) => byte.is_ascii_alphabetic(),
        Some(_) => unicode::flags_at(text, at).0 & LETTER != 0,
    }
}

/// The length of the contraction that `text` begins with, in whatever case: `(?i:'s|'t|'re|'ve|'m|'ll|'d)`. The long
/// s (U+017F) is a small s there.
#[inline]
pub(super) fn contraction(text: &[u8]) -> Option<usize> {
    let [b'\'', rest @ ..] = text else { return None };
    match rest {
        [b's' | b'S' | b't' | b'T' | b'm' | b'M' | b'd' | b'D', ..] => Some(2),
        [b'r' | b'R' | b'v' | b'V', b'e' | b'E', ..] | [b'l' | b'L', b'l' | b'L', ..] => Some(3),
        [0xc5, 0xbf, ..] => Some(3),
        _ => None,
    }
}

/// The end of the symbols that start at `start`, after one plain space if there is one: ` ?[^\s\p{L}\p{N}]+`.
#[inline]
pub(super) fn symbols_end(text: &[u8], start: usize) -> Option<usize> {
    let from = start + usize::from(text[start] == b' ');
    let end = run_end(text, from, OTHER);
    (end > from).then_some(end)
}

/// The end of up to `most` numbers, the first of which ends at `at`.
#[inline]
pub(super) fn numbers_end(text: &[u8], mut at: usize, most: usize) -> usize {
    for _ in 1..most {
        if at == text.len() {
            break;
        }
        let (flags, length) = unicode::flags_at(text, at);
        if flags & NUMBER == 0 {
            break;
        }
        at += length;
    }
    at
}

/// How a run of white space is cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// After its last line break: `\s*[\r\n]+|\s+(?!\S)|\s+`.
    LineBreakFirst,
    /// Not at all where the text ends with it, else after its last line break: `\s+$|\s*[\r\n]|\s+(?!\S)|\s`.
    EndFirst,
}

/// The end of the first piece of the white space that starts at `start`. Without a line break, its last character is
/// left for the word after it.
#[inline]
pub(super) fn space_end(text: &[u8], start: usize, space: Space) -> usize {
    let (mut at, mut last, mut after_break) = (start, start, None);
    while at < text.len() {
        let (flags, length) = unicode::flags_at(text, at);
        if flags & SPACE == 0 {
            break;
        }
        last = at;
        at += length;
        if matches!(text[last], b'\r' | b'\n') {
            after_break = Some(at);
        }
    }
    match after_break {
        _ if at == text.len() && (space == Space::EndFirst || after_break.is_none()) => at,
        Some(end) => end,
        None if last > start => last,
        None => at,
    }
}
