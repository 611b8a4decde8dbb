//! Runs of ASCII letters, sixteen bytes at a time in two words, each byte's answer in its highest bit.

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

/// Two words from `at` on.
#[inline(always)]
fn two_words(text: &[u8], at: usize) -> Option<[u64; 2]> {
    let chunk = u128::from_le_bytes(*text.get(at..)?.first_chunk()?);
    Some([chunk as u64, (chunk >> 64) as u64])
}

/// One word from `at` on.
#[inline(always)]
fn one_word(text: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?))
}

/// The first byte whose highest bit is set in two words, not both 0. No branch: how long words are cannot be foretold.
#[inline(always)]
fn first_of(stops: [u64; 2]) -> usize {
    let bit = if stops[0] != 0 { stops[0].trailing_zeros() } else { 64 + stops[1].trailing_zeros() };
    bit as usize / 8
}

/// Where the run of ASCII letters that has reached `at` ends.
#[inline(always)]
pub(super) fn letters_end(text: &[u8], mut at: usize) -> usize {
    while let Some(words) = two_words(text, at) {
        let stops = words.map(|word| !letters(word) & HIGH);
        if stops[0] | stops[1] != 0 {
            return at + first_of(stops);
        }
        at += 16;
    }
    if let Some(word) = one_word(text, at) {
        let stops = !letters(word) & HIGH;
        if stops != 0 {
            return at + stops.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while text.get(at).is_some_and(u8::is_ascii_alphabetic) {
        at += 1;
    }
    at
}

/// Where the run of ASCII capitals and then small letters ends that starts at `at`: before the first byte that is no
/// letter, or that is a capital after a small letter.
#[inline(always)]
pub(super) fn cased_end(text: &[u8], mut at: usize) -> usize {
    // Whether the byte before is a small letter, in the bit where it meets the next byte's.
    let mut after_small = 0;
    while let Some([first, second]) = two_words(text, at) {
        let (first, small) = case_stops(first, after_small);
        let (second, small) = case_stops(second, small >> 56);
        if first | second != 0 {
            return at + first_of([first, second]);
        }
        after_small = small >> 56;
        at += 16;
    }
    if let Some(word) = one_word(text, at) {
        let (stops, small) = case_stops(word, after_small);
        if stops != 0 {
            return at + stops.trailing_zeros() as usize / 8;
        }
        after_small = small >> 56;
        at += 8;
    }
    let mut after_small = after_small != 0;
    while let Some(&byte) = text.get(at).filter(|byte| byte.is_ascii_alphabetic()) {
        if after_small && byte.is_ascii_uppercase() {
            break;
        }
        after_small = byte.is_ascii_lowercase();
        at += 1;
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
        fn runs_end_where_a_loop_over_bytes_ends_them(
            text in prop_oneof!["[a-zA-Z@`\\[{é' ]{0,40}", "[a-z]{0,20}[A-Z]{0,20}[a-z]{0,20}"],
        ) {
            let text = text.as_bytes();
            let letter = |byte: &u8| byte.is_ascii_alphabetic();
            let run = text.iter().take_while(|byte| letter(byte)).count();
            prop_assert_eq!(letters_end(text, 0), run);
            let turn = text[..run].windows(2).position(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
            prop_assert_eq!(cased_end(text, 0), turn.map_or(run, |at| at + 1));
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
