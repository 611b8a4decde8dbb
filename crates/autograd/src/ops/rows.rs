//! An axis as the rows of a matrix, which is what the row kernels take.

use tensor::{Element, Tensor};

/// `x` in row-major order with `axis` moved to the end; no copy if it already is.
pub(super) fn axis_last<E: Element>(x: &Tensor<E>, axis: usize) -> Tensor<E> {
    let order: Vec<usize> = (0..x.rank()).filter(|a| *a != axis).chain([axis]).collect();
    x.permute(&order).contiguous()
}

/// `x` with its last axis moved back to `axis`.
pub(super) fn axis_back<E: Element>(x: &Tensor<E>, axis: usize) -> Tensor<E> {
    let mut order: Vec<usize> = (0..x.rank() - 1).collect();
    order.insert(axis, x.rank() - 1);
    x.permute(&order)
}
