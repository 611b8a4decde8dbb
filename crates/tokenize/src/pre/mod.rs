//! Pre-tokenizers: where a text is cut before a model sees it, piece by piece.

mod chinese;
mod metaspace;
mod pieces;
mod scripts;

use std::num::NonZeroUsize;

pub use crate::pattern::Pattern;
pub use chinese::ChineseWords;
pub use metaspace::{Metaspace, PrependScheme};
pub use pieces::{PreTokenized, SplitBehavior};

use crate::error::Error;
use crate::normalise::byte_level;
use crate::pattern::Stretch;
use crate::properties;
use crate::split::Split;
use pieces::cut_at_chars;

/// A step, or several, that cuts a text. Names and effects are those of Hugging Face's `tokenizers`.
///
/// ```
/// use std::num::NonZeroUsize;
/// use tokenize::pre::{
///     ByteLevel, ChineseWords, Metaspace, Pattern, PatternSplit, PreTokenizer, SplitBehavior,
/// };
///
/// let commas = PatternSplit::new(Pattern::literal(","), SplitBehavior::MergedWithPrevious, false);
/// let words = ChineseWords::new("天安门 9 n\n北京 9 n\n", false)?;
/// for (pre_tokenizer, text, pieces) in [
///     (PreTokenizer::Bert, "it's", &["it", "'", "s"][..]),
///     (PreTokenizer::ByteLevel(ByteLevel::default()), "it's", &["Ġit", "'s"]),
///     (PreTokenizer::CharDelimiterSplit('-'), "a-b", &["a", "b"]),
///     (PreTokenizer::Metaspace(Metaspace::default()), "a b", &["▁a", "▁b"]),
///     (PreTokenizer::Whitespace, "a b!?", &["a", "b", "!?"]),
///     (PreTokenizer::WhitespaceSplit, "a b!?", &["a", "b!?"]),
///     (PreTokenizer::Split(commas), "a,b", &["a,", "b"]),
///     (PreTokenizer::Punctuation(SplitBehavior::Isolated), "a,b", &["a", ",", "b"]),
///     (PreTokenizer::Digits { individual_digits: true }, "a12", &["a", "1", "2"]),
///     (PreTokenizer::UnicodeScripts, "ab中文", &["ab", "中文"]),
///     (PreTokenizer::FixedLength(NonZeroUsize::MIN.saturating_add(1)), "abc", &["ab", "c"]),
///     (PreTokenizer::ChineseWords(words), "北京天安门", &["北京", "天安门"]),
///     (PreTokenizer::Sequence(vec![PreTokenizer::Whitespace, PreTokenizer::UnicodeScripts]), "a中 b", &["a", "中", "b"]),
/// ] {
///     let found = pre_tokenizer.pieces(text)?;
///     assert_eq!(found.iter().map(|(piece, _)| piece.as_str()).collect::<Vec<_>>(), pieces);
/// }
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreTokenizer {
    /// Cuts at whitespace, which is removed, and around punctuation, as BERT does.
    Bert,
    /// GPT-2's: its pattern, if wanted, and then bytes as printable characters.
    ByteLevel(ByteLevel),
    /// Cuts at one character, which is removed.
    CharDelimiterSplit(char),
    /// Sentencepiece's way with spaces.
    Metaspace(Metaspace),
    /// Runs of word characters and runs of other characters: `\w+|[^\w\s]+`.
    Whitespace,
    /// Cuts at whitespace, which is removed.
    WhitespaceSplit,
    /// One after the other, each on the pieces of the one before.
    Sequence(Vec<PreTokenizer>),
    /// Cuts where a pattern matches.
    Split(PatternSplit),
    /// Cuts at punctuation.
    Punctuation(SplitBehavior),
    /// Cuts around numbers.
    Digits {
        /// Every digit by itself, not runs of them.
        individual_digits: bool,
    },
    /// Cuts where the script changes.
    UnicodeScripts,
    /// Pieces of so many characters; the last may be shorter.
    FixedLength(NonZeroUsize),
    /// Cuts into Chinese words; `tokenizers` has no such component.
    ChineseWords(ChineseWords),
}

/// GPT-2's byte level: as a pre-tokenizer, a post-processor and a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteLevel {
    /// Put a space before a piece that does not start with one.
    pub add_prefix_space: bool,
    /// As a post-processor: leave spaces out of offsets.
    pub trim_offsets: bool,
    /// Cut by GPT-2's pattern.
    pub use_regex: bool,
}

impl Default for ByteLevel {
    fn default() -> Self {
        Self { add_prefix_space: true, trim_offsets: true, use_regex: true }
    }
}

/// A split at what a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternSplit {
    pattern: Pattern,
    behavior: SplitBehavior,
    invert: bool,
    /// The hand-written split that does what the pattern says.
    known: Option<Split>,
}

impl PatternSplit {
    /// A split at the matches of `pattern`, or with `invert` at what lies between them.
    pub fn new(pattern: Pattern, behavior: SplitBehavior, invert: bool) -> Self {
        let known = if pattern.is_regex() { Split::from_pattern(pattern.source()) } else { None };
        Self { pattern, behavior, invert, known }
    }

    /// What it looks for.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// What becomes of the matches.
    pub fn behavior(&self) -> SplitBehavior {
        self.behavior
    }

    /// Whether what lies between the matches takes their part.
    pub fn invert(&self) -> bool {
        self.invert
    }

