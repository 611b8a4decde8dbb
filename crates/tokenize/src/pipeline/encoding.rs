//! What encoding gives.

use std::ops::Range;

/// The tokens of a text or of a pair of texts. All lists have one entry per token, except the last two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The ids.
    pub ids: Vec<u32>,
    /// To which part of the input each belongs, as the post-processor numbers them: 0 and 1 for a pair in BERT.
    pub type_ids: Vec<u32>,
    /// The tokens as strings.
    pub tokens: Vec<String>,
    /// The word of the text that each is of, counted from 0 through its pre-tokens or, if the text was given as
    /// words, through those; `None` for tokens that stand for no text.
    pub words: Vec<Option<u32>>,
    /// The part of its text that each stands for, in bytes or in characters as was asked; empty for tokens that
    /// stand for no text.
    pub offsets: Vec<Range<usize>>,
    /// `true` for tokens that the post-processor or the padding put there.
    pub special_tokens_mask: Vec<bool>,
    /// `true` = may attend: all but padding.
    pub attention_mask: Vec<bool>,
    /// What truncation has cut off, in pieces of the same length.
    pub overflowing: Vec<Encoding>,
    /// The tokens of each text of the input, without special ones; empty if all are of the first.
    pub(crate) sequences: Vec<(usize, Range<usize>)>,
}

/// On which side something is cut off or added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// At the start.
    Left,
    /// At the end.
    #[default]
    Right,
}

impl Encoding {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Number of texts that were encoded together.
    pub fn n_sequences(&self) -> usize {
        self.sequences.len().max(1)
    }

    /// The tokens of the first (0) or second (1) text.
    pub fn sequence_range(&self, sequence: usize) -> Range<usize> {
        let found = self.sequences.iter().find(|(number, _)| *number == sequence);
        found.map_or(0..self.len(), |(_, range)| range.clone())
    }

    /// For each token, the text that it is of; `None` for those that stand for no text.
    pub fn sequence_ids(&self) -> Vec<Option<usize>> {
        let mut ids = vec![None; self.len()];
        for sequence in 0..self.n_sequences() {
            ids[self.sequence_range(sequence)].fill(Some(sequence));
        }
        ids
    }

    /// The tokens of a word of a text.
    ///
    /// ```
    /// # let json = include_str!("../../tests/data/tiny-wordpiece.json");
    /// let pipeline = tokenize::Pipeline::from_json(json)?;
    /// let encoding = pipeline.encode("unaffable words", true)?;
    /// assert_eq!(encoding.tokens, ["[CLS]", "un", "##aff", "##able", "word", "##s", "[SEP]"]);
    /// assert_eq!(encoding.word_to_tokens(0, 0), Some(1..4));
    /// assert_eq!(encoding.offset_to_token(12, 0), Some(4));
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    pub fn word_to_tokens(&self, word: u32, sequence: usize) -> Option<Range<usize>> {
        let mut tokens = self.sequence_range(sequence).filter(|&token| self.words[token] == Some(word));
        let first = tokens.next()?;
        Some(first..tokens.next_back().unwrap_or(first) + 1)
    }

    /// The token that stands for a byte or character of a text.
    pub fn offset_to_token(&self, offset: usize, sequence: usize) -> Option<usize> {
        self.sequence_range(sequence).find(|&token| self.offsets[token].contains(&offset))
    }

    pub(crate) fn with_capacity(tokens: usize) -> Self {
        Self {
            ids: Vec::with_capacity(tokens),
            type_ids: Vec::with_capacity(tokens),
            tokens: Vec::with_capacity(tokens),
            words: Vec::with_capacity(tokens),
            offsets: Vec::with_capacity(tokens),
            special_tokens_mask: Vec::with_capacity(tokens),
            attention_mask: Vec::with_capacity(tokens),
            ..Self::default()
        }
    }

