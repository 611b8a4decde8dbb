use super::super::par::tests::same_on_any_threads;
use super::*;
use proptest::prelude::*;

const LENGTH: usize = 37;

fn wave(step: f64) -> Vec<f64> {
    (0..LENGTH).map(|i| ((i as f64 + 1.0) * step).sin()).collect()
}

fn gradient(t: usize) -> Vec<f64> {
    wave(0.3 + t as f64)
}

fn close(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
}

proptest! {
    #[test]
    fn sgd_follows_the_published_loop(momentum in prop_oneof![Just(0.0), Just(0.9)], nesterov: bool, decay in 0.0f64..0.2) {
        let (lr, scale) = (0.1, 0.5);
        let (mut p, mut buffer) = (wave(0.7), vec![0.0; LENGTH]);
        let (mut q, mut state) = (p.clone(), vec![0.0; LENGTH]);
        for t in 1..5 {
            let g = gradient(t);
            let dampening = if t == 1 || nesterov { 0.0 } else { 0.1 };
            let sgd = Sgd { lr, momentum, dampening, weight_decay: decay, nesterov, gradient_scale: scale };
            sgd.update(&mut p, &g, Some(&mut buffer));
            for i in 0..LENGTH {
                let mut g = scale * g[i] + decay * q[i];
                if momentum != 0.0 {
                    state[i] = momentum * state[i] + (1.0 - dampening) * g;
                    g = if nesterov { g + momentum * state[i] } else { state[i] };
                }
                q[i] -= lr * g;
            }
            prop_assert!(close(&p, &q));
        }
    }

    #[test]
    fn adam_follows_the_published_loop(decoupled: bool, decay in 0.0f64..0.2) {
        let (lr, b1, b2, eps, scale) = (0.01, 0.9, 0.999, 1e-8, 0.5);
        let (mut p, mut m, mut v) = (wave(0.7), vec![0.0; LENGTH], vec![0.0; LENGTH]);
        let (mut q, mut m2, mut v2) = (p.clone(), m.clone(), v.clone());
        for t in 1..6 {
            let g = gradient(t);
            Adam {
                lr, beta1: b1, beta2: b2, eps, weight_decay: decay, decoupled, step: t as u64, gradient_scale: scale,
            }
            .update(&mut p, &g, &mut m, &mut v);
            for i in 0..LENGTH {
                let mut g = scale * g[i];
                if decoupled {
                    q[i] *= 1.0 - lr * decay;
                } else {
                    g += decay * q[i];
                }
                m2[i] = b1 * m2[i] + (1.0 - b1) * g;
                v2[i] = b2 * v2[i] + (1.0 - b2) * g * g;
                let (m_hat, v_hat) = (m2[i] / (1.0 - b1.powi(t as i32)), v2[i] / (1.0 - b2.powi(t as i32)));
                q[i] -= lr * m_hat / (v_hat.sqrt() + eps);
            }
            prop_assert!(close(&p, &q) && close(&m, &m2) && close(&v, &v2));
        }
    }

    #[test]
    fn adagrad_and_lion_follow_the_published_loops(decay in 0.0f64..0.2) {
        let (lr, scale) = (0.05, 2.0);
        let (mut p, mut sum) = (wave(0.7), vec![0.0; LENGTH]);
        let (mut q, mut sum2) = (p.clone(), sum.clone());
        let (mut l, mut m) = (wave(0.7), vec![0.0; LENGTH]);
        let (mut l2, mut m2) = (l.clone(), m.clone());
        for t in 1..5 {
            let g = gradient(t);
            AdaGrad { lr, eps: 1e-10, weight_decay: decay, gradient_scale: scale }.update(&mut p, &g, &mut sum);
            Lion { lr, beta1: 0.9, beta2: 0.99, weight_decay: decay, gradient_scale: scale }.update(&mut l, &g, &mut m);
            for i in 0..LENGTH {
                let g = scale * g[i];
                let decayed = g + decay * q[i];
                sum2[i] += decayed * decayed;
                q[i] -= lr * decayed / (sum2[i].sqrt() + 1e-10);
                let direction: f64 = 0.9 * m2[i] + 0.1 * g;
                l2[i] = l2[i] * (1.0 - lr * decay) - lr * direction.signum();
                m2[i] = 0.99 * m2[i] + 0.01 * g;
            }
            prop_assert!(close(&p, &q) && close(&l, &l2) && close(&m, &m2));
        }
    }

    #[test]
    fn rmsprop_follows_the_published_loop(centred: bool, momentum in prop_oneof![Just(0.0), Just(0.9)]) {
        let (lr, alpha, eps, decay) = (0.01, 0.99, 1e-8, 0.1);
        let zero = vec![0.0; LENGTH];
        let (mut p, mut v, mut a, mut b) = (wave(0.7), zero.clone(), zero.clone(), zero.clone());
        let (mut q, mut v2, mut a2, mut b2) = (p.clone(), zero.clone(), zero.clone(), zero);
        for t in 1..5 {
            let g = gradient(t);
            RmsProp { lr, alpha, eps, weight_decay: decay, momentum, gradient_scale: 1.0 }.update(
                &mut p, &g, &mut v, centred.then_some(&mut a[..]), (momentum != 0.0).then_some(&mut b[..]),
            );
            for i in 0..LENGTH {
                let g = g[i] + decay * q[i];
                v2[i] = alpha * v2[i] + (1.0 - alpha) * g * g;
                a2[i] = alpha * a2[i] + (1.0 - alpha) * g;
                let root = if centred { (v2[i] - a2[i] * a2[i]).sqrt() } else { v2[i].sqrt() };
                b2[i] = momentum * b2[i] + g / (root + eps);
                q[i] -= lr * b2[i];
            }
            prop_assert!(close(&p, &q) && close(&v, &v2));
        }
    }
}

#[test]
fn a_nan_gradient_reaches_the_parameter() {
    let lion = Lion { lr: 0.1f32, beta1: 0.9, beta2: 0.99, weight_decay: 0.0, gradient_scale: 1.0 };
    let mut p = [1.0];
    lion.update(&mut p, &[f32::NAN], &mut [0.0]);
    assert!(p[0].is_nan());
}

#[test]
#[should_panic(expected = "momentum without a buffer")]
fn momentum_needs_a_buffer() {
    let sgd = Sgd {
        lr: 0.1f32,
        momentum: 0.9,
        dampening: 0.0,
        weight_decay: 0.0,
        nesterov: false,
        gradient_scale: 1.0,
    };
    sgd.update(&mut [1.0], &[1.0], None);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let start: Vec<f32> = (0..100_003).map(|i| (i as f32 * 0.37).sin()).collect();
    same_on_any_threads(|| {
        let (mut p, mut m, mut v) = (start.clone(), vec![0.0; start.len()], vec![0.0; start.len()]);
        let adam = Adam {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            decoupled: true,
            step: 3,
            gradient_scale: 0.7,
        };
        adam.update(&mut p, &start, &mut m, &mut v);
        p.iter().map(|p| p.to_bits()).collect::<Vec<_>>()
    });
}
