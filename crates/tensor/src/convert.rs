//! To and from `ndarray`.

use ndarray::{ArrayD, ArrayViewD, IxDyn, ShapeBuilder};

use crate::element::Element;
use crate::tensor::Tensor;

impl<E: Element> Tensor<E> {
    /// This tensor as an `ndarray` view, strides and all; copies nothing.
    pub fn view(&self) -> ArrayViewD<'_, E> {
        let shape = IxDyn(self.shape()).strides(IxDyn(self.strides()));
        // SAFETY: the strides of a tensor keep every index inside its storage, which outlives the view, and
        // strides are never negative.
        unsafe { ArrayViewD::from_shape_ptr(shape, self.strided_data().as_ptr()) }
    }
}

impl<E: Element> From<ArrayD<E>> for Tensor<E> {
    fn from(array: ArrayD<E>) -> Self {
        let shape = array.shape().to_vec();
        match array.as_slice() {
            Some(data) => Self::from_slice(data, &shape),
            None => Self::from_vec(array.iter().copied().collect(), &shape),
        }
    }
}

impl<E: Element> From<&Tensor<E>> for ArrayD<E> {
    fn from(tensor: &Tensor<E>) -> Self {
        tensor.view().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_keep_strides_and_arrays_come_back() {
        let x = Tensor::<f32>::arange(24).reshape(&[2, 3, 4]).transpose(0, 2).slice(1, 1..3);
        let view = x.view();
        assert_eq!(view.shape(), [4, 2, 2]);
        assert_eq!(view[[3, 1, 0]], x.at(&[3, 1, 0]));
        assert_eq!(Tensor::from(ArrayD::from(&x)), x);
        let stretched = Tensor::<f64>::arange(3).broadcast_to(&[2, 3]);
        assert_eq!(stretched.view().sum(), 6.0);
    }
}
