//! Takes the wanted files out of a package.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use super::client::Download;
use super::error::Error;
use super::table::Dataset;

/// Writes the files that `set` wants under `staged`, at their paths within the package.
pub(super) fn unpack(download: &Download, set: &Dataset, staged: &Path) -> Result<(), Error> {
    match download {
        Download::Folder(folder) => from_folder(folder, set, staged),
        Download::Zip(archive) => from_zip(archive, set, staged),
        Download::TarGz(archive) => from_tar_gz(archive, set, staged),
    }
}

fn from_folder(folder: &Path, set: &Dataset, staged: &Path) -> Result<(), Error> {
    for path in files_under(folder)?.iter().filter(|path| set.wants(path)) {
        let source = folder.join(path);
        let file = File::open(&source).map_err(|error| Error::io("open", &source, error))?;
        write(file, path, staged)?;
    }
    Ok(())
}

fn from_zip(archive: &Path, set: &Dataset, staged: &Path) -> Result<(), Error> {
    let unreadable = |error: zip::result::ZipError| Error::io("read", archive, error.into());
    let file = File::open(archive).map_err(|error| Error::io("open", archive, error))?;
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
    for i in 0..zip.len() {
        let entry = zip.by_index(i).map_err(unreadable)?;
        let path = entry.name().map_err(unreadable)?.into_owned();
        if entry.is_file() && set.wants(&path) {
            write(entry, &path, staged)?;
        }
    }
    Ok(())
}

fn from_tar_gz(archive: &Path, set: &Dataset, staged: &Path) -> Result<(), Error> {
    let unreadable = |error: io::Error| Error::io("read", archive, error);
    let file = File::open(archive).map_err(|error| Error::io("open", archive, error))?;
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    for entry in tar.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?.to_string_lossy().into_owned();
        // Without the folder that all paths begin with.
        let path = path.split_once('/').map_or("", |(_, rest)| rest);
        if entry.header().entry_type().is_file() && set.wants(path) {
            write(entry, path, staged)?;
        }
    }
    Ok(())
}

/// Writes a file of the package, whose path must stay inside `staged`.
fn write(mut content: impl Read, path: &str, staged: &Path) -> Result<(), Error> {
    let target = staged.join(path);
    if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
        let outside = io::Error::new(io::ErrorKind::InvalidData, "the path leads out of its folder");
        return Err(Error::io("unpack", &target, outside));
    }
    let folder = target.parent().unwrap_or(staged);
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, error))?;
    let mut file = File::create(&target).map_err(|error| Error::io("create", &target, error))?;
    io::copy(&mut content, &mut file).map_err(|error| Error::io("write", &target, error))?;
    Ok(())
}

/// The paths of all files under `folder`, relative to it, with `/` between the parts, sorted.
pub(crate) fn files_under(folder: &Path) -> Result<Vec<String>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let path = folder.join(&relative);
        for entry in std::fs::read_dir(&path).map_err(|error| Error::io("read", &path, error))? {
            let entry = entry.map_err(|error| Error::io("read", &path, error))?;
            let kind = entry.file_type().map_err(|error| Error::io("read", &entry.path(), error))?;
            let relative = relative.join(entry.file_name());
            if kind.is_dir() {
                folders.push(relative);
            } else if kind.is_file() {
                let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
                files.push(parts.join("/"));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::data::client::{Client, Package};
    use crate::data::digest;
    use crate::data::table::Wanted;

    /// Two lines and two leaves; `printf 'one\n' | sha256sum` and so on.
    const SET: Dataset = Dataset {
        name: "tiny",
        what: "a test",
        licence: "none",
        package: Package { client: Client::Npm, name: "tiny", version: "1.0.0" },
        files: &[
            Wanted {
                path: "text/one.txt",
                count: 1,
                bytes: 4,
                sha256: "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806",
            },
            Wanted {
                path: "leaves/*.txt",
                count: 2,
                bytes: 4,
                sha256: "020b7a5d6b51b12aa259ba4f98f99925cb93746ef188641cf8891f1570bb6c5d",
            },
        ],
    };
    const FILES: [(&str, &str); 4] = [
        ("text/one.txt", "one\n"),
        ("leaves/b.txt", "b\n"),
        ("leaves/a.txt", "a\n"),
        ("other.txt", "not wanted"),
    ];

    fn tar_gz(prefix: &str, path: &Path) {
        let mut tar = tar::Builder::new(GzEncoder::new(File::create(path).unwrap(), Compression::default()));
        for (name, content) in FILES {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("{prefix}/{name}"), content.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
    }

    fn zip(path: &Path) {
        let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
        for (name, content) in FILES {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn every_kind_of_package_gives_the_wanted_files() {
        let scratch = tempfile::tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        tar_gz("package", &path("a.tgz"));
        zip(&path("a.whl"));
        for (name, content) in FILES {
            std::fs::create_dir_all(path("folder").join(name).parent().unwrap()).unwrap();
            std::fs::write(path("folder").join(name), content).unwrap();
        }
        for (kind, download) in [
            ("tgz", Download::TarGz(path("a.tgz"))),
            ("whl", Download::Zip(path("a.whl"))),
            ("dir", Download::Folder(path("folder"))),
        ] {
            let staged = path("staged").join(kind);
            unpack(&download, &SET, &staged).unwrap();
            assert_eq!(
                files_under(&staged).unwrap(),
                ["leaves/a.txt", "leaves/b.txt", "text/one.txt"],
                "{kind}"
            );
            digest::check(&SET, &staged).unwrap();
        }
    }

    #[test]
    fn a_changed_file_is_refused_with_both_digests() {
        let scratch = tempfile::tempdir().unwrap();
        tar_gz("package", &scratch.path().join("a.tgz"));
        let staged = scratch.path().join("staged");
        unpack(&Download::TarGz(scratch.path().join("a.tgz")), &SET, &staged).unwrap();

        std::fs::write(staged.join("text/one.txt"), "two\n").unwrap();
        let error = digest::check(&SET, &staged).unwrap_err().to_string();
        assert!(error.contains("one.txt: SHA-256 differs"), "{error}");
        assert!(error.contains(SET.files[0].sha256), "{error}");
        assert!(
            error.contains("27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a"),
            "{error}"
        );

        std::fs::write(staged.join("text/one.txt"), "one\n").unwrap();
        std::fs::write(staged.join("leaves/a.txt"), "c\n").unwrap();
        assert!(matches!(digest::check(&SET, &staged), Err(Error::Digest { .. })));

        std::fs::remove_file(staged.join("leaves/a.txt")).unwrap();
        let error = digest::check(&SET, &staged).unwrap_err().to_string();
        assert_eq!(error, "npm package tiny 1.0.0: expected 2 file(s) leaves/*.txt, found 1");
    }

    #[test]
    fn a_path_may_not_leave_its_folder() {
        let scratch = tempfile::tempdir().unwrap();
        for path in ["../a", "/a", "b/../../a"] {
            let error = write(&b"x"[..], path, &scratch.path().join("staged")).unwrap_err().to_string();
            assert!(error.contains("leads out of its folder"), "{error}");
        }
        assert!(!scratch.path().join("a").exists());
    }

    #[test]
    fn a_broken_archive_is_an_error_that_names_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("broken");
        std::fs::write(&path, "no archive").unwrap();
        for download in [Download::TarGz(path.clone()), Download::Zip(path.clone())] {
            let error = unpack(&download, &SET, scratch.path()).unwrap_err().to_string();
            assert!(error.contains("cannot read") && error.contains("broken"), "{error}");
        }
    }
}
