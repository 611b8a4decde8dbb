//! What can go wrong between a package and the cache.

use std::io;
use std::path::{Path, PathBuf};

/// An error of `cargo xtask data`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no data set is called `{name}`; `cargo xtask data list` prints those there are{}", nearest(.near))]
    UnknownName { name: String, near: Vec<&'static str> },

    #[error("there is no home folder to keep the cache in; set {variable} to a folder")]
    NoCache { variable: &'static str },

    #[error("`{program}` is needed to fetch {package} and is not installed: {hint}")]
    ClientMissing { program: &'static str, package: String, hint: &'static str },

    #[error(
        "`{command}` failed ({status}). Is the network there, and does the registry still have the package? \
         It said:\n{output}"
    )]
    ClientFailed { command: String, status: String, output: String },

    #[error("{package}: expected {expected}, found {found}")]
    Package { package: String, expected: String, found: String },

    #[error("{path}: SHA-256 differs: expected {expected}, found {found}", path = .path.display())]
    Digest { path: PathBuf, expected: String, found: String },

    #[error("cannot {action} {path}: {source}", path = .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

fn nearest(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!(", among them {}", names.join(", ")) }
}
