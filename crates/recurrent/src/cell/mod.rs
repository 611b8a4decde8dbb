//! Cells: one step, pure, with explicit state.

mod fork;
mod gru;
mod lstm;
mod normalised;
mod peephole;
mod projected;
mod rnn;
mod variational;
mod weights;

pub use fork::Fork;
pub use gru::{GruCell, Reset};
pub use lstm::{CoupledLstmCell, Look, LstmCell, LstmVariant};
pub use normalised::{LayerNormLstmCell, Normalised, NormalisedMemory};
pub use peephole::Peephole;
pub use projected::Projected;
pub use rnn::{Nonlinearity, RnnCell};
pub use variational::{Masked, VariationalDropout};
pub use weights::Weights;

use autograd::Var;
use nn::ConfigError;
use rand::Rng;
use tensor::Element;

use crate::state::State;
use crate::unroll::{Order, unroll};

/// The gates of one step by name, each `(batch, hidden)`, for reading.
pub type GateValues<E> = Vec<(&'static str, Var<E>)>;

/// A step to take many times; see [`Cell::stepper`].
pub type Stepper<'c, E, S> = Box<dyn Fn(&Var<E>, &S) -> S + 'c>;

/// A recurrent cell: from an input and a state to the next state, whose [`hidden`](State::hidden) is the output.
///
/// A step is in three parts. The sums from the input depend on no state, so [`unroll`] computes those of all steps in
/// one product; the sums from the state are another product; the gates work unit by unit. Combinators such as
/// [`Normalised`] and [`Masked`] change one of them and leave the others.
///
/// ```
/// use recurrent::{Cell, LstmCell};
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = LstmCell::<f32>::new(5, 7, true, &mut rng)?;
/// let x = Tensor::ones(&[2, 5]).into();                             // (batch, input)
/// let state = cell.step(&x, &cell.start(2));                        // h and c, (batch, hidden)
/// let state = cell.step(&x, &state);
/// assert_eq!(state.h.shape(), [2, 7]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
pub trait Cell<E: Element = f32> {
    /// What it remembers.
    type State: State<E>;

    /// Size of the input.
    fn input(&self) -> usize;

    /// Size of the output.
    fn hidden(&self) -> usize;

    /// The state before the first step: zeros.
    fn start(&self, batch: usize) -> Self::State;

    /// The sums from the input, bias included: `x (.., input)` → `(.., sums)`.
    ///
    /// # Panics
    /// If the last dimension is not `input`.
    fn input_sums(&self, x: &Var<E>) -> Var<E>;

    /// The sums from the last output, bias included: `h (batch, hidden)` → `(batch, sums)`.
    ///
    /// # Panics
    /// If the last dimension is not `hidden`.
    fn recurrent_sums(&self, h: &Var<E>) -> Var<E>;

    /// From the sums to the next state, and the gates on the way.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    fn update(&self, input: &Var<E>, recurrent: &Var<E>, state: &Self::State)
    -> (Self::State, GateValues<E>);

    /// One step: `x (batch, input)` → the next state.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    fn step(&self, x: &Var<E>, state: &Self::State) -> Self::State {
        self.update(&self.input_sums(x), &self.recurrent_sums(state.hidden()), state).0
    }

    /// A step to take many times, each `x (batch, input)` and a state → the next state: as [`step`](Self::step), and
    /// where a cell has something quicker for many steps, that.
    fn stepper(&self) -> Stepper<'_, E, Self::State> {
        Box::new(|x, state| self.step(x, state))
    }

    /// The maps whose sums [`input_sums`](Self::input_sums) gives, if it gives nothing else: sums of known inputs can then
    /// be computed once and added up from parts. `None`, the default, if it does more.
    fn maps(&self) -> Option<&Weights<E>> {
        None
    }

    /// One step of rows that go on from rows of `state`, without gradients; see [`Fork`].
    ///
    /// # Panics
    /// If the shapes do not fit together, or there is no such row.
    #[track_caller]
    fn fork(&self, fork: &Fork<'_, E>, state: &Self::State) -> Self::State {
        self.update(&fork.input_sums(), &fork.recurrent_sums(), &state.rows(fork.parents)).0
    }

    /// All steps: `x (time, batch, input)` → outputs `(time, batch, hidden)` and the last state, as [`unroll`] says.
    /// Cells with a fused kernel do it here.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    fn sequence(&self, x: &Var<E>, state: &Self::State, order: &Order) -> (Var<E>, Self::State)
    where
        Self: Sized,
    {
        unroll(self, x, state, order)
    }
}

