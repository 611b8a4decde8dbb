//! The simple recurrent network.

use autograd::Var;
use nn::ConfigError;
use rand::Rng;
use serde::{Deserialize, Serialize};
use tensor::Element;
use tensor::kernels::recurrent::RnnGates;

use super::{Cell, GateValues, NewCell, Weights, flat_module, own_sizes};
use crate::fused;
use crate::unroll::Order;

/// The function of a simple recurrent network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nonlinearity {
    /// Hyperbolic tangent.
    #[default]
    Tanh,
    /// Rectifier.
    Relu,
}

/// The simple recurrent network (Elman 1990): `h = f(W_ih·x + b_ih + W_hh·h + b_hh)`. PyTorch's names and start.
///
/// ```
/// use nn::Module;
/// use rand::SeedableRng;
/// use recurrent::{Cell, Nonlinearity, RnnCell};
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let mut cell = RnnCell::<f32>::new(1, 1, Nonlinearity::Tanh, false, &mut rng)?;
/// for (_, weight) in cell.parameters_mut() {
///     weight.set(Tensor::full(&[1, 1], 0.5));                       // weight_ih and weight_hh
/// }
/// let first = cell.step(&Tensor::ones(&[1, 1]).into(), &cell.start(1));
/// let second = cell.step(&Tensor::ones(&[1, 1]).into(), &first);
/// assert!((second.item() - (0.5 + 0.5 * 0.5_f32.tanh()).tanh()).abs() < 1e-6);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RnnCell<E: Element = f32> {
    /// Its maps.
    pub weights: Weights<E>,
    hidden: usize,
    nonlinearity: Nonlinearity,
}
flat_module!(RnnCell<E> { weights; hidden, nonlinearity });

impl<E: Element> RnnCell<E> {
    /// A cell with random weights.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(
        input: usize,
        hidden: usize,
        nonlinearity: Nonlinearity,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let weights = Weights::new("RNN cell", [input, hidden, hidden], 1, bias, rng)?;
        Ok(Self { weights, hidden, nonlinearity })
    }
}

impl<E: Element> NewCell<E> for RnnCell<E> {
    fn new_cell(
        input: usize,
        hidden: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        Self::new(input, hidden, Nonlinearity::Tanh, bias, rng)
    }
}

impl<E: Element> Cell<E> for RnnCell<E> {
    own_sizes!();

    fn maps(&self) -> Option<&Weights<E>> {
        Some(&self.weights)
    }

    #[track_caller]
    fn recurrent_sums(&self, h: &Var<E>) -> Var<E> {
        self.weights.recurrent_sums(h)
    }

    #[track_caller]
    fn update(&self, input: &Var<E>, recurrent: &Var<E>, _: &Var<E>) -> (Var<E>, GateValues<E>) {
        let sum = input + recurrent;
        let h = match self.nonlinearity {
            Nonlinearity::Tanh => sum.tanh(),
            Nonlinearity::Relu => sum.relu(),
        };
        (h, Vec::new())
    }

    #[track_caller]
    fn sequence(&self, x: &Var<E>, state: &Var<E>, order: &Order) -> (Var<E>, Var<E>) {
        let gates = match self.nonlinearity {
            Nonlinearity::Tanh => RnnGates::Tanh,
            Nonlinearity::Relu => RnnGates::Relu,
        };
        let out = fused::sequence("rnn", gates, x, state, None, &self.weights, order);
        (out.y, out.h)
    }
}
