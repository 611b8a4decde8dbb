//! Sizes and options of the encoder–decoder Transformer.

use nn::{Activation, ConfigError};
use serde::{Deserialize, Serialize};

/// Where layer norms stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormPosition {
    /// `x = norm(x + f(x))`, as in the paper.
    Post,
    /// `x = x + f(norm(x))`, and one more norm at the end: trains without warm-up.
    Pre,
}

/// Sizes and options of a [`Transformer`](crate::Transformer), an [`Encoder`](crate::Encoder) or a
/// [`Decoder`](crate::Decoder).
///
/// ```
/// use transformer::{NormPosition, TransformerConfig};
/// let base = TransformerConfig::default();
/// assert_eq!((base.d_model, base.heads, base.norm), (512, 8, NormPosition::Post));
/// assert!(TransformerConfig { heads: 7, ..base }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// Width of the residual stream.
    pub d_model: usize,
    /// Attention heads; divides `d_model`.
    pub heads: usize,
    /// Layers of the encoder.
    pub encoder_layers: usize,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Width inside the feed-forward layers.
    pub d_ff: usize,
    /// Probability of dropping a value of attention weights, hidden units and branch outputs in training.
    pub dropout: f64,
    /// Between the two linear layers of the feed-forward layer.
    pub activation: Activation,
    /// Where layer norms stand.
    pub norm: NormPosition,
    /// Added to the variance in layer norms.
    pub eps: f64,
}

/// The base model of the paper (Vaswani et al. 2017, table 3).
impl Default for TransformerConfig {
    fn default() -> Self {
        Self {
            d_model: 512,
            heads: 8,
            encoder_layers: 6,
            decoder_layers: 6,
            d_ff: 2048,
            dropout: 0.1,
            activation: Activation::Relu,
            norm: NormPosition::Post,
            eps: 1e-5,
        }
    }
}

impl TransformerConfig {
    /// Checks that a model can be built.
    ///
    /// # Errors
    /// If a width is 0, `heads` does not divide `d_model`, `dropout` is not in `[0, 1)`, or `eps` not positive.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong =
            |setting, found: String, expected| Err(ConfigError::new("transformer", setting, found, expected));
        if self.d_model == 0 || self.d_ff == 0 {
            return wrong("d_model, d_ff", format!("{}, {}", self.d_model, self.d_ff), "at least 1");
        }
        if self.heads == 0 || !self.d_model.is_multiple_of(self.heads) {
            let found = format!("{} for d_model {}", self.heads, self.d_model);
            return wrong("heads", found, "a divisor of d_model");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return wrong("dropout", self.dropout.to_string(), "a number in [0, 1)");
        }
        if self.eps.is_nan() || self.eps <= 0.0 {
            return wrong("eps", self.eps.to_string(), "a number above 0");
        }
        Ok(())
    }
}
