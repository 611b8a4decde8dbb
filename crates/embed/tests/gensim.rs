//! Queries and evaluations as gensim answers them, on vectors that word2vec.c trained.

use std::path::Path;

use embed::evaluate::{Analogies, Rules, WordPairs};
use embed::{Neighbour, Vectors, Words};
use proptest::prelude::*;
use serde_json::Value;

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens").join(name)).unwrap()
}

fn vectors() -> Vectors {
    Vectors::load(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens/word2vec/sg-ns.bin"))
        .unwrap()
}

fn expected() -> Value {
    serde_json::from_slice(&golden("vectors/expected.json")).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).iter().map(|word| word.as_str().unwrap()).collect()
}

fn check(found: &[Neighbour<'_>], expected: &Value, tolerance: f64) {
    assert_eq!(found.len(), list(expected).len());
    for (found, expected) in found.iter().zip(list(expected)) {
        assert_eq!(found.word, expected[0].as_str().unwrap());
        assert!((f64::from(found.score) - expected[1].as_f64().unwrap()).abs() < tolerance);
    }
}

#[test]
fn queries_are_answered_alike() {
    let (vectors, expected) = (vectors(), expected());
    for case in list(&expected["similarity"]) {
        let found = vectors.similarity(case[0].as_str().unwrap(), case[1].as_str().unwrap()).unwrap();
        assert!((f64::from(found) - case[2].as_f64().unwrap()).abs() < 1e-6);
    }
    for case in list(&expected["nearest"]) {
        check(&vectors.nearest(case[0].as_str().unwrap(), 10).unwrap(), &case[1], 1e-6);
    }
    for case in list(&expected["analogy"]) {
        check(&vectors.analogy(&strings(&case[0]), &strings(&case[1]), 10).unwrap(), &case[2], 1e-6);
    }
    for case in list(&expected["product"]) {
        check(
            &vectors.analogy_by_product(&strings(&case[0]), &strings(&case[1]), 10).unwrap(),
            &case[2],
            2e-6,
        );
    }
    for case in list(&expected["odd"]) {
        assert_eq!(vectors.odd_one_out(&strings(&case[0])).unwrap(), case[1].as_str().unwrap());
    }
}

fn rules(options: &Value) -> Rules {
    let default = Rules::default();
    Rules {
        most_words: options["restrict_vocab"].as_u64().map_or(default.most_words, |n| n as usize),
        ignore_case: options["case_insensitive"].as_bool().unwrap_or(default.ignore_case),
        count_unknown: options["dummy4unknown"].as_bool().unwrap_or(default.count_unknown),
    }
}

#[test]
fn evaluations_give_the_same_scores() {
    let (vectors, expected) = (vectors(), expected());
    let questions = Analogies::parse(str::from_utf8(&golden("vectors/questions.txt")).unwrap()).unwrap();
    for case in list(&expected["analogies"]) {
        let score = questions.evaluate(&vectors, &rules(&case[0]));
        let (total, sections) = list(&case[1]).split_last().unwrap();
        for (found, expected) in
            score.sections.iter().chain([&score.total()]).zip(sections.iter().chain([total]))
        {
            let numbers = [found.correct, found.asked].map(|n| n as u64);
            assert_eq!(numbers, [1, 2].map(|i| expected[i].as_u64().unwrap()), "{}: {}", case[0], found.name);
        }
        assert_eq!(score.sections.len(), sections.len());
    }
    let pairs = WordPairs::parse(str::from_utf8(&golden("vectors/pairs.txt")).unwrap()).unwrap();
    for case in list(&expected["pairs"]) {
        let score = pairs.evaluate(&vectors, &rules(&case[0])).unwrap();
        let unknown = if rules(&case[0]).count_unknown { pairs.len() } else { score.pairs + score.unknown };
        let unknown = score.unknown as f64 / unknown as f64 * 100.0;
        for (i, found) in [score.pearson, score.spearman, unknown].into_iter().enumerate() {
            let expected = case[1][i].as_f64().unwrap();
            assert!((found - expected).abs() < 1e-5, "{}: {i}: {found}, gensim {expected}", case[0]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// All ways to search find what sorting all cosines finds, on any number of threads.
    #[test]
    fn the_nearest_are_the_nearest(
        dim in 1usize..40, rows in 1usize..3000, seed in any::<u64>(), count in 0usize..12, threads in 1usize..4,
    ) {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        };
        let data: Vec<f32> = (0..rows * dim).map(|_| next()).collect();
        let query: Vec<f32> = (0..dim).map(|_| next()).collect();
        let words = Words::from_words((0..rows).map(|i| i.to_string())).unwrap();
        let vectors = Vectors::new(words, dim, data).unwrap();
        let cosine = |row: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
            dot(row, &query) / (dot(row, row) * dot(&query, &query)).sqrt()
        };
        let mut exact: Vec<f64> = vectors.iter().skip(1).map(|(_, row)| cosine(row)).collect();
        exact.sort_by(|a, b| b.total_cmp(a));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (one, each) = pool.install(|| {
            (vectors.nearest_to(&query, count, &[0]), vectors.nearest_to_each(&query, count, rows, |_| [0]))
        });
        for found in [&one, &each[0]] {
            prop_assert_eq!(found.len(), count.min(rows - 1));
            for (found, exact) in found.iter().zip(&exact) {
                prop_assert!((f64::from(found.score) - exact).abs() < 1e-5);
                prop_assert!((cosine(vectors.row(found.index)) - exact).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn unknown_words_are_named() {
    let vectors = vectors();
    let none: [&str; 0] = [];
    assert_eq!(vectors.nearest("yeti", 3).unwrap_err().to_string(), "\"yeti\" is not in the vocabulary");
    assert!(vectors.analogy(&["king", "yeti"], &["the"], 3).is_err());
    assert_eq!(vectors.mean(&none).unwrap_err().to_string(), "a mean needs at least 1 words, found 0");
    assert!(vectors.odd_one_out(&none).is_err() && vectors.analogy(&none, &none, 1).is_err());
}
