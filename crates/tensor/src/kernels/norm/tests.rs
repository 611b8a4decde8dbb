use super::super::par::tests::same_on_any_threads;
use super::*;
use proptest::prelude::*;

const EPS: f64 = 1e-5;

fn wave(n: usize, step: f64) -> Vec<f64> {
    (0..n).map(|i| ((i as f64 + 1.0) * step).sin() * 2.0).collect()
}

fn single(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&x| x as f32).collect()
}

fn naive_layer_norm(x: &[f64], cols: usize, w: &[f64], b: &[f64]) -> Vec<f64> {
    let mut y = Vec::new();
    for row in x.chunks(cols) {
        let mean = row.iter().sum::<f64>() / cols as f64;
        let var = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / cols as f64;
        y.extend((0..cols).map(|c| (row[c] - mean) / (var + EPS).sqrt() * w[c] + b[c]));
    }
    y
}

fn naive_rms_norm(x: &[f64], cols: usize, w: &[f64]) -> Vec<f64> {
    let mut y = Vec::new();
    for row in x.chunks(cols) {
        let ms = row.iter().map(|x| x * x).sum::<f64>() / cols as f64;
        y.extend((0..cols).map(|c| row[c] / (ms + EPS).sqrt() * w[c]));
    }
    y
}

/// Central difference of `f` in element `i` of `x`.
fn slope(x: &[f64], i: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
    let mut x = x.to_vec();
    let at = x[i];
    x[i] = at + 1e-5;
    let up = f(&x);
    x[i] = at - 1e-5;
    (up - f(&x)) / 2e-5
}

fn close(a: &[f32], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| (f64::from(a) - b).abs() < 2e-5 * (1.0 + b.abs()))
}

proptest! {
    #[test]
    fn forward_agrees_with_the_definition(n_rows in 0usize..7, cols in 2usize..80) {
        let (x, w, b) = (wave(n_rows * cols, 0.7), wave(cols, 0.3), wave(cols, 1.1));
        let (x32, w32, b32) = (single(&x), single(&w), single(&b));
        let (ones, zeros) = (vec![1.0; cols], vec![0.0; cols]);
        let mut y = vec![0.0f32; x.len()];
        let (mut mean, mut rstd) = (vec![0.0f32; n_rows], vec![0.0f32; n_rows]);
        let eps = EPS as f32;
        layer_norm(&x32, cols, Some(&w32), Some(&b32), eps, &mut y, &mut mean, &mut rstd);
        prop_assert!(close(&y, &naive_layer_norm(&x, cols, &w, &b)));
        layer_norm(&x32, cols, Some(&w32), None, eps, &mut y, &mut mean, &mut rstd);
        prop_assert!(close(&y, &naive_layer_norm(&x, cols, &w, &zeros)));
        layer_norm(&x32, cols, None, Some(&b32), eps, &mut y, &mut mean, &mut rstd);
        prop_assert!(close(&y, &naive_layer_norm(&x, cols, &ones, &b)));
        rms_norm(&x32, cols, Some(&w32), eps, &mut y, &mut rstd);
        prop_assert!(close(&y, &naive_rms_norm(&x, cols, &w)));

        let residual = single(&wave(x.len(), 0.2));
        let (mut sum, mut fused) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        add_layer_norm(&x32, &residual, cols, Some(&w32), Some(&b32), eps, &mut sum, &mut fused, &mut mean, &mut rstd);
        prop_assert!((0..x.len()).all(|i| sum[i] == x32[i] + residual[i]));
        layer_norm(&sum, cols, Some(&w32), Some(&b32), eps, &mut y, &mut mean, &mut rstd);
        prop_assert_eq!(&y, &fused);
    }

    #[test]
    fn gradients_equal_finite_differences(n_rows in 1usize..4, cols in 2usize..40, has_weight: bool) {
        let n = n_rows * cols;
        let (x, dy, b) = (wave(n, 0.7), wave(n, 1.9), wave(cols, 1.1));
        let w = if has_weight { wave(cols, 0.3) } else { vec![1.0; cols] };
        let weight = has_weight.then_some(&w[..]);
        let along = |y: Vec<f64>| y.iter().zip(&dy).map(|(y, d)| y * d).sum::<f64>();
        let (mut y, mut mean, mut rstd) = (vec![0.0; n], vec![0.0; n_rows], vec![0.0; n_rows]);
        let (mut dx, mut dw, mut db) = (vec![0.0; n], vec![7.0; cols], vec![7.0; cols]);

        layer_norm(&x, cols, weight, Some(&b), EPS, &mut y, &mut mean, &mut rstd);
        layer_norm_backward(&x, &dy, cols, weight, &mean, &rstd, &mut dx, Some(&mut dw), Some(&mut db));
        for i in (0..n).step_by(3) {
            prop_assert!((dx[i] - slope(&x, i, |x| along(naive_layer_norm(x, cols, &w, &b)))).abs() < 1e-5);
        }
        for c in 0..cols {
            prop_assert!((dw[c] - slope(&w, c, |w| along(naive_layer_norm(&x, cols, w, &b)))).abs() < 1e-6);
            prop_assert!((db[c] - slope(&b, c, |b| along(naive_layer_norm(&x, cols, &w, b)))).abs() < 1e-6);
        }

        rms_norm(&x, cols, weight, EPS, &mut y, &mut rstd);
        rms_norm_backward(&x, &dy, cols, weight, &rstd, &mut dx, Some(&mut dw));
        for i in (0..n).step_by(3) {
            prop_assert!((dx[i] - slope(&x, i, |x| along(naive_rms_norm(x, cols, &w)))).abs() < 1e-5);
        }
        for c in 0..cols {
            prop_assert!((dw[c] - slope(&w, c, |w| along(naive_rms_norm(&x, cols, w)))).abs() < 1e-6);
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let (n_rows, cols) = (700, 129);
    let (x, dy, w) =
        (single(&wave(n_rows * cols, 0.7)), single(&wave(n_rows * cols, 1.3)), single(&wave(cols, 0.2)));
    same_on_any_threads(|| {
        let (mut y, mut mean, mut rstd) = (x.clone(), vec![0.0; n_rows], vec![0.0; n_rows]);
        layer_norm(&x, cols, Some(&w), None, 1e-5, &mut y, &mut mean, &mut rstd);
        let (mut dx, mut dw, mut db) = (x.clone(), w.clone(), w.clone());
        layer_norm_backward(&x, &dy, cols, Some(&w), &mean, &rstd, &mut dx, Some(&mut dw), Some(&mut db));
        [y, dx, dw, db].concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    });
}

#[test]
fn a_constant_row_gives_the_bias_and_a_large_offset_does_not_cancel() {
    let (mut y, mut mean, mut rstd) = ([0.0f32; 4], [0.0], [0.0]);
    layer_norm(&[5.0; 4], 4, None, Some(&[1.0, 2.0, 3.0, 4.0]), 1e-5, &mut y, &mut mean, &mut rstd);
    assert_eq!(y, [1.0, 2.0, 3.0, 4.0]);
    layer_norm(&[10_000.0, 10_001.0, 10_002.0, 10_003.0], 4, None, None, 0.0, &mut y, &mut mean, &mut rstd);
    assert!((y[3] - 1.341_640_8).abs() < 1e-5, "{y:?}");
}
