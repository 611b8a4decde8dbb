//! What a trainer tells while it works.

/// How far training has come, for a user interface to show.
///
/// ```
/// use tokenize::ByteLevelBpeTrainer;
/// use tokenize::train::Progress;
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let rare = (10_000..30_000).map(|number| number.to_string());
/// let texts = rare.chain(["often", "often", "often"].map(String::from));
/// let (mut bytes_seen, mut left_out, mut merged) = (0, 0, Vec::new());
/// ByteLevelBpeTrainer::new(258).memory_limit(1 << 20).train_with(texts, &mut |progress| match progress {
///     Progress::Counting { bytes } => bytes_seen = bytes,
///     Progress::Dropped { words, .. } => left_out = words,
///     Progress::Merging { left, right, count, .. } => merged.push((left.to_vec(), right.to_vec(), count)),
///     _ => {}
/// })?;
/// // The limit has room for no word that is there only once.
/// assert_eq!((bytes_seen, left_out), (100_015, 20_000));
/// assert_eq!(merged[0], (b"e".to_vec(), b"n".to_vec(), 3));
/// # Ok(())
/// # }
/// ```
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