    /// Tokens that stand for no text.
    pub(crate) fn of_specials<'t>(specials: impl Iterator<Item = (u32, &'t str)>, type_id: u32) -> Self {
        let mut encoding = Self::default();
        for (id, token) in specials {
            encoding.push(id, token.to_owned(), 0..0, None, type_id);
        }
        encoding.special_tokens_mask.fill(true);
        encoding
    }

    #[inline]
    pub(crate) fn push(
        &mut self,
        id: u32,
        token: String,
        offsets: Range<usize>,
        word: Option<u32>,
        type_id: u32,
    ) {
        self.ids.push(id);
        self.type_ids.push(type_id);
        self.tokens.push(token);
        self.words.push(word);
        self.offsets.push(offsets);
        self.special_tokens_mask.push(false);
        self.attention_mask.push(true);
    }

    /// Says of which text all tokens are.
    pub(crate) fn set_sequence(&mut self, sequence: usize) {
        let all = 0..self.len();
        self.insert_sequence(sequence, all);
    }

    fn insert_sequence(&mut self, sequence: usize, range: Range<usize>) {
        match self.sequences.iter_mut().find(|(number, _)| *number == sequence) {
            Some(entry) => entry.1 = range,
            None => self.sequences.push((sequence, range)),
        }
    }

    pub(crate) fn set_type_ids(&mut self, type_id: u32) {
        self.type_ids.fill(type_id);
    }

    fn slice(&self, range: Range<usize>) -> Self {
        Self {
            ids: self.ids[range.clone()].to_vec(),
            type_ids: self.type_ids[range.clone()].to_vec(),
            tokens: self.tokens[range.clone()].to_vec(),
            words: self.words[range.clone()].to_vec(),
            offsets: self.offsets[range.clone()].to_vec(),
            special_tokens_mask: self.special_tokens_mask[range.clone()].to_vec(),
            attention_mask: self.attention_mask[range].to_vec(),
            ..Self::default()
        }
    }

    /// Keeps `length` tokens; the others overflow in parts of `length`, each sharing `stride` tokens with the one
    /// before. `stride` is smaller than `length` unless that is 0.
    pub(crate) fn truncate(&mut self, length: usize, stride: usize, side: Side) {
        let all = self.len();
        if length >= all {
            return;
        }
        if length == 0 {
            let whole = std::mem::take(self);
            self.overflowing.push(whole);
            return;
        }
        let step = length - stride;
        let mut parts = Vec::new();
        let mut done = 0;
        loop {
            let end = (done + length).min(all);
            parts.push(match side {
                Side::Right => self.slice(done..end),
                Side::Left => self.slice(all - end..all - done),
            });
            if end == all {
                break;
            }
            done += step;
        }
        let mut parts = parts.into_iter();
        if let Some(first) = parts.next() {
            *self = first;
        }
        self.overflowing = parts.collect();
    }

    /// Appends `other`. Every overflowing part of either is joined to the other and to its parts.
    pub(crate) fn append(&mut self, other: Encoding) {
        let mut overflowing = Vec::new();
        for own in &self.overflowing {
            for theirs in std::iter::once(&other).chain(&other.overflowing) {
                let mut joined = own.clone();
                joined.append(theirs.clone());
                overflowing.push(joined);
            }
        }
        for theirs in &other.overflowing {
            let mut joined = self.clone();
            joined.append(theirs.clone());
            overflowing.push(joined);
        }
        let before = self.len();
        for (sequence, range) in other.sequences {
            self.insert_sequence(sequence, before + range.start..before + range.end);
        }
        self.ids.extend(other.ids);
        self.type_ids.extend(other.type_ids);
        self.tokens.extend(other.tokens);
        self.words.extend(other.words);
        self.offsets.extend(other.offsets);
        self.special_tokens_mask.extend(other.special_tokens_mask);
        self.attention_mask.extend(other.attention_mask);
        self.overflowing = overflowing;
    }

    /// All of `parts`, one after the other.
    pub(crate) fn joined(parts: impl IntoIterator<Item = Encoding>) -> Self {
        let mut parts = parts.into_iter();
        // Appending to nothing would give the same, but copies.
        let mut whole = parts.next().unwrap_or_default();
        parts.for_each(|part| whole.append(part));
        whole
    }

    /// Puts special tokens around the tokens, and around those of each overflowing part.
    pub(crate) fn surround(
        &mut self,
        before: Option<(u32, &str)>,
        after: (u32, &str),
        type_id: u32,
        sequence: usize,
    ) {
        let mut whole = Self::of_specials(before.into_iter(), type_id);
        let start = whole.len();
        for part in &mut self.overflowing {
            part.overflowing.clear();
            part.surround(before, after, type_id, sequence);
        }
        let overflowing = std::mem::take(&mut self.overflowing);
        self.special_tokens_mask.fill(false);
        self.sequences = vec![(sequence, 0..self.len())];
        let end = start + self.len();
        whole.append(std::mem::take(self));
        whole.append(Self::of_specials(std::iter::once(after), type_id));
        whole.attention_mask.fill(true);
        whole.sequences = vec![(sequence, start..end)];
        *self = Self { overflowing, ..whole };
    }

    /// How much padding [`pad`](Self::pad) adds.
    pub(crate) fn missing(&self, length: usize) -> usize {
        let parts = self.overflowing.iter().map(|part| part.missing(length));
        parts.fold(length.saturating_sub(self.len()), usize::saturating_add)
    }

    /// Adds padding up to `length` tokens, to the overflowing parts too.
    pub(crate) fn pad(&mut self, length: usize, padding: &super::Padding) {
        self.overflowing.iter_mut().for_each(|part| part.pad(length, padding));
        let missing = length.saturating_sub(self.len());
        if missing == 0 {
            return;
        }
        let at = match padding.side {
            Side::Left => 0,
            Side::Right => self.len(),
        };
        insert(&mut self.ids, at, missing, padding.id);
        insert(&mut self.type_ids, at, missing, padding.type_id);
        insert(&mut self.tokens, at, missing, padding.token.clone());
        insert(&mut self.words, at, missing, None);
        insert(&mut self.offsets, at, missing, 0..0);
        insert(&mut self.special_tokens_mask, at, missing, true);
        insert(&mut self.attention_mask, at, missing, false);
        if padding.side == Side::Left {
            for (_, range) in &mut self.sequences {
                *range = range.start + missing..range.end + missing;
            }
        }
    }
}

/// Inserts `count` copies of `value`.
fn insert<T: Clone>(list: &mut Vec<T>, at: usize, count: usize, value: T) {
    list.splice(at..at, std::iter::repeat_n(value, count));
}
