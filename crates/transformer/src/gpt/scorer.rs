//! A GPT as a model that decoders can drive.

use decode::Scorer;
use tensor::{Element, Ids};

use crate::gpt::model::{Gpt, GptCache};
use crate::input::{InputError, keep};

/// Drives a [`Gpt`] for the decoders of `decode`: greedy, sampling, beam, contrastive search (by what the last norm gives
/// for each token).
///
/// Keys and values of the past are cached, so a step costs one token per row. A sequence that outgrows the
/// model's positions goes on from its later half: the window moves, and is computed anew once per half.
///
/// ```
/// use decode::Stop;
/// use rand::SeedableRng;
/// use transformer::{Gpt, GptConfig, GptScorer};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let gpt = Gpt::<f32>::new(GptConfig { time: 8, d_model: 16, ..GptConfig::new(11) }, &mut rng)?;
/// let out = decode::greedy(&mut GptScorer::new(&gpt), &[vec![1, 2]], &Stop::after(20))?;
/// assert_eq!(out[0].tokens.len(), 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GptScorer<'m, E: Element = f32> {
    model: &'m Gpt<E>,
    rows: Vec<Row<E>>,
    /// The cache of all rows together, where they are equally long.
    shared: Option<GptCache<E>>,
    /// What the last scores of every row come from, `(rows, d_model)`.
    hidden: Vec<f32>,
}

/// One sequence.
#[derive(Clone)]
struct Row<E: Element> {
    tokens: Vec<u32>,
    /// Its cache, where rows differ in length and are computed one by one.
    cache: GptCache<E>,
}

impl<'m, E: Element> GptScorer<'m, E> {
    /// A scorer with no sequences yet.
    pub fn new(model: &'m Gpt<E>) -> Self {
        Self { model, rows: Vec::new(), shared: None, hidden: Vec::new() }
    }

    /// The part of a sequence the model can still extend.
    fn window<'t>(&self, tokens: &'t [u32]) -> &'t [u32] {
        let time = self.model.config().time;
        let half = (time / 2).max(1);
        let mut start = 0;
        while tokens.len() - start > time {
            start += half;
        }
        &tokens[start..]
    }

    /// Computes the windows of all rows from the beginning.
    fn compute_all(&mut self, scores: &mut Vec<f32>) -> Result<(), InputError> {
        let windows: Vec<Vec<u32>> = self.rows.iter().map(|row| self.window(&row.tokens).to_vec()).collect();
        let equal = windows.windows(2).all(|pair| pair[0].len() == pair[1].len());
        if equal {
            let mut cache = GptCache::default();
            let ids = Ids::new(windows.concat(), &[windows.len(), windows[0].len()]); // (rows, time)
            keep(scores, &mut self.hidden, self.model.next(&ids, &mut cache)?);
            self.shared = Some(cache);
            return Ok(());
        }
        self.shared = None;
        for (row, window) in self.rows.iter_mut().zip(windows) {
            row.cache = GptCache::default();
            let ids = Ids::new(window.clone(), &[1, window.len()]);
            keep(scores, &mut self.hidden, self.model.next(&ids, &mut row.cache)?);
        }
        Ok(())
    }
}

