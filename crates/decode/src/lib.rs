#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod beam;
mod error;
mod generate;
pub mod process;
mod sampler;
mod scorer;
mod softmax;
mod stop;

pub use beam::{Beam, BeamSearch, Ending, Hypothesis, LengthPenalty};
pub use error::{ConfigError, Error};
pub use generate::{Generated, Generator, generate, greedy};
pub use process::Process;
pub use sampler::{Sampler, Sampling};
pub use scorer::Scorer;
pub use stop::{Finish, Stop};
