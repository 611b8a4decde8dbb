//! Arrays of truth values: results of comparisons, masks.

use std::fmt;
use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

use crate::element::Element;
use crate::elementwise::{merge, segments};
use crate::shape::{self, Dims};
use crate::tensor::Tensor;

/// An n-dimensional array of booleans, in row-major order. Cheap to clone.
///
/// ```
/// use tensor::Bools;
/// let causal = Bools::from_fn(&[3, 3], |at| at[1] <= at[0]);          // (query time, key time)
/// let seen = Bools::new(vec![true, true, false], &[3]);               // (key time)
/// assert_eq!((&causal & &seen).count(), 5);
/// ```
#[derive(Clone, PartialEq)]
pub struct Bools {
    data: Arc<Vec<bool>>,
    shape: Dims,
}

impl Bools {
    /// The values of `data` in row-major order.
    ///
    /// # Panics
    /// If `data` does not have as many values as the shape.
    #[track_caller]
    pub fn new(data: Vec<bool>, shape: &[usize]) -> Self {
        assert!(
            data.len() == shape::size(shape),
            "bools: {} values for shape {shape:?}, which has {}",
            data.len(),
            shape::size(shape)
        );
        Self { data: Arc::new(data), shape: Dims::new(shape) }
    }

    /// The values of `data`, shape `(len)`.
    pub fn from_slice(data: &[bool]) -> Self {
        Self::new(data.to_vec(), &[data.len()])
    }

    /// All `value`.
    #[track_caller]
    pub fn full(shape: &[usize], value: bool) -> Self {
        Self::new(vec![value; shape::size(shape)], shape)
    }

    /// `f(index)` at every index.
    #[track_caller]
    pub fn from_fn(shape: &[usize], f: impl Fn(&[usize]) -> bool) -> Self {
        let data = (0..shape::size(shape)).map(|flat| f(&shape::unravel(flat, shape))).collect();
        Self::new(data, shape)
    }

    /// Sizes of the dimensions.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of dimensions.
    #[inline]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The values in row-major order.
    #[inline]
    pub fn data(&self) -> &[bool] {
        &self.data
    }

    /// Number of values.
    #[inline]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether some dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The value at `index`.
    ///
    /// # Panics
    /// If `index` has another rank or is out of range.
    #[track_caller]
    pub fn at(&self, index: &[usize]) -> bool {
        let inside = index.len() == self.rank() && index.iter().zip(&*self.shape).all(|(i, d)| i < d);
        assert!(inside, "at: index {index:?} of bools with shape {:?}", self.shape);
        self.data[index.iter().zip(&*self.shape).fold(0, |flat, (i, d)| flat * d + i)]
    }

    /// How many are true.
    pub fn count(&self) -> usize {
        self.data.iter().filter(|value| **value).count()
    }

    /// Whether one at least is true.
    pub fn any(&self) -> bool {
        self.data.contains(&true)
    }

    /// Whether none is false; so for an empty array too.
    pub fn all(&self) -> bool {
        !self.data.contains(&false)
    }

