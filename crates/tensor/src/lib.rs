#![doc = include_str!("../README.md")]
//!
//! # Reading order
//! [`shape`], then the [`Tensor`] with its views and elementwise operations, reductions, indexing, comparison, products,
//! linear layers and row operations; below them the [`kernels`] they call.

mod bools;
mod buffer;
mod compare;
mod convert;
mod create;
mod element;
mod elementwise;
mod format;
mod ids;
mod index;
mod join;
pub mod kernels;
mod linear;
mod math;
mod matmul;
mod reduce;
mod rows;
pub mod shape;
mod simd;
mod tensor;
#[cfg(test)]
mod test_views;
mod view;

pub use bools::Bools;
pub use buffer::release_idle_memory;
pub use element::Element;
pub use ids::{IdError, Ids};
pub use rows::CrossEntropyLoss;
pub use simd::{Level, level};
pub use tensor::Tensor;
