//! Cutting a text into chunks and looking up their ids.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::Steps;
use super::local::{Cut, Plan};
use crate::error::Error;
use crate::memo::{LONGEST, Memo};
use crate::model::{Piece, Scratch};
use crate::normalise::{NormalizedText, is_chinese};

/// A plan, and what the encodings that are under way need each for itself.
pub(in crate::pipeline) struct Chunks {
    plan: Plan,
    workers: Mutex<Vec<Worker>>,
}

/// What one encoding needs; kept for the next when it is done.
struct Worker {
    memo: Memo,
    buffers: Buffers,
}

/// What a model needs.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) scratch: Scratch,
    pub(super) pieces: Vec<Piece>,
}

impl Chunks {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, workers: Mutex::default() }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// See [`Fast::ids`](super::Fast::ids).
    pub(super) fn ids(
        &self,
        part: &str,
        start: usize,
        steps: Steps<'_>,
        ids: &mut Vec<u32>,
    ) -> Result<bool, Error> {
        let waiting = self.workers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker = waiting.unwrap_or_else(|| Worker { memo: Memo::new(), buffers: Buffers::default() });
        let before = ids.len();
        let result = match self.plan.cut {
            Cut::Words { punctuation, chinese } => {
                self.words(part, [punctuation, chinese], steps, &mut worker, ids)
            }
            Cut::Spaces { mark, ends_matter } => {
                let ends = |last: char| !ends_matter || !(last == mark || last.is_whitespace());
                let mut spaced =
                    Spaced { plan: &self.plan, mark, ends, part, start, steps, worker: &mut worker, ids };
                spaced.run()
            }
        };
        if !matches!(result, Ok(true)) {
            ids.truncate(before);
        }
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        result
    }

    /// Chunks between whitespace.
    fn words(
        &self,
        part: &str,
        [punctuation, chinese]: [bool; 2],
        steps: Steps<'_>,
        worker: &mut Worker,
        ids: &mut Vec<u32>,
    ) -> Result<bool, Error> {
        let bytes = part.as_bytes();
        let mut start = 0;
        while start < bytes.len() {
            if is_space(bytes[start]) {
                start += 1;
                continue;
            }
            if self.plan.graphemes && !stands_alone(part, start) {
                return Ok(false);
            }
            let mut end = start;
            while end < bytes.len() {
                match bytes[end] {
                    byte if byte.is_ascii_alphanumeric() => end += 1,
                    byte if is_space(byte) => break,
                    byte if punctuation && byte.is_ascii_punctuation() => {
                        end += usize::from(end == start);
                        break;
                    }
                    0..=0x7f => end += 1,
                    // The lead bytes of all Chinese characters that are asked for.
                    0xe3..=0xf0 if chinese && is_chinese(char_at(part, end)) => {
                        if end == start {
                            end += char_at(part, end).len_utf8();
                        }
                        break;
                    }
                    _ => end += char_at(part, end).len_utf8(),
                }
            }
            if self.plan.graphemes && end < bytes.len() && !ends_before_space(part, end) {
                return Ok(false);
            }
            let chunk = &part[start..end];
            let Worker { memo, buffers } = &mut *worker;
            look_up(memo, chunk, ids, |ids| {
                // No word starts the text here: what depends on that is not cut this way.
                let text = NormalizedText::unaligned(chunk, 1);
                steps.run(self.plan.inner.as_ref(), text, buffers, ids, |_| true).map(|right| (right, right))
            })?;
            start = end;
        }
        Ok(true)
    }
}

/// A text while it is cut before runs of spaces.
struct Spaced<'c, F> {
    plan: &'c Plan,
    mark: char,
    /// Whether a cut may come after a character.
    ends: F,
    part: &'c str,
    start: usize,
    steps: Steps<'c>,
    worker: &'c mut Worker,
    ids: &'c mut Vec<u32>,
}

