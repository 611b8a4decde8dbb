//! word2vec: skip-gram and CBOW.

mod model;
mod settings;
mod train;

pub use model::Model;
pub use settings::{Architecture, Decay, Mode, Objective, Word2Vec};
