//! From a text to an [`Encoding`]: added tokens, normaliser, pre-tokenizer, model, in this order.

use std::ops::Range;

use super::Pipeline;
use super::encoding::Encoding;
use super::input::{Input, Sequence};
use crate::error::Error;
use crate::model::{Model, Piece, Scratch};
use crate::normalise::{NormalizedText, original_range};
use crate::pre::PreTokenized;

/// What offsets count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    Chars,
}

/// A part of a text on its way to the model.
pub(super) enum Segment<'t> {
    /// An added token: its id, the text it was found as, and where.
    Token(u32, &'t str, Range<usize>),
    /// Text, normalised and cut.
    Pieces(PreTokenized),
}

impl Pipeline {
    /// An input with special tokens, cut and padded.
    pub(super) fn encode_input(
        &self,
        input: Input<'_>,
        add_special_tokens: bool,
        unit: Unit,
    ) -> Result<Encoding, Error> {
        let mut whole = self.encode_unpadded(input, add_special_tokens, unit)?;
        if let Some(padding) = &self.padding {
            padding.apply(std::slice::from_mut(&mut whole))?;
        }
        Ok(whole)
    }

    /// An input with special tokens, cut.
    pub(super) fn encode_unpadded(
        &self,
        input: Input<'_>,
        add_special_tokens: bool,
        unit: Unit,
    ) -> Result<Encoding, Error> {
        let (first, second) = match input {
            Input::Single(first) => (first, None),
            Input::Pair(first, second) => (first, Some(second)),
        };
        let mut first = self.encode_sequence(first, 0, unit)?;
        let mut second = second.map(|second| self.encode_sequence(second, 1, unit)).transpose()?;
        if let Some(truncation) = &self.truncation {
            let added = self.post_processor.as_ref().map_or(0, |post| post.added_tokens(second.is_some()));
            truncation.apply(&mut first, second.as_mut(), if add_special_tokens { added } else { 0 })?;
        }
        Ok(match (&self.post_processor, second) {
            (Some(post), second) => {
                post.process(std::iter::once(first).chain(second).collect(), add_special_tokens)?
            }
            (None, None) => first,
            (None, Some(mut second)) => {
                first.set_sequence(0);
                second.set_sequence(1);
                Encoding::joined([first, second])
            }
        })
    }

    fn encode_sequence(&self, sequence: Sequence<'_>, type_id: u32, unit: Unit) -> Result<Encoding, Error> {
        match sequence {
            Sequence::Text(text) => self.encode_text(text, type_id, None, unit, self.specials_as_text),
            Sequence::Words(words) => {
                let word = |(index, word): (u32, &&str)| {
                    self.encode_text(word, type_id, Some(index), unit, self.specials_as_text)
                };
                let words = (0..).zip(words).map(word).collect::<Result<Vec<_>, _>>()?;
                Ok(Encoding::joined(words))
            }
        }
    }

    /// The tokens of one text, or of the word with a number.
    pub(super) fn encode_text(
        &self,
        text: &str,
        type_id: u32,
        word: Option<u32>,
        unit: Unit,
        specials_as_text: bool,
    ) -> Result<Encoding, Error> {
        let mut encoding = Encoding::with_capacity(text.len() / 4 + 1);
        let offsets = Offsets::new(text, unit);
        let unknown = match &self.model {
            // Its unknown token is shown as the text that it stands for.
            Model::Unigram(unigram) => unigram.unk_id(),
            _ => None,
        };
        let (mut scratch, mut found) = (Scratch::default(), Vec::<Piece>::new());
        let mut pieces_before = 0;
        self.for_each_segment(text, specials_as_text, |segment| {
            let (text, pieces) = match &segment {
                Segment::Token(id, token, range) => {
                    let word = word.unwrap_or(pieces_before);
                    encoding.push(
                        *id,
                        (*token).to_owned(),
                        offsets.convert(range.clone()),
                        Some(word),
                        type_id,
                    );
                    pieces_before += 1;
                    return Ok(());
                }
                Segment::Pieces(pieces) => pieces.parts(),
            };
            for piece in pieces {
                let piece_text = &text.as_str()[piece.range.clone()];
                let origins = &text.origins()[piece.range.clone()];
                found.clear();
                self.model.pieces_with(piece_text, &mut scratch, &mut found)?;
                for Piece { id, range } in found.drain(..) {
                    let token = match self.model.token(id) {
                        Some(token) if unknown != Some(id) => token,
                        _ => &piece_text[range.clone()],
                    };
                    let range = original_range(origins, range, piece.original.start);
                    let word = word.unwrap_or(pieces_before);
                    encoding.push(id, token.to_owned(), offsets.convert(range), Some(word), type_id);
                }
                pieces_before += 1;
            }
            Ok(())
        })?;
        Ok(encoding)
    }

