//! Are the files those that were pinned?

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::Error;
use super::table::Dataset;
use super::unpack::files_under;

/// Compares every wanted file under `folder` with its pinned SHA-256.
pub(super) fn check(set: &Dataset, folder: &Path) -> Result<(), Error> {
    let present = files_under(folder)?;
    for wanted in set.files {
        let files: Vec<_> = present.iter().filter(|path| wanted.matches(path)).collect();
        if files.len() != wanted.count {
            let expected = format!("{} file(s) {}", wanted.count, wanted.path);
            return Err(set.package.unexpected(&expected, &files.len().to_string()));
        }
        let found =
            if wanted.is_pattern() { of_files(folder, &files)? } else { of_file(&folder.join(wanted.path))? };
        if found != wanted.sha256 {
            let path = folder.join(wanted.path);
            return Err(Error::Digest { path, expected: wanted.sha256.to_owned(), found });
        }
    }
    Ok(())
}

/// The SHA-256 of a file, in hexadecimal.
fn of_file(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(|error| Error::io("read", path, error))? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// The SHA-256 of the list of files: a line `DIGEST  PATH` each, in the order given.
fn of_files(folder: &Path, files: &[&String]) -> Result<String, Error> {
    let mut list = Sha256::new();
    for file in files {
        list.update(format!("{}  {file}\n", of_file(&folder.join(file))?));
    }
    Ok(hex(&list.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
        text
    })
}
