//! Base 64 (RFC 4648), in which files hold compiled character maps and tokens.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let is_padding = digit > chunk.len();
            let value = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if is_padding { '=' } else { char::from(DIGITS[value]) });
        }
    }
    text
}

/// `None` if `text` is not base 64 with its padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    append(text.as_bytes(), &mut bytes)?;
    Some(bytes)
}

/// Appends the bytes that `text` stands for to `bytes`.
pub(super) fn append(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let (groups, []) = text.as_chunks::<4>() else { return None };
    let Some((last, groups)) = groups.split_last() else { return Some(()) };
    for group in groups {
        let [_, first, second, third] = bits(group)?.to_be_bytes();
        bytes.extend([first, second, third]);
    }
    let padding = last.iter().rev().take_while(|&&digit| digit == b'=').count();
    if padding > 2 {
        return None;
    }
    let mut padded = *last;
    padded[4 - padding..].fill(b'A');
    let bits = bits(&padded)?;
    // The bits beyond the last byte must be zero, so that a text has one spelling.
    if bits & ((1 << (8 * padding)) - 1) != 0 {
        return None;
    }
    bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    Some(())
}

/// The 24 bits of four digits.
fn bits(group: &[u8; 4]) -> Option<u32> {
    let [a, b, c, d] = group.map(|digit| VALUES[usize::from(digit)]);
    // No digit's value has the highest bit.
    let is_base64 = (a | b | c | d) & 0x80 == 0;
    is_base64.then_some(u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d))
}

/// The value of each digit; 255 for what is none.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 64 {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_spellings() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        for bad in ["Zg=", "Zg", "Zg==Zg==", "Z===", "Zh==", "Z-==", "====", "é==="] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
