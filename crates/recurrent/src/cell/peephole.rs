//! Gates that look at the memory.

use autograd::Var;
use nn::Param;
use nn::init::Init;
use rand::Rng;
use tensor::Element;

use super::lstm::{self, Look, LstmVariant, lstm_update};
use super::{Cell, GateValues, flat_module, inner_sizes, inner_sums};
use crate::state::LstmState;

/// Peepholes (Gers & Schmidhuber 2000) around an LSTM: the gates' sums get `w_ci·c`, `w_cf·c` of the memory before and
/// `w_co·c` of that after, unit by unit.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, CoupledLstmCell, Peephole};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = Peephole::new(CoupledLstmCell::<f32>::new(5, 7, true, &mut rng)?, &mut rng);
/// let state = cell.step(&tensor::Tensor::ones(&[2, 5]).into(), &cell.start(2));
/// assert_eq!(state.c.shape(), [2, 7]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Peephole<E: Element, C> {
    /// The LSTM inside.
    pub cell: C,
    /// Of the input gate, `(hidden)`; unused where it is coupled to the forget gate, and then absent.
    pub weight_ci: Option<Param<E>>,
    /// Of the forget gate, `(hidden)`.
    pub weight_cf: Param<E>,
    /// Of the output gate, `(hidden)`.
    pub weight_co: Param<E>,
}
flat_module!(Peephole<E, C> { cell, weight_ci, weight_cf, weight_co });

impl<E: Element, C: LstmVariant<E>> Peephole<E, C> {
    /// Peepholes uniform within `±1/√hidden` around `cell`.
    pub fn new(cell: C, rng: &mut (impl Rng + ?Sized)) -> Self {
        let hidden = cell.start(1).c.dim(-1);
        let bound = 1.0 / (hidden as f64).sqrt();
        let mut weight = || Param::new(Init::Uniform { low: -bound, high: bound }.tensor(&[hidden], rng));
        let gates = cell.recurrent_sums(&cell.start(1).h).dim(-1) / hidden;
        Self { weight_ci: (gates == 4).then(&mut weight), weight_cf: weight(), weight_co: weight(), cell }
    }
}

impl<E: Element, C: LstmVariant<E>> LstmVariant<E> for Peephole<E, C> {
    fn look(&self, gate: Look, c: &Var<E>) -> Option<Var<E>> {
        let weight = match gate {
            Look::Input => self.weight_ci.as_ref()?,
            Look::Forget => &self.weight_cf,
            Look::Output => &self.weight_co,
        };
        Some(c * weight.var())
    }

    fn read(&self, c: &Var<E>) -> Var<E> {
        self.cell.read(c)
    }
}

impl<E: Element, C: LstmVariant<E>> Cell<E> for Peephole<E, C> {
    inner_sizes!(LstmState<E>);
    inner_sums!();
    lstm_update!();
}
