//! The mean of several checkpoints' parameters.

use tensor::{Element, Tensor};

use crate::checkpoint::{Named, compare};
use crate::error::Error;

/// The mean of tensors of the same names and shapes (checkpoint averaging, Vaswani et al. 2017), summed in
/// f64; in the order of the first.
///
/// ```
/// use tensor::Tensor;
/// let named = |x: f32| vec![("w".to_string(), Tensor::full(&[2], x))];
/// let mean = train::average(&[named(1.0), named(4.0)])?;
/// assert_eq!(mean[0].1.to_vec(), [2.5, 2.5]);
/// # Ok::<(), train::Error>(())
/// ```
///
/// # Errors
/// If there is nothing to average, or [`Error::Mismatch`] with everything in which one set differs from the
/// first.
pub fn average<E: Element>(sets: &[Named<E>]) -> Result<Named<E>, Error> {
    let Some((first, rest)) = sets.split_first() else {
        return Err(Error::Config("there is no checkpoint to average".into()));
    };
    let expected: Vec<(String, Vec<usize>)> =
        first.iter().map(|(name, value)| (name.clone(), value.shape().to_vec())).collect();
    for set in rest {
        compare(&expected, set).into_result()?;
    }
    let mean = |name: &str, value: &Tensor<E>| {
        let mut sums: Vec<f64> = value.to_vec().into_iter().map(Element::to_f64).collect();
        for (_, other) in rest.iter().flatten().filter(|(other, _)| other == name) {
            sums.iter_mut().zip(other.to_vec()).for_each(|(sum, x)| *sum += x.to_f64());
        }
        let values = sums.into_iter().map(|sum| E::from_f64(sum / sets.len() as f64)).collect();
        Tensor::from_vec(values, value.shape())
    };
    Ok(first.iter().map(|(name, value)| (name.clone(), mean(name, value))).collect())
}
