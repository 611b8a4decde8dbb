//! What a run reports, and the clock.

use std::hint::black_box;
use std::time::Instant;

/// Least time of a pass, and a sum over all that came out, by which two libraries can be told to give the same.
pub struct Report {
    pub seconds: f64,
    pub checksum: u64,
}

/// Most passes of the same work that are timed.
const PASSES: usize = 7;
/// No more passes after so much time, in seconds.
const ENOUGH: f64 = 3.0;

/// Times `pass`, which gives all that it makes to the sink, after a first pass for the checksum.
pub fn passes(mut pass: impl FnMut(&mut Sink)) -> Report {
    let mut sink = Sink { sum: 0xcbf2_9ce4_8422_2325, sums: true };
    pass(&mut sink);
    sink.sums = false;
    let (mut least, mut total) = (f64::INFINITY, 0.0);
    for _ in 0..PASSES {
        let start = Instant::now();
        pass(&mut sink);
        let seconds = start.elapsed().as_secs_f64();
        least = least.min(seconds);
        total += seconds;
        if total > ENOUGH {
            break;
        }
    }
    Report { seconds: least, checksum: sink.sum }
}

/// Times `work` once; the sum comes from what `check` makes of its result.
pub fn once<T>(work: impl FnOnce() -> T, check: impl FnOnce(T, &mut Sink)) -> Report {
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    let mut sink = Sink { sum: 0xcbf2_9ce4_8422_2325, sums: true };
    check(result, &mut sink);
    Report { seconds, checksum: sink.sum }
}

/// Takes what a library makes; in the first pass it sums (FNV-1a over numbers), later it only looks.
pub struct Sink {
    sum: u64,
    sums: bool,
}

impl Sink {
    pub fn ids(&mut self, ids: &[u32]) {
        if self.sums {
            ids.iter().for_each(|&id| self.add(u64::from(id)));
        } else {
            black_box(ids);
        }
    }

    pub fn number(&mut self, number: usize) {
        if self.sums {
            self.add(number as u64);
        } else {
            black_box(number);
        }
    }

    pub fn text(&mut self, text: &str) {
        if self.sums {
            text.bytes().for_each(|byte| self.add(u64::from(byte)));
        } else {
            black_box(text);
        }
    }

    fn add(&mut self, number: u64) {
        self.sum = (self.sum ^ number).wrapping_mul(0x100_0000_01b3);
    }
}
