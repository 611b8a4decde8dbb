//! Everything that decides a run.

use nn::schedule::Schedule;
use serde::{Deserialize, Serialize};
use transformer::GptConfig;

/// Sizes and settings of a run; a checkpoint only goes on under the same.
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

    /// Warm-up, then a cosine down to a tenth.
    pub(crate) fn schedule(&self) -> Schedule {
        let decay = (self.steps - self.warm_up.min(self.steps)).max(1);
        Schedule::cosine(self.peak_lr, self.peak_lr / 10.0, decay).warm_up(self.warm_up)
    }

    /// Tokens that one step learns from.
    pub(crate) fn tokens_per_step(&self) -> usize {
        self.accumulate * self.batch * self.model.time
    }
}
