//! Two tasks whose end depends on their beginning.

use autograd::Var;
use nn::CrossEntropy;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use tensor::{Ids, Tensor};

use crate::Failure;

/// Symbols to choose from in the copy problem.
const SYMBOLS: usize = 4;
/// Symbols to copy.
const COPIED: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Numbers in [0, 1), two of them marked, one in each half: say their sum at the end (Hochreiter & Schmidhuber
    /// 1997). Who always says 1 has a squared error of 1/6.
    Adding,
    /// Three symbols, then blanks, then a mark: say the symbols again from there on (Hochreiter & Schmidhuber 1997). By
    /// chance a quarter is right.
    Copying,
}

/// Sequences and what is to be said.
pub(super) struct Examples {
    /// `(batch, time, input)`
    pub(super) x: Var,
    target: Target,
}

enum Target {
    /// `(batch, 1)`, after the last step.
    Sum(Var),
    /// `(batch, copied)`, in the last steps.
    Symbols(Ids),
}

impl Task {
    pub(super) fn input(self) -> usize {
        match self {
            Self::Adding => 2,
            // The symbols, blank, mark.
            Self::Copying => SYMBOLS + 2,
        }
    }

    pub(super) fn output(self) -> usize {
        match self {
            Self::Adding => 1,
            Self::Copying => SYMBOLS,
        }
    }

    /// `batch` sequences of `time` steps.
    pub(super) fn draw(self, batch: usize, time: usize, rng: &mut ChaCha8Rng) -> Examples {
        let mut x = vec![0.0; batch * time * self.input()];
        let rows = x.chunks_mut(time * self.input());
        let target = match self {
            Self::Adding => {
                let mut sums = Vec::with_capacity(batch);
                for row in rows {
                    row.chunks_mut(2).for_each(|step| step[0] = rng.random::<f32>());
                    let marked = [rng.random_range(0..time / 2), rng.random_range(time / 2..time)];
                    marked.iter().for_each(|t| row[2 * t + 1] = 1.0);
                    sums.push(marked.iter().map(|t| row[2 * t]).sum());
                }
                Target::Sum(Var::constant(Tensor::from_vec(sums, &[batch, 1])))
            }
            Self::Copying => {
                let mut symbols = Vec::with_capacity(batch * COPIED);
                for row in rows {
                    for (t, step) in row.chunks_mut(SYMBOLS + 2).enumerate() {
                        let symbol = rng.random_range(0..SYMBOLS);
                        let one = match t {
                            t if t < COPIED => {
                                symbols.push(symbol as u32);
                                symbol
                            }
                            t if t < time - COPIED => SYMBOLS,
                            _ => SYMBOLS + 1,
                        };
                        step[one] = 1.0;
                    }
                }
                Target::Symbols(Ids::new(symbols, &[batch, COPIED]))
            }
        };
        Examples { x: Var::constant(Tensor::from_vec(x, &[batch, time, self.input()])), target }
    }
}

impl Examples {
    /// The loss of outputs `y (batch, time, output)`.
    pub(super) fn loss(&self, y: &Var) -> Result<Var, Failure> {
        let time = y.dim(1);
        Ok(match &self.target {
            Target::Sum(sum) => nn::Mse::default().forward(&y.select(1, time - 1), sum),
            Target::Symbols(symbols) => {
                CrossEntropy::default().forward(&y.slice(1, time - COPIED..time), symbols)?
            }
        })
    }

    /// What the table shows: squared error of the sum, or per cent of the symbols that are right.
    pub(super) fn result(&self, y: &Var) -> Result<f64, Failure> {
        let Target::Symbols(symbols) = &self.target else {
            return Ok(f64::from(self.loss(y)?.item()));
        };
        let time = y.dim(1);
        let said = y.slice(1, time - COPIED..time).value().argmax(-1);
        let right = said.data().iter().zip(symbols.data()).filter(|(said, symbol)| said == symbol).count();
        Ok(100.0 * right as f64 / symbols.len() as f64)
    }
}
