//! The gated recurrent unit, with the reset gate before or after the product.

use autograd::Var;
use nn::{ConfigError, Param};
use rand::Rng;
use serde::{Deserialize, Serialize};
use tensor::Element;
use tensor::kernels::recurrent::GruGates;

use super::{Cell, GateValues, NewCell, Weights, flat_module, own_sizes};
use crate::fused;
use crate::unroll::{Order, unroll};

/// What the reset gate of a GRU resets.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, GruCell, Reset};
/// use tensor::Tensor;
/// let new = |reset| GruCell::<f32>::new(3, 2, reset, true, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0));
/// let (after, before) = (new(Reset::After)?, new(Reset::Before)?);                     // the same weights
/// let x = Tensor::ones(&[1, 3]).into();                                                // (batch, input)
/// let from = |h: f32| [&after, &before].map(|cell| cell.step(&x, &Tensor::full(&[1, 2], h).into()).value().to_vec());
/// // They differ by what is reset: with a state, and by the bias inside the product even from zeros.
/// let [a, b] = from(0.9);
/// assert_ne!(a, b);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// The product, `n = tanh(W_in·x + b_in + r·(W_hn·h + b_hn))`, as in cuDNN and PyTorch.
    #[default]
    After,
    /// The state, `n = tanh(W_in·x + b_in + W_hn·(r·h) + b_hn)`, as in the paper.
    Before,
}

/// The gated recurrent unit (Cho et al. 2014): `r = σ(W_ir·x + b_ir + W_hr·h + b_hr)`, `z` likewise,
/// `n` as [`Reset`] says, `h = (1 − z)·n + z·h`. PyTorch's names, order of gates `r, z, n` and start.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::{Cell, GruCell, Reset};
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let mut cell = GruCell::<f32>::new(3, 2, Reset::After, true, &mut rng)?;
/// // With biases that close the way in (z = 1), the state stays what it is.
/// let bias = cell.weights.bias_ih.as_mut().unwrap();
/// bias.set(Tensor::from_slice(&[0.0, 0.0, 50.0, 50.0, 0.0, 0.0], &[6]));            // of r, z, n
/// let state = Tensor::from_slice(&[0.25, -0.5], &[1, 2]).into();
/// let next = cell.step(&Tensor::ones(&[1, 3]).into(), &state);
/// assert_eq!(next.value().to_vec(), [0.25, -0.5]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GruCell<E: Element = f32> {
    /// Its maps.
    pub weights: Weights<E>,
    hidden: usize,
    reset: Reset,
}
flat_module!(GruCell<E> { weights; hidden, reset });

impl<E: Element> GruCell<E> {
    /// A cell with random weights.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(
        input: usize,
        hidden: usize,
        reset: Reset,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let weights = Weights::new("GRU cell", [input, hidden, hidden], 3, bias, rng)?;
        Ok(Self { weights, hidden, reset })
    }

    /// The rows `gates` of the recurrent map of `h`, in blocks of `hidden`.
    fn recurrent_part(&self, h: &Var<E>, gates: std::ops::Range<usize>) -> Var<E> {
        let rows = gates.start * self.hidden..gates.end * self.hidden;
        let weight = self.weights.weight_hh.var().slice(0, rows.clone());
        let bias = self.weights.bias_hh.as_ref().map(|bias| Param::var(bias).slice(0, rows));
        h.linear(&weight, bias.as_ref())
    }
}

impl<E: Element> NewCell<E> for GruCell<E> {
    fn new_cell(
        input: usize,
        hidden: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        Self::new(input, hidden, Reset::After, bias, rng)
    }
}

impl<E: Element> Cell<E> for GruCell<E> {
    own_sizes!();

    fn maps(&self) -> Option<&Weights<E>> {
        Some(&self.weights)
    }

    /// All three sums, or those of `r` and `z` where `n`'s waits for the reset.
    #[track_caller]
    fn recurrent_sums(&self, h: &Var<E>) -> Var<E> {
        match self.reset {
            Reset::After => self.weights.recurrent_sums(h),
            Reset::Before => self.recurrent_part(h, 0..2),
        }
    }

    #[track_caller]
    fn update(&self, input: &Var<E>, recurrent: &Var<E>, h: &Var<E>) -> (Var<E>, GateValues<E>) {
        let x = input.chunk(-1, 3);
        let q = recurrent.chunk(-1, if self.reset == Reset::After { 3 } else { 2 });
        let r = (&x[0] + &q[0]).sigmoid();
        let z = (&x[1] + &q[1]).sigmoid();
        let from_state = match self.reset {
            Reset::After => &r * &q[2],
            Reset::Before => self.recurrent_part(&(&r * h), 2..3),
        };
        let n = (&x[2] + from_state).tanh();
        let next = &n + &z * (h - &n);
        (next, vec![("r", r), ("z", z), ("n", n)])
    }

    #[track_caller]
    fn sequence(&self, x: &Var<E>, state: &Var<E>, order: &Order) -> (Var<E>, Var<E>) {
        if self.reset == Reset::Before {
            return unroll(self, x, state, order);
        }
        let out = fused::sequence("gru", GruGates, x, state, None, &self.weights, order);
        (out.y, out.h)
    }
}
