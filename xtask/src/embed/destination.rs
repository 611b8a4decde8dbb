//! Where files are to be written, tried before the work that they are to hold.

use std::path::{Path, PathBuf};

use crate::Failure;

/// Refuses a file that could not be written in the end, or that is one of the sources.
pub(super) fn check(path: &Path, sources: &[PathBuf]) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(format!("{}: a folder, expected a file", path.display()).into());
    }
    let same = |source: &&PathBuf| match (path.canonicalize(), source.canonicalize()) {
        (Ok(path), Ok(source)) => path == source,
        _ => false,
    };
    if let Some(source) = sources.iter().find(same) {
        return Err(format!("{} would be written over {}", path.display(), source.display()).into());
    }
    // Files are written beside their place, and then moved there.
    let tried = tempfile::tempfile_in(folder(path));
    tried.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    Ok(())
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
