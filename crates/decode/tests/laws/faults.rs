//! Whatever is wrong with model, prompt or constraint: every decoder says so, or ends where it must.

use std::convert::Infallible;

use decode::process::MinLength;
use decode::{
    Automaton, Beam, BeamSearch, Constrained, Context, Contrastive, ContrastiveSearch, CoveragePenalty,
    Error, Finish, Generator, Process, Sampler, Sampling, Scorer, Stop, generate, greedy, score,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::model::{END, Markov};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Decoder {
    Greedy,
    Sampling,
    Stream,
    Beam,
    Groups,
    Contrastive,
}

const ALL: [Decoder; 6] = [
    Decoder::Greedy,
    Decoder::Sampling,
    Decoder::Stream,
    Decoder::Beam,
    Decoder::Groups,
    Decoder::Contrastive,
];

type Step = Box<dyn Process>;
type Output = Result<(Vec<u32>, Finish), Error<Infallible>>;

/// The best output of `decoder` for one prompt, with a step on its logits.
fn run(decoder: Decoder, step: Step, model: &mut Markov, prompt: &[u32], most: usize) -> Output {
    let (prompts, stop) = ([prompt.to_vec()], Stop::after(most).at(END));
    let sampling = if decoder == Decoder::Greedy { Sampling::greedy() } else { Sampling::default() };
    let sampler = |step| Sampler::new(&sampling, model.vocab).unwrap().with(step);
    let mut rngs = [ChaCha8Rng::seed_from_u64(7)];
    match decoder {
        Decoder::Greedy | Decoder::Sampling => {
            let sampler = sampler(step);
            let out = generate(model, &prompts, &sampler, &stop, &mut rngs)?.remove(0);
            Ok((out.tokens, out.finish))
        }
        Decoder::Stream => {
            let sampler = sampler(step);
            let mut stream = Generator::new(model, prompt, &sampler, &stop, &mut rngs[0])?;
            let tokens = (&mut stream).collect::<Result<_, _>>()?;
            Ok((tokens, stream.finish().unwrap()))
        }
        Decoder::Beam | Decoder::Groups => {
            let groups = if decoder == Decoder::Groups { 2 } else { 1 };
            let beam = Beam { n_best: 2, groups, diversity: 0.5, ..Beam::new(4, END, most) };
            let best = BeamSearch::new(&beam).unwrap().with(step).run(model, &prompts)?.remove(0).remove(0);
            Ok((best.tokens, best.finish))
        }
        Decoder::Contrastive => {
            let search = ContrastiveSearch::new(&Contrastive { top_k: 3, alpha: 0.4 }).unwrap().with(step);
            let out = search.run(model, prompt, &stop)?;
            Ok((out.tokens, out.finish))
        }
    }
}

/// Allows any tokens, up to a number of them, after which nothing may follow. Never complete.
struct UpTo(usize);

impl Automaton for UpTo {
    type State = usize;

    fn start(&self) -> usize {
        0
    }

    fn next(&self, state: &usize, _: u32) -> Option<usize> {
        (*state < self.0).then_some(state + 1)
    }

    fn is_complete(&self, _: &usize) -> bool {
        false
    }
}

fn constraint(most: usize) -> Step {
    Box::new(Constrained::new(UpTo(most), &[END]))
}

/// A step that changes nothing.
fn free() -> Step {
    Box::new(MinLength::new(&[], 0))
}

/// Every decoder, free and constrained.
fn each(mut test: impl FnMut(Decoder, fn() -> Step)) {
    for decoder in ALL {
        test(decoder, free);
        test(decoder, || constraint(usize::MAX));
    }
}

/// Sets the logits of `token`, or of all, after every two tokens but those given.
fn set(model: &mut Markov, token: Option<u32>, value: f32, but: Option<[u32; 2]>) {
    let vocab = model.vocab as u32;
    for (at, logit) in (0..).zip(model.logits.iter_mut()) {
        let row = [at / vocab / vocab, at / vocab % vocab];
        if Some(row) != but && token.is_none_or(|token| token == at % vocab) {
            *logit = value;
        }
    }
}

#[test]
fn what_never_ends_ends_at_the_limit() {
    each(|decoder, step| {
        let mut model = Markov::random(4, 1);
        set(&mut model, Some(END), f32::NEG_INFINITY, None);
        let (tokens, finish) = run(decoder, step(), &mut model, &[1], 30).unwrap();
        assert_eq!((tokens.len(), finish), (30, Finish::Length), "{decoder:?}");
    });
}

#[test]
fn prompts_without_tokens_or_with_unknown_ones_never_reach_the_model() {
    each(|decoder, step| {
        // Even where nothing is to be generated; a beam of no tokens cannot be made.
        for most in [5, 0] {
            if most == 0 && matches!(decoder, Decoder::Beam | Decoder::Groups) {
                continue;
            }
            let mut model = Markov::random(4, 1);
            let mut fault = |prompt: &[u32]| run(decoder, step(), &mut model, prompt, most).unwrap_err();
            assert_eq!(fault(&[]), Error::EmptyPrompt { row: 0 }, "{decoder:?}");
            for token in [4, u32::MAX] {
                let unknown = Error::UnknownToken { row: 0, position: 1, token, vocab: 4 };
                assert_eq!(fault(&[1, token]), unknown, "{decoder:?}");
            }
            assert_eq!(model.calls, 0, "{decoder:?}");
        }
    });
}

#[test]
fn no_tokens_are_asked_for_and_none_come() {
    each(|decoder, step| {
        if !matches!(decoder, Decoder::Beam | Decoder::Groups) {
            let out = run(decoder, step(), &mut Markov::random(4, 1), &[1], 0).unwrap();
            assert_eq!(out, (vec![], Finish::Length), "{decoder:?}");
        }
    });
    let error = BeamSearch::new(&Beam::new(2, END, 0)).unwrap_err();
    assert_eq!(error.to_string(), "max_tokens must be at least 1, found 0");
}

#[test]
fn scores_that_are_no_numbers_are_errors_whenever_they_come() {
    each(|decoder, step| {
        for bad in [f32::NAN, f32::INFINITY] {
            for (token, but) in [(None, None), (Some(2), None), (Some(2), Some([1, 1]))] {
                let mut model = Markov::random(4, 1);
                // With a first step that is good and leads on, to other tokens.
                [END, 1].into_iter().for_each(|token| set(&mut model, Some(token), f32::NEG_INFINITY, None));
                set(&mut model, token, bad, but);
                let error = run(decoder, step(), &mut model, &[1], 9).unwrap_err();
                let Error::BadScore { token: found, value, .. } = error else {
                    panic!("{decoder:?}: {error}")
                };
                assert_eq!((found, value.to_bits()), (token.unwrap_or(0), bad.to_bits()), "{decoder:?}");
                assert_eq!(model.calls, 1 + usize::from(but.is_some()), "{decoder:?}");
            }
        }
    });
}

#[test]
fn where_everything_is_forbidden_the_error_says_after_how_many_tokens() {
    for decoder in ALL {
        for position in [0, 1, 3] {
            let found = run(decoder, constraint(position), &mut Markov::random(4, 1), &[1, 2], 9);
            assert_eq!(found, Err(Error::NothingAllowed { row: 0, position }), "{decoder:?}");
        }
        // Up to the limit everything is well.
        let (tokens, finish) = run(decoder, constraint(3), &mut Markov::random(4, 1), &[1, 2], 3).unwrap();
        assert_eq!((tokens.len(), finish), (3, Finish::Length), "{decoder:?}");
    }
    // By the model itself.
    each(|decoder, step| {
        for (but, position) in [(None, 0), (Some([1, 1]), 1)] {
            let mut model = Markov::random(4, 1);
            [END, 1].into_iter().for_each(|token| set(&mut model, Some(token), f32::NEG_INFINITY, None));
            set(&mut model, None, f32::NEG_INFINITY, but);
            let found = run(decoder, step(), &mut model, &[1], 9);
            assert_eq!(found, Err(Error::NothingAllowed { row: 0, position }), "{decoder:?}");
        }
    });
}

#[test]
fn a_step_that_makes_scores_no_numbers_is_a_panic_that_names_the_token() {
    struct Spoil;
    impl Process for Spoil {
        fn process(&self, _: Context<'_>, logits: &mut [f32]) {
            logits[2] = f32::NAN;
        }
    }
    for decoder in ALL {
        let run = || run(decoder, Box::new(Spoil), &mut Markov::random(4, 1), &[1], 5);
        let message = *std::panic::catch_unwind(run).unwrap_err().downcast::<String>().unwrap();
        let expected = "the score of token 2 is NaN, expected a finite one or minus infinity";
        assert_eq!(message, expected, "{decoder:?}");
    }
}

/// What a model tells beside its scores.
#[test]
fn attention_and_hidden_states_that_are_no_numbers_are_errors() {
    /// A model with something wrong inside.
    struct Spoilt(Markov, f32);
    impl Scorer for Spoilt {
        type Error = Infallible;
        fn vocab(&self) -> usize {
            self.0.vocab
        }
        fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), Infallible> {
            self.0.start(prompts, scores)
        }
        fn extend(
            &mut self,
            parents: &[usize],
            tokens: &[u32],
            scores: &mut Vec<f32>,
        ) -> Result<(), Infallible> {
            self.0.extend(parents, tokens, scores)
        }
        fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
            weights.extend(if row == 1 { [0.5, self.1] } else { [0.5, 0.5] });
            true
        }
        fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
            self.attention(row, state)
        }
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut model = Spoilt(Markov::random(4, 1), bad);
        let beam = Beam { coverage_penalty: CoveragePenalty::Wu(0.2), ..Beam::new(3, END, 5) };
        let error = BeamSearch::new(&beam).unwrap().run(&mut model, &[vec![1], vec![2]]).unwrap_err();
        let expected = format!("the attention of row 1 to position 1 is {bad}, expected a finite number");
        assert_eq!(error.to_string(), expected);
        let search = ContrastiveSearch::new(&Contrastive { top_k: 2, alpha: 0.5 }).unwrap();
        let error = search.run(&mut model, &[1], &Stop::after(3)).unwrap_err();
        let expected = format!("the hidden state of row 1 is {bad} at index 1, expected finite numbers");
        assert_eq!(error.to_string(), expected);
    }
}

