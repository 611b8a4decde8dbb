//! Tokens with scores, and the best way to cut a text into them.

use crate::double_array::{DoubleArray, NONE};
use crate::model::Piece;

/// How much less than the lowest score of the vocabulary an unknown character scores.
const UNK_PENALTY: f64 = 10.0;

/// The tokens that a text can be cut into. Where none of them is exactly the character at hand, that character is
/// unknown.
#[derive(Clone)]
pub(crate) struct Lexicon {
    /// From tokens to ids.
    trie: DoubleArray,
    /// By id.
    scores: Vec<f64>,
    unk_id: Option<u32>,
    unk_score: f64,
    precision: Precision,
    /// Scores that hold in a lattice instead, by id, sorted.
    lattice_scores: Vec<(u32, f64)>,
}

/// How sums of scores are rounded. It decides between paths that are equal but for rounding, so it must be the peer's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// As in Hugging Face's `tokenizers`.
    Double,
    /// As in sentencepiece.
    Single,
}

/// The best path that ends at a byte of the text.
#[derive(Clone, Copy)]
pub(crate) struct Best {
    score: f64,
    /// Its last token and how long that is; 0 if nothing ends here.
    length: u32,
    id: u32,
}

const UNREACHED: Best = Best { score: 0.0, length: 0, id: NONE };

/// A token as it occurs in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) id: u32,
    pub(super) length: u32,
    pub(super) score: f64,
}

impl Lexicon {
    /// `tokens` are sorted and distinct; their ids index `scores`. An unknown character scores a fixed amount less
    /// than `min_score`.
    pub(crate) fn new(
        tokens: &[(&[u8], u32)],
        scores: Vec<f64>,
        unk_id: Option<u32>,
        min_score: f64,
        precision: Precision,
    ) -> Self {
        let trie = DoubleArray::new(tokens).0;
        let mut lexicon =
            Self { trie, scores, unk_id, unk_score: 0.0, precision, lattice_scores: Vec::new() };
        lexicon.unk_score = lexicon.round(min_score - UNK_PENALTY);
        lexicon
    }

    /// A score as this lexicon keeps it.
    #[inline]
    pub(super) fn round(&self, score: f64) -> f64 {
        match self.precision {
            Precision::Double => score,
            Precision::Single => f64::from(score as f32),
        }
    }

    /// Scores for tokens, sorted by id, that count where many segmentations are looked at.
    pub(crate) fn set_lattice_scores(&mut self, scores: Vec<(u32, f64)>) {
        self.lattice_scores = scores;
    }

    /// The score of a token in a lattice.
    pub(super) fn lattice_score(&self, found: Match) -> f64 {
        match self.lattice_scores.binary_search_by_key(&found.id, |&(id, _)| id) {
            Ok(index) => self.lattice_scores[index].1,
            Err(_) => found.score,
        }
    }

    pub(crate) fn score(&self, id: u32) -> f64 {
        self.scores[id as usize]
    }

    /// Calls `visit` with every token that begins at `start`, from the shortest to the longest, and then with the
    /// unknown character if there is one. `false` if there is one and nothing stands for it.
    #[inline]
    pub(super) fn for_each_match(&self, text: &str, start: usize, mut visit: impl FnMut(Match)) -> bool {
        let bytes = &text.as_bytes()[start..];
        let width = char_width(bytes[0]);
        let mut state = DoubleArray::ROOT;
        let mut is_known = false;
        for (length, &byte) in (1..).zip(bytes) {
            let Some(next) = self.trie.step(state, byte) else { break };
            state = next;
            let id = self.trie.value(state);
            if id != NONE {
                is_known |= length == width;
                visit(Match { id, length, score: self.scores[id as usize] });
            }
        }
        match self.unk_id {
            _ if is_known => true,
            None => false,
            Some(id) => {
                visit(Match { id, length: width, score: self.unk_score });
                true
            }
        }
    }

    /// Appends the most probable pieces of `text` to `out`: of equal paths to a place the one whose last token begins
    /// first. Gives whether a token is unknown; an error if nothing stands for one.
    pub(crate) fn viterbi(
        &self,
        text: &str,
        best: &mut Vec<Best>,
        out: &mut Vec<Piece>,
    ) -> Result<bool, NoUnknown> {
        let is_known = match self.precision {
            Precision::Double => self.fill(text, best, |sum| sum),
            Precision::Single => self.fill(text, best, |sum| f64::from(sum as f32)),
        };
        if !is_known {
            return Err(NoUnknown);
        }
        let first = out.len();
        let mut has_unknown = false;
        let mut end = text.len();
        while end > 0 {
            let Best { length, id, .. } = best[end];
            has_unknown |= Some(id) == self.unk_id;
            out.push(Piece { id, range: end - length as usize..end });
            end -= length as usize;
        }
        out[first..].reverse();
        Ok(has_unknown)
    }

    /// The best path to every character boundary of `text`.
    #[inline]
    fn fill(&self, text: &str, best: &mut Vec<Best>, round: impl Fn(f64) -> f64 + Copy) -> bool {
        best.clear();
        best.resize(text.len() + 1, UNREACHED);
        let mut start = 0;
        while start < text.len() {
            if self.precision == Precision::Single && best[start].score.abs() > RESET {
                reset(&mut best[start..(start + MAX_PIECE + 1).min(text.len() + 1)], round);
            }
            let till_here = best[start].score;
            let is_known = self.for_each_match(text, start, |Match { id, length, score }| {
                let sum = round(score + till_here);
                let target = &mut best[start + length as usize];
                if target.length == 0 || sum > target.score {
                    *target = Best { score: sum, length, id };
                }
            });
            if !is_known {
                return false;
            }
            start += char_width(text.as_bytes()[start]) as usize;
        }
        true
    }
}

/// Sentencepiece lets sums start again at 0 beyond this, before single precision fails.
const RESET: f64 = 100_000.0;

/// No piece of sentencepiece is longer.
pub(super) const MAX_PIECE: usize = 7999;

/// Takes the first score from all of them.
#[cold]
fn reset(best: &mut [Best], round: impl Fn(f64) -> f64) {
    let offset = best[0].score;
    best[0].score = 0.0;
    for best in best[1..].iter_mut().filter(|best| best.length > 0) {
        best.score = round(best.score - offset);
    }
}

/// A character is unknown, and nothing stands for it.
#[derive(Debug)]
pub(crate) struct NoUnknown;

/// How many bytes a character has, from its first.
#[inline]
pub(super) fn char_width(first: u8) -> u32 {
    match first {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    }
}
