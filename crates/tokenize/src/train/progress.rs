//! What a trainer tells while it works.

/// How far training has come, for a user interface to show.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Words are being counted.
    Counting {
        /// Bytes of text counted so far.
        bytes: u64,
    },
    /// The words take more memory than the limit allows, so that the rarest are left out.
    Dropped {
        /// How many distinct words are left out.
        words: u64,
        /// All words that were counted less often than this are among them, and no others.
        least_count: u64,
    },
    /// A pair has been merged.
    Merging {
        /// Merges made so far, this one included.
        done: usize,
        /// Merges wanted; training ends before if the corpus has no more pairs that are frequent enough.
        total: usize,
        /// The left token, as bytes.
        left: &'a [u8],
        /// The right token, as bytes.
        right: &'a [u8],
        /// How often the pair stood in the corpus.
        count: u64,
    },
    /// The probabilities of a Unigram vocabulary have been estimated once more.
    Estimating {
        /// Estimations made so far, this one included.
        done: usize,
        /// How many there will be, about.
        expected: usize,
        /// Pieces that are left.
        pieces: usize,
        /// Mean negative log-likelihood of a word, in nats, before this estimation.
        loss: f64,
    },
}
