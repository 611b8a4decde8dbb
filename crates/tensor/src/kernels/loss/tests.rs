use super::super::par::tests::same_on_any_threads;
use super::*;
use proptest::prelude::*;

/// The formula in the type's documentation, term by term.
fn naive(ce: &CrossEntropy<f64>, x: &[f64], target: u32) -> f64 {
    if ce.ignore_index == Some(target) {
        return 0.0;
    }
    let z = x.iter().map(|x| x.exp()).sum::<f64>().ln();
    let w = |c: usize| ce.class_weights.map_or(1.0, |w| w[c]);
    let t = target as usize;
    let spread: f64 = (0..x.len()).map(|c| w(c) * (x[c] - z)).sum();
    let e = ce.label_smoothing;
    -(1.0 - e) * w(t) * (x[t] - z) - e / x.len() as f64 * spread + ce.z_loss * z * z
}

fn wave(n: usize, step: f64) -> Vec<f64> {
    (0..n).map(|i| ((i as f64 + 1.0) * step).sin() * 3.0).collect()
}

proptest! {
    #[test]
    fn losses_and_gradients_follow_the_formula(
        n_rows in 0usize..6, vocab in 2usize..70, smoothing in prop_oneof![Just(0.0), 0.0f64..0.5],
        weighted: bool, z_loss in prop_oneof![Just(0.0), Just(0.1)], ignore: bool,
    ) {
        let logits = wave(n_rows * vocab, 0.7);
        let targets: Vec<u32> = (0..n_rows).map(|r| ((r * 5 + 1) % vocab) as u32).collect();
        let weights: Vec<f64> = wave(vocab, 0.9).iter().map(|w| w.abs() + 0.1).collect();
        let ce = CrossEntropy {
            ignore_index: ignore.then_some(1),
            label_smoothing: smoothing,
            class_weights: weighted.then_some(&weights[..]),
            z_loss,
        };
        let (mut loss, mut lse) = (vec![0.0; n_rows], vec![0.0; n_rows]);
        let totals = ce.forward(&logits, vocab, &targets, &mut loss, &mut lse).unwrap();
        let mut weight = 0.0;
        for r in 0..n_rows {
            let want = naive(&ce, &logits[r * vocab..(r + 1) * vocab], targets[r]);
            prop_assert!((loss[r] - want).abs() < 1e-9 * (1.0 + want.abs()), "{} {}", loss[r], want);
            weight += ce.weight(targets[r]);
        }
        prop_assert!((totals.weight - weight).abs() < 1e-12);
        prop_assert!((totals.loss - loss.iter().sum::<f64>()).abs() < 1e-9);

        let row_scale = wave(n_rows, 0.4);
        let mut grad = vec![0.0; logits.len()];
        ce.backward(&logits, vocab, &targets, &lse, 0.5, Some(&row_scale), &mut grad).unwrap();
        let mut in_place = logits.clone();
        ce.backward_in_place(&mut in_place, vocab, &targets, &lse, 0.5, Some(&row_scale)).unwrap();
        prop_assert_eq!(&grad, &in_place);
        for i in (0..logits.len()).step_by(3) {
            let r = i / vocab;
            let mut row = logits[r * vocab..(r + 1) * vocab].to_vec();
            let (c, at) = (i % vocab, row[i % vocab]);
            row[c] = at + 1e-5;
            let up = naive(&ce, &row, targets[r]);
            row[c] = at - 1e-5;
            let want = 0.5 * row_scale[r] * (up - naive(&ce, &row, targets[r])) / 2e-5;
            prop_assert!((grad[i] - want).abs() < 1e-7, "{} {}", grad[i], want);
        }
    }
}

#[test]
fn f32_agrees_with_f64_at_a_large_vocabulary_and_bits_do_not_depend_on_threads() {
    let (n_rows, vocab) = (20, 8192);
    let exact = wave(n_rows * vocab, 0.37);
    let logits: Vec<f32> = exact.iter().map(|&x| x as f32).collect();
    let targets: Vec<u32> = (0..n_rows as u32).map(|r| r * 400).collect();
    let bits = same_on_any_threads(|| {
        let (mut loss, mut lse, mut grad) = (vec![0.0; n_rows], vec![0.0; n_rows], logits.clone());
        let totals = CrossEntropy::new().forward(&grad, vocab, &targets, &mut loss, &mut lse).unwrap();
        CrossEntropy::new().backward_in_place(&mut grad, vocab, &targets, &lse, 1.0, None).unwrap();
        let sums: Vec<f32> = grad.chunks(vocab).map(|row| row.iter().sum()).collect();
        assert!(sums.iter().all(|s| s.abs() < 1e-4), "a gradient row sums to zero: {sums:?}");
        (totals.loss.to_bits(), grad.iter().map(|g| g.to_bits()).collect::<Vec<_>>())
    });
    let ce = CrossEntropy::<f64>::new();
    let want: f64 = exact.chunks(vocab).zip(&targets).map(|(row, &t)| naive(&ce, row, t)).sum();
    assert!((f64::from(f32::from_bits(bits.0)) / want - 1.0).abs() < 1e-6);
}

#[test]
fn a_target_outside_the_vocabulary_is_named() {
    let (mut loss, mut lse) = ([0.0f32; 2], [0.0f32; 2]);
    let bad = CrossEntropy::new().forward(&[0.0; 6], 3, &[2, 3], &mut loss, &mut lse).unwrap_err();
    assert_eq!(bad, TargetOutOfRange { row: 1, target: 3, classes: 3 });
    assert_eq!(bad.to_string(), "cross-entropy target of row 1 is 3, expected an id below 3");
    let ignoring = CrossEntropy { ignore_index: Some(u32::MAX), ..CrossEntropy::new() };
    let totals = ignoring.forward(&[0.0; 6], 3, &[2, u32::MAX], &mut loss, &mut lse).unwrap();
    assert_eq!((totals.weight, loss[1]), (1.0, 0.0));
}

#[test]
fn confident_and_extreme_logits_stay_finite() {
    let logits = [1e4f32, -1e4, 0.0, 0.0, f32::NEG_INFINITY, 1.0];
    let (mut loss, mut lse) = ([0.0; 2], [0.0; 2]);
    let totals = CrossEntropy::new().forward(&logits, 3, &[0, 2], &mut loss, &mut lse).unwrap();
    assert_eq!(loss[0], 0.0);
    assert!(totals.loss.is_finite());
    let mut grad = logits;
    CrossEntropy::new().backward_in_place(&mut grad, 3, &[0, 2], &lse, 1.0, None).unwrap();
    assert!(grad.iter().all(|g| g.is_finite()), "{grad:?}");
    assert_eq!(grad[4], 0.0);
}
