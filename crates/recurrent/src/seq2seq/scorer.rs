//! A sequence-to-sequence model as one that decoders can drive.

use attention::{Mask, Source};
use autograd::{Var, no_grad};
use decode::Scorer;
use nn::{Mode, Param};
use tensor::{Element, Ids, Tensor};

use super::decoder::DecoderState;
use super::model::Seq2Seq;
use super::places::Places;
use crate::cell::{Cell, Fork, Stepper};
use crate::input::{InputError, same_batch};
use crate::language_model::append;
use crate::state::State;

/// Drives a [`Seq2Seq`] for the decoders of `decode`. Sources are encoded once; prompt `i` belongs to source `i`.
///
/// All rows are one batch. The rows of a source look at it together, and rows that go on from the same one share what
/// comes from its state; the sums from every token's vector are computed once, if tokens are few.
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
    steppers: Vec<Stepper<'m, E, C::State>>,
    known: Option<Known<E>>,
    /// Of every source.
    first: DecoderState<E, C::State>,
    sources: Option<Source<E>>,
    lengths: Vec<usize>,
    /// Of every row.
    state: DecoderState<E, C::State>,
    /// Which source a row belongs to.
    origins: Vec<usize>,
    places: Places,
    /// Of the sources that have rows.
    source: Option<Source<E>>,
    /// What the last scores of every row come from, `(rows, features)`.
    features: Tensor<E>,
    /// Attention in the last step, `(sources, places, src_time)`.
    weights: Option<Tensor<E>>,
}

/// Sums of the first layer that do not depend on the rows.
struct Known<E: Element> {
    /// From every token's vector, `(vocab, sums)`.
    tokens: Tensor<E>,
    /// The map of what is fed from the step before, `(sums, fed)`.
    fed: Option<Var<E>>,
}

/// With up to so many tokens for each source, sums of all of them cost less than those of the tokens read.
const KNOWN_PER_SOURCE: usize = 8;

impl<E: Element> Known<E> {
    fn new<C: Cell<E>>(model: &Seq2Seq<E, C>, sources: usize) -> Option<Self> {
        let (decoder, embedding) = (&model.decoder, &model.decoder.embedding);
        let maps = decoder.rnn.cells()[0].maps()?;
        if decoder.vocab() > KNOWN_PER_SOURCE * sources {
            return None;
        }
        let (weight, bias) = (maps.weight_ih.var(), maps.bias_ih.as_ref().map(Param::var));
        let (embed, all) = (embedding.weight.shape()[1], weight.dim(1));
        let tokens = embedding.weight.var().linear(&weight.slice(1, 0..embed), bias);
        let fed = (all > embed).then(|| weight.slice(1, embed..all));
        Some(Self { tokens: tokens.into_value(), fed })
    }
}

impl<'m, E: Element, C: Cell<E>> Seq2SeqScorer<'m, E, C> {
    /// Encodes `source (batch, src_time)`, of which row `i` has `lengths[i]` tokens.
    ///
    /// # Errors
    /// As [`Seq2Seq::forward`].
    pub fn new(model: &'m Seq2Seq<E, C>, source: &Ids, lengths: &[usize]) -> Result<Self, InputError> {
        no_grad(|| {
            let (first, sources) = model.encode(source, lengths, &mut Mode::Eval)?;
            let origins: Vec<usize> = (0..lengths.len()).collect();
            Ok(Self {
                model,
                steppers: model.decoder.rnn.steppers(),
                known: Known::new(model, lengths.len()),
                state: first.clone(),
                first,
                source: sources.clone(),
                sources,
                lengths: lengths.to_vec(),
                places: Places::of(&origins),
                origins,
                features: Tensor::zeros(&[0, 0]),
                weights: None,
            })
        })
    }

    /// Rows of these sources, before any token.
    fn begin(&mut self, origins: Vec<usize>) {
        self.state = rows(&self.first, &origins);
        self.belong(origins);
    }

    /// Says to which sources rows belong.
    fn belong(&mut self, origins: Vec<usize>) {
        if origins == self.origins {
            return;
        }
        let places = Places::of(&origins);
        if places.sources != self.places.sources {
            let own = &places.sources;
            self.source = self.sources.as_ref().map(|all| Source {
                keys: State::rows(&all.keys, own),
                values: State::rows(&all.values, own),
                mask: Mask::lengths(&own.iter().map(|source| self.lengths[*source]).collect::<Vec<_>>()),
            });
        }
        (self.origins, self.places) = (origins, places);
    }

