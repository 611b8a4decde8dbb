//! The gradient checks of this crate.

use attention::ScoreKind;
use autograd::{Case, Gen, GradcheckError, GradcheckReport, Var};
use nn::{CrossEntropy, Mode, Module, gradcheck_module_with};

use crate::{
    BridgeKind, Cell, CoupledLstmCell, Gru, GruCell, LanguageModel, LanguageModelConfig, LayerNormLstmCell,
    Lstm, LstmCell, NewCell, Nonlinearity, Normalised, NormalisedMemory, Order, Peephole, Projected,
    ProjectedLstm, Reset, Rnn, RnnCell, Seq2Seq, Seq2SeqConfig, StackConfig, State, Teacher,
    VariationalDropout, trace, unroll,
};

/// The gradient checks of all cells, layers and models of this crate.
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("rnn (fused)", |draw| {
            let ([input, hidden], f) = (draw.dims(), nonlinearity(draw));
            let cell = RnnCell::new(input, hidden, f, draw.flip(), draw.rng()).expect("sizes");
            check_sequence(draw, cell)
        }),
        Case::new("lstm (fused)", |draw| {
            let [input, hidden] = draw.dims();
            let cell = LstmCell::new(input, hidden, draw.flip(), draw.rng()).expect("sizes");
            check_sequence(draw, cell)
        }),
        Case::new("gru (fused)", |draw| {
            let [input, hidden] = draw.dims();
            let cell = GruCell::new(input, hidden, Reset::After, draw.flip(), draw.rng()).expect("sizes");
            check_sequence(draw, cell)
        }),
        Case::new("GruCell, reset before", |draw| {
            let [input, hidden] = draw.dims();
            let cell = GruCell::new(input, hidden, Reset::Before, draw.flip(), draw.rng()).expect("sizes");
            check_sequence(draw, cell)
        }),
        Case::new("RnnCell, LstmCell, GruCell, step by step", |draw| {
            let [input, hidden] = draw.dims();
            let f = nonlinearity(draw);
            let rnn = RnnCell::new(input, hidden, f, true, draw.rng()).expect("sizes");
            let lstm = LstmCell::new(input, hidden, true, draw.rng()).expect("sizes");
            let gru = GruCell::new(input, hidden, Reset::After, true, draw.rng()).expect("sizes");
            let report = check_cell(draw, rnn)?.merge(check_cell(draw, lstm)?);
            Ok(report.merge(check_cell(draw, gru)?))
        }),
        Case::new("Peephole", |draw| {
            let [input, hidden] = draw.dims();
            let cell = LstmCell::new(input, hidden, true, draw.rng()).expect("sizes");
            let cell = Peephole::new(cell, draw.rng());
            check_cell(draw, cell)
        }),
        Case::new("Peephole over CoupledLstmCell", |draw| {
            let [input, hidden] = draw.dims();
            let cell = CoupledLstmCell::new(input, hidden, true, draw.rng()).expect("sizes");
            let cell = Peephole::new(cell, draw.rng());
            check_cell(draw, cell)
        }),
        Case::new("Projected", |draw| {
            let [input, hidden, projected] = draw.dims();
            let cell = Projected::lstm(input, hidden, projected, true, draw.rng()).expect("sizes");
            check_cell(draw, cell)
        }),
        Case::new("Normalised", |draw| {
            let [input, _] = draw.dims();
            let lstm = LstmCell::new(input, 6, true, draw.rng()).expect("sizes");
            let lstm: LayerNormLstmCell<f64> = Normalised::new(NormalisedMemory::new(lstm));
            let gru = GruCell::new(input, 6, Reset::After, true, draw.rng()).expect("sizes");
            Ok(check_cell(draw, lstm)?.merge(check_cell(draw, Normalised::new(gru))?))
        }),
        Case::new("VariationalDropout", |draw| {
            let [input, hidden, time] = draw.dims();
            let batch = 2;
            let cell = LstmCell::<f64>::new(input, hidden, true, draw.rng()).expect("sizes");
            let dropout = VariationalDropout::new(0.3, 0.4).expect("rates");
            let (x, rng) = (draw.normal(&[time, batch, input]), draw.rng().clone());
            gradcheck_module_with(&cell, &[x], |cell, v| {
                let cell = dropout.over(cell, batch, &mut Mode::Train(&mut rng.clone()));
                let (y, last) = unroll(&cell, &v[0], &cell.start(batch), &Order::forward(time, batch));
                y + last.c
            })
        }),
        Case::new("Rnn", |draw| {
            let (config, f) = (config(draw), nonlinearity(draw));
            let stack = Rnn::<f64>::with_nonlinearity(config, f, draw.rng()).expect("sizes");
            check_stack(draw, stack)
        }),
        Case::new("Lstm", |draw| {
            let stack = Lstm::<f64>::new(config(draw), draw.rng()).expect("sizes");
            check_stack(draw, stack)
        }),
        Case::new("Gru", |draw| {
            let stack = Gru::<f64>::new(config(draw), draw.rng()).expect("sizes");
            check_stack(draw, stack)
        }),
        Case::new("ProjectedLstm", |draw| {
            let config = StackConfig { hidden: 2, ..config(draw) };
            let stack = ProjectedLstm::<f64>::projected(config, 3, draw.rng()).expect("sizes");
            check_stack(draw, stack)
        }),
        Case::new("trace", |draw| {
            let [input, hidden, time] = draw.dims();
            let cell = LstmCell::<f64>::new(input, hidden, true, draw.rng()).expect("sizes");
            let x = draw.normal(&[time, 2, input]);
            gradcheck_module_with(&cell, &[x], |cell, v| {
                trace(cell, &v[0], &cell.start(2), &Order::forward(time, 2)).y
            })
        }),
        Case::new("LanguageModel", |draw| {
            let [batch, time] = draw.dims();
            let (tied, layers) = (draw.flip(), 1 + draw.below(2));
            let [dropout, recurrent_dropout] = [0.3, 0.4].map(|p| if draw.flip() { p } else { 0.0 });
            let config = LanguageModelConfig {
                tied,
                layers,
                dropout,
                recurrent_dropout,
                ..LanguageModelConfig::new(5, 3)
            };
            let mut model = LanguageModel::<f64, GruCell<f64>>::new(config, draw.rng()).expect("sizes");
            randomise(&mut model, draw);
            let (ids, target) = (draw.ids(&[batch, time], 5), draw.ids(&[batch, time], 5));
            let rng = draw.rng().clone();
            gradcheck_module_with(&model, &[], |model, _| {
                let mode = &mut Mode::Train(&mut rng.clone());
                model.loss(&ids, &target, None, mode).expect("ids below vocab").0
            })
        }),
        Case::new("Seq2Seq, LSTM", check_seq2seq::<LstmCell<f64>>),
        Case::new("Seq2Seq, GRU", check_seq2seq::<GruCell<f64>>),
        Case::new("Seq2Seq, RNN", check_seq2seq::<RnnCell<f64>>),
    ]
}

