//! The model: embeddings, blocks, output layer.

use attention::KvCache;
use autograd::{Var, no_grad};
use nn::{ConfigError, CrossEntropy, Dropout, Embedding, LayerNorm, Linear, Mode, module};
use rand::Rng;
use tensor::{Element, Ids, Tensor};

use crate::gpt::block::Block;
use crate::gpt::config::GptConfig;
use crate::gpt::init::{embedding, linear, norm};
use crate::input::{InputError, same_batch};

/// A GPT-2-shaped language model: token and position embeddings, pre-norm blocks, and the token embedding
/// again as output layer. Parameter names are those of GPT-2's checkpoints; linear weights are
/// `(output, input)`.
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// use tensor::Ids;
/// use transformer::{Gpt, GptConfig};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let config = GptConfig { time: 8, layers: 2, heads: 2, d_model: 16, ..GptConfig::new(11) };
/// let gpt = Gpt::<f32>::new(config, &mut rng)?;
/// let ids = Ids::new(vec![1, 2, 3, 4, 5, 6], &[2, 3]);               // (batch, time)
/// let logits = gpt.forward(&ids, &mut Mode::Eval)?;                  // (batch, time, vocab)
/// assert_eq!(logits.shape(), [2, 3, 11]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gpt<E: Element = f32> {
    /// Token embedding, `(vocab, d_model)`.
    pub wte: Embedding<E>,
    /// Position embedding, `(time, d_model)`.
    pub wpe: Embedding<E>,
    /// The blocks.
    pub h: Vec<Block<E>>,
    /// After the last block.
    pub ln_f: LayerNorm<E>,
    /// Output layer, where it is not the token embedding.
    pub lm_head: Option<Linear<E>>,
    config: GptConfig,
}
module!(Gpt<E> { wte, wpe, h, ln_f, lm_head; config });

/// Keys and values of every block, for decoding step by step.
///
/// ```
/// # use {rand::SeedableRng, tensor::Ids, transformer::{Gpt, GptCache, GptConfig}};
/// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// # let gpt = Gpt::<f32>::new(GptConfig { layers: 2, d_model: 16, ..GptConfig::new(11) }, &mut rng)?;
/// let mut cache = GptCache::default();
/// assert!(cache.is_empty() && cache.batch() == 0);
/// gpt.next_logits(&Ids::new(vec![1, 2, 3, 4], &[2, 2]), &mut cache)?;             // (batch, time)
/// cache.reorder(&[1, 1, 0]);                                                  // a beam forks its second row
/// assert_eq!((cache.batch(), cache.len()), (3, 2));
/// let logits = gpt.next_logits(&Ids::new(vec![5; 3], &[3, 1]), &mut cache)?; // after 3 4 5, 3 4 5 and 1 2 5
/// let row = |row: usize| logits.select(0, row);
/// assert!(row(0).max_abs_diff(&row(1)) < 1e-6 && row(0).max_abs_diff(&row(2)) > 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct GptCache<E: Element = f32> {
    layers: Vec<KvCache<E>>,
}

impl<E: Element> GptCache<E> {
    /// Tokens seen so far.
    pub fn len(&self) -> usize {
        self.layers.first().map_or(0, KvCache::len)
    }

    /// Whether no token was seen.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sequences side by side; 0 if no token was seen.
    pub fn batch(&self) -> usize {
        self.layers.first().map_or(0, KvCache::batch)
    }

    /// Makes batch item `i` what item `parents[i]` was. Panics if a parent is out of range.
    #[track_caller]
    pub fn reorder(&mut self, parents: &[usize]) {
        self.layers.iter_mut().for_each(|layer| layer.reorder(parents));
    }
}

