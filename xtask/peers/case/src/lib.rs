//! What every comparison program in Rust shares: the cases, the command line, the token file, the clock
//! and the report. `../README.md` describes the protocol.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A model and the batch it is trained on.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub model: Model,
    pub vocab: usize,
    pub time: usize,
    pub layers: usize,
    pub d_model: usize,
    pub batch: usize,
}

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A GPT-2-shaped model.
    Gpt { heads: usize },
    /// A language model of LSTM layers with `d_model` units.
    Lstm,
}

/// The cases, smallest first.
pub const CASES: [Case; 4] = [
    gpt("gpt-0.8m", 65, 64, 4, 4, 128, 12),
    gpt("gpt-10.8m", 65, 256, 6, 6, 384, 8),
    gpt("gpt-23m", 8192, 256, 6, 8, 512, 4),
    Case { name: "lstm-lm", model: Model::Lstm, vocab: 10_000, time: 64, layers: 2, d_model: 512, batch: 32 },
];

const fn gpt(
    name: &'static str,
    vocab: usize,
    time: usize,
    layers: usize,
    heads: usize,
    d_model: usize,
    batch: usize,
) -> Case {
    Case { name, model: Model::Gpt { heads }, vocab, time, layers, d_model, batch }
}

/// The optimiser's settings and the gradient's largest norm, the same for every peer.
pub mod optimiser {
    use super::Model;

    pub const LEARNING_RATE: f64 = 1e-3;
    pub const BETA_1: f64 = 0.9;
    pub const BETA_2: f64 = 0.999;
    pub const EPSILON: f64 = 1e-8;
    pub const CLIP_NORM: f64 = 1.0;

    /// AdamW's for GPTs; without any it is Adam.
    pub const fn weight_decay(model: Model) -> f64 {
        match model {
            Model::Gpt { .. } => 0.01,
            Model::Lstm => 0.0,
        }
    }
}

/// The arguments every peer takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the case, for instance gpt-0.8m.
    #[arg(long, value_parser = case_by_name)]
    pub case: Case,
    /// Initial weights, a safetensors file.
    #[arg(long)]
    pub weights: PathBuf,
    /// Token ids, a file of little-endian u32.
    #[arg(long)]
    pub tokens: PathBuf,
    /// Steps that are timed.
    #[arg(long, default_value_t = 10)]
    pub steps: usize,
    /// Steps before those.
    #[arg(long, default_value_t = 3)]
    pub warmup: usize,
    /// Threads; RAYON_NUM_THREADS must say the same.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

fn case_by_name(name: &str) -> Result<Case, String> {
    CASES.into_iter().find(|case| case.name == name).ok_or_else(|| {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        format!("no such case; there are {}", names.join(", "))
    })
}

impl Case {
    /// Ids of a batch in the token file: rows with one more than there are steps, or inputs and then targets.
    fn batch_ids(&self) -> usize {
        match self.model {
            Model::Gpt { .. } => self.batch * (self.time + 1),
            Model::Lstm => 2 * self.batch * self.time,
        }
    }
}

/// One batch of token ids, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// `(batch, time)`
    pub inputs: Vec<u32>,
    /// `(batch, time)`: of a GPT, each row is the row of `inputs` shifted by one.
    pub targets: Vec<u32>,
}

/// The batches of a token file, from its start again after the last.
pub struct Batches {
    tokens: Vec<u32>,
    case: Case,
    next: usize,
}

impl Batches {
    pub fn open(path: &Path, case: Case) -> Result<Self, Box<dyn Error>> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let tokens: Vec<u32> =
            bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if let Some(id) = tokens.iter().find(|&&id| id as usize >= case.vocab) {
            return Err(format!("{}: token {id} is not below {}", path.display(), case.vocab).into());
        }
        let needed = case.batch_ids();
        if tokens.len() < needed {
            let found = tokens.len();
            return Err(format!("{}: a batch needs {needed} tokens, found {found}", path.display()).into());
        }
        Ok(Self { tokens, case, next: 0 })
    }

    pub fn next_batch(&mut self) -> Batch {
        let size = self.case.batch_ids();
        if self.next + size > self.tokens.len() {
            self.next = 0;
        }
        let ids = &self.tokens[self.next..self.next + size];
        self.next += size;
        if self.case.model == Model::Lstm {
            let (inputs, targets) = ids.split_at(size / 2);
            return Batch { inputs: inputs.to_vec(), targets: targets.to_vec() };
        }
        let rows = ids.chunks_exact(self.case.time + 1);
        Batch {
            inputs: rows.clone().flat_map(|row| &row[..row.len() - 1]).copied().collect(),
            targets: rows.flat_map(|row| &row[1..]).copied().collect(),
        }
    }
}

/// Trains for `warmup + steps` steps and prints the report, one line of JSON.
///
/// `step` does everything a training step does and returns its loss.
pub fn run(
    peer: &str,
    version: &str,
    args: &Args,
    mut step: impl FnMut(&Batch) -> Result<f32, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    check_threads(args.threads)?;
    let mut batches = Batches::open(&args.tokens, args.case)?;
    let (mut losses, mut milliseconds) = (Vec::new(), Vec::new());
    for i in 0..args.warmup + args.steps.max(1) {
        let batch = batches.next_batch();
        let start = Instant::now();
        losses.push(step(&batch)?);
        if i >= args.warmup {
            milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    if args.case.model == Model::Lstm {
        // Before any step, without dropout: there is none.
        losses.insert(0, losses[0]);
    }
    milliseconds.sort_by(f64::total_cmp);
    let median = milliseconds[milliseconds.len() / 2];
    let report = serde_json::json!({
        "peer": peer,
        "version": version,
        "case": args.case.name,
        "dtype": "f32",
        "threads": args.threads,
        "ms_per_step": { "median": median, "min": milliseconds[0], "max": milliseconds.last() },
        "tokens_per_s": (args.case.batch * args.case.time) as f64 / median * 1e3,
        "losses": losses,
        "peak_rss_mb": peak_rss_mb(),
    });
    println!("{report}");
    Ok(())
}

/// The peers read the number of threads from the environment before `main` could change it.
fn check_threads(threads: usize) -> Result<(), String> {
    let found = std::env::var("RAYON_NUM_THREADS").unwrap_or_default();
    if found == threads.to_string() {
        return Ok(());
    }
    Err(format!("--threads is {threads}, but RAYON_NUM_THREADS is {found:?}; set both alike"))
}

/// The largest resident memory so far, in MB (10^6 bytes); none where the system does not tell.
pub fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// The highest version of `package` that this workspace's lock file names (it lists them in ascending order).
pub fn locked_version(package: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    lock.rsplit_once(&entry).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("unknown")
}
