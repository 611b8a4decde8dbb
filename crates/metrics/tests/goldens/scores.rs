use metrics::{
    EntityMode, EntityReport, EntityScheme, Rouge, RougeKind, entities, pearson, porter_stem, spearman,
};
use serde_json::Value;

use crate::{close, golden, list, numbers, strings};

#[test]
fn rouge_equals_rouge_score() {
    const KINDS: [(&str, RougeKind); 5] = [
        ("rouge1", RougeKind::N(1)),
        ("rouge2", RougeKind::N(2)),
        ("rouge3", RougeKind::N(3)),
        ("rougeL", RougeKind::L),
        ("rougeLsum", RougeKind::LSum),
    ];
    let golden = golden("rouge");
    for case in list(&golden["cases"]) {
        let references = strings(&case["references"]);
        let prediction = case["prediction"].as_str().unwrap();
        for (name, kind) in KINDS {
            let (plain, stemmed) = (Rouge { kind, stemmer: false }, Rouge { kind, stemmer: true });
            for (found, form) in [
                (plain.score(&references[0], prediction), "plain"),
                (stemmed.score(&references[0], prediction), "stemmed"),
                (stemmed.best_of(&references, prediction).unwrap(), "multi"),
            ] {
                let expected = list(&case[form][name]);
                let what = format!("{name} {form} of {prediction:?}");
                for (found, expected) in [found.precision, found.recall, found.f1].into_iter().zip(expected) {
                    close(found, expected, &what);
                }
            }
        }
    }
}

#[test]
fn stems_equal_nltks() {
    for (word, stem) in golden("rouge")["stems"].as_object().unwrap() {
        assert_eq!(porter_stem(word), stem.as_str().unwrap(), "{word}");
    }
}

#[test]
fn entities_equal_seqevals() {
    for case in list(&golden("entities")) {
        let truth: Vec<Vec<String>> = list(&case["truth"]).iter().map(strings).collect();
        let predicted: Vec<Vec<String>> = list(&case["predicted"]).iter().map(strings).collect();
        for (name, expected) in case["modes"].as_object().unwrap() {
            let mode = match name.as_str() {
                "lenient" => EntityMode::Lenient,
                "iob1" => EntityMode::Strict(EntityScheme::Iob1),
                "iob2" => EntityMode::Strict(EntityScheme::Iob2),
                "ioe1" => EntityMode::Strict(EntityScheme::Ioe1),
                "ioe2" => EntityMode::Strict(EntityScheme::Ioe2),
                "iobes" => EntityMode::Strict(EntityScheme::Iobes),
                "bilou" => EntityMode::Strict(EntityScheme::Bilou),
                other => panic!("mode {other}"),
            };
            let what = format!("{} {name}", case["name"]);
            let report = EntityReport::new(&truth, &predicted, mode);
            if expected.is_null() {
                assert!(report.is_err(), "{what}");
                continue;
            }
            let report = report.unwrap();
            if expected == "empty" {
                assert!(report.classes.is_empty() && report.micro.f1 == 0.0, "{what}");
                continue;
            }
            assert_eq!(report.table(4), expected["report"].as_str().unwrap(), "{what}");
            for (tags, expected) in truth.iter().zip(list(&expected["entities"])) {
                let found = entities(tags, mode).unwrap();
                let found: Vec<Value> =
                    found.iter().map(|e| serde_json::json!([e.kind, e.start, e.end])).collect();
                assert_eq!(found, list(expected), "{what} {tags:?}");
            }
        }
    }
}

#[test]
fn tags_that_do_not_fit_are_errors() {
    let report = |truth: &[&[&str]], predicted: &[&[&str]]| {
        EntityReport::new(truth, predicted, EntityMode::Lenient).unwrap_err().to_string()
    };
    assert_eq!(report(&[&["O"]], &[]), "expected 1 items, found 0");
    assert_eq!(report(&[&["O"], &["O"]], &[&["O"], &["O", "O"]]), "sequence 1: expected 1 items, found 2");
    assert!(report(&[&["O", ""]], &[&["O", "O"]]).starts_with("sequence 0: tag 1 is \"\""));
}

#[test]
fn correlations_equal_scipys() {
    for case in list(&golden("correlation")) {
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        close(pearson(&x, &y).unwrap(), &case["pearson"], &"pearson");
        close(spearman(&x, &y).unwrap(), &case["spearman"], &"spearman");
    }
}
