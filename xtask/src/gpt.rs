//! A GPT trained on text: what the demo and `train gpt` share. The loop is `train` below.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use autograd::no_grad;
use decode::{Sampler, Sampling, Stop};
use metrics::LogLoss;
use nn::optim::{AdamW, Groups, Optim, Optimizer, OptimizerState};
use nn::schedule::Schedule;
use nn::{Mode, Module};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tokenize::{ByteLevelBpeTrainer, CharTokenizer, Tokenizer};
use train::chart::{Chart, Figure};
use train::{
    Accumulator, Checkpoint, Checkpoints, Interrupt, MetricsFile, Progress, RandomWindows, Record, TokenFile,
    TokenWriter, Tokens,
};
use transformer::{Gpt, GptConfig, GptScorer};

use crate::Failure;

/// The kind written into checkpoints.
const KIND: &str = "gpt";
/// File names inside a run's folder.
const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.jsonl";

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) model: GptConfig,
    /// Sequences per micro-batch.
    pub(crate) batch: usize,
    /// Micro-batches whose gradients are summed for one step.
    pub(crate) accumulate: usize,
    pub(crate) steps: u64,
    pub(crate) peak_lr: f64,
    pub(crate) warm_up: u64,
    pub(crate) weight_decay: f64,
    pub(crate) beta2: f64,
    pub(crate) clip_norm: f64,
    /// Steps between two evaluations on the whole validation text.
    pub(crate) evaluate_every: u64,
    /// Steps between two checkpoints.
    pub(crate) save_every: u64,
    pub(crate) seed: u64,
}

impl Plan {
    /// nanoGPT's setting for a CPU: width 128, 4 layers, 64 tokens, 12 sequences a step.
    pub(crate) fn new(vocab: usize, steps: u64, seed: u64) -> Self {
        Self {
            model: GptConfig::new(vocab),
            batch: 12,
            accumulate: 1,
            steps,
            peak_lr: 1e-3,
            warm_up: (steps / 20).min(100),
            weight_decay: 0.1,
            beta2: 0.99,
            clip_norm: 1.0,
            evaluate_every: (steps / 8).max(1),
            save_every: (steps / 8).max(1),
            seed,
        }
    }

    fn schedule(&self) -> Schedule {
        let decay = (self.steps - self.warm_up.min(self.steps)).max(1);
        Schedule::cosine(self.peak_lr, self.peak_lr / 10.0, decay).warm_up(self.warm_up)
    }
}

/// What the units of text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    /// Every character of the text.
    Characters,
    /// Byte pairs, merged until there are this many.
    BytePairs(usize),
}

impl Units {
    /// A tokenizer for `text`, trained on the part `train` of it, and the same as a file.
    fn tokenizer(self, train: &str, text: &str) -> Result<(Box<dyn Tokenizer>, String), Failure> {
        Ok(match self {
            Self::Characters => {
                let chars = CharTokenizer::from_texts([text]);
                let json = chars.to_json();
                (Box::new(chars), json)
            }
            Self::BytePairs(vocab) => {
                let bpe = ByteLevelBpeTrainer::new(vocab).train([train])?;
                let json = bpe.to_json();
                (Box::new(bpe), json)
            }
        })
    }
}

/// Training and validation tokens of a run, and how they came from bytes.
pub(crate) struct Corpus {
    pub(crate) tokenizer: Box<dyn Tokenizer>,
    /// The tokenizer as a file.
    tokenizer_json: String,
    train: TokenFile,
    valid: TokenFile,
    /// Bytes of text per token in the validation part, to compare tokenizers by bits per byte.
    valid_bytes_per_token: f64,
}

impl Corpus {
    /// Encodes `text`, its first nine tenths for training, into token files in `dir`, and saves the tokenizer.
    pub(crate) fn encode(text: &str, units: Units, dir: &Path) -> Result<Self, Failure> {
        let (tokenizer, tokenizer_json) = units.tokenizer(split(text).0, text)?;
        let (train, valid) = split(text);
        let vocab = u32::try_from(tokenizer.vocab_size())?;
        let write = |name: &str, text: &str| -> Result<TokenFile, Failure> {
            let path = dir.join(name);
            let mut writer = TokenWriter::create(&path, vocab)?;
            writer.write(&tokenizer.encode(text)?)?;
            writer.finish()?;
            Ok(TokenFile::open(path)?)
        };
        let (train_file, valid_file) = (write("train.tokens", train)?, write("valid.tokens", valid)?);
        let valid_bytes_per_token = valid.len() as f64 / Tokens::len(&valid_file).max(1) as f64;
        Ok(Self { tokenizer, tokenizer_json, train: train_file, valid: valid_file, valid_bytes_per_token })
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "{} training and {} validation tokens, vocabulary {}, {:.2} bytes per token",
            Tokens::len(&self.train),
            Tokens::len(&self.valid),
            self.tokenizer.vocab_size(),
            self.valid_bytes_per_token
        )
    }
}

