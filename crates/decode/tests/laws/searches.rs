//! Scoring, ensembles and contrastive search.

use decode::{
    Averaging, Beam, BeamSearch, Contrastive, ContrastiveSearch, Ensemble, Error, Finish, Scorer, Stop, any,
    greedy, score,
};
use proptest::prelude::*;

use crate::model::{END, Markov, Wall};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a search says of its outputs is what scoring them says.
    #[test]
    fn scores_of_outputs_are_those_of_the_search(vocab in 2_usize..7, seed: u64) {
        let mut model = Markov::random(vocab, seed);
        let prompts = [vec![1], vec![1, 0], vec![0, 1, 1]];
        let search = BeamSearch::new(&Beam { n_best: 3, ..Beam::new(3, END, 6) }).unwrap();
        for (prompt, found) in prompts.iter().zip(search.run(&mut model, &prompts).unwrap()) {
            let outputs: Vec<Vec<u32>> = found
                .iter()
                .map(|h| if h.finish == Finish::End { [&h.tokens[..], &[END]].concat() } else { h.tokens.clone() })
                .collect();
            let scored = score(&mut model, &vec![prompt.clone(); outputs.len()], &outputs).unwrap();
            for ((hypothesis, scored), output) in found.iter().zip(&scored).zip(&outputs) {
                prop_assert_eq!(scored.log_probs.len(), output.len());
                prop_assert!((hypothesis.log_prob - scored.log_prob()).abs() < 1e-9);
            }
        }
    }

    /// The average is the one of the models' own scores, in either space.
    #[test]
    fn an_ensemble_averages(vocab in 2_usize..6, seeds: [u64; 3], output in prop::collection::vec(0_u32..2, 1..6)) {
        let models = seeds.map(|seed| Markov::random(vocab, seed));
        let (prompts, outputs) = ([vec![1]], [output]);
        // Over all tokens, for those of an output are one path only.
        let rows = models.each_ref().map(|model| model.log_probs([1, 1]));
        for averaging in [Averaging::LogProbabilities, Averaging::Probabilities] {
            let mut ensemble = Ensemble::new(models.to_vec(), averaging).unwrap();
            let mut scores = Vec::new();
            ensemble.start(&prompts, &mut scores).unwrap();
            for token in 0..vocab {
                let values = rows.iter().map(|row| row[token]);
                let expected = match averaging {
                    Averaging::LogProbabilities => values.sum::<f64>() / 3.0,
                    Averaging::Probabilities => (values.map(f64::exp).sum::<f64>() / 3.0).ln(),
                };
                prop_assert!((f64::from(scores[token]) - expected).abs() < 1e-5);
            }
            // Copies of one model are that model.
            let mut copies = Ensemble::new(vec![models[0].clone(); 3], averaging).unwrap();
            let found = score(&mut copies, &prompts, &outputs).unwrap();
            let expected = score(&mut models[0].clone(), &prompts, &outputs).unwrap();
            for (a, b) in found[0].log_probs.iter().zip(&expected[0].log_probs) {
                prop_assert!((a - b).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn contrastive_search_without_penalty_or_choice_is_greedy(vocab in 2_usize..7, seed: u64, alpha in 0.0_f32..1.0) {
        let mut model = Markov::random(vocab, seed);
        let stop = Stop::after(8).at(END);
        let expected = greedy(&mut model, &[vec![1, 0, 1]], &stop).unwrap().remove(0);
        for settings in [Contrastive { top_k: 1, alpha }, Contrastive { top_k: 3, alpha: 0.0 }] {
            let found = ContrastiveSearch::new(&settings).unwrap().run(&mut model, &[1, 0, 1], &stop).unwrap();
            prop_assert_eq!(&found.tokens, &expected.tokens);
            prop_assert_eq!(found.finish, expected.finish);
            prop_assert!((found.log_prob - expected.log_prob).abs() < 1e-9);
        }
    }

    /// Each token is the best of the candidates by the paper's formula.
    #[test]
    fn contrastive_search_takes_the_best_candidate(vocab in 3_usize..7, seed: u64, alpha in 0.0_f32..1.0) {
        let mut model = Markov::random(vocab, seed);
        let search = ContrastiveSearch::new(&Contrastive { top_k: 3, alpha }).unwrap();
        let found = search.run(&mut model, &[1], &Stop::after(7)).unwrap();
        let cosine = |a: [f32; 2], b: [f32; 2]| {
            (a[0] * b[0] + a[1] * b[1]) / (a[0].hypot(a[1]) * b[0].hypot(b[1]))
        };
        let (mut row, mut past) = ([1, 1], vec![model.state([1, 1])]);
        for token in found.tokens {
            let log_probs = model.log_probs(row);
            let mut order: Vec<usize> = (0..vocab).collect();
            order.sort_by(|&a, &b| log_probs[b].total_cmp(&log_probs[a]));
            let value = |candidate: u32| {
                let state = model.state([row[1], candidate]);
                let penalty = past.iter().map(|&other| cosine(state, other)).fold(f32::NEG_INFINITY, f32::max);
                (1.0 - alpha) * log_probs[candidate as usize].exp() as f32 - alpha * penalty
            };
            let best = order[..3].iter().map(|&t| value(t as u32)).fold(f32::NEG_INFINITY, f32::max);
            prop_assert!(order[..3].contains(&(token as usize)));
            prop_assert!((value(token) - best).abs() < 1e-5);
            row = [row[1], token];
            past.push(model.state(row));
        }
    }
}

#[test]
fn faults_of_scoring_and_contrastive_search_are_errors() {
    let mut model = Markov::random(4, 1);
    let unknown = Error::UnknownToken { row: 0, position: 2, token: 9, vocab: 4 };
    assert_eq!(score(&mut model, &[vec![1]], &[vec![2, 9]]), Err(unknown));
    assert_eq!(score(&mut model, &[vec![]], &[vec![2]]), Err(Error::EmptyPrompt { row: 0 }));
    assert_eq!(score(&mut model, &[], &[]), Ok(vec![]));

    let search = || ContrastiveSearch::new(&Contrastive { top_k: 2, alpha: 0.5 }).unwrap();
    let stop = Stop::after(5);
    assert_eq!(search().run(&mut model, &[], &stop), Err(Error::EmptyPrompt { row: 0 }));
    let unknown = Error::UnknownToken { row: 0, position: 1, token: 7, vocab: 4 };
    assert_eq!(search().run(&mut model, &[1, 7], &stop), Err(unknown));
    let walled = search().with(Wall(3)).run(&mut model, &[1], &stop);
    assert_eq!(walled, Err(Error::NothingAllowed { row: 0, position: 2 }));
    let mut closed = Markov { open: false, ..Markov::random(4, 1) };
    assert_eq!(search().run(&mut closed, &[1], &stop), Err(Error::NoHidden));
}

#[test]
fn ensembles_of_nothing_or_of_strangers_are_refused() {
    let build = |models: Vec<Markov>| Ensemble::new(models, Averaging::Probabilities).map(|_| ());
    assert_eq!(build(vec![]).unwrap_err().setting, "models");
    assert_eq!(build(vec![Markov::random(3, 1), Markov::random(4, 1)]).unwrap_err().setting, "models");
    // A NaN of one model is reported, not averaged away.
    let mut bad = Markov::random(3, 2);
    bad.logits.fill(f32::NAN);
    let mut ensemble = Ensemble::new(vec![Markov::random(3, 1), bad], Averaging::Probabilities).unwrap();
    let error = greedy(&mut ensemble, &[vec![1]], &Stop::after(2)).unwrap_err();
    assert!(matches!(error, Error::BadScore { .. }));
}

#[test]
fn models_of_any_kind_are_one() {
    let model = Markov::random(4, 3);
    let plain = greedy(&mut model.clone(), &[vec![1]], &Stop::after(5).at(END)).unwrap();
    let mut erased = any(model.clone());
    assert_eq!(greedy(&mut erased, &[vec![1]], &Stop::after(5).at(END)).unwrap(), plain);
    // Hidden states of an ensemble stand side by side; if one model hides its own there are none.
    let mut ensemble =
        Ensemble::new(vec![any(model.clone()), any(model.clone())], Averaging::Probabilities).unwrap();
    let (mut scores, mut own, mut both) = (Vec::new(), Vec::new(), vec![9.0]);
    ensemble.start(&[vec![1]], &mut scores).unwrap();
    erased.start(&[vec![1]], &mut scores).unwrap();
    assert!(erased.hidden(0, &mut own) && ensemble.hidden(0, &mut both));
    assert_eq!(both, [&[9.0], &own[..], &own].concat());
    let closed = Markov { open: false, ..model.clone() };
    let mut ensemble = Ensemble::new(vec![any(model), any(closed)], Averaging::Probabilities).unwrap();
    ensemble.start(&[vec![1]], &mut scores).unwrap();
    assert!(!ensemble.hidden(0, &mut both) && both.len() == 1 + 2 * own.len());
}

#[test]
fn an_error_of_any_model_says_what_the_model_says() {
    let error = greedy(&mut any(Failing), &[vec![1]], &Stop::after(1)).unwrap_err();
    assert_eq!(error.to_string(), "the model: an error occurred when formatting an argument");
    // Said once: what stands behind it is the model's own cause, of which this one has none.
    assert!(std::error::Error::source(&error).unwrap().source().is_none());
}

#[test]
fn of_several_conditions_any_ends() {
    let stop = Stop::after(9).when(|tokens| tokens.len() == 4).when(|tokens| tokens.ends_with(&[1]));
    assert_eq!(stop.check(&[2, 1]), Some(Finish::Condition));
    assert_eq!(stop.check(&[2, 2, 2, 2]), Some(Finish::Condition));
    assert_eq!(stop.check(&[2, 2]), None);
}

/// Always fails.
struct Failing;

impl Scorer for Failing {
    type Error = std::fmt::Error;

    fn vocab(&self) -> usize {
        3
    }

    fn start(&mut self, _: &[Vec<u32>], _: &mut Vec<f32>) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }

    fn extend(&mut self, _: &[usize], _: &[u32], _: &mut Vec<f32>) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }
}