    /// Cuts a text at added tokens, and normalises and cuts what lies between.
    pub(super) fn for_each_segment(
        &self,
        text: &str,
        specials_as_text: bool,
        mut visit: impl FnMut(Segment<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        check_length(text)?;
        let mut stretches = Vec::new();
        self.added.cut(text, false, specials_as_text, &mut stretches);
        for (range, token) in stretches {
            let part = &text[range.clone()];
            match token {
                Some(index) => visit(Segment::Token(self.added.tokens()[index].id, part, range))?,
                None => self.for_each_normalized(part, range.start, specials_as_text, &mut visit)?,
            }
        }
        Ok(())
    }

    /// [`for_each_segment`](Self::for_each_segment) of text in which only added tokens can stand that are looked for
    /// after normalising.
    fn for_each_normalized(
        &self,
        part: &str,
        start: usize,
        specials_as_text: bool,
        visit: &mut impl FnMut(Segment<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut text = NormalizedText::part(part, start);
        if let Some(normalizer) = &self.normalizer {
            normalizer.normalize(&mut text)?;
        }
        let cut = |text: NormalizedText, visit: &mut dyn FnMut(Segment<'_>) -> Result<(), Error>| {
            let mut pieces = PreTokenized::new(text);
            if let Some(pre_tokenizer) = &self.pre_tokenizer {
                pre_tokenizer.pre_tokenize(&mut pieces)?;
            }
            visit(Segment::Pieces(pieces))
        };
        if !self.added.reads_normalized() {
            text.take_original_from_origins();
            return cut(text, visit);
        }
        let mut stretches = Vec::new();
        self.added.cut(text.as_str(), true, specials_as_text, &mut stretches);
        for (range, token) in stretches {
            match token {
                Some(index) => {
                    let original = text.original_range(range.clone());
                    visit(Segment::Token(self.added.tokens()[index].id, &text.as_str()[range], original))?;
                }
                None => cut(text.slice(range), visit)?,
            }
        }
        Ok(())
    }
}

/// Refuses texts whose alignment would not fit.
pub(super) fn check_length(text: &str) -> Result<(), Error> {
    match u32::try_from(text.len()) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::Config(format!("a text of {} bytes: at most 4 GiB can be aligned", text.len()))),
    }
}

/// Converts offsets in bytes to what was asked for.
enum Offsets {
    /// As they are: asked for in bytes, or the same in characters.
    Bytes,
    /// For each byte of the text, the number of the character that it is of.
    Chars(Vec<u32>),
}

impl Offsets {
    fn new(text: &str, unit: Unit) -> Self {
        if unit == Unit::Bytes || text.is_ascii() {
            return Self::Bytes;
        }
        let mut numbers = Vec::with_capacity(text.len());
        for (number, character) in (0..).zip(text.chars()) {
            numbers.resize(numbers.len() + character.len_utf8(), number);
        }
        Self::Chars(numbers)
    }

    /// A range that starts at the end of the text stays in bytes, as in `tokenizers`.
    fn convert(&self, range: Range<usize>) -> Range<usize> {
        let Self::Chars(numbers) = self else { return range };
        let Some(&start) = numbers.get(range.start) else { return range };
        let start = start as usize;
        match numbers.get(range.end) {
            Some(&end) => start..end as usize,
            None => start..numbers.get(range.end - 1).map_or(start + 1, |&last| last as usize) + 1,
        }
    }
}
