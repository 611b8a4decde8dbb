//! Reading with bounds, writing all or nothing.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A file that is not what it should be.
pub(crate) fn fault(path: &Path, at: impl Into<String>, what: impl Into<String>) -> Error {
    Error::Format { path: path.to_owned(), at: at.into(), what: what.into() }
}

/// A file that is read from front to back, and its size.
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    reader: BufReader<File>,
    /// Bytes read so far.
    pub(crate) at: u64,
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let size = file.metadata().map_err(Error::io(path))?.len();
        Ok(Self { path: path.to_owned(), size, reader: BufReader::with_capacity(1 << 18, file), at: 0 })
    }

    /// Bytes up to and with `end`, or to the end of the file; `false` if there are none left.
    ///
    /// # Errors
    /// If there are more than `limit`; `what` says of what.
    pub(crate) fn until(&mut self, end: u8, limit: usize, what: &str, into: &mut Vec<u8>) -> Result<bool> {
        into.clear();
        let mut bounded = self.reader.by_ref().take(limit as u64 + 1);
        let read = bounded.read_until(end, into).map_err(Error::io(&self.path))?;
        if read > limit {
            let at = format!("byte {}", self.at);
            return Err(fault(&self.path, at, format!("{what} is longer than {limit} bytes")));
        }
        self.at += read as u64;
        Ok(read > 0)
    }

    /// Exactly as many bytes as `into` has; otherwise the number there were.
    pub(crate) fn fill(&mut self, into: &mut [u8]) -> Result<std::result::Result<(), usize>> {
        let mut filled = 0;
        while filled < into.len() {
            match self.reader.read(&mut into[filled..]) {
                Ok(0) => return Ok(Err(filled)),
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io(&self.path)(error)),
            }
        }
        self.at += filled as u64;
        Ok(Ok(()))
    }

    /// Bytes that follow without being taken; none at the end.
    pub(crate) fn peek(&mut self) -> Result<&[u8]> {
        self.reader.fill_buf().map_err(Error::io(&self.path))
    }

    /// Takes bytes that were peeked at.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.reader.consume(bytes);
        self.at += bytes as u64;
    }
}

/// A file under way to its place: written beside it, moved there by [`done`](Self::done), removed if that is not
/// reached.
pub(crate) struct Atomic {
    path: PathBuf,
    temporary: PathBuf,
    writer: Option<BufWriter<File>>,
}

impl Atomic {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary).map_err(Error::io(path))?;
        let writer = Some(BufWriter::with_capacity(1 << 18, file));
        Ok(Self { path: path.to_owned(), temporary, writer })
    }

    /// Writes by `write`, which sees plain I/O errors.
    pub(crate) fn write(
        &mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<()> {
        match &mut self.writer {
            Some(writer) => write(writer).map_err(Error::io(&self.path)),
            None => Ok(()),
        }
    }

    /// Moves the file to its place once the disk has it.
    pub(crate) fn done(mut self) -> Result<()> {
        let io = Error::io(&self.path);
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let written = writer.flush().and_then(|()| writer.get_ref().sync_all());
        let moved = written.and_then(|()| fs::rename(&self.temporary, &self.path));
        if moved.is_err() {
            let _ = fs::remove_file(&self.temporary);
        }
        moved.map_err(io)
    }
}

impl Drop for Atomic {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Numbers as the little-endian bytes that files hold.
pub(crate) fn bytes(values: &[f32]) -> std::borrow::Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        // SAFETY: the same memory; every byte of a float is a valid byte, and bytes may lie anywhere.
        unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) }.into()
    } else {
        values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>().into()
    }
}
