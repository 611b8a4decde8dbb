//! Where sentences end.

use std::collections::HashSet;
use std::ops::Range;

use super::marks::{is_bullet, is_closer, is_joiner, is_opener, is_stop, is_wide_letter, is_wide_stop};
use super::words::{Kind, is_starter, kind};

/// What the end of a line means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// Nothing by itself: lines are as long as the page was wide. An empty line ends a sentence, and so does a line
    /// before an item of a list.
    #[default]
    Wrapped,
    /// The end of a paragraph, and so of a sentence.
    Paragraphs,
}

/// Splits text into sentences by rules, for English, Chinese and text that mixes them.
///
/// ```
/// use tokenize::sentence::{Lines, SentenceSplitter};
///
/// let splitter = SentenceSplitter::new().lines(Lines::Paragraphs).abbreviations(["Abb"]);
/// let text = "A title\nSee Abb. Three. “你好！”他走了……";
/// let sentences: Vec<_> = splitter.split(text).map(|range| &text[range]).collect();
/// assert_eq!(sentences, ["A title", "See Abb. Three.", "“你好！”", "他走了……"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct SentenceSplitter {
    lines: Lines,
    abbreviations: HashSet<String>,
}

/// The sentences of `text` as ranges of bytes, without the white space around them: [`SentenceSplitter::split`] with
/// its first settings.
///
/// ```
/// let text = "Dr. Smith paid $3.50 for it. \"Was it worth it?\" he asked... Yes!";
/// let sentences: Vec<_> = tokenize::sentence::sentences(text).map(|range| &text[range]).collect();
/// assert_eq!(sentences, ["Dr. Smith paid $3.50 for it.", "\"Was it worth it?\" he asked...", "Yes!"]);
/// ```
pub fn sentences(text: &str) -> Sentences<'_> {
    static PLAIN: std::sync::OnceLock<SentenceSplitter> = std::sync::OnceLock::new();
    PLAIN.get_or_init(SentenceSplitter::new).split(text)
}

impl SentenceSplitter {
    /// The first settings: wrapped lines, no abbreviations beside the built-in ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what the end of a line means.
    #[must_use]
    pub fn lines(mut self, lines: Lines) -> Self {
        self.lines = lines;
        self
    }

    /// Adds abbreviations after whose stop a sentence goes on. Case does not matter; a stop at their end may be left
    /// out.
    #[must_use]
    pub fn abbreviations<S: AsRef<str>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.abbreviations
            .extend(words.into_iter().map(|word| word.as_ref().trim_end_matches('.').to_lowercase()));
        self
    }

    /// The sentences of `text` as ranges of bytes, without the white space around them. All that is not white space is
    /// in exactly one sentence. The text is read as sentences are asked for, in time proportional to its length.
    pub fn split<'a>(&'a self, text: &'a str) -> Sentences<'a> {
        Sentences { splitter: self, text, at: 0 }
    }

    /// The kind of the word before a stop, which stands behind white space or an opening mark.
    fn kind(&self, word: &str) -> Kind {
        let last = || word.rsplit_once('-').map_or(Kind::Word, |(_, part)| kind(part));
        match kind(word) {
            _ if self.abbreviations.contains(&word.to_lowercase()) => Kind::Joining,
            Kind::Word => last(),
            other => other,
        }
    }
}

/// The sentences of a text; see [`SentenceSplitter::split`].
#[derive(Clone, Debug)]
pub struct Sentences<'a> {
    splitter: &'a SentenceSplitter,
    text: &'a str,
    /// Where what has not been split begins.
    at: usize,
}

impl Iterator for Sentences<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.text[self.at..];
        let start = self.at + rest.find(|c: char| !c.is_whitespace())?;
        let end = self.end(start);
        self.at = end;
        Some(start..start + self.text[start..end].trim_end().len())
    }
}

