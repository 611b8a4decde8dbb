//! The encoder–decoder Transformer from tokens to tokens.

use attention::{Mask, sinusoidal};
use autograd::{Var, no_grad};
use nn::{ConfigError, CrossEntropy, Dropout, Embedding, Linear, Mode, module};
use rand::Rng;
use tensor::{Element, Ids, Tensor};

use crate::config::TransformerConfig;
use crate::decoder::{Decoder, DecoderCache};
use crate::encoder::Encoder;
use crate::input::InputError;

/// The Transformer of Vaswani et al. 2017: embeddings scaled by `√d_model` plus sinusoidal positions, encoder,
/// decoder, output layer.
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// use tensor::Ids;
/// use transformer::{Transformer, TransformerConfig};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let sizes = TransformerConfig {
///     d_model: 8, heads: 2, d_ff: 16, encoder_layers: 1, decoder_layers: 1, ..Default::default()
/// };
/// let model = Transformer::<f32>::new(&sizes, 11, 13, &mut rng)?;
/// let source = Ids::new(vec![1, 2, 3, 4, 5, 0], &[2, 3]);                        // (batch, src_time)
/// let target = Ids::new(vec![1, 2, 1, 2], &[2, 2]);                              // (batch, tgt_time)
/// let logits = model.forward(&source, &[3, 2], &target, &mut Mode::Eval)?;       // (batch, tgt_time, tgt_vocab)
/// assert_eq!(logits.shape(), [2, 2, 13]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Transformer<E: Element = f32> {
    /// Source tokens, `(src_vocab, d_model)`.
    pub src_embed: Embedding<E>,
    /// Target tokens, `(tgt_vocab, d_model)`.
    pub tgt_embed: Embedding<E>,
    /// Over the source.
    pub encoder: Encoder<E>,
    /// Over the target.
    pub decoder: Decoder<E>,
    /// `d_model` → `tgt_vocab`.
    pub generator: Linear<E>,
    config: TransformerConfig,
}
module!(Transformer<E> { src_embed, tgt_embed, encoder, decoder, generator; config });

/// A source that was encoded, and what the decoder remembers of the target so far.
#[derive(Clone)]
pub struct Seq2SeqState<E: Element = f32> {
    cache: DecoderCache<E>,
    lengths: Vec<usize>,
}

impl<E: Element> Seq2SeqState<E> {
    /// Makes batch item `i` what item `parents[i]` was. Panics if a parent is out of range.
    #[track_caller]
    pub fn reorder(&mut self, parents: &[usize]) {
        self.cache.reorder(parents);
        self.lengths = parents.iter().map(|parent| self.lengths[*parent]).collect();
    }
}

impl<E: Element> Transformer<E> {
    /// A model with PyTorch's random start of the layers and embeddings N(0, 1/d_model).
    ///
    /// # Errors
    /// If the config does not [check](TransformerConfig::check) or a vocabulary is empty.
    pub fn new(
        config: &TransformerConfig,
        src_vocab: usize,
        tgt_vocab: usize,
        rng: &mut impl Rng,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        if src_vocab == 0 || tgt_vocab == 0 {
            let found = format!("{src_vocab} and {tgt_vocab}");
            return Err(ConfigError::new("transformer", "vocabularies", found, "at least 1 each"));
        }
        let std = E::from_f64((config.d_model as f64).powf(-0.5));
        let mut embed =
            |vocab| Embedding::from_weight(Tensor::normal(&[vocab, config.d_model], E::ZERO, std, rng));
        Ok(Self {
            src_embed: embed(src_vocab),
            tgt_embed: embed(tgt_vocab),
            encoder: Encoder::new(config, rng)?,
            decoder: Decoder::new(config, rng)?,
            generator: Linear::new(config.d_model, tgt_vocab, true, rng)?,
            config: *config,
        })
    }

    /// Logits of the next target token at every position: `source (batch, src_time)` with `lengths` valid tokens
    /// each, `target (batch, tgt_time)` → `(batch, tgt_time, tgt_vocab)`.
    ///
    /// # Errors
    /// If an id is no token of its vocabulary or the shapes are not `(batch, time)` of one batch.
    pub fn forward(
        &self,
        source: &Ids,
        lengths: &[usize],
        target: &Ids,
        mode: &mut Mode<'_>,
    ) -> Result<Var<E>, InputError> {
        self.check(source, lengths, target)?;
        let memory_mask = Mask::lengths(lengths);
        let memory = self.encode(source, &memory_mask, mode); // (batch, src_time, d_model)
        let x = self.embed(&self.tgt_embed, target, 0, mode); // (batch, tgt_time, d_model)
        let x = self.decoder.forward(&x, &memory, &Mask::causal(), &memory_mask, mode);
        Ok(self.generator.forward(&x))
    }

