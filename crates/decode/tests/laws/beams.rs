//! Penalties, steps and groups of beam search.

use decode::process::{ForcedPrefix, LogitBias, MinLength, NoRepeatNgram};
use decode::{Beam, BeamSearch, CoveragePenalty, Error, Finish, LengthPenalty};
use proptest::prelude::*;

use crate::decoders::penalties;
use crate::model::{END, Markov};

fn coverages() -> impl Strategy<Value = CoveragePenalty> {
    let beta = 0.0_f64..2.0;
    prop_oneof![beta.clone().prop_map(CoveragePenalty::Wu), beta.prop_map(CoveragePenalty::Summary)]
}

/// Attention summed over the steps that lead to `tokens`.
fn coverage(model: &Markov, tokens: &[u32]) -> Vec<f64> {
    let (mut row, mut sums) = ([1, 1], vec![0.0; 3]);
    for &token in tokens {
        sums.iter_mut().zip(model.weights(row)).for_each(|(sum, weight)| *sum += f64::from(weight));
        row = [row[1], token];
    }
    sums
}

fn repeats(tokens: &[u32], n: usize) -> bool {
    let grams: Vec<&[u32]> = tokens.windows(n).collect();
    (0..grams.len()).any(|i| grams[..i].contains(&grams[i]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_wide_beam_finds_the_best_with_coverage(
        vocab in 2_usize..5,
        max_tokens in 1_usize..5,
        seed: u64,
        length_penalty in penalties(),
        coverage_penalty in coverages(),
    ) {
        let mut model = Markov::random(vocab, seed);
        let score = |(tokens, log_prob): (Vec<u32>, f64)| {
            length_penalty.score(log_prob, tokens.len()) + coverage_penalty.score(&coverage(&model, &tokens))
        };
        let best = model.enumerate([1, 1], max_tokens).into_iter().map(score).fold(f64::NEG_INFINITY, f64::max);
        let width = vocab.pow(max_tokens as u32);
        let beam = Beam { length_penalty, coverage_penalty, ..Beam::new(width, END, max_tokens) };
        let found = BeamSearch::new(&beam).unwrap().run(&mut model, &[vec![1]]).unwrap();
        prop_assert!((found[0][0].score - best).abs() < 1e-6, "{} {best}", found[0][0].score);
    }

    /// Without renormalisation a step only takes sequences out, so that the best of those left is found.
    #[test]
    fn a_wide_beam_finds_the_best_that_is_allowed(
        vocab in 3_usize..5,
        seed: u64,
        n in 1_usize..4,
        min_tokens in 0_usize..3,
    ) {
        let max_tokens = 4;
        let mut model = Markov::random(vocab, seed);
        let allowed = |tokens: &[u32]| {
            let whole = [&[1], tokens].concat();
            let too_short = tokens.last() == Some(&END) && tokens.len() <= min_tokens;
            !too_short && !repeats(&whole, n)
        };
        let all = model.enumerate([1, 1], max_tokens).into_iter();
        let best = all.filter(|(tokens, _)| allowed(tokens)).map(|(_, log_prob)| log_prob).fold(f64::NEG_INFINITY, f64::max);
        let beam = Beam { renormalise: false, ..Beam::new(vocab.pow(4), END, max_tokens) };
        let search = BeamSearch::new(&beam).unwrap()
            .with(NoRepeatNgram::new(n).unwrap())
            .with(MinLength::new(&[END], min_tokens));
        match search.run(&mut model, &[vec![1]]) {
            Ok(found) => prop_assert!((found[0][0].log_prob - best).abs() < 1e-5, "{} {best}", found[0][0].log_prob),
            Err(error) => {
                prop_assert_eq!(best, f64::NEG_INFINITY);
                let is_expected = matches!(error, Error::NothingAllowed { row: 0, .. });
                prop_assert!(is_expected);
            }
        }
    }

    #[test]
    fn one_group_is_a_beam_and_groups_without_diversity_are_the_same_beam(
        vocab in 3_usize..7,
        seed: u64,
        width in 1_usize..4,
        groups in 1_usize..4,
        diversity in 0.0_f64..5.0,
    ) {
        let run = |beam: Beam| {
            let beam = Beam { length_penalty: LengthPenalty::Power(0.7), ..beam };
            BeamSearch::new(&beam).unwrap().run(&mut Markov::random(vocab, seed), &[vec![1], vec![2, 1]]).unwrap()
        };
        let plain = run(Beam { n_best: width, ..Beam::new(width, END, 7) });
        prop_assert_eq!(&plain, &run(Beam { n_best: width, diversity, ..Beam::new(width, END, 7) }));
        let all = groups * width;
        let grouped = run(Beam { n_best: all, groups, ..Beam::new(all, END, 7) });
        // Sequences of the same transitions tie: compare in an order that does not depend on who found them.
        let sorted = |mut found: Vec<decode::Hypothesis>| {
            found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.tokens.cmp(&b.tokens)));
            found
        };
        for (plain, grouped) in plain.into_iter().zip(grouped) {
            let once: Vec<_> = sorted(grouped).into_iter().step_by(groups).collect();
            prop_assert_eq!(sorted(plain), once);
        }
    }

    /// Groups of one hypothesis that avoid each other at any price begin differently.
    #[test]
    fn diverse_groups_differ(vocab in 5_usize..8, seed: u64, groups in 2_usize..4) {
        let beam = Beam { n_best: groups, groups, diversity: 1e3, ..Beam::new(groups, END, 6) };
        let search = BeamSearch::new(&beam).unwrap().with(MinLength::new(&[END], 1));
        let found = search.run(&mut Markov::random(vocab, seed), &[vec![1]]).unwrap().remove(0);
        let first: std::collections::HashSet<u32> = found.iter().map(|h| h.tokens[0]).collect();
        prop_assert_eq!(first.len(), groups);
        prop_assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }

    /// With several ends and a condition, a wide beam finds the best of all sequences that then are complete.
    #[test]
    fn a_wide_beam_finds_the_best_with_several_ends(vocab in 3_usize..5, seed: u64) {
        let mut model = Markov::random(vocab, seed);
        let (max, other) = (4, vocab as u32 - 1);
        let doubled = |tokens: &[u32]| tokens.ends_with(&[1, 1]);
        // What goes on behind an end or a condition has the probability of what stands there in all.
        let mut expected: Vec<(Vec<u32>, f64)> = Vec::new();
        let mut open = vec![(Vec::new(), [1, 1], 0.0)];
        for length in 1..=max {
            let mut next = Vec::new();
            for (tokens, row, log_prob) in open {
                for (token, step) in (0..).zip(model.log_probs(row)) {
                    let longer = [&tokens[..], &[token]].concat();
                    if [END, other].contains(&token) {
                        expected.push((tokens.clone(), log_prob + step));
                    } else if doubled(&longer) || length == max {
                        expected.push((longer, log_prob + step));
                    } else {
                        next.push((longer, [row[1], token], log_prob + step));
                    }
                }
            }
            open = next;
        }
        expected.sort_by(|a, b| b.1.total_cmp(&a.1));
        let beam = Beam { n_best: 4, ..Beam::new(vocab.pow(4), END, max) };
        let search = BeamSearch::new(&beam).unwrap().at(other).when(doubled);
        let found = search.run(&mut model, &[vec![1, 1]]).unwrap().remove(0);
        prop_assert_eq!(found.len(), 4);
        for (hypothesis, (tokens, log_prob)) in found.iter().zip(&expected) {
            prop_assert!((hypothesis.log_prob - log_prob).abs() < 1e-9);
            prop_assert_eq!(&hypothesis.tokens, tokens);
            prop_assert_eq!(hypothesis.finish == Finish::Condition, doubled(&hypothesis.tokens));
        }
    }

    /// With everything on, no row of a batch depends on the others.
    #[test]
    fn a_batch_is_its_rows_with_everything_on(vocab in 4_usize..7, seed: u64, coverage_penalty in coverages()) {
        let mut model = Markov::random(vocab, seed);
        let prompts = [vec![1], vec![2, 3, 1], vec![3, 2]];
        let prefixes = [vec![3], vec![], vec![3, 1]];
        let beam = Beam {
            n_best: 2,
            groups: 2,
            diversity: 0.5,
            length_penalty: LengthPenalty::Wu(0.8),
            coverage_penalty,
            ..Beam::new(4, END, 8)
        };
        let search = |prefixes: &[Vec<u32>]| {
            let search = BeamSearch::new(&beam).unwrap().with(ForcedPrefix::new(prefixes.to_vec()));
            let search = search.at(2).when(|tokens| tokens.len() == 6);
            search.with(NoRepeatNgram::new(3).unwrap()).with(MinLength::new(&[END, 2], 2))
        };
        let together = search(&prefixes).run(&mut model, &prompts).unwrap();
        for i in 0..3 {
            let alone = search(&prefixes[i..=i]).run(&mut model, &prompts[i..=i]).unwrap();
            prop_assert_eq!(&alone[0], &together[i]);
            for hypothesis in &together[i] {
                prop_assert!(hypothesis.tokens.starts_with(&prefixes[i]));
                prop_assert!(hypothesis.tokens.len() >= 2 && hypothesis.tokens.len() <= 6);
                prop_assert!(!hypothesis.tokens.contains(&2));
                prop_assert!(!repeats(&[&prompts[i][..], &hypothesis.tokens].concat(), 3));
            }
        }
    }
}

