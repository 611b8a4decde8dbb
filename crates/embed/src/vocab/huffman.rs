//! Huffman codes of words by frequency.

/// The binary tree of hierarchical softmax: frequent words have short codes.
///
/// A tree over `n` words has `n − 1` inner nodes, numbered from zero so that the root is the last. The code of a
/// word is the list of turns from the root, and its path the inner nodes at which they are taken. Codes, paths and
/// ties are those of word2vec.c.
///
/// ```
/// let tree = embed::Huffman::new(&[4, 2, 1, 1]);
/// assert_eq!(tree.code(0).len(), 1);
/// assert_eq!(tree.code(3).len(), 3);
/// assert_eq!(tree.path(3)[0], 2, "a path starts at the root");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Huffman {
    /// Where the path of each word ends in `nodes` and `turns`.
    ends: Vec<usize>,
    nodes: Vec<u32>,
    turns: Vec<u8>,
}

impl Huffman {
    /// The tree of words with these counts, which should fall; others are coded too, less well.
    #[must_use]
    pub fn new(counts: &[u64]) -> Self {
        let words = counts.len();
        let (parents, turns) = build(counts);
        let mut tree = Self { ends: Vec::with_capacity(words), nodes: Vec::new(), turns: Vec::new() };
        let root = (2 * words).saturating_sub(2);
        let mut reversed = Vec::new();
        for word in 0..words {
            reversed.clear();
            let mut node = word;
            while node != root {
                reversed.push((parents[node] - words as u32, turns[node]));
                node = parents[node] as usize;
            }
            tree.nodes.extend(reversed.iter().rev().map(|(parent, _)| parent));
            tree.turns.extend(reversed.iter().rev().map(|(_, turn)| turn));
            tree.ends.push(tree.nodes.len());
        }
        tree
    }

    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Number of inner nodes: one less than words.
    #[must_use]
    pub fn inner_nodes(&self) -> usize {
        self.len().saturating_sub(1)
    }

    fn range(&self, word: usize) -> std::ops::Range<usize> {
        let start = if word == 0 { 0 } else { self.ends[word - 1] };
        start..self.ends[word]
    }

    /// The turns (0 or 1) from the root to `word`.
    ///
    /// # Panics
    /// If there is no such word.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn code(&self, word: usize) -> &[u8] {
        &self.turns[self.range(word)]
    }

    /// The inner nodes from the root to the parent of `word`, one for each turn.
    ///
    /// # Panics
    /// If there is no such word.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn path(&self, word: usize) -> &[u32] {
        &self.nodes[self.range(word)]
    }
}

/// Parents of all nodes but the root, and at which turn of the parent each lies. Nodes are words, then inner nodes.
///
/// Two queues: words from the least frequent, and inner nodes as they are made, whose counts only grow; a tie goes
/// to the inner node.
fn build(counts: &[u64]) -> (Vec<u32>, Vec<u8>) {
    let words = counts.len();
    let nodes = (2 * words).saturating_sub(1);
    let (mut parents, mut turns) = (vec![0; nodes], vec![0; nodes]);
    let mut count = counts.to_vec();
    let mut by_count: Vec<u32> = (0..words as u32).collect();
    by_count.sort_by_key(|&word| std::cmp::Reverse(counts[word as usize]));
    let mut inner = words;
    for made in words..nodes {
        let mut least = || {
            let word = by_count.last().map(|&word| word as usize);
            match word {
                Some(word) if inner == made || count[word] < count[inner] => {
                    by_count.pop();
                    word
                }
                _ => {
                    inner += 1;
                    inner - 1
                }
            }
        };
        let (first, second) = (least(), least());
        count.push(count[first].saturating_add(count[second]));
        (parents[first], parents[second]) = (made as u32, made as u32);
        turns[second] = 1;
    }
    (parents, turns)
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::{BinaryHeap, HashSet};

    use proptest::prelude::*;

    use super::*;

    /// Total length of an optimal code: the sum of all merges of the two smallest.
    fn optimal(counts: &[u64]) -> u64 {
        let mut heap: BinaryHeap<Reverse<u64>> = counts.iter().copied().map(Reverse).collect();
        let mut total = 0;
        while let (Some(Reverse(a)), Some(Reverse(b))) = (heap.pop(), heap.pop()) {
            total += a + b;
            heap.push(Reverse(a + b));
        }
        total
    }

    proptest! {
        #[test]
        fn codes_are_optimal_distinct_and_free_of_prefixes(counts in prop::collection::vec(1u64..1000, 1..80)) {
            let tree = Huffman::new(&counts);
            let length: u64 = counts.iter().enumerate().map(|(i, count)| count * tree.code(i).len() as u64).sum();
            prop_assert_eq!(length, optimal(&counts));
            let codes: HashSet<&[u8]> = (0..counts.len()).map(|i| tree.code(i)).collect();
            prop_assert_eq!(codes.len(), counts.len());
            for code in &codes {
                prop_assert!((0..code.len()).all(|end| !codes.contains(&code[..end])));
            }
            // Words that share the turns so far stand at the same node.
            for word in 0..counts.len() {
                prop_assert_eq!(tree.path(word).len(), tree.code(word).len());
                prop_assert!(tree.path(word).iter().all(|&node| (node as usize) < tree.inner_nodes()));
                let shared = tree.code(word).iter().zip(tree.code(0)).take_while(|(a, b)| a == b).count();
                let common = (shared + 1).min(tree.path(word).len()).min(tree.path(0).len());
                prop_assert_eq!(&tree.path(word)[..common], &tree.path(0)[..common]);
            }
        }
    }

    #[test]
    fn small_trees() {
        assert!(Huffman::new(&[]).is_empty());
        let one = Huffman::new(&[3]);
        assert_eq!((one.code(0), one.inner_nodes()), (&[][..], 0));
    }
}
