//! All ways to cut a text into tokens, to list the best or to draw one.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand::{Rng, RngExt};

use super::lexicon::{Lexicon, NoUnknown, char_width};
use crate::model::Piece;

/// The tokens of a text, by where they end.
pub(crate) struct Lattice<'l> {
    lexicon: &'l Lexicon,
    nodes: Vec<Node>,
    /// For each byte of the text, where the nodes that end there begin in `nodes`.
    ends: Vec<usize>,
}

/// A token in its place.
#[derive(Clone, Copy)]
struct Node {
    start: usize,
    id: u32,
    score: f64,
    /// The score of the best path up to and with this token.
    best: f64,
}

impl<'l> Lattice<'l> {
    pub(crate) fn new(lexicon: &'l Lexicon, text: &str) -> Result<Self, NoUnknown> {
        let mut found: Vec<(usize, Node)> = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let is_known = lexicon.for_each_match(text, start, |found_match| {
                let score = lexicon.lattice_score(found_match);
                let node = Node { start, id: found_match.id, score, best: 0.0 };
                found.push((start + found_match.length as usize, node));
            });
            if !is_known {
                return Err(NoUnknown);
            }
            start += char_width(text.as_bytes()[start]) as usize;
        }
        // Stable: nodes of the same end stay in the order of their starts.
        found.sort_by_key(|&(end, _)| end);
        let ends = (0..=text.len() + 1).map(|end| found.partition_point(|&(at, _)| at < end)).collect();
        Ok(Self { lexicon, nodes: found.into_iter().map(|(_, node)| node).collect(), ends })
    }

    /// Number of bytes.
    fn len(&self) -> usize {
        self.ends.len() - 2
    }

    fn ending_at(&self, end: usize) -> &[Node] {
        &self.nodes[self.ends[end]..self.ends[end + 1]]
    }

    /// The `n` best paths with their scores, from the best on; fewer if there are fewer. Of equal ones, any order, but
    /// always the same.
    ///
    /// A* from the end with the exact score of the rest (Nagata 1994), kept lazy: a path that is taken from the agenda
    /// puts two there, its best extension and its next best sibling, and among equals the one that reaches further
    /// comes first. So the work is in proportion to the paths asked for, however many are equal.
    pub(crate) fn n_best(mut self, n: usize) -> Vec<(Vec<Piece>, f64)> {
        self.sort_ends();
        let mut paths = Vec::new();
        let mut taken: Vec<Taken> = Vec::new();
        let mut agenda = BinaryHeap::new();
        self.put(&mut agenda, self.len(), 0, 0.0, usize::MAX);
        if self.len() == 0 && n > 0 {
            paths.push((Vec::new(), 0.0));
        }
        while paths.len() < n
            && let Some(entry) = agenda.pop()
        {
            self.put(&mut agenda, entry.end, entry.rank + 1, entry.behind, entry.next);
            let node = self.ending_at(entry.end)[entry.rank];
            let score = self.lexicon.round(node.score + entry.behind);
            taken.push(Taken { id: node.id, start: node.start, end: entry.end, next: entry.next });
            if node.start > 0 {
                self.put(&mut agenda, node.start, 0, score, taken.len() - 1);
                continue;
            }
            let path = std::iter::successors(taken.last(), |token| taken.get(token.next));
            let pieces = path.map(|token| Piece { id: token.id, range: token.start..token.end }).collect();
            paths.push((pieces, score));
        }
        paths
    }

    /// Computes the scores of the best paths to all nodes and sorts the nodes of each end by them, the best first.
    fn sort_ends(&mut self) {
        let mut best = vec![0.0; self.len() + 1];
        for end in 1..=self.len() {
            let nodes = &mut self.nodes[self.ends[end]..self.ends[end + 1]];
            for node in &mut *nodes {
                node.best = self.lexicon.round(best[node.start] + node.score);
            }
            nodes.sort_by(|left, right| right.best.total_cmp(&left.best));
            best[end] = nodes.first().map_or(0.0, |node| node.best);
        }
    }

    fn put(&self, agenda: &mut BinaryHeap<Entry>, end: usize, rank: usize, behind: f64, next: usize) {
        if let Some(node) = self.ending_at(end).get(rank) {
            let whole = self.lexicon.round(node.best + behind);
            agenda.push(Entry { whole, end, rank, behind, next });
        }
    }

    /// Draws a path with probability proportional to `exp(alpha · score)`: sums over all paths forward, then one token
    /// after the other backward.
    pub(crate) fn sample(&self, alpha: f64, rng: &mut impl Rng) -> Vec<Piece> {
        let mut sums = vec![0.0; self.len() + 1];
        for end in 1..=self.len() {
            let terms = self.ending_at(end).iter().map(|node| sums[node.start] + alpha * node.score);
            sums[end] = log_sum_exp(terms);
        }
        let mut pieces = Vec::new();
        let mut end = self.len();
        while end > 0 {
            let nodes = self.ending_at(end);
            let mut left = rng.random::<f64>();
            // Rounding can leave a rest; it goes to the last node.
            let chosen = nodes.iter().position(|node| {
                left -= (sums[node.start] + alpha * node.score - sums[end]).exp();
                left < 0.0
            });
            let node = nodes[chosen.unwrap_or(nodes.len() - 1)];
            pieces.push(Piece { id: node.id, range: node.start..end });
            end = node.start;
        }
        pieces.reverse();
        pieces
    }
}

/// `ln Σ exp(term)`.
fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
}

/// A token on a path that was taken from the agenda.
struct Taken {
    id: u32,
    start: usize,
    end: usize,
    /// The token after it, an index; past the end for the last.
    next: usize,
}

/// A path from some token to the end of the text.
struct Entry {
    /// The score of the best whole path that ends with this one.
    whole: f64,
    /// Where its first token ends, and which of those that end there it is.
    end: usize,
    rank: usize,
    /// The score of what is behind its first token, and the first token of that.
    behind: f64,
    next: usize,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.whole.total_cmp(&other.whole);
        // Further in the work is nearer to the beginning of the text.
        by_score.then_with(|| (other.end, other.rank, other.next).cmp(&(self.end, self.rank, self.next)))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}
