//! Times and memory of a run.

use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Median, smallest and largest of several times.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Times {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Times {
    /// Of times in milliseconds; there is at least one.
    pub(super) fn of(milliseconds: &[f64]) -> Self {
        let mut sorted = milliseconds.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { median: sorted[sorted.len() / 2], min: sorted[0], max: sorted[sorted.len() - 1] }
    }
}

/// Milliseconds of one call.
pub(super) fn milliseconds<T>(f: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = f();
    (start.elapsed().as_secs_f64() * 1e3, result)
}

/// The most memory this process ever held, in 10⁶ bytes; `None` where the system does not tell.
pub(super) fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_times() {
        let times = Times::of(&[3.0, 1.0, 2.0]);
        assert_eq!((times.median, times.min, times.max), (2.0, 1.0, 3.0));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells_peak_memory() {
        assert!(peak_rss_mb().unwrap() > 1.0);
    }
}
