//! Layer norm inside a cell.

use autograd::Var;
use nn::LayerNorm;
use tensor::Element;

use super::lstm::{self, Look, LstmVariant, lstm_update};
use super::{Cell, GateValues, LstmCell, flat_module, inner_sizes, inner_sums};
use crate::state::LstmState;

/// Layer norm of both kinds of sums of any cell (Ba, Kiros & Hinton 2016, section 3.1 and the appendix).
#[derive(Clone, Debug)]
pub struct Normalised<E: Element, C> {
    /// The cell inside.
    pub cell: C,
    /// Of the sums from the input.
    pub norm_ih: LayerNorm<E>,
    /// Of the sums from the state.
    pub norm_hh: LayerNorm<E>,
}
flat_module!(Normalised<E, C> { cell, norm_ih, norm_hh });

/// Layer norm of what goes through an LSTM's last tanh, `h = o·tanh(LN(c))`.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, LstmCell, LstmState, NormalisedMemory};
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = NormalisedMemory::new(LstmCell::<f32>::new(3, 2, true, &mut rng)?);
/// // However large a memory has grown, what is read of it is not: tanh stays where it has a slope.
/// let large = LstmState { h: Tensor::zeros(&[1, 2]).into(), c: Tensor::from_slice(&[900.0, 100.0], &[1, 2]).into() };
/// let next = cell.step(&Tensor::ones(&[1, 3]).into(), &large);
/// assert!(next.h.value().to_vec().iter().all(|h| h.abs() < 0.8));                      // tanh(±1) = ±0.76
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NormalisedMemory<E: Element, C> {
    /// The LSTM inside.
    pub cell: C,
    /// Of the memory.
    pub norm_c: LayerNorm<E>,
}
flat_module!(NormalisedMemory<E, C> { cell, norm_c });

/// The layer-normalised LSTM of the paper: both kinds of sums, and the memory on its way out.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, LayerNormLstmCell, LstmCell, Normalised, NormalisedMemory, Stack, StackConfig};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// // Two layers of it.
/// let config = StackConfig { layers: 2, ..StackConfig::new(5, 7) };
/// let stack = Stack::<LayerNormLstmCell<f32>>::with(config, |input| {
///     Ok(Normalised::new(NormalisedMemory::new(LstmCell::new(input, 7, true, &mut rng)?)))
/// })?;
/// let x = tensor::Tensor::ones(&[2, 4, 5]).into();                          // (batch, time, input)
/// assert_eq!(stack.forward(&x, None, None, &mut nn::Mode::Eval).y.shape(), [2, 4, 7]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
pub type LayerNormLstmCell<E> = Normalised<E, NormalisedMemory<E, LstmCell<E>>>;

impl<E: Element, C: Cell<E>> Normalised<E, C> {
    /// Norms around `cell`, with weight 1 and bias 0.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use recurrent::{Cell, GruCell, Normalised, Reset};
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let cell = Normalised::new(GruCell::<f32>::new(5, 7, Reset::After, true, &mut rng)?);
    /// assert_eq!(cell.step(&tensor::Tensor::ones(&[2, 5]).into(), &cell.start(2)).shape(), [2, 7]);
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    pub fn new(cell: C) -> Self {
        let x = Var::constant(tensor::Tensor::zeros(&[1, cell.input()]));
        let widths = [cell.input_sums(&x), cell.recurrent_sums(crate::State::hidden(&cell.start(1)))];
        let [norm_ih, norm_hh] = widths.map(|sums| LayerNorm::with_bias(sums.dim(-1), true));
        Self { cell, norm_ih, norm_hh }
    }
}

impl<E: Element, C: LstmVariant<E>> NormalisedMemory<E, C> {
    /// A norm around `cell`, with weight 1 and bias 0.
    pub fn new(cell: C) -> Self {
        let hidden = cell.start(1).c.dim(-1);
        Self { cell, norm_c: LayerNorm::with_bias(hidden, true) }
    }
}

impl<E: Element, C: Cell<E>> Cell<E> for Normalised<E, C> {
    inner_sizes!(C::State);

    #[track_caller]
    fn input_sums(&self, x: &Var<E>) -> Var<E> {
        self.norm_ih.forward(&self.cell.input_sums(x))
    }

    #[track_caller]
    fn recurrent_sums(&self, h: &Var<E>) -> Var<E> {
        self.norm_hh.forward(&self.cell.recurrent_sums(h))
    }

    #[track_caller]
    fn update(&self, input: &Var<E>, recurrent: &Var<E>, state: &C::State) -> (C::State, GateValues<E>) {
        self.cell.update(input, recurrent, state)
    }
}

impl<E: Element, C: LstmVariant<E>> LstmVariant<E> for NormalisedMemory<E, C> {
    fn look(&self, gate: Look, c: &Var<E>) -> Option<Var<E>> {
        self.cell.look(gate, c)
    }

    fn read(&self, c: &Var<E>) -> Var<E> {
        self.norm_c.forward(&self.cell.read(c))
    }
}

impl<E: Element, C: LstmVariant<E>> Cell<E> for NormalisedMemory<E, C> {
    inner_sizes!(LstmState<E>);
    inner_sums!();
    lstm_update!();
}
