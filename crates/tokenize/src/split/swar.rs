//! Short words of ASCII letters and runs of spaces, sixteen bytes at a time in two words, each byte's answer in its
//! highest bit.

/// One in every byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of every byte.
const HIGH: u64 = 0x80 * ONES;

/// The highest bit of every byte that is an ASCII letter. No sum below carries into the next byte: its parts are at
/// most 0x7f and 0x1f.
#[inline(always)]
fn letters(word: u64) -> u64 {
    let folded = (word | (0x20 * ONES)) & !HIGH;
    let from_a = folded + u64::from(0x80 - b'a') * ONES;
    let past_z = folded + u64::from(0x80 - b'z' - 1) * ONES;
    from_a & !past_z & !word & HIGH
}

/// Sixteen bytes from `start` on, which lies inside `text`, with zeros behind its end. Read at once, beginning there or
/// ending with the text: a copy of unknown length is slower than all the rest.
#[inline(always)]
pub(crate) fn chunk(text: &[u8], start: usize) -> u128 {
    match text.get(start..).and_then(|rest| rest.first_chunk()) {
        Some(&chunk) => u128::from_le_bytes(chunk),
        None => last_chunk(text, start),
    }
}

/// [`chunk`] where the text ends before it does.
#[inline]
fn last_chunk(text: &[u8], start: usize) -> u128 {
    match text.last_chunk() {
        Some(&chunk) => u128::from_le_bytes(chunk) >> (8 * (start + 16 - text.len())),
        None => text[start..].iter().rev().fold(0, |bytes, &byte| bytes << 8 | u128::from(byte)),
    }
}

/// The first byte of a chunk whose highest bit is set in `stops`, 16 if there is none. No branch: how long words are
/// cannot be foretold.
#[inline(always)]
fn first_of(stops: [u64; 2]) -> usize {
    let bit = if stops[0] != 0 { stops[0].trailing_zeros() } else { 64 + stops[1].trailing_zeros() };
    bit as usize / 8
}

/// How many bytes of a chunk belong to a word of ASCII letters whose first character may be any: from 1 to 16.
#[inline(always)]
pub(super) fn word_length(chunk: u128) -> usize {
    let [first, second] = [chunk as u64, (chunk >> 64) as u64].map(|word| !letters(word) & HIGH);
    first_of([first & !0x80, second])
}

/// [`word_length`] of a word of capitals and then small letters: it ends before a capital after a small letter.
#[inline(always)]
pub(super) fn cased_word_length(chunk: u128) -> usize {
    let (first, small) = case_stops(chunk as u64, 0);
    let (second, _) = case_stops((chunk >> 64) as u64, small >> 56);
    first_of([first & !0x80, second])
}

/// Where the run of plain spaces that has reached `at` ends.
#[inline]
pub(super) fn spaces_end(text: &[u8], mut at: usize) -> usize {
    while at < text.len() {
        let others = chunk(text, at) ^ (u128::from(0x20 * ONES) << 64 | u128::from(0x20 * ONES));
        let length = others.trailing_zeros() as usize / 8;
        at += length;
        if length < 16 {
            break;
        }
    }
    at
}

/// The bytes at which a word of capitals and then small letters ends, and those that are small letters.
#[inline(always)]
fn case_stops(word: u64, after_small: u64) -> (u64, u64) {
    let letters = letters(word);
    // What tells small letters from capitals is bit 5, moved to bit 7.
    let small = letters & (word << 2);
    let capital = letters & !small;
    ((!letters & HIGH) | (capital & (small << 8 | after_small)), small)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lengths_are_those_that_a_loop_over_bytes_finds(
            text in prop_oneof!["[a-zA-Z@`\\[{é' \x00]{1,40}", ".?[a-z]{0,20}[A-Z]{0,20}[a-z]{0,20}", " {1,40}x?"],
            start in 0usize..24,
        ) {
            let text = text.as_bytes();
            let start = start % text.len();
            let rest = &text[start..];
            let mut expected = [0; 16];
            expected[..rest.len().min(16)].copy_from_slice(&rest[..rest.len().min(16)]);
            prop_assert_eq!(chunk(text, start).to_le_bytes(), expected);
            let letters = 1 + expected[1..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            prop_assert_eq!(word_length(chunk(text, start)), letters);
            let turn = expected[..letters].windows(2).position(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
            prop_assert_eq!(cased_word_length(chunk(text, start)), turn.map_or(letters, |at| at + 1));
            let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
            prop_assert_eq!(spaces_end(text, start), start + spaces);
        }
    }

    #[test]
    fn every_byte_is_told_apart() {
        for byte in 0..=255u8 {
            let found = letters(u64::from(byte) * ONES);
            assert_eq!(found, if byte.is_ascii_alphabetic() { HIGH } else { 0 }, "{byte:#x}");
        }
    }
}
