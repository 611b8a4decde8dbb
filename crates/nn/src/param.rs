//! A trainable tensor.

use autograd::Var;
use tensor::{Element, Tensor};

/// A parameter of a layer: a leaf of the graph, unless frozen.
///
/// A clone starts equal and is then independent: its own leaf, its own gradient.
///
/// ```
/// use nn::Param;
/// use tensor::Tensor;
/// let mut weight = Param::new(Tensor::<f32>::ones(&[2, 3]));
/// assert!(weight.var().needs_grad());
/// weight.freeze();
/// assert!(!weight.var().needs_grad());
/// ```
#[derive(Debug)]
pub struct Param<E: Element = f32> {
    var: Var<E>,
}

impl<E: Element> Param<E> {
    /// A trainable parameter.
    pub fn new(value: Tensor<E>) -> Self {
        Self { var: Var::leaf(value) }
    }

    /// The variable, to compute with.
    #[inline]
    pub fn var(&self) -> &Var<E> {
        &self.var
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> &Tensor<E> {
        self.var.value()
    }

    /// The value for changing in place.
    pub fn value_mut(&mut self) -> &mut Tensor<E> {
        self.var.value_mut()
    }

    /// Replaces the value.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn set(&mut self, value: Tensor<E>) {
        assert!(
            value.shape() == self.value().shape(),
            "set: a value of shape {:?} for a parameter of shape {:?}",
            value.shape(),
            self.value().shape()
        );
        *self.value_mut() = value;
    }

    /// Sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        self.value().shape()
    }

    /// Whether the parameter takes part in training.
    pub fn is_trainable(&self) -> bool {
        self.var.needs_grad()
    }

    /// Takes the parameter out of training: a constant from now on.
    pub fn freeze(&mut self) {
        self.var = self.var.detach();
    }

    /// Puts the parameter (back) into training.
    pub fn unfreeze(&mut self) {
        if !self.is_trainable() {
            self.var = Var::leaf(self.value().clone());
        }
    }
}

impl<E: Element> Clone for Param<E> {
    fn clone(&self) -> Self {
        let value = self.value().clone();
        Self { var: if self.is_trainable() { Var::leaf(value) } else { Var::constant(value) } }
    }
}
