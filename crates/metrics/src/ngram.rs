//! Counts of n-grams.

use std::collections::HashMap;
use std::hash::Hash;

/// How often each run of `n` items occurs.
pub(crate) fn ngrams<T: Eq + Hash>(items: &[T], n: usize) -> HashMap<&[T], usize> {
    let mut counts = HashMap::new();
    for gram in items.windows(n) {
        *counts.entry(gram).or_insert(0) += 1;
    }
    counts
}

/// Size of the intersection of two multisets.
pub(crate) fn common<T: Eq + Hash>(a: &HashMap<T, usize>, b: &HashMap<T, usize>) -> usize {
    let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    small.iter().map(|(gram, &count)| count.min(large.get(gram).copied().unwrap_or(0))).sum()
}
