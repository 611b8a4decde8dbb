//! The encoder–decoder Transformer from tokens to tokens.

use attention::{Mask, sinusoidal};
use autograd::{Var, no_grad};
use nn::{ConfigError, CrossEntropy, Dropout, Embedding, Linear, Mode, module};
use rand::Rng;
use tensor::{Element, Ids, Tensor};

use crate::config::{MOST_PARAMETERS, TransformerConfig};
use crate::decoder::{Decoder, DecoderCache};
use crate::encoder::Encoder;
use crate::input::{InputError, check_lengths, same_batch};

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
///
/// ```
/// # use {rand::SeedableRng, tensor::Ids, transformer::{Transformer, TransformerConfig}};
/// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// # let sizes = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
/// # let model = Transformer::<f32>::new(&sizes, 11, 13, &mut rng)?;
/// let mut state = model.start(&Ids::new(vec![3, 4, 5, 0], &[2, 2]), &[2, 1])?;    // (batch, src_time)
/// assert_eq!(state.batch(), 2);
/// state.reorder(&[0, 0, 1]);                                           // two hypotheses of the first source
/// let logits = model.next_logits(&Ids::new(vec![1; 3], &[3, 1]), &mut state)?;    // (batch, tgt_vocab)
/// let row = |row: usize| logits.select(0, row);
/// assert!(row(0).max_abs_diff(&row(1)) < 1e-6 && row(0).max_abs_diff(&row(2)) > 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Seq2SeqState<E: Element = f32> {
    cache: DecoderCache<E>,
    lengths: Vec<usize>,
}

impl<E: Element> Seq2SeqState<E> {
    /// Number of sequences.
    pub fn batch(&self) -> usize {
        self.lengths.len()
    }

    /// Makes batch item `i` what item `parents[i]` was. Panics if a parent is out of range.
    #[track_caller]
    pub fn reorder(&mut self, parents: &[usize]) {
        self.cache.reorder(parents);
        self.lengths = parents.iter().map(|parent| self.lengths[*parent]).collect();
    }

    /// Where batch item `row` looked in its source as the last token was read; see [`DecoderCache::source_weights`].
    pub(crate) fn source_weights(&self, row: usize) -> Option<Tensor<E>> {
        no_grad(|| self.cache.source_weights(row, self.lengths[row]))
    }
}

