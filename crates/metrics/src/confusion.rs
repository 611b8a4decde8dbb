//! Accuracy, confusion matrix, precision, recall and F1.

use std::fmt::Write;

use crate::error::Error;

/// The widest column that can be formatted.
pub(crate) const WIDEST: usize = u16::MAX as usize;

/// Share of predictions that equal the truth.
///
/// ```
/// assert_eq!(metrics::accuracy(&["a", "b"], &["a", "c"]), Ok(0.5));
/// ```
///
/// # Errors
/// If the lengths differ or there is no item.
pub fn accuracy<T: PartialEq>(truth: &[T], predicted: &[T]) -> Result<f64, Error> {
    if truth.len() != predicted.len() {
        return Err(Error::Lengths { expected: truth.len(), found: predicted.len() });
    }
    if truth.is_empty() {
        return Err(Error::Empty);
    }
    let hits = truth.iter().zip(predicted).filter(|(t, p)| t == p).count();
    Ok(hits as f64 / truth.len() as f64)
}

/// Precision, recall and F1. A ratio without cases (0 ÷ 0) is 0.
///
/// ```
/// let matrix = metrics::ConfusionMatrix::from_labels(&[0, 0, 1], &[0, 0, 0], 2)?;
/// let scores = matrix.class(1);                                            // never predicted
/// assert_eq!((scores.precision, scores.recall, scores.support), (0.0, 0.0, 1));
/// assert_eq!(matrix.class(0).f1, 0.8);                                     // of 2/3 and 1
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScores {
    /// Share of the predictions of the class that are right.
    pub precision: f64,
    /// Share of the cases of the class that are found.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Number of true cases.
    pub support: usize,
}

impl ClassScores {
    fn new(hits: usize, predicted: usize, support: usize) -> Self {
        let ratio = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        // 2PR / (P + R) written in counts, which is defined whenever one of them is.
        let f1 = ratio(2 * hits, predicted + support);
        Self { precision: ratio(hits, predicted), recall: ratio(hits, support), f1, support }
    }
}

/// Counts of (true class, predicted class).
///
/// ```
/// use metrics::ConfusionMatrix;
/// let matrix = ConfusionMatrix::from_labels(&[0, 0, 1, 1], &[0, 1, 1, 1], 2)?;
/// assert_eq!(matrix.count(0, 1), 1);
/// assert_eq!(matrix.accuracy(), 0.75);
/// assert_eq!(matrix.class(1).recall, 1.0);
///
/// let mut stream = ConfusionMatrix::new(2);
/// for (truth, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
///     stream.add(truth, predicted)?;
/// }
/// assert_eq!((stream.classes(), stream.total()), (2, 4));
/// assert_eq!(stream, matrix);
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// `(classes, classes)`: true, predicted.
    counts: Vec<usize>,
}

impl ConfusionMatrix {
    /// No cases yet. Takes a number for each pair of classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts of paired labels.
    ///
    /// # Errors
    /// If the lengths differ or a label is not below `classes`.
    pub fn from_labels(truth: &[usize], predicted: &[usize], classes: usize) -> Result<Self, Error> {
        if truth.len() != predicted.len() {
            return Err(Error::Lengths { expected: truth.len(), found: predicted.len() });
        }
        let mut matrix = Self::new(classes);
        for (position, (&truth, &predicted)) in truth.iter().zip(predicted).enumerate() {
            matrix.add(truth, predicted).map_err(|error| match error {
                Error::Class { class, classes, .. } => Error::Class { position, class, classes },
                other => other,
            })?;
        }
        Ok(matrix)
    }

    /// Counts one case.
    ///
    /// # Errors
    /// If a class is out of range.
    pub fn add(&mut self, truth: usize, predicted: usize) -> Result<(), Error> {
        let class = truth.max(predicted);
        if class >= self.classes {
            return Err(Error::Class { position: self.total(), class, classes: self.classes });
        }
        self.counts[truth * self.classes + predicted] += 1;
        Ok(())
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Cases of class `truth` predicted as `predicted`.
    ///
    /// # Panics
    /// If a class is out of range.
    #[track_caller]
    pub fn count(&self, truth: usize, predicted: usize) -> usize {
        let (class, classes) = (truth.max(predicted), self.classes);
        assert!(class < classes, "class {class} is out of range, there are {classes}");
        self.counts[truth * self.classes + predicted]
    }

    /// All cases.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    fn hits(&self) -> usize {
        (0..self.classes).map(|class| self.count(class, class)).sum()
    }

    /// Share of the cases predicted right; NaN without cases.
    pub fn accuracy(&self) -> f64 {
        self.hits() as f64 / self.total() as f64
    }

    /// Scores of one class.
    ///
    /// # Panics
    /// If the class is out of range.
    #[track_caller]
    pub fn class(&self, class: usize) -> ClassScores {
        let hits = self.count(class, class);
        let support = (0..self.classes).map(|other| self.count(class, other)).sum();
        let predicted = (0..self.classes).map(|other| self.count(other, class)).sum();
        ClassScores::new(hits, predicted, support)
    }