impl<F: Fn(char) -> bool> Spaced<'_, F> {
    /// `false` if a cut turned out wrong.
    fn run(&mut self) -> Result<bool, Error> {
        let bytes = self.part.as_bytes();
        let mut start = 0;
        for at in 1..bytes.len() {
            if bytes[at] == b' ' && bytes[at - 1] != b' ' && self.is_cut(at) {
                if !self.chunk(start..at)? {
                    return Ok(false);
                }
                start = at;
            }
        }
        self.chunk(start..bytes.len())
    }

    /// Whether the run of spaces at `at` can be cut from what comes before, as far as the text as it is tells.
    fn is_cut(&self, at: usize) -> bool {
        let before = self.part[..at].chars().next_back();
        if !before.is_some_and(&self.ends) {
            return false;
        }
        if !self.plan.graphemes {
            return true;
        }
        let spaces = self.part.as_bytes()[at..].iter().take_while(|&&byte| byte == b' ').count();
        let after = at + spaces;
        ends_before_space(self.part, at) && after < self.part.len() && stands_alone(self.part, after)
    }

    fn chunk(&mut self, range: Range<usize>) -> Result<bool, Error> {
        let Self { plan, mark, ends, part, start, steps, worker, ids } = self;
        let (is_first, is_last) = (range.start == 0, range.end == part.len());
        let chunk = &part[range.clone()];
        let position = *start + range.start;
        let Worker { memo, buffers } = &mut **worker;
        if is_first && (plan.first_differs || chunk.starts_with(' ')) {
            let text = NormalizedText::part(chunk, position);
            return steps.run(steps.normalizer, text, buffers, ids, |text| {
                is_last || text.chars().next_back().is_some_and(&*ends)
            });
        }
        // Chunks that begin with a space are in the middle of a text, others begin one: no key means two things.
        let normalizer = if is_first { steps.normalizer } else { plan.inner.as_ref() };
        look_up(memo, chunk, ids, |ids| {
            let mut anywhere = false;
            let text = NormalizedText::unaligned(chunk, position);
            let right = steps.run(normalizer, text, buffers, ids, |text| {
                let starts = is_first || text.starts_with([' ', *mark]);
                let ends = text.chars().next_back().is_some_and(&*ends);
                anywhere = starts && ends;
                starts && (ends || is_last)
            })?;
            Ok((right, anywhere))
        })
    }
}

/// Appends the ids of a chunk: those that are kept, or what `make` appends. It says whether these are right, and whether
/// they are wherever the chunk stands.
fn look_up(
    memo: &mut Memo,
    chunk: &str,
    ids: &mut Vec<u32>,
    make: impl FnOnce(&mut Vec<u32>) -> Result<(bool, bool), Error>,
) -> Result<bool, Error> {
    if chunk.len() > LONGEST {
        return make(ids).map(|(right, _)| right);
    }
    let hash = memo.hash(chunk.as_bytes());
    if let Some(known) = memo.get(chunk.as_bytes(), hash) {
        ids.extend_from_slice(known);
        return Ok(true);
    }
    let before = ids.len();
    let (right, anywhere) = make(ids)?;
    if anywhere {
        memo.insert(chunk.as_bytes(), hash, &ids[before..]);
    }
    Ok(right)
}

/// ASCII whitespace that every normaliser and pre-tokenizer of a plan takes for such.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The character at a boundary before the end.
fn char_at(text: &str, at: usize) -> char {
    text[at..].chars().next().unwrap_or('\0')
}

/// Whether the character at `at` surely begins a grapheme cluster, unless it extends one that prepends.
fn stands_alone(text: &str, at: usize) -> bool {
    matches!(
        char_at(text, at),
        '!'..='~'
            | '\u{a1}'..='\u{ac}'
            | '\u{ae}'..='\u{2ff}'
            | '\u{370}'..='\u{482}'
            | '\u{48a}'..='\u{558}'
            | '\u{5d0}'..='\u{5ea}'
            | '\u{620}'..='\u{64a}'
            | '\u{904}'..='\u{939}'
            | '\u{1e00}'..='\u{1fff}'
            | '\u{2010}'..='\u{2027}'
            | '\u{3001}'..='\u{3029}'
            | '\u{3041}'..='\u{3096}'
            | '\u{30a1}'..='\u{30fe}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{ff01}'..='\u{ff9d}'
    )
}

/// Whether the character before `at` surely takes no space after it into its grapheme cluster.
fn ends_before_space(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_none_or(|character| {
        !matches!(
            character,
            '\u{600}'..='\u{605}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{d4e}'
                | '\u{11000}'..='\u{1efff}'
        )
    })
}
