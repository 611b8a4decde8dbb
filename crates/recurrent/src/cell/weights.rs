//! The two linear maps of every cell.

use autograd::Var;
use nn::init::Init;
use nn::{ConfigError, Param, module};
use rand::Rng;
use tensor::Element;

/// From input and last output to the sums of all gates, with PyTorch's names, shapes and two biases.
///
/// ```
/// use rand::SeedableRng;
/// use recurrent::GruCell;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let cell = GruCell::<f32>::new(3, 2, recurrent::Reset::After, false, &mut rng)?;
/// assert_eq!(cell.weights.weight_ih.shape(), [6, 3]);                                  // (gates·hidden, input)
/// assert!(cell.weights.bias_ih.is_none());                                             // made without
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Weights<E: Element = f32> {
    /// `(gates·hidden, input)`
    pub weight_ih: Param<E>,
    /// `(gates·hidden, hidden)`, or `(gates·hidden, projected)` behind a projection.
    pub weight_hh: Param<E>,
    /// `(gates·hidden)`
    pub bias_ih: Option<Param<E>>,
    /// `(gates·hidden)`
    pub bias_hh: Option<Param<E>>,
}
module!(Weights<E> { weight_ih, weight_hh, bias_ih, bias_hh });

impl<E: Element> Weights<E> {
    /// Everything uniform within `±1/√hidden`, as PyTorch starts it. The last output has `recurrent` values.
    ///
    /// # Errors
    /// If a size is 0.
    pub(crate) fn new(
        what: &'static str,
        [input, hidden, recurrent]: [usize; 3],
        gates: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        for (setting, size) in [("input", input), ("hidden", hidden), ("projected", recurrent)] {
            if size == 0 {
                return Err(ConfigError::new(what, setting, size, "at least 1"));
            }
        }
        let bound = 1.0 / (hidden as f64).sqrt();
        let mut values =
            |shape: &[usize]| Param::new(Init::Uniform { low: -bound, high: bound }.tensor(shape, rng));
        let rows = gates * hidden;
        Ok(Self {
            weight_ih: values(&[rows, input]),
            weight_hh: values(&[rows, recurrent]),
            bias_ih: bias.then(|| values(&[rows])),
            bias_hh: bias.then(|| values(&[rows])),
        })
    }

    pub(crate) fn input(&self) -> usize {
        self.weight_ih.shape()[1]
    }

    #[track_caller]
    pub(crate) fn input_sums(&self, x: &Var<E>) -> Var<E> {
        x.linear(self.weight_ih.var(), self.bias_ih.as_ref().map(Param::var))
    }

    #[track_caller]
    pub(crate) fn recurrent_sums(&self, h: &Var<E>) -> Var<E> {
        h.linear(self.weight_hh.var(), self.bias_hh.as_ref().map(Param::var))
    }
}
