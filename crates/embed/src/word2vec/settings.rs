//! What to train, and how.

use serde::{Deserialize, Serialize};

use crate::error::check;
use crate::kernel::MAX_INPUTS;
use crate::vocab::VocabSettings;
use crate::{Result, Subwords};

/// What is predicted from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// The word from each word around it, one at a time.
    SkipGram,
    /// The word from all words around it at once: the continuous bag of words.
    Cbow {
        /// Whether their vectors are averaged, or added.
        mean: bool,
    },
}

/// The loss of a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Objective {
    /// Tell the word from words drawn at random.
    NegativeSampling {
        /// How many are drawn for each prediction.
        negatives: usize,
        /// They are drawn by their counts to this power.
        exponent: f64,
    },
    /// Take the right turns on the way to the word in its Huffman tree.
    HierarchicalSoftmax,
    /// Cross-entropy of the softmax over the whole vocabulary, as in the textbooks: exact, and as slow as the
    /// vocabulary is large.
    FullSoftmax,
}

/// How the learning rate falls from its first to its last value, by the share of words trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decay {
    /// In a straight line.
    Linear,
    /// Along half a cosine: slowly at first and at last.
    Cosine,
}

/// How threads share the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Threads update the same rows without locks (Niu et al. 2011, "Hogwild!"). Results of several threads differ
    /// a little from run to run.
    #[default]
    Fast,
    /// The same bits from the same seed, on any number of threads.
    Reproducible,
}

/// Settings of word2vec (Mikolov et al. 2013); the defaults are gensim's.
///
/// ```
/// use embed::{Text, Word2Vec};
///
/// let text = "the cat sat on the mat\nthe dog sat on the rug\n".repeat(50);
/// let model = Word2Vec::skip_gram().dim(16).epochs(2).seed(7).train(&Text(&text))?;
/// assert_eq!(model.vectors().get("cat").map(<[f32]>::len), Some(16));
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word2Vec {
    /// Skip-gram or CBOW.
    pub architecture: Architecture,
    /// The loss.
    pub objective: Objective,
    /// Length of a vector. Default 100.
    pub dim: usize,
    /// At most so many words on each side are looked at. Default 5.
    pub window: usize,
    /// Whether the window of each word is drawn anew from 1 to `window`, so that near words count more. Default
    /// true.
    pub dynamic_window: bool,
    /// Which words are in the vocabulary. Default: those that occur five times.
    pub vocab: VocabSettings,
    /// Words more frequent than about this share are thinned out ([`Subsampling`](crate::Subsampling)); zero keeps
    /// all. Default 10⁻³.
    pub sample: f64,
    /// Passages through the corpus. Default 5.
    pub epochs: usize,
    /// Learning rate at the start. Default 0.025.
    pub rate: f32,
    /// Learning rate at the end. Default 10⁻⁴.
    pub min_rate: f32,
    /// How it falls. Default linear.
    pub decay: Decay,
    /// A sentence longer than this many words is cut. Default 10,000.
    pub max_sentence: usize,
    /// Skip-gram: how many context words of a word are trained in one step, which then share negative samples and
    /// are all read before any is written (Ji et al. 2016); 1 to 6. More is faster. Default 6.
    pub shared: usize,
    /// Whether words are made up of their n-grams too, as in fastText. Skip-gram then trains one context word at a
    /// time, from the mean of the word's vectors; CBOW from those of all context words. Default: they are not.
    #[serde(default)]
    pub subwords: Option<Subwords>,
    /// Share of sentences that are not trained, to measure the loss on them after each epoch; at most some 200,000
    /// words are. Default zero.
    pub held_out: f64,
    /// How threads share the work. Default [`Mode::Fast`].
    pub mode: Mode,
    /// Number of threads; zero for as many as rayon's current pool has. Default zero.
    pub threads: usize,
    /// Where all randomness comes from. Default 1.
    pub seed: u64,
}

impl Default for Word2Vec {
    fn default() -> Self {
        Self::cbow()
    }
}

/// Defines setters that take and return the settings.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        })*
    };
}

impl Word2Vec {
    /// CBOW with the mean of the context and five negative samples: gensim's default.
    #[must_use]
    pub fn cbow() -> Self {
        Self {
            architecture: Architecture::Cbow { mean: true },
            objective: Objective::NegativeSampling { negatives: 5, exponent: 0.75 },
            dim: 100,
            window: 5,
            dynamic_window: true,
            vocab: VocabSettings::default(),
            sample: 1e-3,
            epochs: 5,
            rate: 0.025,
            min_rate: 1e-4,
            decay: Decay::Linear,
            max_sentence: 10_000,
            shared: MAX_INPUTS,
            subwords: None,
            held_out: 0.0,
            mode: Mode::Fast,
            threads: 0,
            seed: 1,
        }
    }

    /// Skip-gram with five negative samples.
    #[must_use]
    pub fn skip_gram() -> Self {
        Self { architecture: Architecture::SkipGram, ..Self::cbow() }
    }

