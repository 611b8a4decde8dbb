//! One step after another where each waits for something from outside: a decoder with input feeding.
//!
//! A weight that is used at every step would get a gradient as large as itself from each, to be added up. Here the
//! steps leave what they know and the gradient is one product over all of them, as in the fused sequence.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use autograd::Var;
use nn::Param;
use tensor::kernels::par;
use tensor::kernels::recurrent::{Backward, Forward, Gates, LstmGates};
use tensor::{Element, Tensor};

use crate::cell::{Fork, Weights};
use crate::state::LstmState;

/// Inputs and gradients of the outputs of each step, by the thread whose pass back it is.
type Pieces<E> = Arc<Mutex<HashMap<ThreadId, Vec<(Tensor<E>, Tensor<E>)>>>>;

/// A linear map for many steps.
pub(crate) struct SharedLinear<E: Element> {
    weight: Var<E>,
    bias: Option<Var<E>>,
    /// Stands for weight and bias in the graph; made before every step, so a pass back meets it after all of them.
    hub: Var<E>,
    pieces: Pieces<E>,
}

impl<E: Element> SharedLinear<E> {
    pub(crate) fn new(weight: &Param<E>, bias: Option<&Param<E>>) -> Self {
        let (weight, bias) = (weight.var().clone(), bias.map(|bias| bias.var().clone()));
        let pieces: Pieces<E> = Arc::default();
        let inputs: Vec<&Var<E>> = [Some(&weight), bias.as_ref()].into_iter().flatten().collect();
        let (own, has_bias) = (pieces.clone(), bias.is_some());
        let hub = Var::record_many("shared_linear", &inputs, Tensor::scalar(E::ZERO), move |_| {
            let mut all = own.lock().unwrap_or_else(PoisonError::into_inner);
            let pieces = all.remove(&thread::current().id()).unwrap_or_default();
            let x = Tensor::concat(&pieces.iter().map(|(x, _)| x).collect::<Vec<_>>(), 0); // (steps·batch, input)
            let dy = Tensor::concat(&pieces.iter().map(|(_, dy)| dy).collect::<Vec<_>>(), 0);
            let mut gradients = vec![Some(dy.linear_grad_weight(&x))];
            gradients.extend(has_bias.then(|| Some(dy.linear_grad_bias())));
            gradients
        });
        Self { weight, bias, hub, pieces }
    }

    /// `x (batch, input)`, `added (batch, output)` → `x·weightᵀ + bias + added`
    #[track_caller]
    pub(crate) fn forward(&self, x: &Var<E>, added: Option<&Var<E>>) -> Var<E> {
        let (weight, bias) = (self.weight.value(), self.bias.as_ref().map(Var::value));
        let value = match added {
            Some(added) => x.value().linear_add(weight, bias, added.value()),
            None => x.value().linear(weight, bias),
        };
        let (weight, input, pieces) = (weight.clone(), x.value().clone(), self.pieces.clone());
        let (need_x, need_hub) = (x.needs_grad(), self.hub.needs_grad());
        let vjp = move |dy: &Tensor<E>| {
            let dy = dy.contiguous();
            if need_hub {
                let mut all = pieces.lock().unwrap_or_else(PoisonError::into_inner);
                all.entry(thread::current().id()).or_default().push((input.clone(), dy.clone()));
            }
            let dx = need_x.then(|| dy.linear_grad_input(&weight));
            (dx, need_hub.then(|| Tensor::scalar(E::ZERO)), dy)
        };
        match added {
            Some(added) => Var::record("shared_linear", [x, &self.hub, added], value, move |dy| {
                let (dx, dhub, dy) = vjp(dy);
                [dx, dhub, Some(dy)]
            }),
            None => Var::record("shared_linear", [x, &self.hub], value, move |dy| {
                let (dx, dhub, _) = vjp(dy);
                [dx, dhub]
            }),
        }
    }
}

