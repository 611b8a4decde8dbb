//! Learning vocabularies from texts.
//!
//! Training has two steps. A [`WordCounter`] cuts texts into words by a [`Splitter`] and counts them; a trainer makes
//! a model of the counts. Trainers do both at a call, or the second alone from any [`WordSource`].
//!
//! | trainer | learns | gives |
//! |---|---|---|
//! | [`ByteLevelBpeTrainer`] | merges of bytes | [`ByteLevelBpe`](crate::ByteLevelBpe) |
//! | [`BpeTrainer`] | merges of characters | [`Bpe`](crate::model::Bpe) |
//! | [`WordPieceTrainer`] | the same, as a vocabulary | [`WordPiece`](crate::model::WordPiece) |
//! | [`UnigramTrainer`] | probabilities of pieces | [`Unigram`](crate::model::Unigram) |
//! | [`WordLevelTrainer`] | the most frequent words | [`WordLevel`](crate::model::WordLevel) |
//!
//! ```
//! use tokenize::model::Model;
//! use tokenize::pre::PreTokenizer;
//! use tokenize::train::{Trainer, WordPieceTrainer};
//! use tokenize::{Parts, Pipeline};
//!
//! # fn main() -> Result<(), tokenize::Error> {
//! let texts = ["Where there is a will, there is a way.", "There is no will; there is no way."];
//! let pre_tokenizer = PreTokenizer::Bert;
//! let model = WordPieceTrainer::new(40).special_tokens(["[UNK]"]).train(&pre_tokenizer, texts, &mut |_| {})?;
//! let parts = Parts { pre_tokenizer: Some(pre_tokenizer), ..Parts::new(Model::WordPiece(model)) };
//! let tokenizer = Pipeline::new(parts)?;
//! assert_eq!(tokenizer.encode("there will", false)?.tokens, ["there", "will"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Memory
//!
//! Texts are read as a stream; what a training holds is the distinct words, four bytes for each of their symbols, and
//! an index of pairs. With a memory limit it keeps to that limit, whatever the size of the corpus (the texts that the
//! caller hands over and the vocabulary itself, about 200 bytes a token, come on top):
//!
//! - Counts that grow too large go to temporary files, sorted, and are merged there.
//! - The index of pairs holds only the most frequent pairs. When they are used up it is made anew.
//! - If the symbols of all words do not fit into a fifth of the limit, the rarest words are left out, all words of a
//!   count or none, and the progress callback is told ([`Progress::Dropped`]).
//!
//! Only the last changes what is learnt, and nothing depends on the number of threads.
//!
//! # Seeing merges
//!
//! The progress callback is told every merge as it is learnt; [`show_merges`] and [`show_byte_merges`] replay the merges
//! of a model on a text.

mod alphabet;
mod blocks;
mod bpe;
mod byte_level;
mod classes;
mod corpus;
mod counter;
mod learn;
mod memory;
mod pairs;
mod progress;
mod replay;
mod spill;
mod splitter;
mod trainer;
mod unigram;
mod word_level;
mod word_piece;
mod words;

pub use bpe::BpeTrainer;
pub use byte_level::ByteLevelBpeTrainer;
pub use counter::{CountedWords, WordCounter};
pub use progress::Progress;
pub use replay::{MergeStep, MergeSteps, show_byte_merges, show_merges};
pub use splitter::Splitter;
pub use trainer::Trainer;
pub use unigram::{FinalCut, UnigramTrainer};
pub use word_level::WordLevelTrainer;
pub use word_piece::WordPieceTrainer;
pub use words::{WordCounts, WordSource};
