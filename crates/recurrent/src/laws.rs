//! What holds of every recurrent layer, whatever its weights.

use crate::{
    Cell, Gru, GruCell, LanguageModel, LanguageModelConfig, Lstm, LstmCell, LstmState, Nonlinearity, Order,
    Reset, Rnn, RnnCell, StackConfig, State, VariationalDropout, unroll,
};
use autograd::{Gen, Var};
use nn::{Mode, Module, SampledSoftmax};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tensor::Tensor;

fn close(a: &Var<f64>, b: &Var<f64>) -> bool {
    a.shape() == b.shape() && a.value().max_abs_diff(b.value()) < 1e-12
}

fn config(draw: &mut Gen) -> StackConfig {
    StackConfig {
        layers: 1 + draw.below(2),
        bidirectional: draw.flip(),
        ..StackConfig::new(3, 2 + draw.below(3))
    }
}

/// The kernel and the loop over the cell's own operations.
fn fused_equals_unrolled<C: Cell<f64>>(draw: &mut Gen, cell: &C) {
    let (time, batch) = (draw.below(5), 1 + draw.below(12));
    let mut lengths: Vec<usize> = (0..batch).map(|_| draw.below(time + 1)).collect();
    lengths.sort_by(|a, b| b.cmp(a));
    let order = Order::ragged(time, &lengths);
    let order = if draw.flip() { order.reversed() } else { order };
    let x = Var::constant(draw.normal(&[time, batch, cell.input()]));
    let state = cell.start(batch).map(|part| Var::constant(draw.normal(part.shape())));
    let (y, last) = cell.sequence(&x, &state, &order);
    let (plain_y, plain_last) = unroll(cell, &x, &state, &order);
    assert!(close(&y, &plain_y));
    let _ = last.zip(&plain_last, |a, b| {
        assert!(close(a, b));
        a.clone()
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn kernels_equal_their_cells(seed in any::<u64>()) {
        let draw = &mut Gen::new(seed);
        let (input, hidden) = (1 + draw.below(5), [1, 3, 64, 70][draw.below(4)]);
        let f = if draw.flip() { Nonlinearity::Tanh } else { Nonlinearity::Relu };
        let bias = draw.flip();
        let rnn = RnnCell::new(input, hidden, f, bias, draw.rng()).unwrap();
        let lstm = LstmCell::new(input, hidden, bias, draw.rng()).unwrap();
        let gru = GruCell::new(input, hidden, Reset::After, bias, draw.rng()).unwrap();
        fused_equals_unrolled(draw, &rnn);
        fused_equals_unrolled(draw, &lstm);
        fused_equals_unrolled(draw, &gru);
    }

    #[test]
    fn padding_changes_nothing_and_rows_are_independent(seed in any::<u64>()) {
        let draw = &mut Gen::new(seed);
        let stack = Lstm::<f64>::new(config(draw), draw.rng()).unwrap();
        let (batch, time) = (2 + draw.below(3), 2 + draw.below(4));
        let lengths: Vec<usize> = (0..batch).map(|_| draw.below(time + 1)).collect();
        let x = draw.normal(&[batch, time, 3]);
        let whole = stack.forward(&x.clone().into(), None, Some(&lengths), &mut Mode::Eval);
        for (row, &length) in lengths.iter().enumerate() {
            let alone = x.slice(0, row..row + 1).slice(1, 0..length);
            let alone = stack.forward(&alone.into(), None, None, &mut Mode::Eval);
            let y = whole.y.slice(0, row..row + 1);
            prop_assert!(close(&y.slice(1, 0..length), &alone.y));
            prop_assert_eq!(y.slice(1, length..time).value().abs().max_or_zero(), 0.0);
            for (state, alone) in whole.state.iter().zip(&alone.state) {
                prop_assert!(close(&state.h.slice(0, row..row + 1), &alone.h));
                prop_assert!(close(&state.c.slice(0, row..row + 1), &alone.c));
            }
        }
    }

    #[test]
    fn pieces_and_steps_equal_the_whole(seed in any::<u64>()) {
        let draw = &mut Gen::new(seed);
        let config = StackConfig { bidirectional: false, ..config(draw) };
        let stack = Gru::<f64>::new(config, draw.rng()).unwrap();
        let (batch, time) = (1 + draw.below(3), 2 + draw.below(5));
        let x = Var::constant(draw.normal(&[batch, time, 3]));
        let whole = stack.forward(&x, None, None, &mut Mode::Eval);
        let cut = 1 + draw.below(time - 1);
        let first = stack.forward(&x.slice(1, 0..cut), None, None, &mut Mode::Eval);
        let second = stack.forward(&x.slice(1, cut..time), Some(&first.state), None, &mut Mode::Eval);
        prop_assert!(close(&whole.y, &Var::concat(&[&first.y, &second.y], 1)));
        let mut state = stack.start(batch);
        for t in 0..time {
            let (y, next) = stack.step(&x.select(1, t), &state, &mut Mode::Eval);
            prop_assert!(close(&y, &whole.y.select(1, t)));
            state = next;
        }
    }
}

/// The largest element, 0 if there are none.
trait MaxOrZero {
    fn max_or_zero(&self) -> f64;
}

impl MaxOrZero for Tensor<f64> {
    fn max_or_zero(&self) -> f64 {
        self.to_vec().into_iter().fold(0.0, f64::max)
    }
}

#[test]
fn a_window_of_truncated_backpropagation_has_its_own_gradient() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let lstm = Lstm::<f64>::new(StackConfig::new(2, 3), &mut rng).unwrap();
    let x = Var::leaf(Tensor::ones(&[1, 4, 2]));
    let first = lstm.forward(&x.slice(1, 0..2), None, None, &mut Mode::Eval);
    let state: Vec<LstmState<f64>> = first.state.iter().map(State::detach).collect();
    let second = lstm.forward(&x.slice(1, 2..4), Some(&state), None, &mut Mode::Eval);
    let grads = lstm.backward(&second.y.sum()).unwrap();
    let dx = grads.get(&x).unwrap();
    assert_eq!(dx.slice(1, 0..2), Tensor::zeros(&[1, 2, 2]));
    assert!(dx.slice(1, 2..4).abs().min().item() > 0.0);
}

#[test]
fn dropout_between_layers_is_locked_on_request() {
    let units = 16;
    for locked in [true, false] {
        let config = StackConfig { layers: 2, dropout: 0.5, locked, ..StackConfig::new(2, units) };
        let mut rnn = Rnn::<f64>::new(config, &mut ChaCha8Rng::seed_from_u64(4)).unwrap();
        // Of each layer the first weight reads what lies below. The first gives the same at all steps, since nothing of the
        // step before goes on; the second lets through what it gets, unit for unit.
        for (path, param) in rnn.parameters_mut() {
            let value = match (path.contains("weight_hh"), param.shape()) {
                (false, [rows, columns]) if rows == columns => Tensor::eye(units),
                (false, [_, _]) => Tensor::full(param.shape(), 0.5),
                _ => Tensor::zeros(param.shape()),
            };
            param.set(value);
        }
        let x = Var::constant(Tensor::ones(&[2, 30, 2]));
        let train = |seed| {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            rnn.forward(&x, None, None, &mut Mode::Train(rng)).y.value().clone()
        };
        let y = train(1); // (batch, time, units)
        assert!(y == train(1) && y != train(2));
        let is_constant = |t: usize| y.select(1, t) == y.select(1, 0);
        assert_eq!((1..30).all(is_constant), locked);
        let dropped = y.select(1, 0).to_vec().into_iter().filter(|value| *value == 0.0).count();
        assert!((1..2 * units).contains(&dropped), "{dropped} of {} dropped", 2 * units);
    }
}

/// Each layer and direction draws one mask for all steps, and none outside of training.
#[test]
fn recurrent_dropout_is_the_variational_one() {
    let draw = &mut Gen::new(7);
    let config =
        StackConfig { layers: 2, bidirectional: true, recurrent_dropout: 0.5, ..StackConfig::new(3, 8) };
    let lstm = Lstm::<f64>::new(config, draw.rng()).unwrap();
    let (batch, time, lengths) = (2, 5, [5, 3]);
    let x = Var::constant(draw.normal(&[batch, time, 3]));
    let rng = ChaCha8Rng::seed_from_u64(2);
    let found = lstm.forward(&x, None, Some(&lengths), &mut Mode::Train(&mut rng.clone())).y;
    let (dropout, order) = (VariationalDropout::new(0.0, 0.5).unwrap(), Order::ragged(time, &lengths));
    let (mut y, mut rng) = (x.transpose(0, 1), rng);
    for cells in lstm.cells().chunks(2) {
        let mut way = |cell: &LstmCell<f64>, order: &Order| {
            let cell = dropout.over(cell, batch, &mut Mode::Train(&mut rng));
            unroll(&cell, &y, &cell.start(batch), order).0
        };
        let both = [way(&cells[0], &order), way(&cells[1], &order.clone().reversed())];
        y = Var::concat(&both.iter().collect::<Vec<_>>(), -1);
    }
    assert!(close(&found, &y.transpose(0, 1)));
    let plain =
        Lstm::<f64>::new(StackConfig { recurrent_dropout: 0.0, ..config }, &mut ChaCha8Rng::seed_from_u64(1));
    let mut plain = plain.unwrap();
    for ((_, to), (_, from)) in plain.parameters_mut().into_iter().zip(lstm.parameters()) {
        to.set(from.value().clone());
    }
    let eval = |lstm: &Lstm<f64>| lstm.forward(&x, None, Some(&lengths), &mut Mode::Eval).y;
    assert!(close(&eval(&lstm), &eval(&plain)) && !close(&eval(&lstm), &found));
    let bad = StackConfig { recurrent_dropout: 1.0, ..config };
    let error = Lstm::<f64>::new(bad, draw.rng()).unwrap_err().to_string();
    assert_eq!(error, "recurrent stack: `recurrent_dropout` is 1, expected a number in [0, 1)");
}

#[test]
fn a_step_does_not_unlock_dropout() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let two = StackConfig { layers: 2, ..StackConfig::new(2, 3) };
    for config in
        [StackConfig { dropout: 0.5, locked: true, ..two }, StackConfig { recurrent_dropout: 0.5, ..two }]
    {
        let rnn = Rnn::<f64>::new(config, &mut rng).unwrap();
        let x = Var::constant(Tensor::ones(&[1, 2]));
        let step = || rnn.step(&x, &rnn.start(1), &mut Mode::Train(&mut ChaCha8Rng::seed_from_u64(4)));
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(step)).unwrap_err();
        let message = panic.downcast_ref::<&str>().unwrap();
        assert!(message.contains("a step alone cannot lock its dropout"), "{message}");
    }
}

