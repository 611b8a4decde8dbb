//! Models that fastText trained, read and written here; and classifiers trained here.

use std::path::{Path, PathBuf};

use embed::fasttext::{Autotune, Budget, Classifier, Kind, Loss};
use embed::word2vec::Mode;
use embed::{FastText, Subwords, Text, Vectors, Word2Vec};
use proptest::prelude::*;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens/fasttext").join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(golden("expected.json")).unwrap()).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

const MODELS: [&str; 6] = ["skipgram.bin", "cbow.bin", "softmax.bin", "hs.bin", "ova.bin", "quantised.ftz"];

#[test]
fn vectors_are_those_of_fasttext() {
    let expected = expected();
    for (name, kind) in [("skipgram", Kind::SkipGram), ("cbow", Kind::Cbow)] {
        let model = FastText::load(golden(&format!("{name}.bin"))).unwrap();
        assert_eq!((model.kind(), model.words().len() as u64), (kind, expected["known"].as_u64().unwrap()));
        for (word, vector) in list(&expected["words"]).iter().zip(list(&expected["vectors"][name])) {
            let found = model.vector(word.as_str().unwrap());
            for (found, expected) in found.iter().zip(list(vector)) {
                let expected = expected.as_f64().unwrap();
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-7,
                    "{name} {word}: {found}, fastText {expected}"
                );
            }
        }
        let known = model.words().word(3).to_owned();
        assert_eq!(model.vectors().get(&known).unwrap(), model.vector(&known));
    }
}

#[test]
fn predictions_are_those_of_fasttext() {
    let expected = expected();
    // fastText adds 10⁻⁵ to probabilities, and looks sigmoids up in a table of steps of 1/32.
    for (name, tolerance) in [("softmax", 2e-5), ("hs", 8e-3), ("ova", 8e-3), ("quantised", 2e-5)] {
        let file = if name == "quantised" { "quantised.ftz".to_owned() } else { format!("{name}.bin") };
        let model = FastText::load(golden(&file)).unwrap();
        for (text, labels) in list(&expected["texts"]).iter().zip(list(&expected["predictions"][name])) {
            let found = model.predict(text.as_str().unwrap(), 4).unwrap();
            assert_eq!(found.len(), list(labels).len(), "{name} {text}");
            for expected in list(labels) {
                let label = expected[1].as_str().unwrap();
                let found = found.iter().find(|found| found.label == label).unwrap().probability;
                let expected = expected[0].as_f64().unwrap();
                assert!(
                    (f64::from(found) - expected).abs() < tolerance,
                    "{name} {text} {label}: {found}, {expected}"
                );
            }
        }
    }
}

#[test]
fn files_are_written_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    for name in MODELS {
        let model = FastText::load(golden(name)).unwrap();
        let path = dir.path().join(name);
        model.save(&path).unwrap();
        assert_eq!(FastText::load(&path).unwrap(), model, "{name}");
        let [theirs, ours] = [golden(name), path].map(|path| std::fs::read(path).unwrap());
        // What is left after pruning stands in no order there.
        assert!(theirs == ours || name == "quantised.ftz" && theirs.len() == ours.len(), "{name}");
    }
}

#[test]
fn zero_bytes_part_words_and_are_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.bin");
    let settings = Word2Vec::cbow().dim(4).min_count(1).sample(0.0).epochs(1);
    let settings = settings.subwords(Some(Subwords { buckets: 10, ..Subwords::default() }));
    let model = settings.train(&Text("one\0two three\n")).unwrap().into_fasttext().unwrap();
    model.save(&path).unwrap();
    assert!(FastText::load(&path).unwrap().words().iter().eq(["one", "two", "three"]));
    let sentences = [["one\0two", "three"]];
    let corpus = embed::Sentences::new(|| sentences.iter().map(|sentence| sentence.iter().copied()));
    let model = settings.train(&corpus).unwrap().into_fasttext().unwrap();
    let error = model.save(&path).unwrap_err().to_string();
    assert!(error.contains("\"one\\0two\" cannot be written"), "{error}");
    assert_eq!(FastText::load(&path).unwrap().words().len(), 3, "the old file is as it was");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_broken_model_is_an_error(name in prop::sample::select(&MODELS[..]), at in 0.0f64..1.0, byte in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        let mut content = std::fs::read(golden(name)).unwrap();
        let at = (content.len() as f64 * at) as usize;
        std::fs::write(&path, &content[..at]).unwrap();
        prop_assert!(FastText::load(&path).is_err());
        content[at] = byte;
        std::fs::write(&path, &content).unwrap();
        if let Ok(model) = FastText::load(&path) {
            prop_assert_eq!(model.vector("king").len(), model.dim());
            let _ = model.predict("the king", 2);
        }
    }
}

