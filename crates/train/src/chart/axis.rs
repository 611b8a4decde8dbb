//! From values to places along an axis, and where its ticks are.

/// One axis: a range of values, evenly or logarithmically spaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    log: bool,
    min: f64,
    max: f64,
}

impl Axis {
    /// Covers all values that can be shown: finite, and above 0 on a logarithmic axis.
    pub(super) fn covering(values: impl Iterator<Item = f64>, log: bool, margin: f64) -> Self {
        let shown = values.filter(|v| v.is_finite() && (!log || *v > 0.0));
        let (min, max) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let (min, max) = match (min <= max, log) {
            (false, false) => (0.0, 1.0),
            (false, true) => (1.0, 10.0),
            (true, _) => (min, max),
        };
        let axis = Self { log, min, max };
        let (low, high) = (axis.warp(min), axis.warp(max));
        let pad = match high - low {
            // A single value sits in the middle of a range of its own size.
            0.0 if log => 0.5,
            0.0 => {
                if low == 0.0 {
                    1.0
                } else {
                    low.abs() * 0.5
                }
            }
            span => span * margin,
        };
        axis.unwarped(low - pad, high + pad)
    }

    /// From `min` to `max`.
    pub(super) fn range(min: f64, max: f64, log: bool) -> Self {
        Self::covering([min, max].into_iter(), log, 0.0)
    }

    fn unwarped(self, low: f64, high: f64) -> Self {
        let back = |v: f64| if self.log { 10_f64.powf(v) } else { v };
        Self { log: self.log, min: back(low), max: back(high) }
    }

    fn warp(self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    /// Place of a value, 0 at the low end and 1 at the high end; `None` if it cannot be shown.
    pub(super) fn place(self, value: f64) -> Option<f64> {
        let (low, high) = (self.warp(self.min), self.warp(self.max));
        Some((self.warp(value) - low) / (high - low)).filter(|place| place.is_finite())
    }

    /// Values and labels of about `count` ticks.
    pub(super) fn ticks(self, count: usize) -> Vec<(f64, String)> {
        let decades = self.warp(self.max) - self.warp(self.min);
        let values = match self.log {
            true if decades >= 3.0 => self.decades(&[1.0], (decades / count as f64).ceil().max(1.0) as i32),
            true if decades >= 1.0 => self.decades(&[1.0, 2.0, 5.0], 1),
            _ => self.even(count),
        };
        let step = values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        values.into_iter().map(|value| (value, label(value, if self.log { value } else { step }))).collect()
    }

    /// Multiples of 1, 2 or 5 times a power of ten.
    fn even(self, count: usize) -> Vec<f64> {
        let rough = (self.max - self.min) / count.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough * 0.75);
        let Some(step) = step.filter(|step| *step > 0.0) else {
            return vec![self.min];
        };
        let (first, last) = ((self.min / step - 1e-9).ceil(), (self.max / step + 1e-9).floor());
        (0..=(last - first) as usize).map(|i| (first + i as f64) * step).collect()
    }

    fn decades(self, multiples: &[f64], every: i32) -> Vec<f64> {
        let (low, high) = (self.min.log10().floor() as i32, self.max.log10().ceil() as i32);
        (low..=high)
            .filter(|power| power.rem_euclid(every) == 0)
            .flat_map(|power| multiples.iter().map(move |m| m * 10_f64.powi(power)))
            .filter(|value| (self.min..=self.max).contains(value))
            .collect()
    }
}

/// `value` with as many decimals as a grid of `step` needs.
fn label(value: f64, step: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0".to_owned(),
        _ if !(1e-4..1e10).contains(&size) => scientific(size),
        _ if size >= 1e6 && step >= 1e4 => format!("{}M", (size / 1e4).round() / 100.0),
        _ if size >= 1e4 && step >= 1e2 => format!("{}k", (size / 1e2).round() / 10.0),
        _ => {
            let decimals = (-step.log10() - 1e-9).ceil().clamp(0.0, 8.0) as usize;
            format!("{size:.decimals$}")
        }
    };
    if value < 0.0 { format!("−{text}") } else { text }
}

/// One digit, or as many as it takes up to three: `1e-5`, `1.25e-5`.
fn scientific(size: f64) -> String {
    let exact = |text: &String| text.parse::<f64>().is_ok_and(|value| (value / size - 1.0).abs() < 1e-6);
    let texts = [format!("{size:.0e}"), format!("{size:.1e}"), format!("{size:.2e}")];
    texts.iter().find(|text| exact(text)).unwrap_or(&texts[2]).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: Axis, count: usize) -> Vec<String> {
        axis.ticks(count).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Axis::range(0.0, 2000.0, false), 5), ["0", "500", "1000", "1500", "2000"]);
        assert_eq!(labels(Axis::range(1.37, 4.2, false), 6), ["1.5", "2.0", "2.5", "3.0", "3.5", "4.0"]);
        assert_eq!(labels(Axis::range(-0.1, 0.1, false), 4), ["−0.10", "−0.05", "0", "0.05", "0.10"]);
        assert_eq!(labels(Axis::range(0.0, 50_000.0, false), 5), ["0", "10k", "20k", "30k", "40k", "50k"]);
        assert_eq!(labels(Axis::range(0.001, 100.0, true), 6), ["0.001", "0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(Axis::range(1.5, 60.0, true), 6), ["2", "5", "10", "20", "50"]);
        assert_eq!(labels(Axis::range(0.0, 3e-5, false), 3), ["0", "1e-5", "2e-5", "3e-5"]);
        assert_eq!(labels(Axis::range(-4.0, 4.0, false), 3), ["−4", "−2", "0", "2", "4"]);
    }

    #[test]
    fn nothing_to_show_is_a_range_still() {
        for log in [false, true] {
            let axis = Axis::covering([f64::NAN, f64::INFINITY].into_iter(), log, 0.05);
            assert!(axis.ticks(5).len() > 1);
            assert_eq!(axis.place(f64::NAN), None);
        }
        assert_eq!(Axis::covering([5.0].into_iter(), false, 0.0).place(5.0), Some(0.5));
    }

    proptest! {
        #[test]
        fn ticks_lie_on_the_axis(a in -1e7_f64..1e7, span in 1e-6_f64..1e7, count in 2_usize..9, log: bool) {
            let min = if log { a.abs() + 1e-3 } else { a };
            let axis = Axis::range(min, min + span, log);
            let ticks = axis.ticks(count);
            prop_assert!(ticks.len() <= 3 * count + 3, "{}", ticks.len());
            for (value, _) in ticks {
                let place = axis.place(value).unwrap();
                prop_assert!((-1e-3..=1.001).contains(&place), "{place}");
            }
        }
    }
}
