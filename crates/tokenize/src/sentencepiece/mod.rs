//! Models of sentencepiece: its files, its normaliser, its ways to cut text, its ways to join pieces again.

mod bpe;
mod charsmap;
mod decode;
mod encode;
mod file;
mod normalise;
mod pipeline;
mod proto;
mod sample;
mod wire;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use bpe::Merger;
pub(crate) use decode::Joiner;
use normalise::Normaliser;
use proto::Proto;
pub use proto::{PieceKind, SentencePieceKind, VocabPiece};

use crate::double_array::DoubleArray;
use crate::error::Error;
use crate::interner::Interner;
use crate::model::Piece;
use crate::model::unigram::{Lexicon, Precision};

/// A model of the sentencepiece library (Kudo & Richardson 2018), of any of its four kinds: text is normalised, spaces
/// become `▁`, and the whole is cut into pieces, with the ids that the library gives.
///
/// Reads and writes the library's `.model` files; what it does not need of one it keeps and writes back.
///
/// ```
/// use tokenize::{PieceKind, SentencePiece, SentencePieceKind, Tokenizer, VocabPiece};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let piece = |text: &str, score| VocabPiece { text: text.to_owned(), score, kind: PieceKind::Normal };
/// let unk = VocabPiece { kind: PieceKind::Unknown, ..piece("<unk>", 0.0) };
/// let pieces = vec![unk, piece("▁", -3.0), piece("▁go", -4.0), piece("od", -4.5), piece("g", -5.0), piece("o", -5.0)];
/// let model = SentencePiece::new(SentencePieceKind::Unigram, pieces)?;
/// let ids = model.encode("go good  go")?;
/// assert_eq!(ids, [2, 2, 3, 2]);
/// assert_eq!(model.decode(&ids)?, "go good go");
/// let read_back = SentencePiece::from_bytes(&model.to_bytes())?;
/// assert_eq!(read_back.encode("good")?, model.encode("good")?);
/// # Ok(())
/// # }
/// ```
pub struct SentencePiece {
    proto: Proto,
    /// The pieces that text can become, and all others; a text can be among both.
    text_ids: Index,
    other_ids: Index,
    unk_id: Option<u32>,
    /// The ids of the bytes, if unknown characters become those.
    byte_ids: Option<Box<[u32; 256]>>,
    user_defined: DoubleArray,
    normaliser: Normaliser,
    denormaliser: Option<Normaliser>,
    engine: Engine,
    workers: Mutex<Vec<encode::Worker>>,
}

/// The id of what is unknown where no piece stands for it.
const UNKNOWN: u32 = u32::MAX;

/// How many bytes a piece may have.
const MAX_PIECE: usize = 7999;

/// What cuts normalised text into pieces.
#[derive(Clone)]
enum Engine {
    Unigram(Box<Lexicon>),
    Bpe(Box<Merger>),
    Word,
    Char,
}

/// Ids by text.
#[derive(Clone, Default)]
struct Index {
    texts: Interner,
    ids: Vec<u32>,
}

impl Index {
    fn get(&self, text: &str) -> Option<u32> {
        self.texts.find(text.as_bytes()).map(|index| self.ids[index as usize])
    }

    /// `false` if the text is there already.
    fn insert(&mut self, text: &str, id: u32) -> bool {
        let is_new = self.texts.intern(text.as_bytes()) as usize == self.ids.len();
        if is_new {
            self.ids.push(id);
        }
        is_new
    }
}

impl SentencePiece {
    /// A model of pieces, with sentencepiece's defaults for all else: no normalisation but of spaces, which are put
    /// before the text, joined where there are several, and dropped at the end.
    ///
    /// # Errors
    /// [`Error::Config`] as for the pieces of a file, see [`from_file`](Self::from_file).
    pub fn new(kind: SentencePieceKind, pieces: Vec<VocabPiece>) -> Result<Self, Error> {
        let has_bytes = pieces.iter().any(|piece| piece.kind == PieceKind::Byte);
        let mut proto = Proto::default();
        proto.pieces = pieces;
        proto.trainer.kind = kind;
        proto.trainer.byte_fallback = has_bytes;
        Self::assemble(proto).map_err(Error::Config)
    }

