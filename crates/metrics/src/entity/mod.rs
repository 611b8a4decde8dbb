//! Precision, recall and F1 of entities in tagged text, with the numbers of seqeval 1.2.2.

mod scheme;

pub use scheme::EntityScheme;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::confusion::{ClassScores, WIDEST};
use crate::error::Error;
use crate::error_rate::same_length;

/// What counts as an entity.
///
/// ```
/// use metrics::{EntityMode, EntityScheme, entities};
/// let tags = ["I-PER", "I-PER", "O", "B-LOC"];                        // in IOB2, no entity begins with I
/// assert_eq!(entities(&tags, EntityMode::Lenient)?.len(), 2);
/// assert_eq!(entities(&tags, EntityMode::Strict(EntityScheme::Iob2))?.len(), 1);
/// assert_eq!(entities(&tags, EntityMode::Strict(EntityScheme::Iob1))?.len(), 1);
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityMode {
    /// As conlleval: tags that break the scheme still belong to entities.
    Lenient,
    /// Only what the scheme allows.
    Strict(EntityScheme),
}

/// An entity of a sequence of tags.
///
/// ```
/// use metrics::{Entity, EntityMode, entities};
/// let words = ["in", "New", "York", "today"];
/// let found = entities(&["O", "B-LOC", "I-LOC", "O"], EntityMode::Lenient)?;
/// assert_eq!(found, [Entity { kind: "LOC".to_owned(), start: 1, end: 3 }]);
/// assert_eq!(words[found[0].start..found[0].end], ["New", "York"]);
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// Its type, such as `PER`; `_` if the tags have none.
    pub kind: String,
    /// Index of its first token.
    pub start: usize,
    /// Index behind its last token.
    pub end: usize,
}

/// The entities of one sequence of tags such as `B-PER`.
///
/// ```
/// use metrics::{EntityMode, EntityScheme, entities};
/// let tags = ["I-PER", "I-PER", "O", "B-LOC"];
/// assert_eq!(entities(&tags, EntityMode::Lenient)?.len(), 2);
/// let strict = entities(&tags, EntityMode::Strict(EntityScheme::Iob2))?;
/// assert_eq!((strict[0].kind.as_str(), strict[0].start, strict[0].end), ("LOC", 3, 4));
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If a tag is empty or, in strict mode, begins with a letter that the scheme does not have.
pub fn entities<T: AsRef<str>>(tags: &[T], mode: EntityMode) -> Result<Vec<Entity>, Error> {
    let spans = match mode {
        EntityMode::Lenient => scheme::lenient(tags)?,
        EntityMode::Strict(scheme) => scheme::strict(tags, scheme)?,
    };
    let entity = |(kind, start, end): scheme::Span<'_>| Entity { kind: kind.to_owned(), start, end };
    Ok(spans.into_iter().map(entity).collect())
}

/// Scores of the entities of a corpus: an entity is right if its type, its first and its last token are. Where there is
/// nothing to divide by, as without any entity, a score is 0.
///
/// ```
/// use metrics::{EntityMode, EntityReport};
/// let truth = [vec!["O", "B-MISC", "I-MISC", "O"], vec!["B-PER", "I-PER", "O"]];
/// let predicted = [vec!["B-MISC", "I-MISC", "I-MISC", "O"], vec!["B-PER", "I-PER", "O"]];
/// let report = EntityReport::new(&truth, &predicted, EntityMode::Lenient)?;
/// assert_eq!(report.micro.f1, 0.5);
/// println!("{}", report.table(2));
/// //               precision    recall  f1-score   support
/// //
/// //         MISC       0.00      0.00      0.00         1
/// //          PER       1.00      1.00      1.00         1
/// //
/// //    micro avg       0.50      0.50      0.50         2
/// //    macro avg       0.50      0.50      0.50         2
/// // weighted avg       0.50      0.50      0.50         2
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EntityReport {
    /// Scores of each type that occurs, by name.
    pub classes: Vec<(String, ClassScores)>,
    /// All entities together: what is quoted as "F1".
    pub micro: ClassScores,
    /// Mean over the types.
    pub macro_mean: ClassScores,
    /// Mean over the types, each by its number of true entities.
    pub weighted_mean: ClassScores,
}

#[derive(Default, Clone, Copy)]
struct Counts {
    hits: usize,
    predicted: usize,
    support: usize,
}

impl Counts {
    fn scores(self) -> ClassScores {
        let ratio = |whole: usize| if whole == 0 { 0.0 } else { self.hits as f64 / whole as f64 };
        let (precision, recall) = (ratio(self.predicted), ratio(self.support));
        let sum = precision + recall;
        let f1 = if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum };
        ClassScores { precision, recall, f1, support: self.support }
    }
}