fn nonlinearity(draw: &mut Gen) -> Nonlinearity {
    if draw.flip() { Nonlinearity::Tanh } else { Nonlinearity::Relu }
}

fn config(draw: &mut Gen) -> StackConfig {
    let [input, hidden] = [2 + draw.below(2), 2 + draw.below(2)];
    let dropout = if draw.flip() { 0.3 } else { 0.0 };
    StackConfig {
        layers: 1 + draw.below(2),
        bidirectional: draw.flip(),
        bias: draw.flip(),
        dropout,
        locked: draw.flip(),
        recurrent_dropout: if draw.flip() { 0.4 } else { 0.0 },
        ..StackConfig::new(input, hidden)
    }
}

/// Makes every parameter larger and different: no gain of one or small bias hides a mistake.
fn randomise(model: &mut dyn Module<f64>, draw: &mut Gen) {
    for (_, param) in model.parameters_mut() {
        let noise = &draw.normal(param.shape()) * 0.4;
        param.set(param.value() + &noise);
    }
}

/// Lengths that fall, the first of them `time`.
fn lengths(draw: &mut Gen, batch: usize, time: usize) -> Vec<usize> {
    let mut lengths: Vec<usize> = (0..batch).map(|_| draw.below(time + 1)).collect();
    lengths.sort_by(|a, b| b.cmp(a));
    lengths[0] = time;
    lengths
}

/// A cell's own way over a ragged sequence, in either direction, all outputs and the last state.
fn check_sequence<C: Cell<f64> + Module<f64> + Clone>(
    draw: &mut Gen,
    mut cell: C,
) -> Result<GradcheckReport, GradcheckError> {
    randomise(&mut cell, draw);
    let [batch, time] = [1 + draw.below(3), 1 + draw.below(4)];
    let order = Order::ragged(time, &lengths(draw, batch, time));
    let order = if draw.flip() { order.reversed() } else { order };
    check(draw, &cell, time, batch, |cell, x, state| cell.sequence(x, state, &order))
}

