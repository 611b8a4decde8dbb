//! Expectation and maximisation: from probabilities of pieces to better ones.

use super::pieces::{Lattice, Pieces};
use super::scaled::Scaled;
use super::text::Text;

/// Pieces expected less often than this are dropped.
const LEAST_EXPECTED: f64 = 0.5;

/// How often each piece is expected to be used when the words are cut at random, with the probabilities of all ways to
/// cut them; and the mean negative log-likelihood of a word.
pub(super) fn expectation(text: &Text, pieces: &Pieces) -> (Vec<f64>, f64) {
    let lattice = Lattice::of_probabilities(text, pieces);
    let lanes = text.in_lanes(lanes(pieces.len()), |words| {
        let mut expected = vec![0.0; pieces.len()];
        let mut loss = 0.0;
        let mut sums = ForwardBackward::default();
        for (word, count) in words {
            loss -= count as f64 * sums.add(&lattice, word, count as f64, &mut expected);
        }
        (expected, loss)
    });
    let mut expected = vec![0.0; pieces.len()];
    let mut loss = 0.0;
    for (lane, lane_loss) in lanes {
        loss += lane_loss;
        expected.iter_mut().zip(lane).for_each(|(sum, part)| *sum += part);
    }
    (expected, loss / text.total())
}

/// Into how many parts the words are shared out, each with sums of its own: the same however many threads there are,
/// so that sums come out the same.
pub(super) fn lanes(pieces: usize) -> usize {
    if pieces > 1 << 18 { 8 } else { 16 }
}

/// The probabilities of all ways to cut a word from its start to each place, and from each place to its end.
#[derive(Default)]
struct ForwardBackward {
    forward: Vec<Scaled>,
    backward: Vec<Scaled>,
}

impl ForwardBackward {
    /// Adds to `expected` how often each piece is expected in `count` times `word`; gives the word's log-likelihood.
    ///
    /// With `p` the probability of a piece, `a(0) = 1`, `a(j) = Σ a(i) p(i..j)` and `b` the same from the end: the piece
    /// `i..j` is used with probability `a(i) p(i..j) b(j) / b(0)`.
    fn add(&mut self, lattice: &Lattice, word: &[u32], count: f64, expected: &mut [f64]) -> f64 {
        self.backward.clear();
        self.backward.resize(word.len() + 1, Scaled::ZERO);
        self.backward[word.len()] = Scaled::ONE;
        for start in (0..word.len()).rev() {
            let mut sum = Scaled::ZERO;
            lattice.for_each_piece(&word[start..], |_, length, probability| {
                sum.add(self.backward[start + length].times(probability));
            });
            self.backward[start] = sum.normalised();
        }
        let all = self.backward[0];
        self.forward.clear();
        self.forward.resize(word.len() + 1, Scaled::ZERO);
        self.forward[0] = Scaled::ONE;
        for start in 0..word.len() {
            let here = self.forward[start].normalised();
            lattice.for_each_piece(&word[start..], |id, length, probability| {
                let there = here.times(probability);
                self.forward[start + length].add(there);
                expected[id as usize] += count * there.times_over(self.backward[start + length], all);
            });
        }
        all.ln()
    }
}

/// The pieces that are expected often enough, with new probabilities.
///
/// Not `ln(c / Σc)` of the expectations `c` but `ψ(c) − ψ(Σc)`, the mean under a Dirichlet posterior, which makes rare
/// pieces rarer still (Liang & Klein 2007).
pub(super) fn maximisation(pieces: &Pieces, expected: &[f64]) -> Pieces {
    let mut new = Pieces::unknown();
    let mut sum = 0.0;
    for id in 1..pieces.len() {
        if expected[id] >= LEAST_EXPECTED {
            new.push(pieces.spans[id], expected[id]);
            sum += expected[id];
        }
    }
    let whole = digamma(sum);
    for score in &mut new.scores[1..] {
        *score = digamma(*score) - whole;
    }
    new
}

