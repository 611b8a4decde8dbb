//! Training, the same for every model.

use nn::optim::{Adam, Optim, Optimizer};
use nn::schedule::Schedule;
use nn::{CrossEntropy, Ema, Mode};
use rand_chacha::ChaCha8Rng;
use recurrent::length_batches;
use train::{Interrupt, Progress};

use super::batch::{Batch, PAD, Pair};
use super::model::Translator;
use crate::Failure;
use crate::clock::processor_seconds;

/// When training ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Budget {
    /// After so many passes over the pairs.
    Epochs(usize),
    /// After so many minutes of processor time, all threads together.
    ProcessorMinutes(f64),
}

/// How models are trained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    pub(crate) budget: Budget,
    pub(crate) batch: usize,
    /// Adam's highest rate, after the warm-up; then half a cosine down to almost nothing.
    pub(crate) peak_lr: f64,
    pub(crate) warm_up: u64,
    pub(crate) label_smoothing: f64,
    /// Decay of the moving average of weights, which is what is kept.
    pub(crate) average: f64,
}

impl Recipe {
    /// The loss that is trained on.
    pub(crate) fn loss(&self) -> CrossEntropy {
        CrossEntropy {
            label_smoothing: self.label_smoothing,
            ignore_index: Some(PAD),
            ..CrossEntropy::default()
        }
    }
}

/// How training went; the time is without the checks.
pub(crate) struct Fitted {
    /// Epoch and loss of each batch.
    pub(crate) losses: Vec<(f64, f64)>,
    pub(crate) epochs: f64,
    pub(crate) processor_seconds: f64,
    /// The pairs of each batch.
    pub(crate) batches: Vec<Vec<usize>>,
    /// Adam's rate at each.
    pub(crate) rates: Vec<f64>,
}

impl Fitted {
    /// Processor time of an epoch.
    pub(crate) fn seconds_per_epoch(&self) -> f64 {
        self.processor_seconds / self.epochs.max(1e-9)
    }
}

/// The cosine has so many parts.
const PARTS: u64 = 1_000_000;

/// Trains `model` on `pairs` and leaves the average of its weights in it. After every epoch `check` sees the model with
/// the average and says something about it. Ends early on an interrupt.
pub(crate) fn fit(
    model: &mut dyn Translator,
    pairs: &[Pair],
    recipe: &Recipe,
    rng: &mut ChaCha8Rng,
    interrupt: &Interrupt,
    mut check: impl FnMut(&dyn Translator, f64) -> Result<String, Failure>,
) -> Result<Fitted, Failure> {
    let lengths: Vec<usize> = pairs.iter().map(|pair| pair.source.len()).collect();
    let options = recipe.loss();
    let schedule = Schedule::cosine(recipe.peak_lr, recipe.peak_lr / 50.0, PARTS);
    let mut adam = Optim::new(Adam { beta2: 0.98, ..Adam::default() })?;
    let mut average = Ema::new(model, recipe.average)?;
    let per_epoch = pairs.len().div_ceil(recipe.batch);
    let shown = match recipe.budget {
        Budget::Epochs(epochs) => (epochs * per_epoch) as u64,
        Budget::ProcessorMinutes(minutes) => (60.0 * minutes) as u64,
    };
    let mut progress = Progress::new(shown);
    let processor = processor_seconds();
    // Checks are not training.
    let mut checked = 0.0;
    let (mut losses, mut batches, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    let mut step = 0;
    'epochs: loop {
        for picked in length_batches(&lengths, recipe.batch, rng) {
            let spent = processor_seconds() - processor - checked;
            let done = match recipe.budget {
                Budget::Epochs(epochs) => step as f64 / (epochs * per_epoch) as f64,
                Budget::ProcessorMinutes(minutes) => spent / (60.0 * minutes),
            };
            if done >= 1.0 || interrupt.is_set() {
                break 'epochs;
            }
            let rows = picked.iter().map(|i| (&pairs[*i].source[..], &pairs[*i].target[..]));
            let batch = Batch::new(rows);
            let loss = model.loss(&batch, &options, &mut Mode::Train(rng))?;
            let value = train::finite(step + 1, "the loss", f64::from(loss.item()))?;
            let grads = model.backward(&loss)?;
            let rise = ((step + 1) as f64 / recipe.warm_up as f64).min(1.0);
            let lr = rise * schedule.at((done * PARTS as f64) as u64);
            adam.step_clipped(&mut *model, &grads, lr, 1.0)?;
            average.update(&*model);
            step += 1;
            losses.push((step as f64 / per_epoch as f64, value));
            batches.push(picked);
            rates.push(lr);
            let at = if let Budget::Epochs(_) = recipe.budget { step } else { spent as u64 };
            progress.update(at, value, batch.tokens);
        }
        let before = processor_seconds();
        average.swap(&mut *model);
        let said = check(&*model, step as f64 / per_epoch as f64)?;
        average.swap(&mut *model);
        checked += processor_seconds() - before;
        if !said.is_empty() {
            progress.print(&said);
        }
    }
    progress.finish();
    average.swap(&mut *model);
    Ok(Fitted {
        losses,
        epochs: step as f64 / per_epoch as f64,
        processor_seconds: processor_seconds() - processor - checked,
        batches,
        rates,
    })
}
