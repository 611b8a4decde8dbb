use metrics::{Bleu, BleuTokenizer, Chrf, CorpusMetric, CorpusScore, Error, Smoothing, Ter};
use serde_json::Value;

use crate::{close, golden, list, strings};

fn flag(arguments: &Value, name: &str) -> bool {
    arguments[name].as_bool().unwrap_or(false)
}

fn number(arguments: &Value, name: &str, default: usize) -> usize {
    arguments[name].as_u64().map_or(default, |n| n as usize)
}

const TOKENIZERS: [BleuTokenizer; 5] =
    [BleuTokenizer::V13a, BleuTokenizer::Intl, BleuTokenizer::Zh, BleuTokenizer::Char, BleuTokenizer::None];

fn bleu(arguments: &Value) -> Bleu {
    let name = arguments["tokenize"].as_str().unwrap_or("13a");
    let tokenizer = TOKENIZERS.into_iter().find(|tokenizer| tokenizer.name() == name);
    let value = arguments["smooth_value"].as_f64();
    let smoothing = match arguments["smooth_method"].as_str().unwrap_or("exp") {
        "none" => Smoothing::None,
        "floor" => Smoothing::Floor(value.unwrap_or(0.1)),
        "add-k" => Smoothing::AddK(value.unwrap_or(1.0)),
        "exp" => Smoothing::Exp,
        other => panic!("smoothing {other}"),
    };
    Bleu {
        tokenizer: tokenizer.unwrap_or_else(|| panic!("tokenizer {name}")),
        lowercase: flag(arguments, "lowercase"),
        smoothing,
        max_order: number(arguments, "max_ngram_order", 4),
        effective_order: flag(arguments, "effective_order"),
    }
}

fn chrf(arguments: &Value) -> Chrf {
    Chrf {
        char_order: number(arguments, "char_order", 6),
        word_order: number(arguments, "word_order", 0),
        beta: number(arguments, "beta", 2) as u32,
        lowercase: flag(arguments, "lowercase"),
        whitespace: flag(arguments, "whitespace"),
        eps_smoothing: flag(arguments, "eps_smoothing"),
    }
}

fn ter(arguments: &Value) -> Ter {
    Ter {
        normalized: flag(arguments, "normalized"),
        no_punctuation: flag(arguments, "no_punct"),
        asian_support: flag(arguments, "asian_support"),
        case_sensitive: flag(arguments, "case_sensitive"),
    }
}

fn check<M: CorpusMetric>(metric: &M, case: &Value, hypotheses: &[String], references: &[Vec<String>]) {
    let what = format!("{} {} {}", case["corpus"], case["metric"], case["arguments"]);
    let found: CorpusScore<M::Details> = metric.corpus(hypotheses, references).unwrap();
    assert_eq!(found.to_string(), case["line"].as_str().unwrap(), "{what}");
    close(found.score, &case["score"], &what);
    for (i, expected) in list(&case["segments"]).iter().enumerate() {
        let found = metric.sentence(&hypotheses[i], &references[i]).unwrap();
        close(found.score, expected, &format_args!("{what}, segment {i}"));
    }
}

#[test]
fn scores_and_signatures_equal_sacrebleus() {
    let golden = golden("translation");
    for case in list(&golden["cases"]) {
        let corpus = &golden["corpora"][case["corpus"].as_str().unwrap()];
        let hypotheses = strings(&corpus["hypotheses"]);
        let references: Vec<Vec<String>> = list(&corpus["references"]).iter().map(strings).collect();
        let arguments = &case["arguments"];
        match case["metric"].as_str().unwrap() {
            "BLEU" => check(&bleu(arguments), case, &hypotheses, &references),
            "chrF" => check(&chrf(arguments), case, &hypotheses, &references),
            "TER" => check(&ter(arguments), case, &hypotheses, &references),
            other => panic!("metric {other}"),
        }
    }
}

/// Of texts of any characters as well, so that rules that seldom apply are seen.
#[test]
fn tokens_equal_sacrebleus() {
    let golden = golden("tokens");
    let texts = strings(&golden["texts"]);
    for tokenizer in TOKENIZERS {
        let expected = strings(&golden[tokenizer.name()]);
        assert_eq!(expected.len(), texts.len());
        for (text, expected) in texts.iter().zip(expected) {
            assert_eq!(tokenizer.tokenize(text), expected, "{} of {text:?}", tokenizer.name());
        }
    }
}

#[test]
fn unequal_corpora_are_errors() {
    let bleu = Bleu::default();
    assert_eq!(bleu.corpus(&["a", "b"], &[["a"]]).unwrap_err(), Error::Lengths { expected: 1, found: 2 });
    assert_eq!(bleu.corpus(&["a"], &[[""; 0]]).unwrap_err(), Error::NoReference { segment: 0 });
    assert_eq!(bleu.corpus(&[""; 0], &[[""; 0]; 0]).unwrap_err(), Error::Empty);
    assert_eq!(metrics::word_errors(&["a"], &["a", "b"]), Err(Error::Lengths { expected: 1, found: 2 }));
}
