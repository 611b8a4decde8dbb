//! Correlation of two rankings or measurements.

use crate::error::Error;
use crate::error_rate::same_length;

/// Pearson's linear correlation: covariance over both standard deviations, from −1 to 1. NaN if either side is constant or
/// holds a NaN or an infinity.
///
/// ```
/// let r = metrics::pearson(&[1.0, 2.0, 3.0], &[2.0, 4.0, 7.0])?;
/// assert!((r - 0.9933992677987828).abs() < 1e-12);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If the lengths differ or there are fewer than two pairs.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<f64, Error> {
    same_length(x, y)?;
    if x.len() < 2 {
        return Err(Error::Setting("a correlation needs at least two pairs"));
    }
    let (x, y) = (centred(x), centred(y));
    let product: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
    Ok(product.clamp(-1.0, 1.0))
}

/// Deviations from the mean, scaled to the norm 1. A constant has none: NaN.
fn centred(values: &[f64]) -> Vec<f64> {
    if values.iter().all(|value| *value == values[0]) {
        return vec![f64::NAN; values.len()];
    }
    // The largest numbers have no sum. By a power of two the others become smaller without rounding.
    let scale = if values.iter().any(|value| value.abs() > 1e150) { 2.0_f64.powi(-100) } else { 1.0 };
    let mean = values.iter().map(|value| value * scale).sum::<f64>() / values.len() as f64;
    let deviations: Vec<f64> = values.iter().map(|value| value * scale - mean).collect();
    // Scaled by the largest first, so that squares neither overflow nor vanish.
    let largest = deviations.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let norm = largest * deviations.iter().map(|value| (value / largest).powi(2)).sum::<f64>().sqrt();
    deviations.iter().map(|value| value / norm).collect()
}

/// Spearman's rank correlation: Pearson's of the ranks, where equal values share the mean of their ranks. NaN if either side
/// is constant or holds a NaN; infinities rank as the numbers do.
///
/// ```
/// let rho = metrics::spearman(&[1.0, 2.0, 3.0, 4.0], &[10.0, 100.0, 100.0, 1000.0])?;
/// assert!((rho - 0.9486832980505138).abs() < 1e-12);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If the lengths differ or there are fewer than two pairs.
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64, Error> {
    same_length(x, y)?;
    if x.iter().chain(y).any(|value| value.is_nan()) {
        return pearson(&vec![f64::NAN; x.len()], y);
    }
    pearson(&ranks(x), &ranks(y))
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    // −0 and 0 are neighbours in the total order, and equal.
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
        equal.iter().for_each(|&i| ranks[i] = rank);
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spearman_sees_only_the_order(values in prop::collection::vec((-9_i8..9, -9_i8..9), 2..30)) {
            let (x, y): (Vec<f64>, Vec<f64>) = values.iter().map(|&(x, y)| (f64::from(x), f64::from(y))).unzip();
            let rho = spearman(&x, &y).unwrap();
            let stretched: Vec<f64> = x.iter().map(|x| x.powi(3) + 7.0).collect();
            let same = |a: f64, b: f64| (a - b).abs() < 1e-12 || (a.is_nan() && b.is_nan());
            prop_assert!(same(spearman(&stretched, &y).unwrap(), rho));
            prop_assert!(same(spearman(&y, &x).unwrap(), rho));
            let turned: Vec<f64> = x.iter().map(|x| -x).collect();
            prop_assert!(same(spearman(&turned, &y).unwrap(), -rho));
        }
    }

    #[test]
    fn what_has_no_correlation_is_nan_or_an_error() {
        assert!(pearson(&[1.0, 1.0], &[1.0, 2.0]).unwrap().is_nan());
        assert!(spearman(&[1.0, f64::NAN], &[1.0, 2.0]).unwrap().is_nan());
        assert_eq!(pearson(&[1.0], &[1.0, 2.0]), Err(Error::Lengths { expected: 1, found: 2 }));
        assert!(spearman(&[1.0], &[1.0]).is_err());
        assert!(pearson(&[], &[]).is_err() && spearman(&[], &[]).is_err());
        assert!(pearson(&[1.0, f64::INFINITY], &[1.0, 2.0]).unwrap().is_nan());
        let infinite = [f64::NEG_INFINITY, 0.0, f64::INFINITY];
        assert_eq!(spearman(&infinite, &[1.0, 9.0, 2.0]), spearman(&[1.0, 2.0, 3.0], &[1.0, 9.0, 2.0]));
    }

    #[test]
    fn the_largest_numbers_correlate_as_small_ones_do() {
        let (x, y) = ([1.0, -1.0, 1.7, 1.6], [3.0, 1.0, 2.0, 4.0]);
        let large = x.map(|x| x * 1e308);
        assert!((pearson(&large, &y).unwrap() - pearson(&x, &y).unwrap()).abs() < 1e-12);
    }
}
