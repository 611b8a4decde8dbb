//! Training steps of GPTs in three sizes; the protocol is that of `xtask/peers/README.md`.

use std::path::Path;
use std::process::Command;

use nn::optim::{AdamW, Optim, Optimizer};
use nn::{Mode, Module};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tensor::Ids;
use transformer::{Gpt, GptConfig};

use super::measure::{Times, milliseconds, peak_rss_mb};
use super::{Bench, PEER};
use crate::Failure;
use crate::args::on_threads;

/// One size of model and batch.
#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) model: GptConfig,
    pub(super) batch: usize,
}

pub(super) const CASES: [Case; 3] = [
    case("gpt-0.8m", 65, 64, 4, 4, 128, 12),
    case("gpt-10.8m", 65, 256, 6, 6, 384, 8),
    case("gpt-23m", 8192, 256, 6, 8, 512, 4),
];

const fn case(
    name: &'static str,
    vocab: usize,
    time: usize,
    layers: usize,
    heads: usize,
    d_model: usize,
    batch: usize,
) -> Case {
    let model = GptConfig { vocab, time, layers, heads, d_model, dropout: 0.0, bias: true, tied: true };
    Case { name, model, batch }
}

/// What one run prints; peers print the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) peer: String,
    pub(super) version: String,
    pub(super) case: String,
    pub(super) dtype: String,
    pub(super) threads: usize,
    pub(super) ms_per_step: Times,
    pub(super) tokens_per_s: f64,
    pub(super) losses: Vec<f64>,
    /// Tokens of what a search found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) outputs: Vec<u32>,
    pub(super) peak_rss_mb: Option<f64>,
}

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    run_cases(bench, "gpt", &names, measure)
}

/// Measures the cases of a group that were asked for and prints each.
pub(super) fn run_cases(
    bench: &Bench,
    group: &str,
    names: &[&str],
    measure: impl Fn(&Bench, &str) -> Result<Report, Failure>,
) -> Result<(), Failure> {
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0) + 1;
    let cases = bench.cases(names)?;
    if !bench.json {
        println!(
            "{:>width$} {:>9} {:>9} {:>9} {:>10} {:>9}",
            "case", "ms/step", "min", "max", "tokens/s", "peak MB"
        );
    }
    for name in cases {
        // Each case in a process of its own: the peak of memory is that of a process.
        let report = if bench.case.is_some() { measure(bench, name)? } else { in_child(bench, group, name)? };
        if bench.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            let Times { median, min, max } = report.ms_per_step;
            let peak = report.peak_rss_mb.map_or("?".to_owned(), |mb| format!("{mb:.0}"));
            println!(
                "{name:>width$} {median:>9.1} {min:>9.1} {max:>9.1} {:>10.0} {peak:>9}",
                report.tokens_per_s
            );
        }
    }
    Ok(())
}

fn in_child(bench: &Bench, group: &str, name: &str) -> Result<Report, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", group, "--json", "--case", name]);
    for (flag, value) in [("--threads", bench.threads), ("--steps", bench.steps), ("--warmup", bench.warmup)]
    {
        command.arg(flag).arg(value.to_string());
    }
    for (flag, file) in [("--weights", &bench.weights), ("--tokens", &bench.tokens)] {
        if let Some(file) = file {
            command.arg(flag).arg(file);
        }
    }
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("case {name} failed").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn measure(bench: &Bench, name: &str) -> Result<Report, Failure> {
    let case = *CASES.iter().find(|case| case.name == name).ok_or("no such case")?;
    on_threads(Some(bench.threads), || {
        let rng = &mut ChaCha8Rng::seed_from_u64(0);
        let mut model = Gpt::<f32>::new(case.model, rng)?;
        if let Some(weights) = &bench.weights {
            nn::weights::load(&mut model, weights)?;
        }
        let mut batches = Batches::new(case, bench.tokens.as_deref())?;
        let mut adamw = Optim::new(AdamW { weight_decay: 0.01, ..AdamW::default() })?;
        let (mut losses, mut times) = (Vec::new(), Vec::new());
        for step in 0..bench.warmup + bench.steps.max(1) {
            let (input, target) = batches.next();
            let (time, loss) = milliseconds(|| -> Result<f64, Failure> {
                let loss = model.loss(&input, &target, &mut Mode::Train(rng))?;
                let grads = model.backward(&loss)?;
                adamw.step_clipped(&mut model, &grads, 1e-3, 1.0)?;
                Ok(f64::from(loss.item()))
            });
            losses.push(loss?);
            if step >= bench.warmup {
                times.push(time);
            }
        }
        let ms_per_step = Times::of(&times);
        Ok(Report {
            peer: PEER.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            case: name.to_owned(),
            dtype: "f32".to_owned(),
            threads: bench.threads,
            ms_per_step,
            tokens_per_s: (case.batch * case.model.time) as f64 / ms_per_step.median * 1e3,
            losses,
            outputs: Vec::new(),
            peak_rss_mb: peak_rss_mb(),
        })
    })
}

/// Batches of rows of `time + 1` ids, from a file or random.
struct Batches {
    ids: Vec<u32>,
    case: Case,
    next: usize,
}

impl Batches {
    fn new(case: Case, file: Option<&Path>) -> Result<Self, Failure> {
        let size = case.batch * (case.model.time + 1);
        let ids = match file {
            None => random_tokens(case, 16),
            Some(file) => {
                let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
                bytes.as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id)).collect()
            }
        };
        if ids.len() < size {
            return Err(format!("a batch needs {size} tokens, found {}", ids.len()).into());
        }
        Ok(Self { ids, case, next: 0 })
    }

    /// `(input, target)`, each `(batch, time)`; from the start again after the last whole batch.
    fn next(&mut self) -> (Ids, Ids) {
        let (batch, time) = (self.case.batch, self.case.model.time);
        let size = batch * (time + 1);
        let at = self.next % (self.ids.len() / size) * size;
        self.next += 1;
        let rows = self.ids[at..at + size].chunks(time + 1);
        let part = |from: usize| rows.clone().flat_map(|row| row[from..from + time].to_vec()).collect();
        (Ids::new(part(0), &[batch, time]), Ids::new(part(1), &[batch, time]))
    }
}

/// Random ids for `batches` batches.
pub(super) fn random_tokens(case: Case, batches: usize) -> Vec<u32> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let count = batches * case.batch * (case.model.time + 1);
    (0..count).map(|_| rng.random_range(0..case.model.vocab as u32)).collect()
}