#[test]
fn classifiers_learn_what_fasttext_learns() {
    let text = std::fs::read_to_string(golden("labelled.txt")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let base = Classifier {
        dim: 5,
        buckets: 300,
        min_count: 3,
        epochs: 20,
        rate: 0.5,
        threads: 1,
        ..Classifier::default()
    };
    let cases = [
        ("softmax.bin", Classifier { word_ngrams: 2, ..base.clone() }),
        ("hs.bin", Classifier { loss: Loss::Hierarchical, ..base.clone() }),
        ("ova.bin", Classifier { loss: Loss::OneVsAll, chars: (2, 3), ..base.clone() }),
    ];
    for (name, settings) in cases {
        let theirs = FastText::load(golden(name)).unwrap();
        let ours = settings.train(&lines).unwrap();
        assert_eq!((ours.words(), ours.labels()), (ours.words(), theirs.labels()), "{name}");
        assert_eq!(ours.words().len(), theirs.words().len());
        let [theirs, found] = [&theirs, &ours].map(|model| model.test(&lines, 1).unwrap());
        assert_eq!(found.texts, lines.len());
        assert!(found.precision > theirs.precision - 0.05, "{name}: {found:?}, fastText {theirs:?}");
        assert_eq!(settings.train(&lines).unwrap(), ours, "one thread gives the same bits");
        let batched = Classifier { mode: Mode::Reproducible, threads: 2, ..settings }.train(&lines).unwrap();
        let batched = batched.test(&lines, 1).unwrap().precision;
        assert!(batched > theirs.precision - 0.05, "{name}: {batched} in batches, fastText {theirs:?}");
    }
    let sampled = Classifier { loss: Loss::NegativeSampling, ..base }.train(&lines).unwrap();
    assert!(sampled.test(&lines, 1).unwrap().precision > 0.6);
}

#[test]
fn reproducible_training_gives_the_same_bits_on_any_number_of_threads() {
    let text = std::fs::read_to_string(golden("labelled.txt")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for loss in [Loss::Softmax, Loss::Hierarchical, Loss::NegativeSampling, Loss::OneVsAll] {
        let on = |threads, seed| {
            let (mode, buckets, word_ngrams) = (Mode::Reproducible, 500, 2);
            let settings = Classifier {
                dim: 70,
                buckets,
                word_ngrams,
                loss,
                mode,
                threads,
                seed,
                ..Classifier::default()
            };
            settings.train(&lines).unwrap()
        };
        let one = on(1, 1);
        for threads in [1, 2, 4] {
            assert!(on(threads, 1) == one, "{loss:?}, {threads} threads");
        }
        assert!(on(2, 2) != one, "{loss:?}: the seed decides");
    }
}

#[test]
fn the_order_of_the_texts_does_not_matter() {
    // Ten kinds of text, with words of their own and a few words for each label, one kind after the other.
    let line = |i: usize| {
        let (kind, label) = (i / 100, ["good", "bad"][i % 2]);
        format!("__label__{label} k{kind}w{} k{kind}{label}{} k{kind}w{}", i % 7, i % 3, i % 11)
    };
    let lines: Vec<String> = (0..1000).map(line).collect();
    let turned: Vec<&String> = (0..1000).map(|i| &lines[i % 10 * 100 + i / 10]).collect();
    for mode in [Mode::Fast, Mode::Reproducible] {
        let settings = Classifier { dim: 10, epochs: 3, threads: 1, mode, ..Classifier::default() };
        let [sorted, mixed] = [settings.train(&lines), settings.train(&turned)]
            .map(|model| model.unwrap().test(&lines[..200], 1).unwrap().precision);
        assert!((sorted - mixed).abs() < 0.08, "{mode:?}: {sorted} in order, {mixed} mixed");
    }
}

#[test]
fn faults_are_told() {
    let train = |lines: &[&str]| Classifier::default().train(lines).map(|_| ()).unwrap_err().to_string();
    assert!(train(&["no label"]).contains("labels"));
    assert!(train(&[]).contains("0 distinct words"));
    let error = Classifier { word_ngrams: 0, ..Classifier::default() }.train(&["__label__a b"]).unwrap_err();
    assert_eq!(error.to_string(), "word_ngrams is 0: expected 1 to 16");
    let words = FastText::load(golden("cbow.bin")).unwrap();
    assert!(words.predict("a", 1).unwrap_err().to_string().contains("Cbow"));
    assert!(FastText::load(golden("labelled.txt")).unwrap_err().to_string().contains("no fastText model"));
}

#[test]
fn words_never_seen_are_like_their_kin() {
    let stems = ["walk", "talk", "jump", "bark", "cook", "paint"];
    let line = |i: usize| {
        let stem = stems[i % 6];
        format!("she {stem}ed and he {stem}s so they were {stem}ing by the {}\n", ["sea", "hill"][i % 2])
    };
    let text: String = (0..600).map(line).filter(|line| !line.contains("painting")).collect();
    let subwords = Subwords { min: 3, max: 5, buckets: 2000 };
    for settings in [Word2Vec::skip_gram(), Word2Vec::cbow()] {
        let settings = settings.dim(20).window(2).epochs(8).sample(0.0).subwords(Some(subwords)).threads(1);
        let model = settings.train(&Text(&text)).unwrap();
        let vectors: Vectors = model.vectors();
        let model = model.into_fasttext().unwrap();
        assert!(model.words().index("painting").is_none());
        let near = vectors.nearest_to(&model.vector("painting"), 4, &[]);
        assert!(near.iter().any(|n| n.word.ends_with("ing") || n.word.starts_with("paint")), "{near:?}");
        let known = model.words().word(0);
        assert!(model.vector(known).iter().zip(vectors.row(0)).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    assert!(Word2Vec::cbow().train(&Text(&text)).unwrap().into_fasttext().is_err());
}

#[test]
fn so_many_trials_find_the_same_settings_on_any_number_of_threads() {
    let text = std::fs::read_to_string(golden("labelled.txt")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (valid, train) = lines.split_at(lines.len() / 4);
    let on = |threads| {
        let start = Classifier {
            dim: 4,
            epochs: 1,
            buckets: 300,
            mode: Mode::Reproducible,
            threads,
            ..Classifier::default()
        };
        let tuned = Autotune { start, budget: Budget::Trials(5), seed: 3 }.run(train, valid).unwrap();
        let trials = tuned.trials.iter().map(|trial| (trial.settings.rate, trial.scores.f1()));
        (trials.collect::<Vec<_>>(), tuned.model)
    };
    let one = on(1);
    assert_eq!(one.0.len(), 5);
    assert!(on(3) == one);
}