    /// The same values under another shape; copies nothing.
    ///
    /// # Panics
    /// If the number of values differs.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        if shape::size(shape) != self.len() {
            let operands = [("from", "", self.shape()), ("to", "", shape)];
            let why = format!("{} and {} elements", self.len(), shape::size(shape));
            shape::fail("reshape of bools", &operands, &why);
        }
        Self { data: self.data.clone(), shape: Dims::new(shape) }
    }

    /// Stretched to `shape` by repeating dimensions of size 1 (NumPy's rule). A copy, unless nothing changes.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn broadcast_to(&self, shape: &[usize]) -> Self {
        if *self.shape == *shape {
            return self.clone();
        }
        if shape::broadcast(&self.shape, shape).is_none_or(|out| out[..] != *shape) {
            let operands = [("from", "", self.shape()), ("to", "", shape)];
            let why = "a dimension that is not 1 would have to stretch";
            shape::fail("broadcast_to of bools", &operands, why);
        }
        let strides = shape::broadcast_strides(&self.shape, &shape::contiguous_strides(&self.shape), shape);
        let (dims, strides) = merge(shape, [strides]);
        let mut data = vec![false; shape::size(shape)];
        if !data.is_empty() {
            segments(&dims, strides, 0, &mut data, &mut |[at], [step], out| match step {
                0 => out.fill(self.data[at]),
                _ => out.iter_mut().enumerate().for_each(|(i, o)| *o = self.data[at + i * step]),
            });
        }
        Self::new(data, shape)
    }

    /// True where both are, with broadcasting.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn and(&self, other: &Self) -> Self {
        self.zip("and", other, |a, b| a & b)
    }

    /// True where one or both are, with broadcasting.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn or(&self, other: &Self) -> Self {
        self.zip("or", other, |a, b| a | b)
    }

    /// True where this is false.
    #[allow(clippy::should_implement_trait)] // `Not` is implemented for references, as the tensor operators are.
    pub fn not(&self) -> Self {
        Self::new(self.data.iter().map(|value| !value).collect(), &self.shape)
    }

    /// 1 where true, 0 where false.
    pub fn to_tensor<E: Element>(&self) -> Tensor<E> {
        Tensor::build(&self.shape, |out| {
            out.iter_mut().zip(self.data()).for_each(|(o, &b)| *o = if b { E::ONE } else { E::ZERO });
        })
    }

    #[track_caller]
    fn zip(&self, op: &str, other: &Self, f: impl Fn(bool, bool) -> bool) -> Self {
        let Some(shape) = shape::broadcast(&self.shape, &other.shape) else {
            let operands = [("left", "", self.shape()), ("right", "", other.shape())];
            shape::fail(op, &operands, "shapes do not broadcast");
        };
        let (a, b) = (self.broadcast_to(&shape), other.broadcast_to(&shape));
        Self::new(a.data().iter().zip(b.data()).map(|(a, b)| f(*a, *b)).collect(), &shape)
    }
}

/// [`Bools::and`].
impl BitAnd for &Bools {
    type Output = Bools;
    #[track_caller]
    fn bitand(self, other: Self) -> Bools {
        self.and(other)
    }
}

/// [`Bools::or`].
impl BitOr for &Bools {
    type Output = Bools;
    #[track_caller]
    fn bitor(self, other: Self) -> Bools {
        self.or(other)
    }
}

/// [`Bools::not`].
impl Not for &Bools {
    type Output = Bools;
    fn not(self) -> Bools {
        Bools::not(self)
    }
}

impl fmt::Debug for Bools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.data.iter().map(|value| if *value { '1' } else { '0' }).collect();
        write!(f, "Bools {:?} {digits}", self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_repeats_as_tensors_do() {
        let a = Bools::from_fn(&[2, 1, 3], |at| (at[0] + at[2]) % 2 == 0);
        let b = a.broadcast_to(&[4, 2, 5, 3]);
        let expected = a.to_tensor::<f64>().broadcast_to(&[4, 2, 5, 3]);
        assert_eq!(b.to_tensor::<f64>(), expected);
        assert_eq!(Bools::full(&[1], true).broadcast_to(&[0, 3]).len(), 0);
    }

    #[test]
    fn logic() {
        let row = Bools::from_slice(&[true, false]);
        let column = row.reshape(&[2, 1]);
        assert_eq!((&row & &column).data(), [true, false, false, false]);
        assert_eq!((&row | &column).data(), [true, true, true, false]);
        assert_eq!((!&row).data(), [false, true]);
        assert!(row.any() && !row.all() && row.at(&[0]));
        assert_eq!(format!("{row:?}"), "Bools [2] 10");
    }

    #[test]
    #[should_panic(expected = "and: left (2), right (3): shapes do not broadcast")]
    fn mismatch_names_both_shapes() {
        let _ = &Bools::full(&[2], true) & &Bools::full(&[3], true);
    }
}