    fn assemble(proto: Proto) -> Result<Self, String> {
        let pieces = &proto.pieces;
        if pieces.len() >= 1 << 31 {
            return Err("more than 2147483647 pieces cannot be taken".to_owned());
        }
        let (mut text_ids, mut other_ids) = (Index::default(), Index::default());
        let mut unk_id = None;
        for (id, piece) in (0..).zip(pieces) {
            let is_text = is_text(piece.kind);
            let fault = |what: &str| Err(format!("piece {id} {:?} {what}", piece.text));
            if piece.text.is_empty() {
                return fault("is empty");
            }
            if !piece.score.is_finite() {
                return fault("has a score that is no finite number");
            }
            if piece.text.len() > MAX_PIECE {
                return fault("has more than 7999 bytes");
            }
            if is_text && piece.text.contains('\0') && (piece.text != "\0" || piece.kind != PieceKind::Unused)
            {
                return fault("has a NUL");
            }
            if !(if is_text { &mut text_ids } else { &mut other_ids }).insert(&piece.text, id) {
                return fault("has the text of an earlier one");
            }
            if piece.kind == PieceKind::Unknown && unk_id.replace(id).is_some() {
                return fault("is a second piece for the unknown");
            }
            if piece.kind == PieceKind::Byte && !proto.trainer.byte_fallback {
                return fault("is a byte, though the model does not fall back to bytes");
            }
            if piece.kind == PieceKind::Byte && byte_of(&piece.text).is_none() {
                return fault("is no byte");
            }
        }
        if unk_id.is_none() && !proto.trainer.byte_fallback {
            return Err("no piece stands for the unknown".to_owned());
        }
        let byte_ids = if proto.trainer.byte_fallback { Some(byte_ids(pieces)?) } else { None };
        let mut user_defined: Vec<(&[u8], u32)> = (0..)
            .zip(pieces)
            .filter(|(_, piece)| piece.kind == PieceKind::UserDefined)
            .map(|(id, piece)| (piece.text.as_bytes(), id))
            .collect();
        user_defined.sort_unstable();
        let user_defined = DoubleArray::new(&user_defined).0;
        let normaliser =
            Normaliser::new(&proto.normalizer, proto.trainer.treat_whitespace_as_suffix, &user_defined)
                .map_err(|what| format!("the normaliser's charsmap: {what}"))?;
        let denormaliser = match &proto.denormalizer {
            Some(settings) if !settings.charsmap.is_empty() => {
                let nothing = DoubleArray::new(&[]).0;
                let denormaliser = Normaliser::new(settings, false, &nothing);
                Some(denormaliser.map_err(|what| format!("the denormaliser's charsmap: {what}"))?)
            }
            _ => None,
        };
        let engine = match proto.trainer.kind {
            SentencePieceKind::Unigram => Engine::Unigram(Box::new(lexicon(pieces, unk_id))),
            SentencePieceKind::Bpe => Engine::Bpe(Box::new(Merger::new(pieces)?)),
            SentencePieceKind::Word => Engine::Word,
            SentencePieceKind::Char => Engine::Char,
        };
        Ok(Self {
            text_ids,
            other_ids,
            unk_id,
            byte_ids,
            user_defined,
            normaliser,
            denormaliser,
            engine,
            workers: Mutex::default(),
            proto,
        })
    }

    /// How the model cuts text into pieces.
    pub fn kind(&self) -> SentencePieceKind {
        self.proto.trainer.kind
    }

    /// The pieces in the order of their ids.
    pub fn pieces(&self) -> &[VocabPiece] {
        &self.proto.pieces
    }

    /// The id of the piece with exactly this text. Where a control piece or the like has the text of another one, its
    /// own.
    pub fn piece_id(&self, text: &str) -> Option<u32> {
        self.other_ids.get(text).or_else(|| self.text_ids.get(text))
    }

    /// The id that text becomes if it is cut out as one piece: never that of a control piece or the like.
    fn text_id(&self, text: &str) -> u32 {
        let id = self.text_ids.get(text).filter(|&id| self.piece_kind(id) != PieceKind::Unused);
        id.or(self.unk_id).unwrap_or(UNKNOWN)
    }

    /// Whether a piece of text is unknown.
    fn is_unknown(&self, piece: &Piece) -> bool {
        piece.id == self.unk_id.unwrap_or(UNKNOWN)
    }