/// A cell that sizes alone define.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, NewCell, RnnCell, unroll, Order};
/// /// Works for any cell.
/// fn last<C: Cell + NewCell<f32>>(steps: usize) -> Result<Vec<f32>, nn::ConfigError> {
///     let cell = C::new_cell(3, 2, true, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0))?;
///     let x = tensor::Tensor::ones(&[steps, 1, 3]).into();                              // (time, batch, input)
///     let (_, state) = unroll(&cell, &x, &cell.start(1), &Order::forward(steps, 1));
///     Ok(recurrent::State::hidden(&state).value().to_vec())
/// }
/// assert_eq!(last::<RnnCell>(4)?.len(), 2);
/// # Ok::<(), nn::ConfigError>(())
/// ```
pub trait NewCell<E: Element>: Sized {
    /// A cell with PyTorch's random start: everything uniform within `±1/√hidden`.
    ///
    /// # Errors
    /// If a size is 0.
    fn new_cell(
        input: usize,
        hidden: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError>;
}

/// Implements [`nn::Module`] with the parameters of the first field under their own names, as if they were this
/// struct's, and the others under the fields'.
macro_rules! flat_module {
    ($name:ident<$e:ident $(, $c:ident)?> { $flat:ident $(, $field:ident)* $(; $($other:ident),*)? }) => {
        impl<$e: tensor::Element $(, $c: nn::Module<$e>)?> nn::Module<$e> for $name<$e $(, $c)?> {
            fn visit<'a>(&'a self, path: &mut nn::Path, visitor: &mut nn::Visitor<'_, 'a, $e>) {
                let Self { $flat, $($field,)* $($($other: _,)*)? } = self;
                nn::Module::<$e>::visit($flat, path, visitor);
                $(path.scope(stringify!($field), |path| nn::Module::<$e>::visit($field, path, visitor));)*
            }
            fn visit_mut<'a>(&'a mut self, path: &mut nn::Path, visitor: &mut nn::VisitorMut<'_, 'a, $e>) {
                let Self { $flat, $($field,)* $($($other: _,)*)? } = self;
                nn::Module::<$e>::visit_mut($flat, path, visitor);
                $(path.scope(stringify!($field), |path| nn::Module::<$e>::visit_mut($field, path, visitor));)*
            }
        }
    };
}
pub(crate) use flat_module;

/// State, sizes and sums from the input of a cell that remembers its output alone.
macro_rules! own_sizes {
    () => {
        type State = Var<E>;

        fn input(&self) -> usize {
            self.weights.input()
        }

        fn hidden(&self) -> usize {
            self.hidden
        }

        fn start(&self, batch: usize) -> Var<E> {
            Var::constant(tensor::Tensor::zeros(&[batch, self.hidden]))
        }

        #[track_caller]
        fn input_sums(&self, x: &Var<E>) -> Var<E> {
            self.weights.input_sums(x)
        }
    };
}
pub(crate) use own_sizes;

/// State and sizes of a combinator that are those of the cell inside.
macro_rules! inner_sizes {
    ($state:ty) => {
        type State = $state;

        fn input(&self) -> usize {
            self.cell.input()
        }

        fn hidden(&self) -> usize {
            self.cell.hidden()
        }

        fn start(&self, batch: usize) -> $state {
            self.cell.start(batch)
        }
    };
}
pub(crate) use inner_sizes;

/// Sums of a combinator that are those of the cell inside.
macro_rules! inner_sums {
    () => {
        #[track_caller]
        fn input_sums(&self, x: &Var<E>) -> Var<E> {
            self.cell.input_sums(x)
        }

        #[track_caller]
        fn recurrent_sums(&self, h: &Var<E>) -> Var<E> {
            self.cell.recurrent_sums(h)
        }
    };
}
pub(crate) use inner_sums;