impl<E: Element> Gpt<E> {
    /// A model with GPT-2's random start.
    ///
    /// # Errors
    /// If the config does not [check](GptConfig::check).
    pub fn new(config: GptConfig, rng: &mut impl Rng) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            wte: embedding(config.vocab, config.d_model, rng),
            wpe: embedding(config.time, config.d_model, rng),
            h: (0..config.layers).map(|_| Block::new(&config, rng)).collect(),
            ln_f: norm(&config),
            lm_head: (!config.tied)
                .then(|| linear(&GptConfig { bias: false, ..config }, config.d_model, config.vocab, 1, rng)),
            config,
        })
    }

    /// The sizes it was made with.
    pub fn config(&self) -> &GptConfig {
        &self.config
    }

    /// Logits of the next token at every position: `ids (batch, time)` → `(batch, time, vocab)`.
    ///
    /// # Errors
    /// If an id is no token of the vocabulary, or the sequence is longer than the model's `time`.
    pub fn forward(&self, ids: &Ids, mode: &mut Mode<'_>) -> Result<Var<E>, InputError> {
        Ok(self.logits(&self.hidden(ids, mode)?))
    }

    /// What the logits come from, the last norm's output at every position: `ids (batch, time)` →
    /// `(batch, time, d_model)`.
    ///
    /// ```
    /// # use {nn::Mode, rand::SeedableRng, tensor::Ids, transformer::{Gpt, GptConfig}};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let gpt = Gpt::<f32>::new(GptConfig { layers: 2, d_model: 16, ..GptConfig::new(11) }, &mut rng)?;
    /// let ids = Ids::new(vec![1, 2, 3], &[1, 3]);
    /// let hidden = gpt.hidden(&ids, &mut Mode::Eval)?;                             // (batch, time, d_model)
    /// let logits = hidden.linear(gpt.wte.weight.var(), None);                 // tied to the token embedding
    /// assert_eq!(logits.value(), gpt.forward(&ids, &mut Mode::Eval)?.value());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn hidden(&self, ids: &Ids, mode: &mut Mode<'_>) -> Result<Var<E>, InputError> {
        self.check_input(ids, 0)?;
        let mut x = self.embed(ids, 0, mode); // (batch, time, d_model)
        for block in &self.h {
            x = block.forward(&x, mode);
        }
        Ok(self.ln_f.forward(&x))
    }

    /// Mean cross-entropy in nats of predicting `targets (batch, time)` from `ids (batch, time)`.
    ///
    /// ```
    /// # use {nn::Mode, rand::SeedableRng, tensor::Ids, transformer::{Gpt, GptConfig}};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let gpt = Gpt::<f32>::new(GptConfig { layers: 2, d_model: 16, ..GptConfig::new(11) }, &mut rng)?;
    /// let text = [1, 2, 3, 4, 5];
    /// let (ids, targets) = (Ids::new(text[..4].to_vec(), &[1, 4]), Ids::new(text[1..].to_vec(), &[1, 4]));
    /// let loss = gpt.loss(&ids, &targets, &mut Mode::Eval)?.item();
    /// assert!((loss - 11_f32.ln()).abs() < 0.1);                                     // it knows nothing yet
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also if a target is no token of the vocabulary.
    pub fn loss(&self, ids: &Ids, targets: &Ids, mode: &mut Mode<'_>) -> Result<Var<E>, InputError> {
        let logits = self.forward(ids, mode)?;
        Ok(CrossEntropy::default().forward(&logits, targets)?)
    }

    /// Logits of the token after the last: `ids (batch, new)` continue what `cache` has seen → `(batch, vocab)`.
    /// Each call costs one pass over the new tokens, not over the sequence.
    ///
    /// ```
    /// # use {nn::Mode, rand::SeedableRng, tensor::Ids, transformer::{Gpt, GptCache, GptConfig}};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let gpt = Gpt::<f32>::new(GptConfig { layers: 2, d_model: 16, ..GptConfig::new(11) }, &mut rng)?;
    /// let mut cache = GptCache::default();
    /// gpt.next_logits(&Ids::new(vec![1, 2], &[1, 2]), &mut cache)?;                   // the prompt …
    /// let next = gpt.next_logits(&Ids::new(vec![3], &[1, 1]), &mut cache)?;          // … and one token more
    /// let whole = gpt.forward(&Ids::new(vec![1, 2, 3], &[1, 3]), &mut Mode::Eval)?;
    /// assert!(next.max_abs_diff(&whole.value().select(1, 2)) < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`forward`](Self::forward), counting the tokens seen before; also if `cache` is of another batch size. It
    /// is then unchanged.
    pub fn next_logits(&self, ids: &Ids, cache: &mut GptCache<E>) -> Result<Tensor<E>, InputError> {
        Ok(self.next(ids, cache)?.1)
    }

    /// What [`next_logits`](Self::next_logits) gives, and before it the last norm's output for the last tokens, which
    /// it comes from: `(batch, d_model)`, `(batch, vocab)`.
    pub(super) fn next(
        &self,
        ids: &Ids,
        cache: &mut GptCache<E>,
    ) -> Result<(Tensor<E>, Tensor<E>), InputError> {
        self.check_input(ids, cache.len())?;
        if !cache.is_empty() {
            same_batch("ids", ids.shape()[0], "cache", cache.batch())?;
        }
        cache.layers.resize_with(self.h.len(), KvCache::new);
        no_grad(|| {
            let mut x = self.embed(ids, cache.len(), &mut Mode::Eval); // (batch, new, d_model)
            for (block, layer) in self.h.iter().zip(&mut cache.layers) {
                x = block.forward_cached(&x, layer);
            }
            let last = self.ln_f.forward(&x.select(1, ids.shape()[1] - 1)); // (batch, d_model)
            let logits = self.logits(&last).into_value();
            Ok((last.into_value(), logits))
        })
    }

    fn embed(&self, ids: &Ids, first: usize, mode: &mut Mode<'_>) -> Var<E> {
        let time = ids.shape()[1];
        let tokens = self.wte.lookup(ids); // (batch, time, d_model)
        let positions = self.wpe.weight.var().slice(0, first..first + time); // (time, d_model)
        Dropout::rate(self.config.dropout).forward(&(tokens + positions), mode)
    }

    /// `x (.., d_model)` → `(.., vocab)`
    fn logits(&self, x: &Var<E>) -> Var<E> {
        let weight = self.lm_head.as_ref().map_or(&self.wte.weight, |head| &head.weight);
        x.linear(weight.var(), None)
    }

    fn check_input(&self, ids: &Ids, past: usize) -> Result<(), InputError> {
        let [_, time] = *ids.shape() else {
            return Err(InputError::NotBatchTime { shape: ids.shape().to_vec() });
        };
        if time == 0 || past + time > self.config.time {
            return Err(InputError::Positions { tokens: past + time, most: self.config.time });
        }
        Ok(ids.check_below(self.config.vocab, "token")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_cache_of_another_batch_is_an_error() {
        let config = GptConfig { layers: 1, heads: 2, d_model: 8, ..GptConfig::new(11) };
        let gpt = Gpt::<f32>::new(config, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0)).unwrap();
        // With and without room left in the cache.
        for time in [15, 16] {
            let mut cache = GptCache::default();
            gpt.next_logits(&Ids::new(vec![1; 2 * time], &[2, time]), &mut cache).unwrap();
            let error = gpt.next_logits(&Ids::new(vec![1; 3], &[3, 1]), &mut cache).unwrap_err();
            assert_eq!(error.to_string(), "`ids` is of 3 sequences, `cache` of 2");
            assert_eq!((cache.len(), cache.batch()), (time, 2));
        }
    }
}
