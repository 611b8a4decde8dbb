use metrics::{ClassScores, ConfusionMatrix, accuracy};
use serde_json::Value;

use crate::{close, golden, indices, list};

#[track_caller]
fn equal(found: ClassScores, expected: &Value, what: &str) {
    for (i, score) in [found.precision, found.recall, found.f1].into_iter().enumerate() {
        close(score, &expected[i], &format_args!("{what}, score {i}"));
    }
}

/// With `zero_division=0`; classes that are never predicted, never true, or neither, are among them.
#[test]
fn scores_of_classes_equal_scikit_learns() {
    for case in list(&golden("classes")) {
        let what = case["name"].as_str().unwrap();
        let (truth, predicted) = (indices(&case["truth"]), indices(&case["predicted"]));
        let classes = case["classes"].as_u64().unwrap() as usize;
        let matrix = ConfusionMatrix::from_labels(&truth, &predicted, classes).unwrap();
        close(accuracy(&truth, &predicted).unwrap(), &case["accuracy"], &what);
        close(matrix.accuracy(), &case["accuracy"], &what);
        let support = indices(&case["support"]);
        for class in 0..classes {
            let row: Vec<usize> = (0..classes).map(|predicted| matrix.count(class, predicted)).collect();
            assert_eq!(row, indices(&case["matrix"][class]), "{what}, class {class}");
            let scores = matrix.class(class);
            equal(scores, &case["each"][class], &format!("{what}, class {class}"));
            assert_eq!(scores.support, support[class], "{what}, class {class}");
        }
        let all: Vec<usize> = (0..classes).collect();
        equal(matrix.micro_scores(&all), &case["micro"], &format!("{what}, micro"));
        equal(matrix.micro_scores(&all[1..]), &case["part"], &format!("{what}, without class 0"));
        equal(matrix.macro_scores(), &case["macro"], &format!("{what}, macro"));
        equal(matrix.weighted_scores(), &case["weighted"], &format!("{what}, weighted"));
    }
}
