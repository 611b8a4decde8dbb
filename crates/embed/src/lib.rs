#![doc = include_str!("../README.md")]
//!
//! # Reading order
//! [`Words`], [`Vectors`], [`corpus`], [`Phrases`], [`vocab`], [`word2vec`].

pub mod corpus;
mod error;
mod kernel;
mod matrix;
mod phrases;
mod random;
mod vectors;
pub mod vocab;
pub mod word2vec;
mod words;

pub use corpus::{Corpus, Readers, Sentences, Text, TextFiles};
pub use error::{Error, Result};
pub use phrases::{PhraseScore, PhraseSettings, Phrased, Phrases};
pub use vectors::Vectors;
pub use vocab::{Huffman, Subsampling, Unigram, Vocab, VocabSettings};
pub use word2vec::{Model, Word2Vec};
pub use words::Words;
