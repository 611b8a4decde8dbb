//! From text as people write it to words between blanks.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tokenize::chinese::Segmenter;

use crate::Failure;
use crate::data;

/// A longer line is taken in parts.
const PART: usize = 1 << 20;

/// What are the words of a text
#[derive(Args)]
pub(super) struct WordArgs {
    /// Chinese text is parted into the words of jieba's dictionary
    #[arg(long)]
    zh: bool,
    /// With --zh, another dictionary in jieba's format
    #[arg(long, value_name = "FILE", requires = "zh")]
    dict: Option<PathBuf>,
    /// All letters become small ones
    #[arg(long)]
    lower: bool,
    /// Words are of letters, digits and apostrophes; punctuation is left out
    #[arg(long)]
    letters: bool,
}

impl WordArgs {
    /// The words of some texts in a file without a name, in the folder given; none if the texts are to be read as they are.
    pub(super) fn prepare(&self, texts: &[PathBuf], folder: &Path) -> Result<Option<File>, Failure> {
        if !(self.zh || self.lower || self.letters) {
            return Ok(None);
        }
        let segmenter = if self.zh { Some(self.segmenter()?) } else { None };
        let mut out = BufWriter::new(tempfile::tempfile_in(folder)?);
        for path in texts {
            let written = File::open(path).and_then(|text| self.write(text, segmenter.as_ref(), &mut out));
            written.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(Some(out.into_inner().map_err(io::IntoInnerError::into_error)?))
    }

    fn segmenter(&self) -> Result<Segmenter, Failure> {
        let dictionary = match &self.dict {
            Some(path) => path.clone(),
            None => data::folder("jieba")
                .ok_or("--zh needs jieba's dictionary: `cargo xtask data fetch jieba` obtains it, or name one by --dict")?
                .join("jieba/dict.txt"),
        };
        Ok(Segmenter::from_file(dictionary)?)
    }

    /// Writes the words of a text, a line for each line.
    fn write(&self, text: impl Read, segmenter: Option<&Segmenter>, out: &mut impl Write) -> io::Result<()> {
        let mut reader = BufReader::new(text);
        let mut part = Vec::new();
        let mut is_first = true;
        loop {
            let read = reader.by_ref().take(PART as u64).read_until(b'\n', &mut part)?;
            if part.is_empty() {
                return writeln!(out);
            }
            let is_cut = read > 0 && !part.ends_with(b"\n");
            let rest = part.split_off(if is_cut { last_word(&part) } else { part.len() });
            let line = String::from_utf8_lossy(&part);
            let line = if is_first { line.trim_start_matches('\u{feff}') } else { &line };
            self.write_words(line, segmenter, out)?;
            if line.ends_with('\n') {
                writeln!(out)?;
            }
            (part, is_first) = (rest, false);
        }
    }

    fn write_words(&self, line: &str, segmenter: Option<&Segmenter>, out: &mut impl Write) -> io::Result<()> {
        let line = if self.lower { Cow::from(line.to_lowercase()) } else { line.into() };
        let is_apostrophe = |c: char| c == '\'' || c == '’';
        let is_part = |c: char| !self.letters || c.is_alphanumeric() || is_apostrophe(c);
        let mut write = |word: &str| {
            let word = if self.letters { word.trim_matches(is_apostrophe) } else { word };
            if word.is_empty() { Ok(()) } else { write!(out, "{word} ") }
        };
        for run in line.split(|c: char| c.is_whitespace() || !is_part(c)) {
            match segmenter {
                Some(segmenter) => segmenter.cut(run).try_for_each(|word| write(&run[word]))?,
                None => write(run)?,
            }
        }
        Ok(())
    }
}

/// Where the last word of a part of a line begins, which may go on in the next; without blanks, the last character.
fn last_word(part: &[u8]) -> usize {
    let after_blank = part.iter().rposition(u8::is_ascii_whitespace).map(|at| at + 1);
    after_blank.or_else(|| part.iter().rposition(|&byte| byte & 0xc0 != 0x80)).unwrap_or(part.len())
}

/// Another passage through a file.
pub(super) fn rewound(file: &File) -> io::Result<File> {
    let mut file = file.try_clone()?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(arguments: &WordArgs, text: &[u8]) -> String {
        let segmenter = Segmenter::from_text("曹操 100 nr\n荆州 100 ns\n").unwrap();
        let mut out = Vec::new();
        arguments.write(text, arguments.zh.then_some(&segmenter), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    const NONE: WordArgs = WordArgs { zh: false, dict: None, lower: false, letters: false };

    #[test]
    fn punctuation_and_case_are_left_out_where_asked() {
        let text = "\u{feff}The Association's \"tribunal,\"\n'Tis 1948; don’t.".as_bytes();
        let lower = WordArgs { lower: true, ..NONE };
        assert_eq!(words(&lower, text), "the association's \"tribunal,\" \n'tis 1948; don’t. \n");
        let letters = WordArgs { letters: true, ..NONE };
        assert_eq!(words(&letters, text), "The Association's tribunal \nTis 1948 don’t \n");
    }

    #[test]
    fn chinese_is_parted() {
        let zh = WordArgs { zh: true, ..NONE };
        assert_eq!(words(&zh, "曹操，荆州\n".as_bytes()), "曹操 ， 荆州 \n\n");
        let letters = WordArgs { zh: true, letters: true, ..NONE };
        assert_eq!(words(&letters, "曹操，荆州。".as_bytes()), "曹操 荆州 \n");
    }

    #[test]
    fn a_long_line_is_taken_in_parts() {
        let letters = WordArgs { letters: true, ..NONE };
        let text = "三国 ".repeat(PART / 3);
        assert_eq!(words(&letters, text.as_bytes()), format!("{text}\n"));
        // Bytes that are not UTF-8, at the end too.
        assert_eq!(words(&WordArgs { lower: true, ..NONE }, b"A\xffB\n\xe4\xb8"), "a\u{fffd}b \n\u{fffd} \n");
    }
}
