//! Chinese: words and parts of speech by jieba's method, simplified and traditional characters by OpenCC's tables.
//!
//! [`Segmenter`] cuts text into words and tags them, exactly as Python's jieba 0.42.1: a prefix dictionary gives all
//! words that start at each character, the most probable route through them is taken, and single characters left side
//! by side are joined to words that the dictionary does not hold by a hidden Markov model.
//!
//! [`to_simplified`] and [`to_traditional`] convert text, one character for one character; [`replacements`] tells which.
//!
//! The models come with the crate (370 kB), as do OpenCC's tables (304 kB). The dictionary does not: packed with care its 349,046 words would still be
//! a megabyte and more in every program that uses any part of the crate's Chinese, while many want a dictionary of
//! their own. `dict.txt` is in the Python package `jieba` and in the Rust package `jieba-rs`; in this project
//! `cargo xtask data fetch jieba` obtains it. Reading it takes a fraction of a second.

mod bits;
mod cut;
mod dictionary;
mod hmm;
mod hmm_text;
mod route;
mod script;
mod segmenter;
mod tables;
mod tag;
mod tag_model;
mod text;
mod trie;

use std::path::Path;

pub use script::{Replacement, Replacements, Script, replacements, to_simplified, to_traditional};
pub use segmenter::{Cut, Mode, Segmenter, Word, Words};
pub use tag::{Tagged, Tags};

use crate::error::Error;

fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}
