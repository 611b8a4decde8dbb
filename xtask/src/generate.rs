//! Text from a trained GPT.

use std::path::PathBuf;

use clap::Args;
use decode::Sampling;

use crate::Failure;
use crate::args::{on_threads, workspace};
use crate::gpt::{generate, load};

/// Generate text from a GPT trained with `train gpt` or `demo gpt`
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask generate --prompt 'ROMEO:'
  cargo xtask generate --model target/demo/gpt --temperature 0 --tokens 50")]
pub(crate) struct Generate {
    /// Folder of the run [default: the newest under target/train and target/demo]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// What the text begins with
    #[arg(long, default_value = "\n", value_name = "TEXT")]
    prompt: String,
    /// Tokens to generate
    #[arg(long, default_value_t = 200, value_name = "N")]
    tokens: usize,
    /// Divides the logits; 0 always takes the likeliest token
    #[arg(long, default_value_t = 0.8, value_name = "X", allow_negative_numbers = true)]
    temperature: f32,
    /// Only the N likeliest tokens; 0 keeps all
    #[arg(long, default_value_t = 0, value_name = "N")]
    top_k: usize,
    /// Only the likeliest tokens that together have this probability
    #[arg(long, default_value_t = 1.0, value_name = "P", allow_negative_numbers = true)]
    top_p: f32,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Generate {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.prompt.is_empty() {
            return Err("--prompt is empty: a model needs at least one token to go on from".into());
        }
        let sampling = Sampling {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            ..Sampling::default()
        };
        let dir = self.model.clone().unwrap_or_else(default_model);
        on_threads(self.threads, || {
            let (model, tokenizer) = load(&dir)?;
            eprintln!("model: {}", dir.display());
            let text = generate(&model, tokenizer.as_ref(), &self.prompt, self.tokens, &sampling, self.seed)?;
            println!("{text}");
            Ok(())
        })
    }
}

fn default_model() -> PathBuf {
    let target = workspace().join("target");
    let runs = |parent: &str| std::fs::read_dir(target.join(parent)).into_iter().flatten().flatten();
    let made = |dir: &PathBuf| dir.join("config.json").metadata().and_then(|file| file.modified()).ok();
    let is_gpt =
        |dir: &PathBuf| dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("gpt"));
    let folders = runs("train").chain(runs("demo")).map(|entry| entry.path()).filter(is_gpt);
    folders.filter(|dir| made(dir).is_some()).max_by_key(made).unwrap_or_else(|| target.join("train/gpt"))
}
