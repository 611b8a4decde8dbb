//! The tensor: shared storage seen through a shape and strides.

use std::sync::Arc;

use crate::buffer::Buffer;
use crate::element::Element;
use crate::shape::{self, Dims};

/// An n-dimensional array of `f32` (or `f64`).
///
/// A tensor is a view: storage, shape, strides and an offset. Cloning, slicing, transposing, broadcasting and
/// most reshapes copy nothing. Writing copies first if the storage is shared (copy-on-write).
///
/// ```
/// use tensor::Tensor;
/// let x = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
/// let y = &x.t() * 2.0;                                   // (3, 2)
/// assert_eq!(y.shape(), [3, 2]);
/// assert_eq!(y.to_vec(), [2.0, 8.0, 4.0, 10.0, 6.0, 12.0]);
/// ```
pub struct Tensor<E: Element = f32> {
    pub(crate) buffer: Arc<Buffer<E>>,
    pub(crate) shape: Dims,
    pub(crate) strides: Dims,
    pub(crate) offset: usize,
}

impl<E: Element> Clone for Tensor<E> {
    fn clone(&self) -> Self {
        Self { buffer: self.buffer.clone(), ..*self }
    }
}

impl<E: Element> Tensor<E> {
    #[track_caller]
    pub(crate) fn from_buffer(buffer: Buffer<E>, shape: &[usize]) -> Self {
        debug_assert_eq!(buffer.as_slice().len(), shape::size(shape));
        Self {
            buffer: Arc::new(buffer),
            shape: Dims::new(shape),
            strides: shape::contiguous_strides(shape),
            offset: 0,
        }
    }

    /// A tensor of this shape whose values `fill` writes, all of them: the slice it gets, in row-major order,
    /// holds stale values of earlier tensors.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let squares = Tensor::<f32>::build(&[4], |out| {
    ///     for (i, o) in out.iter_mut().enumerate() {
    ///         *o = (i * i) as f32;
    ///     }
    /// });
    /// assert_eq!(squares.to_vec(), [0.0, 1.0, 4.0, 9.0]);
    /// ```
    ///
    /// # Panics
    /// If a tensor of this shape does not fit the address space; so do all functions that make one.
    #[track_caller]
    pub fn build(shape: &[usize], fill: impl FnOnce(&mut [E])) -> Self {
        let mut buffer = Buffer::stale(shape::size(shape));
        fill(buffer.as_mut_slice());
        Self::from_buffer(buffer, shape)
    }

    /// The values of `data` in row-major order.
    ///
    /// # Panics
    /// If `data` does not have as many values as the shape.
    #[track_caller]
    pub fn from_vec(data: Vec<E>, shape: &[usize]) -> Self {
        Self::of_values("from_vec", &data, shape)
    }

    /// The values of `data` in row-major order.
    ///
    /// # Panics
    /// If `data` does not have as many values as the shape.
    #[track_caller]
    pub fn from_slice(data: &[E], shape: &[usize]) -> Self {
        Self::of_values("from_slice", data, shape)
    }

    #[track_caller]
    fn of_values(op: &str, data: &[E], shape: &[usize]) -> Self {
        assert!(
            data.len() == shape::size(shape),
            "{op}: {} values for shape {shape:?}, which has {}",
            data.len(),
            shape::size(shape)
        );
        Self::from_buffer(Buffer::from_slice(data), shape)
    }

    /// All `value`.
    #[track_caller]
    pub fn full(shape: &[usize], value: E) -> Self {
        Self::from_buffer(Buffer::filled(shape::size(shape), value), shape)
    }

    /// All 0.
    #[track_caller]
    pub fn zeros(shape: &[usize]) -> Self {
        Self::full(shape, E::ZERO)
    }

    /// All 1.
    #[track_caller]
    pub fn ones(shape: &[usize]) -> Self {
        Self::full(shape, E::ONE)
    }

    /// One value, shape `()`.
    pub fn scalar(value: E) -> Self {
        Self::full(&[], value)
    }

    /// `0, 1, …, n − 1`, shape `(n)`.
    pub fn arange(n: usize) -> Self {
        Self::build(&[n], |out| out.iter_mut().enumerate().for_each(|(i, o)| *o = E::from_usize(i)))
    }

    /// The identity matrix, shape `(n, n)`.
    pub fn eye(n: usize) -> Self {
        let mut eye = Self::zeros(&[n, n]);
        let data = eye.data_mut();
        (0..n).for_each(|i| data[i * n + i] = E::ONE);
        eye
    }

    /// Sizes of the dimensions.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Elements between neighbours along each dimension; 0 along a broadcast one.
    #[inline]
    pub fn strides(&self) -> &[usize] {
        &self.strides
    }

