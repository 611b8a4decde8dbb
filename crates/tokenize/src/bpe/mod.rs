//! Byte-pair encoding over bytes (Gage 1994; Sennrich, Haddow & Birch 2016): merges applied to text.

mod cache;
mod merges;
mod model;
mod ranks;

pub use model::{ByteLevelBpe, Merge};