/// The three likeliest tokens are ends, and nothing may follow the next: a narrow beam still has the one behind it.
#[test]
fn ends_leave_room_for_what_goes_on() {
    let mut model = Markov::random(6, 1);
    model.logits = [3.0, 2.9, 2.8, 0.0, -1.0, -2.0].repeat(36);
    for row in 0..6 {
        let at = (row * 6 + 3) * 6; // after `row`, 3
        model.logits[at..at + 6].fill(f32::NEG_INFINITY);
    }
    let beam = Beam { n_best: 2, length_penalty: LengthPenalty::Power(9.0), ..Beam::new(2, END, 2) };
    let found = BeamSearch::new(&beam).unwrap().at(1).at(2).run(&mut model, &[vec![5]]).unwrap().remove(0);
    assert!(found.iter().all(|h| h.tokens == [4] && h.finish == Finish::End), "{found:?}");
}

#[test]
fn a_beam_that_never_ends_ends_at_the_limit() {
    let mut model = Markov::random(4, 1);
    for (i, logit) in model.logits.iter_mut().enumerate() {
        if i % 4 == END as usize {
            *logit = f32::NEG_INFINITY;
        }
    }
    let beam = Beam { n_best: 2, ..Beam::new(3, END, 50) };
    let found = BeamSearch::new(&beam).unwrap().run(&mut model, &[vec![1]]).unwrap().remove(0);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|h| h.finish == Finish::Length && h.tokens.len() == 50));
}

