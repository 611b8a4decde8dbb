//! Cutting text into the pieces within which a model merges.

mod cl100k;
mod gpt2;
mod o200k;
mod run;
mod swar;

use std::ops::Range;

pub(crate) use swar::chunk;

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
    /// The pattern of OpenAI's cl100k (GPT-3.5 and GPT-4): contractions in any case, words with one character before
    /// them, up to three digits, symbols with the line breaks after them:
    ///
    /// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`
    Cl100k,
    /// The pattern of OpenAI's o200k (GPT-4o): as cl100k, but a word ends where a capital follows a small letter, and
    /// contractions stay with their word.
    O200k,
    /// The pattern of Llama 3: as cl100k, but white space at the end of a text is cut after its last line break.
    Llama3,
    /// The pattern of Qwen 2 and 2.5: as Llama 3, with every digit by itself.
    Qwen2,
    /// Every character by itself: tokens never grow past one character, as wanted for a Chinese model over
    /// characters with bytes to fall back on.
    Chars,
    /// No cut at all: the text is one piece.
    Whole,
}

const CL100K: cl100k::Rules = cl100k::Rules { numbers: 3, space: run::Space::EndFirst };
const LLAMA3: cl100k::Rules = cl100k::Rules { numbers: 3, space: run::Space::LineBreakFirst };
const QWEN2: cl100k::Rules = cl100k::Rules { numbers: 1, space: run::Space::LineBreakFirst };

