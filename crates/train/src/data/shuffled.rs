//! Items in random order, each once per epoch.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Indices of `0..items` in an order drawn anew each epoch. Serialise it with the generator to go on exactly
/// where training stopped.
///
/// ```
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// let mut order = train::Shuffled::new(5);
/// let mut seen = [order.next_batch(3, &mut rng), order.next_batch(3, &mut rng)].concat();
/// assert_eq!(order.epoch(), 1);
/// seen.sort();
/// assert_eq!(seen, [0, 1, 2, 3, 4]);                  // the last batch of an epoch is smaller
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shuffled {
    items: usize,
    /// What is left of this epoch, in reverse.
    left: Vec<u32>,
    epoch: u64,
}

impl Shuffled {
    /// Before the first epoch of `items` items.
    ///
    /// # Panics
    /// If there are more than `u32::MAX` items.
    pub fn new(items: usize) -> Self {
        assert!(u32::try_from(items).is_ok(), "Shuffled: {items} items are more than fit in 32 bits");
        Self { items, left: Vec::new(), epoch: 0 }
    }

    /// Epochs completed.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The next up to `size` items, never from two epochs; empty only if there are no items or `size` is 0.
    pub fn next_batch(&mut self, size: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<usize> {
        if self.left.is_empty() {
            self.left = (0..self.items as u32).collect();
            // Fisher and Yates.
            for i in (1..self.items).rev() {
                self.left.swap(i, rng.random_range(0..=i));
            }
        }
        let rest = self.left.len().saturating_sub(size);
        let batch = self.left.split_off(rest).into_iter().rev().map(|item| item as usize).collect();
        self.epoch += u64::from(self.left.is_empty() && self.items > 0);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    proptest! {
        #[test]
        fn epochs_are_permutations(items in 1_usize..40, size in 1_usize..9, seed: u64) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut order = Shuffled::new(items);
            for epoch in 1..4 {
                let mut seen = Vec::new();
                while order.epoch() < epoch {
                    let batch = order.next_batch(size, &mut rng);
                    prop_assert!(!batch.is_empty() && batch.len() <= size);
                    seen.extend(batch);
                }
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..items).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn no_items_give_no_batches() {
        let mut order = Shuffled::new(0);
        assert!(order.next_batch(3, &mut ChaCha8Rng::seed_from_u64(0)).is_empty());
        assert_eq!(order.epoch(), 0);
    }
}
