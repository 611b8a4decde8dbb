//! word2vec: skip-gram and CBOW.

mod execute;
mod fast;
mod model;
#[cfg(test)]
mod parity;
mod plan;
mod progress;
mod reproducible;
mod run;
mod settings;
mod softmax;
mod state;
#[cfg(test)]
mod tests;
mod trainer;

pub(crate) use execute::{Halfway, Scratch, Shape, Worker};
pub use model::Model;
pub(crate) use plan::{Plan, most_met};
pub use progress::{Progress, Report};
pub use settings::{Architecture, Decay, Mode, Objective, Word2Vec};
pub use trainer::Trainer;
pub(crate) use trainer::initialise;
