//! Leaving out occurrences of frequent words.

use super::Vocab;

/// How often an occurrence of each word is kept for training (Mikolov et al. 2013, as in their program).
///
/// With a threshold `t`, a word of relative frequency `f` is kept with probability
/// `min(1, √(t/f) + t/f)`; zero keeps all. Relative frequency counts words of the vocabulary only.
#[derive(Clone, Debug, PartialEq)]
pub struct Subsampling {
    /// Kept if a random number of 32 bits is at most this.
    thresholds: Vec<u32>,
}

impl Subsampling {
    /// For the threshold `sample`, zero to keep every occurrence.
    #[must_use]
    pub fn new(vocab: &Vocab, sample: f64) -> Self {
        let threshold = |&count: &u64| {
            let keep = keep_probability(count, vocab.total(), sample);
            (keep * f64::from(u32::MAX)).round() as u32
        };
        Self { thresholds: vocab.counts().iter().map(threshold).collect() }
    }

    /// Probability that an occurrence of word `index` is kept.
    ///
    /// # Panics
    /// If there is no such word.
    #[track_caller]
    #[must_use]
    pub fn keep(&self, index: usize) -> f64 {
        f64::from(self.thresholds[index]) / f64::from(u32::MAX)
    }

    /// Whether to keep an occurrence of word `id`, given 32 random bits.
    #[inline]
    pub(crate) fn keeps(&self, id: u32, random: u32) -> bool {
        random <= self.thresholds[id as usize]
    }
}

/// `min(1, √(t/f) + t/f)` with `f = count / total`.
fn keep_probability(count: u64, total: u64, sample: f64) -> f64 {
    if sample <= 0.0 || count == 0 {
        return 1.0;
    }
    let ratio = sample * total as f64 / count as f64;
    (ratio.sqrt() + ratio).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_are_kept_less_often() {
        let vocab = Vocab::from_counts([("a", 9000), ("b", 900), ("c", 100)]).unwrap();
        let kept = Subsampling::new(&vocab, 1e-2);
        let ratio: f64 = 1e-2 / 0.9;
        assert!((kept.keep(0) - (ratio.sqrt() + ratio)).abs() < 1e-9);
        assert!(kept.keep(0) < kept.keep(1));
        assert_eq!(kept.keep(2), 1.0);
        assert!(kept.keeps(2, u32::MAX) && !kept.keeps(0, u32::MAX) && kept.keeps(0, 0));
        assert_eq!(Subsampling::new(&vocab, 0.0).keep(0), 1.0);
    }
}
