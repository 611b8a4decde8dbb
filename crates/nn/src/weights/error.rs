//! What can be wrong with a weight file.

use std::io;
use std::path::PathBuf;

use crate::report::Mismatch;

/// A weight file that could not be read, or does not fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file system said no.
    #[error("weights {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Not a safetensors file, or a damaged one.
    #[error("weights {}: {why}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No tensor of this name.
    #[error("weights {}: no tensor `{name}`", .path.display())]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        name: String,
    },
    /// A tensor of a type that is not wanted here.
    #[error("weights {}: `{name}` holds {found}, expected {expected}", .path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        found: String,
        /// The types that would do.
        expected: &'static str,
    },
    /// The file and the model differ; all differences are listed.
    #[error("weights {}: {}", .path.display(), describe(.missing, .unexpected, .misshaped))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Parameters that are not in the file.
        missing: Vec<String>,
        /// Tensors that are not in the model.
        unexpected: Vec<String>,
        /// Parameters of another shape: name, shape in the model, shape in the file.
        misshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
    },
}

fn describe(
    missing: &[String],
    unexpected: &[String],
    misshaped: &[(String, Vec<usize>, Vec<usize>)],
) -> String {
    Mismatch { missing, unexpected, misshaped }.to_string()
}

/// A weight file that could not be written. The file that was there before is untouched.
#[derive(Debug, thiserror::Error)]
#[error("weights {}: {source}", .path.display())]
pub struct SaveError {
    /// The file.
    pub path: PathBuf,
    /// What the file system said.
    pub source: io::Error,
}
