#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod case;
mod config;
mod decoder;
mod encoder;
mod gpt;
mod input;
mod residual;
mod seq2seq;
mod seq2seq_scorer;

pub use case::cases;
pub use config::{NormPosition, TransformerConfig};
pub use decoder::{Decoder, DecoderCache, DecoderLayer};
pub use encoder::{Encoder, EncoderLayer};
pub use gpt::{Block, CausalSelfAttention, Gpt, GptCache, GptConfig, GptScorer, Mlp};
pub use input::InputError;
pub use seq2seq::{Seq2SeqState, Transformer};
pub use seq2seq_scorer::TransformerScorer;
