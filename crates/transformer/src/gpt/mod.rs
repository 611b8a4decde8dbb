//! The GPT-2-shaped language model.

mod block;
mod config;
mod init;
mod model;
mod scorer;

pub use block::{Block, CausalSelfAttention, Mlp};
pub use config::GptConfig;
pub use model::{Gpt, GptCache};
pub use scorer::GptScorer;
