//! The decoder: self-attention, attention to the source, feed-forward.

use attention::{KvCache, Mask, MultiHeadAttention, attention_weights};
use autograd::Var;
use nn::{ConfigError, Dropout, FeedForward, LayerNorm, Linear, Mode, feed_forward, module};
use rand::Rng;
use tensor::{Element, Tensor};

use crate::config::TransformerConfig;
use crate::encoder::final_norm;
use crate::residual::residual;

/// One layer: causal self-attention, cross-attention to the encoder's output, feed-forward.
///
/// ```
/// use attention::Mask;
/// use autograd::Var;
/// use nn::Mode;
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// use transformer::{DecoderLayer, TransformerConfig};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let config = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
/// let layer = DecoderLayer::<f32>::new(&config, &mut rng)?;
/// let [x, memory] = [3, 5].map(|time| Var::constant(Tensor::normal(&[2, time, 8], 0.0, 1.0, &mut rng)));
/// let mut run = |x| layer.forward(x, &memory, &Mask::causal(), &Mask::lengths(&[5, 4]), &mut Mode::Eval);
/// let y = run(&x);                                                      // (batch, tgt_time, d_model)
/// let first = run(&x.slice(1, 0..1));                                   // does not depend on what follows
/// assert!(y.value().slice(1, 0..1).max_abs_diff(first.value()) < 1e-6);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DecoderLayer<E: Element = f32> {
    /// Self-attention.
    pub self_attn: MultiHeadAttention<E>,
    /// Attention to the source.
    pub multihead_attn: MultiHeadAttention<E>,
    /// `d_model` → `d_ff`.
    pub linear1: Linear<E>,
    /// `d_ff` → `d_model`.
    pub linear2: Linear<E>,
    /// Of the self-attention branch.
    pub norm1: LayerNorm<E>,
    /// Of the cross-attention branch.
    pub norm2: LayerNorm<E>,
    /// Of the feed-forward branch.
    pub norm3: LayerNorm<E>,
    config: TransformerConfig,
}
module!(DecoderLayer<E> { self_attn, multihead_attn, linear1, linear2, norm1, norm2, norm3; config });

impl<E: Element> DecoderLayer<E> {
    /// A layer of the sizes in `config`.
    ///
    /// # Errors
    /// If the config does not [check](TransformerConfig::check).
    pub fn new(config: &TransformerConfig, rng: &mut impl Rng) -> Result<Self, ConfigError> {
        config.check()?;
        let self_attn = MultiHeadAttention::new(config.d_model, config.heads, config.dropout, rng)?;
        let multihead_attn = MultiHeadAttention::new(config.d_model, config.heads, config.dropout, rng)?;
        let FeedForward { linear1, linear2, .. } =
            FeedForward::new(config.d_model, config.d_ff, config.activation, config.dropout, rng)?;
        let [norm1, norm2, norm3] = [(); 3].map(|()| LayerNorm::with_eps(config.d_model, config.eps));
        Ok(Self { self_attn, multihead_attn, linear1, linear2, norm1, norm2, norm3, config: *config })
    }

    /// `x (batch, tgt_time, d_model)`, `memory (batch, src_time, d_model)` → `(batch, tgt_time, d_model)`.
    ///
    /// # Panics
    /// If the shapes or the masks do not fit together.
    #[track_caller]
    pub fn forward(
        &self,
        x: &Var<E>,
        memory: &Var<E>,
        mask: &Mask,
        memory_mask: &Mask,
        mode: &mut Mode<'_>,
    ) -> Var<E> {
        self.forward_seen(x, memory, mask, memory_mask, mode, |_| ())
    }

    /// [`forward`](Self::forward); `look` sees the queries' input to the attention to the source.
    #[track_caller]
    fn forward_seen(
        &self,
        x: &Var<E>,
        memory: &Var<E>,
        mask: &Mask,
        memory_mask: &Mask,
        mode: &mut Mode<'_>,
        look: impl FnOnce(&Var<E>),
    ) -> Var<E> {
        let config = &self.config;
        let x = residual(x, &self.norm1, config, mode, |x, mode| self.self_attn.forward(x, mask, mode));
        let x = residual(&x, &self.norm2, config, mode, |x, mode| {
            look(x);
            self.multihead_attn.forward_cross(x, memory, memory_mask, mode)
        });
        self.feed_forward(&x, mode)
    }

    fn feed_forward(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        residual(x, &self.norm3, &self.config, mode, |x, mode| {
            let (f, dropout) = (self.config.activation, Dropout::rate(self.config.dropout));
            feed_forward(x, &self.linear1, f, &dropout, &self.linear2, mode)
        })
    }

