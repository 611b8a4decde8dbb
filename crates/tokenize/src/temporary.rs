//! Files that are removed when they are no longer wanted.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file under a name that no other has; it goes when this goes, unless it was given a name to stay under.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    path: PathBuf,
    stays: bool,
}

impl TemporaryFile {
    /// A new file in `folder`, open for writing. Never one that is there already, nor what a link points to.
    pub(crate) fn create(folder: &Path) -> io::Result<(Self, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = folder.join(format!(".tokenize-{process}-{count}.tmp"));
            match File::create_new(&path) {
                Ok(file) => return Ok((Self { path, stays: false }, file)),
                // Left by a process that was killed and had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file a name, in place of whatever has it now.
    pub(crate) fn rename(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.stays = true;
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.stays {
            // Nothing to be done if this fails; the file is in a folder for temporary files or has a telling name.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_goes_unless_it_gets_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let (first, mut file) = TemporaryFile::create(folder.path()).unwrap();
        let (second, _) = TemporaryFile::create(folder.path()).unwrap();
        assert_ne!(first.path(), second.path());
        file.write_all(b"text").unwrap();
        first.rename(&folder.path().join("named")).unwrap();
        drop(second);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["named"]);
        assert_eq!(fs::read(folder.path().join("named")).unwrap(), b"text");
        assert!(TemporaryFile::create(&folder.path().join("none")).is_err());
    }
}
