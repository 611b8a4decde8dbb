//! A text that normalisers change, and where each of its bytes came from.

use std::ops::Range;

use crate::error::Error;

/// How many times as long as it was a text may become, and how many bytes longer in any case: what Unicode's forms and
/// spelled bytes make of it is less, while replacements that double a text one after the other have no end.
const MOST_TIMES: usize = 64;
const MOST_BYTES: usize = 1 << 16;

/// A text with, for each of its bytes, the place in the original text that the byte stands for.
///
/// Offsets follow Hugging Face's `tokenizers`: a character that was put in place of another stands for that one, one
/// that was inserted stands for what the character before it stands for, and what was removed is stood for by nobody.
///
/// ```
/// use tokenize::normalise::{NormalizedText, Normalizer};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let mut text = NormalizedText::new("ﬁÉ");
/// Normalizer::Sequence(vec![Normalizer::Nfkd, Normalizer::StripAccents, Normalizer::Lowercase])
///     .normalize(&mut text)?;
/// assert_eq!(text.as_str(), "fie");
/// assert_eq!(text.original_range(1..2), 0..3);
/// assert_eq!(text.original_range(2..3), 3..5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NormalizedText {
    text: String,
    /// The original bytes that each byte of `text` stands for.
    origins: Vec<Span>,
    /// The part of the original text that all of it stands for.
    original: Range<usize>,
    /// Whether `origins` is kept.
    is_aligned: bool,
}

/// A range of bytes of the original text. Texts are shorter than 4 GiB, which halves the memory of all alignments.
pub(crate) type Span = (u32, u32);

impl NormalizedText {
    /// A text that nothing has changed yet.
    ///
    /// # Panics
    /// If the text is longer than `u32::MAX` bytes.
    #[track_caller]
    pub fn new(text: &str) -> Self {
        Self::part(text, 0)
    }

    /// A part of a text, which starts at byte `start` of it.
    #[track_caller]
    pub(crate) fn part(text: &str, start: usize) -> Self {
        let end = start + text.len();
        assert!(u32::try_from(end).is_ok(), "a text of {end} bytes: at most 4 GiB can be aligned");
        let mut origins = Vec::with_capacity(text.len());
        for (at, character) in text.char_indices() {
            let first = (start + at) as u32;
            let span = (first, first + character.len_utf8() as u32);
            origins.resize(origins.len() + character.len_utf8(), span);
        }
        Self { text: text.to_owned(), origins, original: start..end, is_aligned: true }
    }

    /// A part of a text that starts at byte `start` of it, where nobody will ask what it stands for.
    pub(crate) fn unaligned(text: &str, start: usize) -> Self {
        let original = start..start + text.len();
        Self { text: text.to_owned(), origins: Vec::new(), original, is_aligned: false }
    }

    /// Nothing, with room for `bytes`.
    pub(crate) fn with_capacity(bytes: usize, original: Range<usize>) -> Self {
        let (text, origins) = (String::with_capacity(bytes), Vec::with_capacity(bytes));
        Self { text, origins, original, is_aligned: true }
    }

    /// Nothing, to become what follows this text.
    pub(crate) fn successor(&self, bytes: usize) -> Self {
        if self.is_aligned {
            return Self::with_capacity(bytes, self.original());
        }
        let text = String::with_capacity(bytes);
        Self { text, origins: Vec::new(), original: self.original(), is_aligned: false }
    }

    /// Refuses a text of `bytes` that has grown without measure from the original.
    pub(crate) fn check_growth(&self, bytes: usize) -> Result<(), Error> {
        let original = self.original.len();
        if bytes <= original.saturating_mul(MOST_TIMES).saturating_add(MOST_BYTES) {
            return Ok(());
        }
        Err(Error::Config(format!(
            "{original} bytes of text become {bytes} when normalised: at most {MOST_TIMES} times as many, and {MOST_BYTES}, are allowed"
        )))
    }

    /// The text as it is now.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part of the original text that this one stands for, in bytes.
    pub fn original(&self) -> Range<usize> {
        self.original.clone()
    }

    /// The bytes of the original text that a range of bytes stands for. An empty range gives itself, moved by the
    /// start of [`original`](Self::original), as in `tokenizers`.
    ///
    /// # Panics
    /// If the range is out of bounds.
    #[track_caller]
    pub fn original_range(&self, range: Range<usize>) -> Range<usize> {
        original_range(&self.origins, range, self.original.start)
    }

    /// What the byte at `at` stands for.
    pub(crate) fn origin(&self, at: usize) -> Span {
        if self.is_aligned { self.origins[at] } else { (0, 0) }
    }

