//! ROUGE (Lin 2004) with the numbers of Google's `rouge-score` 0.1.2.

mod porter;

pub use porter::porter_stem;

use std::collections::{BTreeSet, HashMap};

use crate::error::Error;
use crate::error_rate::same_length;
use crate::ngram::{common, ngrams};

/// What ROUGE counts.
///
/// ```
/// use metrics::{Rouge, RougeKind};
/// let (reference, prediction) = ("the cat sat\nthe dog ran", "the dog ran\nthe cat sat");
/// let f1 = |kind| Rouge { kind, stemmer: false }.score(reference, prediction).f1;
/// assert_eq!(f1(RougeKind::N(1)), 1.0);
/// assert_eq!(f1(RougeKind::L), 0.5);              // one sentence, 3 of 6 words, is in order
/// assert_eq!(f1(RougeKind::LSum), 1.0);           // each line finds its own
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RougeKind {
    /// N-grams: ROUGE-1, ROUGE-2, …; at least 1.
    N(usize),
    /// The longest common subsequence: ROUGE-L.
    L,
    /// For each line of the reference the union of its longest common subsequences with all lines of the prediction:
    /// ROUGE-Lsum, for summaries with a sentence a line.
    LSum,
}

/// Settings of ROUGE. Words are the runs of `a`–`z` and `0`–`9` after lower-casing, so texts without any, such as
/// Chinese ones, score 0.
///
/// ```
/// use metrics::{Rouge, RougeKind};
///
/// let (reference, prediction) = ("The quick brown fox jumps over the lazy dog", "The brown dog jumped on the log.");
/// let rouge = Rouge { kind: RougeKind::L, stemmer: true };
/// assert_eq!(format!("{:.4}", rouge.score(reference, prediction).f1), "0.5000");
/// let unstemmed = Rouge { kind: RougeKind::N(1), stemmer: false };
/// assert_eq!(unstemmed.score(reference, prediction).precision, 4.0 / 7.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rouge {
    /// What is counted.
    pub kind: RougeKind,
    /// Whether words of more than three letters are reduced to their stems by [`porter_stem`].
    pub stemmer: bool,
}

/// Precision, recall and F1, between 0 and 1.
///
/// ```
/// use metrics::{Rouge, RougeKind};
/// let score = Rouge { kind: RougeKind::N(2), stemmer: false }.score("the cat sat down", "the cat sat");
/// assert_eq!((score.precision, score.recall, score.f1), (1.0, 2.0 / 3.0, 0.8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RougeScore {
    /// Share of the prediction that is in the reference.
    pub precision: f64,
    /// Share of the reference that is in the prediction.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

impl RougeScore {
    fn new(hits: usize, predicted: usize, expected: usize) -> Self {
        let ratio = |whole: usize| hits as f64 / whole.max(1) as f64;
        let (precision, recall) = (ratio(predicted), ratio(expected));
        let sum = precision + recall;
        let f1 = if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 };
        Self { precision, recall, f1 }
    }
}

impl Rouge {
    /// The score of one prediction. An empty text on either side scores 0.
    ///
    /// # Panics
    /// If `kind` is `N(0)`.
    #[track_caller]
    pub fn score(&self, reference: &str, prediction: &str) -> RougeScore {
        match self.kind {
            RougeKind::N(n) => {
                assert!(n > 0, "ROUGE-N: n must be at least 1");
                let (reference, prediction) = (self.words(reference), self.words(prediction));
                let hits = common(&ngrams(&reference, n), &ngrams(&prediction, n));
                let count = |words: &[String]| (words.len() + 1).saturating_sub(n);
                RougeScore::new(hits, count(&prediction), count(&reference))
            }
            RougeKind::L => {
                let (reference, prediction) = (self.words(reference), self.words(prediction));
                let longest = common_subsequence(&reference, &prediction).len();
                RougeScore::new(longest, prediction.len(), reference.len())
            }
            RougeKind::LSum => self.summary(reference, prediction),
        }
    }

    /// The score against the reference with the highest F1, the first among equals.
    ///
    /// ```
    /// use metrics::{Rouge, RougeKind};
    /// let rouge = Rouge { kind: RougeKind::N(1), stemmer: false };
    /// let score = rouge.best_of(&["a cat sat", "the dog"], "the dog ran")?;
    /// assert_eq!((score.precision, score.recall), (2.0 / 3.0, 1.0));
    /// # Ok::<(), metrics::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no reference, or `kind` is `N(0)`.
    pub fn best_of<T: AsRef<str>>(&self, references: &[T], prediction: &str) -> Result<RougeScore, Error> {
        if self.kind == RougeKind::N(0) {
            return Err(Error::Setting("ROUGE-N: n must be at least 1"));
        }
        let scores = references.iter().map(|reference| self.score(reference.as_ref(), prediction));
        scores.reduce(|best, next| if next.f1 > best.f1 { next } else { best }).ok_or(Error::Empty)
    }

