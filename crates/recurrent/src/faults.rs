//! Input from outside that no model can take: errors that say what is wrong and where.

use crate::{
    GruCell, InputError, LanguageModel, LanguageModelConfig, LanguageModelScorer, LstmCell, Seq2Seq,
    Seq2SeqConfig, Seq2SeqScorer, Teacher,
};
use decode::Scorer;
use nn::{CrossEntropy, Mode};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tensor::Ids;

/// Vocabularies of 5 and 7.
fn translator() -> Seq2Seq<f32, LstmCell> {
    Seq2Seq::new(&Seq2SeqConfig::new(5, 7, 4, 6), &mut ChaCha8Rng::seed_from_u64(1)).unwrap()
}

fn ids(rows: usize, columns: usize) -> Ids {
    Ids::new(vec![1; rows * columns], &[rows, columns])
}

fn said<T>(result: Result<T, InputError>) -> String {
    result.err().expect("input that no model can take").to_string()
}

#[test]
fn sources_and_targets_that_do_not_fit() {
    let model = translator();
    let ignore = CrossEntropy { ignore_index: Some(1), ..CrossEntropy::default() };
    let loss = |source: &Ids, lengths: &[usize], target: &Ids, next: &Ids, options: &CrossEntropy| {
        said(model.loss(source, lengths, target, next, options, Teacher::Forcing, &mut Mode::Eval))
    };
    let plain = CrossEntropy::default();
    let source = ids(2, 3);
    for (found, expected) in [
        (
            loss(&ids(0, 3), &[], &ids(0, 2), &ids(0, 2), &plain),
            "token ids of shape [0, 2], expected (batch, time), at least 1 each",
        ),
        (
            loss(&ids(2, 0), &[0, 0], &ids(2, 2), &ids(2, 2), &plain),
            "token ids of shape [2, 0], expected (batch, time), at least 1 each",
        ),
        (
            loss(&Ids::from_slice(&[1, 2]), &[1, 1], &ids(2, 2), &ids(2, 2), &plain),
            "token ids of shape [2], expected (batch, time), at least 1 each",
        ),
        (
            loss(&source, &[3, 0], &ids(2, 2), &ids(2, 2), &plain),
            "sequence 1 has a length of 0, expected 1 to 3",
        ),
        (
            loss(&source, &[4, 3], &ids(2, 2), &ids(2, 2), &plain),
            "sequence 0 has a length of 4, expected 1 to 3",
        ),
        (loss(&source, &[3], &ids(2, 2), &ids(2, 2), &plain), "`lengths` is of 1 sequences, `source` of 2"),
        (loss(&source, &[3, 3], &ids(3, 2), &ids(3, 2), &plain), "`target` is of 3 sequences, `source` of 2"),
        (
            loss(&source, &[3, 3], &ids(2, 2), &ids(2, 5), &plain),
            "`next` is of shape [2, 5], `target` of [2, 2]",
        ),
        (loss(&source, &[3, 3], &ids(2, 2), &ids(2, 2), &ignore), "loss: all 4 targets are ignored"),
    ] {
        assert_eq!(found, expected);
    }
    for (what, found) in [
        ("source token", loss(&Ids::new(vec![0, 5], &[1, 2]), &[2], &ids(1, 2), &ids(1, 2), &plain)),
        ("target token", loss(&ids(1, 2), &[2], &Ids::new(vec![0, 7], &[1, 2]), &ids(1, 2), &plain)),
        ("7", loss(&ids(1, 2), &[2], &ids(1, 2), &Ids::new(vec![0, 7], &[1, 2]), &plain)),
    ] {
        assert!(found.contains(what), "{found}");
    }
}

/// Whether or not the mode would make use of it.
#[test]
fn teachers_that_are_no_probability() {
    let model = translator();
    let (source, target, mut rng) = (ids(2, 3), ids(2, 2), ChaCha8Rng::seed_from_u64(1));
    for (p, expected) in [
        (f64::NAN, "`teacher` is NaN, expected a number in [0, 1]"),
        (-0.25, "`teacher` is -0.25, expected a number in [0, 1]"),
        (1.5, "`teacher` is 1.5, expected a number in [0, 1]"),
        (f64::INFINITY, "`teacher` is inf, expected a number in [0, 1]"),
    ] {
        for mode in [&mut Mode::Eval, &mut Mode::Train(&mut rng)] {
            let teacher = Teacher::Scheduled(p);
            assert_eq!(said(model.forward(&source, &[3, 2], &target, teacher, mode)), expected);
            let options = CrossEntropy::default();
            assert_eq!(
                said(model.loss(&source, &[3, 2], &target, &target, &options, teacher, mode)),
                expected
            );
        }
    }
    for p in [-0.0, 0.0, 1.0] {
        let teacher = Teacher::Scheduled(p);
        model.forward(&source, &[3, 2], &target, teacher, &mut Mode::Train(&mut rng)).unwrap();
    }
}

#[test]
fn prompts_that_do_not_fit() {
    let model = translator();
    let mut scorer = Seq2SeqScorer::new(&model, &ids(2, 3), &[3, 2]).unwrap();
    assert_eq!(
        said(scorer.start(&[vec![1]], &mut Vec::new())),
        "`prompts` is of 1 sequences, `sources` of 2"
    );
    assert!(said(scorer.start(&[vec![1], vec![7]], &mut Vec::new())).contains('7'));
    // It can still be used.
    let mut scores = Vec::new();
    scorer.start(&[vec![1], vec![1]], &mut scores).unwrap();
    assert_eq!(scores.len(), 14);
    assert!(said(scorer.extend(&[0, 1], &[2, 9], &mut scores)).contains('9'));
}

#[test]
fn texts_that_do_not_fit() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let model = LanguageModel::<f32, GruCell>::new(LanguageModelConfig::new(5, 4), &mut rng).unwrap();
    let loss = |ids: &Ids, target: &Ids| said(model.loss(ids, target, None, &mut Mode::Eval));
    assert_eq!(loss(&ids(2, 3), &ids(2, 2)), "`target` is of shape [2, 2], `ids` of [2, 3]");
    assert!(loss(&Ids::new(vec![1, 5], &[1, 2]), &ids(1, 2)).contains("token"));
    assert!(loss(&ids(1, 2), &Ids::new(vec![1, 5], &[1, 2])).contains('5'));
    assert!(loss(&ids(1, 0), &ids(1, 0)).contains("at least 1 each"));

    let mut scorer = LanguageModelScorer::new(&model);
    assert!(said(scorer.start(&[vec![1, 5]], &mut Vec::new())).contains("token"));
    scorer.start(&[vec![1, 2]], &mut Vec::new()).unwrap();
    assert!(said(scorer.extend(&[0], &[5], &mut Vec::new())).contains("token"));
    assert!(said(scorer.extend(&[0, 0], &[1], &mut Vec::new())).contains("`tokens`"));
}
