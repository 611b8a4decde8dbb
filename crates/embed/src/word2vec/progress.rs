//! What a training run says of itself.

use std::fmt;
use std::time::Duration;

/// How far training is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The epoch under way, from zero.
    pub epoch: usize,
    /// How many there are.
    pub epochs: usize,
    /// Words of the vocabulary read in all epochs so far, those thinned out too.
    pub words: u64,
    /// How many there will be.
    pub total_words: u64,
    /// Words read per second since this epoch began, or was resumed.
    pub words_per_second: f64,
    /// Learning rate now.
    pub rate: f32,
    /// Mean loss of this epoch so far, not a number before its first prediction; see [`Report::loss`].
    pub loss: f64,
}

/// An epoch that ended, or was broken off.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The epoch, from zero.
    pub epoch: usize,
    /// Whether it ended; `false` if the caller broke it off, to be resumed.
    pub is_complete: bool,
    /// Mean loss, in nats, of the predictions trained in the epoch, each as it was when its turn came; not a number
    /// if there was none.
    ///
    /// A prediction is that of a word from a context word, or from a bag of them. With negative sampling its loss
    /// is `−ln σ(v·u) − Σ ln σ(−v·uⱼ)` over the samples, `(1 + negatives) ln 2` at the start; with either softmax
    /// it is minus the logarithm of the word's probability, so that its exponential is a perplexity.
    pub loss: f64,
    /// The same on the sentences held out so far, after the epoch, if some are.
    pub held_out: Option<f64>,
    /// Words of the vocabulary read in this epoch, since it was resumed, those thinned out too.
    pub words: u64,
    /// Time it took, since it was resumed.
    pub time: Duration,
}

impl Report {
    /// Words read per second.
    #[must_use]
    pub fn words_per_second(&self) -> f64 {
        self.words as f64 / self.time.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}: loss {:.4}", self.epoch + 1, self.loss)?;
        if let Some(loss) = self.held_out {
            write!(f, ", held out {loss:.4}")?;
        }
        write!(f, ", {:.0} words/s", self.words_per_second())?;
        if self.is_complete { Ok(()) } else { write!(f, ", broken off") }
    }
}
