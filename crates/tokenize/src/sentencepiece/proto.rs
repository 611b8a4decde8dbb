//! The content of a `.model` file: the messages of `sentencepiece_model.proto`. What encoding does not need is kept as
//! it stands, known or not, and written back.

use super::wire::{self, Fault, Field, Fields, Value};

/// What a piece is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PieceKind {
    /// A piece of text.
    #[default]
    Normal,
    /// The piece that stands for the unknown; there is one at most.
    Unknown,
    /// A piece that no text becomes, such as `<s>`.
    Control,
    /// A piece that its text always becomes, unchanged by the normaliser.
    UserDefined,
    /// A byte of an unknown character, `<0x00>` … `<0xFF>`.
    Byte,
    /// A piece that is not used.
    Unused,
}

impl PieceKind {
    const NUMBERS: [(PieceKind, u64); 6] = [
        (PieceKind::Normal, 1),
        (PieceKind::Unknown, 2),
        (PieceKind::Control, 3),
        (PieceKind::UserDefined, 4),
        (PieceKind::Unused, 5),
        (PieceKind::Byte, 6),
    ];
}

/// How a model cuts text into pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SentencePieceKind {
    /// The most probable segmentation.
    #[default]
    Unigram,
    /// Characters, merged pair by pair into the pieces of the highest score.
    Bpe,
    /// Words between spaces.
    Word,
    /// Characters.
    Char,
}

impl SentencePieceKind {
    const NUMBERS: [(SentencePieceKind, u64); 4] = [
        (SentencePieceKind::Unigram, 1),
        (SentencePieceKind::Bpe, 2),
        (SentencePieceKind::Word, 3),
        (SentencePieceKind::Char, 4),
    ];
}

/// One piece of a vocabulary; its id is its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VocabPiece {
    /// Its text, with `▁` for a space.
    pub text: String,
    /// Its log-probability, or for BPE its rank as a score: the higher, the earlier it is merged.
    pub score: f32,
    /// What it is for.
    pub kind: PieceKind,
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Proto {
    pub(super) pieces: Vec<VocabPiece>,
    pub(super) trainer: Trainer,
    pub(super) normalizer: Normalizer,
    pub(super) denormalizer: Option<Normalizer>,
    /// Fields of the file itself.
    others: Vec<u8>,
    /// By piece: fields that none of the above is; empty where no piece has any.
    piece_others: Vec<Vec<u8>>,
}

/// How the model was trained, as far as it tells how it encodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trainer {
    pub(super) kind: SentencePieceKind,
    pub(super) treat_whitespace_as_suffix: bool,
    pub(super) byte_fallback: bool,
    pub(super) unk_surface: Option<String>,
    pub(super) unk_piece: Option<String>,
    pub(super) bos_piece: Option<String>,
    pub(super) eos_piece: Option<String>,
    pub(super) pad_piece: Option<String>,
    others: Vec<u8>,
}

/// What happens to text before it is cut into pieces.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Normalizer {
    pub(super) charsmap: Vec<u8>,
    pub(super) add_dummy_prefix: bool,
    pub(super) remove_extra_whitespaces: bool,
    pub(super) escape_whitespaces: bool,
    others: Vec<u8>,
}

impl Default for Normalizer {
    fn default() -> Self {
        Self {
            charsmap: Vec::new(),
            add_dummy_prefix: true,
            remove_extra_whitespaces: true,
            escape_whitespaces: true,
            others: Vec::new(),
        }
    }
}

impl Proto {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut proto = Self::default();
        for field in Fields::new(bytes, 0) {
            let field = field?;
            match field.number {
                1 => {
                    let (piece, others) = read_piece(&field, proto.pieces.len())?;
                    if !others.is_empty() {
                        proto.piece_others.resize(proto.pieces.len(), Vec::new());
                        proto.piece_others.push(others);
                    }
                    proto.pieces.push(piece);
                }
                2 => proto.trainer.read(&field)?,
                3 => proto.normalizer.read(&field)?,
                5 => proto.denormalizer.get_or_insert_default().read(&field)?,
                _ => proto.others.extend_from_slice(field.raw),
            }
        }
        Ok(proto)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut message = Vec::new();
        for (id, piece) in self.pieces.iter().enumerate() {
            message.clear();
            wire::put_bytes(&mut message, 1, piece.text.as_bytes());
            wire::put_float(&mut message, 2, piece.score);
            put_enum(&mut message, 3, piece.kind, &PieceKind::NUMBERS);
            message.extend_from_slice(self.piece_others.get(id).map_or(&[][..], |others| others));
            wire::put_bytes(&mut out, 1, &message);
        }
        wire::put_bytes(&mut out, 2, &self.trainer.write());
        wire::put_bytes(&mut out, 3, &self.normalizer.write());
        if let Some(denormalizer) = &self.denormalizer {
            wire::put_bytes(&mut out, 5, &denormalizer.write());
        }
        out.extend_from_slice(&self.others);
        out
    }
}

