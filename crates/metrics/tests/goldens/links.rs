use metrics::{AlignmentScores, AttachmentScores, Link};
use serde_json::Value;

use crate::{close, golden, indices, list, strings};

fn arcs(tree: &Value) -> Vec<(usize, String)> {
    let arc = |arc: &Value| (arc[0].as_u64().unwrap() as usize, arc[1].as_str().unwrap().to_owned());
    list(tree).iter().map(arc).collect()
}

/// The scorer of Universal Dependencies does not look at subtypes of relations.
#[test]
fn attachment_scores_equal_those_of_universal_dependencies() {
    let golden = golden("attachment");
    let mut scores = AttachmentScores::default();
    for sentence in list(&golden["sentences"]) {
        let [truth, predicted] = ["truth", "predicted"].map(|side| arcs(&sentence[side]));
        let universal = |arcs: &[(usize, String)]| -> Vec<(usize, String)> {
            arcs.iter().map(|(head, label)| (*head, label.split(':').next().unwrap().to_owned())).collect()
        };
        scores.add(&universal(&truth), &universal(&predicted), |_| true).unwrap();
    }
    close(scores.unlabelled(), &golden["universal"][0], &"UAS");
    close(scores.labelled(), &golden["universal"][1], &"LAS");
}

#[test]
fn attachment_scores_without_punctuation_equal_nltks() {
    let golden = golden("attachment");
    let mut scores = AttachmentScores::default();
    for sentence in list(&golden["sentences"]) {
        let words = strings(&sentence["words"]);
        let counts = |word: usize| ![",", ".", "!?", "…"].contains(&words[word].as_str());
        scores.add(&arcs(&sentence["truth"]), &arcs(&sentence["predicted"]), counts).unwrap();
    }
    close(scores.unlabelled(), &golden["without_punctuation"][0], &"UAS");
    close(scores.labelled(), &golden["without_punctuation"][1], &"LAS");
}

#[test]
fn alignment_error_rates_equal_nltks() {
    for case in list(&golden("alignment")) {
        let links = |key: &str| -> Vec<Link> {
            list(&case[key]).iter().map(indices).map(|link| (link[0], link[1])).collect()
        };
        let mut scores = AlignmentScores::default();
        scores.add(&links("found"), &links("sure"), &links("possible"));
        close(scores.error_rate(), &case["rate"], case);
    }
}
