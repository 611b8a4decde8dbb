//! An encoder–decoder Transformer as a model that decoders can drive.

use decode::Scorer;
use tensor::{Element, Ids};

use crate::input::{InputError, append, keep, same_batch};
use crate::seq2seq::{Seq2SeqState, Transformer};

/// Drives a [`Transformer`] for the decoders of `decode`. Sources are encoded once; prompt `i` belongs to source `i`.
///
/// ```
/// use decode::{Beam, BeamSearch};
/// use rand::SeedableRng;
/// use tensor::Ids;
/// use transformer::{Transformer, TransformerConfig, TransformerScorer};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let sizes = TransformerConfig {
///     d_model: 8, heads: 2, d_ff: 16, encoder_layers: 1, decoder_layers: 1, ..Default::default()
/// };
/// let model = Transformer::<f32>::new(&sizes, 11, 13, &mut rng)?;
/// let source = Ids::new(vec![3, 4, 5, 6, 0, 0], &[2, 3]);                         // (batch, src_time)
/// let mut scorer = TransformerScorer::new(&model, &source, &[3, 1])?;
/// let beam = BeamSearch::new(&Beam::new(3, 2, 10))?;                  // width 3, end token 2, at most 10 tokens
/// let best = beam.run(&mut scorer, &[vec![1], vec![1]])?;              // start token 1
/// assert_eq!(best.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TransformerScorer<'m, E: Element = f32> {
    model: &'m Transformer<E>,
    /// Of every source, with no target yet.
    first: Seq2SeqState<E>,
    state: Rows<E>,
    /// What the last scores of every row come from, `(rows, d_model)`.
    hidden: Vec<f32>,
}

/// What the sequences of a batch remember.
enum Rows<E: Element> {
    /// All together, where they are equally long.
    Together(Seq2SeqState<E>),
    /// Each by itself.
    Apart(Vec<Seq2SeqState<E>>),
}

impl<'m, E: Element> TransformerScorer<'m, E> {
    /// Encodes `source (batch, src_time)`, of which row `i` has `lengths[i]` tokens.
    ///
    /// # Errors
    /// As [`Transformer::forward`].
    pub fn new(model: &'m Transformer<E>, source: &Ids, lengths: &[usize]) -> Result<Self, InputError> {
        let first = model.start(source, lengths)?;
        Ok(Self { model, state: Rows::Together(first.clone()), first, hidden: Vec::new() })
    }
}

