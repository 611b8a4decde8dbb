//! From ids to text.

use super::normalise::{Normalized, SPACE};
use super::{PieceKind, SentencePiece, VocabPiece, byte_of};
use crate::double_array::DoubleArray;
use crate::stream::unfinished;

/// What the unknown piece becomes if the model does not say.
const UNKNOWN: &str = " ⁇ ";

impl SentencePiece {
    /// The text of `ids`, as sentencepiece joins pieces: without the space that was put before the text, and with
    /// U+FFFD for bytes that are no text and for ids that no piece has.
    pub(super) fn join(&self, ids: &[u32]) -> String {
        let mut text = String::new();
        let mut joiner = Joiner::new(self);
        for &id in ids {
            joiner.push(id, &mut text);
        }
        joiner.finish(&mut text);
        text
    }
}

/// Joins pieces one by one. What is still to change is held back.
pub struct Joiner<'m> {
    model: &'m SentencePiece,
    /// Bytes that are not yet characters.
    bytes: Vec<u8>,
    /// Whether the space of the beginning may still come, and whether the last piece was one that had it.
    is_first: bool,
    had_space: bool,
    has_text: bool,
    /// All of the text, where it is changed as a whole at the end.
    whole: Option<String>,
}

impl<'m> Joiner<'m> {
    pub(super) fn new(model: &'m SentencePiece) -> Self {
        Self {
            model,
            bytes: Vec::new(),
            is_first: true,
            had_space: false,
            has_text: false,
            whole: model.denormaliser.is_some().then(String::new),
        }
    }

    /// Takes a piece and appends the text that is certain with it.
    pub(crate) fn push(&mut self, id: u32, out: &mut String) {
        match self.whole.take() {
            Some(mut whole) => {
                self.push_text(id, &mut whole);
                self.whole = Some(whole);
            }
            None => self.push_text(id, out),
        }
    }

    fn push_text(&mut self, id: u32, text: &mut String) {
        let before = text.len();
        let piece = self.model.pieces().get(id as usize);
        match piece.filter(|piece| piece.kind == PieceKind::Byte).and_then(|piece| byte_of(&piece.text)) {
            Some(byte) => {
                self.bytes.push(byte);
                let complete = self.bytes.len() - unfinished(&self.bytes);
                push_bytes(self.bytes.drain(..complete).as_slice(), text);
            }
            None => {
                push_bytes(&std::mem::take(&mut self.bytes), text);
                self.is_first &= !(self.had_space || self.has_text || text.len() > before);
                self.push_piece(piece, text);
            }
        }
        self.has_text |= text.len() > before;
    }

    fn push_piece(&mut self, piece: Option<&VocabPiece>, text: &mut String) {
        self.had_space = false;
        let Some(piece) = piece else { return text.push(char::REPLACEMENT_CHARACTER) };
        match piece.kind {
            PieceKind::Control => {}
            PieceKind::Unknown => {
                text.push_str(self.model.proto.trainer.unk_surface.as_deref().unwrap_or(UNKNOWN));
            }
            _ => {
                let settings = &self.model.proto.normalizer;
                let strips =
                    self.is_first && (settings.add_dummy_prefix || settings.remove_extra_whitespaces);
                let mut rest = &piece.text[..];
                if strips && let Some(stripped) = rest.strip_prefix(SPACE) {
                    rest = stripped;
                    // Where extra spaces are removed, the next one is removed as well.
                    self.had_space = !settings.remove_extra_whitespaces;
                }
                push_spaced(rest, text);
            }
        }
    }

    /// Appends what was held back.
    pub(crate) fn finish(mut self, out: &mut String) {
        let Some(mut whole) = self.whole.take() else { return push_bytes(&self.bytes, out) };
        push_bytes(&self.bytes, &mut whole);
        if let Some(denormaliser) = &self.model.denormaliser {
            let mut denormalized = Normalized::default();
            denormaliser.run::<false>(&whole, &DoubleArray::new(&[]).0, &mut denormalized);
            out.push_str(&denormalized.text);
        }
    }
}

/// Appends the text of a piece with its spaces.
fn push_spaced(piece: &str, text: &mut String) {
    for (index, part) in piece.split(SPACE).enumerate() {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(part);
    }
}

/// Appends bytes as characters, each that belongs to none as U+FFFD.
fn push_bytes(bytes: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}
