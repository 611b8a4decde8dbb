//! The training loop.

use std::path::Path;
use std::time::Instant;

use autograd::no_grad;
use metrics::LogLoss;
use nn::optim::{AdamW, Groups, Optim, Optimizer, OptimizerState};
use nn::schedule::Schedule;
use nn::{Mode, Module};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use train::chart::{Chart, Figure};
use train::{Accumulator, Checkpoint, Checkpoints, MetricsFile, Progress, RandomWindows, Record, TokenFile};
use transformer::Gpt;

use super::sample::{demo_sampling, generate};
use super::{Corpus, Plan, folder};
use crate::Failure;
use crate::args::interrupt;

/// The kind written into checkpoints.
const KIND: &str = "gpt";

/// What is saved beside the tensors.
#[derive(Serialize, Deserialize)]
struct State {
    plan: Plan,
    corpus: [u8; 32],
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

/// A run between two steps.
struct Run<'a> {
    plan: &'a Plan,
    corpus: &'a Corpus,
    dir: &'a Path,
    windows: RandomWindows<&'a TokenFile>,
    schedule: Schedule,
    checkpoints: Checkpoints,
    model: Gpt,
    adamw: Optim<AdamW>,
    rng: ChaCha8Rng,
    step: u64,
    /// Lowest validation loss so far.
    best: f64,
}

/// Trains a GPT by `plan` on `corpus`; goes on from the last checkpoint in `dir` if `resume`, else what an earlier
/// run left there is removed. On Ctrl-C it saves and returns. `sample_from` is the prompt of the samples shown at
/// every evaluation.
pub(crate) fn train(
    plan: &Plan,
    corpus: &Corpus,
    dir: &Path,
    resume: bool,
    sample_from: &str,
) -> Result<Outcome, Failure> {
    let interrupt = interrupt()?;
    let mut run = Run::new(plan, corpus, dir)?;
    if resume {
        run.resume()?;
    } else {
        folder::clear(dir, &run.checkpoints)?;
    }
    folder::save_config(dir, plan, corpus)?;
    let mut log = MetricsFile::resume(folder::metrics(dir), run.step)?;
    let mut progress = Progress::new(plan.steps);
    let mut samples = Vec::new();
    let start = Instant::now();

    while run.step < plan.steps && !interrupt.is_set() {
        let mut record = run.train_step()?;
        progress.update(run.step, record.loss.unwrap_or(f64::NAN), plan.tokens_per_step());
        if run.is_due(plan.evaluate_every) {
            let valid = run.evaluate()?;
            let sample = generate(
                &run.model,
                corpus.tokenizer.as_ref(),
                sample_from,
                120,
                &demo_sampling(),
                plan.seed,
            )?;
            progress.print(&report(&record, &valid, corpus, &sample));
            record.val_loss = Some(valid.mean());
            record.tokens_per_s = Some(progress.tokens_per_second());
            record.seconds = Some(start.elapsed().as_secs_f64());
            samples.push((run.step, sample));
        }
        log.write(&record)?;
        if run.is_due(plan.save_every) || interrupt.is_set() {
            run.checkpoints.save(run.step, &run.checkpoint())?;
        }
    }
    progress.finish();
    folder::save_weights(dir, &run.model)?;

    let records = MetricsFile::read(folder::metrics(dir))?;
    let curve = |value: fn(&Record) -> Option<f64>| -> Vec<(f64, f64)> {
        records.iter().filter_map(|record| Some((record.step as f64, value(record)?))).collect()
    };
    Ok(Outcome {
        model: run.model,
        step: run.step,
        interrupted: run.step < plan.steps,
        train: curve(|record| record.loss),
        valid: curve(|record| record.val_loss),
        samples,
        seconds: start.elapsed().as_secs_f64(),
        tokens_per_s: progress.tokens_per_second(),
    })
}

impl<'a> Run<'a> {
    /// At the first step.
    fn new(plan: &'a Plan, corpus: &'a Corpus, dir: &'a Path) -> Result<Self, Failure> {
        let schedule = plan.schedule();
        schedule.validate()?;
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        let rule = AdamW { beta2: plan.beta2, weight_decay: plan.weight_decay, ..AdamW::default() };
        Ok(Self {
            plan,
            corpus,
            dir,
            windows: RandomWindows::new(&corpus.train, plan.batch, plan.model.time).map_err(|error| {
                format!("the training part of the text: {error}; use a longer text or a smaller --time")
            })?,
            schedule,
            checkpoints: folder::checkpoints(dir)?,
            model: Gpt::new(plan.model, &mut rng)?,
            adamw: Optim::new(rule)?.with_groups(Groups::no_decay_on_1d()),
            rng,
            step: 0,
            best: f64::INFINITY,
        })
    }

