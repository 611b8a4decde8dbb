//! Optimisers: an update rule per file, one engine for all.
//!
//! A [`Rule`] says what becomes of one parameter, given its gradient and the rule's own buffers. [`Optim`]
//! applies it to a whole model in one parallel region: it finds each parameter's state by path, takes the
//! parameter groups and the clipping factor into account, and saves and restores the state.
//!
//! ```
//! use nn::optim::{AdamW, Groups, Optim, Optimizer};
//! use nn::{Module, Param};
//! use tensor::Tensor;
//!
//! let mut model = Param::new(Tensor::<f32>::full(&[2, 2], 1.0));
//! let mut optim = Optim::new(AdamW::default())?.with_groups(Groups::no_decay_on_1d());
//! for _ in 0..200 {
//!     let loss = model.var().square().sum();
//!     let grads = model.backward(&loss)?;
//!     let norm = optim.step_clipped(&mut model, &grads, 0.01, 1.0)?;
//!     assert!(norm.is_finite());
//! }
//! assert!(model.value().to_vec().iter().all(|w| w.abs() < 0.05));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod engine;
mod groups;
mod lamb;
mod lion;
mod muon;
mod nadam;
mod radam;
mod rmsprop;
mod rule;
mod sgd;
mod split;
mod state;

pub use adadelta::AdaDelta;
pub use adafactor::Adafactor;
pub use adagrad::AdaGrad;
pub use adam::{Adam, AdamW};
pub use engine::{Optim, Optimizer, StepError};
pub use groups::{Group, Groups};
pub use lamb::Lamb;
pub use lion::Lion;
pub use muon::{Muon, MuonScale};
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use rule::{Buffer, Rule, Update};
pub use sgd::Sgd;
pub use split::Split;
pub use state::{OptimizerState, ParameterState, SavedBuffer, StateError};

#[cfg(test)]
mod tests;
