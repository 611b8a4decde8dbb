#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod added;
mod bpe;
mod byte_chars;
mod bytes;
mod chars;
pub mod chinese;
mod darts;
pub mod decoder;
mod double_array;
mod error;
mod format;
mod hash;
mod interner;
mod memo;
pub mod model;
pub mod normalise;
mod oniguruma;
mod pattern;
mod pipeline;
pub mod post;
pub mod pre;
mod properties;
pub mod sentence;
mod sentencepiece;
mod split;
mod stream;
mod temporary;
mod tokenizer;
pub mod train;
mod unicode;
mod vocab;

pub use added::{AddedToken, Specials};
pub use bpe::{ByteLevelBpe, Merge};
pub use bytes::ByteTokenizer;
pub use chars::CharTokenizer;
pub use error::Error;
pub use format::{Tiktoken, load};
pub use pipeline::{
    Encoding, Input, Padding, PaddingStrategy, Parts, Pipeline, Sequence, Side, Truncation,
    TruncationStrategy,
};
pub use sentencepiece::{PieceKind, SentencePiece, SentencePieceKind, VocabPiece};
pub use split::Split;
pub use stream::StreamDecoder;
pub use tokenizer::{Spans, Tokenizer};
pub use train::{ByteLevelBpeTrainer, WordCounts};
