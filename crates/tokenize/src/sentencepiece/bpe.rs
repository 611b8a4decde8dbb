//! Sentencepiece's byte-pair encoding: any two neighbours whose texts join to a piece can be merged, the piece of the
//! highest score first, of equal ones the leftmost.

use std::collections::HashMap;

use super::normalise::SPACE;
use super::proto::{PieceKind, VocabPiece};
use crate::double_array::{DoubleArray, NONE};
use crate::hash::PairHashMap;
use crate::model::Piece;
use crate::model::bpe::{Buffers, Decision, Pairs, Rules, Symbols};
use crate::model::word_cache::WordCache;

/// How many characters there are at most.
const CHARS: u32 = 0x11_0000;

/// Merges the symbols of a text.
///
/// A symbol is the id of a piece; or, from the number of pieces on, a character that is no piece itself but that some
/// piece begins or ends with; or, after those, a user-defined piece, which is never merged; or [`NONE`] for any other
/// character.
#[derive(Clone)]
pub(super) struct Merger {
    /// The symbols of single characters.
    ascii: [u32; 128],
    chars: PairHashMap<u32>,
    pairs: Pairs,
    /// Number of pieces.
    size: u32,
    /// By piece, in bytes.
    lengths: Vec<u32>,
    /// Whether a piece is not used and is taken apart again.
    is_unused: Vec<bool>,
    has_unused: bool,
    /// Whether no piece reaches across the beginning of a word: spaces are only at its own beginning.
    words_are_apart: bool,
}

/// Buffers of one encoding.
#[derive(Default)]
pub(super) struct Scratch {
    symbols: Symbols,
    buffers: Buffers,
    pieces: Vec<Piece>,
    words: WordCache,
}

impl Merger {
    pub(super) fn new(pieces: &[VocabPiece]) -> Result<Self, String> {
        // The pieces that text can become; of those with the same text there is one.
        let is_text = |kind| matches!(kind, PieceKind::Normal | PieceKind::UserDefined | PieceKind::Unused);
        let texts = || (0..).zip(pieces).filter(|(_, piece)| is_text(piece.kind));
        let mut keys: Vec<(&[u8], u32)> = texts().map(|(id, piece)| (piece.text.as_bytes(), id)).collect();
        keys.sort_unstable();
        let trie = DoubleArray::new(&keys).0;
        let ids: HashMap<&str, u32> = texts().map(|(id, piece)| (&piece.text[..], id)).collect();
        let ranks = ranks(pieces)?;

        let mut merger = Self {
            ascii: [NONE; 128],
            chars: PairHashMap::default(),
            pairs: Pairs::new([].into_iter()),
            size: pieces.len() as u32,
            lengths: pieces.iter().map(|piece| piece.text.len() as u32).collect(),
            is_unused: pieces.iter().map(|piece| piece.kind == PieceKind::Unused).collect(),
            has_unused: pieces.iter().any(|piece| piece.kind == PieceKind::Unused),
            words_are_apart: texts().all(|(_, piece)| !piece.text.trim_start_matches(SPACE).contains(SPACE)),
        };
        for (id, piece) in texts() {
            let mut chars = piece.text.chars();
            if let (Some(character), None) = (chars.next(), chars.next()) {
                merger.set_symbol(character, id);
            }
        }
        let mut merges = Vec::new();
        for (id, piece) in texts() {
            let mut state = DoubleArray::ROOT;
            for (at, character) in piece.text.char_indices() {
                let split = at + character.len_utf8();
                for &byte in &piece.text.as_bytes()[at..split] {
                    state = trie.step(state, byte).unwrap_or(DoubleArray::ROOT);
                }
                let right = &piece.text[split..];
                let left = match (trie.value(state), at) {
                    _ if right.is_empty() => break,
                    (NONE, 0) => merger.symbol_or_new(character),
                    (NONE, _) => continue,
                    (left, _) => left,
                };
                let mut rest = right.chars();
                let right = match (ids.get(right), rest.next(), rest.next()) {
                    (Some(&right), ..) => right,
                    (None, Some(character), None) => merger.symbol_or_new(character),
                    _ => continue,
                };
                merges.push([left, right, ranks[id as usize], id]);
            }
        }
        merger.pairs = Pairs::new(merges.into_iter());
        Ok(merger)
    }

