//! The five shapes in which sequences go in and out, as small forms to build from.
//!
//! | shape | form | such as |
//! |---|---|---|
//! | 1 – 1 | [`one_to_one`] | a step: classification of single things, control |
//! | 1 – N | [`one_to_many`] | a caption for an image, a name for a class |
//! | N – 1 | [`many_to_one`] | classification of texts |
//! | N – N | [`many_to_many`] | tags for words, language models |
//! | N – M | [`many_to_others`] | translation, without attention; [`Seq2Seq`](crate::Seq2Seq) with |

use autograd::Var;
use nn::Mode;
use serde::{Deserialize, Serialize};
use tensor::{Bools, Element, Tensor};

use crate::cell::Cell;
use crate::stack::Stack;
use crate::state::State;

/// One step from one input: `x (batch, input)` → `(batch, hidden)`.
///
/// # Panics
/// If the last dimension is not `input`.
///
/// ```
/// use nn::Linear;
/// use rand::SeedableRng;
/// use recurrent::{GruCell, Reset, shapes::one_to_one};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let (cell, head) = (GruCell::new(3, 5, Reset::After, true, &mut rng)?, Linear::new(5, 2, true, &mut rng)?);
/// let x = tensor::Tensor::<f32>::ones(&[4, 3]).into();                         // (batch, input)
/// assert_eq!(head.forward(&one_to_one(&cell, &x)).shape(), [4, 2]);            // (batch, classes)
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[track_caller]
pub fn one_to_one<E: Element, C: Cell<E>>(cell: &C, x: &Var<E>) -> Var<E> {
    cell.step(x, &cell.start(x.dim(0))).hidden().clone()
}

/// `time` steps from one input: the first sees `x (batch, input)`, each later one what `next` makes of the output
/// before → `(batch, time, hidden)`.
///
/// # Panics
/// If the shapes do not fit together or `time` is 0.
///
/// ```
/// use nn::Linear;
/// use rand::SeedableRng;
/// use recurrent::{Nonlinearity, RnnCell, shapes::one_to_many};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = RnnCell::new(3, 5, Nonlinearity::Tanh, true, &mut rng)?;
/// let back = Linear::new(5, 3, true, &mut rng)?;                               // an output as the next input
/// let x = tensor::Tensor::<f32>::ones(&[4, 3]).into();                         // (batch, input)
/// let y = one_to_many(&cell, &x, 6, |h| back.forward(h));
/// assert_eq!(y.shape(), [4, 6, 5]);                                            // (batch, time, hidden)
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[track_caller]
pub fn one_to_many<E: Element, C: Cell<E>>(
    cell: &C,
    x: &Var<E>,
    time: usize,
    mut next: impl FnMut(&Var<E>) -> Var<E>,
) -> Var<E> {
    let (mut x, mut state) = (x.clone(), cell.start(x.dim(0)));
    let mut outputs = Vec::with_capacity(time);
    for t in 0..time {
        state = cell.step(&x, &state);
        outputs.push(state.hidden().clone());
        if t + 1 < time {
            x = next(state.hidden());
        }
    }
    Var::stack(&outputs.iter().collect::<Vec<_>>(), 1)
}

/// How a sequence of outputs becomes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The last output of each direction: after the last step, and before the first.
    #[default]
    Last,
    /// The mean over a row's steps.
    Mean,
    /// The largest over a row's steps, value by value.
    Max,
}

/// One output from a sequence: `x (batch, time, input)`, of which row `i` has `lengths[i]` steps →
/// `(batch, directions·hidden)`. A row without steps gives zeros.
///
/// # Panics
/// If the shapes do not fit together, or a length exceeds `time`.
///
/// ```
/// use nn::{Linear, Mode};
/// use rand::SeedableRng;
/// use recurrent::{Lstm, StackConfig, shapes::{Pool, many_to_one}};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let lstm = Lstm::new(StackConfig { bidirectional: true, ..StackConfig::new(3, 5) }, &mut rng)?;
/// let head = Linear::new(10, 2, true, &mut rng)?;
/// let x = tensor::Tensor::<f32>::ones(&[2, 6, 3]).into();                      // (batch, time, input)
/// let pooled = many_to_one(&lstm, &x, &[6, 4], Pool::Max, &mut Mode::Eval);
/// assert_eq!(head.forward(&pooled).shape(), [2, 2]);                           // (batch, classes)
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[track_caller]
pub fn many_to_one<E: Element, C: Cell<E>>(
    stack: &Stack<C>,
    x: &Var<E>,
    lengths: &[usize],
    pool: Pool,
    mode: &mut Mode<'_>,
) -> Var<E> {
    let out = stack.forward(x, None, Some(lengths), mode);
    let (batch, time) = (x.dim(0), x.dim(1));
    match pool {
        Pool::Last => {
            let directions = 1 + usize::from(stack.config().bidirectional);
            let last = &out.state[out.state.len() - directions..];
            Var::concat(&last.iter().map(State::hidden).collect::<Vec<_>>(), -1)
        }
        Pool::Mean => mean_over_lengths(&out.y, lengths),
        Pool::Max => {
            let beyond = Bools::from_fn(&[batch, time, 1], |index| index[1] >= lengths[index[0]]);
            let empty = Bools::from_fn(&[batch, 1], |index| lengths[index[0]] == 0);
            out.y.masked_fill(&beyond, E::NEG_INFINITY).max_axis(1, false).masked_fill(&empty, E::ZERO)
        }
    }
}