impl Sentences<'_> {
    /// The end of the sentence that starts at `start`.
    fn end(&self, start: usize) -> usize {
        let mut at = start;
        while let Some(c) = self.text[at..].chars().next() {
            let next = at + c.len_utf8();
            if is_stop(c) {
                let stop = Stop::read(self.text, start, at);
                if self.ends(&stop) {
                    return stop.end;
                }
                at = stop.end;
            } else if let Some(end) = self.face_ends(at) {
                return end;
            } else if c == '\n' || c == '\r' {
                let after = skip(self.text, at, char::is_whitespace);
                if self.line_ends_sentence(at, after) {
                    return at;
                }
                at = after;
            } else if matches!(c, '\u{2029}' | '\u{c}') {
                return next;
            } else {
                at = next;
            }
        }
        at
    }

    /// The end of a face at `at`, if a sentence begins behind it.
    fn face_ends(&self, at: usize) -> Option<usize> {
        let end = self.text[..at].ends_with(' ').then(|| face(self.text, at))??;
        let next = self.text[end..].trim_start().chars().next()?;
        next.is_uppercase().then_some(end)
    }

    /// Do the line breaks in the white space from `at` to `after` end a sentence?
    fn line_ends_sentence(&self, at: usize, after: usize) -> bool {
        let space = &self.text[at..after];
        let breaks = space.matches('\n').count().max(space.matches('\r').count());
        breaks > 1 || self.splitter.lines == Lines::Paragraphs || begins_item(&self.text[after..])
    }

    /// Is the run of stops the end of a sentence?
    fn ends(&self, stop: &Stop<'_>) -> bool {
        let Some(next) = stop.next else { return true };
        // Dots with spaces between, and brackets that close late.
        if is_stop(next) || is_closer(next) && !is_opener(next) {
            return false;
        }
        if stop.wide {
            return !is_joiner(next);
        }
        if !stop.spaced {
            // English glues words to stops in numbers, names and addresses; Chinese in sentences.
            return is_wide_letter(next) && stop.before.is_some_and(is_wide_letter)
                || stop.dots == 0 && is_wide_letter(next);
        }
        let small = next.is_lowercase();
        match stop.dots {
            // Question and exclamation marks.
            0 => !(is_joiner(next) || small && stop.closed),
            1 => self.dot_ends(stop, next),
            // An ellipsis.
            _ => !small && !is_joiner(next),
        }
    }

    /// Is a single dot, followed by white space, the end of a sentence?
    fn dot_ends(&self, stop: &Stop<'_>, next: char) -> bool {
        if stop.numbers_item || is_joiner(next) || next.is_lowercase() && stop.closed {
            return false;
        }
        if stop.closed {
            return true;
        }
        match self.splitter.kind(stop.word) {
            // Who writes small letters at the beginning writes no abbreviations that are not known.
            Kind::Word => !next.is_lowercase() || is_small_word(stop.word),
            Kind::Joining => false,
            Kind::BeforeNumber => !next.is_ascii_digit() && !next.is_lowercase(),
            Kind::Either => !next.is_lowercase() && is_starter(stop.next_word),
            Kind::Last => next.is_uppercase(),
        }
    }
}

/// A run of stops with the closing marks behind it, and what stands around.
struct Stop<'t> {
    /// The end of the run and of what closes behind it.
    end: usize,
    /// Number of dots in the run, a `…` counting as three; 0 if a question or exclamation mark is among them.
    dots: usize,
    /// Is there a stop of Chinese among them?
    wide: bool,
    /// Does anything close behind the run?
    closed: bool,
    /// The character before the run.
    before: Option<char>,
    /// What stands between white space or an opening mark and the run.
    word: &'t str,
    /// Is that the number of an item, at the start of the sentence?
    numbers_item: bool,
    /// Is there white space behind the closing marks?
    spaced: bool,
    /// The first character behind it, after marks that open; nothing at the end of the text.
    next: Option<char>,
    /// The word that begins there.
    next_word: &'t str,
}

