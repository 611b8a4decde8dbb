#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attachment;
mod bleu;
mod bootstrap;
mod chrf;
mod confusion;
mod corpus;
mod correlation;
mod edit;
mod entity;
mod error;
mod error_rate;
mod links;
mod ngram;
mod perplexity;
mod rouge;
mod running;
mod significance;
mod ter;
mod text;

pub use attachment::AttachmentScores;
pub use bleu::{Bleu, BleuDetails, BleuTokenizer, Smoothing};
pub use bootstrap::{Interval, bootstrap, bootstrap_mean};
pub use chrf::{Chrf, ChrfDetails};
pub use confusion::{ClassScores, ConfusionMatrix, accuracy};
pub use corpus::{CorpusMetric, CorpusScore, Segments};
pub use correlation::{pearson, spearman};
pub use edit::{Edit, EditCounts, edit_distance, edit_path};
pub use entity::{Entity, EntityMode, EntityReport, EntityScheme, entities};
pub use error::Error;
pub use error_rate::{char_errors, exact_match, token_errors, word_errors};
pub use links::{AlignmentScores, Link, alignment_error_rate};
pub use perplexity::{LogLoss, bits_per_byte, perplexity};
pub use rouge::{Rouge, RougeKind, RougeScore, porter_stem};
pub use running::{ExponentialMean, RunningMean};
pub use significance::{Comparison, PairedTest, approximate_randomization, compare, paired_bootstrap};
pub use ter::{Ter, TerDetails};
