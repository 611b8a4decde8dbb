//! Demos: each file is a program you could have written with these crates.

mod gpt;
mod mlp;

use clap::Args;

use crate::Failure;
use crate::args::{RunArgs, Size, on_threads};

/// Show what the crates can do, on real data; with no name, the story so far
#[derive(Args)]
#[command(after_help = "\
Demos:
  mlp    a fully connected net: every value and gradient, activations, L1, L2, dropout, early stopping
  gpt    a tokenizer and a GPT, trained on text that ships with the source

Examples:
  cargo xtask demo                  both
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
        if self.name.as_deref() == Some("mlp") && (self.chars || self.resume || self.lang != "en") {
            return Err("demo mlp trains on lines of twelve languages in a few seconds: --lang, --chars and --resume \
                        are for demo gpt"
                .into());
        }
        on_threads(self.run.threads, || match self.name.as_deref() {
            None => {
                mlp::run(&self.run)?;
                println!();
                gpt::run(&self)
            }
            Some("mlp") => mlp::run(&self.run),
            Some("gpt") => gpt::run(&self),
            Some(other) => Err(format!("no demo `{other}`; there are mlp and gpt").into()),
        })
    }
}