impl<E: Element> Transformer<E> {
    /// A model with PyTorch's random start of the layers and embeddings N(0, 1/d_model).
    ///
    /// # Errors
    /// If the config does not [check](TransformerConfig::check), a vocabulary or a stack is empty, or there would be
    /// over 2⁴⁰ parameters.
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
        let embeddings =
            (tgt_vocab as u64).checked_mul(2).and_then(|rows| rows.checked_add(src_vocab as u64));
        let embeddings = embeddings.and_then(|rows| rows.checked_mul(config.d_model as u64));
        if embeddings.is_none_or(|count| count > MOST_PARAMETERS) {
            let found = format!("{src_vocab} and {tgt_vocab} for d_model {}", config.d_model);
            return Err(ConfigError::new("transformer", "vocabularies", found, "at most 2^40 parameters"));
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
    /// each, `target (batch, tgt_time)` → `(batch, tgt_time, tgt_vocab)`. To a source of length 0 nothing is attended.
    ///
    /// # Errors
    /// If an id is no token of its vocabulary, the shapes are not `(batch, time)` of one batch, or a length exceeds
    /// `src_time`. A length of 0 is no error: unlike a recurrent encoder, attention needs no token.
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
    /// ```
    /// # use {nn::Mode, rand::SeedableRng, tensor::Ids, transformer::{Transformer, TransformerConfig}};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let sizes = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
    /// # let model = Transformer::<f32>::new(&sizes, 11, 13, &mut rng)?;
    /// use nn::CrossEntropy;
    /// let source = Ids::new(vec![3, 4, 5], &[1, 3]);
    /// let options = CrossEntropy { ignore_index: Some(0), ..CrossEntropy::default() };
    /// let mut loss = |target: &[u32], next: &[u32]| {
    ///     let ids = |ids: &[u32]| Ids::new(ids.to_vec(), &[1, ids.len()]);
    ///     model.loss(&source, &[3], &ids(target), &ids(next), &options, &mut Mode::Eval)
    /// };
    /// let short = loss(&[1, 7, 9], &[7, 9, 2])?;
    /// let padded = loss(&[1, 7, 9, 0, 0], &[7, 9, 2, 0, 0])?;                         // 0 is padding
    /// assert!((short.item() - padded.item()).abs() < 1e-5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Where each layer looks in the source as it reads `target`: the weights of its attention, as of
    /// [`forward`](Self::forward) without dropout, `(batch, heads, tgt_time, src_time)` each, first layer first.
    ///
    /// ```
    /// # use {nn::Mode, rand::SeedableRng, tensor::Ids, transformer::{Transformer, TransformerConfig}};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let sizes = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
    /// # let model = Transformer::<f32>::new(&sizes, 11, 13, &mut rng)?;
    /// let (source, target) = (Ids::new(vec![3, 4, 0], &[1, 3]), Ids::new(vec![1, 7], &[1, 2]));
    /// let layers = model.attention(&source, &[2], &target)?;
    /// assert_eq!((layers.len(), layers[0].shape()), (6, &[1, 2, 2, 3][..]));
    /// assert_eq!(layers[0].select(-1, 2).to_vec(), [0.0; 4]);                         // padding
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn attention(
        &self,
        source: &Ids,
        lengths: &[usize],
        target: &Ids,
    ) -> Result<Vec<Tensor<E>>, InputError> {
        self.check(source, lengths, target)?;
        Ok(no_grad(|| {
            let (mask, mode) = (Mask::lengths(lengths), &mut Mode::Eval);
            let memory = self.encode(source, &mask, mode); // (batch, src_time, d_model)
            let x = self.embed(&self.tgt_embed, target, 0, mode); // (batch, tgt_time, d_model)
            self.decoder.source_weights(&x, &memory, &Mask::causal(), &mask)
        }))
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
    /// ```
    /// use nn::Mode;
    /// use rand::SeedableRng;
    /// use tensor::Ids;
    /// use transformer::{Transformer, TransformerConfig};
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let sizes = TransformerConfig { d_model: 8, heads: 2, d_ff: 16, ..Default::default() };
    /// let model = Transformer::<f32>::new(&sizes, 11, 13, &mut rng)?;
    /// let (source, target) = (Ids::new(vec![3, 4, 5], &[1, 3]), [1, 7, 9]);
    /// let mut state = model.start(&source, &[3])?;                                   // encoded once
    /// let mut logits = Vec::new();
    /// for token in target {
    ///     logits.push(model.next_logits(&Ids::new(vec![token], &[1, 1]), &mut state)?);
    /// }
    /// let whole = model.forward(&source, &[3], &Ids::new(target.to_vec(), &[1, 3]), &mut Mode::Eval)?;
    /// assert!(logits[2].max_abs_diff(&whole.value().select(1, 2)) < 1e-5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If an id is no token of the target vocabulary, or `ids` is not `(batch, new)` of the batch of `state`, which is
    /// then unchanged.
    pub fn next_logits(&self, ids: &Ids, state: &mut Seq2SeqState<E>) -> Result<Tensor<E>, InputError> {
        Ok(self.next(ids, state)?.1)
    }

    /// What [`next_logits`](Self::next_logits) gives, and before it the decoder's output for the last tokens, which it
    /// comes from: `(batch, d_model)`, `(batch, tgt_vocab)`.
    pub(crate) fn next(
        &self,
        ids: &Ids,
        state: &mut Seq2SeqState<E>,
    ) -> Result<(Tensor<E>, Tensor<E>), InputError> {
        if ids.rank() != 2 || ids.is_empty() {
            return Err(InputError::NotBatchTime { shape: ids.shape().to_vec() });
        }
        same_batch("ids", ids.shape()[0], "state", state.lengths.len())?;
        let time = ids.shape()[1];
        ids.check_below(self.tgt_embed.weight.value().dim(0), "target token")?;
        no_grad(|| {
            let x = self.embed(&self.tgt_embed, ids, state.cache.len(), &mut Mode::Eval);
            let mask = Mask::lengths(&state.lengths);
            let x = self.decoder.forward_cached(&x, &mut state.cache, &mask); // (batch, new, d_model)
            let last = x.select(1, time - 1); // (batch, d_model)
            let logits = self.generator.forward(&last).into_value();
            Ok((last.into_value(), logits))
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
        if target.rank() != 2 || target.is_empty() {
            return Err(InputError::NotBatchTime { shape: target.shape().to_vec() });
        }
        same_batch("target", target.shape()[0], "source", source.shape()[0])?;
        Ok(target.check_below(self.tgt_embed.weight.value().dim(0), "target token")?)
    }

    fn check_source(&self, source: &Ids, lengths: &[usize]) -> Result<(), InputError> {
        if source.rank() != 2 || source.is_empty() {
            return Err(InputError::NotBatchTime { shape: source.shape().to_vec() });
        }
        same_batch("lengths", lengths.len(), "source", source.shape()[0])?;
        check_lengths(lengths, source.shape()[1])?;
        Ok(source.check_below(self.src_embed.weight.value().dim(0), "source token")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NormPosition;
    use autograd::Gen;
    use nn::Module as _;
    use proptest::prelude::*;

    const VOCAB: usize = 9;

    fn model(draw: &mut Gen) -> Transformer<f64> {
        let norm = if draw.flip() { NormPosition::Pre } else { NormPosition::Post };
        let (encoder_layers, decoder_layers) = (1 + draw.below(2), 1 + draw.below(2));
        let sizes = TransformerConfig {
            d_model: 6,
            heads: 2,
            d_ff: 7,
            encoder_layers,
            decoder_layers,
            norm,
            ..TransformerConfig::default()
        };
        Transformer::new(&sizes, VOCAB, VOCAB, draw.rng()).unwrap()
    }

    /// Columns `from..to` of `ids (batch, time)`.
    fn columns(ids: &Ids, from: usize, to: usize) -> Ids {
        let batch = ids.shape()[0];
        let data = (0..batch).flat_map(|b| ids.row(b)[from..to].to_vec()).collect();
        Ids::new(data, &[batch, to - from])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn cached_decoding_equals_full_recomputation(seed in any::<u64>()) {
            let draw = &mut Gen::new(seed);
            let model = model(draw);
            let (batch, src_time) = (2 + draw.below(2), 1 + draw.below(5));
            let tgt_time = 2 + draw.below(20); // The cache grows at 16.
            let source = draw.ids(&[batch, src_time], VOCAB);
            let lengths: Vec<usize> = (0..batch).map(|_| 1 + draw.below(src_time)).collect();
            let target = draw.ids(&[batch, tgt_time], VOCAB);
            let full = model.forward(&source, &lengths, &target, &mut Mode::Eval).unwrap();
            let mut state = model.start(&source, &lengths).unwrap();
            let mut at = 0;
            while at < tgt_time {
                let new = 1 + draw.below((tgt_time - at).min(3));
                let logits = model.next_logits(&columns(&target, at, at + new), &mut state).unwrap();
                at += new;
                let expected = full.value().select(1, at - 1); // (batch, vocab)
                prop_assert!(logits.max_abs_diff(&expected) < 1e-10, "after {at} of {tgt_time} tokens");
            }
        }

        #[test]
        fn reordered_hypotheses_go_on_as_their_parents(seed in any::<u64>()) {
            let draw = &mut Gen::new(seed);
            let model = model(draw);
            let (src_time, first, more) = (3, 1 + draw.below(4), 1 + draw.below(4));
            let source = draw.ids(&[3, src_time], VOCAB);
            let lengths = [3, 1, 2];
            let begun = draw.ids(&[3, first], VOCAB);
            let mut state = model.start(&source, &lengths).unwrap();
            model.next_logits(&begun, &mut state).unwrap();
            // Hypotheses are forked and dropped, and their number changes.
            let parents: Vec<usize> = (0..2 + draw.below(3)).map(|_| draw.below(3)).collect();
            state.reorder(&parents);
            let rest = draw.ids(&[parents.len(), more], VOCAB);
            let logits = model.next_logits(&rest, &mut state).unwrap();
            for (row, parent) in parents.iter().enumerate() {
                let source = Ids::new(source.row(*parent).to_vec(), &[1, src_time]);
                let target = [begun.row(*parent), rest.row(row)].concat();
                let target = Ids::new(target, &[1, first + more]);
                let alone = model.forward(&source, &[lengths[*parent]], &target, &mut Mode::Eval).unwrap();
                let expected = alone.value().select(1, first + more - 1); // (1, vocab)
                prop_assert!(logits.slice(0, row..row + 1).max_abs_diff(&expected) < 1e-10);
            }
        }

        #[test]
        fn later_target_tokens_and_padding_do_not_reach_earlier_outputs(seed in any::<u64>()) {
            let draw = &mut Gen::new(seed);
            let model = model(draw);
            let (source, target) = (draw.ids(&[1, 5], VOCAB), draw.ids(&[1, 6], VOCAB));
            let (length, cut) = (1 + draw.below(4), 1 + draw.below(5));
            let logits = |source: &Ids, target: &Ids| {
                model.forward(source, &[length], target, &mut Mode::Eval).unwrap().into_value()
            };
            let before = logits(&source, &target);
            let change = |ids: &Ids, from: usize| {
                let other = |(i, id): (usize, &u32)| if i < from { *id } else { (id + 1) % VOCAB as u32 };
                Ids::new(ids.data().iter().enumerate().map(other).collect(), ids.shape())
            };
            let after = logits(&source, &change(&target, cut));
            prop_assert_eq!(before.slice(1, 0..cut), after.slice(1, 0..cut));
            prop_assert!(before.slice(1, cut..6).max_abs_diff(&after.slice(1, cut..6)) > 0.0);
            prop_assert_eq!(&before, &logits(&change(&source, length), &target));
        }
    }

    /// Nothing of it arrives, and all that is trained gets a gradient.
    #[test]
    fn a_source_of_length_0_gives_logits_and_gradients_that_its_tokens_do_not_reach() {
        for seed in 0..4 {
            let draw = &mut Gen::new(seed);
            let model = model(draw);
            let target = draw.ids(&[2, 3], VOCAB);
            let source = |first: u32| Ids::new(vec![first, 6, 3, 4], &[2, 2]);
            let logits = model.forward(&source(5), &[0, 2], &target, &mut Mode::Eval).unwrap();
            let other = model.forward(&source(7), &[0, 2], &target, &mut Mode::Eval).unwrap();
            assert_eq!(logits.value(), other.value());
            let options = CrossEntropy::default();
            let loss = model.loss(&source(5), &[0, 2], &target, &target, &options, &mut Mode::Eval).unwrap();
            let grads = model.backward(&loss).unwrap();
            for (path, param) in model.parameters() {
                let gradient = grads.get(param.var()).unwrap_or_else(|| panic!("no gradient of {path}"));
                assert!(gradient.to_vec().iter().all(|x| x.is_finite()), "{path}");
            }
            let embedding = grads.get(model.src_embed.weight.var()).unwrap();
            let size =
                |token: usize| embedding.select(0, token).to_vec().iter().map(|x| x.abs()).sum::<f64>();
            assert_eq!((size(5), size(6)), (0.0, 0.0));
            assert!(size(3) > 0.0 && size(4) > 0.0);
        }
    }

    #[test]
    fn what_is_wrong_with_a_batch_is_named() {
        let model = model(&mut Gen::new(1));
        let ids = |batch: usize, time: usize| Ids::new(vec![1; batch * time], &[batch, time]);
        let message = |source: &Ids, lengths: &[usize], target: &Ids| {
            model.forward(source, lengths, target, &mut Mode::Eval).unwrap_err().to_string()
        };
        let (two, three) = (ids(2, 4), ids(3, 4));
        assert_eq!(message(&two, &[4, 4], &three), "`target` is of 3 sequences, `source` of 2");
        assert_eq!(message(&two, &[4], &two), "`lengths` is of 1 sequences, `source` of 2");
        assert_eq!(message(&two, &[4, 5], &two), "sequence 1 has a length of 5, expected 0 to 4");
        let mut state = model.start(&two, &[4, 4]).unwrap();
        model.next_logits(&ids(2, 16), &mut state).unwrap();
        let error = model.next_logits(&ids(3, 1), &mut state).unwrap_err();
        assert_eq!(error.to_string(), "`ids` is of 3 sequences, `state` of 2");
        model.next_logits(&ids(2, 1), &mut state).unwrap();
    }

    #[test]
    fn vocabularies_are_bounded() {
        let draw = &mut Gen::new(1);
        for vocab in [0, 1 << 40, usize::MAX / 2] {
            let error =
                Transformer::<f32>::new(&TransformerConfig::default(), 5, vocab, draw.rng()).unwrap_err();
            assert_eq!(error.setting, "vocabularies");
        }
    }
}
