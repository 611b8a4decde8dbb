//! Byte-pair encoding over bytes (Gage 1994; Sennrich, Haddow & Birch 2016): merges applied to text.

mod apply;
mod block;
mod budget;
mod cache;
mod joints;
mod merges;
mod model;
mod ranks;
mod sample;

pub use model::{ByteLevelBpe, Merge};
