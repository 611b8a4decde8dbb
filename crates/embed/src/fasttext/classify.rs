//! Labels for texts, and how good they are.

use super::{FastText, Kind, Loss};
use crate::{Error, Result};

/// A label and its probability.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Prediction<'a> {
    /// The label, with what labels begin with.
    pub label: &'a str,
    /// Its probability; with [`Loss::OneVsAll`] that of this label alone.
    pub probability: f32,
}

/// How well labels are predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Scores {
    /// Texts with a label.
    pub texts: usize,
    /// Share of predicted labels that are right.
    pub precision: f64,
    /// Share of the texts' labels that are predicted.
    pub recall: f64,
}

impl Scores {
    /// The harmonic mean of precision and recall.
    #[must_use]
    pub fn f1(&self) -> f64 {
        let sum = self.precision + self.recall;
        if sum > 0.0 { 2.0 * self.precision * self.recall / sum } else { 0.0 }
    }
}

pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl FastText {
    fn check_classifier(&self) -> Result<()> {
        if self.settings.kind == Kind::Classifier {
            return Ok(());
        }
        let found = format!("{:?}", self.settings.kind);
        Err(Error::Setting { setting: "the kind of the model", expected: "Classifier", found })
    }

    /// The vector of a text, as a classifier makes it: the mean of the rows of its words and n-grams. Labels in the
    /// text are left out.
    #[must_use]
    pub fn text_vector(&self, text: &str) -> Vec<f32> {
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        self.dictionary.line_rows(&self.settings, text, &mut rows, &mut labels);
        self.mean_of_rows(&rows)
    }

    /// The `count` likeliest labels of a text of one line, the likeliest first.
    ///
    /// # Errors
    /// If the model is no classifier.
    pub fn predict(&self, text: &str, count: usize) -> Result<Vec<Prediction<'_>>> {
        self.check_classifier()?;
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        self.dictionary.line_rows(&self.settings, text, &mut rows, &mut labels);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let probabilities = self.probabilities(&self.mean_of_rows(&rows));
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
        let prediction =
            |&i: &usize| Prediction { label: self.dictionary.labels.word(i), probability: probabilities[i] };
        Ok(order.iter().take(count).map(prediction).collect())
    }

    /// The probability of each label, given a text's vector.
    fn probabilities(&self, hidden: &[f32]) -> Vec<f32> {
        let labels = self.dictionary.labels.len();
        let scores = |count: usize| (0..count).map(|row| self.output.dot_row(row, hidden));
        match &self.tree {
            Some(tree) => {
                let turns: Vec<f32> = scores(tree.inner_nodes()).map(sigmoid).collect();
                let probability = |label: usize| {
                    let path = tree.path(label).iter().zip(tree.code(label));
                    // In fastText, the turn 1 is what a node says yes to.
                    path.map(|(&node, &turn)| {
                        let yes = turns[node as usize];
                        if turn == 1 { yes } else { 1.0 - yes }
                    })
                    .product()
                };
                (0..labels).map(probability).collect()
            }
            None if self.settings.loss == Loss::Softmax => {
                let scores: Vec<f32> = scores(labels).collect();
                let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let terms: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
                let sum: f32 = terms.iter().sum();
                terms.into_iter().map(|term| term / sum).collect()
            }
            None => scores(labels).map(sigmoid).collect(),
        }
    }

    /// Precision and recall of the `count` likeliest labels on lines that hold their labels.
    ///
    /// # Errors
    /// If the model is no classifier.
    pub fn test(&self, lines: &[impl AsRef<str> + Sync], count: usize) -> Result<Scores> {
        use rayon::prelude::*;
        self.check_classifier()?;
        let tally = |line: &_| {
            let line: &str = AsRef::as_ref(line);
            let is_label = |token: &&str| self.dictionary.labels.index(token).is_some();
            let labels: Vec<&str> = super::dictionary::tokens(line).filter(is_label).collect();
            if labels.is_empty() {
                return (0, 0, 0, 0);
            }
            let found = self.predict(line, count).unwrap_or_default();
            let right = found.iter().filter(|prediction| labels.contains(&prediction.label)).count();
            (1, right, found.len(), labels.len())
        };
        let add = |a: (usize, usize, usize, usize), b: (usize, usize, usize, usize)| {
            (a.0 + b.0, a.1 + b.1, a.2 + b.2, a.3 + b.3)
        };
        let (texts, right, predicted, labels) = lines.par_iter().map(tally).reduce(|| (0, 0, 0, 0), add);
        let share = |of: usize| if of == 0 { 0.0 } else { right as f64 / of as f64 };
        Ok(Scores { texts, precision: share(predicted), recall: share(labels) })
    }
}
