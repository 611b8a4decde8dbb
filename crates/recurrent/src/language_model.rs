//! A recurrent language model: embedding, recurrent layers, output layer.

use autograd::{Var, no_grad};
use decode::Scorer;
use nn::init::Init;
use nn::{ConfigError, CrossEntropy, Embedding, LockedDropout, Mode, Param, SampledSoftmax, module};
use rand::Rng;
use serde::{Deserialize, Serialize};
use tensor::{Element, Ids, Tensor};

use crate::cell::{Cell, NewCell};
use crate::input::{InputError, check_ids, same_batch, same_shape};
use crate::seq2seq::cell_module;
use crate::stack::{Stack, StackConfig};
use crate::state::State;

/// Sizes of a [`LanguageModel`].
///
/// ```
/// use nn::Module;
/// use rand::SeedableRng;
/// use recurrent::{LanguageModel, LanguageModelConfig, LstmCell};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let untied = LanguageModelConfig { layers: 2, dropout: 0.5, ..LanguageModelConfig::new(11, 8) };
/// let tied = LanguageModelConfig { tied: true, ..untied };
/// let mut count = |config| {
///     LanguageModel::<f32, LstmCell>::new(config, &mut rng).map(|model| model.parameters().len())
/// };
/// assert_eq!(count(untied)?, count(tied)? + 1);                             // one matrix for both ends
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LanguageModelConfig {
    /// Tokens.
    pub vocab: usize,
    /// Size of the embeddings.
    pub d_model: usize,
    /// Units of each layer.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Probability of dropping a value of the embeddings, between layers and of the outputs, each at all steps or none
    /// (Gal & Ghahramani 2016).
    pub dropout: f64,
    /// Probability of dropping a value of a layer's own last output before it is read again, at all steps of a window
    /// or none; see [`StackConfig::recurrent_dropout`].
    #[serde(default)]
    pub recurrent_dropout: f64,
    /// Whether the output layer's weight is the embedding's (Press & Wolf 2017); then `hidden` is `d_model`.
    pub tied: bool,
}

impl LanguageModelConfig {
    /// One layer of `d_model` units, untied, no dropout.
    pub fn new(vocab: usize, d_model: usize) -> Self {
        Self { vocab, d_model, hidden: d_model, layers: 1, dropout: 0.0, recurrent_dropout: 0.0, tied: false }
    }
}

/// A language model of any cell.
///
/// ```
/// use nn::{Mode, Module};
/// use rand::SeedableRng;
/// use recurrent::{LanguageModel, LanguageModelConfig, LstmCell};
/// use tensor::Ids;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = LanguageModel::<f32, LstmCell>::new(LanguageModelConfig::new(11, 8), &mut rng)?;
/// let (input, target) = (Ids::new(vec![1, 2, 3, 4], &[2, 2]), Ids::new(vec![2, 3, 4, 5], &[2, 2])); // (batch, time)
/// let (loss, state) = model.loss(&input, &target, None, &mut Mode::Train(&mut rng))?;
/// let grads = model.backward(&loss)?;
/// // The next window of the text goes on from the state.
/// let (loss, _) = model.loss(&target, &input, Some(&state), &mut Mode::Train(&mut rng))?;
/// # let _ = (grads, loss);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LanguageModel<E: Element, C> {
    /// `(vocab, d_model)`
    pub embedding: Embedding<E>,
    /// The recurrent layers.
    pub rnn: Stack<C>,
    /// The output layer.
    pub head: Head<E>,
    config: LanguageModelConfig,
}

/// From outputs to logits.
#[derive(Clone, Debug)]
pub struct Head<E: Element = f32> {
    /// `(vocab, hidden)`; absent where it is the embedding's.
    pub weight: Option<Param<E>>,
    /// `(vocab)`
    pub bias: Param<E>,
}
module!(Head<E> { weight, bias });

cell_module!(LanguageModel { embedding, rnn, head; config });