    /// One step: each row goes on from row `parents[i]` by `tokens[i]`.
    fn advance(&mut self, parents: &[usize], tokens: &[u32]) -> Result<(), InputError> {
        Ids::from_slice(tokens).check_below(self.model.decoder.vocab(), "target token")?;
        self.belong(parents.iter().map(|parent| self.origins[*parent]).collect());
        no_grad(|| {
            let decoder = &self.model.decoder;
            let cells = match &self.known {
                Some(known) => self.fork(known, parents, tokens),
                None => self.step(parents, tokens),
            };
            let h = cells.last().expect("at least one layer").hidden().clone(); // (rows, hidden)
            let attended = decoder.attention.as_ref().zip(self.source.as_ref()).map(|(attention, source)| {
                let out = attention.forward(&self.places.spread(&h), source, &mut Mode::Eval);
                (self.places.collect(&out.context), out.weights.into_value())
            });
            let (context, weights) = attended.unzip();
            let (features, state) = decoder.after(h, cells, context);
            (self.features, self.weights, self.state) = (features.into_value(), weights, state);
        });
        Ok(())
    }

    /// The recurrent layers of rows whose first layer's sums are known in part.
    fn fork(&self, known: &Known<E>, parents: &[usize], tokens: &[u32]) -> Vec<C::State> {
        let (cell, last) = (&self.model.decoder.rnn.cells()[0], &self.state.cells[0]);
        let mut distinct = parents.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let place = |parent: &usize| distinct.binary_search(parent).expect("one of them") as u32;
        let places: Vec<u32> = parents.iter().map(place).collect();
        let shared = |x: &Var<E>| {
            let all = distinct.len() == x.dim(0);
            if all { x.clone() } else { State::rows(x, &distinct) }
        };
        let given =
            known.fed.as_ref().zip(self.state.fed.as_ref()).map(|(map, fed)| shared(fed).linear(map, None));
        let fork = Fork {
            inputs: &known.tokens,
            input: tokens,
            parents,
            given: given.map(Var::into_value),
            recurrent: cell.recurrent_sums(&shared(last.hidden())).into_value(),
            places: &places,
        };
        let mut cells = vec![cell.fork(&fork, last)];
        for (stepper, state) in self.steppers.iter().zip(&self.state.cells).skip(1) {
            let below = cells.last().expect("the first layer").hidden().clone();
            cells.push(stepper(&below, &state.rows(parents)));
        }
        cells
    }

    /// The recurrent layers of rows.
    fn step(&self, parents: &[usize], tokens: &[u32]) -> Vec<C::State> {
        let (decoder, mode) = (&self.model.decoder, &mut Mode::Eval);
        let state = rows(&self.state, parents);
        let x = decoder.embed(&Ids::from_slice(tokens), mode); // (rows, embed)
        let x = match &state.fed {
            Some(fed) => Var::concat(&[&x, fed], -1), // (rows, embed + fed)
            None => x,
        };
        decoder.rnn.step_with(&self.steppers, &x, &state.cells, mode).1
    }

    /// Scores of the next token of every row, behind those before.
    fn score(&self, scores: &mut Vec<f32>) {
        let features = Var::constant(self.features.clone());
        append(scores, no_grad(|| self.model.decoder.logits(&features, &mut Mode::Eval)).value());
    }
}

impl<E: Element, C: Cell<E>> Scorer for Seq2SeqScorer<'_, E, C> {
    type Error = InputError;

    fn vocab(&self) -> usize {
        self.model.decoder.vocab()
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), InputError> {
        same_batch("prompts", prompts.len(), "sources", self.lengths.len())?;
        let all: Vec<usize> = (0..prompts.len()).collect();
        // Prompts of one length go together, others row by row.
        if prompts.iter().all(|prompt| prompt.len() == prompts[0].len()) {
            self.begin(all.clone());
            for t in 0..prompts[0].len() {
                let tokens: Vec<u32> = prompts.iter().map(|prompt| prompt[t]).collect();
                self.advance(&all, &tokens)?;
            }
            self.score(scores);
            return Ok(());
        }
        let (mut states, mut features, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (row, prompt) in prompts.iter().enumerate() {
            self.begin(vec![row]);
            for token in prompt {
                self.advance(&[0], &[*token])?;
            }
            states.push(self.state.clone());
            features.push(self.features.clone());
            weights.extend(self.weights.clone());
        }
        self.belong(all);
        self.state = join(&states);
        let below = |parts: &[Tensor<E>]| Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0);
        self.features = below(&features);
        self.weights = (!weights.is_empty()).then(|| below(&weights));
        self.score(scores);
        Ok(())
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), InputError> {
        same_batch("tokens", tokens.len(), "parents", parents.len())?;
        self.advance(parents, tokens)?;
        self.score(scores);
        Ok(())
    }

    fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
        let Some(all) = &self.weights else { return false };
        let own = all.reshape(&[all.dim(0) * all.dim(1), all.dim(2)]).select(0, self.places.of_row(row)); // (src_time)
        // Sources are padded behind.
        append(weights, &own.slice(0, 0..self.lengths[self.origins[row]].min(own.len())));
        true
    }

    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        append(state, &self.features.select(0, row));
        true
    }
}

