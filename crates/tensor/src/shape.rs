//! Shapes: inline dimension lists, broadcasting, and the one format of shape errors.
//!
//! A shape mistake in arithmetic is a bug of the caller, so it panics, at the caller's line, with the
//! operation, every operand's shape with its named dimensions, and what differs:
//!
//! ```text
//! linear: x (batch=2, time=3, input=5), weight (output=7, input=4): `input` is 5 in x but 4 in weight
//! ```

use std::fmt::Write as _;
use std::ops::{Deref, DerefMut};

/// The most dimensions a tensor can have.
pub const MAX_RANK: usize = 8;

/// A list of up to [`MAX_RANK`] dimension sizes or strides, stored inline. Derefs to a slice.
#[derive(Clone, Copy, Default)]
pub struct Dims {
    len: usize,
    values: [usize; MAX_RANK],
}

impl Dims {
    /// Copies `values`.
    ///
    /// # Panics
    /// If there are more than [`MAX_RANK`].
    #[track_caller]
    pub fn new(values: &[usize]) -> Self {
        assert!(values.len() <= MAX_RANK, "a tensor has at most {MAX_RANK} dimensions, found {values:?}");
        let mut dims = Self { len: values.len(), ..Self::default() };
        dims.values[..values.len()].copy_from_slice(values);
        dims
    }

    /// Appends one value at the end.
    ///
    /// # Panics
    /// If there are [`MAX_RANK`] already.
    #[track_caller]
    pub fn push(&mut self, value: usize) {
        assert!(self.len < MAX_RANK, "a tensor has at most {MAX_RANK} dimensions");
        self.values[self.len] = value;
        self.len += 1;
    }

    /// Removes and returns the value at `axis`.
    ///
    /// # Panics
    /// If there is no such value.
    #[track_caller]
    pub fn remove(&mut self, axis: usize) -> usize {
        let value = self[axis];
        self.values.copy_within(axis + 1..self.len, axis);
        self.len -= 1;
        value
    }

    /// Inserts `value` before `axis`.
    ///
    /// # Panics
    /// If there are [`MAX_RANK`] values already, or fewer than `axis`.
    #[track_caller]
    pub fn insert(&mut self, axis: usize, value: usize) {
        self.push(0);
        self.values.copy_within(axis..self.len - 1, axis + 1);
        self.values[axis] = value;
    }
}

impl Deref for Dims {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.values[..self.len]
    }
}

impl DerefMut for Dims {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.values[..self.len]
    }
}

impl PartialEq for Dims {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl std::fmt::Debug for Dims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self[..].fmt(f)
    }
}

/// Row-major strides of a contiguous tensor of this shape.
///
/// # Panics
/// If the shape has more than [`MAX_RANK`] dimensions, or no [`size`].
#[track_caller]
pub fn contiguous_strides(shape: &[usize]) -> Dims {
    let mut strides = Dims::new(shape);
    let mut step = 1_usize;
    for axis in (0..shape.len()).rev() {
        strides[axis] = step;
        step = step.checked_mul(shape[axis]).unwrap_or_else(|| too_large(shape));
    }
    strides
}

/// The most elements a shape can have: as many `f64` as fit the address space. Every index, and every product
/// of some of the dimensions, is then far from overflow.
const MOST_ELEMENTS: usize = isize::MAX as usize / size_of::<f64>();

/// Number of elements.
///
/// # Panics
/// If there is no such number: see [`checked_size`].
#[track_caller]
#[inline]
pub fn size(shape: &[usize]) -> usize {
    checked_size(shape).unwrap_or_else(|| too_large(shape))
}

