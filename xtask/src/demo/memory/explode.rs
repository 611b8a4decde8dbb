//! Vanishing and exploding by numbers: a recurrence that multiplies by the same number at every step.

use autograd::{Var, no_grad};
use nn::optim::{Optim, Optimizer, Sgd};
use nn::{Linear, Mode, Module as _};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use recurrent::{Cell as _, Nonlinearity, Order, Rnn, RnnCell, StackConfig, trace};
use tensor::Tensor;

use super::tasks::Task;
use crate::Failure;
use crate::report::Report;

const HIDDEN: usize = 16;
const TIME: usize = 60;

/// `weight_hh` = factor · identity, so each step back multiplies the gradient by the factor.
fn diagonal(factor: f32) -> Tensor {
    let mut values = vec![0.0; HIDDEN * HIDDEN];
    (0..HIDDEN).for_each(|i| values[i * (HIDDEN + 1)] = factor);
    Tensor::from_vec(values, &[HIDDEN, HIDDEN])
}

pub(super) fn run(seed: u64, report: &mut Report) -> Result<(), Failure> {
    report.line(&format!(
        "\na recurrence h' = relu(x + w·h): the gradient {TIME} steps back is w^{TIME} of that at the end\n\n\
         {:>5} {:>12} {:>14}",
        "w",
        format!("w^{TIME}"),
        "measured"
    ));
    for factor in [0.8, 0.9, 1.0, 1.1, 1.2_f32] {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut cell = RnnCell::<f32>::new(1, HIDDEN, Nonlinearity::Relu, false, rng)?;
        for (path, param) in cell.parameters_mut() {
            let ones = Tensor::ones(&[HIDDEN, 1]);
            param.set(if path == "weight_hh" { diagonal(factor) } else { ones });
        }
        let x = Var::constant(Tensor::ones(&[TIME + 1, 1, 1])); // (time, batch, input)
        let trace = trace(&cell, &x, &cell.start(1), &Order::forward(TIME + 1, 1));
        let grads = trace.y.select(0, TIME).sum().backward()?;
        let norms = trace.gradient_norms(&grads);
        report.line(&format!(
            "{factor:>5} {:>12.2e} {:>14.2e}",
            f64::from(factor).powi(TIME as i32),
            norms[0] / norms[TIME]
        ));
    }
    report.line(&format!(
        "\nthe adding problem over {TIME} steps with w = 1.1, plain SGD; a guess of 1 has an error of 0.167\n\n\
         {:<20} {:>16} {:>13} {:>16}",
        "", "largest gradient", "error before", "after 200 steps"
    ));
    for (name, limit) in [("no clipping", f64::INFINITY), ("clipped to norm 1", 1.0)] {
        let (largest, before, after) = descend(limit, seed)?;
        let after = if after.is_finite() { format!("{after:.3}") } else { "not a number".to_owned() };
        report.line(&format!("{name:<20} {largest:>16.2e} {before:>13.0} {after:>16}"));
    }
    Ok(())
}

/// 200 steps of SGD with gradients shortened to `limit`: the largest norm of one, and the error before and after.
fn descend(limit: f64, seed: u64) -> Result<(f64, f64, f64), Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let task = Task::Adding;
    let config = StackConfig::new(task.input(), HIDDEN);
    let mut rnn = Rnn::<f32>::with_nonlinearity(config, Nonlinearity::Relu, rng)?;
    for (path, param) in rnn.parameters_mut() {
        if path == "weight_hh_l0" {
            param.set(diagonal(1.1));
        }
    }
    let mut model = Explosive { rnn, head: Linear::new(HIDDEN, 1, true, rng)? };
    let mut sgd = Optim::new(Sgd::default())?;
    let fresh = task.draw(500, TIME, rng);
    let error = |model: &Explosive| fresh.result(&no_grad(|| model.forward(&fresh.x)));
    let before = error(&model)?;
    let mut largest = 0.0_f64;
    for _ in 0..200 {
        let examples = task.draw(32, TIME, rng);
        let loss = examples.loss(&model.forward(&examples.x))?;
        let grads = model.backward(&loss)?;
        // A step that is refused because a number is no longer finite ends the descent.
        let Ok(norm) = sgd.step_clipped(&mut model, &grads, 0.01, limit) else {
            return Ok((f64::INFINITY, before, f64::NAN));
        };
        largest = largest.max(norm);
    }
    Ok((largest, before, error(&model)?))
}

struct Explosive<E: tensor::Element = f32> {
    rnn: Rnn<E>,
    head: Linear<E>,
}
nn::module!(Explosive<E> { rnn, head });

impl Explosive {
    fn forward(&self, x: &Var) -> Var {
        self.head.forward(&self.rnn.forward(x, None, None, &mut Mode::Eval).y)
    }
}