#[test]
fn training_has_the_same_bits_on_any_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut rng = ChaCha8Rng::seed_from_u64(5);
            let config =
                StackConfig { layers: 2, bidirectional: true, dropout: 0.2, ..StackConfig::new(40, 130) };
            let lstm = Lstm::<f32>::new(config, &mut rng).unwrap();
            let x = Var::leaf(Tensor::normal(&[20, 4, 40], 0.0, 1.0, &mut rng));
            let out = lstm.forward(&x, None, Some(&[4; 20]), &mut Mode::Train(&mut rng));
            let grads = lstm.backward(&out.y.square().sum()).unwrap();
            grads.iter().flat_map(|(_, g)| g.to_vec()).map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(4));
}

#[test]
fn long_recurrences_fit_the_stack() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let cell = RnnCell::<f32>::new(1, 1, Nonlinearity::Tanh, true, &mut rng).unwrap();
    let x = Var::constant(Tensor::ones(&[50_000, 1, 1]));
    let (y, _) = unroll(&cell, &x, &cell.start(1), &Order::forward(50_000, 1));
    assert!(cell.backward(&y.mean()).unwrap().len() == 4);
}

#[test]
#[should_panic(expected = "recurrent stack: a length of 4 in 3 steps")]
fn lengths_are_checked() {
    let gru = Gru::<f32>::new(StackConfig::new(1, 1), &mut ChaCha8Rng::seed_from_u64(7)).unwrap();
    gru.forward(&Tensor::zeros(&[1, 3, 1]).into(), None, Some(&[4]), &mut Mode::Eval);
}

/// All classes are drawn, so that nothing is left to chance but the dropout, which both losses draw alike.
#[test]
fn the_sampled_loss_of_a_whole_vocabulary_is_the_loss() {
    let draw = &mut Gen::new(3);
    let config = LanguageModelConfig { tied: true, dropout: 0.3, ..LanguageModelConfig::new(9, 4) };
    let model = LanguageModel::<f64, GruCell<f64>>::new(config, draw.rng()).unwrap();
    let (ids, target) = (draw.ids(&[2, 3], 9), draw.ids(&[2, 3], 9));
    let softmax = SampledSoftmax::new(&[1.0; 9], 9).unwrap();
    let (exact, _) =
        model.loss(&ids, &target, None, &mut Mode::Train(&mut ChaCha8Rng::seed_from_u64(1))).unwrap();
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let (sampled, _) = model.sampled_loss(&ids, &target, None, &softmax, &mut Mode::Train(rng)).unwrap();
    assert!(close(&exact, &sampled));
}
