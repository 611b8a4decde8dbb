//! Benchmarks: our time alone, or beside the same work in other libraries.

mod approximate;
mod beam;
mod gemm;
mod gpt;
mod measure;
mod peers;
mod recurrent;
mod tokenize;
mod vectors;
mod word2vec;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::Failure;

pub(crate) use peers::python;

/// Our own name among the peers.
const PEER: &str = "ours";

/// Measure training steps, inference, word2vec, matrix products or tokenizers
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench gpt                     training steps of three GPTs
  cargo xtask bench gpt --case gpt-0.8m     one of them
  cargo xtask bench recurrent --peers       LSTM, seq2seq, Transformer and beam search beside PyTorch, candle and burn
  cargo xtask bench gemm --json             matrix products, one JSON object per line
  cargo xtask bench tokenize --peers        tokenizers beside those of other libraries
  cargo xtask bench word2vec --peers        words per second beside gensim, fastText and word2vec.c
  cargo xtask bench word2vec --scaling      from one thread to two, and the reproducible mode beside the fast one
  cargo xtask bench vectors                 searches among a million vectors beside the memory's speed; opening files
  cargo xtask bench --peers                 all GPT cases beside PyTorch, candle and burn, in one run")]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum, default_value = "gpt")]
    group: Group,
    /// Only this case
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// One JSON object per line and case
    #[arg(long)]
    json: bool,
    /// The same work in other libraries, in alternation with ours
    #[arg(long)]
    peers: bool,
    /// word2vec: what more threads gain, and what the reproducible mode costs
    #[arg(long, conflicts_with = "peers")]
    scaling: bool,
    /// Text for word2vec, a sentence a line [default: wikipedia-sentences if fetched, else the plays]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Threads to compute with
    #[arg(long, default_value_t = 2, value_name = "N")]
    threads: usize,
    /// Steps that are timed
    #[arg(long, default_value_t = 10, value_name = "N")]
    steps: usize,
    /// Steps before those
    #[arg(long, default_value_t = 3, value_name = "N")]
    warmup: usize,
    /// Initial weights instead of random ones (safetensors)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Batches from this file instead of random ones (little-endian u32 ids)
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// GPT training steps
    Gpt,
    /// Matrix products
    Gemm,
    /// Tokenizers, on one thread
    Tokenize,
    /// Steps of recurrent models and their Transformer, and beam search
    Recurrent,
    /// Epochs of word2vec
    #[value(name = "word2vec")]
    Word2vec,
    /// Searches among vectors, and opening them
    Vectors,
}

impl Bench {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match (self.group, self.peers) {
            (Group::Gpt, false) => gpt::run(&self),
            (Group::Gpt, true) => peers::gpt(&self),
            (Group::Gemm, false) => gemm::run(&self),
            (Group::Gemm, true) => peers::gemm(&self),
            (Group::Tokenize, false) => tokenize::run(&self),
            (Group::Tokenize, true) => tokenize::run_with_peers(&self),
            (Group::Recurrent, false) => recurrent::run(&self),
            (Group::Recurrent, true) => peers::recurrent(&self),
            (Group::Word2vec, false) if self.scaling => word2vec::scaling(&self),
            (Group::Word2vec, false) => word2vec::run(&self),
            (Group::Word2vec, true) => word2vec::peers(&self),
            (Group::Vectors, false) => vectors::run(&self),
            (Group::Vectors, true) => Err("no other library is measured on `vectors`".into()),
        }
    }

    /// The names of `all` that were asked for.
    fn cases<'a>(&self, all: &[&'a str]) -> Result<Vec<&'a str>, Failure> {
        let Some(wanted) = &self.case else { return Ok(all.to_vec()) };
        match all.iter().find(|name| *name == wanted) {
            Some(name) => Ok(vec![name]),
            None => Err(format!("no case `{wanted}`; there are {}", all.join(", ")).into()),
        }
    }
}