    /// Draws this many negative samples, by counts to the power 0.75.
    #[must_use]
    pub fn negatives(mut self, negatives: usize) -> Self {
        self.objective = Objective::NegativeSampling { negatives, exponent: 0.75 };
        self
    }

    /// Leaves out words that occur fewer times.
    #[must_use]
    pub fn min_count(mut self, min_count: u64) -> Self {
        self.vocab.min_count = min_count;
        self
    }

    setters! {
        /// Sets what is predicted from what.
        architecture: Architecture,
        /// Sets the loss.
        objective: Objective,
        /// Sets the length of vectors.
        dim: usize,
        /// Sets the greatest distance of context words.
        window: usize,
        /// Sets whether windows are drawn, or always the largest.
        dynamic_window: bool,
        /// Sets which words are in the vocabulary.
        vocab: VocabSettings,
        /// Sets the threshold of subsampling.
        sample: f64,
        /// Sets the number of passages.
        epochs: usize,
        /// Sets the first learning rate.
        rate: f32,
        /// Sets the last learning rate.
        min_rate: f32,
        /// Sets how the learning rate falls.
        decay: Decay,
        /// Sets where long sentences are cut.
        max_sentence: usize,
        /// Sets how many context words share a step of skip-gram.
        shared: usize,
        /// Sets of which n-grams words are made up.
        subwords: Option<Subwords>,
        /// Sets the share of sentences held out.
        held_out: f64,
        /// Sets how threads share the work.
        mode: Mode,
        /// Sets the number of threads.
        threads: usize,
        /// Sets the seed.
        seed: u64,
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) names the first that is out of range.
    pub fn validate(&self) -> Result<()> {
        check("dim", (1..=1 << 16).contains(&self.dim), "1 to 65536", &self.dim)?;
        check("window", (1..=1 << 16).contains(&self.window), "1 to 65536", &self.window)?;
        check("sample", self.sample >= 0.0 && self.sample.is_finite(), "0 or more", &self.sample)?;
        check("rate", self.rate > 0.0 && self.rate.is_finite(), "more than 0", &self.rate)?;
        let below = self.min_rate >= 0.0 && self.min_rate <= self.rate;
        check("min_rate", below, "0 to the first rate", &self.min_rate)?;
        check("max_sentence", self.max_sentence >= 2, "2 or more", &self.max_sentence)?;
        check("shared", (1..=MAX_INPUTS).contains(&self.shared), "1 to 6", &self.shared)?;
        check("held_out", (0.0..=0.5).contains(&self.held_out), "0 to 0.5", &self.held_out)?;
        check("threads", self.threads <= 4096, "at most 4096", &self.threads)?;
        self.subwords.map_or(Ok(()), |subwords| subwords.validate())?;
        if let Objective::NegativeSampling { negatives, exponent } = self.objective {
            check("negatives", (1..=1000).contains(&negatives), "1 to 1000", &negatives)?;
            check("exponent", exponent.abs() <= 10.0, "-10 to 10", &exponent)?;
        }
        Ok(())
    }

    /// Whether the input of a step is a bag of rows, and if so, whether their mean.
    pub(crate) fn bag(&self) -> Option<bool> {
        match self.architecture {
            Architecture::SkipGram => self.subwords.map(|_| true),
            Architecture::Cbow { mean } => Some(mean),
        }
    }

    /// Learning rate after the share `progress` (0 to 1) of all words.
    pub(crate) fn rate_at(&self, progress: f64) -> f32 {
        let progress = progress.clamp(0.0, 1.0);
        let left = match self.decay {
            Decay::Linear => 1.0 - progress,
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        };
        (f64::from(self.min_rate) + f64::from(self.rate - self.min_rate) * left) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fall_from_first_to_last() {
        for decay in [Decay::Linear, Decay::Cosine] {
            let settings = Word2Vec::cbow().rate(0.5).min_rate(0.1).decay(decay);
            let rates: Vec<f32> = (0..=10).map(|i| settings.rate_at(f64::from(i) / 10.0)).collect();
            assert!((rates[0] - 0.5).abs() < 1e-6 && (rates[10] - 0.1).abs() < 1e-6);
            assert!((rates[5] - 0.3).abs() < 1e-6 && rates.is_sorted_by(|a, b| a > b));
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = |settings: Word2Vec| settings.validate().unwrap_err().to_string();
        assert_eq!(error(Word2Vec::cbow().dim(0)), "dim is 0: expected 1 to 65536");
        assert!(error(Word2Vec::cbow().rate(f32::NAN)).starts_with("rate is NaN"));
        assert!(error(Word2Vec::cbow().min_rate(1.0)).starts_with("min_rate is 1"));
        assert!(error(Word2Vec::cbow().negatives(0)).starts_with("negatives is 0"));
        assert!(error(Word2Vec::cbow().window(0)).starts_with("window is 0"));
    }
}
