//! Properties of characters as the reference implementation knows them.
//!
//! Hugging Face's `tokenizers` carries the character database of 2016: scripts and normalisation of Unicode 9,
//! general categories of Unicode 8. Vocabularies were made with it, so the ids of a text with younger characters
//! depend on not knowing them. The tables here say which characters are younger; everything else comes from crates
//! that follow the current standard.

use unicode_general_category::{GeneralCategory as G, get_general_category};
use unicode_normalization::char as unicode;
use unicode_script::{Script, UnicodeScript};

/// Code points that Unicode 9 did not assign and later versions did, with the unassigned ones between them.
const SINCE_UNICODE_10: [(u32, u32); 147] = [
    (0x558, 0x558),
    (0x560, 0x560),
    (0x588, 0x588),
    (0x58b, 0x58c),
    (0x5c8, 0x5c9),
    (0x5ef, 0x5ef),
    (0x61d, 0x61d),
    (0x7fd, 0x7ff),
    (0x860, 0x89f),
    (0x8b5, 0x8b5),
    (0x8be, 0x8d3),
    (0x9fc, 0x9fe),
    (0xa76, 0xa76),
    (0xafa, 0xaff),
    (0xb53, 0xb55),
    (0xc04, 0xc04),
    (0xc3c, 0xc3c),
    (0xc5c, 0xc5d),
    (0xc77, 0xc77),
    (0xc84, 0xc84),
    (0xcdc, 0xcdd),
    (0xcf3, 0xd00),
    (0xd04, 0xd04),
    (0xd3b, 0xd3c),
    (0xd81, 0xd81),
    (0xe86, 0xe86),
    (0xe89, 0xe89),
    (0xe8c, 0xe8c),
    (0xe8e, 0xe93),
    (0xe98, 0xe98),
    (0xea0, 0xea0),
    (0xea8, 0xea9),
    (0xeac, 0xeac),
    (0xeba, 0xeba),
    (0xece, 0xece),
    (0x170d, 0x170d),
    (0x1715, 0x171f),
    (0x180f, 0x180f),
    (0x1878, 0x1878),
    (0x1abf, 0x1af0),
    (0x1b4c, 0x1b4f),
    (0x1b7d, 0x1b7f),
    (0x1c89, 0x1cbf),
    (0x1cf7, 0x1cf7),
    (0x1cfa, 0x1cfa),
    (0x1df6, 0x1dfa),
    (0x208f, 0x208f),
    (0x209d, 0x209f),
    (0x20bf, 0x20c4),
    (0x23ff, 0x23ff),
    (0x2427, 0x2429),
    (0x2b96, 0x2b97),
    (0x2bba, 0x2bbc),
    (0x2bc9, 0x2bc9),
    (0x2bd2, 0x2beb),
    (0x2bf0, 0x2bff),
    (0x2c2f, 0x2c2f),
    (0x2c5f, 0x2c5f),
    (0x2e45, 0x2e63),
    (0x2ffc, 0x2fff),
    (0x312e, 0x312f),
    (0x31bb, 0x31bf),
    (0x31e4, 0x31ef),
    (0x32ff, 0x32ff),
    (0x4db6, 0x4dbf),
    (0x9fd6, 0x9fff),
    (0xa7af, 0xa7af),
    (0xa7b8, 0xa7f6),
    (0xa82c, 0xa82c),
    (0xa8fe, 0xa8ff),
    (0xab66, 0xab6d),
    (0xfbc2, 0xfbd2),
    (0xfd40, 0xfd4f),
    (0xfd90, 0xfd91),
    (0xfdc8, 0xfdcf),
    (0xfdfe, 0xfdff),
    (0x1019c, 0x1019c),
    (0x1032d, 0x1032f),
    (0x10570, 0x105f3),
    (0x10780, 0x107bf),
    (0x10940, 0x10959),
    (0x10a34, 0x10a35),
    (0x10a48, 0x10a48),
    (0x10d00, 0x10d8f),
    (0x10e80, 0x10ff6),
    (0x11070, 0x11075),
    (0x110c2, 0x110cd),
    (0x11144, 0x11147),
    (0x111ce, 0x111cf),
    (0x1123f, 0x11241),
    (0x1133b, 0x1133b),
    (0x11380, 0x113e2),
    (0x1145a, 0x1145a),
    (0x1145e, 0x11461),
    (0x116b8, 0x116b9),
    (0x116d0, 0x116e3),
    (0x1171a, 0x1171a),
    (0x11740, 0x1183b),
    (0x11900, 0x11abf),
    (0x11b00, 0x11bf9),
    (0x11d00, 0x11fff),
    (0x1246f, 0x1246f),
    (0x12475, 0x1247f),
    (0x12550, 0x12ff2),
    (0x1342f, 0x143fa),
    (0x16100, 0x16139),
    (0x16a70, 0x16ac9),
    (0x16d40, 0x16ed3),
    (0x16f45, 0x16f4f),
    (0x16f7f, 0x16f87),
    (0x16fe1, 0x16ff6),
    (0x187ed, 0x187ff),
    (0x18af3, 0x1affe),
    (0x1b002, 0x1b2fb),
    (0x1cc00, 0x1cfc3),
    (0x1d127, 0x1d128),
    (0x1d1e9, 0x1d1ff),
    (0x1d250, 0x1d2f3),
    (0x1d372, 0x1d378),
    (0x1d6a6, 0x1d6a6),
    (0x1db00, 0x1dfff),
    (0x1e030, 0x1e7fe),
    (0x1e94b, 0x1e94b),
    (0x1ec71, 0x1ed3d),
    (0x1f10d, 0x1f10f),
    (0x1f12f, 0x1f12f),
    (0x1f16c, 0x1f16f),
    (0x1f1ad, 0x1f1ae),
    (0x1f260, 0x1f265),
    (0x1f6d3, 0x1f6df),
    (0x1f6f7, 0x1f6fc),
    (0x1f774, 0x1f77f),
    (0x1f7d5, 0x1f7ff),
    (0x1f8b0, 0x1f90f),
    (0x1f91f, 0x1f91f),
    (0x1f928, 0x1f92f),
    (0x1f931, 0x1f932),
    (0x1f93f, 0x1f93f),
    (0x1f94c, 0x1f94f),
    (0x1f95f, 0x1f97f),
    (0x1f992, 0x1f9bf),
    (0x1f9c1, 0x1fbfa),
    (0x2a6d7, 0x2a6df),
    (0x2b735, 0x2b73f),
    (0x2b81e, 0x2b81e),
    (0x2cea2, 0x2ee5d),
    (0x30000, 0x3fc3f),
];

