//! Files of vectors, read and written.
//!
//! | format | written by | here |
//! |---|---|---|
//! | word2vec text | word2vec, gensim, fastText (`.vec`) | [`Format::Word2VecText`] |
//! | word2vec binary | word2vec, gensim | [`Format::Word2VecBinary`] |
//! | GloVe text: no header | GloVe | [`Format::Glove`] |
//! | NumPy `.npy`, the words beside it, one a line, in a file ending in `.vocab` | NumPy | [`Format::Npy`] |
//! | safetensors: tensors `vectors` `(words, dim)` and `words` (UTF-8, joined by line ends), and the index of the words | this crate | [`Format::Safetensors`] |
//!
//! [`Vectors::load`] tells them apart by what is in them. [`Vectors::open`] maps the last two into memory: the
//! vectors come when they are used, and several processes share them.
//!
//! # What opens at once
//! A safetensors file written here has beside its words an index of them, so that nothing but the header is read
//! when it is opened, whatever its size: words and vectors are looked up in place. The index is two tensors more,
//! `word_ends` and `word_slots`, some 25 bytes a word. Without them (in a file that another program wrote), and for
//! `.npy`, the words are read, but not the vectors.
//!
//! word2vec's binary format cannot be mapped: each word stands before its numbers, so that the place of a vector is
//! known only once all before it have been read, and the numbers are not aligned. Reading such a file once, and saving
//! it as safetensors, is what makes it open at once from then on. (The same holds for texts.)
//!
//! # Faults
//! A file is checked before memory is taken for it, so that none is ever taken beyond a small multiple of the file's
//! size: a header that promises more words than the file can hold, too few or too many vectors, a line with too few
//! numbers, a number that is not finite, words that occur twice and bytes that are not UTF-8 are errors that say
//! where. [`Load`] can be told to keep the first of two equal words, and to replace invalid bytes. A line end missing
//! at the end, blanks at line ends, `\r\n`, a byte order mark, and line ends between binary vectors or none are all
//! fine.
//!
//! A first line of two numbers is a header, or an error; a file of GloVe's whose first word is a number and has but one
//! dimension is told by [`Load::format`]. In a text, a word may hold blanks (`at name@domain.com` and `. . .` are words
//! of GloVe's), but what follows a blank in it may not be a number: a line with too many of them is an error, whether
//! it lacks its end or the line before was cut.
//!
//! Files are written beside their place and then moved there: whoever interrupts that leaves the old file.

mod binary;
mod file;
mod npy;
mod tensors;
mod text;

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};

pub(crate) use file::{Atomic, Input, bytes, fault};
pub(crate) use tensors::{Tensors, add_words, floats, write_tensors};

use crate::corpus::{BYTE_ORDER_MARK, InvalidUtf8};
use crate::vectors::Data;
use crate::{Error, Result, Vectors, Words};

/// How vectors lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A line with the number of words and of dimensions, then a line for each word: the word and its numbers.
    /// fastText's `.vec` is the same.
    Word2VecText,
    /// The same first line, then for each word the word, a blank, and its numbers as little-endian `f32`.
    Word2VecBinary,
    /// A line for each word, without a first line that says how many.
    Glove,
    /// A matrix in NumPy's format; the words, one a line, in a file of the same name that ends in `.vocab`.
    Npy,
    /// A matrix and its words in one file that can be mapped into memory.
    Safetensors,
}

