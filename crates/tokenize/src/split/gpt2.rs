//! The GPT-2 pattern as a scanner.

use super::run::{self, Before};
use super::swar;
use crate::unicode::{Class, class_at};

const LEAST: run::Least = Before::Space.least();

/// The end of the piece that starts at `start`, which must lie inside `text`.
///
/// Each alternative of the pattern begins with characters that no other alternative before it takes, except for the
/// contractions (tried first) and the white space at the end of a run (left for the word after it), so one look at
/// the first characters decides.
#[inline(always)]
pub(super) fn piece_end(text: &[u8], start: usize, chunk: u128) -> usize {
    // Most pieces of most texts.
    match run::short_word_end(text, start, &LEAST, swar::word_length(chunk)) {
        Some(end) => end,
        None => other_piece_end(text, start),
    }
}

/// [`piece_end`] in all other cases.
fn other_piece_end(text: &[u8], start: usize) -> usize {
    let first = text[start];
    if first == b'\''
        && let Some(length) = contraction(&text[start + 1..])
    {
        return start + 1 + length;
    }
    let (class, length) = class_at(text, start);
    if class != Class::Space {
        return run_end(text, start + length, class);
    }
    // One plain space joins the run of letters, numbers or symbols behind it.
    if first == b' ' && start + 1 < text.len() {
        let (class, length) = class_at(text, start + 1);
        if class != Class::Space {
            return run_end(text, start + 1 + length, class);
        }
    }
    space_end(text, start)
}

/// The length of the contraction's letters that `text` begins with, the apostrophe being before it.
#[inline]
fn contraction(text: &[u8]) -> Option<usize> {
    match text {
        [b's' | b't' | b'm' | b'd', ..] => Some(1),
        [b'r', b'e', ..] | [b'v', b'e', ..] | [b'l', b'l', ..] => Some(2),
        _ => None,
    }
}

/// Where the run of characters of `class` that has reached `at` ends.
#[inline]
fn run_end(text: &[u8], mut at: usize, class: Class) -> usize {
    while at < text.len() {
        let (next, length) = class_at(text, at);
        if next != class {
            break;
        }
        at += length;
    }
    at
}

/// The end of a run of white space, but before its last character if something other than white space follows and
/// the run is longer than that character: `\s+(?!\S)|\s+`.
fn space_end(text: &[u8], start: usize) -> usize {
    let (mut at, mut last) = (start, start);
    while at < text.len() {
        let (class, length) = class_at(text, at);
        if class != Class::Space {
            return if last > start { last } else { at };
        }
        last = at;
        at += length;
    }
    at
}

#[cfg(test)]
mod tests {
    use crate::Split;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let pieces: Vec<&str> = Split::Gpt2.pieces(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(pieces, expected, "{text:?}");
    }

    #[test]
    fn words_numbers_and_symbols_take_one_space() {
        check("Hello world", &["Hello", " world"]);
        check("a1b22 333", &["a", "1", "b", "22", " 333"]);
        check("x == y;", &["x", " ==", " y", ";"]);
        check("snake_case", &["snake", "_", "case"]);
        check("", &[]);
    }

    #[test]
    fn white_space_leaves_its_last_character() {
        check("a  b", &["a", " ", " b"]);
        check("a \n b", &["a", " \n", " b"]);
        check("a\nb", &["a", "\n", "b"]);
        check("a\n\nb", &["a", "\n", "\n", "b"]);
        check("a  ", &["a", "  "]);
        check("  ", &["  "]);
        check("a \u{3000}b", &["a", " ", "\u{3000}", "b"]);
        check("a\u{3000} b", &["a", "\u{3000}", " b"]);
        check("\u{a0}b", &["\u{a0}", "b"]);
    }

    #[test]
    fn contractions_come_first_but_not_after_a_space() {
        check("it's we'll", &["it", "'s", " we", "'ll"]);
        check("'select'", &["'s", "elect", "'"]);
        check("'l 'r 'v", &["'", "l", " '", "r", " '", "v"]);
        check("a 's", &["a", " '", "s"]);
        check("!'s", &["!'", "s"]);
        check("IT'S", &["IT", "'", "S"]);
    }

    #[test]
    fn unicode_classes() {
        check("我爱北京，天安门。", &["我爱北京", "，", "天安门", "。"]);
        check("x\u{301}y", &["x", "\u{301}", "y"]);
        check("½Ⅷ٣a", &["½Ⅷ٣", "a"]);
        check("👨‍👩‍👧 ok", &["👨‍👩‍👧", " ok"]);
    }
}
