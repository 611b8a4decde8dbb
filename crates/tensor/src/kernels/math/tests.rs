use super::*;

/// Distance of `got` from the exact `want` in units of the last place of `want` as an `f32`.
fn ulp(got: f32, want: f64) -> f64 {
    let rounded = want as f32;
    if rounded.is_nan() {
        return if got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if rounded.is_infinite() || got.is_infinite() || got.is_nan() {
        return if got == rounded { 0.0 } else { f64::INFINITY };
    }
    let exponent = (rounded.abs().max(f32::MIN_POSITIVE).to_bits() >> 23) as i32 - 127;
    (f64::from(got) - want).abs() / 2f64.powi(exponent - 23)
}

/// Every 1009th bit pattern, and the awkward ones.
fn sweep() -> Vec<f32> {
    let mut x: Vec<f32> = (0..=u32::MAX).step_by(1009).map(f32::from_bits).collect();
    for v in [
        0.0,
        1.0,
        1e-45,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
        f32::NAN,
        0.5,
        2.0,
        4.0,
        20.0,
        87.3,
        87.336_54,
        87.4,
        88.72,
        88.73,
        89.0,
        103.9,
        104.0,
        104.1,
        1e-8,
        0.346_573_6,
        0.346_573_5,
        0.707_106_77,
    ] {
        x.extend([v, -v]);
    }
    x
}

type Row = (&'static str, fn(f32) -> f32, fn(f32) -> f32, fn(f64) -> f64, f64, f64);

#[test]
fn f32_functions_stay_within_the_stated_ulp() {
    let rows: [Row; 8] = [
        ("exp", f32::vexp::<true>, f32::vexp::<false>, f64::exp, 1.5, 1.5),
        ("exp_m1", f32::vexp_m1::<true>, f32::vexp_m1::<false>, f64::exp_m1, 2.0, 2.0),
        ("ln", f32::vln::<true>, f32::vln::<false>, f64::ln, 1.0, 1.5),
        ("ln_1p", f32::vln_1p::<true>, f32::vln_1p::<false>, f64::ln_1p, 1.5, 2.0),
        ("tanh", f32::vtanh::<true>, f32::vtanh::<false>, f64::tanh, 2.5, 2.5),
        ("sigmoid", f32::vsigmoid::<true>, f32::vsigmoid::<false>, f64::vsigmoid::<false>, 3.0, 3.0),
        ("softplus", f32::vsoftplus::<true>, f32::vsoftplus::<false>, f64::vsoftplus::<false>, 2.0, 2.5),
        ("erf", f32::verf::<true>, f32::verf::<false>, f64::verf::<false>, 2.0, 2.5),
    ];
    let x = sweep();
    let mut report = String::new();
    for (name, fused, plain, exact, fused_limit, plain_limit) in rows {
        let worst = |f: fn(f32) -> f32| {
            let key = |&x: &f32| ulp(f(x), exact(f64::from(x)));
            let at = x.iter().copied().max_by(|a, b| key(a).total_cmp(&key(b))).unwrap();
            (key(&at), at)
        };
        let ((fused, fused_at), (plain, plain_at)) = (worst(fused), worst(plain));
        if fused > fused_limit || plain > plain_limit {
            report +=
                &format!("{name}: {fused:.2} ulp at {fused_at:e}; without FMA {plain:.2} at {plain_at:e}\n");
        }
    }
    assert!(report.is_empty(), "over the limit:\n{report}");
}

#[test]
fn zeros_keep_their_sign() {
    for f in [f32::vexp_m1::<true>, f32::vln_1p::<true>, f32::vtanh::<true>, f32::verf::<true>] {
        assert_eq!(f(0.0).to_bits(), 0);
        assert_eq!(f(-0.0).to_bits(), (-0.0f32).to_bits());
    }
}

#[test]
fn exp_of_nonpositive_flushes_denormals_and_agrees_elsewhere() {
    for x in sweep().into_iter().filter(|x| *x <= 0.0 || x.is_nan()) {
        let y = x.vexp_nonpositive::<true>();
        let exact = f64::from(x).exp();
        if x.is_nan() {
            assert!(y.is_nan());
        } else if exact < f64::from(f32::MIN_POSITIVE) {
            assert_eq!(y, 0.0, "{x:e}");
        } else {
            assert!(ulp(y, exact) <= 1.5, "{x:e}: {y:e} not {exact:e}");
        }
    }
    assert_eq!(f32::NEG_INFINITY.vexp_nonpositive::<true>(), 0.0);
}

#[test]
fn slice_forms_agree_with_the_scalar_forms() {
    let x: Vec<f32> = (0..20_011).map(|i| (i as f32 - 10_000.0) * 1e-3).collect();
    let mut y = vec![0.0; x.len()];
    type Slice = (fn(&[f32], &mut [f32]), fn(&mut [f32]), fn(f64) -> f64);
    let forms: [Slice; 12] = [
        (exp, exp_in_place, f64::exp),
        (exp_m1, exp_m1_in_place, f64::exp_m1),
        (ln, ln_in_place, f64::ln),
        (ln_1p, ln_1p_in_place, f64::ln_1p),
        (softplus, softplus_in_place, f64::vsoftplus::<false>),
        (tanh, tanh_in_place, f64::tanh),
        (sigmoid, sigmoid_in_place, f64::vsigmoid::<false>),
        (erf, erf_in_place, f64::verf::<false>),
        (sin, sin_in_place, f64::sin),
        (cos, cos_in_place, f64::cos),
        (sqrt, sqrt_in_place, f64::sqrt),
        (rsqrt, rsqrt_in_place, |x| 1.0 / x.sqrt()),
    ];
    for (out_of_place, in_place, exact) in forms {
        out_of_place(&x, &mut y);
        let mut z = x.clone();
        in_place(&mut z);
        for i in 0..x.len() {
            assert!(ulp(y[i], exact(f64::from(x[i]))) <= 3.0);
            assert_eq!(y[i].to_bits(), z[i].to_bits());
        }
    }
}