impl<E: Element> Scorer for TransformerScorer<'_, E> {
    type Error = InputError;

    fn vocab(&self) -> usize {
        self.model.generator.output()
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), InputError> {
        same_batch("prompts", prompts.len(), "sources", self.first.batch())?;
        self.hidden.clear();
        if prompts.iter().all(|prompt| prompt.len() == prompts[0].len()) {
            let mut state = self.first.clone();
            let ids = Ids::new(prompts.concat(), &[prompts.len(), prompts[0].len()]); // (rows, time)
            keep(scores, &mut self.hidden, self.model.next(&ids, &mut state)?);
            self.state = Rows::Together(state);
            return Ok(());
        }
        let mut states = Vec::with_capacity(prompts.len());
        for (row, prompt) in prompts.iter().enumerate() {
            let mut state = self.first.clone();
            state.reorder(&[row]);
            let ids = Ids::new(prompt.clone(), &[1, prompt.len()]);
            keep(scores, &mut self.hidden, self.model.next(&ids, &mut state)?);
            states.push(state);
        }
        self.state = Rows::Apart(states);
        Ok(())
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), InputError> {
        same_batch("tokens", tokens.len(), "parents", parents.len())?;
        self.hidden.clear();
        match &mut self.state {
            Rows::Together(state) => {
                if parents.len() != state.batch()
                    || parents.iter().enumerate().any(|(i, parent)| i != *parent)
                {
                    state.reorder(parents);
                }
                let ids = Ids::new(tokens.to_vec(), &[tokens.len(), 1]); // (rows, 1)
                keep(scores, &mut self.hidden, self.model.next(&ids, state)?);
            }
            Rows::Apart(states) => {
                *states = parents.iter().map(|parent| states[*parent].clone()).collect();
                for (state, token) in states.iter_mut().zip(tokens) {
                    let next = self.model.next(&Ids::new(vec![*token], &[1, 1]), state)?;
                    keep(scores, &mut self.hidden, next);
                }
            }
        }
        Ok(())
    }

    /// The mean over the heads of the last layer.
    fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
        let own = match &self.state {
            Rows::Together(state) => state.source_weights(row),
            Rows::Apart(states) => states.get(row).and_then(|state| state.source_weights(0)),
        };
        let told = own.is_some();
        own.iter().for_each(|own| append(weights, own));
        told
    }

    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        let width = self.model.generator.input();
        let Some(own) = self.hidden.get(row * width..(row + 1) * width) else { return false };
        state.extend(own);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NormPosition, TransformerConfig};
    use autograd::{Gen, Var};
    use decode::{Beam, BeamSearch, Contrastive, ContrastiveSearch, CoveragePenalty, Stop};
    use nn::Mode;
    use tensor::Tensor;

    fn model(draw: &mut Gen) -> Transformer {
        let sizes = TransformerConfig {
            d_model: 6,
            heads: 2,
            d_ff: 7,
            encoder_layers: 1,
            decoder_layers: 2,
            norm: NormPosition::Pre,
            ..TransformerConfig::default()
        };
        Transformer::new(&sizes, 9, 8, draw.rng()).unwrap()
    }

    /// Prompts of one length and of several: each token's score is what the model says of it in the whole sequence.
    #[test]
    fn scores_are_those_of_the_whole_sequence() {
        let draw = &mut Gen::new(3);
        let model = model(draw);
        let (source, lengths) = (draw.ids(&[3, 4], 9), [4, 2, 3]);
        for prompts in [vec![vec![1, 5], vec![1, 6], vec![1, 7]], vec![vec![1], vec![1, 6, 2], vec![1, 7]]] {
            let mut scorer = TransformerScorer::new(&model, &source, &lengths).unwrap();
            let nothing = &mut Vec::new();
            assert!(!scorer.attention(0, nothing) && !scorer.hidden(0, nothing), "nothing was read yet");
            let mut rows = prompts.clone();
            let mut origins = vec![0, 1, 2];
            let mut scores = Vec::new();
            scorer.start(&prompts, &mut scores).unwrap();
            for (parents, tokens) in [(vec![2, 0, 0, 1], vec![3, 4, 5, 6]), (vec![1, 3], vec![2, 7])] {
                check(&model, &source, &lengths, &rows, &origins, &scores, &scorer);
                scores.clear();
                scorer.extend(&parents, &tokens, &mut scores).unwrap();
                let next = |(parent, token): (&usize, &u32)| [&rows[*parent][..], &[*token]].concat();
                rows = parents.iter().zip(&tokens).map(next).collect();
                origins = parents.iter().map(|parent| origins[*parent]).collect();
            }
            check(&model, &source, &lengths, &rows, &origins, &scores, &scorer);
        }
    }

    /// Sources of different lengths in one batch, each of which is also alone and then without any padding.
    struct Sources {
        model: Transformer,
        sources: Vec<Vec<u32>>,
    }

    impl Sources {
        fn random(draw: &mut Gen) -> Self {
            let sources = [5, 2, 4, 1].map(|time| draw.ids(&[time], 9).data().to_vec());
            Self { model: model(draw), sources: sources.into() }
        }

        /// A scorer of some of the sources; what pads them are tokens that others have.
        fn scorer(&self, which: &[usize]) -> TransformerScorer<'_> {
            let lengths: Vec<usize> = which.iter().map(|i| self.sources[*i].len()).collect();
            let time = lengths.iter().copied().max().unwrap();
            let padded =
                |i: &usize| self.sources[*i].iter().copied().chain(3..).take(time).collect::<Vec<_>>();
            let ids = Ids::new(which.iter().flat_map(padded).collect(), &[which.len(), time]);
            TransformerScorer::new(&self.model, &ids, &lengths).unwrap()
        }
    }

    /// Padding and neighbours change no score, neither of the prompts nor of what follows.
    #[test]
    fn scores_of_a_batch_are_those_of_each_source_alone_in_any_order() {
        let draw = &mut Gen::new(8);
        let sources = Sources::random(draw);
        let steps: [Vec<u32>; 3] = [(); 3].map(|()| draw.ids(&[4], 8).data().to_vec());
        for prompts in [[vec![1], vec![1], vec![1], vec![1]], [vec![1, 2], vec![1], vec![3, 4, 5], vec![6]]] {
            // All scores of each source, one step behind the other.
            let scores = |which: &[usize]| {
                let (mut scorer, mut found) = (sources.scorer(which), vec![Vec::new(); which.len()]);
                let prompts: Vec<Vec<u32>> = which.iter().map(|i| prompts[*i].clone()).collect();
                let mut scores = Vec::new();
                scorer.start(&prompts, &mut scores).unwrap();
                for step in [None, Some(&steps[0]), Some(&steps[1]), Some(&steps[2])] {
                    if let Some(step) = step {
                        scores.clear();
                        let tokens: Vec<u32> = which.iter().map(|i| step[*i]).collect();
                        scorer.extend(&(0..which.len()).collect::<Vec<_>>(), &tokens, &mut scores).unwrap();
                    }
                    found.iter_mut().zip(scores.chunks(8)).for_each(|(found, own)| found.extend(own));
                }
                found
            };
            let alone: Vec<Vec<f32>> = (0..4).map(|i| scores(&[i]).remove(0)).collect();
            for order in [[0, 1, 2, 3], [3, 0, 2, 1], [2, 3, 1, 0]] {
                for (i, found) in order.into_iter().zip(scores(&order)) {
                    assert_eq!(found.len(), 4 * 8);
                    let difference =
                        found.iter().zip(&alone[i]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(difference < 1e-5, "source {i} in {order:?}: differs by {difference:e}");
                }
            }
            let other = alone[0].iter().zip(&alone[2]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(other > 1e-2, "the sources make no difference");
        }
    }

    #[test]
    fn beams_of_a_batch_are_those_of_each_source_alone_in_any_order() {
        let draw = &mut Gen::new(9);
        let sources = Sources::random(draw);
        for (coverage_penalty, groups) in [(CoveragePenalty::None, 1), (CoveragePenalty::Wu(0.3), 2)] {
            let beam = Beam { n_best: 4, coverage_penalty, groups, diversity: 0.5, ..Beam::new(4, 2, 7) };
            let search = BeamSearch::new(&beam).unwrap();
            let run = |which: &[usize]| {
                search.run(&mut sources.scorer(which), &vec![vec![1]; which.len()]).unwrap()
            };
            let alone: Vec<_> = (0..4).map(|i| run(&[i]).remove(0)).collect();
            for order in [[0, 1, 2, 3], [1, 3, 0, 2]] {
                for (i, found) in order.into_iter().zip(run(&order)) {
                    assert_eq!(found.len(), 4);
                    for (found, alone) in found.iter().zip(&alone[i]) {
                        assert_eq!(found.tokens, alone.tokens, "source {i} in {order:?}");
                        assert!((found.score - alone.score).abs() < 1e-4, "source {i} in {order:?}");
                    }
                }
            }
            assert!(alone.windows(2).any(|pair| pair[0][0].tokens != pair[1][0].tokens), "all alike");
        }
    }

    /// Nothing is attended to, and nothing is left uncovered.
    #[test]
    fn a_source_without_tokens_is_searched_as_well() {
        let model = model(&mut Gen::new(5));
        let covering = Beam { coverage_penalty: CoveragePenalty::Wu(0.5), ..Beam::new(3, 2, 4) };
        let run = |source: u32, lengths: &[usize]| {
            let mut scorer =
                TransformerScorer::new(&model, &Ids::new(vec![source; 4], &[2, 2]), lengths).unwrap();
            BeamSearch::new(&covering).unwrap().run(&mut scorer, &[vec![1], vec![1]]).unwrap()
        };
        let (found, other) = (run(3, &[0, 2]), run(4, &[0, 2]));
        assert_eq!(found[0][0].score, found[0][0].log_prob);
        assert_eq!(found[0], other[0]);
        assert_ne!(found[1], other[1]);
    }

    #[test]
    fn what_is_wrong_with_sources_and_prompts_is_named() {
        let model = model(&mut Gen::new(5));
        let error = |source: Vec<u32>, lengths: &[usize]| {
            let source = Ids::new(source, &[1, 2]);
            TransformerScorer::new(&model, &source, lengths).err().unwrap().to_string()
        };
        assert_eq!(error(vec![1, 2], &[3]), "sequence 0 has a length of 3, expected 0 to 2");
        assert_eq!(error(vec![1, 2], &[1, 1]), "`lengths` is of 2 sequences, `source` of 1");
        assert!(error(vec![1, 9], &[2]).contains("source token"));
        let mut scorer = TransformerScorer::new(&model, &Ids::new(vec![1, 2], &[1, 2]), &[2]).unwrap();
        let greedy = |scorer: &mut TransformerScorer<'_>, prompts: &[Vec<u32>]| {
            decode::greedy(scorer, prompts, &Stop::after(3)).map(|out| out.len()).map_err(|e| e.to_string())
        };
        let two = greedy(&mut scorer, &[vec![1], vec![1]]);
        assert_eq!(two, Err("the model: `prompts` is of 2 sequences, `sources` of 1".into()));
        let unknown = greedy(&mut scorer, &[vec![1, 8]]);
        assert_eq!(unknown, Err("prompt 0, position 1: token 8 is out of range, the model has 8".into()));
        assert_eq!(greedy(&mut scorer, &[vec![1]]), Ok(1), "it goes on");
    }

    /// What a search asks the model for beside scores arrives there.
    #[test]
    fn searches_that_look_inside_run() {
        let draw = &mut Gen::new(5);
        let model = model(draw);
        let (source, lengths, prompts) = (draw.ids(&[2, 4], 9), [4, 2], [vec![1], vec![1]]);
        let mut scorer = TransformerScorer::new(&model, &source, &lengths).unwrap();
        let covering = Beam { coverage_penalty: CoveragePenalty::Wu(0.5), ..Beam::new(3, 2, 1) };
        for best in BeamSearch::new(&covering).unwrap().run(&mut scorer, &prompts).unwrap() {
            assert!(best[0].score < best[0].log_prob, "one token does not cover all positions");
        }
        let search = ContrastiveSearch::new(&Contrastive { top_k: 3, alpha: 0.6 }).unwrap();
        let mut first =
            TransformerScorer::new(&model, &Ids::new(source.row(0).to_vec(), &[1, 4]), &[4]).unwrap();
        assert_eq!(search.run(&mut first, &prompts[0], &Stop::after(5)).unwrap().tokens.len(), 5);
    }

    fn check(
        model: &Transformer,
        source: &Ids,
        lengths: &[usize],
        rows: &[Vec<u32>],
        origins: &[usize],
        scores: &[f32],
        scorer: &TransformerScorer<'_>,
    ) {
        let close = |found: &[f32], expected: &[f32], row: &[u32]| {
            assert_eq!(found.len(), expected.len(), "{row:?}");
            let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4);
            assert!(near, "{row:?}: {found:?}, expected {expected:?}");
        };
        for (i, ((row, origin), scores)) in rows.iter().zip(origins).zip(scores.chunks(8)).enumerate() {
            let source = Ids::new(source.row(*origin).to_vec(), &[1, 4]);
            let target = Ids::new(row.clone(), &[1, row.len()]);
            let logits = model.forward(&source, &[lengths[*origin]], &target, &mut Mode::Eval).unwrap();
            let expected = logits.value().select(1, row.len() - 1).to_vec(); // (1, vocab)
            close(scores, &expected, row);
            // Where it looks, and the state that the output layer makes the scores from.
            let length = lengths[*origin];
            let layers = model.attention(&source, &[length], &target).unwrap();
            let heads = layers.last().unwrap().mean_axis(1, false); // (1, time, src_time)
            let (mut weights, mut hidden) = (Vec::new(), Vec::new());
            assert!(scorer.attention(i, &mut weights) && scorer.hidden(i, &mut hidden));
            close(&weights, &heads.select(1, row.len() - 1).to_vec()[..length], row);
            let hidden = Var::constant(Tensor::from_vec(hidden, &[1, 6]));
            close(&model.generator.forward(&hidden).value().to_vec(), scores, row);
        }
    }
}
