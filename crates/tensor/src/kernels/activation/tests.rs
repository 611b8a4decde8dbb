use super::super::par::tests::same_on_any_threads;
use super::*;

/// Calls a macro with every activation, its formula in `f64`, and its kinks.
macro_rules! every {
    ($check:ident) => {
        $check!(Relu, |x: f64| x.max(0.0), [0.0]);
        $check!(Relu6, |x: f64| x.clamp(0.0, 6.0), [0.0, 6.0]);
        $check!(LeakyRelu { slope: 0.1 }, |x: f64| if x > 0.0 { x } else { 0.1 * x }, [0.0]);
        $check!(Elu { alpha: 1.5 }, |x: f64| if x > 0.0 { x } else { 1.5 * x.exp_m1() }, [0.0]);
        $check!(
            Selu,
            |x: f64| 1.0507009873554805 * if x > 0.0 { x } else { 1.6732632423543772 * x.exp_m1() },
            [0.0]
        );
        $check!(Softplus, |x: f64| x.exp().ln_1p(), []);
        $check!(LogSigmoid, |x: f64| -(-x).exp().ln_1p(), []);
        $check!(Gelu, |x: f64| x * normal_cdf(x), []);
        $check!(
            GeluTanh,
            |x: f64| 0.5
                * x
                * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh()),
            []
        );
        $check!(Silu, |x: f64| x / (1.0 + (-x).exp()), []);
        $check!(Mish, |x: f64| x * x.exp().ln_1p().tanh(), []);
        $check!(Sigmoid, |x: f64| 1.0 / (1.0 + (-x).exp()), []);
        $check!(Tanh, |x: f64| x.tanh(), []);
        $check!(Softsign, |x: f64| x / (1.0 + x.abs()), [0.0]);
        $check!(HardSigmoid, |x: f64| (x / 6.0 + 0.5).clamp(0.0, 1.0), [-3.0, 3.0]);
        $check!(HardTanh, |x: f64| x.clamp(-1.0, 1.0), [-1.0, 1.0]);
        $check!(HardSwish, |x: f64| x * (x + 3.0).clamp(0.0, 6.0) / 6.0, [-3.0, 3.0]);
    };
}

/// `Φ` by Simpson's rule, independent of the kernels' error function.
fn normal_cdf(x: f64) -> f64 {
    let (n, density) = (2000, |t: f64| (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt());
    let h = x / f64::from(n);
    let inner: f64 = (1..n).map(|i| density(h * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    0.5 + h / 3.0 * (density(0.0) + inner + density(x))
}

#[test]
fn values_follow_the_formulas_in_both_types() {
    let x: Vec<f64> = (-900..=900).map(|i| f64::from(i) / 100.0).collect();
    let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let (mut y, mut y32) = (vec![0.0; x.len()], vec![0.0f32; x.len()]);
    macro_rules! check {
        ($f:expr, $formula:expr, $kinks:expr) => {
            forward(&x, &mut y, $f);
            forward(&single, &mut y32, $f);
            for i in 0..x.len() {
                let want = ($formula)(x[i]);
                assert!((y[i] - want).abs() < 1e-12, "{}({}) = {} not {want}", stringify!($f), x[i], y[i]);
                let want = ($formula)(f64::from(single[i]));
                let error = (f64::from(y32[i]) - want).abs();
                assert!(
                    error < 5e-7 * (1.0 + want.abs()),
                    "{}({}) = {} not {want}",
                    stringify!($f),
                    x[i],
                    y32[i]
                );
            }
            let mut in_place = single.clone();
            forward_in_place(&mut in_place, $f);
            assert_eq!(in_place, y32);
        };
    }
    every!(check);
}

#[test]
fn derivatives_equal_finite_differences_away_from_kinks() {
    let x: Vec<f64> = (-900..=900).map(|i| f64::from(i) / 100.0).collect();
    let dy: Vec<f64> = x.iter().map(|x| 2.0 + x.sin()).collect();
    let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let ones = vec![1.0f32; x.len()];
    let (mut dx, mut dx32) = (vec![0.0; x.len()], vec![0.0f32; x.len()]);
    macro_rules! check {
        ($f:expr, $formula:expr, $kinks:expr) => {
            backward(&x, &dy, &mut dx, $f);
            backward(&single, &ones, &mut dx32, $f);
            let kinks: &[f64] = &$kinks;
            for i in 0..x.len() {
                if kinks.iter().any(|k| (x[i] - k).abs() < 1e-3) {
                    continue;
                }
                let want = (($formula)(x[i] + 1e-5) - ($formula)(x[i] - 1e-5)) / 2e-5;
                assert!(
                    (dx[i] / dy[i] - want).abs() < 1e-8,
                    "{}'({}) = {}",
                    stringify!($f),
                    x[i],
                    dx[i] / dy[i]
                );
                assert!((f64::from(dx32[i]) - want).abs() < 2e-6, "f32 {}'({})", stringify!($f), x[i]);
            }
            let mut in_place = dy.clone();
            backward_in_place(&x, &mut in_place, $f);
            assert_eq!(in_place, dx);
        };
    }
    every!(check);
}

#[test]
fn ends_of_the_range_are_limits_and_nan_stays_nan() {
    macro_rules! check {
        ($f:expr, $formula:expr, $kinks:expr) => {
            let mut y = [1e4f32, 3e38, f32::NAN];
            forward_in_place(&mut y, $f);
            assert!(!y[0].is_nan() && !y[1].is_nan() && y[2].is_nan(), "{}: {y:?}", stringify!($f));
            let mut d = [1.0f32; 2];
            backward_in_place(&[-1e4, 1e4], &mut d, $f);
            assert!(d.iter().all(|d| d.is_finite()), "{}': {d:?}", stringify!($f));
        };
    }
    every!(check);
    let mut y = [-1e4f32];
    forward_in_place(&mut y, Gelu);
    assert_eq!(y[0], 0.0);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let x: Vec<f32> = (0..300 * 130).map(|i| (i as f32 * 0.37).sin() * 4.0).collect();
    same_on_any_threads(|| {
        let (mut y, mut d) = (x.clone(), x.clone());
        forward_in_place(&mut y, GeluTanh);
        backward_in_place(&x, &mut d, GeluTanh);
        [y, d].concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    });
}
