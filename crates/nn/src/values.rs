//! Numbers on their way to and from files: the one place where the element type becomes data.

use serde::{Deserialize, Serialize};
use tensor::{Element, Tensor};

/// The values of a tensor in row-major order, in the precision they have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl Values {
    /// The values of `tensor`.
    pub fn of<E: Element>(tensor: &Tensor<E>) -> Self {
        let tensor = tensor.contiguous();
        let values = tensor.data().iter().map(|x| x.to_f64());
        if E::NAME == f32::NAME {
            // From f32 to f64 and back: the same number.
            Self::F32(values.map(|x| x as f32).collect())
        } else {
            Self::F64(values.collect())
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A tensor of this shape, rounded to `E` where that is the lesser precision; `None` if the number of values
    /// does not fit the shape.
    pub fn to_tensor<E: Element>(&self, shape: &[usize]) -> Option<Tensor<E>> {
        if shape.iter().try_fold(1_usize, |n, dim| n.checked_mul(*dim)) != Some(self.len()) {
            return None;
        }
        Some(Tensor::build(shape, |out| match self {
            Self::F32(values) => convert(values, out, |x| f64::from(*x)),
            Self::F64(values) => convert(values, out, |x| *x),
        }))
    }
}

fn convert<T, E: Element>(values: &[T], out: &mut [E], to_f64: impl Fn(&T) -> f64) {
    out.iter_mut().zip(values).for_each(|(out, x)| *out = E::from_f64(to_f64(x)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_kept() {
        let single = Tensor::from_vec(vec![0.1_f32, -3.0e-41, f32::INFINITY], &[3]);
        let values = Values::of(&single.reshape(&[3, 1]));
        assert_eq!(values, Values::F32(vec![0.1, -3.0e-41, f32::INFINITY]));
        assert_eq!(values.to_tensor::<f32>(&[3]).unwrap(), single);
        assert_eq!(Values::of(&Tensor::scalar(0.1_f64)), Values::F64(vec![0.1]));
        assert!(values.to_tensor::<f32>(&[2]).is_none());
        assert!(values.to_tensor::<f32>(&[usize::MAX, 2]).is_none());
    }
}
