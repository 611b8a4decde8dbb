//! A smaller output.

use autograd::Var;
use nn::init::Init;
use nn::{ConfigError, Param};
use rand::Rng;
use tensor::{Element, Tensor};

use super::{Cell, GateValues, LstmCell, flat_module, inner_sums};
use crate::state::{LstmState, State};

/// A projection of the output (Sak et al. 2014): `h = W_hr·h`, which is also what the next step sees. PyTorch's
/// `proj_size`.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, Projected};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = Projected::<f32, _>::lstm(5, 7, 3, true, &mut rng)?;
/// let state = cell.step(&tensor::Tensor::ones(&[2, 5]).into(), &cell.start(2));
/// assert_eq!((state.h.shape(), state.c.shape()), (&[2, 3][..], &[2, 7][..]));
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Projected<E: Element, C> {
    /// The cell inside, whose recurrent weights take the projected output.
    pub cell: C,
    /// `(projected, hidden)`
    pub weight_hr: Param<E>,
}
flat_module!(Projected<E, C> { cell, weight_hr });

impl<E: Element> Projected<E, LstmCell<E>> {
    /// An LSTM with its output projected.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn lstm(
        input: usize,
        hidden: usize,
        projected: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let cell = LstmCell::with_recurrent(input, hidden, projected, bias, rng)?;
        Ok(Self::around(cell, projected, rng))
    }
}

impl<E: Element, C: Cell<E>> Projected<E, C> {
    /// A projection uniform within `±1/√hidden` around a cell made for it.
    pub fn around(cell: C, projected: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let bound = 1.0 / (cell.hidden() as f64).sqrt();
        let weight = Init::Uniform { low: -bound, high: bound }.tensor(&[projected, cell.hidden()], rng);
        Self { weight_hr: Param::new(weight), cell }
    }
}

impl<E: Element, C: Cell<E, State = LstmState<E>>> Cell<E> for Projected<E, C> {
    type State = LstmState<E>;

    fn input(&self) -> usize {
        self.cell.input()
    }

    fn hidden(&self) -> usize {
        self.weight_hr.shape()[0]
    }

    fn start(&self, batch: usize) -> LstmState<E> {
        let h = Var::constant(Tensor::zeros(&[batch, Cell::<E>::hidden(self)]));
        self.cell.start(batch).with_hidden(h)
    }

    inner_sums!();

    #[track_caller]
    fn update(
        &self,
        input: &Var<E>,
        recurrent: &Var<E>,
        state: &LstmState<E>,
    ) -> (LstmState<E>, GateValues<E>) {
        let (next, gates) = self.cell.update(input, recurrent, state);
        let h = next.h.linear(self.weight_hr.var(), None); // (batch, projected)
        (next.with_hidden(h), gates)
    }
}
