use decode::{
    Beam, BeamSearch, Ending, Error, Finish, Generator, LengthPenalty, Sampler, Sampling, Stop, generate,
    greedy,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::model::{END, Markov, Wall};

pub(crate) fn penalties() -> impl Strategy<Value = LengthPenalty> {
    prop_oneof![
        Just(LengthPenalty::None),
        (-1.0..2.0).prop_map(LengthPenalty::Power),
        (-1.0..2.0).prop_map(LengthPenalty::Wu),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_wide_beam_is_exhaustive_search(
        vocab in 2_usize..5,
        max_tokens in 1_usize..5,
        seed: u64,
        length_penalty in penalties(),
        n_best in 1_usize..6,
    ) {
        let mut model = Markov::random(vocab, seed);
        let mut expected: Vec<(Vec<u32>, f64)> = model
            .enumerate([1, 1], max_tokens)
            .into_iter()
            .map(|(tokens, log_prob)| { let n = tokens.len(); (tokens, length_penalty.score(log_prob, n)) })
            .collect();
        expected.sort_by(|a, b| b.1.total_cmp(&a.1));
        let width = vocab.pow(max_tokens as u32);
        let n_best = n_best.min(width);
        let beam = Beam { n_best, length_penalty, ..Beam::new(width, END, max_tokens) };
        let found = BeamSearch::new(&beam).unwrap().run(&mut model, &[vec![1]]).unwrap().remove(0);
        prop_assert_eq!(found.len(), n_best.min(expected.len()));
        for (hypothesis, (_, score)) in found.iter().zip(&expected) {
            let mut all = hypothesis.tokens.clone();
            if hypothesis.finish == Finish::End {
                all.push(END);
            }
            // Sequences that visit the same transitions tie, so the score decides, and whose score it is.
            prop_assert!((hypothesis.score - score).abs() < 1e-9, "{} {}", hypothesis.score, score);
            let own = expected.iter().find(|(tokens, _)| *tokens == all).map(|(_, score)| *score);
            prop_assert!((own.unwrap() - score).abs() < 1e-9);
        }
        let distinct: std::collections::HashSet<_> = found.iter().map(|h| (&h.tokens, h.finish == Finish::End)).collect();
        prop_assert_eq!(distinct.len(), found.len());
    }

    #[test]
    fn a_beam_of_one_is_greedy(vocab in 2_usize..9, max_tokens in 1_usize..12, seed: u64) {
        let mut model = Markov::random(vocab, seed);
        let prompts = [vec![1], vec![1, 0]];
        let expected = greedy(&mut model, &prompts, &Stop::after(max_tokens).at(END)).unwrap();
        let search = BeamSearch::new(&Beam::new(1, END, max_tokens)).unwrap();
        let found = search.run(&mut model, &prompts).unwrap();
        for (greedy, beam) in expected.iter().zip(&found) {
            prop_assert_eq!(&greedy.tokens, &beam[0].tokens);
            prop_assert_eq!(greedy.finish, beam[0].finish);
            prop_assert!((greedy.log_prob - beam[0].log_prob).abs() < 1e-9);
        }
    }

    /// No row of a batch depends on the others, in any decoder.
    #[test]
    fn a_batch_is_its_rows(vocab in 3_usize..7, seed: u64, width in 1_usize..4) {
        let mut model = Markov::random(vocab, seed);
        let prompts: Vec<Vec<u32>> = vec![vec![1], vec![2, 0], vec![0, 1, 2], vec![2]];
        let beam = Beam { n_best: width, length_penalty: LengthPenalty::Wu(0.8), ..Beam::new(width, END, 9) };
        let search = BeamSearch::new(&beam).unwrap();
        let together = search.run(&mut model, &prompts).unwrap();
        let sampler = Sampler::new(&Sampling { top_p: 0.9, ..Sampling::default() }, vocab).unwrap();
        let stop = Stop::after(9).at(END);
        let rngs: Vec<ChaCha8Rng> = (0..4).map(ChaCha8Rng::seed_from_u64).collect();
        let sampled = generate(&mut model, &prompts, &sampler, &stop, &mut rngs.clone()).unwrap();
        for (i, prompt) in prompts.iter().enumerate() {
            let alone = search.run(&mut model, std::slice::from_ref(prompt)).unwrap();
            prop_assert_eq!(&alone[0], &together[i]);
            let mut rng = rngs[i].clone();
            let mut stream = Generator::new(&mut model, prompt, &sampler, &stop, &mut rng).unwrap();
            let tokens: Vec<u32> = (&mut stream).map(Result::unwrap).collect();
            prop_assert_eq!(stream.finish(), Some(sampled[i].finish));
            prop_assert_eq!(stream.log_prob(), sampled[i].log_prob);
            prop_assert_eq!(tokens, sampled[i].tokens.clone());
        }
    }

    /// Ending early may lose quality, never gain it, and all endings respect the limits.
    #[test]
    fn exact_ending_is_best(vocab in 2_usize..6, seed: u64, width in 1_usize..4, alpha in 0.0_f64..1.5) {
        let beam = Beam { length_penalty: LengthPenalty::Power(alpha), ..Beam::new(width, END, 8) };
        let best = |ending| {
            let search = BeamSearch::new(&Beam { ending, ..beam }).unwrap();
            search.run(&mut Markov::random(vocab, seed), &[vec![1]]).unwrap()[0][0].score
        };
        let exact = best(Ending::Exact);
        prop_assert!(exact >= best(Ending::Estimate));
        prop_assert!(exact >= best(Ending::First));
    }

    #[test]
    fn the_same_seed_gives_the_same_text(seed: u64) {
        let sample = || {
            let mut rng = [ChaCha8Rng::seed_from_u64(seed)];
            let sampler = Sampler::new(&Sampling::default(), 6).unwrap();
            generate(&mut Markov::random(6, 3), &[vec![1]], &sampler, &Stop::after(30), &mut rng).unwrap()
        };
        prop_assert_eq!(sample(), sample());
    }
}

#[test]
fn nothing_allowed_is_an_error_that_says_where() {
    let mut model = Markov::random(4, 1);
    let search = BeamSearch::new(&Beam::new(3, END, 9)).unwrap().with(Wall(1));
    let error = search.run(&mut model, &[vec![1]]).unwrap_err();
    assert_eq!(error, Error::NothingAllowed { row: 0, position: 0 });

    let sampler = Sampler::new(&Sampling::default(), 4).unwrap().with(Wall(3));
    let mut rngs = [0, 1].map(ChaCha8Rng::seed_from_u64);
    let error =
        generate(&mut model, &[vec![1], vec![1, 2]], &sampler, &Stop::after(9), &mut rngs).unwrap_err();
    assert_eq!(error, Error::NothingAllowed { row: 1, position: 1 });
}

#[test]
fn bad_prompts_are_errors() {
    let mut model = Markov::random(4, 1);
    let stop = Stop::after(3);
    assert_eq!(greedy(&mut model, &[vec![1], vec![]], &stop), Err(Error::EmptyPrompt { row: 1 }));
    let unknown = Error::UnknownToken { row: 0, position: 1, token: 4, vocab: 4 };
    assert_eq!(greedy(&mut model, &[vec![1, 4]], &stop), Err(unknown));
    assert_eq!(greedy(&mut model, &[], &stop), Ok(vec![]));
    assert_eq!(BeamSearch::new(&Beam::new(2, END, 3)).unwrap().run(&mut model, &[]), Ok(vec![]));
    assert_eq!(model.calls, 0);
    let sampler = Sampler::new(&Sampling::greedy(), 5).unwrap();
    let mut rng = [ChaCha8Rng::seed_from_u64(0)];
    let error = generate(&mut model, &[vec![1]], &sampler, &stop, &mut rng).unwrap_err();
    assert_eq!(error, Error::Vocab { expected: 5, found: 4 });
    let end_outside = BeamSearch::new(&Beam::new(2, 4, 3)).unwrap().run(&mut model, &[vec![1]]);
    assert_eq!(end_outside, Err(Error::Vocab { expected: 5, found: 4 }));
}

#[test]
fn bad_scores_are_errors() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut model = Markov::random(3, 1);
        model.logits[4] = bad; // after (0, 1): token 1
        let stop = Stop::after(3);
        let is_bad = |error| matches!(error, Error::BadScore { row: 1, token: 1, .. });
        assert!(is_bad(greedy(&mut model, &[vec![1], vec![0, 1]], &stop).unwrap_err()));
        let search = BeamSearch::new(&Beam::new(2, END, 3)).unwrap();
        assert!(is_bad(search.run(&mut model, &[vec![2], vec![0, 1]]).unwrap_err()));
    }
}

