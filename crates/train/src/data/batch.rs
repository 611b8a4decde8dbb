//! Batches for language models: inputs, and the same shifted by one as targets.

use rand::{Rng, RngExt};
use tensor::Ids;

use crate::data::source::Tokens;
use crate::error::Error;

/// Most tokens in one batch: activations of more fit into no memory, so a larger number is a slip.
const MOST_TOKENS: usize = 1 << 26;

/// Inputs and targets, `(batch, time)` each: the target of a token is the token that follows it.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Tokens that the model reads.
    pub input: Ids,
    /// Tokens that it should predict.
    pub target: Ids,
}

impl Batch {
    /// Rows from windows of `time + 1` tokens.
    fn from_starts(
        tokens: &(impl Tokens + ?Sized),
        starts: impl ExactSizeIterator<Item = u64>,
        time: usize,
    ) -> Result<Self, Error> {
        let shape = [starts.len(), time];
        let (mut input, mut target) =
            (Vec::with_capacity(shape[0] * time), Vec::with_capacity(shape[0] * time));
        let mut window = vec![0; time + 1];
        for start in starts {
            tokens.read(start, &mut window)?;
            input.extend_from_slice(&window[..time]);
            target.extend_from_slice(&window[1..]);
        }
        Ok(Self { input: Ids::new(input, &shape), target: Ids::new(target, &shape) }) // (batch, time)
    }

    /// Number of targets.
    pub fn tokens(&self) -> usize {
        self.target.len()
    }
}

/// Windows drawn uniformly from the whole corpus, independently of each other. The generator's state is all
/// there is to save.
///
/// ```
/// use rand::SeedableRng;
/// use train::RandomWindows;
/// let corpus: Vec<u32> = (0..100).collect();
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// let windows = RandomWindows::new(&corpus, 4, 8)?;
/// let batch = windows.draw(&mut rng)?;
/// assert_eq!(batch.input.shape(), [4, 8]);
/// assert_eq!(batch.input.row(0)[1], batch.target.row(0)[0]);
/// # Ok::<(), train::Error>(())
/// ```
#[derive(Debug)]
pub struct RandomWindows<T: Tokens> {
    tokens: T,
    batch: usize,
    time: usize,
}

impl<T: Tokens> RandomWindows<T> {
    /// Batches of `(batch, time)` from `tokens`.
    ///
    /// # Errors
    /// If `batch` or `time` is 0 or their product above 2²⁶, or there are fewer than `time + 1` tokens.
    pub fn new(tokens: T, batch: usize, time: usize) -> Result<Self, Error> {
        check_sizes(batch, time)?;
        let (needed, found) = (time as u64 + 1, tokens.len());
        if found < needed {
            return Err(Error::CorpusTooShort { needed, found });
        }
        Ok(Self { tokens, batch, time })
    }

    /// The next batch. One random number per row is drawn, before anything is read.
    ///
    /// # Errors
    /// If the tokens cannot be read.
    pub fn draw(&self, rng: &mut (impl Rng + ?Sized)) -> Result<Batch, Error> {
        let last = self.tokens.len() - self.time as u64 - 1;
        let starts: Vec<u64> = (0..self.batch).map(|_| rng.random_range(0..=last)).collect();
        Batch::from_starts(&self.tokens, starts.into_iter(), self.time)
    }

    /// The corpus.
    pub fn source(&self) -> &T {
        &self.tokens
    }
}

