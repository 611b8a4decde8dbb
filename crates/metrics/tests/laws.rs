//! What holds of the scores of any texts.

use metrics::{
    Bleu, BleuTokenizer, Chrf, CorpusMetric, EntityMode, EntityReport, EntityScheme, Rouge, RougeKind, Ter,
    char_errors, entities, porter_stem, word_errors,
};
use proptest::prelude::*;

/// Texts of few words, marks, Chinese, odd white space, and now and then of any characters at all.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(vec!["the", "cat", "sat", "3.5", "10-2", "(x)", "&amp;", "-\n", "\u{1f}", "\t", "…"]),
        2 => prop::sample::select(vec!["今天", "。", "天气", "ア", "’s", "'s ", ",", ".", "!", "\"", "  "]),
    ];
    prop_oneof![
        4 => prop::collection::vec(part, 0..12).prop_map(|parts| parts.join(" ")),
        1 => "\\PC{0,20}",
        1 => any::<String>(),
    ]
}

const TOKENIZERS: [BleuTokenizer; 5] =
    [BleuTokenizer::V13a, BleuTokenizer::Intl, BleuTokenizer::Zh, BleuTokenizer::Char, BleuTokenizer::None];

/// Settings that count nothing score 0.
#[test]
fn orders_of_zero_are_defined() {
    let (hypotheses, references) = (["a b c", ""], [["a b c"], ["d"]]);
    let bleu = Bleu { max_order: 0, ..Bleu::default() }.corpus(&hypotheses, &references).unwrap();
    let chrf = Chrf { char_order: 0, ..Chrf::default() }.corpus(&hypotheses, &references).unwrap();
    assert_eq!((bleu.score, chrf.score), (0.0, 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scores_of_any_texts_are_in_range(a in text(), b in text(), c in text(), lowercase: bool) {
        let references = [b.as_str(), c.as_str()];
        let within = |score: f64| (0.0..=100.0 + 1e-9).contains(&score);
        for tokenizer in TOKENIZERS {
            let bleu = Bleu { tokenizer, lowercase, ..Bleu::sentence_level() };
            prop_assert!(within(bleu.sentence(&a, &references).unwrap().score));
        }
        for chrf in [Chrf { lowercase, ..Chrf::plus_plus() }, Chrf { whitespace: true, ..Chrf::default() }] {
            prop_assert!(within(chrf.sentence(&a, &references).unwrap().score));
        }
        let ter = Ter { normalized: true, no_punctuation: lowercase, asian_support: true, case_sensitive: false };
        prop_assert!(ter.sentence(&a, &references).unwrap().score >= 0.0);
        for kind in [RougeKind::N(1), RougeKind::N(2), RougeKind::L, RougeKind::LSum] {
            let score = Rouge { kind, stemmer: true }.best_of(&references, &a).unwrap();
            prop_assert!([score.precision, score.recall, score.f1].iter().all(|x| (0.0..=1.0).contains(x)));
        }
        prop_assert!(word_errors(&[&b], &[&a]).unwrap().match_error_rate() <= 1.0);
        prop_assert!(char_errors(&[&b], &[&a]).unwrap().match_error_rate() <= 1.0);
    }

    /// A text is its own best translation.
    #[test]
    fn the_reference_itself_is_perfect(a in text(), b in text()) {
        let references = [b.as_str(), a.as_str()];
        for tokenizer in TOKENIZERS {
            let bleu = Bleu { tokenizer, ..Bleu::sentence_level() };
            if !tokenizer.tokenize(a.trim_end()).is_empty() {
                prop_assert!((bleu.sentence(&a, &[&a]).unwrap().score - 100.0).abs() < 1e-9);
            }
        }
        let chrf = Chrf::default().sentence(&a, &references).unwrap().score;
        prop_assert!(chrf == 0.0 || (chrf - 100.0).abs() < 1e-9);
        prop_assert_eq!(Ter::default().sentence(&a, &references).unwrap().details.edits, 0);
        prop_assert_eq!(word_errors(&[&a], &[&a]).unwrap().errors(), 0);
    }

    /// Shifts only ever save edits, and what is moved is not lost: no fewer edits than words that the sides lack.
    #[test]
    fn shifts_save_edits(a in prop::collection::vec(0_u8..5, 0..14), b in prop::collection::vec(0_u8..5, 1..14)) {
        let words = |items: &[u8]| items.iter().map(|i| format!("w{i}")).collect::<Vec<_>>();
        let (a, b) = (words(&a), words(&b));
        let edits = Ter::default().sentence(&a.join(" "), &[b.join(" ")]).unwrap().details.edits;
        prop_assert!(edits <= metrics::edit_distance(&b, &a));
        prop_assert!(edits >= a.len().abs_diff(b.len()));
    }

    /// Tags of any letters and types are entities or errors, in any mode.
    #[test]
    fn tags_of_any_form_do_not_panic(tags in prop::collection::vec("[BIOESUL.é-]{0,2}-?[AB]?|\\PC{0,3}", 0..12)) {
        let schemes = [EntityScheme::Iob1, EntityScheme::Ioe1, EntityScheme::Iobes, EntityScheme::Bilou];
        for mode in schemes.map(EntityMode::Strict).into_iter().chain([EntityMode::Lenient]) {
            let Ok(found) = entities(&tags, mode) else { continue };
            prop_assert!(found.iter().all(|entity| entity.start < entity.end && entity.end <= tags.len()));
            let report = EntityReport::new(&[&tags], &[&tags], mode).unwrap();
            prop_assert_eq!(report.micro.f1, if found.is_empty() { 0.0 } else { 1.0 });
        }
    }

    #[test]
    fn any_word_has_a_stem(root in "[aéßy本]{0,4}|\\PC{0,12}", ending in "(ed|ing|ies|ied|y|ational|ll|e|ion)?") {
        let word = root + &ending;
        prop_assert!(porter_stem(&word).chars().count() <= word.chars().count() + 1);
    }
}