impl<E: Element, C: Cell<E>> LanguageModel<E, C> {
    /// A model with PyTorch's start of the layers and embeddings uniform within ±0.1.
    ///
    /// # Errors
    /// If a size is 0, a rate of dropout is not in `[0, 1)`, or the model is tied and `hidden` is not `d_model`.
    pub fn new(config: LanguageModelConfig, rng: &mut (impl Rng + ?Sized)) -> Result<Self, ConfigError>
    where
        C: NewCell<E>,
    {
        let LanguageModelConfig { vocab, d_model, hidden, layers, dropout, recurrent_dropout, tied } = config;
        let error = |setting, found, expected| ConfigError::new("language model", setting, found, expected);
        if vocab == 0 {
            return Err(error("vocab", vocab, "at least 1"));
        }
        if tied && hidden != d_model {
            return Err(error("hidden", hidden, "`d_model` where weights are tied"));
        }
        let rnn = StackConfig {
            layers,
            dropout,
            locked: true,
            recurrent_dropout,
            ..StackConfig::new(d_model, hidden)
        };
        let rnn = Stack::new(rnn, rng)?;
        let uniform = |bound: f64| Init::Uniform { low: -bound, high: bound };
        let embedding = Embedding::from_weight(uniform(0.1).tensor(&[vocab, d_model], rng));
        let bound = 1.0 / (hidden as f64).sqrt();
        let weight = (!tied).then(|| Param::new(uniform(bound).tensor(&[vocab, hidden], rng)));
        let head = Head { weight, bias: Param::new(Tensor::zeros(&[vocab])) };
        Ok(Self { embedding, rnn, head, config })
    }

    /// Its sizes.
    pub fn config(&self) -> &LanguageModelConfig {
        &self.config
    }

    /// Logits of the next token at every position, and the states after the last: `ids (batch, time)` →
    /// `(batch, time, vocab)`. Begins from `state`, or from zeros.
    ///
    /// # Errors
    /// If an id is no token, or `ids` is not `(batch, time)`.
    ///
    /// # Panics
    /// If `state` is of another batch or model.
    pub fn forward(
        &self,
        ids: &Ids,
        state: Option<&[C::State]>,
        mode: &mut Mode<'_>,
    ) -> Result<(Var<E>, Vec<C::State>), InputError> {
        let (y, state) = self.outputs(ids, state, mode)?;
        Ok((self.logits(&y), state))
    }

    /// Mean cross-entropy in nats of `target (batch, time)` given `ids`, and the states after the last, cut off from
    /// the gradient: what truncated backpropagation through time goes on from.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also if a target is no token, or the shapes differ.
    ///
    /// # Panics
    /// As `forward`.
    pub fn loss(
        &self,
        ids: &Ids,
        target: &Ids,
        state: Option<&[C::State]>,
        mode: &mut Mode<'_>,
    ) -> Result<(Var<E>, Vec<C::State>), InputError> {
        same_shape("target", target, "ids", ids)?;
        let (logits, state) = self.forward(ids, state, mode)?;
        let loss = CrossEntropy::default().forward(&logits, target)?;
        Ok((loss, state.iter().map(State::detach).collect()))
    }

    /// [`loss`](Self::loss), in training estimated from a part of a large vocabulary.
    ///
    /// ```
    /// use nn::{Mode, SampledSoftmax};
    /// use rand::SeedableRng;
    /// use recurrent::{LanguageModel, LanguageModelConfig, LstmCell};
    /// use tensor::Ids;
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let model = LanguageModel::<f32, LstmCell>::new(LanguageModelConfig::new(5000, 8), &mut rng)?;
    /// let softmax = SampledSoftmax::new(&[1.0; 5000], 500)?;                       // 500 of 5,000, all alike
    /// let (ids, target) = (Ids::new(vec![7; 40], &[2, 20]), Ids::new(vec![9; 40], &[2, 20]));
    /// let mode = &mut Mode::Train(&mut rng);
    /// let (estimate, _) = model.sampled_loss(&ids, &target, None, &softmax, mode)?;
    /// let (exact, _) = model.loss(&ids, &target, None, &mut Mode::Eval)?;
    /// assert!((estimate.item() - exact.item()).abs() < 0.1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As `loss`.
    ///
    /// # Panics
    /// As `loss`, or if `softmax` is for another vocabulary.
    pub fn sampled_loss(
        &self,
        ids: &Ids,
        target: &Ids,
        state: Option<&[C::State]>,
        softmax: &SampledSoftmax,
        mode: &mut Mode<'_>,
    ) -> Result<(Var<E>, Vec<C::State>), InputError> {
        same_shape("target", target, "ids", ids)?;
        let (y, state) = self.outputs(ids, state, mode)?;
        let loss = softmax.forward(&y, self.output_weight(), Some(self.head.bias.var()), target, mode)?;
        Ok((loss, state.iter().map(State::detach).collect()))
    }

