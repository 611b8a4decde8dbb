//! Character classes as the patterns of the known splits use them: `\p{L}`, `\p{N}`, `\s` and the rest.

use std::sync::LazyLock;

use unicode_general_category::{GeneralCategory, get_general_category};

/// The four classes; every character is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `\p{L}`: general categories Lu, Ll, Lt, Lm, Lo. Not `char::is_alphabetic`, which also takes marks and
    /// letter numbers.
    Letter,
    /// `\p{N}`: general categories Nd, Nl, No.
    Number,
    /// `\s`: the property White_Space.
    Space,
    /// Everything else: punctuation, symbols, marks, control characters, unassigned code points.
    Other,
}

/// Classes of the ASCII characters.
const ASCII: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'A'..=b'Z' | b'a'..=b'z' => Class::Letter,
            b'0'..=b'9' => Class::Number,
            b'\t'..=b'\r' | b' ' => Class::Space,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// The class of `character`.
#[cfg(test)]
fn class(character: char) -> Class {
    use GeneralCategory as G;
    match character {
        '\0'..='\x7f' => ASCII[character as usize],
        // Han ideographs and Hangul syllables: all Lo, and most of the text of three languages.
        '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => Class::Letter,
        _ if character.is_whitespace() => Class::Space,
        _ => match get_general_category(character) {
            G::UppercaseLetter
            | G::LowercaseLetter
            | G::TitlecaseLetter
            | G::ModifierLetter
            | G::OtherLetter => Class::Letter,
            G::DecimalNumber | G::LetterNumber | G::OtherNumber => Class::Number,
            _ => Class::Other,
        },
    }
}

/// A letter, among the flags of a character: `\p{L}`.
pub(crate) const LETTER: u8 = 1;
/// A number: `\p{N}`.
pub(crate) const NUMBER: u8 = 2;
/// White space: `\s`.
pub(crate) const SPACE: u8 = 4;
/// None of the three.
pub(crate) const OTHER: u8 = 8;
/// What stands among capitals in the pattern of o200k: `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`.
pub(crate) const CAPITAL: u8 = 16;
/// What stands among small letters there: `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
pub(crate) const SMALL: u8 = 32;

/// Flags of the ASCII characters.
const ASCII_FLAGS: [u8; 128] = {
    let mut flags = [OTHER; 128];
    let mut byte = 0;
    while byte < 128 {
        flags[byte] = match byte as u8 {
            b'A'..=b'Z' => LETTER | CAPITAL,
            b'a'..=b'z' => LETTER | SMALL,
            b'0'..=b'9' => NUMBER,
            b'\t'..=b'\r' | b' ' => SPACE,
            _ => OTHER,
        };
        byte += 1;
    }
    flags
};

/// The flags of an ASCII character; none of other bytes.
#[inline]
pub(crate) fn ascii_flags(byte: u8) -> u8 {
    const FLAGS: [u8; 256] = {
        let mut flags = [0; 256];
        let mut byte = 0;
        while byte < 128 {
            flags[byte] = ASCII_FLAGS[byte] & (LETTER | NUMBER | SPACE | OTHER);
            byte += 1;
        }
        flags
    };
    FLAGS[usize::from(byte)]
}

/// Flags of the first two planes, where nearly all characters of texts stand.
static FLAGS: LazyLock<Vec<u8>> = LazyLock::new(|| (0..0x2_0000).map(flags_of).collect());

fn flags_of(code: u32) -> u8 {
    use GeneralCategory as G;
    let Some(character) = char::from_u32(code) else { return OTHER };
    if character.is_whitespace() {
        return SPACE;
    }
    match get_general_category(character) {
        G::UppercaseLetter | G::TitlecaseLetter => LETTER | CAPITAL,
        G::LowercaseLetter => LETTER | SMALL,
        G::ModifierLetter | G::OtherLetter => LETTER | CAPITAL | SMALL,
        G::NonspacingMark | G::SpacingMark | G::EnclosingMark => OTHER | CAPITAL | SMALL,
        G::DecimalNumber | G::LetterNumber | G::OtherNumber => NUMBER,
        _ => OTHER,
    }
}

/// The flags of the character that starts at `text[at]`, and its length in bytes; a byte that starts no valid
/// character is one character of flag [`OTHER`].
#[inline]
pub(crate) fn flags_at(text: &[u8], at: usize) -> (u8, usize) {
    match text[at..] {
        [first @ 0..=0x7f, ..] => (ASCII_FLAGS[first as usize], 1),
        // U+5000 to U+9FFF: most Han ideographs.
        [0xe5..=0xe9, 0x80..=0xbf, 0x80..=0xbf, ..] => (LETTER | CAPITAL | SMALL, 3),
        _ => wide_flags_at(text, at),
    }
}

