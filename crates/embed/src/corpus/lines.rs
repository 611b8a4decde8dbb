//! Blocks of whole lines from a reader.

use std::io::{self, Read};

use super::block::{BLOCK, Block, Marks, space};
use super::{InvalidUtf8, Source};
use crate::{Error, Result};

/// U+FEFF, with which some programs begin a file of UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Cuts what `reader` gives into blocks that end at a line end where there is one, else at white space.
pub(crate) struct Lines<R> {
    reader: R,
    /// Text read behind the end of the last block.
    rest: Vec<u8>,
    /// Whether the text at hand continues a run without white space longer than a block, to be left out.
    in_long_run: bool,
    ended: bool,
    /// Bytes given so far, for error messages.
    position: u64,
    invalid: InvalidUtf8,
    name: String,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R, name: String, invalid: InvalidUtf8) -> Self {
        Self { reader, rest: Vec::new(), in_long_run: false, ended: false, position: 0, invalid, name }
    }

    /// Fills `bytes` to the size of a block, or to the end.
    fn fill(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        while !self.ended && bytes.len() < BLOCK {
            let from = bytes.len();
            bytes.resize(BLOCK, 0);
            let read = loop {
                match self.reader.read(&mut bytes[from..]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result,
                }
            };
            bytes.truncate(from + *read.as_ref().unwrap_or(&0));
            self.ended = read? == 0;
        }
        Ok(())
    }

    /// Where to end a block of these bytes; `None` if there is no white space.
    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        if self.ended {
            return Some(bytes.len());
        }
        let after_line = bytes.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
        let after_space = |at| Some(at + space(bytes, at)).filter(|&end| end > at);
        after_line.or_else(|| (0..bytes.len()).rev().find_map(after_space))
    }

    fn check(&self, bytes: &mut Vec<u8>, at: u64) -> Result<()> {
        let Err(error) = std::str::from_utf8(bytes) else { return Ok(()) };
        match self.invalid {
            InvalidUtf8::Refuse => {
                Err(Error::InvalidUtf8 { corpus: self.name.clone(), at: at + error.valid_up_to() as u64 })
            }
            InvalidUtf8::Replace => {
                *bytes = String::from_utf8_lossy(bytes).into_owned().into_bytes();
                Ok(())
            }
        }
    }
}

impl<R: Read + Send> Source for Lines<R> {
    fn read(&mut self, block: &mut Block) -> Result<bool> {
        block.marks = Marks::WhiteSpace;
        let bytes = &mut block.bytes;
        loop {
            bytes.clear();
            bytes.append(&mut self.rest);
            self.fill(bytes).map_err(Error::Read)?;
            if bytes.is_empty() {
                return Ok(false);
            }
            if self.position == 0 && bytes.starts_with(BYTE_ORDER_MARK) {
                bytes.drain(..BYTE_ORDER_MARK.len());
                self.position += BYTE_ORDER_MARK.len() as u64;
            }
            let at = self.position;
            let Some(end) = self.cut(bytes) else {
                self.in_long_run = true;
                // White space of three bytes may have begun.
                self.rest.extend(bytes.drain(bytes.len() - 2..));
                self.position += bytes.len() as u64;
                continue;
            };
            self.rest.extend_from_slice(&bytes[end..]);
            bytes.truncate(end);
            self.position += end as u64;
            if std::mem::take(&mut self.in_long_run) {
                let run = (0..bytes.len()).find(|&at| space(bytes, at) > 0).unwrap_or(bytes.len());
                bytes[..run].fill(b' ');
            }
            self.check(bytes, at)?;
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Token;

    fn words(text: &[u8], invalid: InvalidUtf8) -> Result<Vec<Vec<String>>> {
        let mut lines = Lines::new(text, "text".to_owned(), invalid);
        let (mut block, mut sentences) = (Block::default(), Vec::new());
        while lines.read(&mut block)? {
            let mut sentence = Vec::new();
            for token in block.tokens() {
                match token {
                    Token::Word(word) => sentence.push(String::from_utf8(word.to_vec()).unwrap()),
                    Token::End => sentences.push(std::mem::take(&mut sentence)),
                }
            }
            sentences.extend((!sentence.is_empty()).then_some(sentence));
        }
        Ok(sentences)
    }

    #[test]
    fn no_word_is_lost_between_blocks() {
        let text: String =
            (0..100_000).map(|i| format!("{i}{}", if i % 7 == 6 { "\r\n" } else { " " })).collect();
        let sentences = words(text.as_bytes(), InvalidUtf8::Refuse).unwrap();
        assert!(sentences.iter().rev().skip(1).all(|sentence| sentence.len() == 7));
        let joined: Vec<String> = sentences.concat();
        assert!(joined.iter().map(String::as_str).eq(text.split_whitespace()));
    }

    #[test]
    fn a_line_longer_than_a_block_is_cut_at_white_space() {
        let text = "三国 ".repeat(50_000);
        let sentences = words(text.as_bytes(), InvalidUtf8::Refuse).unwrap();
        assert_eq!(sentences.len(), (text.len() - 1) / BLOCK + 1);
        assert!(sentences.concat().iter().all(|word| word == "三国"));
        assert_eq!(sentences.concat().len(), 50_000);
    }

    #[test]
    fn a_run_without_white_space_is_left_out() {
        let mut text = b"before ".to_vec();
        text.extend(vec![b'x'; 5 * BLOCK + 77]);
        text.extend(b" after\nlast");
        assert_eq!(words(&text, InvalidUtf8::Refuse).unwrap().concat(), ["before", "after", "last"]);
        assert_eq!(words(&vec![b'x'; 3 * BLOCK], InvalidUtf8::Refuse).unwrap().concat(), [""; 0]);
    }

    #[test]
    fn white_space_outside_ascii_is_where_lines_are_cut() {
        let text = "三国\u{3000}演义\u{3000}".repeat(20_000);
        let sentences = words(text.as_bytes(), InvalidUtf8::Refuse).unwrap();
        assert!(sentences.len() > 1);
        assert_eq!(sentences.concat(), ["三国", "演义"].repeat(20_000));
        // Wherever in a block the white space after a run without any lies.
        for length in (BLOCK - 4)..(BLOCK + 4) {
            let text = format!("{}\u{3000}after\u{3000}last", "x".repeat(length));
            let words = words(text.as_bytes(), InvalidUtf8::Refuse).unwrap().concat();
            assert_eq!(&words[words.len() - 2..], ["after", "last"], "{length}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_word() {
        let text = b"\xef\xbb\xbfthe end\nba\xffd";
        assert_eq!(words(text, InvalidUtf8::Replace).unwrap().concat(), ["the", "end", "ba\u{fffd}d"]);
        let error = words(text, InvalidUtf8::Refuse).unwrap_err();
        assert_eq!(error.to_string(), "text: invalid UTF-8 at byte 13");
        assert_eq!(words(b"\xef\xbb\xbf", InvalidUtf8::Refuse).unwrap().concat(), [""; 0]);
    }

    #[test]
    fn invalid_bytes_are_replaced_or_refused() {
        let text = b"ok\nba\xffd \xe4\xb8\n";
        assert_eq!(words(text, InvalidUtf8::Replace).unwrap().concat(), ["ok", "ba\u{fffd}d", "\u{fffd}"]);
        let error = words(text, InvalidUtf8::Refuse).unwrap_err();
        assert_eq!(error.to_string(), "text: invalid UTF-8 at byte 5");
    }
}