    fn symbol(&self, character: char) -> u32 {
        match self.ascii.get(character as usize) {
            Some(&symbol) => symbol,
            None => self.chars.get(&u64::from(u32::from(character))).copied().unwrap_or(NONE),
        }
    }

    fn set_symbol(&mut self, character: char, symbol: u32) {
        match self.ascii.get_mut(character as usize) {
            Some(place) => *place = symbol,
            None => {
                self.chars.insert(u64::from(u32::from(character)), symbol);
            }
        }
    }

    /// The length of a symbol that can be merged, in bytes.
    fn length(&self, symbol: u32) -> usize {
        match self.lengths.get(symbol as usize) {
            Some(&length) => length as usize,
            None => char::from_u32(symbol - self.size).map_or(0, char::len_utf8),
        }
    }

    /// The symbol of a character that is no piece.
    fn symbol_or_new(&mut self, character: char) -> u32 {
        let known = self.symbol(character);
        if known != NONE {
            return known;
        }
        let symbol = self.size + u32::from(character);
        self.set_symbol(character, symbol);
        symbol
    }

    /// Appends the pieces of `text` to `out`. The id of one that is not in the vocabulary is not below its size.
    pub(super) fn pieces(
        &self,
        text: &str,
        user_defined: &DoubleArray,
        scratch: &mut Scratch,
        out: &mut Vec<Piece>,
    ) {
        if self.has_unused {
            let mut parts = Parts { merger: self, of: HashMap::new() };
            self.fill_whole(text, user_defined, scratch);
            self.pairs.merge_by_queue(&mut scratch.symbols, &mut scratch.buffers, &mut parts);
            return parts.push_pieces(scratch, out);
        }
        for_each_stretch(text, user_defined, out, |start, stretch, out| {
            let mut rest = stretch;
            while !rest.is_empty() {
                let (word, after) =
                    rest.split_at(if self.words_are_apart { word_end(rest) } else { rest.len() });
                let at = start + stretch.len() - rest.len();
                let key = scratch.words.key(word.as_bytes());
                if !key.is_some_and(|key| scratch.words.push_pieces(key, at, out)) {
                    let first = out.len();
                    scratch.symbols.clear();
                    self.fill(word, at, &mut scratch.symbols);
                    self.pairs.merge(&mut scratch.symbols, &mut scratch.buffers);
                    scratch.symbols.pieces(out);
                    if let Some(key) = key {
                        scratch.words.insert(key, &out[first..]);
                    }
                }
                rest = after;
            }
        });
    }

    /// Appends random pieces of `text` to `out`: each merge is left out with probability `dropout`.
    pub(super) fn sample(
        &self,
        text: &str,
        user_defined: &DoubleArray,
        dropout: f64,
        rng: &mut impl rand::Rng,
        out: &mut Vec<Piece>,
    ) {
        let mut scratch = Scratch::default();
        self.fill_whole(text, user_defined, &mut scratch);
        let mut rules = Dropout { rng, dropout, parts: Parts { merger: self, of: HashMap::new() } };
        self.pairs.merge_by_queue(&mut scratch.symbols, &mut scratch.buffers, &mut rules);
        rules.parts.push_pieces(&mut scratch, out);
    }

    fn fill(&self, text: &str, start: usize, symbols: &mut Symbols) {
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            symbols.push(self.symbol(character), start + at, start + end);
        }
    }

    /// Fills in a text with its user-defined pieces.
    fn fill_whole(&self, text: &str, user_defined: &DoubleArray, scratch: &mut Scratch) {
        let Scratch { symbols, pieces, .. } = scratch;
        symbols.clear();
        pieces.clear();
        let mut filled = 0;
        for_each_stretch(text, user_defined, pieces, |start, stretch, pieces| {
            for Piece { id, range } in pieces.drain(..) {
                symbols.push(self.size + CHARS + id, range.start, range.end);
            }
            self.fill(stretch, start, symbols);
            filled = start + stretch.len();
        });
        debug_assert!(filled == text.len() && pieces.is_empty());
    }
}

