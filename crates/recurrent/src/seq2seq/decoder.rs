//! Writes the target, looking at the source or not.

use attention::{Source, SourceAttention};
use autograd::Var;
use nn::{ConfigError, Dropout, Embedding, Linear, Mode};
use rand::Rng;
use tensor::{Element, Ids, Tensor};

use super::cell_module;
use super::model::Seq2SeqConfig;
use crate::cell::{Cell, NewCell};
use crate::stack::{Stack, StackConfig};

/// Embedding, recurrent layers, attention and output layer.
///
/// At each step the recurrent layers read the last token (with input feeding, also what the step before gave), the
/// attention looks at the source with their output `h` as query, and the logits come from `[h; context]`, or from the
/// attentional vector `tanh(W_c·[h; context])` (Luong, Pham & Manning 2015, eq. 5).
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// use recurrent::{LstmCell, Seq2Seq, Seq2SeqConfig, pad};
/// use tensor::Ids;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = Seq2Seq::<f32, LstmCell>::new(&Seq2SeqConfig::new(11, 13, 6, 8), &mut rng)?;
/// let (encoder, decoder, mode) = (&model.encoder, &model.decoder, &mut Mode::Eval);
/// let (source, lengths) = pad(&[&[3, 4, 5], &[6]], 0);                      // (batch, src_time)
/// let encoded = encoder.forward(&source, &lengths, mode);
/// let cells = model.bridge.forward(&encoded, &decoder.rnn.start(2));
/// let attention = decoder.attention.as_ref().unwrap();
/// let memory = attention.source(&encoded.outputs, attention::Mask::lengths(&lengths));
/// // Two steps by hand, each from the tokens of one position.
/// let embed = |tokens: Vec<u32>, mode: &mut Mode| decoder.embed(&Ids::new(tokens, &[2]), mode);
/// let first = decoder.step(&embed(vec![1, 1], mode), &decoder.start(cells, 2), Some(&memory), mode);
/// let second = decoder.step(&embed(vec![7, 8], mode), &first.state, Some(&memory), mode);
/// assert_eq!(second.weights.unwrap().value().select(0, 1).to_vec(), [1.0, 0.0, 0.0]);   // one word to look at
/// let logits = decoder.logits(&second.features, mode);                      // (batch, vocab)
/// // All steps at once give the same.
/// let target = Ids::new(vec![1, 7, 1, 8], &[2, 2]);                         // (batch, tgt_time)
/// let whole = model.forward(&source, &lengths, &target, Default::default(), mode)?.logits;
/// assert!(whole.value().select(1, 1).max_abs_diff(logits.value()) < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder<E: Element, C> {
    /// `(vocab, embed)`
    pub embedding: Embedding<E>,
    /// The recurrent layers, one direction.
    pub rnn: Stack<C>,
    /// How it looks at the source; absent where it does not.
    pub attention: Option<SourceAttention<E>>,
    /// `W_c`; absent where logits come from output and context side by side.
    pub combine: Option<Linear<E>>,
    /// To logits.
    pub output: Linear<E>,
    /// With input feeding, size of what is fed.
    feed: Option<usize>,
    dropout: Dropout,
}
cell_module!(Decoder { embedding, rnn, attention, combine, output; feed, dropout });

/// What a decoder remembers.
#[derive(Clone, Debug)]
pub struct DecoderState<E: Element, S> {
    /// States of the recurrent layers.
    pub cells: Vec<S>,
    /// With input feeding, the context or attentional vector of the step before, `(batch, fed)`.
    pub fed: Option<Var<E>>,
}

/// One step of a decoder.
#[derive(Clone, Debug)]
pub struct DecoderStep<E: Element, S> {
    /// What the logits come from, `(batch, features)`.
    pub features: Var<E>,
    /// Attention weights, `(batch, src_time)`.
    pub weights: Option<Var<E>>,
    /// The next state.
    pub state: DecoderState<E, S>,
}

