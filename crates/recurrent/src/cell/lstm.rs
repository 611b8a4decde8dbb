//! The long short-term memory, and where its variants differ.

use autograd::Var;
use nn::ConfigError;
use rand::Rng;
use tensor::kernels::recurrent::LstmGates;
use tensor::{Element, Tensor};

use super::{Cell, Fork, GateValues, NewCell, Stepper, Weights, flat_module, lstm};
use crate::fused;
use crate::state::LstmState;
use crate::stepper::{self, SharedWeights};
use crate::unroll::Order;

/// The long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000). With
/// `[i, f, g, o] = W_ih·x + b_ih + W_hh·h + b_hh`:
/// `c = σ(f)·c + σ(i)·tanh(g)`, `h = σ(o)·tanh(c)`. PyTorch's names, order of gates and start.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, LstmCell, LstmState};
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let mut cell = LstmCell::<f32>::new(3, 2, true, &mut rng)?;
/// // With biases that shut the input gate and open the forget gate, the memory stays what it is.
/// let bias = cell.weights.bias_ih.as_mut().unwrap();
/// bias.set(Tensor::from_slice(&[-50.0, -50.0, 50.0, 50.0, 0.0, 0.0, 0.0, 0.0], &[8]));  // of i, f, g, o
/// let c = Tensor::from_slice(&[0.25, -0.5], &[1, 2]);
/// let state = LstmState { h: Tensor::zeros(&[1, 2]).into(), c: c.clone().into() };
/// let next = cell.step(&Tensor::ones(&[1, 3]).into(), &state);
/// assert!(next.c.value().max_abs_diff(&c) < 1e-6);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LstmCell<E: Element = f32> {
    /// Its maps.
    pub weights: Weights<E>,
    hidden: usize,
}
flat_module!(LstmCell<E> { weights; hidden });

/// An LSTM whose input gate is what the forget gate leaves, `i = 1 − f` (Greff et al. 2017, "coupled input and forget
/// gate"): three gates `f, g, o`, a quarter fewer weights.
///
/// ```
/// use nn::Module;
/// use rand::SeedableRng;
/// use recurrent::{Cell, CoupledLstmCell, LstmCell};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let coupled = CoupledLstmCell::<f32>::new(3, 2, true, &mut rng)?;
/// let plain = LstmCell::<f32>::new(3, 2, true, &mut rng)?;
/// let x = tensor::Tensor::ones(&[1, 3]).into();                                         // (batch, input)
/// assert_eq!(coupled.step(&x, &coupled.start(1)).c.shape(), [1, 2]);
/// let size = |cell: &dyn Module| -> usize {
///     cell.parameters().iter().map(|(_, param)| param.shape().iter().product::<usize>()).sum()
/// };
/// assert_eq!(4 * size(&coupled), 3 * size(&plain));
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CoupledLstmCell<E: Element = f32> {
    /// Its maps.
    pub weights: Weights<E>,
    hidden: usize,
}
flat_module!(CoupledLstmCell<E> { weights; hidden });

/// A gate that may look at the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The input gate, at the memory before.
    Input,
    /// The forget gate, at the memory before.
    Forget,
    /// The output gate, at the memory after.
    Output,
}

/// An LSTM in the places where variants differ; what they have in common is [`Cell::update`].
///
/// ```
/// use autograd::Var;
/// use recurrent::{Look, LstmCell, LstmVariant};
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = LstmCell::<f32>::new(3, 2, true, &mut rng)?;
/// let c: Var = tensor::Tensor::ones(&[1, 2]).into();
/// assert!(cell.look(Look::Forget, &c).is_none());                         // no gate of the plain LSTM sees the memory
/// assert_eq!(cell.read(&c).value(), c.value());
/// # Ok::<(), nn::ConfigError>(())
/// ```
pub trait LstmVariant<E: Element>: Cell<E, State = LstmState<E>> {
    /// What a gate's sum gets from the memory `c (batch, hidden)`; nothing in the plain LSTM.
    fn look(&self, gate: Look, c: &Var<E>) -> Option<Var<E>> {
        let _ = (gate, c);
        None
    }

    /// What goes through the output's tanh: the memory itself in the plain LSTM.
    fn read(&self, c: &Var<E>) -> Var<E> {
        c.clone()
    }
}