/// Both maps of a cell, for many steps.
pub(crate) struct SharedWeights<E: Element> {
    input: SharedLinear<E>,
    recurrent: SharedLinear<E>,
}

impl<E: Element> SharedWeights<E> {
    pub(crate) fn new(weights: &Weights<E>) -> Self {
        Self {
            input: SharedLinear::new(&weights.weight_ih, weights.bias_ih.as_ref()),
            recurrent: SharedLinear::new(&weights.weight_hh, weights.bias_hh.as_ref()),
        }
    }

    /// The step of an LSTM: `x (batch, input)` → the next state.
    #[track_caller]
    pub(crate) fn lstm(&self, x: &Var<E>, state: &LstmState<E>) -> LstmState<E> {
        let sums = self.recurrent.forward(&state.h, Some(&self.input.forward(x, None))); // (batch, 4·hidden)
        lstm_gates(&sums, &state.c)
    }
}

/// The step of an LSTM in which rows go on from rows of the memory `c (.., hidden)`: sums and memories are read where
/// they are. Nothing is recorded.
#[track_caller]
pub(crate) fn lstm_fork<E: Element>(fork: &Fork<'_, E>, c: &Var<E>) -> LstmState<E> {
    let (rows, hidden) = (fork.parents.len(), c.dim(1));
    let mut sums = fork.recurrent.contiguous();
    if let Some(given) = &fork.given {
        sums.add_assign(given);
    }
    let (inputs, before) = (fork.inputs.contiguous(), c.value().contiguous());
    let agreed =
        [("inputs", "inputs gates·hidden", inputs.shape()), ("sums", "places gates·hidden", sums.shape())];
    tensor::shape::agree("lstm_fork", &agreed);
    assert!(
        inputs.dim(1) == 4 * hidden && fork.input.len() == rows && fork.places.len() == rows,
        "lstm_fork: {} sums, {} inputs and {} places for {rows} rows of {hidden} units",
        inputs.dim(1),
        fork.input.len(),
        fork.places.len()
    );
    let row_of = |of: &Tensor<E>, row: usize| -> std::ops::Range<usize> {
        assert!(row < of.dim(0), "lstm_fork: row {row} of {}", of.dim(0));
        row * of.dim(1)..(row + 1) * of.dim(1)
    };
    let (inputs_data, sums_data, before_data) = (inputs.data(), sums.data(), before.data());
    let stale = || Tensor::build(&[rows, hidden], |_| {});
    let (mut h, mut after) = (stale(), stale());
    if rows * hidden > 0 {
        let out = (par::rows(h.data_mut(), hidden), par::rows(after.data_mut(), hidden));
        par::for_each(out, rows, par::rows_per_chunk(24 * hidden), |first, (h, after)| {
            let mut unsaved = vec![E::ZERO; 4 * hidden];
            let own = h.data.chunks_exact_mut(hidden).zip(after.data.chunks_exact_mut(hidden));
            for (row, (h, c)) in (first..).zip(own) {
                let input = &inputs_data[row_of(&inputs, fork.input[row] as usize)];
                let recurrent = &sums_data[row_of(&sums, fork.places[row] as usize)];
                let mut blocks = unsaved.chunks_exact_mut(hidden);
                LstmGates.forward(Forward {
                    input: std::array::from_fn(|gate| &input[gate * hidden..][..hidden]),
                    recurrent: std::array::from_fn(|gate| &recurrent[gate * hidden..][..hidden]),
                    h_before: &[],
                    c_before: &before_data[row_of(&before, fork.parents[row])],
                    h,
                    c,
                    saved: std::array::from_fn(|_| blocks.next().expect("four blocks")),
                });
            }
        });
    }
    LstmState { h: Var::constant(h), c: Var::constant(after) }
}

