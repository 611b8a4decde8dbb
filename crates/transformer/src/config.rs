//! Sizes and options of the encoder–decoder Transformer.

use nn::{Activation, ConfigError};
use serde::{Deserialize, Serialize};

/// A model with more parameters is a slip in its sizes: no machine holds it.
pub(crate) const MOST_PARAMETERS: u64 = 1 << 40;

/// Where layer norms stand.
///
/// ```
/// # use {rand::SeedableRng, transformer::{Encoder, NormPosition, TransformerConfig}};
/// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// for norm in [NormPosition::Post, NormPosition::Pre] {
///     let config = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, norm, ..Default::default() };
///     assert_eq!(Encoder::<f32>::new(&config, &mut rng)?.norm.is_some(), norm == NormPosition::Pre);
/// }
/// # Ok::<(), nn::ConfigError>(())
/// ```
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
    /// ```
    /// let config = transformer::TransformerConfig { dropout: 1.0, ..Default::default() };
    /// assert_eq!(
    ///     config.check().unwrap_err().to_string(),
    ///     "transformer: `dropout` is 1, expected a number in [0, 1)"
    /// );
    /// ```
    ///
    /// # Errors
    /// If a width is 0, `heads` does not divide `d_model`, `dropout` is not in `[0, 1)`, `eps` not positive, or there
    /// would be over 2⁴⁰ parameters. Stacks without layers are for [`Encoder`](crate::Encoder) and
    /// [`Decoder`](crate::Decoder) to refuse, since each needs its own alone.
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
        if self.parameter_count().is_none_or(|count| count > MOST_PARAMETERS) {
            let Self { d_model, d_ff, encoder_layers, decoder_layers, .. } = self;
            let found = format!("{d_model}, {d_ff}, {encoder_layers}, {decoder_layers}");
            let setting = "d_model, d_ff, encoder_layers, decoder_layers";
            return wrong(setting, found, "at most 2^40 parameters");
        }
        Ok(())
    }

    /// Number of parameters of encoder and decoder; `None` if it is beyond 2⁶⁴. A [`Transformer`](crate::Transformer)
    /// has embeddings and an output layer besides.
    ///
    /// With `d = d_model`: `4·d² + 4·d` for an attention, `2·d·d_ff + d_ff + d` for a feed-forward layer, `2·d` for a
    /// norm; an encoder layer has one, one and two of them, a decoder layer two, one and three.
    ///
    /// ```
    /// // Of the base model; two vocabularies and the output layer make it the 65 million of the paper.
    /// assert_eq!(transformer::TransformerConfig::default().parameter_count(), Some(44_138_496));
    /// ```
    pub fn parameter_count(&self) -> Option<u64> {
        let [d, d_ff, encoder, decoder] =
            [self.d_model, self.d_ff, self.encoder_layers, self.decoder_layers].map(|size| size as u64);
        let norm = d.checked_mul(2)?;
        let attention = d.checked_add(1)?.checked_mul(d)?.checked_mul(4)?;
        let feed_forward = norm.checked_add(1)?.checked_mul(d_ff)?.checked_add(d)?;
        let layers = |count: u64, attentions: u64| {
            let norms = norm.checked_mul(attentions + 1)?;
            let layer = attention.checked_mul(attentions)?.checked_add(feed_forward)?.checked_add(norms)?;
            layer.checked_mul(count)
        };
        let last = if self.norm == NormPosition::Pre { norm.checked_mul(2)? } else { 0 };
        layers(encoder, 1)?.checked_add(layers(decoder, 2)?)?.checked_add(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Encoder};
    use nn::Module;
    use rand::SeedableRng;

    fn small(norm: NormPosition) -> TransformerConfig {
        let (encoder_layers, decoder_layers) = (2, 3);
        TransformerConfig {
            d_model: 6,
            heads: 2,
            d_ff: 7,
            encoder_layers,
            decoder_layers,
            norm,
            ..Default::default()
        }
    }

    #[test]
    fn parameters_are_counted_without_making_them() {
        let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for norm in [NormPosition::Pre, NormPosition::Post] {
            let config = small(norm);
            let encoder = Encoder::<f32>::new(&config, rng).unwrap().parameter_count();
            let decoder = Decoder::<f32>::new(&config, rng).unwrap().parameter_count();
            assert_eq!(config.parameter_count(), Some((encoder + decoder) as u64));
        }
        for huge in [1 << 32, 1 << 62, usize::MAX - 1] {
            let error =
                TransformerConfig { d_model: huge, heads: 1, ..Default::default() }.check().unwrap_err();
            assert!(error.to_string().contains("at most 2^40 parameters"), "{error}");
            assert!(TransformerConfig { encoder_layers: huge, ..Default::default() }.check().is_err());
        }
    }

    #[test]
    fn stacks_check_their_config_and_need_a_layer() {
        let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let config = small(NormPosition::Pre);
        let empty = TransformerConfig { encoder_layers: 0, decoder_layers: 0, ..config };
        let error = Encoder::<f32>::new(&empty, rng).unwrap_err().to_string();
        assert_eq!(error, "encoder: `encoder_layers` is 0, expected at least 1");
        let error = Decoder::<f32>::new(&empty, rng).unwrap_err().to_string();
        assert_eq!(error, "decoder: `decoder_layers` is 0, expected at least 1");
        let wrong = TransformerConfig { heads: 4, ..empty };
        assert_eq!(Decoder::<f32>::new(&wrong, rng).unwrap_err().setting, "heads");
        assert!(Encoder::<f32>::new(&TransformerConfig { decoder_layers: 0, ..config }, rng).is_ok());
    }
}
