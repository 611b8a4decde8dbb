#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attend;
mod cache;
mod kernel;
mod mask;
//mod multi_head;
mod positions;

pub use attend::{AttendOptions, attend, attend_packed, attend_with, attention_weights};
pub use cache::KvCache;
pub use mask::Mask;
//pub use multi_head::MultiHeadAttention;
pub use positions::sinusoidal;

/// The gradient checks of all operations and layers of this crate.
pub fn cases() -> Vec<autograd::Case> {
    [attend::CASES].concat()
}