    /// Scores over all cases of `classes` together. With every class included, all three are the accuracy;
    /// leave one out (the "no entity" tag, say) and they differ. Over no classes they are 0.
    ///
    /// ```
    /// let (truth, predicted) = ([0, 0, 1, 1, 2], [0, 1, 1, 0, 2]);
    /// let matrix = metrics::ConfusionMatrix::from_labels(&truth, &predicted, 3)?;
    /// assert_eq!(matrix.micro_scores(&[0, 1, 2]).f1, 3.0 / 5.0);
    /// assert_eq!(matrix.micro_scores(&[1, 2]).f1, 2.0 / 3.0);             // 2 hits, 3 predicted, 3 true
    /// # Ok::<(), metrics::Error>(())
    /// ```
    ///
    /// # Panics
    /// If a class is out of range.
    #[track_caller]
    pub fn micro_scores(&self, classes: &[usize]) -> ClassScores {
        let (mut hits, mut predicted, mut support) = (0, 0, 0);
        for &class in classes {
            hits += self.count(class, class);
            predicted += (0..self.classes).map(|other| self.count(other, class)).sum::<usize>();
            support += (0..self.classes).map(|other| self.count(class, other)).sum::<usize>();
        }
        ClassScores::new(hits, predicted, support)
    }

    /// Mean of the class scores, every class alike. Classes that occur neither in the truth nor in the
    /// predictions are left out; without cases all scores are 0.
    ///
    /// ```
    /// let matrix = metrics::ConfusionMatrix::from_labels(&[0, 0, 0, 1], &[0, 0, 1, 1], 3)?;
    /// assert_eq!([0, 1].map(|class| matrix.class(class).precision), [1.0, 0.5]);
    /// assert_eq!(matrix.macro_scores().precision, (1.0 + 0.5) / 2.0);     // class 2 never occurs
    /// # Ok::<(), metrics::Error>(())
    /// ```
    pub fn macro_scores(&self) -> ClassScores {
        self.mean_scores(|_| 1.0)
    }

    /// Mean of the class scores, weighted by the number of true cases; without cases all are 0.
    ///
    /// ```
    /// let matrix = metrics::ConfusionMatrix::from_labels(&[0, 0, 0, 1], &[0, 0, 1, 1], 2)?;
    /// assert_eq!([0, 1].map(|class| matrix.class(class).precision), [1.0, 0.5]);
    /// assert_eq!(matrix.weighted_scores().precision, (3.0 * 1.0 + 1.0 * 0.5) / 4.0);
    /// # Ok::<(), metrics::Error>(())
    /// ```
    pub fn weighted_scores(&self) -> ClassScores {
        self.mean_scores(|scores| scores.support as f64)
    }

    fn mean_scores(&self, weight: impl Fn(&ClassScores) -> f64) -> ClassScores {
        let occurs = |&class: &usize| {
            (0..self.classes).any(|other| self.count(class, other) + self.count(other, class) > 0)
        };
        let scores: Vec<ClassScores> = (0..self.classes).filter(occurs).map(|c| self.class(c)).collect();
        let total: f64 = scores.iter().map(&weight).sum();
        let mean = |field: fn(&ClassScores) -> f64| {
            if total == 0.0 { 0.0 } else { scores.iter().map(|s| weight(s) * field(s)).sum::<f64>() / total }
        };
        ClassScores {
            precision: mean(|s| s.precision),
            recall: mean(|s| s.recall),
            f1: mean(|s| s.f1),
            support: scores.iter().map(|s| s.support).sum(),
        }
    }

