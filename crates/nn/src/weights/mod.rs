//! Weight files in the [safetensors](https://github.com/huggingface/safetensors) format: names are parameter
//! paths, so files go to PyTorch and back.
//!
//! [`save`] writes a whole model; [`load`] reads one and reports everything that does not fit at once;
//! [`load_mapped`] takes files with other names, more or fewer of them; [`WeightsFile`] gives the single tensors.

mod error;
mod file;
mod header;
mod load;
mod save;

pub use error::{LoadError, SaveError};
pub use file::WeightsFile;
pub use load::{LoadReport, load, load_mapped};
pub use save::save;

use std::collections::BTreeMap;

/// Free text by key in the head of a weight file.
pub type Metadata = BTreeMap<String, String>;

#[cfg(test)]
mod tests;
