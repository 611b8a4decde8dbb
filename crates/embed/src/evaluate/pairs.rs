//! Pairs of words that people have judged.

use std::fmt;

use serde::Serialize;

use super::Rules;
use crate::{Error, Result, Vectors};

/// Pairs of words with a judgement of their similarity: WordSim-353, SimLex-999, and others written like them.
#[derive(Clone, Debug, PartialEq)]
pub struct WordPairs {
    pairs: Vec<(String, String, f64)>,
}

/// How well similarities agree with judgements.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairScore {
    /// Spearman's rank correlation, ties given their mean rank; not a number if all values are equal.
    pub spearman: f64,
    /// Pearson's correlation.
    pub pearson: f64,
    /// Pairs compared.
    pub pairs: usize,
    /// Pairs with an unknown word.
    pub unknown: usize,
}

impl WordPairs {
    /// Reads pairs: a line with two words and a number each, separated by tabs. Lines that begin with `#` and others
    /// are left out, as gensim does.
    ///
    /// # Errors
    /// If there are no pairs.
    pub fn parse(text: &str) -> Result<Self> {
        let pair = |line: &str| {
            let [a, b, score] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
            Some((a.to_owned(), b.to_owned(), score.trim().parse().ok()?))
        };
        let pairs: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).filter_map(pair).collect();
        if pairs.is_empty() {
            let (at, what) =
                ("the text".to_owned(), "no lines of two words and a number between tabs".to_owned());
            return Err(Error::Format { path: "word pairs".into(), at, what });
        }
        Ok(Self { pairs })
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none; [`parse`](Self::parse) makes no such list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Compares cosines with the judgements.
    ///
    /// # Errors
    /// [`Error::TooFewWords`] if fewer than two pairs are known.
    pub fn evaluate(&self, vectors: &Vectors, rules: &Rules) -> Result<PairScore> {
        let known = rules.known(vectors);
        let (mut judged, mut found, mut unknown) = (Vec::new(), Vec::new(), 0);
        for (a, b, score) in &self.pairs {
            let rows = (known.get(&rules.fold(a)), known.get(&rules.fold(b)));
            let cosine = if let (Some(&a), Some(&b)) = rows {
                f64::from(vectors.cosine(a, b))
            } else {
                unknown += 1;
                if !rules.count_unknown {
                    continue;
                }
                0.0
            };
            judged.push(*score);
            found.push(cosine);
        }
        if found.len() < 2 {
            return Err(Error::TooFewWords { what: "a correlation (pairs)", least: 2, found: found.len() });
        }
        let spearman = pearson(&ranks(&judged), &ranks(&found));
        Ok(PairScore { spearman, pearson: pearson(&judged, &found), pairs: found.len(), unknown })
    }
}

impl PairScore {
    /// Share of the pairs whose words are both known.
    #[must_use]
    pub fn coverage(&self, pairs: &WordPairs) -> f64 {
        1.0 - self.unknown as f64 / pairs.len() as f64
    }
}

impl fmt::Display for PairScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spearman, pearson, pairs, unknown } = self;
        write!(f, "Spearman {spearman:.3}, Pearson {pearson:.3} over {pairs} pairs, {unknown} unknown")
    }
}

/// Ranks from 1 on; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = before as f64 + (group.len() + 1) as f64 / 2.0;
        group.iter().for_each(|&i| ranks[i] = mean);
        before += group.len();
    }
    ranks
}

fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mx, y - my);
        (xy, xx, yy) = (xy + x * y, xx + x * x, yy + y * y);
    }
    xy / (xx * yy).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), [4.0, 1.0, 4.0, 2.0, 4.0]);
        let r = pearson(&ranks(&[1.0, 2.0, 3.0, 4.0]), &ranks(&[1.0, 4.0, 9.0, 16.0]));
        assert!((r - 1.0).abs() < 1e-12);
    }
}