/// Rows of everything that a decoder remembers.
fn rows<E: Element, S: State<E>>(state: &DecoderState<E, S>, rows: &[usize]) -> DecoderState<E, S> {
    DecoderState {
        cells: state.cells.iter().map(|cell| cell.rows(rows)).collect(),
        fed: state.fed.as_ref().map(|fed| State::rows(fed, rows)),
    }
}

/// States of one row each under each other.
fn join<E: Element, S: State<E>>(states: &[DecoderState<E, S>]) -> DecoderState<E, S> {
    let below = |a: &Var<E>, b: &Var<E>| Var::concat(&[a, b], 0);
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
    use decode::{Beam, BeamSearch, CoveragePenalty};
    use nn::Module;
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

    /// Whatever a scorer knows before, its scores are those of the model's own steps: any cell, layers, few or many
    /// tokens, rows that fork, fall away and come in any order.
    #[test]
    fn scores_are_those_of_the_plain_steps() {
        fn check<C: Cell<f64> + crate::NewCell<f64>>(config: &Seq2SeqConfig) {
            let draw = &mut autograd::Gen::new(9);
            let model = Seq2Seq::<f64, C>::new(config, draw.rng()).unwrap();
            let (source, lengths) = (draw.ids(&[4, 5], 11), [5, 2, 4, 1]);
            let mut scorer = Seq2SeqScorer::new(&model, &source, &lengths).unwrap();
            let mut rows: Vec<(usize, Vec<u32>)> =
                (0..4).map(|source| (source, vec![1, 2 + source as u32])).collect();
            let prompts: Vec<Vec<u32>> = rows.iter().map(|(_, tokens)| tokens.clone()).collect();
            let mut scores = Vec::new();
            scorer.start(&prompts, &mut scores).unwrap();
            for parents in
                [vec![0, 0, 1, 1, 2, 2, 3, 3], vec![3, 3, 0, 0, 4, 7, 1], vec![6, 2, 2], vec![0, 1, 2]]
            {
                compare(&model, &source, &lengths, &rows, &scores);
                let tokens: Vec<u32> = parents.iter().map(|_| draw.below(config.tgt_vocab) as u32).collect();
                scores.clear();
                scorer.extend(&parents, &tokens, &mut scores).unwrap();
                let grow = |(parent, token): (&usize, &u32)| {
                    let (source, before) = &rows[*parent];
                    (*source, [&before[..], &[*token]].concat())
                };
                rows = parents.iter().zip(&tokens).map(grow).collect();
            }
            compare(&model, &source, &lengths, &rows, &scores);
        }
        let few = Seq2SeqConfig { layers: 2, ..Seq2SeqConfig::new(11, 13, 6, 8) };
        let many = Seq2SeqConfig { tgt_vocab: 100, ..few };
        for config in [few, many] {
            check::<crate::LstmCell<f64>>(&config);
            check::<GruCell<f64>>(&config);
            check::<crate::RnnCell<f64>>(&config);
            check::<crate::LstmCell<f64>>(&Seq2SeqConfig { attentional: true, layers: 1, ..config });
            check::<crate::LstmCell<f64>>(&Seq2SeqConfig { input_feeding: false, ..config });
            check::<GruCell<f64>>(&Seq2SeqConfig { attention: None, ..config });
        }
    }

    /// Sources of different lengths in one batch, each of which is also alone and then without any padding.
    struct Sources<C> {
        model: Seq2Seq<f64, C>,
        sources: Vec<Vec<u32>>,
    }

    impl<C: Cell<f64> + crate::NewCell<f64> + Module<f64>> Sources<C> {
        fn random(config: &Seq2SeqConfig) -> Self {
            let draw = &mut autograd::Gen::new(9);
            let mut model = Seq2Seq::new(config, draw.rng()).unwrap();
            // Larger than they start, so that what is likely depends on the source.
            for (_, param) in model.parameters_mut() {
                param.set(draw.normal(param.shape()));
            }
            let sources = [5, 2, 4, 1].map(|time| draw.ids(&[time], config.src_vocab).data().to_vec());
            Self { model, sources: sources.into() }
        }

        /// A scorer of some of the sources; what pads them are tokens that others have.
        fn scorer(&self, which: &[usize]) -> Seq2SeqScorer<'_, f64, C> {
            let lengths: Vec<usize> = which.iter().map(|i| self.sources[*i].len()).collect();
            let time = lengths.iter().copied().max().unwrap();
            let padded =
                |i: &usize| self.sources[*i].iter().copied().chain(3..).take(time).collect::<Vec<_>>();
            let ids = Ids::new(which.iter().flat_map(padded).collect(), &[which.len(), time]);
            Seq2SeqScorer::new(&self.model, &ids, &lengths).unwrap()
        }

        /// Hypotheses of every source are the same in a batch, in any order, as alone.
        fn check(&self, beam: &Beam, prompts: &[Vec<u32>; 4]) {
            let search = BeamSearch::new(beam).unwrap();
            let run = |which: &[usize]| {
                let prompts: Vec<Vec<u32>> = which.iter().map(|i| prompts[*i].clone()).collect();
                search.run(&mut self.scorer(which), &prompts).unwrap()
            };
            let alone: Vec<_> = (0..4).map(|i| run(&[i]).remove(0)).collect();
            for order in [[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0]] {
                for (i, found) in order.into_iter().zip(run(&order)) {
                    assert_eq!(found.len(), 4);
                    for (found, alone) in found.iter().zip(&alone[i]) {
                        assert_eq!(found.tokens, alone.tokens, "source {i} in {order:?}");
                        assert!((found.score - alone.score).abs() < 1e-4, "source {i} in {order:?}");
                    }
                }
            }
            // Short ones may be of the same tokens, but no two sources make them as likely.
            for (i, j) in [(0, 1), (1, 2), (2, 3)] {
                assert_ne!(alone[i], alone[j], "sources {i} and {j} make no difference");
            }
        }
    }

    #[test]
    fn beams_of_a_batch_are_those_of_each_source_alone_in_any_order() {
        fn check<C: Cell<f64> + crate::NewCell<f64> + Module<f64>>(config: &Seq2SeqConfig) {
            // Sums of all tokens are known both alone and in a batch, in a batch, and never.
            for (tgt_vocab, known) in [(8, [true, true]), (13, [false, true]), (100, [false, false])] {
                let sources = Sources::<C>::random(&Seq2SeqConfig { tgt_vocab, ..*config });
                let batches = [&[0][..], &[0, 1, 2, 3]];
                assert_eq!(batches.map(|which| sources.scorer(which).known.is_some()), known);
                let prompts = [[(); 4].map(|()| vec![1]), [vec![1, 3], vec![1], vec![4, 5, 6], vec![1, 7]]];
                let (none, covering) = (CoveragePenalty::None, CoveragePenalty::Wu(0.3));
                for (groups, coverage_penalty) in [(1, none), (2, none), (1, covering), (2, covering)] {
                    // Without attention there is none to sum up.
                    if config.attention.is_none() && coverage_penalty != none {
                        continue;
                    }
                    let beam =
                        Beam { n_best: 4, coverage_penalty, groups, diversity: 0.5, ..Beam::new(4, 2, 7) };
                    prompts.iter().for_each(|prompts| sources.check(&beam, prompts));
                }
            }
        }
        let feeding = Seq2SeqConfig::new(11, 13, 6, 8);
        assert!(feeding.input_feeding && feeding.attention.is_some());
        check::<crate::LstmCell<f64>>(&feeding);
        check::<GruCell<f64>>(&Seq2SeqConfig { attention: None, input_feeding: false, ..feeding });
    }

    fn compare<C: Cell<f64>>(
        model: &Seq2Seq<f64, C>,
        source: &Ids,
        lengths: &[usize],
        rows: &[(usize, Vec<u32>)],
        scores: &[f32],
    ) {
        let vocab = model.decoder.vocab();
        assert_eq!(scores.len(), rows.len() * vocab);
        for ((origin, tokens), scores) in rows.iter().zip(scores.chunks(vocab)) {
            let own = Ids::new(source.row(*origin).to_vec(), &[1, source.shape()[1]]);
            let target = Ids::new(tokens.clone(), &[1, tokens.len()]);
            let teacher = crate::Teacher::Forcing;
            let out = model.forward(&own, &[lengths[*origin]], &target, teacher, &mut Mode::Eval).unwrap();
            let expected = out.logits.value().select(1, tokens.len() - 1).to_vec();
            let close = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() < 1e-5;
            assert!(scores.iter().zip(&expected).all(close), "{tokens:?}: {scores:?} {expected:?}");
        }
    }
}
