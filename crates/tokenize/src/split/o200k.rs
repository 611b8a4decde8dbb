//! The pattern of o200k as a scanner.

use super::run::{self, Before, Space};
use super::swar;
use crate::unicode::{self, CAPITAL, LETTER, NUMBER, SMALL};

const LEAST: run::Least = Before::Any.least();

/// The end of the piece that starts at `start`, which must lie inside `text`.
#[inline(always)]
pub(super) fn piece_end(text: &[u8], start: usize, chunk: u128) -> usize {
    // Most pieces of most texts.
    match run::short_word_end(text, start, &LEAST, swar::cased_word_length(chunk)) {
        Some(end) => with_contraction(text, end),
        None => other_piece_end(text, start),
    }
}

/// The end of a word with the contraction behind it.
#[inline(always)]
fn with_contraction(text: &[u8], end: usize) -> usize {
    match text.get(end) {
        Some(b'\'') => end + run::contraction(&text[end..]).unwrap_or(0),
        _ => end,
    }
}

/// [`piece_end`] in all other cases.
fn other_piece_end(text: &[u8], start: usize) -> usize {
    if let Some(end) = run::ascii_piece_end(text, start, 3, |byte| matches!(byte, b'\r' | b'\n' | b'/')) {
        return end;
    }
    if let Some(end) = any_word_end(text, start) {
        return with_contraction(text, end);
    }
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
/// letter, number nor line break: the two alternatives, each first with and then without such a character.
fn any_word_end(text: &[u8], start: usize) -> Option<usize> {
    if !may_begin_word(text, start) {
        return None;
    }
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

/// Whether a word may start at `start`, as two characters of ASCII tell.
#[inline]
fn may_begin_word(text: &[u8], start: usize) -> bool {
    let may_be_letter = |byte: u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
    match text[start] {
        b'0'..=b'9' | b'\r' | b'\n' => false,
        first => may_be_letter(first) || text.get(start + 1).is_some_and(|&next| may_be_letter(next)),
    }
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
