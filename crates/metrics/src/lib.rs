#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bleu;
mod bootstrap;
mod chrf;
mod confusion;
mod corpus;
mod edit;
mod error;
mod error_rate;
mod links;
mod ngram;
mod perplexity;
mod running;
mod text;

pub use bleu::{Bleu, BleuDetails, BleuTokenizer, Smoothing};
pub use bootstrap::{Interval, bootstrap, bootstrap_mean};
pub use chrf::{Chrf, ChrfDetails};
pub use confusion::{ClassScores, ConfusionMatrix, accuracy};
pub use corpus::{CorpusMetric, CorpusScore, Segments};
pub use edit::{Edit, EditCounts, edit_distance, edit_path};
pub use error::Error;
pub use error_rate::{char_errors, exact_match, token_errors, word_errors};
pub use links::{AlignmentScores, Link, alignment_error_rate};
pub use perplexity::{LogLoss, bits_per_byte, perplexity};
pub use running::{ExponentialMean, RunningMean};
