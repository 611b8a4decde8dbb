//! N-dimensional arrays for language models.

mod element;
pub mod kernels;
mod simd;

pub use element::Element;
pub use simd::{Level, level};
