//! Files that are either wholly there or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// A file being written. Bytes go through it, so that a test can replace the file by one whose disk is full.
pub trait Sink: Write + Seek {
    /// Makes everything written durable.
    ///
    /// # Errors
    /// Those of the file system.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Where the content of `path` is written before it gets its name: `NAME.tmp` in the same directory, since a rename
/// is atomic only within one file system. The name is always the same, so that what a killed process left is
/// overwritten by the next.
pub fn temporary_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Writes a file so that at every moment, whatever happens to process or machine, `path` holds its old or its
/// new content, never a part: into a temporary file, synced, renamed, the directory synced. On failure (disk full,
/// an error of `body`) the old file is untouched and the temporary one removed.
///
/// ```
/// use std::io::Write;
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join("notes.txt");
/// nn::write_atomically(&path, |out| out.write_all(b"all or nothing"))?;
/// assert_eq!(std::fs::read(&path)?, b"all or nothing");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Those of the file system and of `body`.
pub fn write_atomically(
    path: &Path,
    body: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    write_atomically_through(path, |file| file, body)
}

/// [`write_atomically`] with a wrapper around the temporary file.
///
/// # Errors
/// Those of the file system, of the wrapper and of `body`.
pub fn write_atomically_through<W: Sink>(
    path: &Path,
    wrap: impl FnOnce(File) -> W,
    body: impl FnOnce(&mut BufWriter<W>) -> io::Result<()>,
) -> io::Result<()> {
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    }
    let temporary = temporary_path(path);
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
    finished
}

/// Makes a rename or removal in the directory of `path` durable. Only Unix lets one open a directory.
///
/// # Errors
/// Those of the file system.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_atomically(&path, |out| {
            out.write_all(b"new, but not all of it")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        write_atomically(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write_atomically(&dir.path().join("no/such/file"), |_| Ok(())).is_err());
        assert!(write_atomically(Path::new("/"), |_| Ok(())).is_err());
    }
}