/// The patterns as their files write them.
const PATTERNS: [(Split, &str); 6] = [
    (Split::Gpt2, r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"),
    (Split::Chars, r"[\s\S]"),
    (
        Split::Cl100k,
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ),
    (
        Split::O200k,
        concat!(
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
            r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
    ),
    (
        Split::Llama3,
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    (
        Split::Qwen2,
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
];

impl Split {
    /// The split that cuts as a regular expression does, if it is one of those known here.
    pub(crate) fn from_pattern(pattern: &str) -> Option<Self> {
        PATTERNS.iter().find(|(_, known)| *known == pattern).map(|&(split, _)| split)
    }

    /// The regular expression that cuts as this split does.
    pub(crate) fn pattern(self) -> Option<&'static str> {
        PATTERNS.iter().find(|(known, _)| *known == self).map(|&(_, pattern)| pattern)
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
    pub(crate) fn for_each(self, text: &[u8], visit: impl FnMut(Range<usize>)) {
        struct Ranges<V>(V);
        impl<V: FnMut(Range<usize>)> Visit for Ranges<V> {
            #[inline(always)]
            fn piece(&mut self, range: Range<usize>, _: u128) {
                (self.0)(range);
            }
        }
        self.visit(text, &mut Ranges(visit));
    }

    /// [`for_each`](Self::for_each), with the first bytes of every piece.
    #[inline(always)]
    pub(crate) fn visit(self, text: &[u8], visit: &mut impl Visit) {
        match self {
            Split::Gpt2 => walk(text, visit, gpt2::piece_end),
            Split::Cl100k => {
                walk(text, visit, |text, start, chunk| cl100k::piece_end(text, start, chunk, CL100K));
            }
            Split::O200k => walk(text, visit, o200k::piece_end),
            Split::Llama3 => {
                walk(text, visit, |text, start, chunk| cl100k::piece_end(text, start, chunk, LLAMA3));
            }
            Split::Qwen2 => {
                walk(text, visit, |text, start, chunk| cl100k::piece_end(text, start, chunk, QWEN2));
            }
            Split::Chars => walk(text, visit, |text, start, _| start + unicode::class_at(text, start).1),
            Split::Whole => walk(text, visit, |text, _, _| text.len()),
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
            // comes before the cut never matters after it. (Not so for symbols: `'s` may follow.) Only o200k's words
            // go on with marks and contractions.
            let goes_on = self == Split::O200k && previous == Class::Letter && class == Class::Other;
            let ends_piece =
                matches!(previous, Class::Letter | Class::Number) && class != previous && !goes_on;
            if ends_piece || (self == Split::Chars && at >= from) {
                return at;
            }
            previous = class;
            at += length;
        }
        text.len()
    }
}

/// What is told of the pieces of a text. A closure would do, but for being called where it should be written out.
pub(crate) trait Visit {
    /// A piece, and sixteen bytes of the text from its start on, with zeros behind the text's end.
    fn piece(&mut self, range: Range<usize>, chunk: u128);
}

/// Visits piece after piece; `end` tells where the one ends that starts at a place.
#[inline(always)]
fn walk(text: &[u8], visit: &mut impl Visit, end: impl Fn(&[u8], usize, u128) -> usize) {
    let mut start = 0;
    while start < text.len() {
        let chunk = chunk(text, start);
        let end = end(text, start, chunk);
        visit.piece(start..end, chunk);
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fancy_regex::Regex;
    use proptest::prelude::*;

    const ALL: [Split; 7] =
        [Split::Gpt2, Split::Cl100k, Split::O200k, Split::Llama3, Split::Qwen2, Split::Chars, Split::Whole];

    /// Text of everything that the patterns tell apart.
    fn telling() -> impl Strategy<Value = String> {
        const TELLING: &[&str] = &[
            "'s",
            "'T",
            "'ll",
            "'Ve",
            "'rE",
            "'\u{17f}",
            "'",
            " ",
            "  ",
            "\n",
            "\r\n",
            "\t",
            "\u{a0}",
            "\u{3000}",
            "\u{85}",
            "a",
            "bc",
            "words",
            "HTTPServer",
            "camelCase",
            "A",
            "É",
            "é",
            "ж",
            "Ж",
            "ǅ",
            "ʰ",
            "中",
            "我爱",
            "한",
            "の",
            "ا",
            "\u{301}",
            "ा",
            "1",
            "23",
            "4567",
            "٣",
            "½",
            "!",
            "//",
            "/",
            "...",
            "👨\u{200d}👩",
            "𝐀",
            "𝐚",
            "\u{1f1e6}",
            "_",
            "\0",
            "\u{200b}",
        ];
        prop_oneof![
            prop::collection::vec(prop::sample::select(TELLING), 0..24).prop_map(|parts| parts.concat()),
            any::<String>(),
            prop::collection::vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect()),
        ]
    }

    /// The pieces as the regular expression cuts them.
    fn by_regex(regex: &Regex, text: &str) -> Vec<Range<usize>> {
        regex.find_iter(text).map(|found| found.unwrap().range()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn pieces_are_those_of_the_regular_expressions(text in telling()) {
            thread_local! {
                static REGEXES: Vec<(Split, Regex)> =
                    PATTERNS.iter().map(|&(split, pattern)| (split, Regex::new(pattern).unwrap())).collect();
            }
            REGEXES.with(|regexes| {
                for (split, regex) in regexes {
                    assert_eq!(split.pieces(&text), by_regex(regex, &text), "{split:?}: {text:?}");
                }
            });
        }
    }

    /// Every code point alone among letters, numbers and spaces, so that no table of classes differs from the regular
    /// expressions'.
    #[test]
    fn every_code_point_is_cut_as_by_the_regular_expressions() {
        let patterns = PATTERNS.iter().filter(|(split, _)| matches!(split, Split::Cl100k | Split::O200k));
        let regexes: Vec<_> =
            patterns.map(|&(split, pattern)| (split, Regex::new(pattern).unwrap())).collect();
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        for chunk in all.chunks(512) {
            let text: String = chunk.iter().flat_map(|&c| ['a', c, 'A', c, '1', c, ' ', c]).collect();
            for (split, regex) in &regexes {
                assert_eq!(split.pieces(&text), by_regex(regex, &text), "{split:?}: from {:?}", chunk[0]);
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_text(text in any::<Vec<u8>>()) {
            for split in ALL {
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
                "[abA1 \n'.,!é中〇\u{301}stl\u{3000}]{0,200}".prop_map(String::into_bytes),
                any::<String>().prop_map(String::into_bytes),
                prop::collection::vec(prop_oneof![Just(b'a'), Just(b' '), Just(b'\''), any::<u8>()], 0..100),
            ],
            size in 1usize..40,
        ) {
            for split in ALL {
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
