#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod chart;
mod checkpoint;
mod data;
mod early_stop;
mod error;
#[cfg(test)]
mod failing;
mod interrupt;
mod metrics_file;
mod progress;
mod step;

pub use checkpoint::{Checkpoint, Checkpoints, Latest, Named, average, verify};
pub use data::{Batch, RandomWindows, Shuffled, TokenFile, TokenWriter, Tokens, windows};
pub use early_stop::{EarlyStop, Verdict};
pub use error::{Error, Mismatch};
pub use interrupt::Interrupt;
pub use metrics_file::{MetricsFile, Record};
pub use progress::Progress;
pub use step::{Accumulator, evaluate, finite};