/// The first nine tenths, and the rest, cut between characters.
pub(crate) fn split(text: &str) -> (&str, &str) {
    text.split_at(text.floor_char_boundary(text.len() / 10 * 9))
}

/// What is saved beside the tensors.
#[derive(Serialize, Deserialize)]
struct RunState {
    plan: Plan,
    step: u64,
    /// Draws batches and dropout.
    rng: ChaCha8Rng,
    best: f64,
    optimizer: OptimizerState,
}

/// How a run went.
pub(crate) struct Outcome {
    pub(crate) model: Gpt,
    pub(crate) step: u64,
    pub(crate) interrupted: bool,
    /// Step and loss, in nats per token.
    pub(crate) train: Vec<(f64, f64)>,
    pub(crate) valid: Vec<(f64, f64)>,
    /// Step and text.
    pub(crate) samples: Vec<(u64, String)>,
    pub(crate) seconds: f64,
    pub(crate) tokens_per_s: f64,
}

/// Trains a GPT by `plan` on `corpus`; goes on from the last checkpoint in `dir` if `resume`. On Ctrl-C it
/// saves and returns. `sample_from` is the prompt of the samples shown at every evaluation.
pub(crate) fn train(
    plan: &Plan,
    corpus: &Corpus,
    dir: &Path,
    resume: bool,
    sample_from: &str,
) -> Result<Outcome, Failure> {
    let interrupt = Interrupt::on_ctrl_c()?;
    let checkpoints = Checkpoints::open(dir.join("checkpoints"), 2)?;
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut model = Gpt::<f32>::new(plan.model, &mut rng)?;
    let rule = AdamW { beta2: plan.beta2, weight_decay: plan.weight_decay, ..AdamW::default() };
    let mut adamw = Optim::new(rule)?.with_groups(Groups::no_decay_on_1d());
    let (mut step, mut best) = (0, f64::INFINITY);
    if resume && let Some(latest) = checkpoints.latest::<RunState, f32>(KIND)? {
        latest.skipped.iter().for_each(|error| eprintln!("skipped: {error}"));
        let checkpoint = latest.checkpoint;
        if checkpoint.state.plan != *plan {
            return Err(format!("{} was made with other settings", latest.path.display()).into());
        }
        checkpoint.restore_model("model", &mut model)?;
        let head = checkpoint.state.optimizer.clone();
        adamw.load_state(&model, &checkpoint.take_optimizer("optimizer", head)?)?;
        RunState { step, rng, best, .. } = checkpoint.state;
        println!("going on from step {step} of {}", latest.path.display());
    }
    save_inference(dir, plan, corpus)?;

    let windows = RandomWindows::new(&corpus.train, plan.batch, plan.model.time)?;
    let schedule = plan.schedule();
    let mut log = MetricsFile::resume(dir.join(METRICS), step)?;
    let mut progress = Progress::new(plan.steps);
    let mut samples = Vec::new();
    let start = Instant::now();
    let save = |step: u64, model: &Gpt, adamw: &dyn Optimizer, rng: &ChaCha8Rng, best: f64, is_best: bool| {
        let rng = rng.clone();
        let optimizer = OptimizerState::default();
        let mut checkpoint =
            Checkpoint::new(KIND, RunState { plan: plan.clone(), step, rng, best, optimizer });
        checkpoint.put_model("model", model);
        checkpoint.state.optimizer = checkpoint.put_optimizer("optimizer", adamw.state());
        if is_best { checkpoints.save_best(&checkpoint) } else { checkpoints.save(step, &checkpoint) }
    };

    while step < plan.steps && !interrupt.is_set() {
        let mut sum = Accumulator::new();
        for _ in 0..plan.accumulate {
            let batch = windows.draw(&mut rng)?;
            let loss = model.loss(&batch.input, &batch.target, &mut Mode::Train(&mut rng))?;
            let mean = train::finite(step + 1, "the loss", f64::from(loss.item()))?;
            sum.add(mean, model.backward(&loss)?, batch.tokens());
        }
        let (loss, grads) = sum.finish()?;
        let lr = schedule.at(step);
        let norm = adamw.step_clipped(&mut model, &grads, lr, plan.clip_norm)?;
        step += 1;

        progress.update(step, loss, plan.accumulate * plan.batch * plan.model.time);
        let mut record =
            Record { step, loss: Some(loss), lr: Some(lr), grad_norm: Some(norm), ..Record::default() };
        if step % plan.evaluate_every == 0 || step == plan.steps {
            let valid = evaluate(&model, corpus, plan)?;
            let sample =
                generate(&model, corpus.tokenizer.as_ref(), sample_from, 120, &demo_sampling(), plan.seed)?;
            progress.print(&report(step, loss, &valid, corpus, &sample));
            record.val_loss = Some(valid.mean());
            record.tokens_per_s = Some(progress.tokens_per_second());
            record.seconds = Some(start.elapsed().as_secs_f64());
            samples.push((step, sample));
            if valid.mean() < best {
                best = valid.mean();
                save(step, &model, &adamw, &rng, best, true)?;
            }
        }
        log.write(&record)?;
        if step % plan.save_every == 0 || step == plan.steps || interrupt.is_set() {
            save(step, &model, &adamw, &rng, best, false)?;
        }
    }
    progress.finish();
    nn::weights::save(&model, &dir.join(WEIGHTS), &nn::weights::Metadata::new())?;

    let records = MetricsFile::read(dir.join(METRICS))?;
    let curve = |value: fn(&Record) -> Option<f64>| -> Vec<(f64, f64)> {
        records.iter().filter_map(|record| Some((record.step as f64, value(record)?))).collect()
    };
    Ok(Outcome {
        model,
        step,
        interrupted: step < plan.steps,
        train: curve(|record| record.loss),
        valid: curve(|record| record.val_loss),
        samples,
        seconds: start.elapsed().as_secs_f64(),
        tokens_per_s: progress.tokens_per_second(),
    })
}