    /// The part that a piece of it stands for, which is a piece of what stands for `original`.
    pub(crate) fn original_of_piece(&self, range: Range<usize>, original: &Range<usize>) -> Range<usize> {
        if self.is_aligned { original_range(&self.origins, range, 0) } else { original.clone() }
    }

    pub(crate) fn origins(&self) -> &[Span] {
        &self.origins
    }

    /// Appends a character that stands for `origin`.
    #[inline]
    pub(crate) fn push(&mut self, character: char, origin: Span) {
        self.text.push(character);
        if self.is_aligned {
            self.origins.resize(self.text.len(), origin);
        }
    }

    /// Appends a part of another text.
    pub(crate) fn push_part(&mut self, from: &NormalizedText, range: Range<usize>) {
        self.text.push_str(&from.text[range.clone()]);
        if self.is_aligned {
            self.origins.extend_from_slice(&from.origins[range]);
        }
    }

    /// Lets it stand for just what its first and last bytes stand for and what lies between.
    pub(crate) fn take_original_from_origins(&mut self) {
        if self.is_aligned {
            self.original = self.original_range(0..self.text.len());
        }
    }

    /// A part of it.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let original = self.original_range(range.clone());
        let (text, origins) = (self.text[range.clone()].to_owned(), self.origins[range].to_vec());
        Self { text, origins, original, is_aligned: true }
    }

    /// Makes it empty; what it stands for stays.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.origins.clear();
    }

    /// All of it, to be rewritten.
    pub(crate) fn whole(&self) -> Rewrite<'_> {
        self.piece(0..self.text.len(), &self.original)
    }

    /// A piece of it, to be rewritten, which stands for `original`.
    pub(crate) fn piece(&self, range: Range<usize>, original: &Range<usize>) -> Rewrite<'_> {
        let origins = self.is_aligned.then(|| &self.origins[range.clone()]);
        Rewrite { text: &self.text[range], origins, start: original.start, len: original.len() }
    }

    /// Puts another text in the place of this one.
    pub(crate) fn replace_by(&mut self, text: NormalizedText) {
        self.text = text.text;
        self.origins = text.origins;
    }

    /// Replaces the characters by those of `changes`; see [`Rewrite::transform`].
    pub(crate) fn transform(&mut self, changes: impl IntoIterator<Item = Change>, removed: usize) {
        let mut out = self.successor(self.text.len());
        self.whole().transform(changes, removed, &mut out);
        self.replace_by(out);
    }

    /// Keeps the characters of which `keep` is true.
    pub(crate) fn filter(&mut self, keep: impl Fn(char) -> bool) {
        if self.text.chars().all(&keep) {
            return;
        }
        let mut changes: Vec<Change> = Vec::with_capacity(self.text.len());
        let (mut removed, mut removed_first) = (0, 0);
        for character in self.text.chars() {
            if !keep(character) {
                removed += 1;
                continue;
            }
            match changes.last_mut() {
                Some(last) => last.1 = -removed,
                None => removed_first = removed as usize,
            }
            removed = 0;
            changes.push((character, 0));
        }
        if let Some(last) = changes.last_mut() {
            last.1 = -removed;
        }
        self.transform(changes, removed_first);
    }

    /// Maps each character to one.
    pub(crate) fn map(&mut self, map: impl Fn(char) -> char) {
        if self.text.chars().all(|character| map(character) == character) && self.whole().starts_plainly() {
            return;
        }
        let changes: Vec<Change> = self.text.chars().map(|character| (map(character), 0)).collect();
        self.transform(changes, 0);
    }

    /// Puts `prefix` before a text that is not empty; it stands for what the first character does.
    pub(crate) fn prepend(&mut self, prefix: &str) {
        let mut out = self.successor(self.text.len() + prefix.len());
        self.whole().prepend(prefix, &mut out);
        self.replace_by(out);
    }
}

/// A character of the new text, and what it does to the old: 0, it replaces the next character; 1, it is inserted;
/// −n, it replaces the next character and the n after that are removed.
pub(crate) type Change = (char, isize);

/// A text, or a piece of one, that is read while its successor is written.
#[derive(Clone, Copy)]
pub(crate) struct Rewrite<'t> {
    pub(crate) text: &'t str,
    /// `None` if nobody will ask.
    origins: Option<&'t [Span]>,
    /// Where the original starts that the text stands for, and its length.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

