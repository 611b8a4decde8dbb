//! What a word starts as: its characters as ids.

use super::BpeOptions;
use crate::hash::PairHashMap;
use crate::model::Piece;
use crate::model::token_table::TokenTable;

/// No id: a character that is not in the vocabulary. Whether the vocabulary has this very id is checked apart.
const NONE: u32 = u32::MAX;

/// Ids with the bytes of the word that they stand for. While pairs are merged, an entry stays where it is and `ids`
/// of later ones lose their meaning; [`keep`](Self::keep) drops them.
#[derive(Default)]
pub(crate) struct Symbols {
    pub(crate) ids: Vec<u32>,
    starts: Vec<usize>,
    ends: Vec<usize>,
}

impl Symbols {
    pub(crate) fn clear(&mut self) {
        self.ids.clear();
        self.starts.clear();
        self.ends.clear();
    }

    pub(crate) fn push(&mut self, id: u32, start: usize, end: usize) {
        self.ids.push(id);
        self.starts.push(start);
        self.ends.push(end);
    }

    /// Drops the symbols that have become part of the one before them; `next` gives the one after a symbol.
    #[inline]
    pub(super) fn keep(&mut self, next: impl Fn(usize) -> usize) {
        let (mut at, mut kept) = (0, 0);
        while at < self.ids.len() {
            let after = next(at);
            self.ids[kept] = self.ids[at];
            self.starts[kept] = self.starts[at];
            self.ends[kept] = self.ends[after - 1];
            kept += 1;
            at = after;
        }
        self.ids.truncate(kept);
        self.starts.truncate(kept);
        self.ends.truncate(kept);
    }

    pub(crate) fn pieces(&self, out: &mut Vec<Piece>) {
        let spans = self.starts.iter().zip(&self.ends);
        out.extend(self.ids.iter().zip(spans).map(|(&id, (&start, &end))| {
            // An unknown token that was put after the bytes of a later character can have been merged with them.
            Piece { id, range: start.min(end)..end.max(start) }
        }));
    }
}

/// The ids of single characters and bytes, found without spelling them.
#[derive(Clone)]
pub(super) struct FirstSymbols {
    /// By code point; `NONE` where the vocabulary has none.
    ascii: Box<[u32; 128]>,
    others: PairHashMap<u32>,
    /// The tokens `<0x00>` … `<0xFF>`.
    bytes: Box<[Option<u32>; 256]>,
}

impl FirstSymbols {
    pub(super) fn new(vocab: &TokenTable, options: &BpeOptions) -> Self {
        let mut first = Self {
            ascii: Box::new([NONE; 128]),
            others: PairHashMap::default(),
            bytes: Box::new([None; 256]),
        };
        for (token, id) in vocab.iter() {
            let mut chars = token.chars();
            if let (Some(character), None) = (chars.next(), chars.next()) {
                match first.ascii.get_mut(character as usize) {
                    Some(place) => *place = id,
                    None => {
                        first.others.insert(u64::from(u32::from(character)), id);
                    }
                }
            }
        }
        if options.byte_fallback {
            *first.bytes = std::array::from_fn(|byte| vocab.id(&format!("<0x{byte:02X}>")));
        }
        first
    }

    /// Fills `symbols`; `false` if the unknown token is wanted and `unk_id` is none.
    pub(super) fn fill(
        &self,
        word: &str,
        vocab: &TokenTable,
        options: &BpeOptions,
        unk_id: Option<u32>,
        symbols: &mut Symbols,
    ) -> bool {
        let prefix = options.continuing_subword_prefix.as_deref().unwrap_or("");
        let suffix = options.end_of_word_suffix.as_deref().unwrap_or("");
        let mut spelled = String::new();
        // Where an unknown token that is not yet among the symbols starts and ends.
        let mut unknown: Option<(usize, usize)> = None;
        for (start, character) in word.char_indices() {
            let end = start + character.len_utf8();
            let prefix = if start > 0 { prefix } else { "" };
            let suffix = if end == word.len() { suffix } else { "" };
            let id = if prefix.is_empty() && suffix.is_empty() {
                self.id(character)
            } else {
                spelled.clear();
                spelled.push_str(prefix);
                spelled.push(character);
                spelled.push_str(suffix);
                vocab.id(&spelled)
            };
            if let Some(id) = id {
                if let (Some((start, end)), Some(unk_id)) = (unknown.take(), unk_id) {
                    symbols.push(unk_id, start, end);
                }
                symbols.push(id, start, end);
            } else if self.push_bytes(prefix, &word[start..end], suffix, start, symbols) {
                // An unknown token still to be pushed comes after these bytes, which is the peer's order.
            } else if options.unk_token.is_some() {
                let Some(unk_id) = unk_id else { return false };
                match unknown {
                    Some((start, _)) if options.fuse_unk => unknown = Some((start, end)),
                    Some((before, until)) => {
                        symbols.push(unk_id, before, until);
                        unknown = Some((start, end));
                    }
                    None => unknown = Some((start, end)),
                }
            }
        }
        if let (Some((start, end)), Some(unk_id)) = (unknown, unk_id) {
            symbols.push(unk_id, start, end);
        }
        true
    }

    #[inline]
    fn id(&self, character: char) -> Option<u32> {
        match self.ascii.get(character as usize) {
            Some(&NONE) => None,
            Some(&id) => Some(id),
            None => self.others.get(&u64::from(u32::from(character))).copied(),
        }
    }

    /// Pushes the tokens of the bytes of one character and what was put around it, if all of them are there.
    fn push_bytes(
        &self,
        prefix: &str,
        character: &str,
        suffix: &str,
        start: usize,
        symbols: &mut Symbols,
    ) -> bool {
        let known = |byte: u8| self.bytes[usize::from(byte)];
        let spelling = || [prefix, character, suffix].into_iter().flat_map(str::bytes);
        if !spelling().all(|byte| known(byte).is_some()) {
            return false;
        }
        let end = start + character.len();
        for (index, id) in spelling().filter_map(known).enumerate() {
            // The bytes of a prefix or suffix stand for none of the word's.
            let at = (start + index.saturating_sub(prefix.len())).min(end);
            let until = if index < prefix.len() { at } else { (at + 1).min(end) };
            symbols.push(id, at, until);
        }
        true
    }
}
