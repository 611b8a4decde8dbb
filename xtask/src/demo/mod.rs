//! Demos: each file is a program you could have written with these crates.

mod fasttext;
mod gpt;
mod mlp;
mod tokenize;
mod word2vec;

use clap::Args;

use crate::Failure;
use crate::args::{RunArgs, Size, on_threads};

/// Show what the crates can do, on real data; with no name, the story so far
#[derive(Args)]
#[command(after_help = "\
Demos:
  mlp       a fully connected net: every value and gradient, activations, L1, L2, dropout, early stopping
  tokenize  byte pairs, WordPiece and Unigram on English and Chinese, side by side
  word2vec  word vectors of English and Chinese: neighbours, analogies, maps
  fasttext  vectors of words never seen, and the language of a sentence
  gpt       a tokenizer and a GPT, trained on text that ships with the source

Examples:
  cargo xtask demo                  all, one after the other
  cargo xtask demo gpt --lang zh    on the Chinese novel
  cargo xtask demo gpt --chars      character by character, in nanoGPT's setting
  cargo xtask demo gpt --full       the long run")]
pub(crate) struct Demo {
    /// Which one
    name: Option<String>,
    /// Language of the text the GPT is trained on: en (plays of Shakespeare) or zh (三国演义)
    #[arg(long, default_value = "en", value_parser = ["en", "zh"])]
    lang: String,
    /// Characters instead of byte pairs
    #[arg(long)]
    chars: bool,
    /// Go on from the last checkpoint of the same demo
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    run: RunArgs,
}

impl Demo {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let for_gpt = self.chars || self.resume || self.lang != "en";
        if let Some(name @ ("mlp" | "tokenize" | "word2vec" | "fasttext")) = self.name.as_deref()
            && for_gpt
        {
            return Err(
                format!("demo {name} does not take --lang, --chars or --resume; demo gpt does").into()
            );
        }
        on_threads(self.run.threads, || match self.name.as_deref() {
            None => {
                mlp::run(&self.run.inside("mlp"))?;
                println!();
                tokenize::run(&self.run.inside("tokenize"))?;
                println!();
                word2vec::run(&self.run.inside("word2vec"))?;
                println!();
                fasttext::run(&self.run.inside("fasttext"))?;
                println!();
                gpt::run(&Self { run: self.run.inside("gpt"), ..self })
            }
            Some("mlp") => mlp::run(&self.run),
            Some("tokenize") => tokenize::run(&self.run),
            Some("word2vec") => word2vec::run(&self.run),
            Some("fasttext") => fasttext::run(&self.run),
            Some("gpt") => gpt::run(&self),
            Some(other) => {
                Err(format!("no demo `{other}`; there are mlp, tokenize, word2vec, fasttext and gpt").into())
            }
        })
    }
}
