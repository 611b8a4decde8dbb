//! Tokens on disk or in memory, and batches of them.

mod batch;
mod shuffled;
mod source;
mod token_file;

pub use batch::{Batch, RandomWindows, windows};
pub use shuffled::Shuffled;
pub use source::Tokens;
pub use token_file::{TokenFile, TokenWriter};