    /// Goes to where the last checkpoint was made, if there is one.
    fn resume(&mut self) -> Result<(), Failure> {
        let Some(latest) = self.checkpoints.latest::<State, f32>(KIND)? else {
            println!("no checkpoint in {}: beginning at step 0", self.dir.display());
            return Ok(());
        };
        latest.skipped.iter().for_each(|error| eprintln!("skipped: {error}"));
        let (checkpoint, path) = (latest.checkpoint, latest.path.display());
        if checkpoint.state.plan != *self.plan {
            return Err(format!(
                "{path} was made with other settings: {}",
                differences(&checkpoint.state.plan, self.plan)?
            )
            .into());
        }
        if checkpoint.state.corpus != self.corpus.digest {
            return Err(format!("{path} was made on another text, or with another tokenizer").into());
        }
        checkpoint.restore_model("model", &mut self.model)?;
        let head = checkpoint.state.optimizer.clone();
        self.adamw.load_state(&self.model, &checkpoint.take_optimizer("optimizer", head)?)?;
        State { step: self.step, rng: self.rng, best: self.best, .. } = checkpoint.state;
        println!("going on from step {} of {path}", self.step);
        if self.step == self.plan.steps {
            println!("the run is complete: nothing is left to do");
        }
        Ok(())
    }

    /// One step of the optimiser.
    fn train_step(&mut self) -> Result<Record, Failure> {
        let mut sum = Accumulator::new();
        for _ in 0..self.plan.accumulate {
            let batch = self.windows.draw(&mut self.rng)?;
            let loss = self.model.loss(&batch.input, &batch.target, &mut Mode::Train(&mut self.rng))?;
            let mean = train::finite(self.step + 1, "the loss", f64::from(loss.item()))?;
            sum.add(mean, self.model.backward(&loss)?, batch.tokens());
        }
        let (loss, grads) = sum.finish()?;
        let lr = self.schedule.at(self.step);
        let norm = self
            .adamw
            .step_clipped(&mut self.model, &grads, lr, self.plan.clip_norm)
            .map_err(|error| format!("step {}: {error}", self.step + 1))?;
        self.step += 1;
        Ok(Record {
            step: self.step,
            loss: Some(loss),
            lr: Some(lr),
            grad_norm: Some(norm),
            ..Record::default()
        })
    }

    /// Whether something done every so many steps, and at the end, is due.
    fn is_due(&self, every: u64) -> bool {
        self.step.is_multiple_of(every) || self.step == self.plan.steps
    }

    /// Mean loss over the validation text, every token but the first predicted once; saves the weights, and the
    /// checkpoint if none was better.
    fn evaluate(&mut self) -> Result<LogLoss, Failure> {
        let batches = train::windows(&self.corpus.valid, 32, self.plan.model.time)?;
        let valid = no_grad(|| {
            train::evaluate(batches, |batch| {
                let loss = self.model.loss(&batch.input, &batch.target, &mut Mode::Eval)?;
                Ok::<_, Failure>((f64::from(loss.item()), batch.tokens()))
            })
        })?;
        folder::save_weights(self.dir, &self.model)?;
        if valid.mean() < self.best {
            self.best = valid.mean();
            self.checkpoints.save_best(&self.checkpoint())?;
        }
        Ok(valid)
    }

    fn checkpoint(&self) -> Checkpoint<State> {
        let mut checkpoint = Checkpoint::new(
            KIND,
            State {
                plan: self.plan.clone(),
                corpus: self.corpus.digest,
                step: self.step,
                rng: self.rng.clone(),
                best: self.best,
                optimizer: OptimizerState::default(),
            },
        );
        checkpoint.put_model("model", &self.model);
        checkpoint.state.optimizer = checkpoint.put_optimizer("optimizer", self.adamw.state());
        checkpoint
    }
}

/// Which settings differ: `steps 600, now 700`.
fn differences(then: &Plan, now: &Plan) -> Result<String, Failure> {
    fn flatten(prefix: &str, value: serde_json::Value, out: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.into_iter().for_each(|(name, value)| flatten(&format!("{prefix}{name} "), value, out));
            }
            other => out.push((prefix.trim_end().to_owned(), other.to_string())),
        }
    }
    let (mut before, mut after) = (Vec::new(), Vec::new());
    flatten("", serde_json::to_value(then)?, &mut before);
    flatten("", serde_json::to_value(now)?, &mut after);
    let differing = before.iter().zip(&after).filter(|(before, after)| before != after);
    Ok(differing
        .map(|((name, was), (_, is))| format!("{name} {was}, now {is}"))
        .collect::<Vec<_>>()
        .join("; "))
}

fn report(record: &Record, valid: &LogLoss, corpus: &Corpus, sample: &str) -> String {
    let bits = valid.mean() / std::f64::consts::LN_2 / corpus.valid_bytes_per_token;
    let sample = sample.trim().lines().take(4).map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "step {}: train loss {:.3}, validation loss {:.3} ({bits:.2} bits per byte)\n{sample}",
        record.step,
        record.loss.unwrap_or(f64::NAN),
        valid.mean()
    )
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
