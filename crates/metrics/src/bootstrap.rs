//! Confidence intervals by resampling (Efron 1979, percentile method).

use crate::error::Error;

/// A value with an interval around it.
///
/// ```
/// let scores = [0.61, 0.58, 0.66, 0.60, 0.63];
/// let mean = metrics::bootstrap_mean(&scores, 2_000, 0.95, 1)?;
/// println!("{:.3} [{:.3}, {:.3}]", mean.value, mean.low, mean.high);
/// assert!(0.58 < mean.low && mean.low < mean.value && mean.value < mean.high && mean.high < 0.66);
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The statistic of the data itself.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Interval of any statistic of `count` items: `statistic` gets the indices of a resample, as many as there
/// are items, drawn with replacement. Deterministic from `seed`. Where the statistic of any resample is NaN, both ends are.
///
/// ```
/// use metrics::bootstrap;
/// let (hits, words) = ([1.0, 0.0, 2.0, 3.0], [2.0, 1.0, 4.0, 3.0]);
/// let ratio = |items: &[usize]| {
///     items.iter().map(|&i| hits[i]).sum::<f64>() / items.iter().map(|&i| words[i]).sum::<f64>()
/// };
/// let interval = bootstrap(4, 1_000, 0.95, 42, ratio)?;
/// assert_eq!(interval.value, 0.6);
/// assert!(interval.low <= 0.6 && 0.6 <= interval.high);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// Of a corpus score:
///
/// ```
/// use metrics::{Chrf, CorpusMetric, bootstrap};
/// let chrf = Chrf::default();
/// let segments = chrf.segments(&["the cat", "a dog ran", "we go"], &[["the cat"], ["a dog runs"], ["we went"]])?;
/// let score = |items: &[usize]| chrf.score(&segments.sums_of(items.iter().copied())).0;
/// let interval = bootstrap(segments.count(), 1_000, 0.95, 42, score)?;
/// println!("{:.1} ({:.1} to {:.1})", interval.value, interval.low, interval.high);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If there are no items or resamples, or the confidence is not between 0 and 1.
pub fn bootstrap(
    count: usize,
    resamples: usize,
    confidence: f64,
    seed: u64,
    statistic: impl Fn(&[usize]) -> f64,
) -> Result<Interval, Error> {
    if count == 0 {
        return Err(Error::Empty);
    }
    if resamples == 0 {
        return Err(Error::Setting("bootstrap needs at least one resample"));
    }
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(Error::Setting("the confidence of a bootstrap lies between 0 and 1"));
    }
    let mut items: Vec<usize> = (0..count).collect();
    let value = statistic(&items);
    let mut random = SplitMix(seed);
    let mut values = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        items.iter_mut().for_each(|item| *item = random.below(count));
        values.push(statistic(&items));
    }
    if values.iter().any(|value| value.is_nan()) {
        return Ok(Interval { value, low: f64::NAN, high: f64::NAN });
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Ok(Interval { value, low: quantile(&values, tail), high: quantile(&values, 1.0 - tail) })
}

/// Interval of the mean of `values`.
///
/// ```
/// let values: Vec<f64> = (0..100).map(|i| (i % 10) as f64).collect();
/// let mean = metrics::bootstrap_mean(&values, 1_000, 0.95, 1)?;
/// assert_eq!(mean.value, 4.5);
/// assert!(mean.low > 3.5 && mean.high < 5.5);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// As [`bootstrap`].
pub fn bootstrap_mean(
    values: &[f64],
    resamples: usize,
    confidence: f64,
    seed: u64,
) -> Result<Interval, Error> {
    let mean = |items: &[usize]| items.iter().map(|&i| values[i]).sum::<f64>() / items.len() as f64;
    bootstrap(values.len(), resamples, confidence, seed, mean)
}

/// Quantile of sorted values, interpolated between neighbours.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    // The difference of equal infinities is NaN.
    if low == high { low } else { low + (high - low) * at.fract() }
}

/// SplitMix64 (Steele et al. 2014): enough to draw resamples, and spares this crate a dependency.
pub(crate) struct SplitMix(u64);

impl SplitMix {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..bound`: the high half of the product (Lemire 2019), whose bias of `bound / 2^64` is
    /// far below what any number of resamples can show.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// The interval of a mean approaches the normal one: ± 1.96 standard errors.
    #[test]
    fn matches_the_normal_interval() {
        let mut random = SplitMix(9);
        let values: Vec<f64> = (0..400).map(|_| random.below(1_000) as f64 / 1_000.0).collect();
        let mean = values.iter().sum::<f64>() / 400.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 399.0;
        let half = 1.96 * (variance / 400.0).sqrt();
        let found = bootstrap_mean(&values, 4_000, 0.95, 3).unwrap();
        assert!((found.low - (mean - half)).abs() < 0.1 * half, "{found:?}");
        assert!((found.high - (mean + half)).abs() < 0.1 * half, "{found:?}");
        assert_eq!(found, bootstrap_mean(&values, 4_000, 0.95, 3).unwrap());
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // First outputs for seed 1234567, from the generator's reference implementation.
        let mut random = SplitMix(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn quantiles_equal_numpys() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/metrics/bootstrap.json");
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for case in golden["quantiles"].as_array().unwrap() {
            let [values, at, quantiles] = ["values", "at", "quantiles"].map(|key| {
                case[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>()
            });
            for (at, expected) in at.into_iter().zip(quantiles) {
                assert!((quantile(&values, at) - expected).abs() < 1e-12, "{at} of {values:?}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_not_hidden() {
        let mean = bootstrap_mean(&[1.0, f64::NAN, 2.0, 3.0, 4.0], 100, 0.9, 0).unwrap();
        assert!(mean.value.is_nan() && mean.low.is_nan() && mean.high.is_nan());
        // A ratio that is 0 ÷ 0 in a few of the resamples alone.
        let words = [0.0, 0.0, 1.0];
        let ratio = |items: &[usize]| {
            let sum = items.iter().map(|&i| words[i]).sum::<f64>();
            sum / sum
        };
        let interval = bootstrap(3, 100, 0.5, 0, ratio).unwrap();
        assert!(interval.value == 1.0 && interval.low.is_nan() && interval.high.is_nan());
        let infinite = bootstrap_mean(&[f64::INFINITY; 3], 100, 0.9, 0).unwrap();
        assert_eq!((infinite.low, infinite.high), (f64::INFINITY, f64::INFINITY));
    }

    #[test]
    fn settings_are_checked() {
        assert_eq!(bootstrap_mean(&[], 10, 0.9, 0), Err(Error::Empty));
        assert!(bootstrap_mean(&[1.0], 0, 0.9, 0).is_err());
        assert!(bootstrap_mean(&[1.0], 10, 1.0, 0).is_err());
        assert_eq!(bootstrap_mean(&[2.0], 10, 0.9, 0), Ok(Interval { value: 2.0, low: 2.0, high: 2.0 }));
    }
}
