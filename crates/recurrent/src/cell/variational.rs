//! Dropout with one mask for a whole sequence.

use autograd::Var;
use nn::{ConfigError, Mode};
use serde::{Deserialize, Serialize};
use tensor::{Element, Tensor};

use super::{Cell, GateValues, inner_sizes};

/// Variational dropout (Gal & Ghahramani 2016): one mask for the inputs and one for the recurrent outputs, each the
/// same at all steps of a sequence. A GRU that resets [before](super::Reset::Before) the product reads its state there
/// without the mask.
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// use recurrent::{Cell, LstmCell, Order, VariationalDropout, unroll};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = LstmCell::<f32>::new(5, 7, true, &mut rng)?;
/// let x = tensor::Tensor::ones(&[4, 2, 5]).into();                                   // (time, batch, input)
/// let masked = VariationalDropout::new(0.2, 0.3)?.over(&cell, 2, &mut Mode::Train(&mut rng));
/// let (y, _) = unroll(&masked, &x, &masked.start(2), &Order::forward(4, 2));          // (time, batch, hidden)
/// assert_eq!(y.shape(), [4, 2, 7]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariationalDropout {
    input: f64,
    hidden: f64,
}

impl VariationalDropout {
    /// Drops inputs with probability `input` and recurrent outputs with probability `hidden`.
    ///
    /// # Errors
    /// If one is not in `[0, 1)`.
    pub fn new(input: f64, hidden: f64) -> Result<Self, ConfigError> {
        for (setting, p) in [("input", input), ("hidden", hidden)] {
            if !(0.0..1.0).contains(&p) {
                return Err(ConfigError::new("variational dropout", setting, p, "a number in [0, 1)"));
            }
        }
        Ok(Self { input, hidden })
    }

    /// The cell with masks drawn for one batch; without any in evaluation.
    pub fn over<'c, E: Element, C: Cell<E>>(
        &self,
        cell: &'c C,
        batch: usize,
        mode: &mut Mode<'_>,
    ) -> Masked<'c, E, C> {
        let mut mask = |p: f64, size: usize| {
            let rng = mode.rng().filter(|_| p > 0.0)?;
            Some(Var::constant(Tensor::ones(&[batch, size])).dropout(p, rng))
        };
        Masked { input: mask(self.input, cell.input()), hidden: mask(self.hidden, cell.hidden()), cell }
    }
}

/// A cell whose inputs and recurrent outputs are multiplied by masks; see [`VariationalDropout`].
#[derive(Clone, Debug)]
pub struct Masked<'c, E: Element, C> {
    cell: &'c C,
    /// `(batch, input)`
    input: Option<Var<E>>,
    /// `(batch, hidden)`
    hidden: Option<Var<E>>,
}

impl<E: Element, C: Cell<E>> Cell<E> for Masked<'_, E, C> {
    inner_sizes!(C::State);

    #[track_caller]
    fn input_sums(&self, x: &Var<E>) -> Var<E> {
        match &self.input {
            Some(mask) => self.cell.input_sums(&(x * mask)),
            None => self.cell.input_sums(x),
        }
    }

    #[track_caller]
    fn recurrent_sums(&self, h: &Var<E>) -> Var<E> {
        match &self.hidden {
            Some(mask) => self.cell.recurrent_sums(&(h * mask)),
            None => self.cell.recurrent_sums(h),
        }
    }

    #[track_caller]
    fn update(&self, input: &Var<E>, recurrent: &Var<E>, state: &C::State) -> (C::State, GateValues<E>) {
        self.cell.update(input, recurrent, state)
    }
}