/// The step of every variant, from the sums of the gates `i, f, g, o`, or `f, g, o` where two are coupled.
#[track_caller]
pub(super) fn update<E: Element>(
    variant: &impl LstmVariant<E>,
    input: &Var<E>,
    recurrent: &Var<E>,
    state: &LstmState<E>,
) -> (LstmState<E>, GateValues<E>) {
    let sums = input + recurrent; // (batch, gates·hidden)
    let count = sums.dim(-1) / state.c.dim(-1).max(1);
    let parts = sums.chunk(-1, count);
    let gate = |sum: &Var<E>, gate: Look, c: &Var<E>| match variant.look(gate, c) {
        Some(peep) => (sum + peep).sigmoid(),
        None => sum.sigmoid(),
    };
    let [f, g, o] = &parts[count - 3..] else { unreachable!("three or four gates") };
    let f = gate(f, Look::Forget, &state.c);
    let i = if count == 4 { gate(&parts[0], Look::Input, &state.c) } else { -&f + E::ONE };
    let g = g.tanh();
    let c = &f * &state.c + &i * &g;
    let o = gate(o, Look::Output, &c);
    let h = &o * variant.read(&c).tanh();
    (LstmState { h, c }, vec![("i", i), ("f", f), ("g", g), ("o", o)])
}

impl<E: Element> LstmCell<E> {
    /// A cell with random weights.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(
        input: usize,
        hidden: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        Self::with_recurrent(input, hidden, hidden, bias, rng)
    }

    /// A cell to put behind a projection ([`Projected`](super::Projected)): its last output has `recurrent` values.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn with_recurrent(
        input: usize,
        hidden: usize,
        recurrent: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let weights = Weights::new("LSTM cell", [input, hidden, recurrent], 4, bias, rng)?;
        Ok(Self { weights, hidden })
    }
}

impl<E: Element> CoupledLstmCell<E> {
    /// A cell with random weights.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(
        input: usize,
        hidden: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let weights = Weights::new("coupled LSTM cell", [input, hidden, hidden], 3, bias, rng)?;
        Ok(Self { weights, hidden })
    }
}

macro_rules! new_cell {
    ($($name:ident)*) => {$(
        impl<E: Element> NewCell<E> for $name<E> {
            fn new_cell(
                input: usize,
                hidden: usize,
                bias: bool,
                rng: &mut (impl Rng + ?Sized),
            ) -> Result<Self, ConfigError> {
                Self::new(input, hidden, bias, rng)
            }
        }
    )*};
}
new_cell!(LstmCell CoupledLstmCell);

/// [`Cell::update`] of every variant.
macro_rules! lstm_update {
    () => {
        #[track_caller]
        fn update(
            &self,
            input: &Var<E>,
            recurrent: &Var<E>,
            state: &LstmState<E>,
        ) -> (LstmState<E>, GateValues<E>) {
            lstm::update(self, input, recurrent, state)
        }
    };
}
pub(super) use lstm_update;

macro_rules! sizes_and_sums {
    () => {
        type State = LstmState<E>;

        fn input(&self) -> usize {
            self.weights.input()
        }

        fn hidden(&self) -> usize {
            self.hidden
        }

        fn start(&self, batch: usize) -> LstmState<E> {
            let zeros = Var::constant(Tensor::zeros(&[batch, self.hidden]));
            LstmState { h: zeros.clone(), c: zeros }
        }

        #[track_caller]
        fn input_sums(&self, x: &Var<E>) -> Var<E> {
            self.weights.input_sums(x)
        }

        #[track_caller]
        fn recurrent_sums(&self, h: &Var<E>) -> Var<E> {
            self.weights.recurrent_sums(h)
        }

        fn maps(&self) -> Option<&Weights<E>> {
            Some(&self.weights)
        }

        lstm_update!();
    };
}

impl<E: Element> LstmVariant<E> for LstmCell<E> {}
impl<E: Element> LstmVariant<E> for CoupledLstmCell<E> {}

impl<E: Element> Cell<E> for LstmCell<E> {
    sizes_and_sums!();

    fn stepper(&self) -> Stepper<'_, E, LstmState<E>> {
        let weights = SharedWeights::new(&self.weights);
        Box::new(move |x, state| weights.lstm(x, state))
    }

    #[track_caller]
    fn fork(&self, fork: &Fork<'_, E>, state: &LstmState<E>) -> LstmState<E> {
        stepper::lstm_fork(fork, &state.c)
    }

    #[track_caller]
    fn sequence(&self, x: &Var<E>, state: &LstmState<E>, order: &Order) -> (Var<E>, LstmState<E>) {
        let out = fused::sequence("lstm", LstmGates, x, &state.h, Some(&state.c), &self.weights, order);
        (out.y, LstmState { h: out.h, c: out.c.expect("an LSTM has a memory") })
    }
}

impl<E: Element> Cell<E> for CoupledLstmCell<E> {
    sizes_and_sums!();
}
