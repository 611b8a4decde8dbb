//! Reading and writing whole files.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::error::Error;
use crate::temporary::TemporaryFile;

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    text(&path.display().to_string(), read_bytes(path)?)
}

/// The bytes of a file as text.
pub(super) fn text(file: &str, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|error| {
        let error = error.utf8_error();
        Error::format(file, format!("byte {}", error.valid_up_to()), "the text stops being UTF-8")
    })
}

/// The bytes of a file.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// Writes a file such that at any moment either the old content or the new is there: to a temporary file beside it,
/// synced, then renamed over it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    try_write(path, content.as_ref()).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn try_write(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (temporary, mut file) = TemporaryFile::create(directory)?;
    file.write_all(content)?;
    file.sync_all()?;
    temporary.rename(path)?;
    // The rename itself is on the disk once the directory is.
    #[cfg(unix)]
    fs::File::open(directory)?.sync_all()?;
    Ok(())
}
