//! Text in files, in memory, from readers.

use std::fs::File;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::block::Block;
use super::lines::Lines;
use super::{Corpus, InvalidUtf8, Source};
use crate::{Error, Result};

/// Text in a string, a sentence a line.
///
/// ```
/// use embed::{Text, Vocab, VocabSettings};
///
/// let vocab = Vocab::count(&Text("the king\nthe queen\n"), &VocabSettings::min_count(1))?;
/// assert_eq!(vocab.count_of("the"), Some(2));
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a str);

impl Corpus for Text<'_> {
    fn open(&self) -> Result<Box<dyn Source + '_>> {
        Ok(Box::new(Lines::new(self.0.as_bytes(), "the text".to_owned(), InvalidUtf8::Refuse)))
    }
}

/// Text files, one after the other, a sentence a line.
#[derive(Clone, Debug)]
pub struct TextFiles {
    paths: Vec<PathBuf>,
    invalid: InvalidUtf8,
}

impl TextFiles {
    /// These files, in this order. They are opened when they are read.
    pub fn new<I>(paths: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<Path>,
    {
        Self {
            paths: paths.into_iter().map(|path| path.as_ref().to_owned()).collect(),
            invalid: InvalidUtf8::default(),
        }
    }

    /// One file.
    pub fn one(path: impl AsRef<Path>) -> Self {
        Self::new([path])
    }

    /// What becomes of bytes that are not UTF-8; they are replaced unless said otherwise.
    #[must_use]
    pub fn invalid_utf8(mut self, invalid: InvalidUtf8) -> Self {
        self.invalid = invalid;
        self
    }
}

impl Corpus for TextFiles {
    fn open(&self) -> Result<Box<dyn Source + '_>> {
        Ok(Box::new(OpenFiles { files: self, next: 0, lines: None }))
    }
}

struct OpenFiles<'a> {
    files: &'a TextFiles,
    next: usize,
    lines: Option<Lines<File>>,
}

impl Source for OpenFiles<'_> {
    fn read(&mut self, block: &mut Block) -> Result<bool> {
        loop {
            if let Some(lines) = &mut self.lines {
                let path = &self.files.paths[self.next - 1];
                let read = lines.read(block).map_err(|error| match error {
                    Error::Read(source) => Error::Io { path: path.clone(), source },
                    other => other,
                });
                if read? {
                    return Ok(true);
                }
            }
            let Some(path) = self.files.paths.get(self.next) else { return Ok(false) };
            let file = File::open(path).map_err(Error::io(path))?;
            self.lines = Some(Lines::new(file, path.display().to_string(), self.files.invalid));
            self.next += 1;
        }
    }
}

/// Text from readers (a decompressor, a socket), a sentence a line: a function opens a new one for each passage.
///
/// ```
/// use embed::{Readers, Vocab, VocabSettings};
///
/// let corpus = Readers::new(|| Ok(&b"to be or not to be"[..]));
/// assert_eq!(Vocab::count(&corpus, &VocabSettings::min_count(1))?.count_of("be"), Some(2));
/// # Ok::<(), embed::Error>(())
/// ```
pub struct Readers<F, R> {
    open: F,
    reader: PhantomData<fn() -> R>,
    invalid: InvalidUtf8,
}

impl<F, R> Readers<F, R>
where
    F: Fn() -> io::Result<R> + Sync,
    R: Read + Send,
{
    /// Reads what `open` opens.
    pub fn new(open: F) -> Self {
        Self { open, reader: PhantomData, invalid: InvalidUtf8::default() }
    }

    /// What becomes of bytes that are not UTF-8; they are replaced unless said otherwise.
    #[must_use]
    pub fn invalid_utf8(mut self, invalid: InvalidUtf8) -> Self {
        self.invalid = invalid;
        self
    }
}

impl<F, R> Corpus for Readers<F, R>
where
    F: Fn() -> io::Result<R> + Sync,
    R: Read + Send,
{
    fn open(&self) -> Result<Box<dyn Source + '_>> {
        let reader = (self.open)().map_err(Error::Read)?;
        Ok(Box::new(Lines::new(reader, "the reader".to_owned(), self.invalid)))
    }
}
