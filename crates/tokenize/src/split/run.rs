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

/// Which ASCII characters may stand before the letters of a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// A plain space.
    Space,
    /// All but letters, digits, line breaks and the apostrophe.
    NoApostrophe,
    /// All but letters, digits and line breaks.
    Any,
}

/// How long a word must be that begins with a byte, for it to have a letter.
pub(super) type Least = [u8; 256];

/// For bytes that begin no such word.
const NEVER: u8 = u8::MAX;

impl Before {
    pub(super) const fn least(self) -> Least {
        let mut least = [NEVER; 256];
        let mut byte = 0;
        while byte < 128 {
            least[byte] = match (byte as u8, self) {
                (b'a'..=b'z' | b'A'..=b'Z', _) => 1,
                (b'0'..=b'9' | b'\r' | b'\n', _) | (b'\'', Before::NoApostrophe) => NEVER,
                (b' ', _) | (_, Before::NoApostrophe | Before::Any) => 2,
                (_, Before::Space) => NEVER,
            };
            byte += 1;
        }
        least
    }
}

/// The end of the word of ASCII letters that starts at `start`, if `length`, of up to 15, is that of one. `None`: there
/// may be another word or none.
#[inline(always)]
pub(super) fn short_word_end(text: &[u8], start: usize, least: &Least, length: usize) -> Option<usize> {
    if length < usize::from(least[usize::from(text[start])]) || length == 16 {
        return None;
    }
    let end = start + length;
    // Letters of other scripts may follow.
    text.get(end).is_none_or(u8::is_ascii).then_some(end)
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

/// The end of the piece of ASCII digits, symbols or spaces that starts at `start`, where letters do not: up to `most`
/// digits; symbols after up to one space, and what `follows` them; spaces as in [`indent_end`]. `None`: there is another
/// piece.
#[inline]
pub(super) fn ascii_piece_end(
    text: &[u8],
    start: usize,
    most: usize,
    follows: impl Fn(u8) -> bool,
) -> Option<usize> {
    let run = |from: usize, most: usize, flag: u8| {
        let run = text[from..].iter().take(most).take_while(|&&byte| unicode::ascii_flags(byte) & flag != 0);
        let end = from + run.count();
        // A character of another script may go on with it.
        (end == from + most || text.get(end).is_none_or(u8::is_ascii)).then_some(end)
    };
    let next = text.get(start + 1).copied().unwrap_or(b'\n');
    let from = match unicode::ascii_flags(text[start]) {
        NUMBER => return run(start, most, NUMBER),
        OTHER if next.is_ascii() && !next.is_ascii_alphabetic() => start,
        SPACE if text[start] == b' ' && unicode::ascii_flags(next) == OTHER => start + 1,
        SPACE if text[start] == b' ' && next == b' ' => return indent_end(text, start),
        _ => return None,
    };
    let mut end = run(from, text.len(), OTHER)?;
    while text.get(end).is_some_and(|&byte| follows(byte)) {
        end += 1;
    }
    Some(end)
}

/// The end of the piece that a run of two or more plain spaces from `start` on makes before an ASCII character that is
/// no white space: all but the last.
#[inline]
pub(super) fn indent_end(text: &[u8], start: usize) -> Option<usize> {
    let end = swar::spaces_end(text, start);
    let next = *text.get(end)?;
    (end > start + 1 && next.is_ascii() && !matches!(next, b'\t'..=b'\r')).then_some(end - 1)
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
