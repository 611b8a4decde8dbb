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
/// use decode::{Beam, BeamSearch, CoveragePenalty};
/// use rand::SeedableRng;
/// use recurrent::{GruCell, Seq2Seq, Seq2SeqConfig, Seq2SeqScorer, pad};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = Seq2Seq::<f32, GruCell>::new(&Seq2SeqConfig::new(11, 13, 6, 8), &mut rng)?;
/// let (source, lengths) = pad(&[&[3, 4, 5], &[6]], 0);
/// let mut scorer = Seq2SeqScorer::new(&model, &source, &lengths)?;
/// let coverage_penalty = CoveragePenalty::Wu(0.2);                     // by the attention to the source
/// let beam = Beam { coverage_penalty, ..Beam::new(3, 2, 10) };         // width 3, end token 2, at most 10 tokens
/// let beam = BeamSearch::new(&beam)?;
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
    /// What the last scores of every row come from, `(rows, features)`.
    features: Vec<f32>,
    /// Attention in the last step, `(rows, src_time)`; empty without attention.
    weights: Vec<f32>,
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
        let origins = (0..lengths.len()).collect();
        let (features, weights) = (Vec::new(), Vec::new());
        Ok(Self { model, first, sources, source, origins, lengths, state, features, weights })
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

    /// What belongs to the last step.
    fn forget(&mut self) {
        self.features.clear();
        self.weights.clear();
    }

    fn advance(&mut self, tokens: &[u32], scores: Option<&mut Vec<f32>>) -> Result<(), InputError> {
        let ids = Ids::from_slice(tokens);
        ids.check_below(self.model.decoder.vocab(), "target token")?;
        no_grad(|| {
            let (decoder, mode) = (&self.model.decoder, &mut Mode::Eval);
            let step = decoder.step(&decoder.embed(&ids, mode), &self.state, self.source.as_ref(), mode);
            self.state = step.state;
            if let Some(scores) = scores {
                append(&mut self.features, step.features.value());
                if let Some(weights) = &step.weights {
                    append(&mut self.weights, weights.value());
                }
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
        self.forget();
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
        self.forget();
        self.advance(tokens, Some(scores))
    }

    fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
        let all = of_row(&self.weights, row, self.origins.len());
        // Sources are padded behind.
        weights.extend(&all[..all.len().min(self.lengths[self.origins[row]])]);
        !all.is_empty()
    }

    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        state.extend(of_row(&self.features, row, self.origins.len()));
        true
    }
}

/// Row `row` of `values (rows, ..)`.
fn of_row(values: &[f32], row: usize, rows: usize) -> &[f32] {
    let width = values.len() / rows;
    &values[row * width..(row + 1) * width]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GruCell, Seq2SeqConfig, pad};
    use rand::SeedableRng;

    /// Attention and features follow their rows through unequal prompts, forks and drops.
    #[test]
    fn attention_and_features_belong_to_their_rows() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let model = Seq2Seq::<f64, GruCell<f64>>::new(&Seq2SeqConfig::new(11, 13, 6, 8), &mut rng).unwrap();
        let (source, lengths) = pad(&[&[3, 4, 5, 6], &[7, 8]], 0);
        let mut scorer = Seq2SeqScorer::new(&model, &source, &lengths).unwrap();
        let read = |scorer: &Seq2SeqScorer<'_, f64, GruCell<f64>>, row: usize| {
            let (mut weights, mut state) = (Vec::new(), Vec::new());
            assert!(scorer.attention(row, &mut weights) && scorer.hidden(row, &mut state));
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            (weights, state)
        };
        scorer.start(&[vec![1, 2], vec![1]], &mut Vec::new()).unwrap();
        assert_eq!([0, 1].map(|row| read(&scorer, row).0.len()), [4, 2]);
        scorer.extend(&[1, 0, 0], &[2, 5, 5], &mut Vec::new()).unwrap();
        assert_eq!([0, 1, 2].map(|row| read(&scorer, row).0.len()), [2, 4, 4]);
        assert_eq!(read(&scorer, 1), read(&scorer, 2));
        // The second source alone.
        let (second, _) = pad(&[&[7, 8]], 0);
        let mut alone = Seq2SeqScorer::new(&model, &second, &[2]).unwrap();
        alone.start(&[vec![1, 2]], &mut Vec::new()).unwrap();
        let (expected, found) = (read(&alone, 0), read(&scorer, 0));
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close(&expected.0, &found.0) && close(&expected.1, &found.1));
    }
}