/// The steps of a cell, unrolled.
fn check_cell<C: Cell<f64> + Module<f64> + Clone>(
    draw: &mut Gen,
    mut cell: C,
) -> Result<GradcheckReport, GradcheckError> {
    randomise(&mut cell, draw);
    let [batch, time] = [1 + draw.below(3), 1 + draw.below(3)];
    let order = Order::ragged(time, &lengths(draw, batch, time));
    check(draw, &cell, time, batch, |cell, x, state| unroll(cell, x, state, &order))
}

fn check<C: Cell<f64> + Module<f64> + Clone>(
    draw: &mut Gen,
    cell: &C,
    time: usize,
    batch: usize,
    run: impl Fn(&C, &Var<f64>, &C::State) -> (Var<f64>, C::State),
) -> Result<GradcheckReport, GradcheckError> {
    let mut inputs = vec![draw.normal(&[time, batch, cell.input()])];
    let _ = cell.start(batch).map(|part| {
        inputs.push(draw.normal(part.shape()));
        part.clone()
    });
    gradcheck_module_with(cell, &inputs, |cell, v| {
        let mut parts = v[1..].iter();
        let state = cell.start(batch).map(|_| parts.next().expect("an input for each").clone());
        let (y, last) = run(cell, &v[0], &state);
        let mut all = vec![y.flatten(0, -1)];
        let _ = last.map(|part| {
            all.push(part.flatten(0, -1));
            part.clone()
        });
        Var::concat(&all.iter().collect::<Vec<_>>(), 0)
    })
}

/// Layers, directions and lengths in any order.
fn check_stack<C: Cell<f64> + Module<f64> + Clone>(
    draw: &mut Gen,
    mut stack: crate::Stack<C>,
) -> Result<GradcheckReport, GradcheckError> {
    randomise(&mut stack, draw);
    let [batch, time] = [2 + draw.below(2), 1 + draw.below(3)];
    let mut lengths: Vec<usize> = (0..batch).map(|_| draw.below(time + 1)).collect();
    lengths[batch - 1] = time;
    let lengths = draw.flip().then_some(lengths);
    let (x, rng) = (draw.normal(&[batch, time, stack.config().input]), draw.rng().clone());
    gradcheck_module_with(&stack, &[x], |stack, v| {
        let out = stack.forward(&v[0], None, lengths.as_deref(), &mut Mode::Train(&mut rng.clone()));
        let mut all = vec![out.y.flatten(0, -1)];
        for state in &out.state {
            let _ = state.map(|part| {
                all.push(part.flatten(0, -1));
                part.clone()
            });
        }
        Var::concat(&all.iter().collect::<Vec<_>>(), 0)
    })
}

/// A whole model with any score, bridge and way of feeding.
fn check_seq2seq<C: Cell<f64> + NewCell<f64> + Module<f64> + Clone>(
    draw: &mut Gen,
) -> Result<GradcheckReport, GradcheckError> {
    let kinds = [ScoreKind::Additive, ScoreKind::Dot, ScoreKind::General, ScoreKind::Concat];
    let attention = (draw.below(5) > 0).then(|| kinds[draw.below(4)]);
    let bridges = [BridgeKind::Copy, BridgeKind::Dense, BridgeKind::Mean];
    let config = Seq2SeqConfig {
        attention,
        attentional: attention.is_some() && draw.flip(),
        input_feeding: draw.flip(),
        bridge: bridges[draw.below(if attention.is_some() { 3 } else { 2 })],
        attention_hidden: 3,
        layers: 1 + draw.below(2),
        dropout: if draw.flip() { 0.2 } else { 0.0 },
        ..Seq2SeqConfig::new(5, 4, 3, 4)
    };
    let mut model = Seq2Seq::<f64, C>::new(&config, draw.rng()).expect("sizes");
    randomise(&mut model, draw);
    let [batch, src_time, time] = [2, 1 + draw.below(3), 1 + draw.below(3)];
    let (source, target) = (draw.ids(&[batch, src_time], 5), draw.ids(&[batch, time], 4));
    let (next, lengths) = (draw.ids(&[batch, time], 4), vec![src_time, 1 + draw.below(src_time)]);
    let options = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
    let rng = draw.rng().clone();
    gradcheck_module_with(&model, &[], |model, _| {
        let mode = &mut Mode::Train(&mut rng.clone());
        model.loss(&source, &lengths, &target, &next, &options, Teacher::Forcing, mode).expect("ids")
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_gradient_matches_finite_differences() {
        for case in super::cases() {
            if let Err((seed, error)) = case.run(0, 12) {
                panic!("{} (seed {seed}): {error}", case.name);
            }
        }
    }
}
