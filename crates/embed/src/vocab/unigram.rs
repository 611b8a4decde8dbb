//! Drawing words by their frequency raised to a power.

/// Draws word `i` with probability `cᵢ^p / Σⱼ cⱼ^p` in constant time (Walker's alias method).
#[derive(Clone, Debug)]
pub struct Unigram {
    slots: Vec<Slot>,
}

/// A word, kept if a random number of 32 bits is below `keep`, replaced by `other` otherwise.
#[derive(Clone, Copy, Debug)]
struct Slot {
    keep: u32,
    other: u32,
}

impl Unigram {
    /// Draws by these counts to the power `exponent`; 0.75 is customary, 0 makes all words equal, negative values
    /// prefer rare words. A word of count zero is drawn as if it had occurred once.
    ///
    /// # Panics
    /// If there are no counts.
    #[track_caller]
    #[must_use]
    pub fn new(counts: &[u64], exponent: f64) -> Self {
        assert!(!counts.is_empty(), "a distribution needs a word");
        let weight = |&count: &u64| (count.max(1) as f64).powf(exponent);
        let total: f64 = counts.iter().map(weight).sum();
        // In units of a slot: one on average.
        let mut mass: Vec<f64> =
            counts.iter().map(|count| weight(count) / total * counts.len() as f64).collect();
        let mut slots: Vec<Slot> =
            (0..counts.len() as u32).map(|i| Slot { keep: u32::MAX, other: i }).collect();
        let (mut light, mut heavy): (Vec<u32>, Vec<u32>) =
            (0..counts.len() as u32).partition(|&i| mass[i as usize] < 1.0);
        while let (Some(small), Some(&large)) = (light.pop(), heavy.last()) {
            let share = mass[small as usize];
            slots[small as usize] = Slot { keep: (share * 4_294_967_296.0) as u32, other: large };
            mass[large as usize] -= 1.0 - share;
            if mass[large as usize] < 1.0 {
                heavy.pop();
                light.push(large);
            }
        }
        Self { slots }
    }

    /// A word drawn by 64 random bits.
    #[inline]
    #[must_use]
    pub fn draw(&self, random: u64) -> u32 {
        let at = ((random >> 32) * self.slots.len() as u64) >> 32;
        let slot = self.slots[at as usize];
        if (random as u32) < slot.keep { at as u32 } else { slot.other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn words_are_drawn_by_the_power_of_their_counts() {
        let counts: [u64; 5] = [1000, 300, 50, 8, 1];
        for exponent in [1.0, 0.75, 0.0, -0.5] {
            let unigram = Unigram::new(&counts, exponent);
            let mut random = Random::new(7);
            let mut drawn = [0u32; 5];
            const DRAWS: u32 = 1_000_000;
            for _ in 0..DRAWS {
                drawn[unigram.draw(random.next()) as usize] += 1;
            }
            let total: f64 = counts.iter().map(|&c| (c as f64).powf(exponent)).sum();
            for (&count, &times) in counts.iter().zip(&drawn) {
                let p = (count as f64).powf(exponent) / total;
                let deviation = (p * (1.0 - p) / f64::from(DRAWS)).sqrt();
                let found = f64::from(times) / f64::from(DRAWS);
                assert!((found - p).abs() < 5.0 * deviation, "{exponent}: {found} for {p}");
            }
        }
    }
}
