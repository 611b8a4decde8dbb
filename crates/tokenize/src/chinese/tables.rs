//! The tables that the crate carries, and how their numbers are packed.

/// jieba's model of words: for B, E, M, S the count of all characters and of each, with how often it was seen.
pub(super) const WORD_MODEL: &[u8] = include_bytes!("../../data/jieba-words.bin");

/// jieba's model of tagged words; `fixtures/scripts/jieba_tables.py`, which packs both, says how.
pub(super) const TAG_MODEL: &[u8] = include_bytes!("../../data/jieba-tags.bin");

/// OpenCC's tables; `fixtures/scripts/opencc_tables.py`, which packs them, says how.
pub(super) const SCRIPTS: &[u8] = include_bytes!("../../data/opencc.bin");

/// Reads numbers of seven bits a byte, the lowest first, all but the last byte with the high bit set.
#[derive(Clone)]
pub(super) struct Reader(&'static [u8]);

impl Reader {
    pub(super) fn new(table: &'static [u8]) -> Self {
        Self(table)
    }

    /// The next number; 0 behind the end, which no table of the crate reaches.
    pub(super) fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    /// The next eight bytes.
    pub(super) fn float(&mut self) -> f64 {
        f64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number, and a string of as many bytes.
    pub(super) fn string(&mut self) -> &'static str {
        let length = self.number() as usize;
        let (string, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        std::str::from_utf8(string).unwrap_or_default()
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }
}
