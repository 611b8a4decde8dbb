//! From ids to text.

use super::normalise::{Normalized, SPACE};
use super::{PieceKind, SentencePiece, byte_of};
use crate::double_array::DoubleArray;

/// What the unknown piece becomes if the model does not say.
const UNKNOWN: &str = " ⁇ ";

impl SentencePiece {
    /// The text of `ids`, as sentencepiece joins pieces: without the space that was put before the text, and with
    /// U+FFFD for bytes that are no text and for ids that no piece has.
    pub(super) fn join(&self, ids: &[u32]) -> String {
        let settings = &self.proto.normalizer;
        let strips_first_space = settings.add_dummy_prefix || settings.remove_extra_whitespaces;
        let mut text = String::new();
        let mut bytes = Vec::new();
        // Whether the space of the beginning may still come, and whether the last piece was one that had it.
        let (mut is_first, mut had_space) = (true, false);
        for &id in ids {
            let piece = self.proto.pieces.get(id as usize);
            if let Some(byte) =
                piece.filter(|piece| piece.kind == PieceKind::Byte).and_then(|p| byte_of(&p.text))
            {
                bytes.push(byte);
                continue;
            }
            push_bytes(&mut bytes, &mut text);
            if had_space || !text.is_empty() {
                is_first = false;
            }
            had_space = false;
            match piece {
                None => text.push(char::REPLACEMENT_CHARACTER),
                Some(piece) if piece.kind == PieceKind::Control => {}
                Some(piece) if piece.kind == PieceKind::Unknown => {
                    text.push_str(self.proto.trainer.unk_surface.as_deref().unwrap_or(UNKNOWN));
                }
                Some(piece) => {
                    let mut rest = &piece.text[..];
                    if is_first
                        && strips_first_space
                        && let Some(stripped) = rest.strip_prefix(SPACE)
                    {
                        rest = stripped;
                        // Where extra spaces are removed, the next one is removed as well.
                        had_space = !settings.remove_extra_whitespaces;
                    }
                    push_spaced(rest, &mut text);
                }
            }
        }
        push_bytes(&mut bytes, &mut text);
        let Some(denormaliser) = &self.denormaliser else { return text };
        let mut denormalized = Normalized::default();
        denormaliser.run::<false>(&text, &DoubleArray::new(&[]).0, &mut denormalized);
        denormalized.text
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
fn push_bytes(bytes: &mut Vec<u8>, text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    bytes.clear();
}