impl Format {
    /// The format that a file name's ending stands for, if one does: `.bin`, `.txt`, `.vec`, `.glove`, `.npy`,
    /// `.safetensors`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()? {
            "txt" | "vec" => Self::Word2VecText,
            "bin" => Self::Word2VecBinary,
            "glove" => Self::Glove,
            "npy" => Self::Npy,
            "safetensors" => Self::Safetensors,
            _ => return None,
        })
    }

    /// Tells the format by the first bytes of a file.
    fn guess(path: &Path) -> Result<Self> {
        let mut start = Vec::new();
        let mut file = std::fs::File::open(path).map_err(Error::io(path))?;
        let mut read = |bytes, start: &mut Vec<u8>| {
            file.by_ref().take(bytes).read_to_end(start).map_err(Error::io(path))
        };
        read(16, &mut start)?;
        if start.starts_with(npy::MAGIC) {
            return Ok(Self::Npy);
        }
        // Eight bytes of length, then JSON.
        if start.len() > 9 && start[4..8] == [0; 4] && start[8] == b'{' {
            return Ok(Self::Safetensors);
        }
        let others = [
            (crate::FastText::is_start(&start), "a model of fastText: `FastText::load` reads it"),
            (crate::Quantised::is_start(&start), "quantised vectors: `Quantised::load` reads them"),
        ];
        if let Some((_, what)) = others.iter().find(|(is_it, _)| *is_it) {
            return Err(fault(path, "the file", format!("it holds {what}")));
        }
        read(1 << 20, &mut start)?;
        let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start);
        let mut lines = start.splitn(2, |&byte| byte == b'\n');
        let line = lines.next().unwrap_or_default();
        let Some((_, dim)) = text::parse_header(line) else {
            // The reader says what is wrong with a header.
            return Ok(if text::is_two_numbers(line) { Self::Word2VecText } else { Self::Glove });
        };
        let row = lines.next().unwrap_or_default().split(|&byte| byte == b'\n').next().unwrap_or_default();
        Ok(if row.is_empty() || text::is_row(row, dim) { Self::Word2VecText } else { Self::Word2VecBinary })
    }
}

/// What becomes of a word that occurs a second time in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// [`Error::DuplicateWord`].
    #[default]
    Refuse,
    /// The first vector is kept, as gensim does.
    KeepFirst,
}

/// How to read a file of vectors.
///
/// ```
/// use embed::io::{Duplicates, Load};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("vectors.txt");
/// std::fs::write(&path, "4 2\na 0 1\nb 1 0\na 7 7\nc 1 1\n").unwrap();
/// assert!(Load::new().file(&path).unwrap_err().to_string().contains("\"a\""));
/// let vectors = Load::new().duplicates(Duplicates::KeepFirst).limit(3).file(&path)?;
/// assert!(vectors.words().iter().eq(["a", "b"]));
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Load {
    format: Option<Format>,
    limit: Option<usize>,
    duplicates: Duplicates,
    invalid: InvalidUtf8,
}

impl Load {
    /// Any format; all words; words that occur twice and invalid UTF-8 are errors.
    #[must_use]
    pub fn new() -> Self {
        Self { invalid: InvalidUtf8::Refuse, ..Self::default() }
    }

    /// Only this format, where it cannot be told by the content or must not be another.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Only the first `limit` vectors of the file: of files sorted by frequency, those of the most frequent words.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// What becomes of words that occur twice.
    #[must_use]
    pub fn duplicates(mut self, duplicates: Duplicates) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// What becomes of bytes that are not UTF-8.
    #[must_use]
    pub fn invalid_utf8(mut self, invalid: InvalidUtf8) -> Self {
        self.invalid = invalid;
        self
    }

    /// Reads a file into memory.
    ///
    /// # Errors
    /// If the file cannot be read or is not whole; see the [module](self).
    pub fn file(&self, path: impl AsRef<Path>) -> Result<Vectors> {
        let path = path.as_ref();
        match self.format.map_or_else(|| Format::guess(path), Ok)? {
            Format::Word2VecText => text::read(self, path, true),
            Format::Glove => text::read(self, path, false),
            Format::Word2VecBinary => binary::read(self, path),
            Format::Npy => npy::read(self, path, false),
            Format::Safetensors => tensors::read(self, path, false),
        }
    }

    /// How many of `count` vectors are wanted.
    fn wanted(&self, count: usize) -> usize {
        self.limit.map_or(count, |limit| limit.min(count))
    }

