//! Byte-pair encoding (Gage 1994; Sennrich, Haddow & Birch 2016): from words to counts, from counts to merges, and
//! merges applied to text.

mod cache;
mod corpus;
mod counts;
mod merges;
mod model;
mod trainer;

pub use counts::WordCounts;
pub use model::{ByteLevelBpe, Merge};
pub use trainer::{BpeTrainer, Progress};
