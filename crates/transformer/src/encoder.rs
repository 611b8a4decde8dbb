//! The encoder: self-attention and feed-forward layers over a source.

use attention::{Mask, MultiHeadAttention};
use autograd::Var;
use nn::{ConfigError, Dropout, FeedForward, LayerNorm, Linear, Mode, feed_forward, module};
use rand::Rng;
use tensor::Element;

use crate::config::{NormPosition, TransformerConfig};
use crate::residual::residual;

/// One layer: self-attention, then feed-forward, each on a residual branch.
///
/// ```
/// use attention::Mask;
/// use autograd::Var;
/// use nn::Mode;
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// use transformer::{EncoderLayer, TransformerConfig};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let config = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
/// let layer = EncoderLayer::<f32>::new(&config, &mut rng)?;
/// let x = Var::constant(Tensor::normal(&[1, 5, 8], 0.0, 1.0, &mut rng));       // (batch, src_time, d_model)
/// let padded = layer.forward(&x, &Mask::lengths(&[3]), &mut Mode::Eval);
/// let short = layer.forward(&x.slice(1, 0..3), &Mask::none(), &mut Mode::Eval);
/// assert!(padded.value().slice(1, 0..3).max_abs_diff(short.value()) < 1e-6);      // padding reaches nothing
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EncoderLayer<E: Element = f32> {
    /// Self-attention.
    pub self_attn: MultiHeadAttention<E>,
    /// `d_model` → `d_ff`.
    pub linear1: Linear<E>,
    /// `d_ff` → `d_model`.
    pub linear2: Linear<E>,
    /// Of the attention branch.
    pub norm1: LayerNorm<E>,
    /// Of the feed-forward branch.
    pub norm2: LayerNorm<E>,
    config: TransformerConfig,
}
module!(EncoderLayer<E> { self_attn, linear1, linear2, norm1, norm2; config });

impl<E: Element> EncoderLayer<E> {
    /// A layer of the sizes in `config`.
    ///
    /// # Errors
    /// If the config does not [check](TransformerConfig::check).
    pub fn new(config: &TransformerConfig, rng: &mut impl Rng) -> Result<Self, ConfigError> {
        config.check()?;
        let self_attn = MultiHeadAttention::new(config.d_model, config.heads, config.dropout, rng)?;
        let FeedForward { linear1, linear2, .. } =
            FeedForward::new(config.d_model, config.d_ff, config.activation, config.dropout, rng)?;
        let [norm1, norm2] = [(); 2].map(|()| LayerNorm::with_eps(config.d_model, config.eps));
        Ok(Self { self_attn, linear1, linear2, norm1, norm2, config: *config })
    }

    /// `x (batch, src_time, d_model)` → the same shape.
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>, mask: &Mask, mode: &mut Mode<'_>) -> Var<E> {
        let config = &self.config;
        let x = residual(x, &self.norm1, config, mode, |x, mode| self.self_attn.forward(x, mask, mode));
        residual(&x, &self.norm2, config, mode, |x, mode| {
            let dropout = Dropout::rate(config.dropout);
            feed_forward(x, &self.linear1, config.activation, &dropout, &self.linear2, mode)
        })
    }
}

/// A stack of [`EncoderLayer`]s; pre-norm stacks end with a norm. PyTorch's names.
///
/// ```
/// use attention::Mask;
/// use autograd::Var;
/// use nn::Mode;
/// use rand::SeedableRng;
/// use transformer::{Encoder, TransformerConfig};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let config = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, encoder_layers: 2, ..Default::default() };
/// let encoder = Encoder::<f32>::new(&config, &mut rng)?;
/// let x = Var::constant(tensor::Tensor::ones(&[2, 5, 8]));                       // (batch, time, d_model)
/// let y = encoder.forward(&x, &Mask::lengths(&[5, 3]), &mut Mode::Eval);         // (batch, time, d_model)
/// assert_eq!(y.shape(), [2, 5, 8]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder<E: Element = f32> {
    /// The layers, first to last.
    pub layers: Vec<EncoderLayer<E>>,
    /// After the last layer.
    pub norm: Option<LayerNorm<E>>,
}
module!(Encoder<E> { layers, norm });

impl<E: Element> Encoder<E> {
    /// A stack of `config.encoder_layers` layers.
    ///
    /// # Errors
    /// If the config does not [check](TransformerConfig::check) or there are no layers.
    pub fn new(config: &TransformerConfig, rng: &mut impl Rng) -> Result<Self, ConfigError> {
        config.check()?;
        if config.encoder_layers == 0 {
            return Err(ConfigError::new("encoder", "encoder_layers", 0, "at least 1"));
        }
        let layers = (0..config.encoder_layers).map(|_| EncoderLayer::new(config, rng));
        Ok(Self { layers: layers.collect::<Result<_, _>>()?, norm: final_norm(config) })
    }

    /// `x (batch, src_time, d_model)` → the same shape.
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>, mask: &Mask, mode: &mut Mode<'_>) -> Var<E> {
        let x = self.layers.iter().fold(x.clone(), |x, layer| layer.forward(&x, mask, mode));
        self.norm.as_ref().map_or_else(|| x.clone(), |norm| norm.forward(&x))
    }
}

/// The norm after a pre-norm stack.
pub(crate) fn final_norm<E: Element>(config: &TransformerConfig) -> Option<LayerNorm<E>> {
    (config.norm == NormPosition::Pre).then(|| LayerNorm::with_eps(config.d_model, config.eps))
}
