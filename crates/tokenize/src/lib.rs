#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod added;
mod bpe;
mod byte_chars;
mod bytes;
mod chars;
<<<<<<< HEAD
pub mod decoder;
=======
mod double_array;
>>>>>>> 35d84b1 (Add sentencepiece models, WordPiece in linear time, and Unigram over a double array with n-best and sampling)
mod error;
mod format;
mod hash;
mod interner;
pub mod model;
<<<<<<< HEAD
pub mod normalise;
mod pattern;
mod pipeline;
pub mod post;
pub mod pre;
mod properties;
=======
mod sentencepiece;
>>>>>>> 35d84b1 (Add sentencepiece models, WordPiece in linear time, and Unigram over a double array with n-best and sampling)
mod split;
mod stream;
mod tokenizer;
pub mod train;
mod unicode;
mod vocab;

pub use added::{AddedToken, Specials};
pub use bpe::{ByteLevelBpe, Merge};
pub use bytes::ByteTokenizer;
pub use chars::CharTokenizer;
pub use error::Error;
pub use format::load;
<<<<<<< HEAD
pub use pipeline::{
    Encoding, Input, Padding, PaddingStrategy, Parts, Pipeline, Sequence, Side, Truncation,
    TruncationStrategy,
};
=======
pub use sentencepiece::{PieceKind, SentencePiece, SentencePieceKind, VocabPiece};
>>>>>>> 35d84b1 (Add sentencepiece models, WordPiece in linear time, and Unigram over a double array with n-best and sampling)
pub use split::Split;
pub use stream::StreamDecoder;
pub use tokenizer::{Spans, Tokenizer};
pub use train::{ByteLevelBpeTrainer, WordCounts};
