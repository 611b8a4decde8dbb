//! A GPT trained on text: what the demo and `train gpt` share, and what `generate` reads. The loop is in `run.rs`.

mod corpus;
mod folder;
mod plan;
mod run;
mod sample;

pub(crate) use corpus::{Corpus, Units};
pub(crate) use folder::{holds_a_run, load};
pub(crate) use plan::Plan;
pub(crate) use run::{Outcome, save_chart, train};
pub(crate) use sample::generate;
