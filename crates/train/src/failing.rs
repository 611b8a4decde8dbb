//! A disk that fills up while a file is written.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use nn::atomic::Sink;

/// A file on a disk with room for `left` more bytes.
pub(crate) struct Failing {
    pub(crate) file: File,
    pub(crate) left: usize,
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let written = self.file.write(&bytes[..bytes.len().min(self.left)])?;
        self.left -= written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Sink for Failing {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}
