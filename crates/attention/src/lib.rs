#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attend;
mod cache;
mod case;
mod kernel;
mod mask;
mod multi_head;
mod positions;

pub use attend::{AttendOptions, attend, attend_packed, attend_with, attention_weights};
pub use cache::KvCache;
pub use case::cases;
pub use mask::Mask;
pub use multi_head::MultiHeadAttention;
pub use positions::sinusoidal;