/// What Unicode 9 added of punctuation, format characters and nonspacing marks, and one mark that became nonspacing.
const NEW_IN_UNICODE_9: [(u32, u32); 12] = [
    (0x8d4, 0x8e2),
    (0x1885, 0x1886),
    (0x1dfb, 0x1dfb),
    (0x2e43, 0x2e44),
    (0xa8c5, 0xa8c5),
    (0xa9bd, 0xa9bd),
    (0x1123e, 0x1123e),
    (0x11438, 0x1145d),
    (0x11660, 0x1166c),
    (0x11c30, 0x11cb6),
    (0x1e000, 0x1e02a),
    (0x1e944, 0x1e95f),
];

fn contains(ranges: &[(u32, u32)], character: char) -> bool {
    let code = character as u32;
    let index = ranges.partition_point(|&(_, last)| last < code);
    ranges.get(index).is_some_and(|&(first, _)| first <= code)
}

fn unassigned_in_9(character: char) -> bool {
    character >= '\u{558}' && contains(&SINCE_UNICODE_10, character)
}

/// The general category of Unicode 8, where it is punctuation, nonspacing mark, control, format or private use; other
/// categories may be the current ones.
fn category(character: char) -> G {
    match character {
        // Four characters that have changed their category since.
        '\u{1734}' | '\u{1171e}' => G::NonspacingMark,
        '\u{166d}' | '\u{111c9}' => G::OtherPunctuation,
        _ if unassigned_in_9(character) || contains(&NEW_IN_UNICODE_9, character) => G::Unassigned,
        _ => get_general_category(character),
    }
}

/// General category Mn.
pub(crate) fn is_nonspacing_mark(character: char) -> bool {
    character > '\u{7f}' && category(character) == G::NonspacingMark
}

/// General categories Pc, Pd, Ps, Pe, Pi, Pf, Po, and all ASCII symbols.
pub(crate) fn is_punctuation(character: char) -> bool {
    match character {
        '\0'..='\x7f' => character.is_ascii_punctuation(),
        _ => matches!(
            category(character),
            G::ConnectorPunctuation
                | G::DashPunctuation
                | G::OpenPunctuation
                | G::ClosePunctuation
                | G::InitialPunctuation
                | G::FinalPunctuation
                | G::OtherPunctuation
        ),
    }
}

/// General categories Cc, Cf and Co.
pub(crate) fn is_other(character: char) -> bool {
    match character {
        '\0'..='\x7f' => character.is_ascii_control(),
        _ => matches!(category(character), G::Control | G::Format | G::PrivateUse),
    }
}

/// General categories Mn, Mc and Me.
pub(crate) fn is_combining_mark(character: char) -> bool {
    match character {
        '\0'..='\x7f' | '\u{111c9}' => false,
        // Marks until Unicode 12 made them letters.
        '\u{1cf2}' | '\u{1cf3}' => true,
        _ => unicode::is_combining_mark(character) && !unassigned_in_9(character),
    }
}

/// The canonical combining class; 0 for characters that are not reordered.
pub(crate) fn combining_class(character: char) -> u8 {
    if unassigned_in_9(character) { 0 } else { unicode::canonical_combining_class(character) }
}

/// Calls `emit` with the full canonical or compatibility decomposition of a character.
pub(crate) fn decompose(character: char, compatible: bool, mut emit: impl FnMut(char)) {
    if unassigned_in_9(character) {
        emit(character);
    } else if compatible {
        unicode::decompose_compatible(character, emit);
    } else {
        unicode::decompose_canonical(character, emit);
    }
}

/// The character that two characters compose to.
pub(crate) fn compose(first: char, second: char) -> Option<char> {
    unicode::compose(first, second).filter(|&composed| !unassigned_in_9(composed))
}

/// The script of a character, `None` if it has none: unassigned.
pub(crate) fn script(character: char) -> Option<Script> {
    match character {
        // Of two scripts' use since; one script each then.
        '\u{589}' | '\u{61c}' => Some(Script::Common),
        '\u{953}' | '\u{954}' => Some(Script::Devanagari),
        _ if unassigned_in_9(character) => None,
        _ => Some(character.script()).filter(|&script| script != Script::Unknown),
    }
}

/// `\w`: letters, marks, decimal digits, connector punctuation and joiners.
pub(crate) fn is_word(character: char) -> bool {
    match character {
        '\0'..='\x7f' => character.is_ascii_alphanumeric() || character == '_',
        _ => regex_syntax::is_word_character(character),
    }
}
