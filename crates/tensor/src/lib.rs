//! N-dimensional arrays for language models.

mod buffer;
mod convert;
mod element;
mod elementwise;
mod format;
pub mod kernels;
pub mod shape;
mod simd;
mod tensor;
mod view;

pub use buffer::release_idle_memory;
pub use element::Element;
pub use simd::{Level, level};
pub use tensor::Tensor;
