//! Arrays of token ids and indices.

use std::fmt;
use std::sync::Arc;

use crate::shape::{self, Dims};

/// An n-dimensional array of `u32` token ids or indices. Cheap to clone.
///
/// ```
/// use tensor::Ids;
/// let ids = Ids::new(vec![3, 1, 4, 1, 5, 9], &[2, 3]);     // (batch, time)
/// assert_eq!(ids.row(1), [1, 5, 9]);
/// let error = ids.check_below(9, "token").unwrap_err();
/// assert_eq!(error.to_string(), "token 9 at position [1, 2] is not below 9");
/// ```
#[derive(Clone, PartialEq)]
pub struct Ids {
    data: Arc<Vec<u32>>,
    shape: Dims,
}

impl Ids {
    /// The ids of `data` in row-major order.
    ///
    /// # Panics
    /// If `data` does not have as many values as the shape.
    #[track_caller]
    pub fn new(data: Vec<u32>, shape: &[usize]) -> Self {
        assert!(
            data.len() == shape::size(shape),
            "ids: {} values for shape {shape:?}, which has {}",
            data.len(),
            shape::size(shape)
        );
        Self { data: Arc::new(data), shape: Dims::new(shape) }
    }

    /// The ids of `data`, shape `(len)`.
    pub fn from_slice(data: &[u32]) -> Self {
        Self::new(data.to_vec(), &[data.len()])
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

    /// The ids in row-major order.
    #[inline]
    pub fn data(&self) -> &[u32] {
        &self.data
    }

    /// Number of ids.
    #[inline]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether some dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The same ids under another shape; copies nothing.
    ///
    /// # Panics
    /// If the number of ids differs.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        if shape::size(shape) != self.len() {
            let operands = [("from", "", self.shape()), ("to", "", shape)];
            let why = format!("{} and {} elements", self.len(), shape::size(shape));
            shape::fail("reshape of ids", &operands, &why);
        }
        Self { data: self.data.clone(), shape: Dims::new(shape) }
    }

    /// All ids at `index` of the first dimension, in row-major order: of `(batch, time)` ids one sequence.
    ///
    /// # Panics
    /// If `index` is out of range or there are no dimensions.
    #[track_caller]
    pub fn row(&self, index: usize) -> &[u32] {
        let inside = self.shape.first().is_some_and(|rows| index < *rows);
        assert!(inside, "row: {index} of ids with shape {:?}", self.shape);
        let width = shape::size(&self.shape[1..]);
        &self.data[index * width..][..width]
    }

    /// Checks that every id is below `limit`. `what` names the kind of id in the error: `"token"`.
    ///
    /// # Errors
    /// At the first id that is not.
    pub fn check_below(&self, limit: usize, what: &str) -> Result<(), IdError> {
        match self.data.iter().position(|id| *id as usize >= limit) {
            None => Ok(()),
            Some(flat) => Err(IdError {
                what: what.to_owned(),
                position: shape::unravel(flat, &self.shape)[..].to_vec(),
                id: self.data[flat],
                limit,
            }),
        }
    }

    /// Panics at the caller's line if an id is not below `limit`, naming the operation.
    #[track_caller]
    pub(crate) fn assert_below(&self, op: &str, limit: usize) {
        if let Err(error) = self.check_below(limit, "id") {
            panic!("{op}: {error}");
        }
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ids {:?} {:?}", self.shape, self.data)
    }
}

/// An id outside its range, with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdError {
    /// What the id names: `token`, `class`.
    pub what: String,
    /// Index of the id in its array.
    pub position: Vec<usize>,
    /// The id.
    pub id: u32,
    /// The number of things there are: ids must be below it.
    pub limit: usize,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at position {:?} is not below {}", self.what, self.id, self.position, self.limit)
    }
}

impl std::error::Error for IdError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshapes_share_their_data() {
        let ids = Ids::from_slice(&[5, 2, 3, 5, 7, 0]);
        let grid = ids.reshape(&[3, 2]);
        assert_eq!((grid.shape(), grid.row(1)), (&[3, 2][..], &[3, 5][..]));
        assert_eq!(grid.data().as_ptr(), ids.data().as_ptr());
        assert_eq!(format!("{grid:?}"), "Ids [3, 2] [5, 2, 3, 5, 7, 0]");
    }

    #[test]
    fn the_first_id_out_of_range_is_named() {
        let ids = Ids::new(vec![0, 1, 2, 3, 4, 5], &[2, 1, 3]);
        assert_eq!(ids.check_below(6, "token"), Ok(()));
        let error = ids.check_below(4, "token").unwrap_err();
        assert_eq!((error.position.as_slice(), error.id, error.limit), (&[1, 0, 1][..], 4, 4));
        assert_eq!(Ids::new(vec![], &[0, 4]).check_below(0, "token"), Ok(()));
    }

    #[test]
    #[should_panic(expected = "reshape of ids: from (6), to (4): 6 and 4 elements")]
    fn reshape_keeps_the_number() {
        let _ = Ids::from_slice(&[0; 6]).reshape(&[4]);
    }
}
