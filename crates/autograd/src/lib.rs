#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod anomaly;
mod case;
mod checkpoint;
mod draw;
mod engine;
mod gradcheck;
mod gradients;
mod ops;
#[cfg(any(test, feature = "proptest"))]
pub mod proptest;
mod var;

pub use anomaly::{Anomaly, Phase, detect_anomaly};
pub use case::{Case, cases};
pub use checkpoint::checkpoint;
pub use draw::Gen;
pub use engine::BackwardError;
pub use gradcheck::{Gradcheck, GradcheckError, GradcheckReport, NamedGradient, Place, gradcheck};
pub use gradients::Gradients;
pub use ops::{Activation, CrossEntropy, Reduction};
pub use var::{LeafId, Var, no_grad};
