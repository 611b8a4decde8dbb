use metrics::{EditCounts, char_errors, word_errors};

use crate::{close, golden, indices, strings};

fn array(counts: EditCounts) -> [usize; 4] {
    [counts.hits, counts.substitutions, counts.insertions, counts.deletions]
}

#[test]
fn errors_equal_jiwers() {
    let golden = golden("errors");
    let (references, hypotheses) = (strings(&golden["references"]), strings(&golden["hypotheses"]));
    for (i, (reference, hypothesis)) in references.iter().zip(&hypotheses).enumerate() {
        let words = word_errors(&[reference], &[hypothesis]).unwrap();
        let chars = char_errors(&[reference], &[hypothesis]).unwrap();
        for (counts, expected) in [(words, &golden["words"][i]), (chars, &golden["chars"][i])] {
            assert_eq!(array(counts)[..], indices(expected), "{reference:?} {hypothesis:?}");
        }
    }
    let words = word_errors(&references, &hypotheses).unwrap();
    close(words.rate(), &golden["wer"], &"wer");
    close(words.match_error_rate(), &golden["mer"], &"mer");
    close(words.information_preserved(), &golden["wip"], &"wip");
    close(char_errors(&references, &hypotheses).unwrap().rate(), &golden["cer"], &"cer");
}