/// `ψ(x) = d ln Γ(x) / dx` for positive `x`: recurrence up to 7, then the asymptotic series in `1 / (x − ½)`.
fn digamma(mut x: f64) -> f64 {
    let mut result = 0.0;
    while x < 7.0 {
        result -= 1.0 / x;
        x += 1.0;
    }
    x -= 0.5;
    let square = 1.0 / (x * x);
    let terms = [1.0 / 24.0, -7.0 / 960.0, 31.0 / 8064.0, -127.0 / 30720.0];
    result + x.ln() + terms.iter().rev().fold(0.0, |sum, term| (sum + term) * square)
}

#[cfg(test)]
mod tests {
    use super::super::text::Span;
    use super::*;
    use crate::train::WordCounts;

    #[test]
    fn digamma_has_known_values() {
        let euler = 0.577_215_664_901_532_9;
        for (x, expected) in
            [(1.0, -euler), (0.5, -euler - 4.0_f64.ln()), (2.0, 1.0 - euler), (100.0, 4.600_161_852_738_087)]
        {
            assert!((digamma(x) - expected).abs() < 1e-9, "{x}");
        }
    }

    /// Every way to cut `word` (`ids` so far), with its probability.
    fn ways(
        lattice: &Lattice,
        word: &[u32],
        ids: &mut Vec<u32>,
        probability: f64,
        visit: &mut dyn FnMut(&[u32], f64),
    ) {
        if word.is_empty() {
            return visit(ids, probability);
        }
        let mut edges = Vec::new();
        lattice.for_each_piece(word, |id, length, value| edges.push((id, length, value)));
        for (id, length, value) in edges {
            ids.push(id);
            ways(lattice, &word[length..], ids, probability * value, visit);
            ids.pop();
        }
    }

    #[test]
    fn expectations_are_sums_over_all_ways() {
        let words: WordCounts = [("abab", 3), ("ba", 2), ("cab", 1)].into_iter().collect();
        let (text, _) = Text::new(&words, None).unwrap();
        // abab$ba$cab$ with c unknown.
        let mut pieces = Pieces::unknown();
        for (start, len, score) in [(0, 1, -1.0), (1, 1, -1.5), (0, 2, -2.0), (1, 2, -1.7), (0, 3, -3.0)] {
            pieces.push(Span { start, len }, score);
        }
        let lattice = Lattice::of_probabilities(&text, &pieces);
        let (mut expected, mut loss) = (vec![0.0; 6], 0.0);
        for words in
            text.in_lanes(1, |words| words.map(|(word, count)| (word.to_vec(), count)).collect::<Vec<_>>())
        {
            for (word, count) in words {
                let mut all = 0.0;
                ways(&lattice, &word, &mut Vec::new(), 1.0, &mut |_, probability| all += probability);
                loss -= count as f64 * all.ln() / 6.0;
                ways(&lattice, &word, &mut Vec::new(), 1.0, &mut |ids, probability| {
                    ids.iter().for_each(|&id| expected[id as usize] += count as f64 * probability / all);
                });
            }
        }
        let (found, found_loss) = expectation(&text, &pieces);
        assert!((found_loss - loss).abs() < 1e-12);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn long_words_do_not_vanish() {
        let word = "ab".repeat(50_000);
        let words: WordCounts = [(word.as_str(), 1)].into_iter().collect();
        let (text, _) = Text::new(&words, None).unwrap();
        let mut pieces = Pieces::unknown();
        pieces.push(Span { start: 0, len: 1 }, -9.0);
        pieces.push(Span { start: 0, len: 2 }, -30.0);
        let (expected, loss) = expectation(&text, &pieces);
        // Each `ab` is either one piece of e^-30 or `a` (e^-9) and an unknown b (e^-40).
        let (one, two) = ((-30.0_f64).exp(), (-49.0_f64).exp());
        assert!((loss - -50_000.0 * (one + two).ln()).abs() < 1e-6 * loss);
        assert!((expected[2] - 50_000.0 * one / (one + two)).abs() < 1e-6);
        assert!((expected[0] - 50_000.0 * two / (one + two)).abs() < 1e-9);
    }
}
