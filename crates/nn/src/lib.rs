//! Layers, losses, optimisers, schedules and weight files.
#![forbid(unsafe_code)]

mod atomic;
mod config;
mod ema;
pub mod init;
mod mode;
mod module;
pub mod optim;
mod param;
mod report;
pub mod schedule;
mod values;
pub mod weights;

pub use atomic::write_atomically;
pub use config::ConfigError;
pub use ema::{Ema, EmaState, EmaStateError, average_into};
pub use mode::Mode;
pub use module::{Module, Path, Visitor, VisitorMut};
pub use param::Param;
#[doc(hidden)]
pub use tensor::Element as __Element;
pub use values::Values;
