//! A Markov model small enough to enumerate.

use std::convert::Infallible;

use decode::{Context, Process, Scorer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) const END: u32 = 0;

/// A second-order Markov chain: the next token depends on the last two.
#[derive(Clone)]
pub(crate) struct Markov {
    pub(crate) vocab: usize,
    /// `(vocab, vocab, vocab)`: before last, last, next.
    pub(crate) logits: Vec<f32>,
    pub(crate) rows: Vec<[u32; 2]>,
    pub(crate) calls: usize,
    /// Whether it tells attention and hidden states.
    pub(crate) open: bool,
}

impl Markov {
    pub(crate) fn random(vocab: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let logits = (0..vocab.pow(3)).map(|_| rng.random_range(-3.0..3.0)).collect();
        Self { vocab, logits, rows: Vec::new(), calls: 0, open: true }
    }

    fn next(&self, [before, last]: [u32; 2]) -> &[f32] {
        let at = (before as usize * self.vocab + last as usize) * self.vocab;
        &self.logits[at..at + self.vocab]
    }

    pub(crate) fn log_probs(&self, row: [u32; 2]) -> Vec<f64> {
        let logits = self.next(row);
        let total = logits.iter().map(|&l| f64::from(l).exp()).sum::<f64>().ln();
        logits.iter().map(|&l| f64::from(l) - total).collect()
    }

    /// Every complete sequence of at most `max` tokens after `row` with its log probability.
    pub(crate) fn enumerate(&self, row: [u32; 2], max: usize) -> Vec<(Vec<u32>, f64)> {
        let mut complete = Vec::new();
        let mut open = vec![(Vec::new(), row, 0.0)];
        for length in 1..=max {
            let mut next = Vec::new();
            for (tokens, row, log_prob) in open {
                for (token, step) in self.log_probs(row).into_iter().enumerate() {
                    let mut longer: Vec<u32> = tokens.clone();
                    longer.push(token as u32);
                    if token as u32 == END || length == max {
                        complete.push((longer, log_prob + step));
                    } else {
                        next.push((longer, [row[1], token as u32], log_prob + step));
                    }
                }
            }
            open = next;
        }
        complete
    }

    fn emit(&mut self, scores: &mut Vec<f32>) {
        self.calls += 1;
        for &row in &self.rows {
            scores.extend_from_slice(self.next(row));
        }
    }
}

impl Scorer for Markov {
    type Error = Infallible;

    fn vocab(&self) -> usize {
        self.vocab
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), Infallible> {
        self.rows = prompts.iter().map(|p| [p[p.len().saturating_sub(2)], p[p.len() - 1]]).collect();
        self.emit(scores);
        Ok(())
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), Infallible> {
        assert!(!parents.is_empty() && parents.len() == tokens.len());
        self.rows = parents.iter().zip(tokens).map(|(&p, &token)| [self.rows[p][1], token]).collect();
        self.emit(scores);
        Ok(())
    }

    fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
        weights.extend(self.weights(self.rows[row]));
        self.open
    }

    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        state.extend(self.state(self.rows[row]));
        self.open
    }
}

impl Markov {
    /// Attention to three positions after two tokens.
    pub(crate) fn weights(&self, row: [u32; 2]) -> [f32; 3] {
        let weights = [0, 1, 2].map(|i| self.next(row)[i % self.vocab].exp());
        weights.map(|w| w / weights.iter().sum::<f32>())
    }

    /// A hidden state of two dimensions after two tokens, finite whatever the scores are.
    pub(crate) fn state(&self, row: [u32; 2]) -> [f32; 2] {
        let logits = self.next(row);
        [logits[0], logits[1] + 0.1].map(|x| if x.is_finite() { x } else { -9.0 })
    }
}

/// Forbids everything once the sequence has a certain length.
pub(crate) struct Wall(pub(crate) usize);

impl Process for Wall {
    fn process(&self, context: Context<'_>, logits: &mut [f32]) {
        if context.sequence.len() >= self.0 {
            logits.fill(f32::NEG_INFINITY);
        }
    }
}
