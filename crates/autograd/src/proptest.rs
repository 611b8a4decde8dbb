//! Strategies for checking your own operations under [proptest](https://docs.rs/proptest), behind the feature
//! `proptest`.
//!
//! ```
//! use autograd::proptest::{shapes, tensors};
//! use autograd::{Var, gradcheck};
//! use proptest::prelude::*;
//!
//! fn swish(x: &Var<f64>) -> Var<f64> {
//!     x * x.sigmoid()
//! }
//!
//! // In a test:
//! proptest!(|(x in shapes(2).prop_flat_map(|shape| tensors(&shape)))| {
//!     gradcheck(|v| swish(&v[0]), &[x])?;
//! });
//! ```

use ::proptest::prelude::*;
use tensor::Tensor;

use crate::Gen;

/// Shapes of this rank whose dimensions all differ, so that an exchanged axis is a shape error and not a lucky
/// pass: sizes 2, 3, 4, 5 and 7, seldom a 1.
///
/// # Panics
/// Above rank 5.
pub fn shapes(rank: usize) -> impl Strategy<Value = Vec<usize>> {
    assert!(rank <= 5, "at most 5 distinct small sizes");
    let sizes = prop_oneof![9 => Just(vec![2, 3, 4, 5, 7]), 1 => Just(vec![1, 3, 4, 5, 7])];
    sizes.prop_shuffle().prop_map(move |sizes| sizes[..rank].to_vec())
}

/// Tensors of standard normal values in every memory layout: contiguous, transposed, a slice of something larger,
/// every second element, stretched from one row.
pub fn tensors(shape: &[usize]) -> impl Strategy<Value = Tensor<f64>> + use<> {
    let shape = shape.to_vec();
    gens().prop_map(move |mut draw| draw.normal(&shape))
}

/// Tensors of values in `[low, high)` in every memory layout, for operations that are not defined everywhere.
pub fn tensors_within(shape: &[usize], low: f64, high: f64) -> impl Strategy<Value = Tensor<f64>> + use<> {
    let shape = shape.to_vec();
    gens().prop_map(move |mut draw| draw.uniform(&shape, low, high))
}

/// Tensors of different values, none near another, in every layout but stretched: for operations that pick one of
/// several.
pub fn distinct_tensors(shape: &[usize]) -> impl Strategy<Value = Tensor<f64>> + use<> {
    let shape = shape.to_vec();
    gens().prop_map(move |mut draw| draw.distinct(&shape))
}

/// Generators from random seeds, for whatever else an operation takes.
pub fn gens() -> impl Strategy<Value = Gen> {
    any::<u64>().prop_map(Gen::new).no_shrink()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn dimensions_differ(shape in shapes(4)) {
            prop_assert_eq!(shape.iter().collect::<HashSet<_>>().len(), 4);
        }

        #[test]
        fn a_law_over_layouts(x in shapes(3).prop_flat_map(|shape| tensors(&shape))) {
            prop_assert_eq!(&x.t().t(), &x);
            crate::gradcheck(|v| v[0].t().tanh(), &[x])?;
        }

        #[test]
        fn values_are_where_they_are_wanted(
            positive in shapes(2).prop_flat_map(|shape| tensors_within(&shape, 0.5, 2.0)),
            distinct in shapes(3).prop_flat_map(|shape| distinct_tensors(&shape)),
        ) {
            crate::gradcheck(|v| v[0].ln(), &[positive])?;
            crate::gradcheck(|v| v[0].max_axis(-1, false), &[distinct])?;
        }
    }

    #[test]
    fn every_layout_is_drawn() {
        let layouts: HashSet<_> = (0..200)
            .map(|seed| {
                let x = Gen::new(seed).normal(&[3, 4]);
                assert_eq!(x.shape(), [3, 4]);
                x.strides().to_vec()
            })
            .collect();
        for expected in [[4, 1], [1, 3], [7, 1], [8, 2], [0, 1], [1, 0]] {
            assert!(layouts.contains(&expected[..]), "{expected:?} not in {layouts:?}");
        }
        let layouts: HashSet<_> =
            (0..100).map(|seed| Gen::new(seed).distinct(&[3, 4]).strides().to_vec()).collect();
        for expected in [[4, 1], [1, 3], [12, 1], [8, 2]] {
            assert!(layouts.contains(&expected[..]), "{expected:?} not in {layouts:?}");
        }
    }
}