impl<E: Element> Scorer for GptScorer<'_, E> {
    type Error = InputError;

    fn vocab(&self) -> usize {
        self.model.config().vocab
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), InputError> {
        let row = |prompt: &Vec<u32>| Row { tokens: prompt.clone(), cache: GptCache::default() };
        self.rows = prompts.iter().map(row).collect();
        self.hidden.clear();
        self.compute_all(scores)
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), InputError> {
        let mut moved = false;
        let grow = |(parent, token): (&usize, &u32)| {
            let mut row = self.rows[*parent].clone();
            let before = row.tokens.len() - self.window(&row.tokens).len();
            row.tokens.push(*token);
            moved |= row.tokens.len() - self.window(&row.tokens).len() != before;
            row
        };
        self.rows = parents.iter().zip(tokens).map(grow).collect();
        self.hidden.clear();
        if moved {
            return self.compute_all(scores);
        }
        if let Some(cache) = &mut self.shared {
            if !(parents.len() == cache.batch()
                && parents.iter().enumerate().all(|(row, parent)| row == *parent))
            {
                cache.reorder(parents);
            }
            let ids = Ids::new(tokens.to_vec(), &[tokens.len(), 1]); // (rows, 1)
            keep(scores, &mut self.hidden, self.model.next(&ids, cache)?);
            return Ok(());
        }
        for (row, token) in self.rows.iter_mut().zip(tokens) {
            let next = self.model.next(&Ids::new(vec![*token], &[1, 1]), &mut row.cache)?;
            keep(scores, &mut self.hidden, next);
        }
        Ok(())
    }

    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        let width = self.model.config().d_model;
        let Some(own) = self.hidden.get(row * width..(row + 1) * width) else { return false };
        state.extend(own);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GptConfig;
    use decode::{Beam, BeamSearch, Contrastive, ContrastiveSearch, LengthPenalty, Stop};
    use nn::{Mode, Module as _};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn gpt() -> Gpt<f64> {
        let config = GptConfig { time: 24, layers: 2, heads: 2, d_model: 12, ..GptConfig::new(13) };
        let mut gpt = Gpt::new(config, &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
        // Far from its cautious start, whose logits are all alike.
        for param in gpt.parameters_mut() {
            let value = param.1.value() * 8.0;
            param.1.set(value);
        }
        gpt
    }

    /// Of each token of a sequence that is computed whole.
    fn hidden(gpt: &Gpt<f64>, tokens: &[u32]) -> Vec<Vec<f64>> {
        let ids = Ids::new(tokens.to_vec(), &[1, tokens.len()]);
        let all = gpt.hidden(&ids, &mut Mode::Eval).unwrap();
        (0..tokens.len()).map(|t| all.value().select(1, t).to_vec()).collect()
    }

    #[test]
    fn hidden_states_belong_to_their_rows() {
        let gpt = gpt();
        for prompts in [vec![vec![1, 2], vec![3, 4]], vec![vec![1, 2, 5], vec![3]]] {
            let mut scorer = GptScorer::new(&gpt);
            scorer.start(&prompts, &mut Vec::new()).unwrap();
            scorer.extend(&[1, 0, 1], &[6, 7, 8], &mut Vec::new()).unwrap();
            for (row, (parent, token)) in [(1, 6), (0, 7), (1, 8)].into_iter().enumerate() {
                let expected = hidden(&gpt, &[&prompts[parent][..], &[token]].concat()).pop().unwrap();
                let mut found = Vec::new();
                assert!(scorer.hidden(row, &mut found));
                assert_eq!(found.len(), expected.len());
                let close = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() < 1e-5;
                assert!(found.iter().zip(&expected).all(close), "{found:?} {expected:?}");
            }
        }
    }

    /// Prompts of one length, which share a cache, and of several; up to windows that move, at 24 tokens.
    fn batches() -> [Vec<Vec<u32>>; 3] {
        let prompt = |first: u32, time: u32| (0..time).map(|t| (first + t * t) % 13).collect::<Vec<u32>>();
        [
            vec![prompt(1, 3), prompt(2, 3), prompt(5, 3), prompt(3, 3)],
            vec![prompt(1, 5), prompt(2, 1), prompt(5, 3), prompt(4, 8)],
            vec![prompt(1, 23), prompt(2, 4), prompt(5, 30), prompt(4, 22)],
        ]
    }

    /// Neither neighbours nor the order of the batch changes a score, of the prompt or of what follows.
    #[test]
    fn scores_of_a_batch_are_those_of_each_prompt_alone_in_any_order() {
        let gpt = gpt();
        for prompts in batches() {
            let scores = |which: &[usize]| {
                let (mut scorer, mut found) = (GptScorer::new(&gpt), vec![Vec::new(); which.len()]);
                let prompts: Vec<Vec<u32>> = which.iter().map(|i| prompts[*i].clone()).collect();
                let mut scores = Vec::new();
                scorer.start(&prompts, &mut scores).unwrap();
                for step in 0..4 {
                    if step > 0 {
                        scores.clear();
                        let tokens: Vec<u32> = which.iter().map(|i| ((5 * i + step) % 13) as u32).collect();
                        scorer.extend(&(0..which.len()).collect::<Vec<_>>(), &tokens, &mut scores).unwrap();
                    }
                    found.iter_mut().zip(scores.chunks(13)).for_each(|(found, own)| found.extend(own));
                }
                found
            };
            let alone: Vec<Vec<f32>> = (0..4).map(|i| scores(&[i]).remove(0)).collect();
            for order in [[0, 1, 2, 3], [3, 0, 2, 1], [2, 3, 1, 0]] {
                for (i, found) in order.into_iter().zip(scores(&order)) {
                    assert_eq!(found.len(), 4 * 13);
                    let difference =
                        found.iter().zip(&alone[i]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(difference < 1e-5, "prompt {i} in {order:?}: differs by {difference:e}");
                }
            }
            let other = alone[0].iter().zip(&alone[2]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(other > 1e-2, "the prompts make no difference");
        }
    }

    #[test]
    fn beams_of_a_batch_are_those_of_each_prompt_alone_in_any_order() {
        let gpt = gpt();
        let length_penalty = LengthPenalty::Wu(0.8);
        let beam = Beam { n_best: 4, groups: 2, diversity: 0.5, length_penalty, ..Beam::new(4, 0, 6) };
        let search = BeamSearch::new(&beam).unwrap();
        for prompts in batches() {
            let run = |which: &[usize]| {
                let prompts: Vec<Vec<u32>> = which.iter().map(|i| prompts[*i].clone()).collect();
                search.run(&mut GptScorer::new(&gpt), &prompts).unwrap()
            };
            let alone: Vec<_> = (0..4).map(|i| run(&[i]).remove(0)).collect();
            for order in [[0, 1, 2, 3], [1, 3, 0, 2]] {
                for (i, found) in order.into_iter().zip(run(&order)) {
                    assert_eq!(found.len(), alone[i].len());
                    for (found, alone) in found.iter().zip(&alone[i]) {
                        assert_eq!(found.tokens, alone.tokens, "prompt {i} in {order:?}");
                        assert!((found.score - alone.score).abs() < 1e-4, "prompt {i} in {order:?}");
                    }
                }
            }
            assert!(alone.windows(2).any(|pair| pair[0][0].tokens != pair[1][0].tokens), "all alike");
        }
    }

    /// Su et al. 2022, eq. 5, with every sequence computed whole.
    fn contrastive(gpt: &Gpt<f64>, prompt: &[u32], count: usize, k: usize, alpha: f64) -> Vec<u32> {
        let cosine = |a: &[f64], b: &[f64]| {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let mut tokens = prompt.to_vec();
        for _ in 0..count {
            let ids = Ids::new(tokens.clone(), &[1, tokens.len()]);
            let logits = gpt.forward(&ids, &mut Mode::Eval).unwrap();
            let last = logits.value().select(1, tokens.len() - 1).softmax(-1).to_vec();
            let past = hidden(gpt, &tokens);
            let mut candidates: Vec<u32> = (0..last.len() as u32).collect();
            candidates.sort_by(|a, b| last[*b as usize].total_cmp(&last[*a as usize]));
            let value = |token: u32| {
                let state = hidden(gpt, &[&tokens[..], &[token]].concat()).pop().unwrap();
                let alike = past.iter().map(|other| cosine(other, &state)).fold(f64::NEG_INFINITY, f64::max);
                (1.0 - alpha) * last[token as usize] - alpha * alike
            };
            let best = candidates[..k].iter().copied().max_by(|a, b| value(*a).total_cmp(&value(*b)));
            tokens.extend(best);
        }
        tokens.split_off(prompt.len())
    }

    #[test]
    fn contrastive_search_equals_its_equation() {
        let gpt = gpt();
        let mut differing = 0;
        for (prompt, alpha) in [(vec![1], 0.6_f32), (vec![4, 2, 9], 0.3), (vec![7, 7], 0.9)] {
            let search = ContrastiveSearch::new(&Contrastive { top_k: 4, alpha }).unwrap();
            let found = search.run(&mut GptScorer::new(&gpt), &prompt, &Stop::after(12)).unwrap();
            assert_eq!(found.tokens, contrastive(&gpt, &prompt, 12, 4, f64::from(alpha)));
            let greedy = decode::greedy(&mut GptScorer::new(&gpt), &[prompt], &Stop::after(12)).unwrap();
            differing += usize::from(greedy[0].tokens != found.tokens);
        }
        assert!(differing > 0, "never another choice than greedy search");
    }
}