    /// The hand-written split that gives all pieces, if there is one.
    pub(crate) fn known(&self) -> Option<Split> {
        // Its pieces follow each other without a gap, so all of them are matches, whatever is done with the rest.
        let keeps_all = match self.behavior {
            SplitBehavior::Isolated => true,
            SplitBehavior::Removed => self.invert,
            _ => false,
        };
        self.known.filter(|_| keeps_all)
    }

    fn cut(&self, text: &str, stretches: &mut Vec<Stretch>) -> Result<(), Error> {
        match self.known {
            Some(split) => split.for_each(text.as_bytes(), |piece| stretches.push((piece, true))),
            None => self.pattern.cut(text, stretches)?,
        }
        if self.invert {
            stretches.iter_mut().for_each(|(_, matches)| *matches = !*matches);
        }
        Ok(())
    }
}

impl PreTokenizer {
    /// Cuts, and for some kinds changes, every piece of `text`.
    ///
    /// # Errors
    /// [`Error::Pattern`] if a regular expression backtracks without end.
    pub fn pre_tokenize(&self, text: &mut PreTokenized) -> Result<(), Error> {
        use SplitBehavior::{Contiguous, Isolated, Removed};
        match self {
            Self::Bert => {
                split_at(text, Removed, char::is_whitespace)?;
                split_at(text, Isolated, properties::is_punctuation)
            }
            Self::ByteLevel(level) => level.pre_tokenize(text),
            Self::CharDelimiterSplit(delimiter) => {
                split_at(text, Removed, |character| character == *delimiter)
            }
            Self::Metaspace(metaspace) => metaspace.pre_tokenize(text),
            Self::Whitespace => text.split(Removed, |piece, stretches| {
                cut_into_runs(piece, stretches);
                Ok(())
            }),
            Self::WhitespaceSplit => split_at(text, Removed, char::is_whitespace),
            Self::Sequence(steps) => steps.iter().try_for_each(|step| step.pre_tokenize(text)),
            Self::Split(split) => text.split(split.behavior, |piece, stretches| split.cut(piece, stretches)),
            Self::Punctuation(behavior) => split_at(text, *behavior, properties::is_punctuation),
            Self::Digits { individual_digits } => {
                let behavior = if *individual_digits { Isolated } else { Contiguous };
                split_at(text, behavior, char::is_numeric)
            }
            Self::UnicodeScripts => text.split(Isolated, |piece, stretches| {
                scripts::cut(piece, stretches);
                Ok(())
            }),
            Self::FixedLength(length) => text.split(Isolated, |piece, stretches| {
                cut_by_length(piece, length.get(), stretches);
                Ok(())
            }),
            Self::ChineseWords(words) => text.split(Isolated, |piece, stretches| {
                words.cut(piece, stretches);
                Ok(())
            }),
        }
    }

    /// The pieces of a text that nothing else has touched, with the bytes of it that each stands for.
    ///
    /// ```
    /// use tokenize::pre::{ByteLevel, PreTokenizer};
    ///
    /// let pieces = PreTokenizer::ByteLevel(ByteLevel::default()).pieces("naïve 2")?;
    /// assert_eq!(pieces, [("ĠnaÃ¯ve".to_owned(), 0..6), ("Ġ2".to_owned(), 6..8)]);
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`pre_tokenize`](Self::pre_tokenize).
    pub fn pieces(&self, text: &str) -> Result<Vec<(String, std::ops::Range<usize>)>, Error> {
        let mut pieces = PreTokenized::new(crate::normalise::NormalizedText::new(text));
        self.pre_tokenize(&mut pieces)?;
        Ok(pieces.pieces().map(|(piece, original)| (piece.to_owned(), original)).collect())
    }
}

impl ByteLevel {
    fn pre_tokenize(self, text: &mut PreTokenized) -> Result<(), Error> {
        if self.add_prefix_space {
            text.rewrite(|piece, out| {
                if piece.text.starts_with(' ') {
                    piece.copy(0..piece.text.len(), out);
                } else {
                    piece.prepend(" ", out);
                }
            });
        }
        if self.use_regex {
            text.split(SplitBehavior::Isolated, |piece, stretches| {
                Split::Gpt2.for_each(piece.as_bytes(), |range| stretches.push((range, true)));
                Ok(())
            })?;
        }
        text.rewrite(|piece, out| piece.transform(byte_level(piece.text), 0, out));
        let (text, _) = text.parts();
        text.check_growth(text.as_str().len())
    }
}

/// Splits at characters.
fn split_at(
    text: &mut PreTokenized,
    behavior: SplitBehavior,
    is_match: impl Fn(char) -> bool,
) -> Result<(), Error> {
    text.split(behavior, |piece, stretches| {
        cut_at_chars(piece, stretches, &is_match);
        Ok(())
    })
}

/// Runs of word characters and of others, and between them whitespace, which counts as the match.
fn cut_into_runs(text: &str, stretches: &mut Vec<Stretch>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Run {
        Word,
        Other,
        Space,
    }
    let mut last = None;
    for (at, character) in text.char_indices() {
        let run = if properties::is_word(character) {
            Run::Word
        } else if character.is_whitespace() {
            Run::Space
        } else {
            Run::Other
        };
        let end = at + character.len_utf8();
        match stretches.last_mut() {
            Some((range, _)) if last == Some(run) => range.end = end,
            _ => stretches.push((at..end, run == Run::Space)),
        }
        last = Some(run);
    }
}

fn cut_by_length(text: &str, length: usize, stretches: &mut Vec<Stretch>) {
    let mut start = 0;
    for (index, (at, _)) in text.char_indices().enumerate() {
        if index > 0 && index % length == 0 {
            stretches.push((start..at, false));
            start = at;
        }
    }
    stretches.push((start..text.len(), false));
}