#[test]
fn an_error_ends_the_stream() {
    let mut model = Markov::random(4, 2);
    let sampler = Sampler::new(&Sampling::greedy(), 4).unwrap().with(Wall(3));
    let stop = Stop::after(9);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let stream = Generator::new(&mut model, &[1], &sampler, &stop, &mut rng).unwrap();
    let items: Vec<_> = stream.collect();
    assert_eq!(items.len(), 3);
    assert_eq!(items[2], Err(Error::NothingAllowed { row: 0, position: 2 }));
}

#[test]
fn the_limit_of_tokens_costs_no_extra_step() {
    let mut model = Markov::random(4, 2);
    let out = greedy(&mut model, &[vec![1]], &Stop::after(5)).unwrap();
    assert_eq!((out[0].tokens.len(), out[0].finish, model.calls), (5, Finish::Length, 5));
    let out = greedy(&mut model, &[vec![1]], &Stop::after(0)).unwrap();
    assert_eq!((out[0].tokens.len(), out[0].finish), (0, Finish::Length));
}

#[test]
fn bad_beams_are_refused() {
    let setting = |beam: Beam| BeamSearch::new(&beam).unwrap_err().setting;
    let beam = Beam::new(2, END, 3);
    assert_eq!(setting(Beam { width: 0, ..beam }), "width");
    assert_eq!(setting(Beam { n_best: 0, ..beam }), "n_best");
    assert_eq!(setting(Beam { n_best: 3, ..beam }), "n_best");
    assert_eq!(setting(Beam { max_tokens: 0, ..beam }), "max_tokens");
    assert_eq!(setting(Beam { length_penalty: LengthPenalty::Wu(f64::NAN), ..beam }), "length_penalty");
}
