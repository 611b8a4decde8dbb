//! What can be wrong with the tokens a model is given, and the batches they come in.

use rand::{Rng, RngExt};
use tensor::{IdError, Ids};

/// Input that no model of these sizes can take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// An id is no token of the vocabulary.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The loss refused its targets.
    #[error(transparent)]
    Loss(#[from] nn::LossError),
    /// Not `(batch, time)`, or none at all.
    #[error("token ids of shape {shape:?}, expected (batch, time), at least 1 each")]
    NotBatchTime {
        /// Shape of the ids.
        shape: Vec<usize>,
    },
    /// Two inputs of other shapes where each token of one belongs to one of the other.
    #[error("`{what}` is of shape {found:?}, `{other}` of {expected:?}")]
    Shapes {
        /// What is taken to be wrong.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// What it was compared with.
        other: &'static str,
        /// The shape of that.
        expected: Vec<usize>,
    },
    /// Two inputs, or an input and what is remembered, are of different batches.
    #[error("`{what}` is of {found} sequences, `{other}` of {expected}")]
    Batch {
        /// What is taken to be wrong.
        what: &'static str,
        /// Its number of sequences.
        found: usize,
        /// What it was compared with.
        other: &'static str,
        /// The number of sequences there.
        expected: usize,
    },
    /// A length of no tokens, or of more than there are.
    #[error("sequence {row} has a length of {found}, expected 1 to {most}")]
    Length {
        /// Which sequence.
        row: usize,
        /// Its length.
        found: usize,
        /// Tokens of a row.
        most: usize,
    },
    /// No probability.
    #[error("`{what}` is {found}, expected a number in [0, 1]")]
    Probability {
        /// What is taken to be wrong.
        what: &'static str,
        /// What it is.
        found: String,
    },
}

/// Checks that ids are `(batch, time)`, at least 1 each, and tokens of the vocabulary; gives batch and time.
pub(crate) fn check_ids(ids: &Ids, vocab: usize, what: &str) -> Result<(usize, usize), InputError> {
    if ids.rank() != 2 || ids.is_empty() {
        return Err(InputError::NotBatchTime { shape: ids.shape().to_vec() });
    }
    ids.check_below(vocab, what)?;
    Ok((ids.shape()[0], ids.shape()[1]))
}

/// Checks that each token of one input belongs to one of the other.
pub(crate) fn same_shape(
    what: &'static str,
    found: &Ids,
    other: &'static str,
    expected: &Ids,
) -> Result<(), InputError> {
    if found.shape() == expected.shape() {
        return Ok(());
    }
    let (found, expected) = (found.shape().to_vec(), expected.shape().to_vec());
    Err(InputError::Shapes { what, found, other, expected })
}

/// Checks that two batches are of one size.
pub(crate) fn same_batch(
    what: &'static str,
    found: usize,
    other: &'static str,
    expected: usize,
) -> Result<(), InputError> {
    if found == expected { Ok(()) } else { Err(InputError::Batch { what, found, other, expected }) }
}

/// Checks that each length is between 1 and `most`.
pub(crate) fn check_lengths(lengths: &[usize], most: usize) -> Result<(), InputError> {
    match lengths.iter().position(|length| *length == 0 || *length > most) {
        Some(row) => Err(InputError::Length { row, found: lengths[row], most }),
        None => Ok(()),
    }
}

/// Checks that `p` is in `[0, 1]`.
pub(crate) fn check_probability(what: &'static str, p: f64) -> Result<(), InputError> {
    if (0.0..=1.0).contains(&p) {
        Ok(())
    } else {
        Err(InputError::Probability { what, found: format!("{p:?}") })
    }
}

/// Sequences as one array, filled up at the end: ids `(batch, longest)`, and the lengths.
///
/// ```
/// let (ids, lengths) = recurrent::pad(&[&[5, 6, 7], &[8]], 0);
/// assert_eq!((ids.row(1), &lengths[..]), (&[8, 0, 0][..], &[3, 1][..]));
/// ```
pub fn pad(rows: &[&[u32]], padding: u32) -> (Ids, Vec<usize>) {
    let lengths: Vec<usize> = rows.iter().map(|row| row.len()).collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let filled = rows
        .iter()
        .flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(padding, longest - row.len())));
    (Ids::new(filled.collect(), &[rows.len(), longest]), lengths)
}

/// Batches to sort together: enough that lengths are even, few enough that their order stays random.
const POOL: usize = 64;

/// Cuts examples, given by their lengths, into batches of at most `batch` of about the same length, in random order:
/// each gets a list of indices. All examples occur once.
///
/// ```
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// let batches = recurrent::length_batches(&[9, 2, 8, 1], 2, &mut rng);
/// let mut sorted: Vec<Vec<usize>> = batches.iter().map(|batch| { let mut b = batch.clone(); b.sort(); b }).collect();
/// sorted.sort();
/// assert_eq!(sorted, [[0, 2], [1, 3]]);
/// ```
///
/// # Panics
/// If `batch` is 0.
pub fn length_batches(lengths: &[usize], batch: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<Vec<usize>> {
    let mut all: Vec<usize> = (0..lengths.len()).collect();
    shuffle(&mut all, rng);
    let mut batches = Vec::with_capacity(lengths.len().div_ceil(batch));
    for pool in all.chunks_mut(POOL * batch) {
        pool.sort_by_key(|example| lengths[*example]);
        batches.extend(pool.chunks(batch).map(<[usize]>::to_vec));
    }
    shuffle(&mut batches, rng);
    batches
}

/// Fisher–Yates.
fn shuffle<T>(items: &mut [T], rng: &mut (impl Rng + ?Sized)) {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.random_range(0..=i));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn batches_hold_every_example_once_and_little_padding() {
        let lengths: Vec<usize> = (0..10_007).map(|i| 1 + i * 7919 % 50).collect();
        let batches = |seed| length_batches(&lengths, 16, &mut ChaCha8Rng::seed_from_u64(seed));
        let found = batches(1);
        let mut all = found.concat();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..lengths.len()));
        assert!(found.iter().all(|batch| (1..=16).contains(&batch.len())));
        let longest = |batch: &Vec<usize>| batch.iter().map(|i| lengths[*i]).max().unwrap() * batch.len();
        let (padded, tokens) = (found.iter().map(longest).sum::<usize>(), lengths.iter().sum::<usize>());
        assert!(padded * 20 < tokens * 21, "{padded} places for {tokens} tokens");
        assert!(found == batches(1) && found != batches(2));
        // In random order: short ones do not come first.
        let first: usize = found[..300].concat().iter().map(|i| lengths[*i]).sum();
        assert!((20..32).contains(&(first / 4800)));
        assert!(length_batches(&[], 16, &mut ChaCha8Rng::seed_from_u64(1)).is_empty());
    }
}