#[test]
fn tokens_that_the_model_lacks_are_an_error_or_nothing() {
    let mut model = Markov::random(3, 1);
    let search = |end| BeamSearch::new(&Beam::new(2, END, 4)).unwrap().at(end);
    let lacking = search(7).run(&mut model, &[vec![1]]);
    assert_eq!(lacking, Err(Error::Vocab { expected: 8, found: 3 }));
    let forced = search(END).with(ForcedPrefix::new(vec![vec![7]])).run(&mut model, &[vec![1]]);
    assert_eq!(forced, Err(Error::NothingAllowed { row: 0, position: 0 }));
    let bias = LogitBias::new(&[(7, 1.0)], 8).unwrap();
    let found =
        search(END).with(MinLength::new(&[END, 7], 2)).with(bias).run(&mut model, &[vec![1]]).unwrap();
    assert!(found[0][0].tokens.len() >= 2);
}

#[test]
fn a_coverage_penalty_needs_attention() {
    let mut model = Markov { open: false, ..Markov::random(4, 1) };
    let beam = Beam { coverage_penalty: CoveragePenalty::Wu(0.2), ..Beam::new(3, END, 5) };
    assert_eq!(BeamSearch::new(&beam).unwrap().run(&mut model, &[vec![1]]), Err(Error::NoAttention));
}

#[test]
fn coverage_penalties_are_the_papers() {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(CoveragePenalty::Wu(0.2).score(&[0.5, 1.5, 1.0]), 0.2 * 0.5_f64.ln());
    close(CoveragePenalty::Summary(0.2).score(&[0.5, 1.5, 1.0]), -0.1);
    assert!(CoveragePenalty::Wu(1.0).score(&[0.0]).is_finite());
}

#[test]
fn bad_groups_are_refused() {
    let setting = |beam: Beam| BeamSearch::new(&beam).unwrap_err().setting;
    let beam = Beam { n_best: 2, ..Beam::new(4, END, 3) };
    assert_eq!(setting(Beam { groups: 0, ..beam }), "groups");
    assert_eq!(setting(Beam { groups: 3, ..beam }), "groups");
    assert_eq!(setting(Beam { groups: 4, ..beam }), "groups");
    assert_eq!(setting(Beam { diversity: f64::NAN, ..beam }), "diversity");
    assert_eq!(setting(Beam { coverage_penalty: CoveragePenalty::Wu(-1.0), ..beam }), "coverage_penalty");
}
