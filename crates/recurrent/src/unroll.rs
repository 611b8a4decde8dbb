//! One loop over time for every cell.

use autograd::{Gradients, Var};
use tensor::{Bools, Element, Tensor};

use crate::cell::{Cell, GateValues};
use crate::state::State;

/// In which order steps follow one another, and how many rows of the batch each has.
///
/// Rows are in order of falling length, so a step has the first so many of them. The steps beyond a row's length are
/// as if they were not there: its state stays what it is, its output is 0. In reverse a row so begins with its own
/// last step.
///
/// ```
/// use recurrent::Order;
/// let order = Order::ragged(4, &[4, 2, 1]);                                // rows in order of falling length
/// assert_eq!(order.active(), [3, 2, 1, 1]);                                // rows that have each step
/// assert!(order.is_ragged() && order.reversed().is_reverse());
/// ```
#[derive(Clone, Debug)]
pub struct Order {
    batch: usize,
    active: Vec<usize>,
    reverse: bool,
}

impl Order {
    /// All rows have all steps, from the first on.
    pub fn forward(time: usize, batch: usize) -> Self {
        Self { batch, active: vec![batch; time], reverse: false }
    }

    /// Row `i` has the first `lengths[i]` steps.
    ///
    /// # Panics
    /// If lengths rise, or exceed `time`.
    #[track_caller]
    pub fn ragged(time: usize, lengths: &[usize]) -> Self {
        assert!(
            lengths.windows(2).all(|pair| pair[0] >= pair[1]) && lengths.first().is_none_or(|l| *l <= time),
            "order: lengths {lengths:?} of {time} steps rise or exceed them"
        );
        let active = (0..time).map(|t| lengths.partition_point(|length| *length > t)).collect();
        Self { batch: lengths.len(), active, reverse: false }
    }

    /// The steps from the last to the first.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { reverse: !self.reverse, ..self }
    }

    /// Number of steps.
    pub fn time(&self) -> usize {
        self.active.len()
    }

    /// Rows that have each step.
    pub fn active(&self) -> &[usize] {
        &self.active
    }

    /// Whether steps go from the last to the first.
    pub fn is_reverse(&self) -> bool {
        self.reverse
    }

    /// Whether some row lacks a step.
    pub fn is_ragged(&self) -> bool {
        self.active.last().is_some_and(|last| *last < self.batch)
    }

    fn steps(&self) -> Vec<usize> {
        let forward = 0..self.time();
        if self.reverse { forward.rev().collect() } else { forward.collect() }
    }
}

/// Unrolls any cell: `x (time, batch, input)` → outputs `(time, batch, hidden)`, and the last state.
///
/// The sums from the inputs are one product for all steps; the rest is the cell's own operations, step by step. A
/// cell's [`sequence`](Cell::sequence) does the same, faster where there is a kernel for it.
///
/// # Panics
/// If the shapes do not fit together.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, Nonlinearity, Order, RnnCell, unroll};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = RnnCell::<f32>::new(3, 4, Nonlinearity::Tanh, true, &mut rng)?;
/// let x = tensor::Tensor::ones(&[5, 2, 3]).into();                                   // (time, batch, input)
/// let (y, last) = unroll(&cell, &x, &cell.start(2), &Order::ragged(5, &[5, 3]));      // (time, batch, hidden)
/// assert_eq!(y.value().select(0, 2).select(0, 1), last.value().select(0, 1));        // row 1 ended at step 2
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[track_caller]
pub fn unroll<E: Element, C: Cell<E>>(
    cell: &C,
    x: &Var<E>,
    state: &C::State,
    order: &Order,
) -> (Var<E>, C::State) {
    let steps = run(cell, x, state, order, |_, state| state);
    (steps.outputs(), steps.state)
}

/// Unrolls a cell and keeps what happened at each step: the gates, and probes that catch the gradient of each state.
/// Shapes as of [`unroll`].
///
/// # Panics
/// If the shapes do not fit together.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, LstmCell, Order, trace};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = LstmCell::<f32>::new(3, 4, true, &mut rng)?;
/// let x = tensor::Tensor::ones(&[5, 2, 3]).into();                                   // (time, batch, input)
/// let trace = trace(&cell, &x, &cell.start(2), &Order::forward(5, 2));
/// let forget = &trace.gates[0].iter().find(|(name, _)| *name == "f").unwrap().1;     // (batch, hidden)
/// assert_eq!(forget.shape(), [2, 4]);
/// let grads = trace.y.select(0, 4).sum().backward()?;                                // a loss on the last output
/// let norms = trace.gradient_norms(&grads);                                          // ‖∂loss/∂h‖ at each step
/// assert!(norms[0] < norms[4]);
/// assert!(trace.memory_norms(&grads)[3] > 0.0);                                      // ‖∂loss/∂c‖
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn trace<E: Element, C: Cell<E>>(
    cell: &C,
    x: &Var<E>,
    state: &C::State,
    order: &Order,
) -> Trace<E, C::State> {
    let mut probes = vec![Vec::new(); order.time()];
    let steps = run(cell, x, state, order, |t, state| {
        state.map(|part| {
            let probe = Var::leaf(Tensor::zeros(part.shape()));
            let probed = part + &probe;
            probes[t].push(probe);
            probed
        })
    });
    Trace { y: steps.outputs(), gates: steps.gates, state: steps.state, probes }
}

