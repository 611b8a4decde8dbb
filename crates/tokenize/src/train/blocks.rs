//! A stream of bytes as blocks of whole lines.

use std::io::{self, Read};
use std::path::Path;

use crate::error::Error;

/// Reads text in blocks that end where a line ends.
pub(super) struct Blocks<'n, R> {
    reader: R,
    /// The file, or what the caller calls the stream, for errors.
    name: &'n Path,
    /// How large blocks are meant to be.
    size: usize,
    /// Where a line is cut that has no end: the memory that a stream without line ends can take.
    longest_line: usize,
    /// What was read after the last line end.
    rest: Vec<u8>,
    /// Bytes given out so far.
    offset: u64,
}

impl<'n, R: Read> Blocks<'n, R> {
    pub(super) fn new(reader: R, name: &'n Path, size: usize, longest_line: usize) -> Self {
        Self { reader, name, size, longest_line: longest_line.max(size), rest: Vec::new(), offset: 0 }
    }

    /// The next block, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<String>, Error> {
        let mut block = std::mem::take(&mut self.rest);
        let mut searched = 0;
        let mut wanted = self.size;
        let end = loop {
            let at_end = self.fill(&mut block, wanted)?;
            if let Some(at) = block[searched..].iter().rposition(|&byte| byte == b'\n') {
                break searched + at + 1;
            }
            if at_end || block.len() >= self.longest_line {
                break whole_characters(&block, at_end);
            }
            searched = block.len();
            wanted = (block.len() * 2).min(self.longest_line);
        };
        self.rest = block.split_off(end);
        if block.is_empty() {
            return Ok(None);
        }
        let start = self.offset;
        self.offset += block.len() as u64;
        String::from_utf8(block).map(Some).map_err(|error| {
            let place = format!("byte {}", start + error.utf8_error().valid_up_to() as u64);
            Error::format(&self.name.display().to_string(), place, "the text stops being UTF-8")
        })
    }

    /// Reads until `block` has `wanted` bytes; says whether the stream ended before.
    fn fill(&mut self, block: &mut Vec<u8>, wanted: usize) -> Result<bool, Error> {
        let missing = wanted.saturating_sub(block.len());
        block.reserve_exact(missing);
        let read = self.reader.by_ref().take(missing as u64).read_to_end(block);
        read.map(|read| read < missing).map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Io { path: self.name.to_owned(), source }
    }
}

/// Where to cut text that has no line end: before a character that has only begun, unless the text is at its end.
fn whole_characters(text: &[u8], at_end: bool) -> usize {
    let begun = (1..=3.min(text.len())).find(|&back| text[text.len() - back] & 0xc0 != 0x80);
    match begun {
        Some(back) if !at_end && std::str::from_utf8(&text[text.len() - back..]).is_err() => {
            // A block of nothing would look like the end; what stands here is no text anyway.
            if back == text.len() { text.len() } else { text.len() - back }
        }
        _ => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &[u8], size: usize, longest: usize) -> Result<Vec<String>, Error> {
        let mut blocks = Blocks::new(text, Path::new("text"), size, longest);
        std::iter::from_fn(|| blocks.next().transpose()).collect()
    }

    #[test]
    fn blocks_are_whole_lines_and_join_to_the_text() {
        let text = "one\ntwo\n\nthree and more\nfour";
        for size in 1..40 {
            let blocks = blocks(text.as_bytes(), size, 1000).unwrap();
            assert_eq!(blocks.concat(), text);
            assert!(blocks[..blocks.len() - 1].iter().all(|block| block.ends_with('\n')));
        }
        assert_eq!(blocks(text.as_bytes(), 10, 1000).unwrap()[0], "one\ntwo\n\n");
        assert!(blocks(b"", 10, 1000).unwrap().is_empty());
    }

    #[test]
    fn lines_without_end_are_cut_between_characters() {
        let text = "我é👍a".repeat(50);
        for longest in 4..20 {
            let blocks = blocks(text.as_bytes(), 4, longest).unwrap();
            assert_eq!(blocks.concat(), text);
            assert!(blocks.iter().all(|block| block.len() <= longest));
        }
    }

    #[test]
    fn what_is_no_text_is_named_with_its_place() {
        for (text, place) in
            [(&b"ab\nc\xffd"[..], "byte 4"), (b"\xff\xff\xff\xff\xff", "byte 0"), (b"abcd\xe4\xbd", "byte 4")]
        {
            let error = blocks(text, 3, 4).unwrap_err().to_string();
            assert_eq!(error, format!("text: {place}: the text stops being UTF-8"));
        }
    }
}
