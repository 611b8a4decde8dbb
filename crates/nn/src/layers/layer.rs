//! Layers of one input and one output, one after another and around a residual connection.

use std::fmt;

use autograd::{Case, Var};
use rand::Rng;
use tensor::Element;

use super::{
    Activation, Dropout, FeedForward, GatedFeedForward, Glu, LayerNorm, Linear, LockedDropout, LogSoftmax,
    PRelu, RmsNorm, Softmax, Sparsemax,
};
use crate::gradcheck::{gradcheck_module_with, randomise};
use crate::mode::Mode;
use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::{ConfigError, module};

pub(super) const CASES: &[Case] = &[Case::new("Sequential and Residual", |draw| {
    let [batch, input, hidden] = draw.dims();
    let mut model = sample(input, hidden, draw.rng()).expect("sizes");
    randomise(&mut model, draw);
    let (x, rng) = (draw.normal(&[batch, input]), draw.rng().clone());
    gradcheck_module_with(&model, &[x], |model, v| model.forward(&v[0], &mut Mode::Train(&mut rng.clone())))
})];

fn sample(input: usize, hidden: usize, rng: &mut impl Rng) -> Result<Sequential<f64>, ConfigError> {
    let inner = Sequential::new().with(Linear::new(hidden, hidden, true, rng)?).with(Activation::Tanh);
    let outer = Sequential::new().with(Linear::new(input, hidden, true, rng)?).with(Dropout::new(0.2)?);
    Ok(outer.with(Residual::new(inner)).with(LayerNorm::new(hidden)?))
}

/// A layer of one input and one output, to be put into a [`Sequential`].
pub trait Layer<E: Element = f32>: Module<E> + BoxedClone<E> + fmt::Display + Send + Sync {
    /// The output for `x`.
    fn forward_layer(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E>;
}

/// Cloning behind a box; every [`Layer`] that is `Clone` has it.
#[doc(hidden)]
pub trait BoxedClone<E: Element> {
    /// A copy.
    fn boxed_clone(&self) -> Box<dyn Layer<E>>;
}

impl<E: Element, L: Layer<E> + Clone + 'static> BoxedClone<E> for L {
    fn boxed_clone(&self) -> Box<dyn Layer<E>> {
        Box::new(self.clone())
    }
}

macro_rules! layers {
    ($($layer:ty: |$self:ident, $x:ident, $mode:pat_param| $forward:expr;)*) => {$(
        impl<E: Element> Layer<E> for $layer {
            #[track_caller]
            fn forward_layer(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
                let ($self, $x, $mode) = (self, x, mode);
                $forward
            }
        }
    )*};
}
layers! {
    Linear<E>: |layer, x, _| layer.forward(x);
    LayerNorm<E>: |layer, x, _| layer.forward(x);
    RmsNorm<E>: |layer, x, _| layer.forward(x);
    PRelu<E>: |layer, x, _| layer.forward(x);
    FeedForward<E>: |layer, x, mode| layer.forward(x, mode);
    GatedFeedForward<E>: |layer, x, _| layer.forward(x);
    Sequential<E>: |layer, x, mode| layer.forward(x, mode);
    Activation: |layer, x, _| layer.forward(x);
    Glu: |layer, x, _| layer.forward(x);
    Dropout: |layer, x, mode| layer.forward(x, mode);
    LockedDropout: |layer, x, mode| layer.forward(x, mode);
    Softmax: |layer, x, _| layer.forward(x);
    LogSoftmax: |layer, x, _| layer.forward(x);
    Sparsemax: |layer, x, _| layer.forward(x);
}

macro_rules! without_parameters {
    ($($layer:ty)*) => {$(
        impl<E: Element> Module<E> for $layer {
            fn visit<'a>(&'a self, _: &mut Path, _: &mut Visitor<'_, 'a, E>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut Path, _: &mut VisitorMut<'_, 'a, E>) {}
        }
    )*};
}
without_parameters!(Activation Glu Dropout LockedDropout Softmax LogSoftmax Sparsemax);

