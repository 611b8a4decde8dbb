//! The pattern of o200k as a scanner.

use super::run::{self, Space};
use super::swar;
use crate::unicode::{self, CAPITAL, LETTER, NUMBER, SMALL};

/// The end of the piece that starts at `start`, which must lie inside `text`.
#[inline(always)]
pub(super) fn piece_end(text: &[u8], start: usize) -> usize {
    if let Some(end) = word_end(text, start) {
        return match text.get(end) {
            Some(b'\'') => end + run::contraction(&text[end..]).unwrap_or(0),
            _ => end,
        };
    }
    other_piece_end(text, start)
}

/// [`piece_end`] where no word is.
fn other_piece_end(text: &[u8], start: usize) -> usize {
    let (flags, length) = unicode::flags_at(text, start);
    if flags & NUMBER != 0 {
        return run::numbers_end(text, start + length, 3);
    }
    if let Some(mut end) = run::symbols_end(text, start) {
        while let Some(b'\r' | b'\n' | b'/') = text.get(end) {
            end += 1;
        }
        return end;
    }
    run::space_end(text, start, Space::LineBreakFirst)
}

/// The end of the word that starts at `start`, which one character before its letters may belong to that is neither
/// letter, number nor line break.
#[inline(always)]
fn word_end(text: &[u8], start: usize) -> Option<usize> {
    let first = text[start];
    let from = if first.is_ascii_alphabetic() { start } else { start + 1 };
    if first < 0x80 && !first.is_ascii_digit() && !matches!(first, b'\r' | b'\n') {
        let end = swar::cased_end(text, from);
        if text.get(end).is_none_or(u8::is_ascii) {
            return (end > from).then_some(end);
        }
    }
    any_word_end(text, start)
}

/// [`word_end`] in any script: the two alternatives, each first with and then without a character before the word.
fn any_word_end(text: &[u8], start: usize) -> Option<usize> {
    let (flags, length) = unicode::flags_at(text, start);
    let before = flags & (LETTER | NUMBER) == 0 && !matches!(text[start], b'\r' | b'\n');
    let after = before.then_some(start + length);
    let ends_small = |from| ends_small(text, from);
    let capitals = |from| Some(run::run_end(text, from, CAPITAL)).filter(|&end| end > from);
    after
        .and_then(ends_small)
        .or_else(|| ends_small(start))
        .or_else(|| after.and_then(capitals))
        .or_else(|| capitals(start))
}

/// Capitals, then at least one small letter: `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`. What has no
/// case is of both kinds, so where no small letter follows the capitals, the match ends with the last that is both.
fn ends_small(text: &[u8], from: usize) -> Option<usize> {
    let (mut at, mut after_both) = (from, None);
    while at < text.len() {
        let (flags, length) = unicode::flags_at(text, at);
        if flags & CAPITAL == 0 {
            if flags & SMALL != 0 {
                return Some(run::run_end(text, at + length, SMALL));
            }
            break;
        }
        at += length;
        if flags & SMALL != 0 {
            after_both = Some(at);
        }
    }
    after_both
}