/// What [`trace`] saw.
#[derive(Clone, Debug)]
pub struct Trace<E: Element, S> {
    /// Outputs, `(time, batch, hidden)`.
    pub y: Var<E>,
    /// The last state.
    pub state: S,
    /// The gates of each step by name, each `(batch, hidden)`.
    pub gates: Vec<GateValues<E>>,
    /// For each step, one for each part of the state, the output first.
    probes: Vec<Vec<Var<E>>>,
}

impl<E: Element, S> Trace<E, S> {
    /// `‖∂loss/∂h_t‖` over the batch, for each step, from the gradients of a loss that depends on this trace: how much
    /// of the loss's gradient reaches back so far. 0 where nothing arrives.
    pub fn gradient_norms(&self, grads: &Gradients<E>) -> Vec<f64> {
        self.probes.iter().map(|parts| norm(grads, parts.first())).collect()
    }

    /// The same of what is handed on beside the output, an LSTM's `c_t`: `‖∂loss/∂c_t‖` through the next step alone, so
    /// that it is 0 at the last. Of a cell whose output is its whole state, [`gradient_norms`](Self::gradient_norms).
    pub fn memory_norms(&self, grads: &Gradients<E>) -> Vec<f64> {
        self.probes.iter().map(|parts| norm(grads, parts.last())).collect()
    }
}

fn norm<E: Element>(grads: &Gradients<E>, probe: Option<&Var<E>>) -> f64 {
    let Some(gradient) = probe.and_then(|probe| grads.get(probe)) else { return 0.0 };
    // In f64: squares of what has nearly vanished are no f32.
    gradient.to_vec().into_iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt()
}

struct Steps<E: Element, S> {
    outputs: Vec<Var<E>>,
    gates: Vec<GateValues<E>>,
    state: S,
    empty: Tensor<E>,
}

impl<E: Element, S> Steps<E, S> {
    fn outputs(&self) -> Var<E> {
        if self.outputs.is_empty() {
            return Var::constant(self.empty.clone());
        }
        Var::stack(&self.outputs.iter().collect::<Vec<_>>(), 0) // (time, batch, hidden)
    }
}

/// `watch` sees each new state and may replace it by an equal one.
#[track_caller]
fn run<E: Element, C: Cell<E>>(
    cell: &C,
    x: &Var<E>,
    state: &C::State,
    order: &Order,
    mut watch: impl FnMut(usize, C::State) -> C::State,
) -> Steps<E, C::State> {
    order.check(x);
    let (time, batch) = (x.dim(0), x.dim(1));
    let sums = cell.input_sums(x).unbind(0); // each (batch, sums)
    let mut state = state.clone();
    let mut outputs = vec![None; time];
    let mut gates: Vec<GateValues<E>> = vec![Vec::new(); time];
    for t in order.steps() {
        let (next, values) = cell.update(&sums[t], &cell.recurrent_sums(state.hidden()), &state);
        let next = watch(t, next);
        gates[t] = values;
        let active = order.active[t];
        if active == batch {
            outputs[t] = Some(next.hidden().clone());
            state = next;
        } else {
            let mask = Bools::from_fn(&[batch, 1], |index| index[0] < active);
            outputs[t] = Some(next.hidden().masked_fill(&mask.not(), E::ZERO));
            state = next.or(&mask, &state);
        }
    }
    let outputs = outputs.into_iter().map(|output| output.expect("each step has run")).collect();
    Steps { outputs, gates, state, empty: Tensor::zeros(&[0, batch, cell.hidden()]) }
}

impl Order {
    /// Checks that `x (time, batch, input)` is of this order.
    #[track_caller]
    pub(crate) fn check<E: Element>(&self, x: &Var<E>) {
        tensor::shape::agree("recurrent", &[("x", "time batch input", x.shape())]);
        assert!(
            x.dim(0) == self.time() && x.dim(1) == self.batch,
            "recurrent: x {:?} for {} steps of {} rows",
            x.shape(),
            self.time(),
            self.batch
        );
    }
}