    /// The matrix as text: a row per true class, a column per predicted class, then the class's scores.
    ///
    /// ```
    /// # let matrix = metrics::ConfusionMatrix::from_labels(&[0, 0, 1, 1], &[0, 1, 1, 1], 2)?;
    /// println!("{}", matrix.table(&["cat", "dog"])?);
    /// // true \ predicted   cat   dog   precision   recall     f1   support
    /// //              cat     1     1       1.000    0.500  0.667         2
    /// //              dog     0     2       0.667    1.000  0.800         2
    /// # Ok::<(), metrics::Error>(())
    /// ```
    ///
    /// No column is wider than 65,535 characters: longer names put theirs out of line.
    ///
    /// # Errors
    /// If there is not one name per class.
    pub fn table(&self, names: &[&str]) -> Result<String, Error> {
        if names.len() != self.classes {
            return Err(Error::Lengths { expected: self.classes, found: names.len() });
        }
        const CORNER: &str = "true \\ predicted";
        let chars = |text: &str| text.chars().count();
        let first =
            names.iter().map(|name| chars(name)).chain([chars(CORNER)]).max().unwrap_or(0).min(WIDEST);
        let digits = self.counts.iter().max().map_or(1, |count| count.to_string().len());
        let widths: Vec<usize> = names.iter().map(|name| (chars(name).max(digits) + 3).min(WIDEST)).collect();
        let mut text = format!("{CORNER:>first$}");
        // Writing to a string cannot fail.
        for (name, &width) in names.iter().zip(&widths) {
            let _ = write!(text, "{name:>width$}");
        }
        text.push_str("   precision   recall     f1   support\n");
        for (class, name) in names.iter().enumerate() {
            let _ = write!(text, "{name:>first$}");
            for (other, &width) in widths.iter().enumerate() {
                let _ = write!(text, "{:>width$}", self.count(class, other));
            }
            let s = self.class(class);
            let _ = writeln!(text, "{:>12.3}{:>9.3}{:>7.3}{:>10}", s.precision, s.recall, s.f1, s.support);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// scikit-learn's documented example of `precision_recall_fscore_support`.
    #[test]
    fn known_values() {
        let matrix = ConfusionMatrix::from_labels(&[0, 1, 2, 0, 1, 2], &[0, 2, 1, 0, 0, 1], 3).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        let mean = matrix.macro_scores();
        close(mean.precision, 2.0 / 9.0);
        close(mean.recall, 1.0 / 3.0);
        close(mean.f1, 0.8 / 3.0);
        let micro = matrix.micro_scores(&[0, 1, 2]);
        close(micro.precision, 1.0 / 3.0);
        close(micro.f1, 1.0 / 3.0);
        assert_eq!(matrix.class(1), ClassScores { precision: 0.0, recall: 0.0, f1: 0.0, support: 2 });
    }

    #[test]
    fn the_table_is_aligned() {
        let matrix = ConfusionMatrix::from_labels(&[0, 0, 1, 1], &[0, 1, 1, 1], 2).unwrap();
        let expected = "\
true \\ predicted   cat   dog   precision   recall     f1   support
             cat     1     1       1.000    0.500  0.667         2
             dog     0     2       0.667    1.000  0.800         2
";
        assert_eq!(matrix.table(&["cat", "dog"]).unwrap(), expected);
        assert_eq!(matrix.table(&["cat"]), Err(Error::Lengths { expected: 2, found: 1 }));
    }

    #[test]
    fn long_names_fit_in_a_table() {
        let matrix = ConfusionMatrix::from_labels(&[0], &[0], 1).unwrap();
        assert!(matrix.table(&[&"x".repeat(70_000)]).unwrap().ends_with("1.000  1.000         1\n"));
    }

    #[test]
    fn nothing_to_score_is_defined() {
        for classes in [0, 2] {
            let matrix = ConfusionMatrix::from_labels(&[], &[], classes).unwrap();
            assert!(matrix.accuracy().is_nan());
            for scores in [matrix.micro_scores(&[]), matrix.macro_scores(), matrix.weighted_scores()] {
                assert_eq!(scores, ClassScores { precision: 0.0, recall: 0.0, f1: 0.0, support: 0 });
            }
            assert!(matrix.table(&["a", "b"][..classes]).is_ok());
        }
    }

    #[test]
    #[should_panic(expected = "class 2 is out of range, there are 2")]
    fn a_class_out_of_range_is_named() {
        ConfusionMatrix::new(2).class(2);
    }

    #[test]
    fn bad_labels_are_errors() {
        let bad = ConfusionMatrix::from_labels(&[0, 1], &[0, 2], 2);
        assert_eq!(bad, Err(Error::Class { position: 1, class: 2, classes: 2 }));
        let bad = ConfusionMatrix::from_labels(&[0, 1], &[0], 2);
        assert_eq!(bad, Err(Error::Lengths { expected: 2, found: 1 }));
        assert_eq!(accuracy::<u32>(&[], &[]), Err(Error::Empty));
    }

    proptest! {
        #[test]
        fn laws(pairs in prop::collection::vec((0_usize..5, 0_usize..5), 1..60)) {
            let (truth, predicted): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let matrix = ConfusionMatrix::from_labels(&truth, &predicted, 5).unwrap();
            let accuracy = accuracy(&truth, &predicted).unwrap();
            let micro = matrix.micro_scores(&[0, 1, 2, 3, 4]);
            let weighted = matrix.weighted_scores();
            for same in [matrix.accuracy(), micro.precision, micro.recall, micro.f1, weighted.recall] {
                prop_assert!((same - accuracy).abs() < 1e-12);
            }
            for class in 0..5 {
                let s = matrix.class(class);
                if s.precision + s.recall > 0.0 {
                    let harmonic = 2.0 * s.precision * s.recall / (s.precision + s.recall);
                    prop_assert!((s.f1 - harmonic).abs() < 1e-12);
                }
            }
            prop_assert_eq!(matrix.total(), truth.len());
        }
    }
}