fn read_piece(field: &Field<'_>, id: usize) -> Result<(VocabPiece, Vec<u8>), Fault> {
    let mut piece = VocabPiece::default();
    let mut others = Vec::new();
    for part in message(field)? {
        let part = part?;
        match part.number {
            1 => piece.text = text(&part)?,
            2 => piece.score = float(&part)?,
            3 => piece.kind = choice(&part, &PieceKind::NUMBERS)?,
            _ => others.extend_from_slice(part.raw),
        }
    }
    if piece.text.is_empty() {
        return Err(Fault::new(field.at, format!("piece {id} is empty")));
    }
    if piece.score.is_nan() {
        return Err(Fault::new(
            field.at,
            format!("piece {id} {:?} has a score that is no number", piece.text),
        ));
    }
    Ok((piece, others))
}

impl Trainer {
    fn read(&mut self, field: &Field<'_>) -> Result<(), Fault> {
        for part in message(field)? {
            let part = part?;
            match part.number {
                3 => self.kind = choice(&part, &SentencePieceKind::NUMBERS)?,
                24 => self.treat_whitespace_as_suffix = flag(&part)?,
                35 => self.byte_fallback = flag(&part)?,
                44 => self.unk_surface = Some(text(&part)?),
                45 => self.unk_piece = Some(text(&part)?),
                46 => self.bos_piece = Some(text(&part)?),
                47 => self.eos_piece = Some(text(&part)?),
                48 => self.pad_piece = Some(text(&part)?),
                _ => self.others.extend_from_slice(part.raw),
            }
        }
        Ok(())
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_enum(&mut out, 3, self.kind, &SentencePieceKind::NUMBERS);
        wire::put_varint(&mut out, 24, self.treat_whitespace_as_suffix.into());
        wire::put_varint(&mut out, 35, self.byte_fallback.into());
        let texts = [&self.unk_surface, &self.unk_piece, &self.bos_piece, &self.eos_piece, &self.pad_piece];
        for (number, text) in (44..).zip(texts) {
            if let Some(text) = text {
                wire::put_bytes(&mut out, number, text.as_bytes());
            }
        }
        out.extend_from_slice(&self.others);
        out
    }
}

impl Normalizer {
    fn read(&mut self, field: &Field<'_>) -> Result<(), Fault> {
        for part in message(field)? {
            let part = part?;
            match part.number {
                2 => self.charsmap = bytes(&part)?.to_vec(),
                3 => self.add_dummy_prefix = flag(&part)?,
                4 => self.remove_extra_whitespaces = flag(&part)?,
                5 => self.escape_whitespaces = flag(&part)?,
                _ => self.others.extend_from_slice(part.raw),
            }
        }
        Ok(())
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.charsmap.is_empty() {
            wire::put_bytes(&mut out, 2, &self.charsmap);
        }
        wire::put_varint(&mut out, 3, self.add_dummy_prefix.into());
        wire::put_varint(&mut out, 4, self.remove_extra_whitespaces.into());
        wire::put_varint(&mut out, 5, self.escape_whitespaces.into());
        out.extend_from_slice(&self.others);
        out
    }
}

fn unexpected(field: &Field<'_>, expected: &str) -> Fault {
    Fault::new(field.at, format!("field {} is {}, expected {expected}", field.number, field.value.kind()))
}

fn bytes<'b>(field: &Field<'b>) -> Result<&'b [u8], Fault> {
    match field.value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(unexpected(field, "a length and bytes")),
    }
}

fn message<'b>(field: &Field<'b>) -> Result<Fields<'b>, Fault> {
    Ok(Fields::new(bytes(field)?, field.content_at))
}

fn text(field: &Field<'_>) -> Result<String, Fault> {
    let bytes = bytes(field)?;
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(Fault::new(field.content_at + error.valid_up_to(), "the text is not UTF-8")),
    }
}

fn float(field: &Field<'_>) -> Result<f32, Fault> {
    match field.value {
        Value::Fixed32(bytes) => Ok(f32::from_le_bytes(bytes)),
        _ => Err(unexpected(field, "four bytes")),
    }
}

fn flag(field: &Field<'_>) -> Result<bool, Fault> {
    match field.value {
        Value::Varint(number) => Ok(number != 0),
        _ => Err(unexpected(field, "a varint")),
    }
}

fn choice<T: Copy>(field: &Field<'_>, numbers: &[(T, u64)]) -> Result<T, Fault> {
    let Value::Varint(number) = field.value else { return Err(unexpected(field, "a varint")) };
    let found = numbers.iter().find(|&&(_, known)| known == number);
    let unknown = || Fault::new(field.at, format!("field {} has the unknown value {number}", field.number));
    found.map(|&(choice, _)| choice).ok_or_else(unknown)
}

fn put_enum<T: PartialEq>(out: &mut Vec<u8>, number: u64, choice: T, numbers: &[(T, u64)]) {
    let value = numbers.iter().find(|(known, _)| *known == choice).map_or(1, |&(_, value)| value);
    wire::put_varint(out, number, value);
}