/// The corpus in order, for evaluation: windows of `time` that follow each other without overlap, up to
/// `batch` of them at a time, so that every token but the first is predicted exactly once. What is left at
/// the end comes as a last batch of one shorter row.
///
/// ```
/// let corpus: Vec<u32> = (0..20).collect();
/// let shapes: Vec<_> = train::windows(&corpus, 2, 4)?
///     .map(|batch| batch.map(|b| b.input.shape().to_vec()))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(shapes, [[2, 4], [2, 4], [1, 3]]);       // 19 targets
/// # Ok::<(), train::Error>(())
/// ```
///
/// # Errors
/// If `batch` or `time` is 0 or their product above 2²⁶, or there are fewer than two tokens; the iterator's items if the tokens cannot be
/// read.
pub fn windows<T: Tokens + ?Sized>(
    tokens: &T,
    batch: usize,
    time: usize,
) -> Result<impl Iterator<Item = Result<Batch, Error>>, Error> {
    check_sizes(batch, time)?;
    let found = tokens.len();
    if found < 2 {
        return Err(Error::CorpusTooShort { needed: 2, found });
    }
    let (targets, time_step) = (found - 1, time as u64);
    let full = targets / time_step;
    let (batches, rest) = (full.div_ceil(batch as u64), targets % time_step);
    Ok((0..batches + u64::from(rest > 0)).map(move |i| {
        if i == batches {
            return Batch::from_starts(tokens, std::iter::once(full * time_step), rest as usize);
        }
        let rows = i * batch as u64..full.min((i + 1) * batch as u64);
        let starts: Vec<u64> = rows.map(|row| row * time_step).collect();
        Batch::from_starts(tokens, starts.into_iter(), time)
    }))
}

fn check_sizes(batch: usize, time: usize) -> Result<(), Error> {
    if batch == 0 || time == 0 {
        return Err(Error::Config(format!("a batch needs rows and steps, found batch {batch}, time {time}")));
    }
    if batch.checked_mul(time).is_none_or(|tokens| tokens > MOST_TOKENS) {
        let what = format!("batch {batch} of time {time}: more than {MOST_TOKENS} tokens at once");
        return Err(Error::Config(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    proptest! {
        #[test]
        fn every_target_comes_once(count in 2_u32..200, batch in 1_usize..7, time in 1_usize..13) {
            let corpus: Vec<u32> = (0..count).collect();
            let mut targets = Vec::new();
            for item in windows(&corpus, batch, time).unwrap() {
                let item = item.unwrap();
                let previous: Vec<u32> = item.target.data().iter().map(|t| t - 1).collect();
                prop_assert_eq!(item.input.data(), &previous[..]);
                targets.extend_from_slice(item.target.data());
            }
            prop_assert_eq!(targets, (1..count).collect::<Vec<_>>());
        }

        #[test]
        fn random_windows_are_windows(extra in 0_u32..50, batch in 1_usize..5, time in 1_usize..9, seed: u64) {
            let corpus: Vec<u32> = (0..time as u32 + 1 + extra).collect();
            let windows = RandomWindows::new(&corpus, batch, time).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let again = rng.clone();
            let item = windows.draw(&mut rng).unwrap();
            for row in 0..batch {
                let input = item.input.row(row);
                prop_assert!(input.windows(2).all(|pair| pair[1] == pair[0] + 1));
                prop_assert!(input.iter().zip(item.target.row(row)).all(|(i, t)| t - i == 1));
            }
            let same = windows.draw(&mut again.clone()).unwrap();
            prop_assert_eq!(same.input.data(), item.input.data());
        }
    }

    #[test]
    fn both_ends_of_the_corpus_are_drawn() {
        let corpus: Vec<u32> = (0..6).collect();
        let windows = RandomWindows::new(&corpus, 50, 3).unwrap();
        let batch = windows.draw(&mut ChaCha8Rng::seed_from_u64(0)).unwrap();
        assert!(batch.input.data().contains(&0) && batch.target.data().contains(&5));
    }

    #[test]
    fn too_short_says_how_much_is_needed() {
        let error = RandomWindows::new(vec![1, 2, 3], 1, 3).unwrap_err();
        assert!(matches!(error, Error::CorpusTooShort { needed: 4, found: 3 }));
        assert!(matches!(windows(&vec![1], 1, 3).err(), Some(Error::CorpusTooShort { needed: 2, found: 1 })));
        assert!(RandomWindows::new(vec![1, 2, 3], 0, 1).is_err());
        assert!(windows(&vec![1, 2, 3], 1, 0).is_err());
    }
}