/// Number of elements; `None` if they would not fit the address space, dimensions of size 0 being counted as 1,
/// so that parts of an empty shape have a size too. For shapes that come from outside.
///
/// ```
/// use tensor::shape::checked_size;
/// assert_eq!(checked_size(&[2, 3, 5]), Some(30));
/// assert_eq!(checked_size(&[1 << 33, 1 << 33]), None);
/// ```
#[inline]
pub fn checked_size(shape: &[usize]) -> Option<usize> {
    let room = shape.iter().try_fold(1_usize, |room, dim| room.checked_mul((*dim).max(1)))?;
    (room <= MOST_ELEMENTS).then(|| if shape.contains(&0) { 0 } else { room })
}

#[track_caller]
#[cold]
fn too_large(shape: &[usize]) -> ! {
    panic!("shape {shape:?} has more elements than fit the address space")
}

/// The axis meant by `axis`: negative counts from the end. Panics if out of range.
#[track_caller]
pub fn axis_index(op: &str, axis: isize, rank: usize) -> usize {
    let index = if axis < 0 { axis + rank as isize } else { axis };
    assert!((0..rank as isize).contains(&index), "{op}: axis {axis} of a tensor with {rank} dimensions");
    index as usize
}

/// The shape both operands broadcast to (NumPy's rule: aligned at the end, size 1 stretches), if any.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Dims> {
    let rank = a.len().max(b.len());
    let mut out = Dims::new(if a.len() == rank { a } else { b });
    for back in 1..=rank {
        let da = if back <= a.len() { a[a.len() - back] } else { 1 };
        let db = if back <= b.len() { b[b.len() - back] } else { 1 };
        out[rank - back] = match (da, db) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => return None,
        };
    }
    Some(out)
}

/// Strides of a tensor of this shape and strides seen under `target`, to which it broadcasts: 0 along every
/// stretched dimension.
pub(crate) fn broadcast_strides(shape: &[usize], strides: &[usize], target: &[usize]) -> Dims {
    let mut out = Dims::new(target);
    let new = target.len() - shape.len();
    for axis in 0..target.len() {
        let stretched = axis < new || (shape[axis - new] == 1 && target[axis] != 1);
        out[axis] = if stretched { 0 } else { strides[axis - new] };
    }
    out
}

/// The index of the element at place `flat` in row-major order.
pub(crate) fn unravel(flat: usize, shape: &[usize]) -> Dims {
    let mut index = Dims::new(shape);
    let mut rest = flat;
    for axis in (0..shape.len()).rev() {
        index[axis] = rest % shape[axis];
        rest /= shape[axis];
    }
    index
}

/// One operand of an operation: its name, its named dimensions (space-separated; a leading `..` stands for
/// any number of dimensions), and its shape.
pub type Operand<'a> = (&'a str, &'a str, &'a [usize]);

/// Checks that every operand has the dimensions its pattern names and that equal names have equal sizes.
///
/// # Panics
/// In the format of the [module](self), at the caller's line.
///
/// ```
/// tensor::shape::agree("linear", &[("x", ".. input", &[2, 3, 5]), ("weight", "output input", &[7, 5])]);
/// ```
#[track_caller]
#[inline]
pub fn agree(op: &str, operands: &[Operand<'_>]) {
    if let Err(why) = unify(operands) {
        fail(op, operands, &why);
    }
}

fn unify<'a>(operands: &[Operand<'a>]) -> Result<(), String> {
    let mut bound: [(&str, usize, &str); 16] = [("", 0, ""); 16];
    let mut count = 0;
    for &(operand, pattern, shape) in operands {
        let names = pattern.strip_prefix("..").unwrap_or(pattern);
        let rank = names.split_whitespace().count();
        let open = names.len() != pattern.len();
        if shape.len() < rank || (!open && shape.len() != rank) {
            let least = if open { "at least " } else { "" };
            let names = names.split_whitespace().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "{operand} has {} dimensions, expected {least}{rank} ({names})",
                shape.len()
            ));
        }
        for (name, &dim) in names.split_whitespace().zip(&shape[shape.len() - rank..]) {
            if let Ok(fixed) = name.parse::<usize>() {
                if dim != fixed {
                    return Err(format!("a dimension of {operand} is {dim}, expected {fixed}"));
                }
            } else if let Some(&(_, known, first)) = bound[..count].iter().find(|entry| entry.0 == name) {
                if dim != known {
                    return Err(format!("`{name}` is {known} in {first} but {dim} in {operand}"));
                }
            } else {
                bound[count] = (name, dim, operand);
                count += 1;
            }
        }
    }
    Ok(())
}