    /// The mean over a corpus of each prediction's score against its best reference.
    ///
    /// ```
    /// use metrics::{Rouge, RougeKind};
    /// let rouge = Rouge { kind: RougeKind::L, stemmer: true };
    /// let references = [vec!["the cats sat", "a cat sat"], vec!["it rained"]];
    /// let score = rouge.corpus(&references, &["the cat sat", "we left"])?;
    /// assert_eq!(score.f1, (1.0 + 0.0) / 2.0);
    /// # Ok::<(), metrics::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the numbers of segments differ, there are none, one has no reference, or `kind` is `N(0)`.
    pub fn corpus<R: AsRef<[T]>, T: AsRef<str>, P: AsRef<str>>(
        &self,
        references: &[R],
        predictions: &[P],
    ) -> Result<RougeScore, Error> {
        same_length(references, predictions)?;
        if predictions.is_empty() {
            return Err(Error::Empty);
        }
        let mut mean = RougeScore::default();
        let share = 1.0 / predictions.len() as f64;
        for (segment, (references, prediction)) in references.iter().zip(predictions).enumerate() {
            let score = self.best_of(references.as_ref(), prediction.as_ref()).map_err(|error| {
                if error == Error::Empty { Error::NoReference { segment } } else { error }
            })?;
            mean.precision += score.precision * share;
            mean.recall += score.recall * share;
            mean.f1 += score.f1 * share;
        }
        Ok(mean)
    }

    fn words(&self, text: &str) -> Vec<String> {
        let lower = text.to_lowercase();
        let words =
            lower.split(|c: char| !matches!(c, 'a'..='z' | '0'..='9')).filter(|word| !word.is_empty());
        let stem =
            |word: &str| if self.stemmer && word.len() > 3 { porter_stem(word) } else { word.to_owned() };
        words.map(stem).collect()
    }

    fn summary(&self, reference: &str, prediction: &str) -> RougeScore {
        let lines =
            |text: &str| -> Vec<Vec<String>> { text.split('\n').map(|line| self.words(line)).collect() };
        let (reference, prediction) = (lines(reference), lines(prediction));
        let (mut left, mut predicted_left) = (counts(&reference), counts(&prediction));
        let mut hits = 0;
        for line in &reference {
            let union: BTreeSet<usize> =
                prediction.iter().flat_map(|other| common_subsequence(line, other)).collect();
            // A word may be hit as often as both texts have it, even where several lines share it.
            for word in union.into_iter().map(|i| line[i].as_str()) {
                let (Some(a), Some(b)) = (left.get_mut(word), predicted_left.get_mut(word)) else { continue };
                if *a > 0 && *b > 0 {
                    (*a, *b, hits) = (*a - 1, *b - 1, hits + 1);
                }
            }
        }
        let total = |lines: &[Vec<String>]| lines.iter().map(Vec::len).sum();
        RougeScore::new(hits, total(&prediction), total(&reference))
    }
}

fn counts(lines: &[Vec<String>]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for word in lines.iter().flatten() {
        *counts.entry(word.as_str()).or_insert(0) += 1;
    }
    counts
}

/// Indices in `a` of a longest common subsequence; among several the one that `rouge-score` takes, which matters for
/// unions.
fn common_subsequence(a: &[String], b: &[String]) -> Vec<usize> {
    let mut table = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for (i, word) in a.iter().enumerate() {
        for (j, other) in b.iter().enumerate() {
            table[i + 1][j + 1] =
                if word == other { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut indices = Vec::new();
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            indices.push(i - 1);
            (i, j) = (i - 1, j - 1);
        } else if table[i][j - 1] > table[i - 1][j] {
            j -= 1;
        } else {
            i -= 1;
        }
    }
    indices.reverse();
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_scored_is_an_error() {
        let rouge = |kind| Rouge { kind, stemmer: false };
        let none: [&str; 0] = [];
        assert_eq!(rouge(RougeKind::L).best_of(&none, "a"), Err(Error::Empty));
        assert!(matches!(rouge(RougeKind::N(0)).best_of(&["a"], "a"), Err(Error::Setting(_))));
        assert!(matches!(rouge(RougeKind::N(0)).corpus(&[["a"]], &["a"]), Err(Error::Setting(_))));
        let unreferenced = rouge(RougeKind::LSum).corpus(&[vec!["a"], vec![]], &["a", "b"]);
        assert_eq!(unreferenced, Err(Error::NoReference { segment: 1 }));
        assert_eq!(rouge(RougeKind::N(1)).corpus(&[["a"]; 0], &none), Err(Error::Empty));
        let unequal = rouge(RougeKind::N(1)).corpus(&[["a"]], &["a", "b"]);
        assert_eq!(unequal, Err(Error::Lengths { expected: 1, found: 2 }));
        for kind in [RougeKind::N(1), RougeKind::N(usize::MAX), RougeKind::L, RougeKind::LSum] {
            assert_eq!(rouge(kind).score("", ""), RougeScore::default());
        }
    }
}