    /// What the output layer gets, `(batch, time, hidden)`, and the states after the last step.
    fn outputs(
        &self,
        ids: &Ids,
        state: Option<&[C::State]>,
        mode: &mut Mode<'_>,
    ) -> Result<(Var<E>, Vec<C::State>), InputError> {
        check_ids(ids, self.config.vocab, "token")?;
        let locked = LockedDropout::new(self.config.dropout, 1).expect("checked when built");
        let x = locked.forward(&self.embedding.lookup(ids), mode); // (batch, time, d_model)
        let out = self.rnn.forward(&x, state, None, mode);
        Ok((locked.forward(&out.y, mode), out.state))
    }

    /// `y (.., hidden)` → `(.., vocab)`
    fn logits(&self, y: &Var<E>) -> Var<E> {
        y.linear(self.output_weight(), Some(self.head.bias.var()))
    }

    /// `(vocab, hidden)`
    fn output_weight(&self) -> &Var<E> {
        self.head.weight.as_ref().unwrap_or(&self.embedding.weight).var()
    }
}

/// Drives a [`LanguageModel`] for the decoders of `decode`; a step costs one token per row.
///
/// ```
/// use decode::Stop;
/// use rand::SeedableRng;
/// use recurrent::{GruCell, LanguageModel, LanguageModelConfig, LanguageModelScorer};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = LanguageModel::<f32, GruCell>::new(LanguageModelConfig::new(11, 8), &mut rng)?;
/// let mut scorer = LanguageModelScorer::new(&model);
/// let out = decode::greedy(&mut scorer, &[vec![1, 2], vec![3]], &Stop::after(5))?;
/// assert_eq!(out[1].tokens.len(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LanguageModelScorer<'m, E: Element, C: Cell<E>> {
    model: &'m LanguageModel<E, C>,
    state: Vec<C::State>,
}

impl<'m, E: Element, C: Cell<E>> LanguageModelScorer<'m, E, C> {
    /// A scorer with no sequences yet.
    pub fn new(model: &'m LanguageModel<E, C>) -> Self {
        Self { model, state: Vec::new() }
    }
}

impl<E: Element, C: Cell<E>> Scorer for LanguageModelScorer<'_, E, C> {
    type Error = InputError;

    fn vocab(&self) -> usize {
        self.model.config.vocab
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), InputError> {
        let rows: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        let (ids, lengths) = crate::pad(&rows, 0);
        check_ids(&ids, self.model.config.vocab, "token")?;
        no_grad(|| {
            let x = self.model.embedding.lookup(&ids); // (rows, time, d_model)
            self.state = self.model.rnn.forward(&x, None, Some(&lengths), &mut Mode::Eval).state;
            let last = self.state.last().expect("at least one layer").hidden().clone();
            append(scores, self.model.logits(&last).value());
        });
        Ok(())
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), InputError> {
        same_batch("tokens", tokens.len(), "parents", parents.len())?;
        let ids = Ids::from_slice(tokens);
        ids.check_below(self.model.config.vocab, "token")?;
        no_grad(|| {
            let state: Vec<C::State> = self.state.iter().map(|state| state.rows(parents)).collect();
            let (y, state) = self.model.rnn.step(&self.model.embedding.lookup(&ids), &state, &mut Mode::Eval);
            self.state = state;
            append(scores, self.model.logits(&y).value());
        });
        Ok(())
    }

    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        let Some(last) = self.state.last() else { return false };
        append(state, &last.hidden().value().select(0, row));
        true
    }
}

/// Logits in row-major order behind `scores`.
pub(crate) fn append<E: Element>(scores: &mut Vec<f32>, logits: &Tensor<E>) {
    scores.extend(logits.contiguous().data().iter().map(|x| x.to_f64() as f32));
}
