use super::super::par::tests::same_on_any_threads;
use super::*;
use proptest::prelude::*;

fn naive(x: &[f64], scale: f64) -> Vec<f64> {
    let total: f64 = x.iter().map(|x| (scale * x).exp()).sum();
    x.iter().map(|x| (scale * x).exp() / total).collect()
}

fn matrix() -> impl Strategy<Value = (usize, Vec<f32>)> {
    (1usize..9, 1usize..70)
        .prop_flat_map(|(rows, cols)| (Just(cols), prop::collection::vec(-8.0f32..8.0, rows * cols)))
}

/// `(f(x + h) − f(x − h)) / 2h` in direction `i`.
fn slope(x: &[f64], i: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
    let mut x = x.to_vec();
    let at = x[i];
    x[i] = at + 1e-5;
    let up = f(&x);
    x[i] = at - 1e-5;
    (up - f(&x)) / 2e-5
}

proptest! {
    #[test]
    fn rows_agree_with_the_definition((cols, x) in matrix()) {
        let (mut y, mut z, mut l) = (x.clone(), x.clone(), vec![0.0; x.len() / cols]);
        softmax(&x, cols, &mut y);
        log_softmax(&x, cols, &mut z);
        logsumexp(&x, cols, &mut l);
        for (r, row) in x.chunks(cols).enumerate() {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
            for (c, p) in naive(&row, 1.0).into_iter().enumerate() {
                let i = r * cols + c;
                prop_assert!((f64::from(y[i]) - p).abs() < 1e-6);
                prop_assert!((f64::from(z[i]) - p.ln()).abs() < 1e-5);
            }
            prop_assert!((f64::from(l[r]) - row.iter().map(|x| x.exp()).sum::<f64>().ln()).abs() < 1e-5);
        }
    }

    #[test]
    fn a_shift_changes_nothing_and_rows_sum_to_one((cols, x) in matrix(), shift in -50f32..50.0) {
        let (mut y, mut z) = (x.clone(), x.clone());
        softmax(&x, cols, &mut y);
        let shifted: Vec<f32> = x.iter().map(|x| x + shift).collect();
        softmax(&shifted, cols, &mut z);
        prop_assert!(y.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-4));
        prop_assert!(y.chunks(cols).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }

    #[test]
    fn limits_equal_softmax_of_the_prefix((cols, x) in matrix(), scale in 0.1f32..2.0) {
        let mut y = x.clone();
        softmax_limit(&mut y, cols, scale, |r| (3 * r) % (cols + 2));
        for (r, row) in y.chunks(cols).enumerate() {
            let limit = ((3 * r) % (cols + 2)).min(cols);
            let prefix: Vec<f64> = x[r * cols..r * cols + limit].iter().map(|&x| f64::from(x)).collect();
            let want = naive(&prefix, f64::from(scale));
            prop_assert!((0..limit).all(|c| (f64::from(row[c]) - want[c]).abs() < 1e-6));
            prop_assert!(row[limit..].iter().all(|&y| y == 0.0));
        }
    }

    #[test]
    fn gradients_equal_finite_differences(x in prop::collection::vec(-2.0f64..2.0, 1..9), scale in 0.5f64..1.5) {
        let n = x.len();
        let dy: Vec<f64> = (0..n).map(|i| (i as f64 * 1.3).cos()).collect();
        let along = |y: &[f64]| y.iter().zip(&dy).map(|(y, d)| y * d).sum::<f64>();
        let (mut y, mut dx) = (x.clone(), vec![0.0; n]);
        softmax_limit(&mut y, n, scale, |_| n);
        softmax_backward(&y, &dy, n, scale, &mut dx);
        let mut in_place = dy.clone();
        softmax_backward_in_place(&y, &mut in_place, n, scale);
        prop_assert_eq!(&in_place, &dx);
        for i in 0..n {
            let want = slope(&x, i, |x| {
                let mut y = x.to_vec();
                softmax_limit(&mut y, n, scale, |_| n);
                along(&y)
            });
            prop_assert!((dx[i] - want).abs() < 1e-8);
        }
        log_softmax(&x, n, &mut y);
        log_softmax_backward(&y, &dy, n, &mut dx);
        for i in 0..n {
            let want = slope(&x, i, |x| {
                let mut y = vec![0.0; n];
                log_softmax(x, n, &mut y);
                along(&y)
            });
            prop_assert!((dx[i] - want).abs() < 1e-8);
        }
        let lse = |x: &[f64]| {
            let mut l = [0.0];
            logsumexp(x, n, &mut l);
            l[0]
        };
        logsumexp_backward(&x, &[lse(&x)], &[1.7], n, &mut dx);
        for i in 0..n {
            prop_assert!((dx[i] - slope(&x, i, |x| 1.7 * lse(x))).abs() < 1e-8);
        }
    }
}

#[test]
fn rows_with_nothing_to_attend_to_are_zero() {
    let mut y = [f32::NEG_INFINITY; 4];
    softmax(&[f32::NEG_INFINITY; 4], 2, &mut y);
    assert_eq!(y, [0.0; 4]);
    let mut y = [3.0f32; 4];
    softmax_limit(&mut y, 4, 1.0, |_| 0);
    assert_eq!(y, [0.0; 4]);
    let mut l = [0.0f32];
    logsumexp(&[f32::NEG_INFINITY; 3], 3, &mut l);
    assert_eq!(l, [f32::NEG_INFINITY]);
    let mut dx = [1.0f32; 3];
    logsumexp_backward(&[f32::NEG_INFINITY; 3], &l, &[1.0], 3, &mut dx);
    assert_eq!(dx, [0.0; 3]);
}

#[test]
fn a_nan_stays_in_its_row_and_huge_scores_do_not_overflow() {
    let mut y = [0.0f32; 6];
    softmax(&[f32::NAN, 1.0, 3e38, 3e38, -3e38, 3e38], 2, &mut y);
    assert!(y[0].is_nan() && y[1].is_nan());
    assert_eq!(y[2..], [0.5, 0.5, 0.0, 1.0]);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let x: Vec<f32> = (0..200 * 257).map(|i| (i as f32 * 0.37).sin() * 7.0).collect();
    same_on_any_threads(|| {
        let mut y = x.clone();
        softmax_limit(&mut y, 257, 0.3, |r| r + 1);
        y.iter().map(|y| y.to_bits()).collect::<Vec<_>>()
    });
}
