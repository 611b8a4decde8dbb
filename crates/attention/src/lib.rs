#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attend;
mod cache;
mod case;
mod coverage;
#[cfg(test)]
mod goldens;
mod kernel;
mod local;
mod mask;
mod multi_head;
mod positions;
mod score;
mod steps;

pub use attend::{AttendOptions, attend, attend_packed, attend_with, attention_weights};
pub use cache::KvCache;
pub use case::cases;
pub use coverage::{CoverageAttention, copy_log_probs, coverage_loss};
pub use local::LocalAttention;
pub use mask::Mask;
pub use multi_head::MultiHeadAttention;
pub use positions::sinusoidal;
pub use score::{Attended, Score, ScoreKind, Source, SourceAttention};
pub use steps::{additive_scores, dot_scores, normalise, scaled_dot_scores, weighted_sum};
