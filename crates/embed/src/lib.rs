#![doc = include_str!("../README.md")]
//!
//! # Reading order
//! [`Words`], [`Vectors`], [`io`], [`evaluate`], [`corpus`], [`Phrases`], [`vocab`], [`word2vec`].

pub mod corpus;
mod error;
pub mod evaluate;
pub mod fasttext;
pub mod io;
mod kernel;
mod matrix;
mod phrases;
mod quantise;
mod query;
mod random;
mod subwords;
mod vectors;
pub mod vocab;
pub mod word2vec;
mod words;

pub use corpus::{Corpus, Readers, Sentences, Text, TextFiles};
pub use error::{Error, Result};
pub use fasttext::FastText;
pub use phrases::{PhraseScore, PhraseSettings, Phrased, Phrases};
pub use quantise::Quantised;
pub use query::Neighbour;
pub use subwords::Subwords;
pub use vectors::Vectors;
pub use vocab::{Huffman, Subsampling, Unigram, Vocab, VocabSettings};
pub use word2vec::{Model, Word2Vec};
pub use words::Words;
