//! From text to ids.

use std::ops::Range;

use super::bpe::{Scratch, for_each_stretch};
use super::decode::Joiner;
use super::normalise::{Normalized, SPACE};
use super::{Engine, SentencePiece};
use crate::error::Error;
use crate::model::Piece;
use crate::model::unigram::Best;
use crate::tokenizer::{Spans, Tokenizer, cut_after};

/// What one encoding needs to itself; kept for the next when it is done.
#[derive(Default)]
pub(super) struct Worker {
    pub(super) normalized: Normalized,
    pub(super) pieces: Vec<Piece>,
    best: Vec<Best>,
    scratch: Scratch,
}

impl SentencePiece {
    /// The text as it is cut into pieces: normalised, with `▁` for spaces.
    pub fn normalize(&self, text: &str) -> String {
        let mut normalized = Normalized::default();
        self.normaliser.run::<false>(text, &self.user_defined, &mut normalized);
        normalized.text
    }

    /// The ids of `text` and the bytes of `text` that each came from. Of an unknown character that became bytes, the
    /// last byte has its range.
    pub fn encode_with_offsets(&self, text: &str) -> Spans {
        self.with_worker(|worker| {
            self.normaliser.run::<true>(text, &self.user_defined, &mut worker.normalized);
            self.cut(worker);
            self.encoding(&worker.normalized, &worker.pieces)
        })
    }

    /// Cuts the normalised text of `worker` into its pieces.
    fn cut(&self, worker: &mut Worker) {
        let Worker { normalized, pieces, best, scratch } = worker;
        let text = &normalized.text[..];
        pieces.clear();
        match &self.engine {
            Engine::Unigram(lexicon) => {
                // There is a piece for the unknown, so every text has a segmentation.
                let _ = lexicon.viterbi(text, best, pieces);
            }
            Engine::Bpe(merger) => {
                merger.pieces(text, &self.user_defined, scratch, pieces);
                self.look_up(text, pieces);
            }
            Engine::Word => {
                let spaces = text.match_indices(SPACE).map(|(at, _)| at);
                let starts = std::iter::once(0).chain(spaces.filter(|&at| at > 0));
                let ends = text.match_indices(SPACE).map(|(at, _)| at).filter(|&at| at > 0);
                let words = starts.zip(ends.chain([text.len()])).filter(|(start, end)| start < end);
                pieces.extend(words.map(|(start, end)| Piece { id: u32::MAX, range: start..end }));
                self.look_up(text, pieces);
            }
            Engine::Char => {
                for_each_stretch(text, &self.user_defined, pieces, |start, stretch, pieces| {
                    for (at, character) in stretch.char_indices() {
                        let range = start + at..start + at + character.len_utf8();
                        pieces.push(Piece { id: u32::MAX, range });
                    }
                });
                self.look_up(text, pieces);
            }
        }
    }

    /// Gives pieces that were cut out without looking at the vocabulary their ids.
    pub(super) fn look_up(&self, text: &str, pieces: &mut [Piece]) {
        for piece in pieces {
            if piece.id as usize >= self.proto.pieces.len() {
                piece.id = self.text_id(&text[piece.range.clone()]);
            }
        }
    }

    /// Appends the ids of pieces: unknown ones as bytes, or joined where they follow each other.
    pub(super) fn push_ids(&self, text: &str, pieces: &[Piece], ids: &mut Vec<u32>) {
        let mut is_after_unknown = false;
        for piece in pieces {
            let is_unknown = self.is_unknown(piece);
            match &self.byte_ids {
                _ if !is_unknown => ids.push(piece.id),
                Some(byte_ids) => {
                    let bytes = &text.as_bytes()[piece.range.clone()];
                    ids.extend(bytes.iter().map(|&byte| byte_ids[usize::from(byte)]));
                }
                None if is_after_unknown => {}
                None => ids.push(piece.id),
            }
            is_after_unknown = is_unknown;
        }
    }

    /// The ids of pieces with the bytes of the original that they came from.
    fn encoding(&self, normalized: &Normalized, pieces: &[Piece]) -> Spans {
        let mut encoding = Spans::default();
        let mut push = |id: u32, offset: Range<usize>| {
            encoding.ids.push(id);
            encoding.offsets.push(offset);
        };
        let origin = |at: usize| normalized.origins.get(at).copied().unwrap_or_default();
        let mut run: Option<(u32, Range<usize>)> = None;
        for piece in pieces {
            let Piece { id, range } = piece;
            let from = origin(range.start)..origin(range.end);
            if self.is_unknown(piece) && self.byte_ids.is_none() {
                run = Some((*id, run.map_or(from.start, |(_, run)| run.start)..from.end));
                continue;
            }
            if let Some((id, offset)) = run.take() {
                push(id, offset);
            }
            match &self.byte_ids {
                Some(byte_ids) if self.is_unknown(piece) => {
                    for at in range.clone() {
                        let start = if at + 1 == range.end { from.end } else { from.start };
                        push(byte_ids[usize::from(normalized.text.as_bytes()[at])], from.start..start);
                    }
                }
                _ => push(*id, from),
            }
        }
        if let Some((id, offset)) = run {
            push(id, offset);
        }
        encoding
    }
}

impl Tokenizer for SentencePiece {
    fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(self.with_worker(|worker| {
            self.normaliser.run::<false>(text, &self.user_defined, &mut worker.normalized);
            self.cut(worker);
            let mut ids = Vec::with_capacity(worker.pieces.len());
            self.push_ids(&worker.normalized.text, &worker.pieces, &mut ids);
            ids
        }))
    }

    fn vocab_size(&self) -> usize {
        self.proto.pieces.len()
    }

    fn token(&self, id: u32) -> Option<&[u8]> {
        self.proto.pieces.get(id as usize).map(|piece| piece.text.as_bytes())
    }

    fn id(&self, token: &[u8]) -> Option<u32> {
        self.piece_id(std::str::from_utf8(token).ok()?)
    }

    fn decode_bytes(&self, ids: &[u32]) -> Result<Vec<u8>, Error> {
        Ok(self.decode(ids)?.into_bytes())
    }

    fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        let vocab_size = self.proto.pieces.len();
        match ids.iter().position(|&id| id as usize >= vocab_size) {
            Some(position) => Err(Error::UnknownId { id: ids[position], position, vocab_size }),
            None => Ok(self.join(ids)),
        }
    }

    fn decode_lossy(&self, ids: &[u32]) -> String {
        self.join(ids)
    }

    fn take_tokens<'t>(&self, text: &'t str, most: usize) -> Result<(&'t str, usize), Error> {
        Ok(cut_after(text, &self.encode_with_offsets(text).offsets, most))
    }

    fn joiner(&self) -> Option<Joiner<'_>> {
        Some(Joiner::new(self))
    }
}
