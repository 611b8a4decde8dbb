//! Cutting text into the pieces within which a model merges.

mod gpt2;

use std::ops::Range;

use crate::unicode::{self, Class};

/// How text is cut into pieces before byte pairs are merged; no token ever crosses a cut.
///
/// ```
/// use tokenize::Split;
///
/// let pieces = |split: Split, text| split.pieces(text).into_iter().map(|r| &text[r]).collect::<Vec<_>>();
/// assert_eq!(pieces(Split::Gpt2, "I'll go, 2  x"), ["I", "'ll", " go", ",", " 2", " ", " x"]);
/// assert_eq!(pieces(Split::Chars, "我 go"), ["我", " ", "g", "o"]);
/// assert_eq!(pieces(Split::Whole, "I'll go"), ["I'll go"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Split {
    /// The pattern of GPT-2 (Radford et al. 2019): contractions, words, numbers and punctuation, each with the space
    /// before it, and runs of white space:
    ///
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    ///
    /// Chinese and Japanese put no spaces between words, so a whole clause is one piece and tokens may span several
    /// words of it. Training and encoding stay fast on such pieces.
    #[default]
    Gpt2,
    /// Every character by itself: tokens never grow past one character, as wanted for a Chinese model over
    /// characters with bytes to fall back on.
    Chars,
    /// No cut at all: the text is one piece.
    Whole,
}

impl Split {
    /// The split that cuts as a regular expression does, if it is one of those known here.
    pub(crate) fn from_pattern(pattern: &str) -> Option<Self> {
        match pattern {
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+" => {
                Some(Split::Gpt2)
            }
            r"[\s\S]" => Some(Split::Chars),
            _ => None,
        }
    }

    /// The byte ranges of the pieces of `text`, which join to the whole of it.
    pub fn pieces(self, text: &str) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        self.for_each(text.as_bytes(), |piece| pieces.push(piece));
        pieces
    }

    /// Calls `visit` on the range of every piece of `text`, in order.
    ///
    /// In bytes that are not UTF-8, each invalid byte counts as one symbol character.
    #[inline]
    pub(crate) fn for_each(self, text: &[u8], mut visit: impl FnMut(Range<usize>)) {
        let mut start = 0;
        while start < text.len() {
            let end = match self {
                Split::Gpt2 => gpt2::piece_end(text, start),
                Split::Chars => start + unicode::class_at(text, start).1,
                Split::Whole => text.len(),
            };
            visit(start..end);
            start = end;
        }
    }

    /// Cuts `text` into parts of about `size` bytes, such that the pieces of the parts are the pieces of the text.
    ///
    /// Where no safe place follows, the part goes on to the end.
    pub(crate) fn parts(self, text: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
        let mut rest = text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (part, tail) = rest.split_at(self.safe_cut(rest, size));
            rest = tail;
            Some(part)
        })
    }

    /// The first safe place to cut at or after `from`, or the end of the text.
    fn safe_cut(self, text: &[u8], from: usize) -> usize {
        if self == Split::Whole || from >= text.len() {
            return text.len();
        }
        // Step back to a character's first byte, at most the three bytes that a character can trail.
        let mut at = (from.saturating_sub(3)..=from).rev().find(|&i| text[i] & 0xc0 != 0x80).unwrap_or(from);
        let mut previous = Class::Other;
        while at < text.len() {
            let (class, length) = unicode::class_at(text, at);
            // Under each pattern a letter or number ends its piece before any character of another class, and what
            // comes before the cut never matters after it. (Not so for symbols: `'s` may follow.)
            let ends_piece = matches!(previous, Class::Letter | Class::Number) && class != previous;
            if ends_piece || (self == Split::Chars && at >= from) {
                return at;
            }
            previous = class;
            at += length;
        }
        text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_join_to_the_text(text in any::<Vec<u8>>()) {
            for split in [Split::Gpt2, Split::Chars, Split::Whole] {
                let mut end = 0;
                split.for_each(&text, |piece| {
                    assert_eq!(piece.start, end);
                    assert!(piece.end > piece.start);
                    end = piece.end;
                });
                prop_assert_eq!(end, text.len());
            }
        }

        #[test]
        fn parts_have_the_pieces_of_the_whole(
            text in prop_oneof![
                "[ab1 \n'.,!é中〇\u{301}stl\u{3000}]{0,200}".prop_map(String::into_bytes),
                any::<String>().prop_map(String::into_bytes),
                prop::collection::vec(prop_oneof![Just(b'a'), Just(b' '), Just(b'\''), any::<u8>()], 0..100),
            ],
            size in 1usize..40,
        ) {
            for split in [Split::Gpt2, Split::Chars, Split::Whole] {
                let mut whole = Vec::new();
                split.for_each(&text, |piece| whole.push(text[piece].to_vec()));
                let mut joined = Vec::new();
                for part in split.parts(&text, size) {
                    split.for_each(part, |piece| joined.push(part[piece].to_vec()));
                }
                prop_assert_eq!(&whole, &joined);
            }
        }
    }
}
