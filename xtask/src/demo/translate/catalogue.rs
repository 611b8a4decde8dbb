//! Catalogues of translated messages: gettext's `.mo`.

use super::html::one_line;

/// What a file begins with, in the byte order of its numbers.
const MAGIC: u32 = 0x9504_12de;

/// Each message and its translation, white space as single spaces: without context, and of plural forms the first.
///
/// # Errors
/// If the bytes are no little-endian catalogue of UTF-8, or an entry lies outside of them.
pub(super) fn messages(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    let number = |at: usize| -> Result<usize, String> {
        let field = bytes.get(at..at + 4).ok_or_else(|| format!("ends before byte {}", at + 4))?;
        Ok(u32::from_le_bytes(field.try_into().expect("four bytes")) as usize)
    };
    if number(0)? != MAGIC as usize {
        return Err(format!(
            "begins with {:#010x}, expected {MAGIC:#010x} of a message catalogue",
            number(0)?
        ));
    }
    let (count, originals, translations) = (number(8)?, number(12)?, number(16)?);
    let text = |table: usize, entry: usize| -> Result<&str, String> {
        let at = table.saturating_add(8 * entry);
        let (length, from) = (number(at)?, number(at + 4)?);
        let text = bytes.get(from..from.saturating_add(length));
        let text = text.ok_or_else(|| format!("message {entry} lies outside the file"))?;
        std::str::from_utf8(text).map_err(|error| format!("message {entry}: {error}"))
    };
    let mut found = Vec::new();
    for entry in 0..count {
        let (original, translation) = (text(originals, entry)?, text(translations, entry)?);
        let original = original.split_once('\x04').map_or(original, |(_, message)| message);
        let first = |text: &str| one_line(text.split('\0').next().unwrap_or_default());
        found.push((first(original), first(translation)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A catalogue of these messages, as `msgfmt` writes it but for the hash table.
    fn catalogue(entries: &[(&str, &str)]) -> Vec<u8> {
        let count = entries.len();
        let mut head = vec![MAGIC, 0, count as u32, 28, 28 + 8 * count as u32, 0, 0];
        let mut text = Vec::new();
        for side in [0, 1] {
            for entry in entries {
                let message = [entry.0, entry.1][side];
                head.extend([message.len() as u32, (28 + 16 * count + text.len()) as u32]);
                text.extend([message.as_bytes(), &[0]].concat());
            }
        }
        head.into_iter().flat_map(u32::to_le_bytes).chain(text).collect()
    }

    #[test]
    fn messages_come_without_context_and_plurals() {
        let bytes = catalogue(&[
            ("", "Language: zh_CN\n"),
            ("menu\x04Open\n file", "打开"),
            ("%d line\0%d lines", "%d 行"),
        ]);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let expected = [pair("", "Language: zh_CN"), pair("Open file", "打开"), pair("%d line", "%d 行")];
        assert_eq!(messages(&bytes).unwrap(), expected);
    }

    #[test]
    fn damage_is_an_error_wherever_it_is() {
        let bytes = catalogue(&[("a", "甲"), ("b", "乙")]);
        for length in 0..bytes.len() - 1 {
            assert!(messages(&bytes[..length]).is_err(), "{length}");
        }
        assert!(messages(b"PK\x03\x04").unwrap_err().contains("expected 0x950412de"));
        for at in 8..60 {
            let mut damaged = bytes.clone();
            damaged[at] = 0xff;
            // Whatever comes of it, it is no panic.
            let _ = messages(&damaged);
        }
    }
}