/// Words longer than this are no abbreviations.
const LONGEST_WORD: usize = 24;

impl<'t> Stop<'t> {
    /// Reads the run that begins at `at`, in a sentence that begins at `start`.
    fn read(text: &'t str, start: usize, at: usize) -> Self {
        let run = &text[at..skip(text, at, is_stop)];
        let close = at + run.len();
        let closed = skip(text, close, is_closer);
        // A face belongs to the sentence before it.
        let end = face(text, skip(text, closed, |c| c == ' ')).unwrap_or(closed);
        let ends_wide = run.chars().any(is_wide_stop) || run.starts_with("……");
        let marks = run.chars().any(|c| !matches!(c, '.' | '…'));
        let dots = run.chars().map(|c| if c == '…' { 3 } else { 1 }).sum();

        let mut word_start = at;
        for c in text[start..at].chars().rev() {
            if c.is_whitespace() || is_opener(c) || at - word_start > LONGEST_WORD {
                break;
            }
            word_start -= c.len_utf8();
        }
        let word = &text[word_start..at];
        let after = skip(text, end, char::is_whitespace);
        let first = skip(text, after, is_opener);
        let next_word = &text[first..skip(text, first, char::is_alphabetic)];
        // An initial is no word, whichever letter it is.
        let initial = next_word.len() == 1 && text[first + 1..].starts_with('.');
        Self {
            end,
            dots: if marks { 0 } else { dots },
            wide: ends_wide,
            closed: closed > close,
            before: text[start..at].chars().next_back(),
            word,
            numbers_item: word_start == start && is_number(word),
            spaced: after > end,
            next: text[first..].chars().next().or_else(|| text[after..].chars().next()),
            next_word: if initial { "" } else { next_word },
        }
    }
}

/// The end of the characters from `at` on that are all such.
fn skip(text: &str, at: usize, such: impl Fn(char) -> bool) -> usize {
    text[at..].find(|c| !such(c)).map_or(text.len(), |length| at + length)
}

/// A word of at least three letters with a vowel, all small but for the first.
fn is_small_word(word: &str) -> bool {
    let mut chars = word.chars();
    let first = chars.next().is_some_and(char::is_alphabetic);
    first
        && chars.clone().count() > 1
        && chars.all(char::is_lowercase)
        && word.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

/// The end of a face made of marks, such as `:-)`, that stands between white space, at `at`.
fn face(text: &str, at: usize) -> Option<usize> {
    let eyes = text[at..].strip_prefix([':', ';', '='])?;
    let mouth = eyes.strip_prefix(['-', '\'']).unwrap_or(eyes);
    let rest =
        mouth.strip_prefix([')', '(', 'D', 'P', 'p', '/', '\\', '|', ']', '['])?.trim_start_matches(')');
    let alone = rest.is_empty() || rest.starts_with(char::is_whitespace);
    alone.then_some(text.len() - rest.len())
}

/// A number of up to three digits, or a letter, of an item.
fn is_number(word: &str) -> bool {
    (1..=3).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
}

/// Does an item of a list begin here: a bullet, or a number or letter with a stop or bracket, and white space?
fn begins_item(text: &str) -> bool {
    let mut chars = text.chars();
    if chars.next().is_some_and(is_bullet) {
        return chars.next().is_some_and(char::is_whitespace);
    }
    let bracketed = text.starts_with('(');
    let text = text.trim_start_matches('(');
    let number = &text[..skip(text, 0, |c| c.is_ascii_alphanumeric())];
    let mut after = text[number.len()..].chars();
    let fits = is_number(number) || number.len() == 1;
    let mark = after.next();
    let spaced = after.next().is_some_and(char::is_whitespace);
    match mark {
        Some(')') => fits && spaced,
        Some('.') => is_number(number) && !bracketed && spaced,
        Some('、') => is_number(number),
        _ => false,
    }
}