    /// Mean cross-entropy in nats of `next (batch, tgt_time)` given `target`, with `options` for padding and
    /// smoothing.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also if a target is no token of the vocabulary.
    pub fn loss(
        &self,
        source: &Ids,
        lengths: &[usize],
        target: &Ids,
        next: &Ids,
        options: &CrossEntropy,
        mode: &mut Mode<'_>,
    ) -> Result<Var<E>, InputError> {
        let logits = self.forward(source, lengths, target, mode)?;
        Ok(options.forward(&logits, next)?)
    }

    /// Encodes `source (batch, src_time)` once, to decode from with [`next_logits`](Self::next_logits).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn start(&self, source: &Ids, lengths: &[usize]) -> Result<Seq2SeqState<E>, InputError> {
        self.check_source(source, lengths)?;
        let memory = no_grad(|| self.encode(source, &Mask::lengths(lengths), &mut Mode::Eval));
        Ok(Seq2SeqState { cache: no_grad(|| self.decoder.start(&memory)), lengths: lengths.to_vec() })
    }

    /// Logits after the target tokens `ids (batch, new)`, which continue what `state` has seen →
    /// `(batch, tgt_vocab)`.
    ///
    /// # Errors
    /// If an id is no token of the target vocabulary.
    pub fn next_logits(&self, ids: &Ids, state: &mut Seq2SeqState<E>) -> Result<Tensor<E>, InputError> {
        if ids.rank() != 2 || ids.is_empty() {
            return Err(InputError::NotBatchTime { shape: ids.shape().to_vec() });
        }
        let time = ids.shape()[1];
        ids.check_below(self.tgt_embed.weight.value().dim(0), "target token")?;
        no_grad(|| {
            let x = self.embed(&self.tgt_embed, ids, state.cache.len(), &mut Mode::Eval);
            let mask = Mask::lengths(&state.lengths);
            let x = self.decoder.forward_cached(&x, &mut state.cache, &mask); // (batch, new, d_model)
            Ok(self.generator.forward(&x.select(1, time - 1)).into_value())
        })
    }

    fn encode(&self, source: &Ids, mask: &Mask, mode: &mut Mode<'_>) -> Var<E> {
        self.encoder.forward(&self.embed(&self.src_embed, source, 0, mode), mask, mode)
    }

    /// `dropout(√d_model · embedding + positions)`, `ids (batch, time)` → `(batch, time, d_model)`.
    fn embed(&self, table: &Embedding<E>, ids: &Ids, first: usize, mode: &mut Mode<'_>) -> Var<E> {
        let (time, d_model) = (ids.shape()[1], self.config.d_model);
        let positions = Var::constant(sinusoidal(first, time, d_model)); // (time, d_model)
        let x = table.lookup(ids) * E::from_f64((d_model as f64).sqrt()) + positions;
        Dropout::rate(self.config.dropout).forward(&x, mode)
    }

    fn check(&self, source: &Ids, lengths: &[usize], target: &Ids) -> Result<(), InputError> {
        self.check_source(source, lengths)?;
        if target.rank() != 2 || target.is_empty() || target.shape()[0] != source.shape()[0] {
            return Err(InputError::NotBatchTime { shape: target.shape().to_vec() });
        }
        Ok(target.check_below(self.tgt_embed.weight.value().dim(0), "target token")?)
    }

    fn check_source(&self, source: &Ids, lengths: &[usize]) -> Result<(), InputError> {
        if source.rank() != 2 || source.is_empty() {
            return Err(InputError::NotBatchTime { shape: source.shape().to_vec() });
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        if lengths.len() != source.shape()[0] || longest > source.shape()[1] {
            return Err(InputError::Length { tokens: longest, most: source.shape()[1] });
        }
        Ok(source.check_below(self.src_embed.weight.value().dim(0), "source token")?)
    }
}