/// Mean loss over the validation text, every token but the first predicted once.
fn evaluate(model: &Gpt, corpus: &Corpus, plan: &Plan) -> Result<LogLoss, Failure> {
    let batches = train::windows(&corpus.valid, 32, plan.model.time)?;
    no_grad(|| {
        train::evaluate(batches, |batch| {
            let loss = model.loss(&batch.input, &batch.target, &mut Mode::Eval)?;
            Ok::<_, Failure>((f64::from(loss.item()), batch.tokens()))
        })
    })
}

fn report(step: u64, loss: f64, valid: &LogLoss, corpus: &Corpus, sample: &str) -> String {
    let bits = valid.mean() / std::f64::consts::LN_2 / corpus.valid_bytes_per_token;
    let sample = sample.trim().lines().take(4).map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "step {step}: train loss {loss:.3}, validation loss {:.3} ({bits:.2} bits per byte)\n{sample}",
        valid.mean()
    )
}

/// How the demo samples: a little sharper than the model's own distribution.
pub(crate) fn demo_sampling() -> Sampling {
    Sampling { temperature: 0.8, top_k: 200, ..Sampling::default() }
}

/// `prompt` and what the model makes of it.
pub(crate) fn generate(
    model: &Gpt,
    tokenizer: &dyn Tokenizer,
    prompt: &str,
    tokens: usize,
    sampling: &Sampling,
    seed: u64,
) -> Result<String, Failure> {
    let ids = tokenizer.encode(prompt)?;
    let sampler = Sampler::new(sampling, model.config().vocab)?;
    let mut rngs = [ChaCha8Rng::seed_from_u64(seed)];
    let mut scorer = GptScorer::new(model);
    let out =
        decode::generate(&mut scorer, std::slice::from_ref(&ids), &sampler, &Stop::after(tokens), &mut rngs)?;
    Ok(tokenizer.decode_lossy(&[&ids[..], &out[0].tokens].concat()))
}

/// Config and tokenizer, which `generate` needs beside the weights.
fn save_inference(dir: &Path, plan: &Plan, corpus: &Corpus) -> Result<(), Failure> {
    let config = serde_json::to_string_pretty(&plan.model)?;
    nn::write_atomically(&dir.join(CONFIG), |out| out.write_all(config.as_bytes()))?;
    nn::write_atomically(&dir.join(TOKENIZER), |out| out.write_all(corpus.tokenizer_json.as_bytes()))?;
    Ok(())
}

/// The model and tokenizer of a run's folder.
pub(crate) fn load(dir: &Path) -> Result<(Gpt, Box<dyn Tokenizer>), Failure> {
    let at = |name: &str| -> PathBuf { dir.join(name) };
    let config = std::fs::read_to_string(at(CONFIG))
        .map_err(|error| format!("{}: {error}; train a model first", at(CONFIG).display()))?;
    let config: GptConfig =
        serde_json::from_str(&config).map_err(|error| format!("{}: {error}", at(CONFIG).display()))?;
    let mut model = Gpt::new(config, &mut ChaCha8Rng::seed_from_u64(0))?;
    nn::weights::load(&mut model, &at(WEIGHTS))?;
    let tokenizer = tokenize::load(at(TOKENIZER))?;
    if tokenizer.vocab_size() != config.vocab {
        let (found, expected) = (tokenizer.vocab_size(), config.vocab);
        return Err(format!("{}: {found} tokens, the model has {expected}", at(TOKENIZER).display()).into());
    }
    Ok((model, tokenizer))
}

/// The loss curves as a picture.
pub(crate) fn save_chart(outcome: &Outcome, title: &str, path: &Path) -> Result<(), Failure> {
    let chart = Chart::new(title)
        .x("step")
        .y("nats per token")
        .smoothed("training", &outcome.train, 0.9)
        .marked("validation", &outcome.valid);
    Ok(Figure::from(chart).save(path)?)
}
