//! GPT-2's spelling of bytes as printable characters, which its vocabulary files use.

/// The character for each byte: itself where Latin-1 prints it, else one of the code points from U+0100 on.
const CHARS: [char; 256] = {
    let mut chars = ['\0'; 256];
    let mut byte = 0;
    let mut next = 256;
    while byte < 256 {
        let printable = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        let code = if printable { byte } else { next };
        if !printable {
            next += 1;
        }
        chars[byte as usize] = match char::from_u32(code) {
            Some(character) => character,
            None => unreachable!(),
        };
        byte += 1;
    }
    chars
};

/// The byte for each code point below U+0144, or -1.
const BYTES: [i16; 0x144] = {
    let mut bytes = [-1; 0x144];
    let mut byte = 0;
    while byte < 256 {
        bytes[CHARS[byte] as usize] = byte as i16;
        byte += 1;
    }
    bytes
};

/// All bytes, ordered by their characters: the order of GPT-2's first 256 ids.
pub(crate) fn bytes_in_order() -> impl Iterator<Item = u8> {
    BYTES.iter().filter_map(|&byte| u8::try_from(byte).ok())
}

/// The character for a byte.
pub(crate) fn spell_byte(byte: u8) -> char {
    CHARS[byte as usize]
}

/// `bytes` spelled in characters.
pub(crate) fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| CHARS[byte as usize]).collect()
}

/// The bytes that `spelling` stands for, or its first character that stands for none.
pub(crate) fn unspell(spelling: &str) -> Result<Vec<u8>, char> {
    let mut bytes = Vec::with_capacity(spelling.len());
    unspell_into(spelling, &mut bytes)?;
    Ok(bytes)
}

/// [`unspell`] that appends to `bytes`.
pub(crate) fn unspell_into(spelling: &str, bytes: &mut Vec<u8>) -> Result<(), char> {
    for character in spelling.chars() {
        let byte = BYTES.get(character as usize).and_then(|&byte| u8::try_from(byte).ok());
        bytes.push(byte.ok_or(character)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_reversible_and_as_published() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unspell(&spell(&all)), Ok(all));
        assert_eq!(spell(b" a\n"), "ĠaĊ");
        assert_eq!(unspell("a b"), Err(' '));
        assert_eq!(bytes_in_order().take(3).collect::<Vec<_>>(), b"!\"#");
        assert_eq!(bytes_in_order().count(), 256);
        assert_eq!(bytes_in_order().last(), Some(0xad));
    }
}