    /// `asked` becomes the queries to the source, `(batch, heads, new, d_head)`.
    fn forward_cached(
        &self,
        x: &Var<E>,
        cache: &mut LayerCache<E>,
        memory_mask: &Mask,
        asked: &mut Option<Tensor<E>>,
    ) -> Var<E> {
        let (config, mode) = (&self.config, &mut Mode::Eval);
        let LayerCache { past, source } = cache;
        let x = residual(x, &self.norm1, config, mode, |x, _| self.self_attn.forward_cached(x, past));
        let x = residual(&x, &self.norm2, config, mode, |x, mode| {
            let (k, v) = (Var::constant(source.keys()), Var::constant(source.values()));
            let q = self.multihead_attn.queries(x);
            *asked = Some(q.value().clone());
            self.multihead_attn.attend_projected(&q, &k, &v, memory_mask, mode)
        });
        self.feed_forward(&x, mode)
    }
}

/// A stack of [`DecoderLayer`]s; pre-norm stacks end with a norm. PyTorch's names.
///
/// ```
/// use attention::Mask;
/// use autograd::Var;
/// use nn::Mode;
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// use transformer::{Decoder, TransformerConfig};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let sizes = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
/// let decoder = Decoder::<f32>::new(&sizes, &mut rng)?;
/// let [x, memory] = [3, 5].map(|time| Var::constant(Tensor::normal(&[1, time, 8], 0.0, 1.0, &mut rng)));
/// let whole = decoder.forward(&x, &memory, &Mask::causal(), &Mask::none(), &mut Mode::Eval);
/// // Step by step it is the same.
/// let mut cache = decoder.start(&memory);
/// for t in 0..3 {
///     let step = decoder.forward_cached(&x.slice(1, t..t + 1), &mut cache, &Mask::none());
///     assert!(whole.value().slice(1, t..t + 1).max_abs_diff(step.value()) < 1e-6);
/// }
/// assert_eq!(cache.len(), 3);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder<E: Element = f32> {
    /// The layers, first to last.
    pub layers: Vec<DecoderLayer<E>>,
    /// After the last layer.
    pub norm: Option<LayerNorm<E>>,
}
module!(Decoder<E> { layers, norm });

/// What one layer remembers between steps of decoding.
#[derive(Clone)]
struct LayerCache<E: Element> {
    /// Keys and values of the target so far.
    past: KvCache<E>,
    /// Keys and values of the source, computed once.
    source: KvCache<E>,
}

/// What a decoder remembers between steps: made from the source, grown by each step.
///
/// ```
/// # use {attention::Mask, rand::SeedableRng, tensor::Tensor, transformer::{Decoder, TransformerConfig}};
/// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// # let config = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
/// # let decoder = Decoder::<f32>::new(&config, &mut rng)?;
/// let memory = Tensor::normal(&[2, 5, 8], 0.0, 1.0, &mut rng).into();          // (batch, src_time, d_model)
/// let mut cache = decoder.start(&memory);
/// assert!(cache.is_empty());
/// let x = Tensor::normal(&[2, 1, 8], 0.0, 1.0, &mut rng).into();
/// decoder.forward_cached(&x, &mut cache, &Mask::none());
/// cache.reorder(&[1, 1, 0]);                                                  // a beam forks its second row
/// let next = decoder.forward_cached(&Tensor::ones(&[3, 1, 8]).into(), &mut cache, &Mask::none());
/// let row = |row: usize| next.value().select(0, row);
/// assert!(row(0).max_abs_diff(&row(1)) < 1e-6 && row(0).max_abs_diff(&row(2)) > 1e-3);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct DecoderCache<E: Element = f32> {
    layers: Vec<LayerCache<E>>,
    /// The last layer's last queries to the source, `(batch, heads, new, d_head)`.
    asked: Option<Tensor<E>>,
}

impl<E: Element> DecoderCache<E> {
    /// Target tokens seen so far.
    pub fn len(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.past.len())
    }

    /// Whether no target token was seen.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes batch item `i` what item `parents[i]` was. Panics if a parent is out of range.
    #[track_caller]
    pub fn reorder(&mut self, parents: &[usize]) {
        for layer in &mut self.layers {
            layer.past.reorder(parents);
            layer.source.reorder(parents);
        }
        // They were of other rows.
        self.asked = None;
    }

    /// Where batch item `row` looked in the first `length` positions of its source, in the last layer and as the last
    /// target token was read, the mean over the heads: `(length)`. `None` before the first token.
    pub(crate) fn source_weights(&self, row: usize, length: usize) -> Option<Tensor<E>> {
        let (source, asked) = (&self.layers.last()?.source, self.asked.as_ref()?);
        let q = asked.slice(0, row..row + 1).slice(2, asked.dim(2) - 1..asked.dim(2)); // (1, heads, 1, d_head)
        let k = source.keys().slice(0, row..row + 1).slice(2, 0..length); // (1, heads, length, d_head)
        let weights = attention_weights(&Var::constant(q), &Var::constant(k), &Mask::none());
        Some(weights.into_value().mean_axis(1, false).reshape(&[length]))
    }
}

