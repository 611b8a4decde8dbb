use super::*;
use crate::kernels::par::tests::same_on_any_threads;

fn values(len: usize, step: f64) -> Vec<f64> {
    (0..len).map(|i| ((i as f64 + 0.5) * step).sin() * 0.4).collect()
}

/// An LSTM's steps written out.
fn plain_lstm(shape: &Sequence<'_>, w: &[f64], bias: &[f64], sums: &[f64], h: &mut [f64], c: &mut [f64]) {
    let (batch, hidden) = (shape.batch, shape.hidden);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for t in shape.steps() {
        for row in 0..batch {
            let at = |place: usize, unit: usize| (place * batch + row) * hidden + unit;
            for unit in 0..hidden {
                let (before, after) = (at(shape.before(t), unit), at(shape.after(t), unit));
                if row >= shape.active[t] {
                    (h[after], c[after]) = (h[before], c[before]);
                    continue;
                }
                let gate = |gate: usize| {
                    let r = gate * hidden + unit;
                    let product: f64 =
                        (0..hidden).map(|k| w[r * hidden + k] * h[at(shape.before(t), k)]).sum();
                    sums[(t * batch + row) * 4 * hidden + r] + bias[r] + product
                };
                c[after] = sigmoid(gate(1)) * c[before] + sigmoid(gate(0)) * gate(2).tanh();
                h[after] = sigmoid(gate(3)) * c[after].tanh();
            }
        }
    }
}

#[test]
fn equals_steps_written_out() {
    for (batch, hidden) in [(3, 5), (11, 70), (9, 64)] {
        for reverse in [false, true] {
            let active = [batch, batch - 1, 2, 0];
            let shape = Sequence { batch, hidden, active: &active, reverse };
            let w = values(4 * hidden * hidden, 0.37);
            let bias = values(4 * hidden, 0.91);
            let sums = values(4 * batch * 4 * hidden, 0.11);
            let mut h = values(5 * batch * hidden, 0.53);
            let mut c = values(5 * batch * hidden, 0.29);
            let (mut plain_h, mut plain_c) = (h.clone(), c.clone());
            forward(LstmGates, &shape, &w, Some(&bias), &sums, &mut h, &mut c, &mut []);
            plain_lstm(&shape, &w, &bias, &sums, &mut plain_h, &mut plain_c);
            let pairs = h.iter().chain(&c).zip(plain_h.iter().chain(&plain_c));
            assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-12), "{batch} {hidden} {reverse}");
        }
    }
}

#[test]
fn same_bits_on_any_number_of_threads() {
    let (batch, hidden, time) = (17, 130, 3);
    let active = [batch, batch, 9];
    let single = |len: usize, step: f64| values(len, step).iter().map(|x| *x as f32).collect::<Vec<f32>>();
    let w = single(3 * hidden * hidden, 0.37);
    let sums = single(time * batch * 3 * hidden, 0.11);
    let dy = single(time * batch * hidden, 0.7);
    same_on_any_threads(|| {
        let shape = Sequence { batch, hidden, active: &active, reverse: false };
        let mut h = vec![0.1_f32; (time + 1) * batch * hidden];
        let mut saved = vec![0.0; time * batch * 4 * hidden];
        forward(GruGates, &shape, &w, None, &sums, &mut h, &mut [], &mut saved);
        let history = History { h: &h, c: &[], saved: &saved };
        let mut dh = vec![0.3; batch * hidden];
        let (mut input, mut recurrent) = (vec![0.0; sums.len()], vec![0.0; sums.len()]);
        backward(GruGates, &shape, &w, history, &dy, &mut dh, &mut [], &mut input, &mut recurrent);
        [h, dh, input, recurrent].concat().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    });
}

#[test]
#[should_panic(expected = "recurrent: active rows [1, 2] of 2")]
fn rows_do_not_come_back() {
    let shape = Sequence { batch: 2, hidden: 1, active: &[1, 2], reverse: false };
    forward(RnnGates::Tanh, &shape, &[1.0], None, &[0.0; 4], &mut [0.0; 6], &mut [], &mut []);
}
