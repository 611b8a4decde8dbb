//! What is translated, whatever the languages.

use metrics::Link;

use crate::seq2seq::Pair;

/// The text of target tokens.
pub(super) type Say = Box<dyn Fn(&[u32]) -> String>;

/// Text in two languages: what to learn from, and what is held out.
pub(super) struct Task {
    /// Its name in files and options.
    pub(super) name: &'static str,
    /// What it is, in a line.
    pub(super) about: String,
    /// How the scores are to be read.
    pub(super) note: String,
    pub(super) src_vocab: usize,
    pub(super) tgt_vocab: usize,
    pub(super) train: Vec<Pair>,
    pub(super) test: Vec<Example>,
    pub(super) say: Say,
}

/// A held-out pair.
pub(super) struct Example {
    pub(super) pair: Pair,
    /// Text of source and target.
    pub(super) text: [String; 2],
    /// What the tokens of source and target are called.
    pub(super) names: [Vec<String>; 2],
    /// Which tokens belong together, where that is known.
    pub(super) known: Option<Known>,
}

/// Links between source and target tokens that do not come from a model.
pub(super) struct Known {
    pub(super) sure: Vec<Link>,
    pub(super) possible: Vec<Link>,
    /// Which target tokens a link can be known of.
    pub(super) asked: Vec<bool>,
}
