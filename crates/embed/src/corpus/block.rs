//! A piece of a corpus, and the words in it.

/// Some sentences.
#[derive(Clone, Debug, Default)]
pub struct Block {
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: Marks,
}

/// How words and sentences are parted in the bytes of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Marks {
    /// White space and line ends.
    #[default]
    WhiteSpace,
    /// [`WORD_END`] and [`SENTENCE_END`] after each word and sentence, which may hold white space.
    Explicit,
}

/// Bytes that occur nowhere in UTF-8.
pub(crate) const WORD_END: u8 = 0xff;
pub(crate) const SENTENCE_END: u8 = 0xfe;

/// Target size of a block in bytes.
pub(crate) const BLOCK: usize = 1 << 16;

/// A word, or the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// The UTF-8 bytes of a word.
    Word(&'a [u8]),
    /// A sentence ends here.
    End,
}

impl Block {
    /// Empties the block; words are then added by [`word`](Self::word) and [`end_sentence`](Self::end_sentence).
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.marks = Marks::Explicit;
    }

    /// Adds a word to the sentence at the end. An empty word is left out.
    pub fn word(&mut self, word: &str) {
        if !word.is_empty() {
            self.bytes.extend_from_slice(word.as_bytes());
            self.bytes.push(WORD_END);
        }
    }

    /// Ends the sentence.
    pub fn end_sentence(&mut self) {
        self.bytes.push(SENTENCE_END);
    }

    /// Size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The words and the ends of sentences, in order. The last sentence need not have an end.
    #[must_use]
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens { bytes: &self.bytes, at: 0, marks: self.marks }
    }
}

/// Iterator of the words of a [`Block`].
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    marks: Marks,
}

/// What a byte may begin: part of a word, white space, a line end, or perhaps white space of several bytes.
const WORD: u8 = 0;
const SPACE: u8 = 1;
const LINE: u8 = 2;
const LEAD: u8 = 3;

const CLASS: [u8; 256] = {
    let mut class = [WORD; 256];
    class[b' ' as usize] = SPACE;
    class[b'\t' as usize] = SPACE;
    class[0x0b] = SPACE;
    class[0x0c] = SPACE;
    class[b'\r' as usize] = SPACE;
    class[0] = SPACE; // Parts words in fastText, whose files no word with a zero byte can be written to.
    class[b'\n' as usize] = LINE;
    class[0xc2] = LEAD; // U+0085, U+00A0
    class[0xe1] = LEAD; // U+1680
    class[0xe2] = LEAD; // U+2000..U+205F
    class[0xe3] = LEAD; // U+3000
    class
};

/// Bytes of the white space outside ASCII that starts at `at`, 0 if there is none.
fn wide_space(bytes: &[u8], at: usize) -> usize {
    match bytes[at..] {
        [0xc2, 0x85 | 0xa0, ..] => 2,
        [0xe1, 0x9a, 0x80, ..] | [0xe3, 0x80, 0x80, ..] | [0xe2, 0x81, 0x9f, ..] => 3,
        [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..] => 3,
        _ => 0,
    }
}

/// Bytes of the white space or line end that starts at `at`, 0 if there is none.
pub(super) fn space(bytes: &[u8], at: usize) -> usize {
    match CLASS[usize::from(bytes[at])] {
        WORD => 0,
        LEAD => wide_space(bytes, at),
        _ => 1,
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    #[inline]
    fn next(&mut self) -> Option<Token<'a>> {
        match self.marks {
            Marks::WhiteSpace => self.next_in_text(),
            Marks::Explicit => self.next_marked(),
        }
    }
}

impl<'a> Tokens<'a> {
    #[inline]
    fn next_in_text(&mut self) -> Option<Token<'a>> {
        let bytes = self.bytes;
        let mut start = self.at;
        loop {
            match CLASS[usize::from(*bytes.get(start)?)] {
                WORD => break,
                LINE => {
                    self.at = start + 1;
                    return Some(Token::End);
                }
                SPACE => start += 1,
                _ => match wide_space(bytes, start) {
                    0 => break,
                    length => start += length,
                },
            }
        }
        let mut end = start + 1;
        while let Some(&byte) = bytes.get(end) {
            let class = CLASS[usize::from(byte)];
            if class != WORD && (class != LEAD || wide_space(bytes, end) > 0) {
                break;
            }
            end += 1;
        }
        self.at = end;
        Some(Token::Word(&bytes[start..end]))
    }

    #[inline]
    fn next_marked(&mut self) -> Option<Token<'a>> {
        let rest = &self.bytes[self.at..];
        if *rest.first()? == SENTENCE_END {
            self.at += 1;
            return Some(Token::End);
        }
        let length = rest.iter().position(|&byte| byte == WORD_END)?;
        self.at += length + 1;
        Some(Token::Word(&rest[..length]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Block {
        Block { bytes: text.as_bytes().to_vec(), marks: Marks::WhiteSpace }
    }

    proptest! {
        #[test]
        fn text_is_split_as_std_splits_it(line in "[ab \\t\\r\\u{3000}\\u{2003}\\u{a0}\\u{85}\\u{2028}\\u{200b}é三、々]{0,40}") {
            let block = text(&line);
            let words: Vec<Token<'_>> = block.tokens().collect();
            let expected: Vec<Token<'_>> = line.split_whitespace().map(|word| Token::Word(word.as_bytes())).collect();
            prop_assert_eq!(words, expected);
        }
    }

    #[test]
    fn every_white_space_and_zero_parts_words() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let line = format!("a{c}b");
            let words = text(&line).tokens().filter(|token| *token != Token::End).count();
            let expected = if c == '\0' { 2 } else { line.split_whitespace().count() };
            assert_eq!(words, expected, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn marked_words_keep_white_space() {
        let mut block = Block::default();
        block.clear();
        block.word("New York");
        block.word("");
        block.word("三");
        block.end_sentence();
        let tokens: Vec<_> = block.tokens().collect();
        assert_eq!(tokens, [Token::Word(b"New York"), Token::Word("三".as_bytes()), Token::End]);
    }
}
