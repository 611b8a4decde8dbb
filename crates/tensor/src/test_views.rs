//! Views of every kind for property tests.

use proptest::prelude::*;

use crate::shape;
use crate::tensor::Tensor;

/// Every index of a shape, in row-major order.
pub(crate) fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    (0..shape::size(shape)).map(|flat| shape::unravel(flat, shape)[..].to_vec()).collect()
}

/// Small integers in `[−9, 9]` that repeat late, so that sums of them are exact in any order.
pub(crate) fn values(len: usize) -> Vec<f64> {
    (0..len).map(|i| ((i * 7 + i / 19 * 5) % 19) as f64 - 9.0).collect()
}

/// Strategy: tensors of rank 0 to 4 with dimensions from `dims`; contiguous, permuted, sliced with a step,
/// or stretched along one axis.
pub(crate) fn view(dims: std::ops::Range<usize>) -> impl Strategy<Value = Tensor<f64>> {
    let shape = prop::collection::vec(dims, 0..5);
    (shape, 0_usize..5, any::<prop::sample::Index>(), 0_usize..24).prop_map(|(shape, kind, axis, turn)| {
        reshown(&shape, kind, if shape.is_empty() { 0 } else { axis.index(shape.len()) }, turn)
    })
}

/// A tensor of this shape whose memory lies in one of five ways.
pub(crate) fn reshown(shape: &[usize], kind: usize, axis: usize, turn: usize) -> Tensor<f64> {
    let rank = shape.len();
    let fresh = |shape: &[usize]| Tensor::from_vec(values(shape::size(shape)), shape);
    match kind {
        _ if rank == 0 => fresh(shape),
        1 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.rotate_left(turn % rank);
            order.swap(0, turn % 5 % rank);
            let mut back = vec![0; rank];
            order.iter().enumerate().for_each(|(to, from)| back[*from] = to);
            let turned: Vec<usize> = order.iter().map(|a| shape[*a]).collect();
            fresh(&turned).permute(&back)
        }
        2 => {
            let mut wide = shape.to_vec();
            wide[axis] = 2 * shape[axis] + 1;
            fresh(&wide).slice_step(axis as isize, 1..1 + 2 * shape[axis], 2)
        }
        3 => {
            let mut narrow = shape.to_vec();
            narrow[axis] = 1;
            fresh(&narrow).broadcast_to(shape)
        }
        _ => fresh(shape),
    }
}