/// Calls `visit` with the stretches of `text` between user-defined pieces and with where they begin, and appends these
/// pieces themselves to `out`.
pub(super) fn for_each_stretch(
    text: &str,
    user_defined: &DoubleArray,
    out: &mut Vec<Piece>,
    mut visit: impl FnMut(usize, &str, &mut Vec<Piece>),
) {
    let (mut start, mut read) = (0, 0);
    while let Some(character) = text[read..].chars().next() {
        match user_defined.longest_prefix(&text.as_bytes()[read..]) {
            Some((length, id)) => {
                if start < read {
                    visit(start, &text[start..read], out);
                }
                out.push(Piece { id, range: read..read + length });
                read += length;
                start = read;
            }
            None => read += character.len_utf8(),
        }
    }
    visit(start, &text[start..], out);
}

/// Where the first word of `text` ends: before the next space that comes after anything else.
fn word_end(text: &str) -> usize {
    let after_spaces = text.len() - text.trim_start_matches(SPACE).len();
    text[after_spaces..].find(SPACE).map_or(text.len(), |at| after_spaces + at)
}

/// The places of the scores in their order, the highest first; equal ones share one.
fn ranks(pieces: &[VocabPiece]) -> Result<Vec<u32>, String> {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by(|&left, &right| pieces[right].score.total_cmp(&pieces[left].score));
    let mut ranks = vec![0; pieces.len()];
    let mut rank = 0;
    for pair in order.windows(2) {
        // Not by total order: the two zeros are equal.
        rank += u32::from(pieces[pair[0]].score != pieces[pair[1]].score);
        ranks[pair[1]] = rank;
    }
    if rank as usize >= Pairs::MAX_RANKS {
        return Err(format!("more than {} different scores cannot be taken", Pairs::MAX_RANKS));
    }
    Ok(ranks)
}

/// What pieces were made of, to take apart those that are not used.
struct Parts<'m> {
    merger: &'m Merger,
    /// For a piece that is not used, the pair that came up last.
    of: HashMap<u32, (u32, u32)>,
}

impl Rules for Parts<'_> {
    fn see(&mut self, left: u32, right: u32, merged: u32) {
        if self.merger.is_unused.get(merged as usize) == Some(&true) {
            self.of.insert(merged, (left, right));
        }
    }
}

impl Parts<'_> {
    /// Appends the merged symbols to `out`, those that are not used as their parts.
    fn push_pieces(&self, scratch: &mut Scratch, out: &mut Vec<Piece>) {
        let Scratch { symbols, pieces, .. } = scratch;
        pieces.clear();
        symbols.pieces(pieces);
        pieces.reverse();
        let size = self.merger.size;
        while let Some(Piece { id, range }) = pieces.pop() {
            if let Some(&(left, right)) = self.of.get(&id) {
                let middle = range.start + self.merger.length(left);
                pieces.push(Piece { id: right, range: middle..range.end });
                pieces.push(Piece { id: left, range: range.start..middle });
            } else if self.merger.is_unused.get(id as usize) == Some(&true) {
                out.push(Piece { id: NONE, range });
            } else {
                let id = if id >= size + CHARS && id != NONE { id - size - CHARS } else { id };
                out.push(Piece { id, range });
            }
        }
    }
}

/// Merges left out at random.
struct Dropout<'m, 'r, R> {
    rng: &'r mut R,
    dropout: f64,
    parts: Parts<'m>,
}

impl<R: rand::Rng> Rules for Dropout<'_, '_, R> {
    fn decide(&mut self) -> Decision {
        if rand::RngExt::random::<f64>(self.rng) < self.dropout { Decision::Drop } else { Decision::Make }
    }

    fn see(&mut self, left: u32, right: u32, merged: u32) {
        self.parts.see(left, right, merged);
    }
}
