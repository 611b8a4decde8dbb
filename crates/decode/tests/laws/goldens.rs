//! Steps on logits and beam searches beside those of Hugging Face's transformers.

use decode::process::{
    Context, MinLength, MinP, NoRepeatNgram, Process, RepetitionPenalty, Temperature, TopK, TopP, Typical,
};
use decode::{Beam, BeamSearch, Finish, LengthPenalty};
use serde_json::Value;

use crate::model::{END, Markov};

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/decode/processors.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
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
    for case in list(&golden()["cases"]) {
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
    for case in list(&golden()["beams"]) {
        let table: Vec<Vec<f32>> = list(&case["table"]).iter().map(logits).collect();
        let vocab = table.len();
        let mut model = Markov::random(vocab, 0);
        model.logits = (0..vocab).flat_map(|_| table.concat()).collect();
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