impl EntityReport {
    /// Compares the tags of a corpus, a list for each sequence.
    ///
    /// # Errors
    /// If the numbers of sequences or of the tags of one differ, or a tag is none: see [`entities`].
    pub fn new<R: AsRef<[T]>, T: AsRef<str>, P: AsRef<[U]>, U: AsRef<str>>(
        truth: &[R],
        predicted: &[P],
        mode: EntityMode,
    ) -> Result<Self, Error> {
        same_length(truth, predicted)?;
        let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
        for (sequence, (truth, predicted)) in truth.iter().zip(predicted).enumerate() {
            let (truth, predicted) = (truth.as_ref(), predicted.as_ref());
            let within = |error: Error| Error::Sequence { sequence, error: Box::new(error) };
            same_length(truth, predicted).map_err(within)?;
            let truth: BTreeSet<Entity> = entities(truth, mode).map_err(within)?.into_iter().collect();
            for entity in entities(predicted, mode).map_err(within)? {
                let hit = truth.contains(&entity);
                let class = counts.entry(entity.kind).or_default();
                class.predicted += 1;
                class.hits += usize::from(hit);
            }
            for entity in truth {
                counts.entry(entity.kind).or_default().support += 1;
            }
        }
        let mut all = Counts::default();
        for class in counts.values() {
            all.hits += class.hits;
            all.predicted += class.predicted;
            all.support += class.support;
        }
        let classes: Vec<(String, ClassScores)> =
            counts.into_iter().map(|(kind, counts)| (kind, counts.scores())).collect();
        let macro_mean = mean(&classes, |_| 1.0, all.support);
        let weighted_mean = mean(&classes, |scores| scores.support as f64, all.support);
        Ok(Self { classes, micro: all.scores(), macro_mean, weighted_mean })
    }

    /// seqeval's report, with so many digits behind the point; 65,535 at most, and no column is wider.
    pub fn table(&self, digits: usize) -> String {
        const AVERAGES: [&str; 3] = ["micro avg", "macro avg", "weighted avg"];
        let width = |name: &str| name.chars().count();
        let names = self.classes.iter().map(|(kind, _)| kind.as_str()).chain(AVERAGES);
        // Wider columns cannot be formatted.
        let digits = digits.min(WIDEST);
        let first = names.map(width).max().unwrap_or(0).max(digits).min(WIDEST);
        let row = |table: &mut String, name: &str, s: &ClassScores| {
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "{name:>first$}  {:>9.digits$} {:>9.digits$} {:>9.digits$} {:>9}",
                s.precision, s.recall, s.f1, s.support
            );
        };
        let mut table = format!(
            "{:>first$}  {:>9} {:>9} {:>9} {:>9}\n\n",
            "", "precision", "recall", "f1-score", "support"
        );
        self.classes.iter().for_each(|(kind, scores)| row(&mut table, kind, scores));
        table.push('\n');
        for (name, scores) in AVERAGES.into_iter().zip([&self.micro, &self.macro_mean, &self.weighted_mean]) {
            row(&mut table, name, scores);
        }
        table
    }
}

fn mean(
    classes: &[(String, ClassScores)],
    weight: impl Fn(&ClassScores) -> f64,
    support: usize,
) -> ClassScores {
    let total: f64 = classes.iter().map(|(_, scores)| weight(scores)).sum();
    let mean = |field: fn(&ClassScores) -> f64| {
        let sum: f64 = classes.iter().map(|(_, scores)| weight(scores) * field(scores)).sum();
        if total == 0.0 { 0.0 } else { sum / total }
    };
    ClassScores { precision: mean(|s| s.precision), recall: mean(|s| s.recall), f1: mean(|s| s.f1), support }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_find_scores_nothing() {
        let none: [[&str; 1]; 0] = [];
        for report in [
            EntityReport::new(&none, &none, EntityMode::Lenient).unwrap(),
            EntityReport::new(&[["O"]], &[["O"]], EntityMode::Strict(EntityScheme::Iob2)).unwrap(),
        ] {
            assert!(report.classes.is_empty());
            for scores in [report.micro, report.macro_mean, report.weighted_mean] {
                assert_eq!(scores, ClassScores { precision: 0.0, recall: 0.0, f1: 0.0, support: 0 });
            }
            assert!(report.table(2).contains("micro avg"));
        }
        assert_eq!(entities::<&str>(&[], EntityMode::Lenient), Ok(vec![]));
        assert_eq!(entities::<&str>(&[], EntityMode::Strict(EntityScheme::Bilou)), Ok(vec![]));
    }

    /// Types of entities come from files.
    #[test]
    fn long_types_fit_in_a_table() {
        let tags = [[format!("B-{}", "x".repeat(70_000))]];
        let report = EntityReport::new(&tags, &tags, EntityMode::Lenient).unwrap();
        assert!(report.table(2).contains("1.00"));
        assert!(report.table(usize::MAX).contains("1.0000"));
    }
}