impl<E: Element> Decoder<E> {
    /// A stack of `config.decoder_layers` layers.
    ///
    /// # Errors
    /// If the config does not [check](TransformerConfig::check) or there are no layers.
    pub fn new(config: &TransformerConfig, rng: &mut impl Rng) -> Result<Self, ConfigError> {
        config.check()?;
        if config.decoder_layers == 0 {
            return Err(ConfigError::new("decoder", "decoder_layers", 0, "at least 1"));
        }
        let layers = (0..config.decoder_layers).map(|_| DecoderLayer::new(config, rng));
        Ok(Self { layers: layers.collect::<Result<_, _>>()?, norm: final_norm(config) })
    }

    /// `x (batch, tgt_time, d_model)`, `memory (batch, src_time, d_model)` → `(batch, tgt_time, d_model)`.
    /// `mask` is that of the target, usually causal.
    ///
    /// # Panics
    /// If the shapes or the masks do not fit together.
    #[track_caller]
    pub fn forward(
        &self,
        x: &Var<E>,
        memory: &Var<E>,
        mask: &Mask,
        memory_mask: &Mask,
        mode: &mut Mode<'_>,
    ) -> Var<E> {
        let step = |x: Var<E>, layer: &DecoderLayer<E>| layer.forward(&x, memory, mask, memory_mask, mode);
        let x = self.layers.iter().fold(x.clone(), step);
        self.finish(x)
    }

    /// The weights of each layer's attention to the source, `(batch, heads, tgt_time, src_time)`, without dropout.
    ///
    /// ```
    /// # use {attention::Mask, rand::SeedableRng, tensor::Tensor, transformer::{Decoder, TransformerConfig}};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let config = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
    /// # let decoder = Decoder::<f32>::new(&config, &mut rng)?;
    /// let [x, memory] = [3, 4].map(|time| Tensor::normal(&[1, time, 8], 0.0, 1.0, &mut rng).into());
    /// let weights = decoder.source_weights(&x, &memory, &Mask::causal(), &Mask::lengths(&[2]));
    /// assert_eq!((weights.len(), weights[0].shape()), (6, &[1, 2, 3, 4][..]));        // of six layers
    /// let sums = weights[5].slice(-1, 0..2).sum_axis(-1, false);      // all of it on the two keys there are
    /// assert!(sums.to_vec().iter().all(|sum| (sum - 1.0).abs() < 1e-6));
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Panics
    /// If the shapes or the masks do not fit together.
    #[track_caller]
    pub fn source_weights(
        &self,
        x: &Var<E>,
        memory: &Var<E>,
        mask: &Mask,
        memory_mask: &Mask,
    ) -> Vec<Tensor<E>> {
        let (mut x, mut weights) = (x.clone(), Vec::with_capacity(self.layers.len()));
        for layer in &self.layers {
            x = layer.forward_seen(&x, memory, mask, memory_mask, &mut Mode::Eval, |query| {
                weights.push(layer.multihead_attn.weights(query, memory, memory_mask).into_value());
            });
        }
        weights
    }

    /// An empty cache for decoding from `memory (batch, src_time, d_model)`.
    pub fn start(&self, memory: &Var<E>) -> DecoderCache<E> {
        let layer = |layer: &DecoderLayer<E>| {
            let [k, v] = layer.multihead_attn.keys_and_values(memory);
            let mut source = KvCache::new();
            source.append(k.value(), v.value());
            LayerCache { past: KvCache::new(), source }
        };
        DecoderCache { layers: self.layers.iter().map(layer).collect(), asked: None }
    }

    /// The rows of [`forward`](Self::forward) for new positions `x (batch, new, d_model)` that continue what
    /// `cache` has seen, under a causal mask.
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn forward_cached(&self, x: &Var<E>, cache: &mut DecoderCache<E>, memory_mask: &Mask) -> Var<E> {
        let DecoderCache { layers, asked } = cache;
        let layers = self.layers.iter().zip(layers);
        let step = |x: Var<E>, (layer, cache): (&DecoderLayer<E>, &mut LayerCache<E>)| {
            layer.forward_cached(&x, cache, memory_mask, asked)
        };
        let x = layers.fold(x.clone(), step);
        self.finish(x)
    }

    fn finish(&self, x: Var<E>) -> Var<E> {
        match &self.norm {
            Some(norm) => norm.forward(&x),
            None => x,
        }
    }
}
