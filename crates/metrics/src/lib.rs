#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bootstrap;
mod confusion;
mod error;
mod perplexity;
mod running;

pub use bootstrap::{Interval, bootstrap, bootstrap_mean};
pub use confusion::{ClassScores, ConfusionMatrix, accuracy};
pub use error::Error;
pub use perplexity::{LogLoss, bits_per_byte, perplexity};
pub use running::{ExponentialMean, RunningMean};
