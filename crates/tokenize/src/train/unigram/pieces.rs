//! The vocabulary while it is trained.

use super::text::{Span, Text};
use super::trie::Trie;

/// What the log-probability of an unknown character is below the lowest of a piece.
const UNKNOWN_PENALTY: f64 = 10.0;

/// Pieces and their log-probabilities. The first stands for unknown characters and is no piece: its span is empty and
/// it has no probability of its own.
#[derive(Clone)]
pub(super) struct Pieces {
    pub(super) spans: Vec<Span>,
    pub(super) scores: Vec<f64>,
}

impl Pieces {
    /// The unknown alone.
    pub(super) fn unknown() -> Self {
        Self { spans: vec![Span { start: 0, len: 0 }], scores: vec![f64::NAN] }
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn push(&mut self, span: Span, score: f64) {
        self.spans.push(span);
        self.scores.push(score);
    }

    /// The lowest score of a piece; 0 if there is none.
    pub(super) fn min_score(&self) -> f64 {
        // `min` passes over what is not a number, such as the score of the unknown.
        let min = self.scores.iter().copied().fold(f64::INFINITY, f64::min);
        if min.is_finite() { min } else { 0.0 }
    }
}

/// All ways to cut words into pieces, each with a value.
pub(super) struct Lattice {
    trie: Trie,
    /// By id; the first is that of an unknown character.
    values: Vec<f64>,
}

impl Lattice {
    /// With log-probabilities as values.
    pub(super) fn new(text: &Text, pieces: &Pieces) -> Self {
        let mut values = pieces.scores.clone();
        values[0] = pieces.min_score() - UNKNOWN_PENALTY;
        Self { trie: Trie::new(text, &pieces.spans), values }
    }

    /// With probabilities as values.
    pub(super) fn of_probabilities(text: &Text, pieces: &Pieces) -> Self {
        let mut lattice = Self::new(text, pieces);
        lattice.values.iter_mut().for_each(|value| *value = value.exp());
        lattice
    }

    /// Calls `visit` with the id, the length and the value of every piece that can begin where `codes` begin, the
    /// shortest first. A character that is no piece is unknown.
    #[inline]
    pub(super) fn for_each_piece(&self, codes: &[u32], mut visit: impl FnMut(u32, usize, f64)) {
        let mut single = false;
        self.trie.for_each_prefix(codes, |id, length| {
            if length > 1 && !single {
                visit(0, 1, self.values[0]);
            }
            single = true;
            visit(id, length, self.values[id as usize]);
        });
        if !single {
            visit(0, 1, self.values[0]);
        }
    }

    /// The most probable pieces of a word, the last first; `skip` is one that is not taken. Of equally probable ways
    /// that end with different pieces, the longer last piece wins. Gives the log-probability, which values must be.
    pub(super) fn best(
        &self,
        word: &[u32],
        skip: Option<u32>,
        best: &mut Vec<Best>,
        ids: &mut Vec<u32>,
    ) -> f64 {
        best.clear();
        best.resize(word.len() + 1, Best { score: f64::NEG_INFINITY, id: 0, from: 0 });
        best[0].score = 0.0;
        for from in 0..word.len() {
            let before = best[from].score;
            self.for_each_piece(&word[from..], |id, length, score| {
                let there = &mut best[from + length];
                let score = before + score;
                if score > there.score && Some(id) != skip {
                    *there = Best { score, id, from: from as u32 };
                }
            });
        }
        ids.clear();
        let mut at = word.len();
        while at > 0 {
            ids.push(best[at].id);
            at = best[at].from as usize;
        }
        best[word.len()].score
    }
}

/// The best way to a place in a word: its log-probability, its last piece and where that starts.
#[derive(Clone, Copy)]
pub(super) struct Best {
    score: f64,
    id: u32,
    from: u32,
}