impl Rewrite<'_> {
    /// Whether the first character stands for something, so that a change of every character reaches all of them.
    pub(crate) fn starts_plainly(self) -> bool {
        let Some(origins) = self.origins else { return true };
        origins.first().is_none_or(|&(start, end)| start < end) && (self.len > 0 || self.text.is_empty())
    }

    /// The part of the text that stands for the original: all but characters before the first that stand for
    /// nothing. `tokenizers` changes just this part when it changes every character.
    fn counterpart(self) -> Range<usize> {
        let Some(origins) = self.origins else { return 0..self.text.len() };
        if self.len == 0 {
            return 0..0;
        }
        let end = origins.len();
        origins.iter().position(|&(start, end)| start < end).unwrap_or(end)..end
    }

    /// Appends to `out` the text after `changes`, before whose first `removed` characters are left out.
    pub(crate) fn transform(
        self,
        changes: impl IntoIterator<Item = Change>,
        removed: usize,
        out: &mut NormalizedText,
    ) {
        self.transform_part(self.counterpart(), changes, removed, out);
    }

    /// [`transform`](Self::transform) of the characters of `part` alone.
    fn transform_part(
        self,
        part: Range<usize>,
        changes: impl IntoIterator<Item = Change>,
        removed: usize,
        out: &mut NormalizedText,
    ) {
        let Rewrite { text, origins, start, .. } = self;
        self.copy(0..part.start, out);
        let Some(origins) = origins else {
            out.text.extend(changes.into_iter().map(|(character, _)| character));
            return self.copy(part.end..text.len(), out);
        };
        let nowhere = (start as u32, start as u32);
        let mut old = text[part.clone()].chars();
        let mut at = part.start;
        for _ in 0..removed {
            at += old.next().map_or(0, char::len_utf8);
        }
        for (character, change) in changes {
            let origin = if change > 0 {
                at.checked_sub(1).map_or(nowhere, |before| origins[before])
            } else {
                origins.get(at).copied().unwrap_or(nowhere)
            };
            if change <= 0 {
                for _ in change..=0 {
                    at += old.next().map_or(0, char::len_utf8);
                }
            }
            out.push(character, origin);
        }
        self.copy(part.end..text.len(), out);
    }

    pub(crate) fn copy(self, range: Range<usize>, out: &mut NormalizedText) {
        out.text.push_str(&self.text[range.clone()]);
        if let Some(origins) = self.origins {
            out.origins.extend_from_slice(&origins[range]);
        }
    }

    /// Appends the text to `out` with one character in the place of another. As everywhere, what is put in stands for
    /// the last byte of what it replaces.
    pub(crate) fn replace_char(self, from: char, to: char, out: &mut NormalizedText) {
        let mut end = 0;
        for (at, _) in self.text.match_indices(from) {
            self.copy(end..at, out);
            end = at + from.len_utf8();
            out.push(to, self.origins.map_or((0, 0), |origins| origins[end - 1]));
        }
        self.copy(end..self.text.len(), out);
    }

    /// Appends `prefix` and the text to `out`, just the text if it is empty.
    pub(crate) fn prepend(self, prefix: &str, out: &mut NormalizedText) {
        let Some(next) = self.text.chars().next() else { return };
        let prefix = prefix.chars().enumerate().map(|(index, character)| (character, isize::from(index > 0)));
        self.transform_part(0..next.len_utf8(), prefix.chain([(next, 1)]), 0, out);
    }
}

/// See [`NormalizedText::original_range`].
#[track_caller]
pub(crate) fn original_range(origins: &[Span], range: Range<usize>, start: usize) -> Range<usize> {
    match &origins[range.clone()] {
        [] => start + range.start..start + range.end,
        [one] => one.0 as usize..one.1 as usize,
        [first, .., last] => first.0 as usize..last.1 as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &NormalizedText) -> Vec<Span> {
        text.origins.clone()
    }

    #[test]
    fn removed_characters_leave_a_gap() {
        let mut text = NormalizedText::new("xaéxbx");
        text.filter(|character| character != 'x');
        assert_eq!(text.as_str(), "aéb");
        assert_eq!(spans(&text), [(1, 2), (2, 4), (2, 4), (5, 6)]);
        assert_eq!(text.original_range(0..3), 1..4);
        assert_eq!(text.original_range(1..4), 2..6);
        text.filter(|_| false);
        assert_eq!(text.as_str(), "");
    }

    #[test]
    fn a_prefix_stands_for_the_first_character() {
        let mut text = NormalizedText::part("é!", 7);
        text.prepend("<<");
        assert_eq!(text.as_str(), "<<é!");
        assert_eq!(spans(&text), [(7, 9), (7, 9), (7, 9), (7, 9), (9, 10)]);
        assert_eq!(text.original_range(2..2), 9..9);
        let mut empty = NormalizedText::new("");
        empty.prepend("x");
        assert_eq!(empty.as_str(), "");
    }
}
