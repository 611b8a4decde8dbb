//! A text in pieces, and how matches become pieces.

use std::ops::Range;

use crate::error::Error;
use crate::normalise::{NormalizedText, Rewrite};
use crate::pattern::Stretch;

/// What becomes of the matches when a text is split at them, shown on `the-final--countdown` split at `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitBehavior {
    /// `the`, `final`, `countdown`
    Removed,
    /// `the`, `-`, `final`, `-`, `-`, `countdown`
    Isolated,
    /// `the-`, `final-`, `-`, `countdown`
    MergedWithPrevious,
    /// `the`, `-final`, `-`, `-countdown`
    MergedWithNext,
    /// `the`, `-`, `final`, `--`, `countdown`
    Contiguous,
}

/// A normalised text in the pieces that a pre-tokenizer has cut it into.
///
/// ```
/// use tokenize::normalise::NormalizedText;
/// use tokenize::pre::{PreTokenized, PreTokenizer};
///
/// let mut text = PreTokenized::new(NormalizedText::new("to be"));
/// PreTokenizer::WhitespaceSplit.pre_tokenize(&mut text)?;
/// let pieces: Vec<_> = text.pieces().collect();
/// assert_eq!(pieces, [("to", 0..2), ("be", 3..5)]);
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PreTokenized {
    text: NormalizedText,
    pieces: Vec<Piece>,
}

/// A piece of a [`PreTokenized`] text.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// Its bytes of the normalised text.
    pub(crate) range: Range<usize>,
    /// The bytes of the original text that it stands for.
    pub(crate) original: Range<usize>,
}

impl PreTokenized {
    /// A text in one piece, or none if it is empty.
    pub fn new(text: NormalizedText) -> Self {
        let all = Piece { range: 0..text.as_str().len(), original: text.original() };
        let pieces = if all.range.is_empty() { Vec::new() } else { vec![all] };
        Self { text, pieces }
    }

    /// The pieces, each with the bytes of the original text that it stands for.
    pub fn pieces(&self) -> impl ExactSizeIterator<Item = (&str, Range<usize>)> {
        self.pieces.iter().map(|piece| (&self.text.as_str()[piece.range.clone()], piece.original.clone()))
    }

    /// The text and where its pieces are.
    pub(crate) fn parts(&self) -> (&NormalizedText, &[Piece]) {
        (&self.text, &self.pieces)
    }

    /// Cuts every piece into the stretches that `cut` finds, less those that `behavior` removes and empty ones.
    pub(crate) fn split(
        &mut self,
        behavior: SplitBehavior,
        mut cut: impl FnMut(&str, &mut Vec<Stretch>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut pieces = Vec::with_capacity(self.text.as_str().len() / 4);
        let (mut stretches, mut ranges) = (Vec::new(), Vec::new());
        for piece in &self.pieces {
            stretches.clear();
            ranges.clear();
            cut(&self.text.as_str()[piece.range.clone()], &mut stretches)?;
            join(behavior, &stretches, &mut ranges);
            for range in ranges.iter().filter(|range| !range.is_empty()) {
                let range = piece.range.start + range.start..piece.range.start + range.end;
                let original = self.text.original_of_piece(range.clone(), &piece.original);
                pieces.push(Piece { range, original });
            }
        }
        self.pieces = pieces;
        Ok(())
    }

    /// Writes every piece anew.
    pub(crate) fn rewrite(&mut self, mut rewrite: impl FnMut(Rewrite<'_>, &mut NormalizedText)) {
        let capacity = self.text.as_str().len() + self.text.as_str().len() / 4 + self.pieces.len();
        let mut out = self.text.successor(capacity);
        for piece in &mut self.pieces {
            let start = out.as_str().len();
            rewrite(self.text.piece(piece.range.clone(), &piece.original), &mut out);
            piece.range = start..out.as_str().len();
        }
        self.text = out;
    }
}

/// Puts stretches together to the ranges of pieces.
fn join(behavior: SplitBehavior, stretches: &[Stretch], ranges: &mut Vec<Range<usize>>) {
    let all = stretches.iter();
    match behavior {
        SplitBehavior::Removed => {
            ranges.extend(all.filter(|(_, matches)| !matches).map(|(range, _)| range.clone()));
        }
        SplitBehavior::Isolated => ranges.extend(all.map(|(range, _)| range.clone())),
        SplitBehavior::Contiguous => join_if(all, ranges, |matches, before| matches == before),
        SplitBehavior::MergedWithPrevious => join_if(all, ranges, |matches, before| matches && !before),
        SplitBehavior::MergedWithNext => {
            join_if(all.rev(), ranges, |matches, before| matches && !before);
            ranges.reverse();
        }
    }
}

/// Joins each stretch to its neighbour before, in the order given, where `joins` says so of whether both match.
fn join_if<'s>(
    stretches: impl Iterator<Item = &'s Stretch>,
    ranges: &mut Vec<Range<usize>>,
    joins: impl Fn(bool, bool) -> bool,
) {
    let mut before = false;
    for (range, matches) in stretches {
        match ranges.last_mut() {
            Some(last) if joins(*matches, before) => {
                *last = last.start.min(range.start)..last.end.max(range.end);
            }
            _ => ranges.push(range.clone()),
        }
        before = *matches;
    }
}

/// Cuts `text` at the characters of which `is_match` is true, each a stretch by itself.
pub(crate) fn cut_at_chars(text: &str, stretches: &mut Vec<Stretch>, is_match: impl Fn(char) -> bool) {
    let mut end = 0;
    for (at, character) in text.char_indices() {
        if is_match(character) {
            if end < at {
                stretches.push((end..at, false));
            }
            end = at + character.len_utf8();
            stretches.push((at..end, true));
        }
    }
    if end < text.len() {
        stretches.push((end..text.len(), false));
    }
}