    /// Number of dimensions.
    #[inline]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        shape::size(&self.shape)
    }

    /// Whether some dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size of dimension `axis`; negative counts from the end.
    ///
    /// # Panics
    /// If there is no such dimension.
    #[track_caller]
    pub fn dim(&self, axis: isize) -> usize {
        self.shape[shape::axis_index("dim", axis, self.rank())]
    }

    /// Whether the elements lie in row-major order without gaps.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        let mut step = 1;
        for axis in (0..self.rank()).rev() {
            if self.shape[axis] != 1 && self.strides[axis] != step {
                return self.is_empty();
            }
            step *= self.shape[axis];
        }
        true
    }

    /// The same values in row-major order; no copy if they already are.
    pub fn contiguous(&self) -> Self {
        if self.is_contiguous() { self.clone() } else { self.map(|x| x) }
    }

    /// The elements in row-major order.
    ///
    /// # Panics
    /// If the tensor is a strided view; call [`contiguous`](Self::contiguous) first.
    #[track_caller]
    #[inline]
    pub fn data(&self) -> &[E] {
        assert!(
            self.is_contiguous(),
            "data: a strided view, shape {:?} strides {:?}",
            self.shape,
            self.strides
        );
        &self.strided_data()[..self.len()]
    }

    /// The storage from this view's first element on, to be read with [`strides`](Self::strides).
    #[inline]
    pub fn strided_data(&self) -> &[E] {
        &self.buffer.as_slice()[self.offset.min(self.buffer.as_slice().len())..]
    }

    /// The elements in row-major order for writing; copies first if the storage is shared or strided.
    pub fn data_mut(&mut self) -> &mut [E] {
        let whole = self.is_contiguous() && self.offset == 0 && self.len() == self.buffer.as_slice().len();
        if !(whole && Arc::get_mut(&mut self.buffer).is_some()) {
            *self = if self.is_contiguous() {
                Self::from_buffer(Buffer::from_slice(self.data()), &self.shape)
            } else {
                self.contiguous()
            };
        }
        Arc::get_mut(&mut self.buffer).expect("storage was just made unique").as_mut_slice()
    }

    /// The elements in row-major order.
    pub fn to_vec(&self) -> Vec<E> {
        self.contiguous().data().to_vec()
    }

    /// The value of a tensor with one element.
    ///
    /// # Panics
    /// If it has more or none.
    #[track_caller]
    pub fn item(&self) -> E {
        assert!(
            self.len() == 1,
            "item: a tensor of shape {:?} has {} values, not one",
            self.shape,
            self.len()
        );
        self.strided_data()[0]
    }

    /// The element at `index`.
    ///
    /// # Panics
    /// If `index` has another rank or is out of range.
    #[track_caller]
    pub fn at(&self, index: &[usize]) -> E {
        let inside = index.len() == self.rank() && index.iter().zip(&*self.shape).all(|(i, d)| i < d);
        assert!(inside, "at: index {index:?} of shape {:?}", self.shape);
        self.strided_data()[index.iter().zip(&*self.strides).map(|(i, s)| i * s).sum::<usize>()]
    }

    /// The same values as the other element type, rounded to nearest.
    pub fn cast<F: Element>(&self) -> Tensor<F> {
        let source = self.contiguous();
        Tensor::build(&self.shape, |out| {
            out.iter_mut().zip(source.data()).for_each(|(o, x)| *o = F::from_f64(x.to_f64()));
        })
    }

    /// Index (row-major) of the first NaN or infinity.
    pub fn first_non_finite(&self) -> Option<usize> {
        let source = self.contiguous();
        source.data().iter().position(|x| !x.is_finite())
    }
}

/// Equal shapes and equal values (so a tensor with a NaN differs from itself).
impl<E: Element> PartialEq for Tensor<E> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.contiguous().data() == other.contiguous().data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "shape [4611686018427387904] has more elements than fit the address space")]
    fn bytes_of_a_tensor_do_not_wrap() {
        let _ = Tensor::<f32>::zeros(&[1 << 62]);
    }

    #[test]
    #[should_panic(expected = "shape [8589934592, 8589934592] has more elements than fit the address space")]
    fn elements_of_a_tensor_do_not_wrap() {
        let _ = Tensor::<f32>::zeros(&[1 << 33, 1 << 33]);
    }

    #[test]
    #[should_panic(expected = "has more elements than fit the address space")]
    fn views_do_not_wrap() {
        let _ = Tensor::<f32>::zeros(&[1]).broadcast_to(&[1 << 33, 1 << 33]);
    }

    #[test]
    fn copy_on_write_leaves_the_other_alone() {
        let a = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0], &[3]);
        let mut b = a.clone();
        b.data_mut()[0] = 9.0;
        assert_eq!(a.to_vec(), [1.0, 2.0, 3.0]);
        assert_eq!(b.to_vec(), [9.0, 2.0, 3.0]);
    }

    #[test]
    fn writing_to_a_view_does_not_touch_its_source() {
        let a = Tensor::<f32>::arange(6).reshape(&[2, 3]);
        let mut column = a.slice(1, 1..2);
        column.data_mut()[1] = -1.0;
        assert_eq!(column.to_vec(), [1.0, -1.0]);
        assert_eq!(a.to_vec(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn zero_sized_dimensions_work() {
        let empty = Tensor::<f32>::zeros(&[2, 0, 3]);
        assert!(empty.is_empty() && empty.is_contiguous());
        assert_eq!(empty.t().to_vec(), Vec::<f32>::new());
        assert_eq!(empty.map(|x| x + 1.0).shape(), [2, 0, 3]);
    }
}
