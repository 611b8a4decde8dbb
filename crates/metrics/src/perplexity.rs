//! Perplexity and bits per byte.

/// `exp(nats / tokens)`: how many equally likely tokens would be as surprising. Of no tokens, NaN or infinite.
///
/// ```
/// assert!((metrics::perplexity(10.0 * 4.0_f64.ln(), 10) - 4.0).abs() < 1e-12);
/// ```
pub fn perplexity(nats: f64, tokens: usize) -> f64 {
    (nats / tokens as f64).exp()
}

/// `nats / (ln 2 · bytes)`: comparable over tokenizers. Of no bytes, NaN or infinite.
///
/// ```
/// assert!((metrics::bits_per_byte(8.0 * 2.0_f64.ln(), 4) - 2.0).abs() < 1e-12);
/// ```
pub fn bits_per_byte(nats: f64, bytes: usize) -> f64 {
    nats / (std::f64::consts::LN_2 * bytes as f64)
}

/// Sum of a loss in nats over tokens, from which mean, perplexity and bits per byte follow. Summed, so that
/// batches of different sizes weigh by their tokens.
///
/// ```
/// let mut loss = metrics::LogLoss::new();
/// loss.add(6.0, 3);                               // nats of three tokens
/// loss.add_mean(4.0, 1);                          // a mean over one more
/// assert_eq!((loss.nats(), loss.tokens(), loss.mean()), (10.0, 4, 2.5));
/// assert_eq!(loss.perplexity(), 2.5_f64.exp());
/// assert_eq!(loss.bits_per_byte(20), 10.0 / (20.0 * 2.0_f64.ln()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LogLoss {
    nats: f64,
    tokens: usize,
}

impl LogLoss {
    /// Nothing summed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the summed negative log-likelihood of some tokens.
    pub fn add(&mut self, nats: f64, tokens: usize) {
        self.nats += nats;
        self.tokens += tokens;
    }

    /// Adds a batch by its mean loss. A batch without tokens adds nothing, whatever its mean, which is NaN in PyTorch.
    pub fn add_mean(&mut self, mean: f64, tokens: usize) {
        if tokens > 0 {
            self.add(mean * tokens as f64, tokens);
        }
    }

    /// Summed nats.
    pub fn nats(&self) -> f64 {
        self.nats
    }

    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Mean loss per token in nats; NaN without tokens.
    pub fn mean(&self) -> f64 {
        self.nats / self.tokens as f64
    }

    /// See [`perplexity`].
    pub fn perplexity(&self) -> f64 {
        perplexity(self.nats, self.tokens)
    }

    /// See [`bits_per_byte`]; `bytes` is the size of the text that the tokens encode.
    pub fn bits_per_byte(&self, bytes: usize) -> f64 {
        bits_per_byte(self.nats, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_model_has_the_perplexity_of_its_vocabulary() {
        let mut loss = LogLoss::new();
        loss.add_mean(65.0_f64.ln(), 100);
        loss.add(50.0 * 65.0_f64.ln(), 50);
        assert!((loss.perplexity() - 65.0).abs() < 1e-9);
        assert!((loss.mean() - 65.0_f64.ln()).abs() < 1e-12);
        assert!((loss.bits_per_byte(150) - 65.0_f64.log2()).abs() < 1e-12);
        assert!(LogLoss::new().perplexity().is_nan());
    }

    #[test]
    fn batches_without_tokens_add_nothing() {
        let mut loss = LogLoss::new();
        loss.add_mean(f64::NAN, 0);
        loss.add_mean(2.0, 3);
        assert_eq!((loss.nats(), loss.tokens(), loss.mean()), (6.0, 3, 2.0));
        loss.add_mean(f64::NAN, 1);
        assert!(loss.perplexity().is_nan() && loss.bits_per_byte(8).is_nan());
        assert!(bits_per_byte(0.0, 0).is_nan() && bits_per_byte(1.0, 0).is_infinite());
        assert!(perplexity(0.0, 0).is_nan() && perplexity(1.0, 0).is_infinite());
    }
}
