//! What an update rule is.

use tensor::{Element, Tensor};

use crate::config::ConfigError;

/// A buffer that a rule keeps for a parameter; it starts at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Name, as in saved state.
    pub name: &'static str,
    /// Shape.
    pub shape: Vec<usize>,
}

impl Buffer {
    /// A buffer of this name and shape.
    pub fn new(name: &'static str, shape: &[usize]) -> Self {
        Self { name, shape: shape.to_vec() }
    }
}

/// One update of one parameter: what is known apart from the rule's own settings.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Path of the parameter.
    pub path: &'a str,
    /// Its shape.
    pub shape: &'a [usize],
    /// How many updates this parameter has had, this one included.
    pub step: u64,
    /// Step size, the group's factor included.
    pub lr: f64,
    /// The group's factor for the rule's weight decay.
    pub decay_scale: f64,
    /// Factor of the gradient (clipping, mean over micro-batches).
    pub gradient_scale: f64,
}

/// An update rule: settings, and what they do to a parameter.
///
/// Implement it for a rule of your own, and [`Optim`](super::Optim) makes an optimiser of it:
///
/// ```
/// use nn::optim::{Buffer, Optim, Optimizer, Rule, Update};
/// use nn::{ConfigError, Module, Param};
/// use tensor::{Element, Tensor};
///
/// /// `p −= lr · sign(gradient)`
/// struct SignSgd;
/// impl<E: Element> Rule<E> for SignSgd {
///     fn name(&self) -> &'static str {
///         "sign_sgd"
///     }
///     fn validate(&self) -> Result<(), ConfigError> {
///         Ok(())
///     }
///     fn buffers(&self, _path: &str, _shape: &[usize]) -> Vec<Buffer> {
///         Vec::new()
///     }
///     fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], _buffers: &mut [Tensor<E>]) {
///         let lr = E::from_f64(update.lr);
///         p.iter_mut().zip(gradient).for_each(|(p, g)| *p -= if *g > E::ZERO { lr } else { -lr });
///     }
/// }
///
/// let mut model = Param::new(Tensor::<f32>::ones(&[2]));
/// let grads = model.backward(&model.var().sum())?;
/// Optim::new(SignSgd)?.step(&mut model, &grads, 0.25)?;
/// assert_eq!(model.value().to_vec(), [0.75, 0.75]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Rule<E: Element>: Send + Sync {
    /// Name, as in saved state.
    fn name(&self) -> &'static str;

    /// Checks the settings.
    ///
    /// # Errors
    /// At the first that makes no sense.
    fn validate(&self) -> Result<(), ConfigError>;

    /// Whether the rule is made for parameters of this shape.
    fn supports(&self, _path: &str, _shape: &[usize]) -> bool {
        true
    }

    /// The buffers kept for a parameter of this path and shape.
    fn buffers(&self, path: &str, shape: &[usize]) -> Vec<Buffer>;

    /// Changes parameter and buffers. `p` and `gradient` are in row-major order; `buffers` are those of
    /// [`buffers`](Self::buffers), in that order. Runs beside updates of other parameters.
    fn update(&self, update: &Update<'_>, p: &mut [E], gradient: &[E], buffers: &mut [Tensor<E>]);
}

/// The data of `N` buffers.
///
/// # Panics
/// If there are not `N`: the rule contradicts itself.
pub(crate) fn data<E: Element, const N: usize>(buffers: &mut [Tensor<E>]) -> [&mut [E]; N] {
    let buffers: &mut [Tensor<E>; N] = buffers.try_into().expect("a rule is given the buffers it asked for");
    buffers.each_mut().map(Tensor::data_mut)
}
