//! A sequence-to-sequence model as one that decoders can drive.

use attention::{Mask, Source};
use autograd::no_grad;
use decode::Scorer;
use nn::Mode;
use tensor::{Element, Ids};

use super::decoder::DecoderState;
use super::model::Seq2Seq;
use crate::cell::Cell;
use crate::input::{InputError, same_batch};
use crate::language_model::append;
use crate::state::State;

/// Drives a [`Seq2Seq`] for the decoders of `decode`. Sources are encoded once; prompt `i` belongs to source `i`.
///
/// ```
/// use decode::{Beam, BeamSearch};
/// use rand::SeedableRng;
/// use recurrent::{GruCell, Seq2Seq, Seq2SeqConfig, Seq2SeqScorer, pad};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = Seq2Seq::<f32, GruCell>::new(&Seq2SeqConfig::new(11, 13, 6, 8), &mut rng)?;
/// let (source, lengths) = pad(&[&[3, 4, 5], &[6]], 0);
/// let mut scorer = Seq2SeqScorer::new(&model, &source, &lengths)?;
/// let beam = BeamSearch::new(&Beam::new(3, 2, 10))?;                  // width 3, end token 2, at most 10 tokens
/// let best = beam.run(&mut scorer, &[vec![1], vec![1]])?;              // start token 1
/// assert_eq!(best.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Seq2SeqScorer<'m, E: Element, C: Cell<E>> {
    model: &'m Seq2Seq<E, C>,
    /// Of every source.
    first: DecoderState<E, C::State>,
    sources: Option<Source<E>>,
    lengths: Vec<usize>,
    /// Of every row.
    state: DecoderState<E, C::State>,
    source: Option<Source<E>>,
    /// Which source a row belongs to.
    origins: Vec<usize>,
}

impl<'m, E: Element, C: Cell<E>> Seq2SeqScorer<'m, E, C> {
    /// Encodes `source (batch, src_time)`, of which row `i` has `lengths[i]` tokens.
    ///
    /// # Errors
    /// As [`Seq2Seq::forward`].
    pub fn new(model: &'m Seq2Seq<E, C>, source: &Ids, lengths: &[usize]) -> Result<Self, InputError> {
        let (first, sources) = no_grad(|| model.encode(source, lengths, &mut Mode::Eval))?;
        let (state, source) = (first.clone(), sources.clone());
        let lengths = lengths.to_vec();
        Ok(Self { model, first, sources, source, origins: (0..lengths.len()).collect(), lengths, state })
    }

    /// Rows `parents` of what there is.
    fn take_rows(&mut self, parents: &[usize]) {
        if parents.len() == self.origins.len() && parents.iter().enumerate().all(|(i, parent)| i == *parent) {
            return;
        }
        let before = std::mem::take(&mut self.origins);
        self.origins = parents.iter().map(|parent| before[*parent]).collect();
        self.state = rows(&self.state, parents);
        if self.origins != before {
            self.source = self.sources.as_ref().map(|all| Source {
                keys: State::rows(&all.keys, &self.origins),
                values: State::rows(&all.values, &self.origins),
                mask: Mask::lengths(&self.origins.iter().map(|i| self.lengths[*i]).collect::<Vec<_>>()),
            });
        }
    }

    fn advance(&mut self, tokens: &[u32], scores: Option<&mut Vec<f32>>) -> Result<(), InputError> {
        let ids = Ids::from_slice(tokens);
        ids.check_below(self.model.decoder.vocab(), "target token")?;
        no_grad(|| {
            let (decoder, mode) = (&self.model.decoder, &mut Mode::Eval);
            let step = decoder.step(&decoder.embed(&ids, mode), &self.state, self.source.as_ref(), mode);
            self.state = step.state;
            if let Some(scores) = scores {
                append(scores, decoder.logits(&step.features, mode).value());
            }
        });
        Ok(())
    }
}

impl<E: Element, C: Cell<E>> Scorer for Seq2SeqScorer<'_, E, C> {
    type Error = InputError;

    fn vocab(&self) -> usize {
        self.model.decoder.vocab()
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), InputError> {
        same_batch("prompts", prompts.len(), "sources", self.lengths.len())?;
        (self.state, self.source) = (self.first.clone(), self.sources.clone());
        self.origins = (0..prompts.len()).collect();
        // Prompts of one length go together, others row by row.
        if prompts.iter().all(|prompt| prompt.len() == prompts[0].len()) {
            let time = prompts[0].len();
            for t in 0..time {
                let tokens: Vec<u32> = prompts.iter().map(|prompt| prompt[t]).collect();
                self.advance(&tokens, (t + 1 == time).then_some(&mut *scores))?;
            }
            return Ok(());
        }
        let mut ends = Vec::new();
        for (row, prompt) in prompts.iter().enumerate() {
            (self.state, self.source) = (self.first.clone(), self.sources.clone());
            self.origins = (0..prompts.len()).collect();
            self.take_rows(&[row]);
            for (t, token) in prompt.iter().enumerate() {
                self.advance(&[*token], (t + 1 == prompt.len()).then_some(&mut *scores))?;
            }
            ends.push(self.state.clone());
        }
        self.origins = (0..prompts.len()).collect();
        self.source.clone_from(&self.sources);
        self.state = join(&ends);
        Ok(())
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), InputError> {
        self.take_rows(parents);
        self.advance(tokens, Some(scores))
    }
}

fn rows<E: Element, S: State<E>>(state: &DecoderState<E, S>, rows: &[usize]) -> DecoderState<E, S> {
    DecoderState {
        cells: state.cells.iter().map(|cell| cell.rows(rows)).collect(),
        fed: state.fed.as_ref().map(|fed| State::rows(fed, rows)),
    }
}

/// States of one row each under each other.
fn join<E: Element, S: State<E>>(states: &[DecoderState<E, S>]) -> DecoderState<E, S> {
    let below = |a: &autograd::Var<E>, b: &autograd::Var<E>| autograd::Var::concat(&[a, b], 0);
    let mut all = states[0].clone();
    for state in &states[1..] {
        all.cells = all.cells.iter().zip(&state.cells).map(|(a, b)| a.zip(b, below)).collect();
        all.fed = all.fed.as_ref().zip(state.fed.as_ref()).map(|(a, b)| below(a, b));
    }
    all
}
