//! Random numbers of the trainers.

/// SplitMix64 (Steele, Lea & Flood 2014): a counter, mixed. Streams of different seeds are unrelated, and starting
/// one costs nothing, so that every block of a corpus has its own.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of a seed.
    #[cfg(test)]
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x6a09_e667_f3bc_c909))
    }

    /// The stream of a seed and the numbers of an epoch and a block.
    pub(crate) fn of(seed: u64, epoch: u64, block: u64) -> Self {
        Self(mix(mix(mix(seed ^ 0x6a09_e667_f3bc_c909).wrapping_add(epoch)).wrapping_add(block)))
    }

    /// 64 random bits.
    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// 32 random bits.
    #[inline]
    pub(crate) fn bits32(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// A number below `limit`.
    #[inline]
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.bits32()) * u64::from(limit)) >> 32) as u32
    }

    /// Uniform in [0, 1).
    #[inline]
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 * (1.0 / 16_777_216.0)
    }
}

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_uniform_and_differ() {
        let mut random = Random::of(1, 2, 3);
        let mean = (0..100_000).map(|_| f64::from(random.unit())).sum::<f64>() / 1e5;
        assert!((mean - 0.5).abs() < 0.005);
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[random.below(7) as usize] += 1);
        assert!(counts.iter().all(|count| (9500..10_500).contains(count)));
        assert_ne!(Random::of(1, 2, 3).next(), Random::of(1, 3, 2).next());
    }
}