    /// The id of the piece that stands for the unknown. A model that falls back to bytes can do without.
    pub fn unk_id(&self) -> Option<u32> {
        self.unk_id
    }

    /// The id of the control piece that begins a sentence.
    pub fn bos_id(&self) -> Option<u32> {
        self.control_id(&self.proto.trainer.bos_piece, "<s>")
    }

    /// The id of the control piece that ends a sentence.
    pub fn eos_id(&self) -> Option<u32> {
        self.control_id(&self.proto.trainer.eos_piece, "</s>")
    }

    /// The id of the control piece that fills up a batch.
    pub fn pad_id(&self) -> Option<u32> {
        self.control_id(&self.proto.trainer.pad_piece, "<pad>")
    }

    fn control_id(&self, name: &Option<String>, default: &str) -> Option<u32> {
        let name = name.as_deref().filter(|name| !name.is_empty()).unwrap_or(default);
        self.other_ids.get(name).filter(|&id| self.piece_kind(id) == PieceKind::Control)
    }

    fn piece_kind(&self, id: u32) -> PieceKind {
        self.proto.pieces.get(id as usize).map_or(PieceKind::Normal, |piece| piece.kind)
    }

    fn with_worker<T>(&self, work: impl FnOnce(&mut encode::Worker) -> T) -> T {
        let lock = || self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = lock().pop();
        let mut worker = worker.unwrap_or_default();
        let result = work(&mut worker);
        lock().push(worker);
        result
    }
}

impl fmt::Debug for SentencePiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentencePiece")
            .field("kind", &self.kind())
            .field("pieces", &self.pieces().len())
            .finish_non_exhaustive()
    }
}

/// Whether text can become pieces of a kind.
fn is_text(kind: PieceKind) -> bool {
    matches!(kind, PieceKind::Normal | PieceKind::UserDefined | PieceKind::Unused)
}

/// The byte that a piece such as `<0x0A>` stands for.
fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_digit = |digit: u8| digit.is_ascii_digit() || (b'A'..=b'F').contains(&digit);
    let is_byte = digits.len() == 2 && digits.bytes().all(is_digit);
    u8::from_str_radix(digits, 16).ok().filter(|_| is_byte)
}

fn byte_ids(pieces: &[VocabPiece]) -> Result<Box<[u32; 256]>, String> {
    let mut ids = [None; 256];
    for (id, piece) in (0..).zip(pieces).filter(|(_, piece)| piece.kind == PieceKind::Byte) {
        if let Some(byte) = byte_of(&piece.text) {
            ids[usize::from(byte)] = Some(id);
        }
    }
    match ids.iter().position(Option::is_none) {
        Some(byte) => Err(format!("no piece <0x{byte:02X}>, though the model falls back to bytes")),
        None => Ok(Box::new(ids.map(Option::unwrap_or_default))),
    }
}

/// The pieces and scores among which a unigram model chooses.
fn lexicon(pieces: &[VocabPiece], unk_id: Option<u32>) -> Lexicon {
    let normal = pieces.iter().filter(|piece| piece.kind == PieceKind::Normal).map(|piece| piece.score);
    let min_score = f64::from(normal.fold(f32::MAX, f32::min));
    let used =
        || (0..).zip(pieces).filter(|(_, p)| matches!(p.kind, PieceKind::Normal | PieceKind::UserDefined));
    let mut tokens: Vec<(&[u8], u32)> = used().map(|(id, piece)| (piece.text.as_bytes(), id)).collect();
    tokens.sort_unstable();
    // A user-defined piece is always to be taken: it scores more than any other of its length.
    let bonus = |length: usize| f64::from((0.1 * (length as f64 - 1.0)) as f32);
    let scores = pieces.iter().map(|piece| match piece.kind {
        PieceKind::UserDefined => bonus(piece.text.len()),
        _ => f64::from(piece.score),
    });
    let mut lexicon = Lexicon::new(
        &tokens,
        scores.collect(),
        Some(unk_id.unwrap_or(UNKNOWN)),
        min_score,
        Precision::Single,
    );
    // Among many segmentations the library counts in characters what it counts in bytes for the best one.
    let user_defined = used().filter(|(_, piece)| piece.kind == PieceKind::UserDefined);
    lexicon.set_lattice_scores(
        user_defined.map(|(id, piece)| (id, bonus(piece.text.chars().count()))).collect(),
    );
    lexicon
}
