//! Which parameter a NaN or infinity has reached.

use std::fmt;

use autograd::Gradients;
use tensor::{Element, Tensor};

use crate::module::Module;

/// A parameter with a NaN or infinity in its value or gradient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonFinite {
    /// Path of the parameter.
    pub path: String,
    /// Value or gradient.
    pub part: Part,
    /// `NaN`, `inf` or `-inf`.
    pub found: String,
    /// Its row-major index.
    pub index: usize,
    /// Shape of the parameter.
    pub shape: Vec<usize>,
}

/// What of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The numbers the model computes with.
    Value,
    /// The gradient of the last backward pass.
    Gradient,
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Value => "value",
            Part::Gradient => "gradient",
        };
        let Self { path, found, index, shape, .. } = self;
        write!(f, "the {part} of {path} has {found} at element {index} of shape {shape:?}")
    }
}

impl std::error::Error for NonFinite {}

/// The first parameter of `model`, in the order of declaration, whose value or gradient is not finite: values of all
/// parameters first, since a bad one spoils the gradients of the others. Names the parameter, where
/// [`detect_anomaly`](autograd::detect_anomaly) names the operation.
///
/// ```
/// use autograd::Gradients;
/// use nn::{Module, Param, first_non_finite};
/// use tensor::Tensor;
/// let model = vec![Param::new(Tensor::<f32>::ones(&[2])), Param::new(Tensor::zeros(&[3]))];
/// let loss = model[0].var().sum() + model[1].var().ln().sum();
/// let found = first_non_finite(&model, &loss.backward()?).unwrap();
/// assert_eq!(found.to_string(), "the gradient of 1 has inf at element 0 of shape [3]");
/// assert!(first_non_finite(&model, &Gradients::new()).is_none());
/// # Ok::<(), autograd::BackwardError>(())
/// ```
pub fn first_non_finite<E: Element>(model: &dyn Module<E>, grads: &Gradients<E>) -> Option<NonFinite> {
    let params = model.parameters();
    let values = params.iter().map(|(path, param)| (path, Part::Value, Some(param.value())));
    let gradients = params.iter().map(|(path, param)| (path, Part::Gradient, grads.get(param.var())));
    values.chain(gradients).find_map(|(path, part, tensor)| describe(path, part, tensor?))
}

fn describe<E: Element>(path: &str, part: Part, tensor: &Tensor<E>) -> Option<NonFinite> {
    let index = tensor.first_non_finite()?;
    let found = tensor.contiguous().data()[index].to_string();
    Some(NonFinite { path: path.to_owned(), part, found, index, shape: tensor.shape().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;

    #[test]
    fn a_value_is_named_before_the_gradients_it_spoils() {
        let mut model = vec![
            Param::new(Tensor::<f32>::ones(&[2])),
            Param::new(Tensor::from_slice(&[1.0, f32::NAN], &[2])),
        ];
        let loss = (model[0].var() * model[1].var()).sum();
        let grads = loss.backward().unwrap();
        let found = first_non_finite(&model, &grads).unwrap();
        assert_eq!((found.path.as_str(), found.part, found.index), ("1", Part::Value, 1));
        model.truncate(1);
        let gradient = first_non_finite(&model, &grads).unwrap();
        assert_eq!(gradient.to_string(), "the gradient of 0 has NaN at element 1 of shape [2]");
    }
}