    /// The words of a matrix of `rows`, one a line, those wanted.
    fn words_of_lines(&self, path: &Path, text: &[u8], rows: usize) -> Result<Named> {
        let mut named = Named { words: Words::new(), left_out: Vec::new() };
        let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n');
        let mut found = 0;
        for line in lines.filter(|_| !text.is_empty()) {
            if found < self.wanted(rows) {
                let at = || format!("line {}", found + 1);
                let word = self.decode(path, line.strip_suffix(b"\r").unwrap_or(line), &at)?;
                if !self.is_new(path, &mut named.words, &word, &at)? {
                    named.left_out.push(found);
                }
            }
            found += 1;
        }
        if found != rows {
            return Err(fault(path, "the words", format!("{found} words for {rows} rows")));
        }
        Ok(named)
    }

    /// The text of a word.
    fn decode<'w>(&self, path: &Path, word: &'w [u8], at: &dyn Fn() -> String) -> Result<Cow<'w, str>> {
        match (std::str::from_utf8(word), self.invalid) {
            (Ok(word), _) => Ok(word.into()),
            (Err(_), InvalidUtf8::Replace) => Ok(String::from_utf8_lossy(word)),
            (Err(error), InvalidUtf8::Refuse) => {
                let what = format!("the word is not UTF-8 at its byte {}", error.valid_up_to());
                Err(fault(path, at(), what))
            }
        }
    }

    /// Adds a word; `false` if it is there already and may be left out.
    fn is_new(&self, path: &Path, words: &mut Words, word: &str, at: &dyn Fn() -> String) -> Result<bool> {
        let (first, is_new) = words.insert(word)?;
        if is_new || self.duplicates == Duplicates::KeepFirst {
            return Ok(is_new);
        }
        Err(fault(path, at(), format!("{word:?} is also word {}", first + 1)))
    }

    /// The words and vectors read so far.
    fn rows(&self, path: &Path, dim: usize) -> Rows<'_> {
        Rows { load: self, path: path.to_owned(), dim, words: Words::new(), data: Vec::new(), read: 0 }
    }
}

/// Vectors as they are read.
struct Rows<'a> {
    load: &'a Load,
    path: PathBuf,
    dim: usize,
    words: Words,
    data: Vec<f32>,
    /// Rows seen, those left out too.
    read: usize,
}

impl Rows<'_> {
    /// Adds a word, whose vector has been pushed to `data` already; `at` says where.
    fn add(&mut self, word: &[u8], at: &dyn Fn() -> String) -> Result<()> {
        let start = self.words.len() * self.dim;
        let word = self.load.decode(&self.path, word, at)?;
        if word.is_empty() {
            return Err(fault(&self.path, at(), "there is no word"));
        }
        if let Some(i) = self.data[start..].iter().position(|x| !x.is_finite()) {
            let what =
                format!("number {} of {word:?} is {}, expected finite ones", i + 1, self.data[start + i]);
            return Err(fault(&self.path, at(), what));
        }
        if !self.load.is_new(&self.path, &mut self.words, &word, at)? {
            self.data.truncate(start);
        }
        self.read += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Vectors> {
        self.data.shrink_to_fit();
        if self.words.is_empty() {
            return Err(fault(&self.path, "the file", "there are no vectors"));
        }
        Vectors::new(self.words, self.dim, self.data)
    }
}

/// The words of a matrix, and which of its rows are left out for having the word of an earlier one.
struct Named {
    words: Words,
    left_out: Vec<usize>,
}

/// Puts a matrix and its words, which may be those of its first rows, together.
fn whole(path: &Path, Named { words, left_out }: Named, dim: usize, data: Data) -> Result<Vectors> {
    if words.is_empty() || dim == 0 {
        return Err(fault(path, "the matrix", format!("{} words of {dim} dimensions", words.len())));
    }
    let rows = words.len() + left_out.len();
    let data = if rows * dim < data.as_slice().len() || !left_out.is_empty() {
        let is_kept = |(row, _): &(usize, _)| left_out.binary_search(row).is_err();
        let kept = data.as_slice().chunks_exact(dim).take(rows).enumerate().filter(is_kept);
        Data::Owned(kept.flat_map(|(_, values)| values).copied().collect())
    } else {
        data
    };
    let vectors = Vectors::from_data(words, dim, data);
    // What is mapped stays on the disk until it is used.
    if !vectors.is_mapped() {
        check_numbers(path, &vectors)?;
    }
    Ok(vectors)
}

