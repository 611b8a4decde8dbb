//! Training on a user's own text.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::Failure;
use crate::args::{RunArgs, Size, on_threads};
use crate::generate::Generate;
use crate::gpt::{Corpus, Plan, Units, holds_a_run, save_chart, train};

/// Train on your own text, or generate from what was trained
#[derive(Subcommand)]
pub(crate) enum Train {
    Gpt(TrainGpt),
    Generate(Generate),
}

/// Train a GPT on a text file
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask train gpt my.txt
  cargo xtask train gpt my.txt --d-model 256 --layers 6 --time 128 --steps 5000 --out runs/mine
  cargo xtask train gpt my.txt --resume     go on with the first of these
  cargo xtask generate --model runs/mine --prompt 'Once upon'")]
pub(crate) struct TrainGpt {
    /// UTF-8 text; its last tenth is for validation
    text: PathBuf,
    /// Size of the byte-pair vocabulary
    #[arg(long, default_value_t = 1024, value_name = "N")]
    vocab: usize,
    /// Characters instead of byte pairs
    #[arg(long, conflicts_with = "vocab")]
    chars: bool,
    /// Training steps [default: 2000; with --quick 100, with --full 10000]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Sequences per step
    #[arg(long, default_value_t = 12, value_name = "N")]
    batch: usize,
    /// Micro-batches whose gradients are summed for one step
    #[arg(long, default_value_t = 1, value_name = "N")]
    accumulate: usize,
    /// Tokens per sequence
    #[arg(long, default_value_t = 64, value_name = "N")]
    time: usize,
    /// Number of blocks
    #[arg(long, default_value_t = 4, value_name = "N")]
    layers: usize,
    /// Attention heads
    #[arg(long, default_value_t = 4, value_name = "N")]
    heads: usize,
    /// Width of the residual stream
    #[arg(long, default_value_t = 128, value_name = "N")]
    d_model: usize,
    /// Dropout
    #[arg(long, default_value_t = 0.0, value_name = "P", allow_negative_numbers = true)]
    dropout: f64,
    /// Peak learning rate
    #[arg(long, default_value_t = 1e-3, value_name = "X", allow_negative_numbers = true)]
    lr: f64,
    /// Steps between two checkpoints [default: an eighth of the steps]
    #[arg(long, value_name = "N")]
    save_every: Option<u64>,
    /// Go on from the last checkpoint in the output folder
    #[arg(long)]
    resume: bool,
    /// Begin anew in a folder that holds a run already
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    #[command(flatten)]
    run: RunArgs,
}

impl Train {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Gpt(gpt) => on_threads(gpt.run.threads, || gpt.train()),
            Self::Generate(generate) => generate.run(),
        }
    }
}

impl TrainGpt {
    fn train(&self) -> Result<(), Failure> {
        // Before anything is read or written: settings that make no sense.
        self.plan(self.vocab)?;
        let text = read_text(&self.text)?;
        let dir = self.run.out_dir("train/gpt")?;
        if holds_a_run(&dir) && !self.resume && !self.overwrite {
            return Err(format!(
                "{} holds a run already: --resume goes on with it, --overwrite begins anew in its place, --out names \
                 another folder",
                dir.display()
            )
            .into());
        }
        let units = if self.chars { Units::Characters } else { Units::BytePairs(self.vocab) };
        let corpus = Corpus::encode(&text, units, &dir)?;
        println!("{}: {}", self.text.display(), corpus.describe());
        let plan = self.plan(corpus.tokenizer.vocab_size())?;
        let first = &text[..text.ceil_char_boundary(1)];
        let outcome = train(&plan, &corpus, &dir, self.resume, first)?;
        save_chart(&outcome, "GPT: loss", &dir.join("loss.png"))?;
        let how = if outcome.interrupted { "stopped" } else { "done" };
        println!("{how} at step {}; weights, checkpoints, metrics, picture: {}", outcome.step, dir.display());
        if outcome.interrupted {
            println!("the same command with --resume goes on from there");
        }
        println!("text from it: cargo xtask generate --model {} --prompt '…'", dir.display());
        Ok(())
    }

    fn plan(&self, vocab: usize) -> Result<Plan, Failure> {
        let steps = self.steps.unwrap_or(match self.run.size() {
            Size::Quick => 100,
            Size::Normal => 2000,
            Size::Full => 10_000,
        });
        if [steps, self.accumulate as u64, self.batch as u64, self.save_every.unwrap_or(1)].contains(&0) {
            return Err("--steps, --batch, --accumulate and --save-every must be at least 1".into());
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return Err(format!("--lr {}: expected a number above 0", self.lr).into());
        }
        let mut plan = Plan::new(vocab, steps, self.run.seed);
        plan.model.time = self.time;
        plan.model.layers = self.layers;
        plan.model.heads = self.heads;
        plan.model.d_model = self.d_model;
        plan.model.dropout = self.dropout;
        (plan.batch, plan.accumulate, plan.peak_lr) = (self.batch, self.accumulate, self.lr);
        plan.save_every = self.save_every.unwrap_or(plan.save_every);
        plan.model.check()?;
        Ok(plan)
    }
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        format!("{}: not a text in UTF-8, at byte {}", path.display(), error.utf8_error().valid_up_to())
    })?;
    if text.trim().is_empty() {
        return Err(format!("{}: there is no text in it", path.display()).into());
    }
    // The mark that some editors put before a text is no part of it.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