/// Too few scores, too many, or none.
#[test]
fn a_wrong_number_of_scores_is_an_error() {
    struct Counts(usize);
    impl Scorer for Counts {
        type Error = Infallible;
        fn vocab(&self) -> usize {
            3
        }
        fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), Infallible> {
            scores.resize(3 * prompts.len(), 0.0);
            Ok(())
        }
        fn extend(&mut self, _: &[usize], _: &[u32], scores: &mut Vec<f32>) -> Result<(), Infallible> {
            scores.resize(self.0, 0.0);
            Ok(())
        }
    }
    for found in [0, 5, 7, 9] {
        let expected = Error::ScoreCount { expected: 6, found };
        let prompts = [vec![1], vec![2]];
        assert_eq!(greedy(&mut Counts(found), &prompts, &Stop::after(3)), Err(expected.clone()));
        let outputs = [vec![1, 2], vec![2, 1]];
        assert_eq!(score(&mut Counts(found), &prompts, &outputs), Err(expected.clone()));
        let search = BeamSearch::new(&Beam::new(1, END, 3)).unwrap().with(MinLength::new(&[END], 2));
        assert_eq!(search.run(&mut Counts(found), &prompts), Err(expected));
    }
    let nothing = greedy(&mut Markov::random(0, 1), &[vec![0]], &Stop::after(3));
    assert_eq!(nothing, Err(Error::Vocab { expected: 1, found: 0 }));
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let says = |error: Error<Infallible>, text: &str| assert_eq!(error.to_string(), text);
    says(
        Error::EmptyPrompt { row: 2 },
        "prompt 2 is empty: it needs at least one token, such as a start token",
    );
    says(
        Error::UnknownToken { row: 1, position: 3, token: 9, vocab: 4 },
        "prompt 1, position 3: token 9 is out of range, the model has 4",
    );
    says(
        Error::Vocab { expected: 5, found: 4 },
        "the decoder was built for a vocabulary of 5, the model has 4",
    );
    says(Error::ScoreCount { expected: 6, found: 5 }, "the model gave 5 scores where 6 were expected");
    says(
        Error::BadScore { row: 1, token: 2, value: f32::NAN },
        "the score of token 2 in row 1 is NaN, expected a finite one or minus infinity",
    );
    says(
        Error::NothingAllowed { row: 1, position: 2 },
        "prompt 1: after 2 generated tokens every next token is forbidden",
    );
    says(
        Error::NoAttention,
        "a coverage penalty needs a model that tells what it attends to: Scorer::attention",
    );
    says(Error::NoHidden, "contrastive search needs a model that tells its hidden states: Scorer::hidden");
}