/// Layers one after another; parameters are named by the layer's index, as in PyTorch: `0.weight`.
///
/// ```
/// use autograd::Var;
/// use nn::{Activation, Dropout, Linear, Mode, Module, Sequential};
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = Sequential::<f32>::new()
///     .with(Linear::new(5, 7, true, rng)?)
///     .with(Activation::Relu)
///     .with(Dropout::new(0.1)?)
///     .with(Linear::new(7, 3, true, rng)?);
/// let logits = model.forward(&Var::constant(Tensor::ones(&[2, 5])), &mut Mode::Eval);   // (batch, 3)
/// assert_eq!(logits.shape(), [2, 3]);
/// assert_eq!(model.parameters()[2].0, "3.weight");
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Default)]
pub struct Sequential<E: Element = f32> {
    layers: Vec<Box<dyn Layer<E>>>,
}

impl<E: Element> Sequential<E> {
    /// No layers: the identity.
    pub fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// Appends a layer.
    pub fn with(mut self, layer: impl Layer<E> + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The output of the last layer for input `x` of the first.
    ///
    /// # Panics
    /// If the layers' sizes do not fit together.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        self.layers.iter().fold(x.clone(), |x, layer| layer.forward_layer(&x, mode))
    }
}

impl<E: Element> Module<E> for Sequential<E> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, E>) {
        self.layers.visit(path, visitor);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, E>) {
        self.layers.visit_mut(path, visitor);
    }
}

impl<E: Element> Clone for Sequential<E> {
    fn clone(&self) -> Self {
        Self { layers: self.layers.iter().map(|layer| layer.boxed_clone()).collect() }
    }
}

/// One layer per line.
impl<E: Element> fmt::Display for Sequential<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sequential(")?;
        for (i, layer) in self.layers.iter().enumerate() {
            let text = layer.to_string().replace('\n', "\n  ");
            write!(f, "\n  {i}: {text}")?;
        }
        f.write_str(if self.layers.is_empty() { ")" } else { "\n)" })
    }
}

impl<E: Element> fmt::Debug for Sequential<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `y = x + inner(x)` (He et al. 2015).
#[derive(Clone, Debug)]
pub struct Residual<E: Element = f32> {
    /// The layers beside the connection.
    pub inner: Sequential<E>,
}
module!(Residual<E> { inner });

impl<E: Element> Residual<E> {
    /// A connection around these layers.
    pub fn new(inner: Sequential<E>) -> Self {
        Self { inner }
    }
}

impl<E: Element> Layer<E> for Residual<E> {
    #[track_caller]
    fn forward_layer(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        x + self.inner.forward(x, mode)
    }
}

impl<E: Element> fmt::Display for Residual<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Residual({})", self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use tensor::Tensor;

    #[test]
    fn prints_sizes_and_names_paths() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let inner =
            Sequential::<f32>::new().with(Linear::new(3, 3, false, &mut rng).unwrap()).with(Activation::Tanh);
        let model = Sequential::new()
            .with(Residual::new(inner))
            .with(PRelu::new(1).unwrap())
            .with(Glu::GEGLU)
            .with(LogSoftmax);
        let expected = "Sequential(\n  0: Residual(Sequential(\n    0: Linear(input=3, output=3, no bias)\n    \
                        1: Tanh\n  ))\n  1: PRelu(channels=1)\n  2: Glu(Gelu)\n  3: LogSoftmax\n)";
        assert_eq!(model.to_string(), expected);
        let paths: Vec<String> = model.parameters().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["0.inner.0.weight", "1.weight"]);
    }

    #[test]
    fn copies_are_independent() {
        let model = Sequential::<f32>::new().with(PRelu::new(1).unwrap());
        let mut copy = model.clone();
        copy.parameters_mut()[0].1.set(Tensor::zeros(&[1]));
        assert_eq!(model.parameters()[0].1.value().item(), 0.25);
        let identity = Sequential::<f32>::new();
        let x = Var::constant(Tensor::ones(&[2]));
        assert_eq!(identity.forward(&x, &mut Mode::Eval).value(), x.value());
        assert_eq!(identity.to_string(), "Sequential()");
    }
}
