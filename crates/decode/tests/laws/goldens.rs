//! Steps on logits and beam searches beside those of Hugging Face's transformers.

use decode::process::{
    Context, LogitBias, MinLength, MinP, NoRepeatNgram, OccurrencePenalty, Process, RepetitionPenalty,
    Temperature, TopK, TopP, Typical,
};
use decode::{Beam, BeamSearch, Finish, LengthPenalty, Sampler, Sampling};
use rand::SeedableRng;
use serde_json::Value;

use crate::model::{END, Markov};

/// A file of `fixtures/goldens/decode`.
fn golden(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/decode");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A model whose next token depends on the last alone, by a table of logits.
fn chain(table: &Value) -> Markov {
    let table: Vec<Vec<f32>> = list(table).iter().map(logits).collect();
    let vocab = table.len();
    Markov { logits: table.concat().repeat(vocab), ..Markov::random(vocab, 0) }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// Forbidden tokens are null.
fn logits(value: &Value) -> Vec<f32> {
    list(value).iter().map(|x| x.as_f64().map_or(f32::NEG_INFINITY, |x| x as f32)).collect()
}

fn tokens(value: &Value) -> Vec<u32> {
    list(value).iter().map(|x| x.as_u64().unwrap() as u32).collect()
}

fn step(name: &str, argument: f64) -> Box<dyn Process> {
    match name {
        "repetition_penalty" => Box::new(RepetitionPenalty::new(argument as f32).unwrap()),
        "temperature" => Box::new(Temperature::new(argument as f32).unwrap()),
        "top_k" => Box::new(TopK::new(argument as usize).unwrap()),
        "top_p" => Box::new(TopP::new(argument as f32).unwrap()),
        "min_p" => Box::new(MinP::new(argument as f32).unwrap()),
        "typical_p" => Box::new(Typical::new(argument as f32).unwrap()),
        "no_repeat_ngram" | "no_repeat_ngram_size" => {
            Box::new(NoRepeatNgram::new(argument as usize).unwrap())
        }
        "min_length" | "min_new_tokens" => Box::new(MinLength::new(&[END], argument as usize)),
        other => panic!("step {other}"),
    }
}

#[test]
fn steps_equal_hugging_faces() {
    for case in list(&golden("processors")["cases"]) {
        let name = case["name"].as_str().unwrap();
        let sequence = tokens(&case["sequence"]);
        let prompt_len = case["prompt_len"].as_u64().unwrap() as usize;
        let (mut found, expected) = (logits(&case["before"]), logits(&case["after"]));
        let context = Context { prompt_len, ..Context::new(&sequence) };
        step(name, case["argument"].as_f64().unwrap()).process(context, &mut found);
        // Ours are relative to the largest after a temperature.
        let largest = |logits: &[f32]| logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let shift = if name == "temperature" { largest(&expected) } else { 0.0 };
        for (token, (&a, b)) in found.iter().zip(&expected).enumerate() {
            let same = a == b - shift || (a - (b - shift)).abs() < 1e-4;
            assert!(same, "{name} {}, token {token}: {a} {b}", case["argument"]);
        }
    }
}

/// Without renormalisation, exact to the end, and with the plain power as length penalty, it is `generate` with
/// `early_stopping="never"`.
#[test]
fn beams_equal_hugging_faces() {
    for case in list(&golden("processors")["beams"]) {
        let mut model = chain(&case["table"]);
        let expected: Vec<Vec<u32>> = list(&case["sequences"]).iter().map(tokens).collect();
        let beam = Beam {
            n_best: expected.len(),
            length_penalty: LengthPenalty::Power(case["length_penalty"].as_f64().unwrap()),
            renormalise: false,
            ..Beam::new(case["width"].as_u64().unwrap() as usize, END, 9)
        };
        let mut search = BeamSearch::new(&beam).unwrap();
        for (name, argument) in case["options"].as_object().unwrap() {
            search = search.with(step(name, argument.as_f64().unwrap()));
        }
        let found = search.run(&mut model, &[vec![1, 2]]).unwrap().remove(0);
        assert_eq!(found.len(), expected.len());
        for (hypothesis, score) in found.iter().zip(list(&case["scores"])) {
            assert!((hypothesis.score - score.as_f64().unwrap()).abs() < 1e-4, "{}", case["options"]);
            assert!(expected.contains(&hypothesis.tokens), "{:?}", hypothesis.tokens);
            assert_eq!(hypothesis.finish == Finish::Length, hypothesis.tokens.len() == 9);
        }
    }
}

/// A bias, then frequency and presence penalties: step by step, and as the settings of a sampler.
#[test]
fn biases_and_penalties_equal_their_formula() {
    let cases = golden("processors");
    let cases = list(&cases["penalties"]);
    assert!(cases.len() > 10);
    for (number, case) in cases.iter().enumerate() {
        let real = |value: &Value| value.as_f64().map_or(f32::NEG_INFINITY, |x| x as f32);
        let (frequency, presence) = (real(&case["frequency"]), real(&case["presence"]));
        let (sequence, before) = (tokens(&case["sequence"]), logits(&case["before"]));
        let context =
            Context { prompt_len: case["prompt_len"].as_u64().unwrap() as usize, ..Context::new(&sequence) };
        let bias: Vec<(u32, f32)> = list(&case["bias"])
            .iter()
            .map(|pair| (pair[0].as_u64().unwrap() as u32, real(&pair[1])))
            .collect();
        let check = |found: &[f32], kind: &str| {
            let same = |(a, b): (&f32, &f32)| a == b || (a - b).abs() < 1e-4;
            let expected = logits(&case[kind]);
            assert!(found.iter().zip(&expected).all(same), "{number} {kind}: {found:?}, not {expected:?}");
        };
        let mut found = before.clone();
        LogitBias::new(&bias, before.len()).unwrap().process(context, &mut found);
        check(&found, "biased");
        OccurrencePenalty::new(frequency, presence).unwrap().process(context, &mut found);
        check(&found, "after");
        let sampling =
            Sampling { bias, frequency_penalty: frequency, presence_penalty: presence, ..Sampling::greedy() };
        let sampler = Sampler::new(&sampling, before.len()).unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let drawn = sampler.choose(context, &mut before.clone(), &mut rng).map(u64::from);
        assert_eq!(drawn, case["drawn"].as_u64(), "{number}");
    }
}

/// The groups of Vijayakumar et al. 2018, by an equation that group beam search of transformers was checked against.
#[test]
fn diverse_groups_equal_their_equation() {
    for case in list(&golden("groups")["cases"]) {
        let whole = |name: &str| case[name].as_u64().unwrap() as usize;
        let beam = Beam {
            n_best: whole("width"),
            groups: whole("groups"),
            diversity: case["diversity"].as_f64().unwrap(),
            ..Beam::new(whole("width"), END, whole("steps"))
        };
        let run = |beam: &Beam| {
            let search = BeamSearch::new(beam).unwrap();
            let found = search.run(&mut chain(&case["logits"]), &[vec![1, 2]]).unwrap().remove(0);
            let mut found: Vec<(Vec<u32>, f64)> = found.into_iter().map(|h| (h.tokens, h.log_prob)).collect();
            found.sort_by(|a, b| a.0.cmp(&b.0));
            found
        };
        let found = run(&beam);
        let hypotheses = list(&case["found"]).iter().flat_map(list);
        let mut expected: Vec<(Vec<u32>, f64)> =
            hypotheses.map(|h| (tokens(&h["tokens"]), h["log_prob"].as_f64().unwrap())).collect();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found.len(), expected.len());
        for ((found, log_prob), (tokens, expected)) in found.iter().zip(&expected) {
            assert_eq!(found, tokens, "{beam:?}");
            assert!((log_prob - expected).abs() < 1e-5, "{beam:?} {tokens:?}: {log_prob}, not {expected}");
        }
        assert_ne!(found, run(&Beam { diversity: 0.0, ..beam }), "diversity changes nothing");
    }
}
