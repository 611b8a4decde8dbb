//! Processor time.

use std::sync::OnceLock;
use std::time::Instant;

/// Seconds that processors have spent on this process, all threads together. Where the system does not tell, seconds on
/// the wall times the threads that compute.
pub(crate) fn processor_seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    told().unwrap_or_else(|| start.elapsed().as_secs_f64() * rayon::current_num_threads() as f64)
}

/// From Linux: user and system time, the 14th and 15th field, in hundredths of a second.
fn told() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets, and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let before = processor_seconds();
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < 0.1 {
            std::hint::black_box(start);
        }
        let spent = processor_seconds() - before;
        assert!(spent > 0.0 && spent < 60.0, "{spent}");
    }
}
