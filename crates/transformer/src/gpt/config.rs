//! Sizes of a GPT.

use nn::ConfigError;
use serde::{Deserialize, Serialize};

use crate::config::MOST_PARAMETERS;

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

    /// Width of one head; 0 if there are no heads, which does not [check](Self::check).
    pub fn d_head(&self) -> usize {
        self.d_model.checked_div(self.heads).unwrap_or(0)
    }

    /// Width of the feed-forward layer, four times that of the residual stream.
    pub fn d_ff(&self) -> usize {
        4 * self.d_model
    }

    /// Number of parameters of a [`Gpt`](crate::Gpt) of these sizes; `None` if it is beyond 2⁶⁴.
    ///
    /// With `d = d_model`: `vocab·d + time·d` for the embeddings, `12·d² + 2·d` for each block, `d` for the last
    /// norm, `vocab·d` again if the output layer is not tied, and with biases `11·d` more in each block and `d` in the
    /// last norm.
    ///
    /// ```
    /// use transformer::GptConfig;
    /// let small = GptConfig { layers: 12, heads: 12, d_model: 768, ..GptConfig::new(50_257) };
    /// let gpt2 = GptConfig { time: 1024, bias: true, ..small };
    /// assert_eq!(gpt2.parameter_count(), Some(124_439_808));
    /// ```
    pub fn parameter_count(&self) -> Option<u64> {
        let [vocab, time, layers, d] =
            [self.vocab, self.time, self.layers, self.d_model].map(|size| size as u64);
        let bias = u64::from(self.bias);
        let embeddings = vocab.checked_mul(2 - u64::from(self.tied))?.checked_add(time)?.checked_mul(d)?;
        let block = d.checked_mul(12)?.checked_add(2 + 11 * bias)?.checked_mul(d)?;
        let norm = d.checked_mul(1 + bias)?;
        block.checked_mul(layers)?.checked_add(embeddings)?.checked_add(norm)
    }

    /// Checks that a model can be built.
    ///
    /// ```
    /// let config = transformer::GptConfig { layers: 0, ..transformer::GptConfig::new(65) };
    /// assert_eq!(config.check().unwrap_err().to_string(), "gpt: `layers` is 0, expected at least 1");
    /// ```
    ///
    /// # Errors
    /// If a size is 0, `heads` does not divide `d_model`, `dropout` is not in `[0, 1)`, or there would be over 2⁴⁰
    /// parameters.
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
        if self.parameter_count().is_none_or(|count| count > MOST_PARAMETERS) {
            let found = format!(
                "{}, {}, {}, {}, more than {MOST_PARAMETERS} parameters",
                self.vocab, self.time, self.layers, self.d_model
            );
            return Err(ConfigError::new("gpt", "vocab, time, layers, d_model", found, "smaller sizes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gpt;
    use nn::Module;
    use rand::SeedableRng;

    #[test]
    fn parameters_are_counted_without_making_them() {
        for (bias, tied) in [(false, false), (false, true), (true, false), (true, true)] {
            let config =
                GptConfig { time: 5, layers: 3, heads: 2, d_model: 8, bias, tied, ..GptConfig::new(7) };
            let model = Gpt::<f32>::new(config, &mut rand_chacha::ChaCha8Rng::seed_from_u64(1)).unwrap();
            assert_eq!(config.parameter_count(), Some(model.parameter_count() as u64));
        }
        assert_eq!(GptConfig { heads: 0, ..GptConfig::new(7) }.d_head(), 0);
        for huge in [1 << 32, 1 << 62, usize::MAX - 3] {
            let error = GptConfig { d_model: huge, ..GptConfig::new(7) }.check().unwrap_err();
            assert!(error.to_string().contains("d_model"), "{error}");
        }
    }
}