/// All steps of a decoder.
#[derive(Clone, Debug)]
pub struct DecoderOutput<E: Element> {
    /// `(batch, tgt_time, vocab)`
    pub logits: Var<E>,
    /// Attention weights, `(batch, tgt_time, src_time)`.
    pub weights: Option<Var<E>>,
}

impl<E: Element, C: Cell<E>> Decoder<E, C> {
    /// A decoder with random weights for sources whose positions have `memory` values.
    pub(super) fn new(
        config: &Seq2SeqConfig,
        memory: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError>
    where
        C: NewCell<E>,
    {
        let Seq2SeqConfig { tgt_vocab, embed, hidden, layers, dropout, .. } = *config;
        let context = if config.attention.is_some() { memory } else { 0 };
        let fed = if config.attentional { hidden } else { context };
        let feed = (config.input_feeding && config.attention.is_some()).then_some(fed);
        let rnn = StackConfig { layers, dropout, ..StackConfig::new(embed + feed.unwrap_or(0), hidden) };
        let attention = match config.attention {
            Some(kind) => {
                let score = attention::Score::new(kind, hidden, memory, config.attention_hidden, rng)?;
                Some(SourceAttention::new(score, 0.0)?)
            }
            None => None,
        };
        let combine = (config.attentional && attention.is_some())
            .then(|| Linear::new(hidden + context, hidden, false, rng))
            .transpose()?;
        let features = if combine.is_some() { hidden } else { hidden + context };
        Ok(Self {
            embedding: Embedding::new(tgt_vocab, embed, rng)?,
            rnn: Stack::new(rnn, rng)?,
            attention,
            combine,
            output: Linear::new(features, tgt_vocab, true, rng)?,
            feed,
            dropout: Dropout::new(dropout)?,
        })
    }

    /// The state before the first step, from that of the recurrent layers.
    pub fn start(&self, cells: Vec<C::State>, batch: usize) -> DecoderState<E, C::State> {
        let fed = self.feed.map(|size| Var::constant(Tensor::zeros(&[batch, size])));
        DecoderState { cells, fed }
    }

    /// Number of tokens.
    pub fn vocab(&self) -> usize {
        self.embedding.vocab()
    }

    /// The vectors of tokens `(..)`, `(.., embed)`.
    ///
    /// # Panics
    /// If an id is no token.
    #[track_caller]
    pub fn embed(&self, ids: &Ids, mode: &mut Mode<'_>) -> Var<E> {
        self.dropout.forward(&self.embedding.lookup(ids), mode)
    }

    /// One step after the vectors `x (batch, embed)` of the last tokens.
    ///
    /// # Panics
    /// If the shapes do not fit together, or there is attention and no source.
    #[track_caller]
    pub fn step(
        &self,
        x: &Var<E>,
        state: &DecoderState<E, C::State>,
        source: Option<&Source<E>>,
        mode: &mut Mode<'_>,
    ) -> DecoderStep<E, C::State> {
        self.step_with(|x, cells, mode| self.rnn.step(x, cells, mode), x, state, source, mode)
    }

    /// [`step`](Self::step) by a given step of the recurrent layers.
    #[track_caller]
    fn step_with(
        &self,
        rnn: impl Fn(&Var<E>, &[C::State], &mut Mode<'_>) -> (Var<E>, Vec<C::State>),
        x: &Var<E>,
        state: &DecoderState<E, C::State>,
        source: Option<&Source<E>>,
        mode: &mut Mode<'_>,
    ) -> DecoderStep<E, C::State> {
        let x = match &state.fed {
            Some(fed) => Var::concat(&[x, fed], -1), // (batch, embed + fed)
            None => x.clone(),
        };
        let (h, cells) = rnn(&x, &state.cells, mode); // (batch, hidden)
        let attended = self.attention.as_ref().map(|attention| {
            let out = attention.forward(&h.unsqueeze(1), source.expect("a source to attend to"), mode);
            (out.context.squeeze(1), out.weights.squeeze(1)) // (batch, memory), (batch, src_time)
        });
        let (context, weights) = attended.unzip();
        let (features, state) = self.after(h, cells, context);
        DecoderStep { features, weights, state }
    }

    /// What logits come from and the next state, from the outputs `h (batch, hidden)` of a step, the states that they
    /// come with, and with attention the contexts `(batch, memory)`.
    pub(super) fn after(
        &self,
        h: Var<E>,
        cells: Vec<C::State>,
        context: Option<Var<E>>,
    ) -> (Var<E>, DecoderState<E, C::State>) {
        let Some(context) = context else { return (h, DecoderState { cells, fed: None }) };
        let features = self.features(&h, &context);
        let fed = self.feed.map(|_| if self.combine.is_some() { features.clone() } else { context });
        (features, DecoderState { cells, fed })
    }

    /// All steps with the right tokens as input (teacher forcing), `ids (batch, tgt_time)`.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    #[track_caller]
    pub fn forward(
        &self,
        ids: &Ids,
        state: &DecoderState<E, C::State>,
        source: Option<&Source<E>>,
        mode: &mut Mode<'_>,
    ) -> DecoderOutput<E> {
        let x = self.embed(ids, mode); // (batch, tgt_time, embed)
        if self.feed.is_some() {
            let steps = x.unbind(1);
            return self.run(steps.len(), state, source, mode, |t, _, _| steps[t].clone());
        }
        // Nothing of one step's attention is needed for the next: all steps at once.
        let h = self.rnn.forward(&x, Some(&state.cells), None, mode).y; // (batch, tgt_time, hidden)
        let Some(attention) = &self.attention else {
            return DecoderOutput { logits: self.logits(&h, mode), weights: None };
        };
        let out = attention.forward(&h, source.expect("a source to attend to"), mode);
        let logits = self.logits(&self.features(&h, &out.context), mode);
        DecoderOutput { logits, weights: Some(out.weights) }
    }

    /// `time` steps one after the other; `next` gives the vectors of the tokens before each, from the logits of the
    /// step before.
    #[track_caller]
    pub(super) fn run(
        &self,
        time: usize,
        state: &DecoderState<E, C::State>,
        source: Option<&Source<E>>,
        mode: &mut Mode<'_>,
        mut next: impl FnMut(usize, Option<&Var<E>>, &mut Mode<'_>) -> Var<E>,
    ) -> DecoderOutput<E> {
        let cells = self.rnn.steppers();
        let rnn =
            |x: &Var<E>, state: &[C::State], mode: &mut Mode<'_>| self.rnn.step_with(&cells, x, state, mode);
        let mut state = state.clone();
        let (mut features, mut weights): (Vec<Var<E>>, Vec<Var<E>>) = (Vec::new(), Vec::new());
        for t in 0..time {
            let x = next(t, features.last(), mode);
            let step = self.step_with(rnn, &x, &state, source, mode);
            features.push(step.features);
            weights.extend(step.weights);
            state = step.state;
        }
        let stack = |steps: &[Var<E>]| Var::stack(&steps.iter().collect::<Vec<_>>(), 1); // (batch, tgt_time, ..)
        let weights = (!weights.is_empty()).then(|| stack(&weights));
        DecoderOutput { logits: self.logits(&stack(&features), mode), weights }
    }

    /// `features (.., features)` → `(.., vocab)`
    ///
    /// # Panics
    /// If the last dimension is another.
    #[track_caller]
    pub fn logits(&self, features: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        self.output.forward(&self.dropout.forward(features, mode))
    }

    /// What the logits come from, of outputs and contexts `(.., hidden)`, `(.., memory)`.
    fn features(&self, h: &Var<E>, context: &Var<E>) -> Var<E> {
        let both = Var::concat(&[h, context], -1);
        match &self.combine {
            Some(combine) => combine.forward(&both).tanh(),
            None => both,
        }
    }
}
