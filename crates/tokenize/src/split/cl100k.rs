//! The pattern of cl100k and its kin in Llama 3 and Qwen as a scanner.

use super::run::{self, Before, Space};
use super::swar;
use crate::unicode::{self, LETTER, NUMBER};

/// Wherein the patterns differ.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Most numbers in one piece.
    pub(super) numbers: usize,
    pub(super) space: Space,
}

const LEAST: run::Least = Before::NoApostrophe.least();

/// The end of the piece that starts at `start`, which must lie inside `text`.
#[inline(always)]
pub(super) fn piece_end(text: &[u8], start: usize, chunk: u128, rules: Rules) -> usize {
    // Most pieces of most texts.
    match run::short_word_end(text, start, &LEAST, swar::word_length(chunk)) {
        Some(end) => end,
        None => other_piece_end(text, start, rules),
    }
}

/// [`piece_end`] in all other cases.
fn other_piece_end(text: &[u8], start: usize, rules: Rules) -> usize {
    let first = text[start];
    if first == b'\''
        && let Some(length) = run::contraction(&text[start..])
    {
        return start + length;
    }
    if let Some(end) = run::ascii_piece_end(text, start, rules.numbers, |byte| matches!(byte, b'\r' | b'\n'))
    {
        return end;
    }
    let (flags, length) = unicode::flags_at(text, start);
    let next = start + length;
    if flags & NUMBER != 0 {
        return run::numbers_end(text, next, rules.numbers);
    }
    // Letters, with one character before them that is neither letter, number nor line break.
    let line_break = matches!(first, b'\r' | b'\n');
    if flags & LETTER != 0 || (!line_break && run::letter_at(text, next)) {
        return run::run_end(text, next, LETTER);
    }
    if let Some(mut end) = run::symbols_end(text, start) {
        while let Some(b'\r' | b'\n') = text.get(end) {
            end += 1;
        }
        return end;
    }
    run::space_end(text, start, rules.space)
}
