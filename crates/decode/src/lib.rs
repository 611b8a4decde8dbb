#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod any;
mod beam;
mod constrain;
mod contrastive;
mod ensemble;
mod error;
mod generate;
pub mod process;
mod sampler;
mod score;
mod scorer;
mod softmax;
mod stop;

pub use any::{AnyError, AnyScorer, any};
pub use beam::{Beam, BeamSearch, CoveragePenalty, Ending, Hypothesis, LengthPenalty};
#[cfg(feature = "json-schema")]
pub use constrain::json_schema_pattern;
pub use constrain::{Automaton, Constrained};
#[cfg(feature = "regex")]
pub use constrain::{ConstraintError, RegexAutomaton, Vocabulary};
pub use contrastive::{Contrastive, ContrastiveSearch};
pub use ensemble::{Averaging, Ensemble};
pub use error::{ConfigError, Error};
pub use generate::{Generated, Generator, generate, greedy};
pub use process::{Context, Process};
pub use sampler::{Sampler, Sampling};
pub use score::{Scored, score};
pub use scorer::Scorer;
pub use stop::{Finish, Stop};
