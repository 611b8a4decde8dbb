//! Text cut into blocks: runs of characters that words are made of, and the single characters between them.

use std::ops::Range;

use super::dictionary::Codes;

/// Which characters blocks are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Han characters U+4E00 to U+9FD5, ASCII letters and digits, `+#&._%-`: for cutting.
    Words = 1,
    /// The same without `%` and `-`: for tagging.
    Tags = 2,
}

impl Class {
    /// Are blocks made of this character?
    pub(super) fn contains(self, c: char) -> bool {
        match u16::try_from(u32::from(c)) {
            Ok(c @ 0..0x80) => ASCII[usize::from(c)] & self as u8 != 0,
            Ok(c) => HAN.contains(&c),
            Err(_) => false,
        }
    }
}

/// For each ASCII character, the classes it belongs to.
const ASCII: [u8; 128] = {
    let mut classes = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'#' | b'&' | b'.' | b'_' => 3,
            b'%' | b'-' => 1,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// The Han characters that jieba knows.
pub(super) const HAN: Range<u16> = 0x4e00..0x9fd6;

/// A block: its characters, one entry each in three arrays.
#[derive(Default)]
pub(super) struct Block {
    /// Code points; all are in the basic plane.
    pub(super) chars: Vec<u16>,
    /// Codes of the dictionary, with a 0 behind the last.
    pub(super) codes: Vec<u16>,
    /// Where each character starts in the text, and where the last one ends.
    pub(super) offsets: Vec<usize>,
}

impl Block {
    /// Reads the block that starts at byte `start` of the text, and tells whether there is one.
    #[inline]
    pub(super) fn read(&mut self, text: &str, start: usize, class: Class, codes: &Codes) -> bool {
        self.chars.clear();
        self.codes.clear();
        self.offsets.clear();
        let bytes = text.as_bytes();
        let mut at = start;
        while let Some(&first) = bytes.get(at) {
            let (char, width) = match first {
                0..0x80 if ASCII[usize::from(first)] & class as u8 != 0 => (u16::from(first), 1),
                // U+4000 to U+9FFF; three bytes, since the text is UTF-8.
                0xe4..=0xe9 => {
                    let (second, third) = (u16::from(bytes[at + 1]), u16::from(bytes[at + 2]));
                    let char = u16::from(first & 0xf) << 12 | (second & 0x3f) << 6 | (third & 0x3f);
                    if !HAN.contains(&char) {
                        break;
                    }
                    (char, 3)
                }
                _ => break,
            };
            self.chars.push(char);
            self.codes.push(codes.basic(char));
            self.offsets.push(at);
            at += width;
        }
        self.codes.push(0);
        self.offsets.push(at);
        !self.chars.is_empty()
    }

    /// Number of characters.
    pub(super) fn len(&self) -> usize {
        self.chars.len()
    }

    /// The bytes of a range of characters.
    #[inline]
    pub(super) fn bytes(&self, chars: Range<usize>) -> Range<usize> {
        self.offsets[chars.start]..self.offsets[chars.end]
    }
}

/// The end of the one character, or of the `\r\n`, that starts at byte `start` outside blocks.
pub(super) fn single(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    if rest.starts_with("\r\n") {
        return start + 2;
    }
    start + rest.chars().next().map_or(0, char::len_utf8)
}

/// Does Python take this for white space in a pattern's `\s`? That is Unicode's White_Space and four separators.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// A letter or digit of ASCII.
#[inline]
pub(super) fn is_ascii_word(c: u16) -> bool {
    u8::try_from(c).is_ok_and(|c| c.is_ascii_alphanumeric())
}