/// Panics with the operation, the operands' shapes and `why`, in the format of the [module](self).
#[track_caller]
#[cold]
pub fn fail(op: &str, operands: &[Operand<'_>], why: &str) -> ! {
    let mut text = format!("{op}: ");
    for (i, &(name, pattern, shape)) in operands.iter().enumerate() {
        let separator = if i == 0 { "" } else { ", " };
        let _ = write!(text, "{separator}{name} {}", named(pattern, shape));
    }
    panic!("{text}: {why}")
}

/// `(2, time=3, input=5)`: the shape with the names of the pattern, where it has as many dimensions.
fn named(pattern: &str, shape: &[usize]) -> String {
    let open = pattern.strip_prefix("..");
    let mut names: Vec<&str> = open.unwrap_or(pattern).split_whitespace().collect();
    if open.is_none() && names.len() != shape.len() {
        names.clear();
    }
    let unnamed = shape.len().saturating_sub(names.len());
    let dims: Vec<String> = shape
        .iter()
        .enumerate()
        .map(|(axis, dim)| match axis.checked_sub(unnamed).and_then(|i| names.get(i)) {
            Some(name) if name.parse::<usize>().is_err() => format!("{name}={dim}"),
            _ => dim.to_string(),
        })
        .collect();
    format!("({})", dims.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(op: &str, operands: &[Operand<'_>]) -> String {
        let operands = operands.to_vec();
        let result = std::panic::catch_unwind(|| agree(op, &operands));
        *result.unwrap_err().downcast::<String>().unwrap()
    }

    #[test]
    fn names_op_shapes_and_difference() {
        assert_eq!(
            message("linear", &[("x", ".. input", &[2, 3, 5]), ("weight", "output input", &[7, 4])]),
            "linear: x (2, 3, input=5), weight (output=7, input=4): `input` is 5 in x but 4 in weight"
        );
        assert_eq!(
            message("lstm", &[("x", "batch input", &[2, 3, 5])]),
            "lstm: x (2, 3, 5): x has 3 dimensions, expected 2 (batch, input)"
        );
    }

    #[test]
    fn broadcasts_like_numpy() {
        assert_eq!(broadcast(&[2, 1, 5], &[3, 1]).unwrap()[..], [2, 3, 5]);
        assert_eq!(broadcast(&[], &[3]).unwrap()[..], [3]);
        assert_eq!(broadcast(&[0, 1], &[1, 4]).unwrap()[..], [0, 4]);
        assert!(broadcast(&[2, 3], &[4]).is_none());
    }

    #[test]
    fn sizes_do_not_wrap() {
        assert_eq!((size(&[]), size(&[3, 0, 1 << 40]), size(&[4, 5])), (1, 0, 20));
        assert_eq!(checked_size(&[MOST_ELEMENTS]), Some(MOST_ELEMENTS));
        for shape in [&[MOST_ELEMENTS + 1][..], &[1 << 62], &[1 << 33, 1 << 33], &[0, 1 << 40, 1 << 40]] {
            assert_eq!(checked_size(shape), None, "{shape:?}");
        }
    }

    #[test]
    fn dims_insert_and_remove() {
        let mut dims = Dims::new(&[2, 3, 5]);
        dims.insert(1, 7);
        assert_eq!(dims[..], [2, 7, 3, 5]);
        assert_eq!(dims.remove(0), 2);
        assert_eq!(dims[..], [7, 3, 5]);
    }
}
