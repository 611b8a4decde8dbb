#![doc = include_str!("../README.md")]
//!
//! # Reading order
//! [`Words`], [`Vectors`], [`io`], [`evaluate`], [`corpus`], [`Phrases`], [`vocab`], [`word2vec`].

#[cfg(feature = "hnsw")]
mod approximate;
mod batches;
mod components;
pub mod corpus;
mod doc2vec;
mod error;
pub mod evaluate;
pub mod fasttext;
mod glove;
pub mod io;
mod kernel;
mod matrix;
mod phrases;
mod quantise;
mod query;
mod random;
mod sentence;
mod subwords;
mod vectors;
pub mod vocab;
pub mod word2vec;
mod words;

#[cfg(feature = "hnsw")]
pub use approximate::Hnsw;
pub use corpus::{Corpus, Readers, Sentences, Text, TextFiles};
pub use doc2vec::{Doc2Vec, DocMethod, DocModel};
pub use error::{Error, Result};
pub use fasttext::FastText;
pub use glove::{Glove, GloveTrained};
pub use phrases::{PhraseScore, PhraseSettings, Phrased, Phrases};
pub use quantise::Quantised;
pub use query::Neighbour;
pub use sentence::Sif;
pub use subwords::Subwords;
pub use vectors::Vectors;
pub use vocab::{Huffman, Subsampling, Unigram, Vocab, VocabSettings};
pub use word2vec::{Model, Word2Vec};
pub use words::Words;
