//! Files that are either wholly there or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A file being written: bytes go through `W`, which tests replace by one that fails.
pub(crate) trait Sink: Write + Seek {
    /// Makes everything written durable.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Where the content of `path` is written before it gets its name: in the same directory, since a rename is
/// atomic only within one file system.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Writes a file so that at every moment, whatever happens to process or machine, `path` holds its old or its
/// new content, never a part: into a temporary file, synced, renamed, the directory synced.
pub(crate) fn write_atomic(
    path: &Path,
    body: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    write_atomic_through(path, |file| file, body)
}

/// [`write_atomic`] with a wrapper around the temporary file.
pub(crate) fn write_atomic_through<W: Sink>(
    path: &Path,
    wrap: impl FnOnce(File) -> W,
    body: impl FnOnce(&mut BufWriter<W>) -> io::Result<()>,
) -> Result<(), Error> {
    let temporary = temporary(path);
    let written = File::create(&temporary).and_then(|file| {
        let mut writer = BufWriter::with_capacity(1 << 20, wrap(file));
        let result = body(&mut writer).and_then(|()| writer.flush()).and_then(|()| writer.get_mut().sync());
        // Not dropped with data left in it: a buffer that failed would be written again.
        let _ = writer.into_parts();
        result
    });
    let finished = written.and_then(|()| fs::rename(&temporary, path)).and_then(|()| sync_directory(path));
    if finished.is_err() {
        // The error matters more than a leftover; and where the disk is full, the space is needed.
        let _ = fs::remove_file(&temporary);
    }
    finished.map_err(Error::io(path))
}

/// Makes a rename or removal in the directory of `path` durable. Only Unix lets one open a directory.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::SeekFrom;

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

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_atomic(&path, |w| w.write_all(b"old")).unwrap();
        let full = |file| Failing { file, left: 5 };
        let error = write_atomic_through(&path, full, |w| w.write_all(b"longer than that")).unwrap_err();
        assert!(error.to_string().contains("file: "), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        write_atomic(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_atomic(&dir.path().join("none/file"), |w| w.write_all(b"x")).unwrap_err();
        assert!(matches!(error, Error::Io { .. }));
    }
}
