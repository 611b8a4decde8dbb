//! Sizes of a GPT.

use nn::ConfigError;
use serde::{Deserialize, Serialize};

/// Sizes and options of a [`Gpt`](crate::Gpt).
///
/// ```
/// use transformer::GptConfig;
/// let config = GptConfig { layers: 6, heads: 6, d_model: 384, time: 256, ..GptConfig::new(65) };
/// assert_eq!(config.d_head(), 64);
/// assert!(GptConfig { heads: 5, ..config }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GptConfig {
    /// Number of different tokens.
    pub vocab: usize,
    /// Longest sequence, in tokens.
    pub time: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads per block; divides `d_model`.
    pub heads: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Probability of dropping a value of the embeddings, attention weights and branch outputs in training.
    pub dropout: f64,
    /// Whether linear layers and layer norms have biases (GPT-2 has them).
    pub bias: bool,
    /// Whether the output layer is the token embedding (as in GPT-2) and no matrix of its own.
    pub tied: bool,
}

impl GptConfig {
    /// nanoGPT's setting for a CPU: 4 layers, 4 heads, width 128, 64 tokens, no dropout, no biases, tied.
    pub fn new(vocab: usize) -> Self {
        Self { vocab, time: 64, layers: 4, heads: 4, d_model: 128, dropout: 0.0, bias: false, tied: true }
    }

    /// Width of one head.
    pub fn d_head(&self) -> usize {
        self.d_model / self.heads
    }

    /// Width of the feed-forward layer, four times that of the residual stream.
    pub fn d_ff(&self) -> usize {
        4 * self.d_model
    }

    /// Checks that a model can be built.
    ///
    /// # Errors
    /// If a size is 0, `heads` does not divide `d_model`, or `dropout` is not in `[0, 1)`.
    pub fn check(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("vocab", self.vocab),
            ("time", self.time),
            ("layers", self.layers),
            ("heads", self.heads),
            ("d_model", self.d_model),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(ConfigError::new("gpt", name, 0, "at least 1"));
        }
        if !self.d_model.is_multiple_of(self.heads) {
            let found = format!("{} for d_model {}", self.heads, self.d_model);
            return Err(ConfigError::new("gpt", "heads", found, "a divisor of d_model"));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ConfigError::new("gpt", "dropout", self.dropout, "a number in [0, 1)"));
        }
        Ok(())
    }
}