/// Refuses numbers that are not finite.
fn check_numbers(path: &Path, vectors: &Vectors) -> Result<()> {
    let Some(at) = vectors.not_finite() else { return Ok(()) };
    let (row, column) = (at / vectors.dim(), at % vectors.dim());
    let what = format!(
        "number {} of {:?} is {}, expected finite ones",
        column + 1,
        vectors.word(row),
        vectors.data()[at]
    );
    Err(fault(path, "the matrix", what))
}

/// The words of a matrix, one a line; there must be `rows`.
pub(crate) fn words_of_lines(path: &Path, text: &[u8], rows: usize) -> Result<Words> {
    Ok(Load::new().words_of_lines(path, text, rows)?.words)
}

impl Vectors {
    /// Reads a file in any [`Format`] into memory.
    ///
    /// # Errors
    /// If the file cannot be read or is not whole; see the [module](self).
    ///
    /// ```
    /// use embed::{Vectors, Words, io::Format};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("vectors.bin");
    ///
    /// let vectors = Vectors::new(Words::from_words(["up", "down"])?, 2, vec![0.0, 1.0, 0.0, -1.0])?;
    /// vectors.save(&path, Format::Word2VecBinary)?; // gensim: KeyedVectors.load_word2vec_format(path, binary=True)
    /// assert_eq!(Vectors::load(&path)?, vectors);
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Load::new().file(path)
    }

    /// Maps a `.npy` or safetensors file into memory: at once, whatever its size, if it is a safetensors file that
    /// was written here; of others the words are read (see the [module](self)).
    ///
    /// Vectors are not checked for numbers that are not finite ([`check_finite`](Self::check_finite) does). A file that was written by a machine or a
    /// program that aligns or orders its numbers in another way is read in place of being mapped.
    ///
    /// The file must not be changed or cut while it is mapped: what is read then is not defined, and on some
    /// systems ends the program. Replacing it by another (as [`save`](Self::save) does) is fine.
    ///
    /// # Errors
    /// If the file cannot be opened, is in another format, or is not whole.
    ///
    /// ```
    /// use embed::{Vectors, Words, io::Format};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("vectors.safetensors");
    ///
    /// let vectors = Vectors::new(Words::from_words(["up", "down"])?, 2, vec![0.0, 1.0, 0.0, -1.0])?;
    /// vectors.save(&path, Format::Safetensors)?;
    /// let mapped = Vectors::open(&path)?;
    /// assert!(mapped.is_mapped());
    /// assert_eq!(mapped.get("down"), Some(&[0.0, -1.0][..]));
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match Format::guess(path)? {
            Format::Npy => npy::read(&Load::new(), path, true),
            Format::Safetensors => tensors::read(&Load::new(), path, true),
            other => {
                let what = format!("{other:?} cannot be mapped: expected .npy or safetensors");
                Err(fault(path, "the file", what))
            }
        }
    }

    /// Writes a file, or none at all; for [`Format::Npy`] also the words, beside it.
    ///
    /// # Errors
    /// If the file cannot be written, a number is not finite, or a word has white space, which only safetensors and
    /// `.npy` can hold (line ends not even those).
    pub fn save(&self, path: impl AsRef<Path>, format: Format) -> Result<()> {
        let path = path.as_ref();
        let is_free = matches!(format, Format::Npy | Format::Safetensors);
        let breaks = |c: char| if is_free { c == '\n' } else { c.is_ascii_whitespace() };
        let is_lost = |word: &&str| word.is_empty() || word.contains(breaks) || word.ends_with('\r');
        if let Some(word) = self.words().iter().find(is_lost) {
            let what = format!("{word:?} cannot be written in the format {format:?}");
            return Err(fault(path, "the words", what));
        }
        check_numbers(path, self)?;
        match format {
            Format::Word2VecText => text::write(self, path, true),
            Format::Glove => text::write(self, path, false),
            Format::Word2VecBinary => binary::write(self, path),
            Format::Npy => npy::write(self, path),
            Format::Safetensors => tensors::write(self, path),
        }
    }
}
