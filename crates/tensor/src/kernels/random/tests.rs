use super::super::par::tests::same_on_any_threads;
use super::*;

const N: usize = 200_000;

/// Kolmogorov–Smirnov distance times √n of a sample from a distribution function; 1.95 has probability 0.001.
fn kolmogorov(mut x: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    x.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    let gap = |i: usize| {
        let f = cdf(x[i]);
        (f - i as f64 / n).abs().max((f - (i + 1) as f64 / n).abs())
    };
    (0..x.len()).map(gap).fold(0.0, f64::max) * n.sqrt()
}

fn normal_cdf(z: f64) -> f64 {
    use super::super::math::VectorMath;
    0.5 * (1.0 + (z / 2f64.sqrt()).verf::<false>())
}

fn widen(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn moments(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64)
}

#[test]
fn uniform_numbers_are_uniform_for_neighbouring_seeds() {
    for seed in 0..4 {
        let mut x = vec![0.0f32; N];
        fill_uniform(&mut x, -1.0, 3.0, seed);
        assert!(x.iter().all(|&x| (-1.0..=3.0).contains(&x)));
        assert!(kolmogorov(widen(&x), |x| (x + 1.0) / 4.0) < 1.95);
    }
}

#[test]
fn neighbours_and_neighbouring_seeds_are_uncorrelated() {
    let stream = |seed| {
        let mut x = vec![0.0f64; N];
        fill_uniform(&mut x, -1.0, 1.0, seed);
        x
    };
    let (a, b) = (stream(1), stream(2));
    // Variance of a product of two uniform numbers in [−1, 1] is 1/9.
    let correlation = |x: &[f64], y: &[f64]| {
        3.0 * x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / (x.len() as f64).sqrt()
    };
    assert!(correlation(&a, &b).abs() < 4.0);
    for lag in [1, 2, 8, 64, 1024] {
        assert!(correlation(&a[lag..], &a[..N - lag]).abs() < 4.0, "lag {lag}");
    }
}

#[test]
fn every_bit_is_balanced_and_every_input_bit_reaches_it() {
    let ones = |f: &dyn Fn(u64) -> u32| {
        let mut ones = [0u32; 32];
        for i in 0..20_000 {
            for (b, n) in ones.iter_mut().enumerate() {
                *n += (f(i) >> b) & 1;
            }
        }
        // 5 standard deviations of a fair coin.
        ones.iter().all(|&n| (f64::from(n) - 10_000.0).abs() < 5.0 * 5000f64.sqrt())
    };
    assert!(ones(&|i| bits(7, i)));
    for flipped in 0..48 {
        assert!(ones(&|i| bits(7, i) ^ bits(7, i ^ (1 << flipped))), "index bit {flipped}");
        assert!(ones(&|i| bits(7 + i, 3) ^ bits((7 + i) ^ (1 << flipped), 3)), "seed bit {flipped}");
    }
}

#[test]
fn normal_numbers_are_normal() {
    let mut x = vec![0.0f32; N];
    fill_normal(&mut x, 2.0, 0.5, 11);
    let x = widen(&x);
    let (mean, variance) = moments(&x);
    assert!((mean - 2.0).abs() < 0.005 && (variance - 0.25).abs() < 0.004, "{mean} {variance}");
    assert!(kolmogorov(x, |x| normal_cdf((x - 2.0) / 0.5)) < 1.95);
    let mut double = vec![0.0f64; 1000];
    let mut single = vec![0.0f32; 1000];
    fill_normal(&mut double, 0.0, 1.0, 5);
    fill_normal(&mut single, 0.0, 1.0, 5);
    assert!(double.iter().zip(&single).all(|(d, s)| (d - f64::from(*s)).abs() < 1e-5), "types agree");
}

#[test]
fn truncated_normal_numbers_stay_inside_and_keep_the_shape() {
    let mut x = vec![0.0f32; 50_000];
    fill_truncated_normal(&mut x, 0.0, 1.0, -2.0, 1.0, 3);
    assert!(x.iter().all(|x| (-2.0..=1.0).contains(x)));
    let mass = normal_cdf(1.0) - normal_cdf(-2.0);
    assert!(kolmogorov(widen(&x), |x| (normal_cdf(x) - normal_cdf(-2.0)) / mass) < 1.95);
}

#[test]
fn dropout_keeps_the_mean_and_its_mask_is_a_function_of_the_index() {
    let x = vec![1.0f32; N];
    for p in [0.1, 0.5, 0.9] {
        let mut y = vec![0.0; N];
        dropout(&x, &mut y, p, 42);
        let kept = y.iter().filter(|&&y| y != 0.0).count() as f64;
        let deviation = (N as f64 * p * (1.0 - p)).sqrt();
        assert!((kept - N as f64 * (1.0 - p)).abs() < 4.0 * deviation, "p = {p}: {kept}");
        assert!(y.iter().all(|&y| y == 0.0 || y == (1.0 / (1.0 - p)) as f32));
        let mut in_place = x.clone();
        dropout_at(&mut in_place, 0, p, 42);
        assert_eq!(in_place, y);
        let mut part = vec![1.0; 777];
        dropout_at(&mut part, 12_345, p, 42);
        assert_eq!(part, y[12_345..12_345 + 777]);
    }
}

#[test]
fn dropout_at_its_ends() {
    let mut y = vec![3.0f32; 50];
    dropout_at(&mut y, 0, 0.0, 1);
    assert_eq!(y, [3.0; 50]);
    dropout_at(&mut y, 0, 1.0, 1);
    assert_eq!(y, [0.0; 50]);
}

#[test]
fn a_part_across_2_to_the_32_equals_its_halves() {
    let first = 0x1_0000_0000 - 10;
    let (mut whole, mut left, mut right) = (vec![1.0f32; 40], vec![1.0f32; 10], vec![1.0f32; 30]);
    dropout_at(&mut whole, first, 0.5, 9);
    dropout_at(&mut left, first, 0.5, 9);
    dropout_at(&mut right, 0x1_0000_0000, 0.5, 9);
    assert_eq!(whole, [left, right].concat());
    let mut low = vec![1.0f32; 30];
    dropout_at(&mut low, 0, 0.5, 9);
    assert_ne!(whole[10..], low, "the upper half of the index counts");
}

#[test]
fn bits_do_not_depend_on_threads() {
    same_on_any_threads(|| {
        let mut x = vec![0.0f32; 50_001];
        fill_normal(&mut x, 0.0, 1.0, 5);
        dropout_at(&mut x, 0, 0.3, 6);
        x.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    });
}
