//! The bilinear layer.

use std::fmt;

use autograd::{Case, Var};
use rand::Rng;
use tensor::{Element, shape};

use crate::config::{ConfigError, positive_size};
use crate::gradcheck::{gradcheck_module_with, randomise};
use crate::init::Init;
use crate::module;
use crate::param::Param;

pub(super) const CASES: &[Case] = &[Case::new("Bilinear", |draw| {
    let [batch, time, input1, input2, output] = draw.dims();
    let mut layer = Bilinear::new(input1, input2, output, draw.flip(), draw.rng()).expect("sizes");
    randomise(&mut layer, draw);
    let inputs = [draw.normal(&[batch, time, input1]), draw.normal(&[batch, time, input2])];
    gradcheck_module_with(&layer, &inputs, |layer, v| layer.forward(&v[0], &v[1]))
})];

/// `y_o = x₁ᵀ·weight_o·x₂ + bias_o`
///
/// ```
/// # use autograd::Var;
/// # use nn::Bilinear;
/// # use rand::SeedableRng;
/// # use tensor::Tensor;
/// let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let layer = Bilinear::<f32>::new(5, 7, 2, true, rng)?;
/// let [x1, x2] = [5, 7].map(|input| Var::constant(Tensor::ones(&[3, input])));
/// assert_eq!(layer.forward(&x1, &x2).shape(), [3, 2]);                           // (batch, output)
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bilinear<E: Element = f32> {
    /// `(output, input1, input2)`
    pub weight: Param<E>,
    /// `(output)`
    pub bias: Option<Param<E>>,
}
module!(Bilinear<E> { weight, bias });

impl<E: Element> Bilinear<E> {
    /// Weights and bias uniform within `±1/√input1`, as PyTorch starts them.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(
        input1: usize,
        input2: usize,
        output: usize,
        bias: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        positive_size("bilinear", "input1", input1)?;
        positive_size("bilinear", "input2", input2)?;
        positive_size("bilinear", "output", output)?;
        let bound = 1.0 / (input1 as f64).sqrt();
        let init = Init::Uniform { low: -bound, high: bound };
        let weight = Param::new(init.tensor(&[output, input1, input2], rng));
        Ok(Self { weight, bias: bias.then(|| Param::new(init.tensor(&[output], rng))) })
    }

    /// `x1 (.., input1)`, `x2 (.., input2)` → `(.., output)`
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn forward(&self, x1: &Var<E>, x2: &Var<E>) -> Var<E> {
        let operands = [
            ("x1", ".. input1", x1.shape()),
            ("x2", ".. input2", x2.shape()),
            ("weight", "output input1 input2", self.weight.shape()),
        ];
        shape::agree("bilinear", &operands);
        let batch = &x1.shape()[..x1.rank() - 1];
        if *batch != x2.shape()[..x2.rank() - 1] {
            shape::fail("bilinear", &operands, "the dimensions before the last differ");
        }
        let [output, input1, input2] = *self.weight.shape() else { unreachable!("agreed above") };
        let rows = shape::size(batch);
        let table = self.weight.var().permute(&[1, 0, 2]).reshape(&[input1, output * input2]);
        let left = x1.reshape(&[rows, input1]).matmul(&table).reshape(&[rows, output, input2]);
        let y = left.matmul(&x2.reshape(&[rows, input2, 1])); // (rows, output, 1)
        let y = y.reshape(&[batch, &[output]].concat()); // (.., output)
        match &self.bias {
            Some(bias) => y + bias.var(),
            None => y,
        }
    }
}

impl<E: Element> fmt::Display for Bilinear<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [output, input1, input2] = *self.weight.shape() else { return Err(fmt::Error) };
        let bias = if self.bias.is_some() { "bias" } else { "no bias" };
        write!(f, "Bilinear(input1={input1}, input2={input2}, output={output}, {bias})")
    }
}