/// The mean of each row over its length, `(batch, time, hidden)` → `(batch, hidden)`; what lies beyond must be 0.
pub(crate) fn mean_over_lengths<E: Element>(y: &Var<E>, lengths: &[usize]) -> Var<E> {
    let share: Vec<E> = lengths.iter().map(|length| E::ONE / E::from_usize((*length).max(1))).collect();
    y.sum_axis(1, false) * Var::constant(Tensor::from_slice(&share, &[share.len(), 1]))
}

/// An output for every step: `x (batch, time, input)` → `(batch, time, directions·hidden)`.
///
/// # Panics
/// If the shapes do not fit together, or a length exceeds `time`.
///
/// ```
/// use nn::{Linear, Mode};
/// use rand::SeedableRng;
/// use recurrent::{Gru, StackConfig, shapes::many_to_many};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let gru = Gru::new(StackConfig { bidirectional: true, ..StackConfig::new(3, 5) }, &mut rng)?;
/// let tags = Linear::new(10, 7, true, &mut rng)?;
/// let x = tensor::Tensor::<f32>::ones(&[2, 6, 3]).into();                      // (batch, time, input)
/// let y = many_to_many(&gru, &x, &[6, 4], &mut Mode::Eval);
/// assert_eq!(tags.forward(&y).shape(), [2, 6, 7]);                             // (batch, time, tags)
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[track_caller]
pub fn many_to_many<E: Element, C: Cell<E>>(
    stack: &Stack<C>,
    x: &Var<E>,
    lengths: &[usize],
    mode: &mut Mode<'_>,
) -> Var<E> {
    stack.forward(x, None, Some(lengths), mode).y
}

/// A sequence from a sequence of another length (Sutskever, Vinyals & Le 2014): the decoder goes on from the encoder's
/// last states. `source (batch, src_time, input)`, `target (batch, tgt_time, input)` → `(batch, tgt_time, hidden)`.
///
/// # Panics
/// If the shapes do not fit together, a length exceeds `src_time`, or the stacks differ in layers, units or are not of
/// one direction.
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// use recurrent::{Lstm, StackConfig, shapes::many_to_others};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let [encoder, decoder] = [3, 4].map(|input| Lstm::new(StackConfig::new(input, 5), &mut rng).unwrap());
/// let source = tensor::Tensor::<f32>::ones(&[2, 6, 3]).into();
/// let target = tensor::Tensor::ones(&[2, 9, 4]).into();
/// let y = many_to_others(&encoder, &decoder, &source, &[6, 4], &target, &mut Mode::Eval);
/// assert_eq!(y.shape(), [2, 9, 5]);                                            // (batch, tgt_time, hidden)
/// ```
#[track_caller]
pub fn many_to_others<E: Element, C: Cell<E>>(
    encoder: &Stack<C>,
    decoder: &Stack<C>,
    source: &Var<E>,
    lengths: &[usize],
    target: &Var<E>,
    mode: &mut Mode<'_>,
) -> Var<E> {
    let state = encoder.forward(source, None, Some(lengths), mode).state;
    decoder.forward(target, Some(&state), None, mode).y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lstm, StackConfig};
    use autograd::Gen;

    #[test]
    fn pools_see_a_rows_own_steps_only() {
        let draw = &mut Gen::new(4);
        let config = StackConfig { bidirectional: true, ..StackConfig::new(2, 3) };
        let lstm = Lstm::<f64>::new(config, draw.rng()).unwrap();
        let x = draw.normal(&[3, 5, 2]);
        for pool in [Pool::Last, Pool::Mean, Pool::Max] {
            let whole = many_to_one(&lstm, &x.clone().into(), &[2, 0, 5], pool, &mut Mode::Eval);
            assert_eq!(whole.value().select(0, 1), Tensor::zeros(&[6]), "{pool:?}");
            let alone = x.slice(0, 0..1).slice(1, 0..2).into();
            let alone = many_to_one(&lstm, &alone, &[2], pool, &mut Mode::Eval);
            assert!(whole.value().slice(0, 0..1).max_abs_diff(alone.value()) < 1e-12, "{pool:?}");
        }
    }
}
