//! Means over a stream of values.

/// Mean and variance of the values so far, in one pass (Welford 1962). A NaN among the values makes all of them NaN.
///
/// ```
/// let mut mean = metrics::RunningMean::new();
/// for x in [1.0, 2.0, 6.0] {
///     mean.add(x);
/// }
/// assert_eq!((mean.count(), mean.mean(), mean.variance()), (3, 3.0, 7.0));
/// assert_eq!(mean.std_dev(), 7.0_f64.sqrt());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunningMean {
    count: usize,
    mean: f64,
    /// Sum of squared differences from the mean.
    squares: f64,
}

impl RunningMean {
    /// No values yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a value.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Their mean; NaN without values.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.mean }
    }

    /// Their sample variance (divided by count − 1); NaN below two values.
    pub fn variance(&self) -> f64 {
        if self.count < 2 { f64::NAN } else { self.squares / (self.count - 1) as f64 }
    }

    /// Square root of the variance; NaN below two values.
    pub fn std_dev(&self) -> f64 {
        self.variance().sqrt()
    }
}

/// Mean in which a value's weight falls by `decay` with each value after it, without the pull towards zero at
/// the start (bias-corrected as in Kingma & Ba 2015). NaN once a value is.
///
/// ```
/// let mut mean = metrics::ExponentialMean::new(0.9);
/// mean.add(5.0);
/// assert!((mean.mean() - 5.0).abs() < 1e-12);         // not 0.5
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialMean {
    decay: f64,
    sum: f64,
    weight: f64,
}

impl ExponentialMean {
    /// With a decay from 0 (the last value alone) to below 1.
    ///
    /// # Panics
    /// If the decay is outside `[0, 1)`.
    pub fn new(decay: f64) -> Self {
        assert!((0.0..1.0).contains(&decay), "ExponentialMean: decay {decay} is not in [0, 1)");
        Self { decay, sum: 0.0, weight: 0.0 }
    }

    /// Takes in a value.
    pub fn add(&mut self, value: f64) {
        self.sum = self.decay * self.sum + (1.0 - self.decay) * value;
        self.weight = self.decay * self.weight + (1.0 - self.decay);
    }

    /// The mean; NaN without values.
    pub fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn one_pass_equals_two(values in prop::collection::vec(-1e3_f64..1e3, 2..50), offset in -1e6_f64..1e6) {
            let mut running = RunningMean::new();
            values.iter().for_each(|v| running.add(v + offset));
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            let variance = squares / (values.len() - 1) as f64;
            prop_assert!((running.mean() - mean - offset).abs() < 1e-6);
            prop_assert!((running.variance() - variance).abs() < 1e-6 * variance.max(1.0));
        }

        #[test]
        fn a_constant_is_its_mean(value in -1e3_f64..1e3, decay in 0.0_f64..0.99, count in 1_usize..20) {
            let mut mean = ExponentialMean::new(decay);
            (0..count).for_each(|_| mean.add(value));
            prop_assert!((mean.mean() - value).abs() < 1e-9);
        }
    }

    #[test]
    fn nothing_has_no_mean() {
        assert!(RunningMean::new().mean().is_nan());
        assert!(ExponentialMean::new(0.5).mean().is_nan());
    }
}