/// [`flags_at`] for any other character.
fn wide_flags_at(text: &[u8], at: usize) -> (u8, usize) {
    // Three bytes that are a character whatever the last two are.
    if let [first @ (0xe1..=0xec | 0xee..=0xef), second @ 0x80..=0xbf, third @ 0x80..=0xbf, ..] = text[at..] {
        let code =
            usize::from(first & 0xf) << 12 | usize::from(second & 0x3f) << 6 | usize::from(third & 0x3f);
        return (FLAGS[code], 3);
    }
    match decode(&text[at..]) {
        Some(character) => {
            let code = character as u32;
            let flags = FLAGS.get(code as usize).copied().unwrap_or_else(|| flags_of(code));
            (flags, character.len_utf8())
        }
        None => (OTHER, 1),
    }
}

/// The class of the character that starts at `text[at]`, and its length in bytes.
///
/// A byte that starts no valid character counts as one character of class `Other`, which is the class of U+FFFD, the
/// character that would stand there after a lossy conversion.
#[inline]
pub(crate) fn class_at(text: &[u8], at: usize) -> (Class, usize) {
    match text[at..] {
        [first @ 0..=0x7f, ..] => (ASCII[first as usize], 1),
        // U+5000 to U+9FFF: most Han ideographs, all letters.
        [0xe5..=0xe9, 0x80..=0xbf, 0x80..=0xbf, ..] => (Class::Letter, 3),
        _ => wide_class_at(text, at),
    }
}

/// [`class_at`] for any other character.
fn wide_class_at(text: &[u8], at: usize) -> (Class, usize) {
    let (flags, length) = wide_flags_at(text, at);
    let class = match flags & (LETTER | NUMBER | SPACE) {
        LETTER => Class::Letter,
        NUMBER => Class::Number,
        SPACE => Class::Space,
        _ => Class::Other,
    };
    (class, length)
}

/// The character that `bytes` begins with, if they begin with a valid one.
pub(crate) fn decode(bytes: &[u8]) -> Option<char> {
    let tail = |index: usize| {
        bytes.get(index).filter(|&&byte| byte & 0xc0 == 0x80).map(|&byte| u32::from(byte & 0x3f))
    };
    let first = u32::from(*bytes.first()?);
    let (code, least) = match first {
        0..=0x7f => (first, 0),
        0xc2..=0xdf => ((first & 0x1f) << 6 | tail(1)?, 0x80),
        0xe0..=0xef => ((first & 0x0f) << 12 | tail(1)? << 6 | tail(2)?, 0x800),
        0xf0..=0xf4 => ((first & 0x07) << 18 | tail(1)? << 12 | tail(2)? << 6 | tail(3)?, 0x1_0000),
        _ => return None,
    };
    // Overlong forms fail the bound; surrogates and codes past U+10FFFF fail the conversion.
    char::from_u32(code).filter(|_| code >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_telling_characters() {
        let cases = [
            ('a', Class::Letter),
            ('é', Class::Letter),
            ('ǅ', Class::Letter),
            ('ʰ', Class::Letter),
            ('中', Class::Letter),
            ('한', Class::Letter),
            ('ª', Class::Letter),
            ('\u{3400}', Class::Letter),
            ('\u{20000}', Class::Letter),
            ('Ⅷ', Class::Number),
            ('½', Class::Number),
            ('٣', Class::Number),
            ('①', Class::Number),
            ('〇', Class::Number),
            ('\u{0301}', Class::Other),
            ('ा', Class::Other),
            ('ⓐ', Class::Other),
            ('_', Class::Other),
            ('\u{200d}', Class::Other),
            ('\u{fffd}', Class::Other),
            ('\u{a0}', Class::Space),
            ('\u{3000}', Class::Space),
            ('\u{85}', Class::Space),
            ('\u{200b}', Class::Other),
            ('\u{180e}', Class::Other),
            ('\u{1c}', Class::Other),
        ];
        for (character, expected) in cases {
            assert_eq!(class(character), expected, "{character:?}");
        }
    }

    #[test]
    fn shortcuts_agree_with_the_tables() {
        for code in (0x4e00..=0x9fff).chain(0xac00..=0xd7a3) {
            let character = char::from_u32(code).unwrap();
            assert_eq!(get_general_category(character), GeneralCategory::OtherLetter, "U+{code:04X}");
        }
    }

    #[test]
    fn decoding_agrees_with_the_standard_library() {
        for character in ('\0'..=char::MAX).step_by(7) {
            let mut buffer = [0; 4];
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            assert_eq!(decode(bytes), Some(character));
            let flags = if character.is_ascii() { flags_at(bytes, 0).0 } else { flags_of(character as u32) };
            assert_eq!(flags_at(bytes, 0), (flags, bytes.len()));
            for cut in 1..bytes.len() {
                assert_eq!(decode(&bytes[..cut]), None);
                assert_eq!(decode(&bytes[cut..]), None);
            }
        }
        for bad in
            [&[0xc0, 0x80][..], &[0xe0, 0x80, 0x80], &[0xed, 0xa0, 0x80], &[0xf4, 0x90, 0x80, 0x80], &[0xff]]
        {
            assert_eq!(decode(bad), None);
            assert!(std::str::from_utf8(bad).is_err());
        }
    }
}
