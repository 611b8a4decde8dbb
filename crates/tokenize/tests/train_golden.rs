//! Trainers against Hugging Face's, from the same word counts (made by `fixtures/goldens/tokenize_train.py`).

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use tokenize::model::{BpeOptions, WordPieceOptions};
use tokenize::train::{BpeTrainer, Trainer, UnigramTrainer, WordCounts, WordLevelTrainer, WordPieceTrainer};

#[derive(Deserialize)]
struct Case {
    text: String,
    bytes: usize,
    settings: HashMap<String, Value>,
    tokens: Vec<String>,
    /// Of Unigram.
    #[serde(default)]
    scores: Vec<f64>,
    /// Of BPE.
    #[serde(default)]
    merges: Vec<(String, String)>,
}

impl Case {
    fn named(name: &str) -> Self {
        let json = fs::read_to_string(fixtures().join("goldens/tokenize/train.json")).unwrap();
        serde_json::from_str::<HashMap<String, Self>>(&json).unwrap().remove(name).unwrap()
    }

    /// The words of the text, cut at white space.
    fn words(&self) -> WordCounts {
        let bytes = fs::read(fixtures().join("text").join(&self.text)).unwrap();
        // A character cut off at the end was dropped there.
        let text = bytes[..self.bytes].utf8_chunks().map(|chunk| chunk.valid()).collect::<String>();
        text.split_whitespace().map(|word| (word, 1)).collect()
    }

    fn number(&self, setting: &str) -> Option<usize> {
        self.settings.get(setting).map(|value| value.as_u64().unwrap() as usize)
    }

    fn string(&self, setting: &str) -> Option<String> {
        self.settings.get(setting).map(|value| value.as_str().unwrap().to_owned())
    }

    fn strings(&self, setting: &str) -> Vec<String> {
        let values = self.settings.get(setting).and_then(Value::as_array).into_iter().flatten();
        values.map(|value| value.as_str().unwrap().to_owned()).collect()
    }

    fn min_frequency(&self) -> u64 {
        self.number("min_frequency").unwrap_or(0) as u64
    }
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn bpe_is_the_same_on_any_number_of_threads() {
    for name in ["bpe-en", "bpe-zh", "bpe-limited-en", "bpe-suffix-en"] {
        let case = Case::named(name);
        let words = case.words();
        let mut trainer = BpeTrainer::new(case.number("vocab_size").unwrap())
            .min_frequency(case.min_frequency())
            .special_tokens(case.strings("special_tokens"))
            .initial_alphabet(case.strings("initial_alphabet").iter().flat_map(|string| string.chars()))
            .options(BpeOptions {
                end_of_word_suffix: case.string("end_of_word_suffix"),
                ..BpeOptions::default()
            });
        if let Some(limit) = case.number("limit_alphabet") {
            trainer = trainer.limit_alphabet(limit);
        }
        if let Some(length) = case.number("max_token_length") {
            trainer = trainer.max_token_length(length);
        }
        for threads in [1, 3] {
            let model = in_pool(threads, || trainer.train_counts(&words, &mut |_| {})).unwrap();
            let merges: Vec<_> = model.merges().collect();
            let expected: Vec<_> = case.merges.iter().map(|(l, r)| (l.as_str(), r.as_str())).collect();
            assert_eq!(merges, expected, "{name}");
            let tokens: Vec<_> = model.vocab().map(|(token, _)| token).collect();
            assert_eq!(tokens, case.tokens, "{name}");
        }
    }
}

#[test]
fn word_piece_is_the_same() {
    for name in ["word-piece-en", "word-piece-zh"] {
        let case = Case::named(name);
        let trainer = WordPieceTrainer::new(case.number("vocab_size").unwrap())
            .min_frequency(case.min_frequency())
            .special_tokens(case.strings("special_tokens"))
            .options(WordPieceOptions {
                continuing_subword_prefix: case.string("continuing_subword_prefix").unwrap(),
                ..WordPieceOptions::default()
            });
        let model = trainer.train_counts(&case.words(), &mut |_| {}).unwrap();
        let tokens: Vec<_> = (0..model.len() as u32).map(|id| model.token(id).unwrap()).collect();
        assert_eq!(tokens, case.tokens, "{name}");
    }
}

#[test]
fn word_level_is_the_same() {
    let case = Case::named("word-level-en");
    let trainer = WordLevelTrainer::new(case.number("vocab_size").unwrap())
        .min_frequency(case.min_frequency())
        .special_tokens(case.strings("special_tokens"));
    let model = trainer.train_counts(&case.words(), &mut |_| {}).unwrap();
    let tokens: Vec<_> = (0..model.len() as u32).map(|id| model.token(id).unwrap()).collect();
    assert_eq!(tokens, case.tokens);
}

/// The tolerance of Unigram: this part of the vocabulary is the same, and scores of the same pieces differ by no more
/// than this, but for characters too rare to have a probability, whose scores Hugging Face gives out at random.
const SAME_PIECES: f64 = 0.995;
const SCORE_DIFFERENCE: f64 = 1e-6;

#[test]
fn unigram_is_the_same_up_to_sums_in_another_order() {
    for name in ["unigram-en", "unigram-zh"] {
        let case = Case::named(name);
        let words = case.words();
        let vocab_size = case.number("vocab_size").unwrap();
        let mut trainer = UnigramTrainer::new(vocab_size)
            .special_tokens(case.strings("special_tokens"))
            .unk_token(case.string("unk_token").unwrap());
        if let Some(length) = case.number("max_piece_length") {
            trainer = trainer.max_piece_length(length);
        }
        let model = in_pool(3, || trainer.train_counts(&words, &mut |_| {})).unwrap();
        let ours: HashMap<&str, f64> = model.vocab().collect();
        let theirs: HashMap<&str, f64> =
            case.tokens.iter().map(String::as_str).zip(case.scores.iter().copied()).collect();
        assert_eq!(ours.len(), vocab_size, "{name}");
        assert_eq!(theirs.len(), vocab_size, "{name}");
        let lowest = theirs.values().copied().fold(0.0, f64::min);
        let mut same = 0;
        for (token, score) in &ours {
            let Some(other) = theirs.get(token) else { continue };
            same += 1;
            let without_probability = token.chars().count() == 1 && *other < lowest + 0.5;
            if !without_probability {
                assert!((score - other).abs() < SCORE_DIFFERENCE, "{name}: {token} {score} {other}");
            }
        }
        eprintln!("{name}: {same} of {vocab_size}");
        assert!(same as f64 >= SAME_PIECES * vocab_size as f64, "{name}: {same} of {vocab_size}");
        let again = in_pool(1, || trainer.train_counts(&words, &mut |_| {})).unwrap();
        assert!(again.vocab().eq(model.vocab()), "{name}: the number of threads changes nothing");
    }
}
