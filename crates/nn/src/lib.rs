//! Layers, losses, optimisers, schedules and weight files.
#![forbid(unsafe_code)]

mod mode;
mod module;
mod param;

pub use mode::Mode;
pub use module::{Module, Path, Visitor, VisitorMut};
pub use param::Param;
#[doc(hidden)]
pub use tensor::Element as __Element;