/// The gates of an LSTM in one operation: `sums (batch, 4·hidden)`, `c (batch, hidden)` → the next state. Equations as
/// of [`LstmCell`](crate::LstmCell).
fn lstm_gates<E: Element>(sums: &Var<E>, c: &Var<E>) -> LstmState<E> {
    let (batch, hidden) = (c.dim(0), c.dim(1));
    let (sums_value, before) = (sums.value().contiguous(), c.value().contiguous());
    let stale = |wide: usize| Tensor::build(&[batch, wide], |_| {});
    // Output and memory side by side: (2, batch, hidden).
    let mut both = Tensor::build(&[2, batch, hidden], |_| {});
    let mut saved = stale(4 * hidden);
    if batch * hidden > 0 {
        let (h, after) = both.data_mut().split_at_mut(batch * hidden);
        let rows = (
            par::rows(sums_value.data(), 4 * hidden),
            par::rows(before.data(), hidden),
            par::rows(h, hidden),
            par::rows(after, hidden),
            par::rows(saved.data_mut(), 4 * hidden),
        );
        let zeros = vec![E::ZERO; hidden];
        par::for_each(rows, batch, par::rows_per_chunk(24 * hidden), |_, (sums, before, h, after, saved)| {
            let rows = sums.data.chunks_exact(4 * hidden).zip(before.data.chunks_exact(hidden));
            let out = h.data.chunks_exact_mut(hidden).zip(after.data.chunks_exact_mut(hidden));
            let saved = saved.data.chunks_exact_mut(4 * hidden);
            for (((sums, c_before), (h, c)), saved) in rows.zip(out).zip(saved) {
                let mut blocks = saved.chunks_exact_mut(hidden);
                LstmGates.forward(Forward {
                    input: std::array::from_fn(|gate| &sums[gate * hidden..][..hidden]),
                    recurrent: [&zeros; 4],
                    h_before: &[],
                    c_before,
                    h,
                    c,
                    saved: std::array::from_fn(|_| blocks.next().expect("four blocks")),
                });
            }
        });
    }
    let after = both.select(0, 1).contiguous();
    let whole = Var::record("lstm_gates", [sums, c], both, move |dy| {
        let dy = dy.contiguous();
        let mut dc = Tensor::from_slice(&dy.data()[batch * hidden..], &[batch, hidden]);
        let mut dh = Tensor::from_slice(&dy.data()[..batch * hidden], &[batch, hidden]);
        let mut dsums = Tensor::build(&[batch, 4 * hidden], |_| {});
        if batch * hidden > 0 {
            let rows = (
                par::rows(saved.data(), 4 * hidden),
                par::rows(before.data(), hidden),
                par::rows(after.data(), hidden),
                par::rows(dh.data_mut(), hidden),
                par::rows(dc.data_mut(), hidden),
                par::rows(dsums.data_mut(), 4 * hidden),
            );
            let chunk = par::rows_per_chunk(24 * hidden);
            par::for_each(rows, batch, chunk, |_, (saved, before, after, dh, dc, dsums)| {
                let mut scratch = vec![E::ZERO; hidden];
                for row in 0..dsums.data.len() / (4 * hidden) {
                    let (own, wide) = (row * hidden..(row + 1) * hidden, row * 4 * hidden);
                    let mut blocks = dsums.data[wide..wide + 4 * hidden].chunks_exact_mut(hidden);
                    LstmGates.backward(Backward {
                        saved: std::array::from_fn(|gate| &saved.data[wide + gate * hidden..][..hidden]),
                        h_before: &[],
                        h: &[],
                        c_before: &before.data[own.clone()],
                        c: &after.data[own.clone()],
                        dh: &mut dh.data[own.clone()],
                        dc: &mut dc.data[own],
                        input: std::array::from_fn(|_| blocks.next().expect("four blocks")),
                        recurrent: std::array::from_fn(|_| &mut [][..]),
                        scratch: &mut scratch,
                    });
                }
            });
        }
        [Some(dsums), Some(dc)]
    });
    let mut parts = whole.unbind(0);
    let c = parts.pop().expect("two parts");
    LstmState { h: parts.pop().expect("two parts"), c }
}
