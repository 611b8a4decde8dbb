//! Edit distance with its operations (Levenshtein 1966; Wagner & Fischer 1974).

use std::ops::AddAssign;

/// One operation on the way from a reference to a hypothesis.
///
/// ```
/// use metrics::{Edit, edit_path};
/// let (reference, hypothesis) = (["the", "cat", "sat", "down"], ["the", "dog", "sat"]);
/// let path = edit_path(&reference, &hypothesis);
/// assert_eq!(path, [Edit::Keep, Edit::Substitute, Edit::Keep, Edit::Delete]);
/// assert_eq!(edit_path(&hypothesis, &reference)[3], Edit::Insert);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edit {
    /// The item is in both.
    Keep,
    /// Another item stands in its place.
    Substitute,
    /// The hypothesis has an item more.
    Insert,
    /// The hypothesis lacks an item.
    Delete,
}

/// Fewest insertions, deletions and substitutions that turn one sequence into the other.
///
/// ```
/// let chars = |word: &str| word.chars().collect::<Vec<_>>();
/// assert_eq!(metrics::edit_distance(&chars("kitten"), &chars("sitting")), 3);
/// ```
pub fn edit_distance<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> usize {
    let (_, a, b) = trimmed(reference, hypothesis);
    // Row i of the table: the distances of a[..i] from every b[..j].
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, item) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(item != other);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The operations of one shortest way from `reference` to `hypothesis`, from left to right. Among the shortest ways it
/// is the one that RapidFuzz, and so jiwer, reports. Takes a quarter byte for each pair of items between the
/// common beginning and the common end.
///
/// ```
/// use metrics::{Edit, edit_path};
/// let path = edit_path(&["the", "cat", "sat"], &["the", "dog", "sat", "down"]);
/// assert_eq!(path, [Edit::Keep, Edit::Substitute, Edit::Keep, Edit::Insert]);
/// ```
pub fn edit_path<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> Vec<Edit> {
    let (start, a, b) = trimmed(reference, hypothesis);
    let mut middle = backtrack(a, b);
    middle.reverse();
    let mut path = vec![Edit::Keep; start];
    path.append(&mut middle);
    path.resize(path.len() + reference.len() - start - a.len(), Edit::Keep);
    path
}

/// The length of the common beginning, and both sequences without it and then without their common end.
fn trimmed<'s, T: PartialEq>(a: &'s [T], b: &'s [T]) -> (usize, &'s [T], &'s [T]) {
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    (start, &a[..a.len() - end], &b[..b.len() - end])
}

/// Where a cell of the table can be left for, two bits each: by a deletion, else by an insertion, else diagonally.
struct Moves {
    bits: Vec<u8>,
    width: usize,
}

impl Moves {
    const DELETE: u8 = 1;
    const INSERT: u8 = 2;

    fn new(height: usize, width: usize) -> Self {
        Self { bits: vec![0; (height * width).div_ceil(4)], width }
    }

    fn set(&mut self, i: usize, j: usize, way: u8) {
        let at = i * self.width + j;
        self.bits[at / 4] |= way << (at % 4 * 2);
    }

    fn get(&self, i: usize, j: usize) -> u8 {
        let at = i * self.width + j;
        self.bits[at / 4] >> (at % 4 * 2) & 3
    }
}

/// The operations from the last to the first.
fn backtrack<T: PartialEq>(a: &[T], b: &[T]) -> Vec<Edit> {
    let mut moves = Moves::new(a.len(), b.len());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, item) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let (above, left) = (row[j + 1], row[j]);
            let substituted = diagonal + usize::from(item != other);
            let best = substituted.min(above + 1).min(left + 1);
            if best == above + 1 {
                moves.set(i, j, Moves::DELETE);
            } else if left + 1 == diagonal {
                moves.set(i, j, Moves::INSERT);
            }
            row[j + 1] = best;
            diagonal = above;
        }
    }
    let mut path = Vec::with_capacity(a.len().max(b.len()));
    let (mut i, mut j) = (a.len(), b.len());
    while i > 0 || j > 0 {
        let way = match (i, j) {
            (_, 0) => Moves::DELETE,
            (0, _) => Moves::INSERT,
            _ => moves.get(i - 1, j - 1),
        };
        path.push(match way {
            Moves::DELETE => Edit::Delete,
            Moves::INSERT => Edit::Insert,
            _ if a[i - 1] == b[j - 1] => Edit::Keep,
            _ => Edit::Substitute,
        });
        i -= usize::from(way != Moves::INSERT);
        j -= usize::from(way != Moves::DELETE);
    }
    path
}

/// How often each operation occurs, for one pair or, added up, for a corpus.
///
/// ```
/// use metrics::EditCounts;
/// let counts = EditCounts::between(&["the", "cat", "sat"], &["the", "dog", "sat", "down"]);
/// assert_eq!((counts.substitutions, counts.insertions, counts.deletions), (1, 1, 0));
/// assert_eq!((counts.reference_len(), counts.hypothesis_len(), counts.errors()), (3, 4, 2));
/// assert_eq!(counts.rate(), 2.0 / 3.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EditCounts {
    /// Items kept.
    pub hits: usize,
    /// Items substituted.
    pub substitutions: usize,
    /// Items that only the hypothesis has.
    pub insertions: usize,
    /// Items that only the reference has.
    pub deletions: usize,
}

impl EditCounts {
    /// Counts of [`edit_path`].
    pub fn between<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> Self {
        let mut counts = Self::default();
        for edit in edit_path(reference, hypothesis) {
            *match edit {
                Edit::Keep => &mut counts.hits,
                Edit::Substitute => &mut counts.substitutions,
                Edit::Insert => &mut counts.insertions,
                Edit::Delete => &mut counts.deletions,
            } += 1;
        }
        counts
    }

    /// Counts against the reference with the lowest error rate, the first among equals: where a word has several
    /// pronunciations or a question several answers. `None` without references.
    ///
    /// ```
    /// use metrics::EditCounts;
    /// let listed = [vec!["T", "AH", "M", "EY", "T", "OW"], vec!["T", "AH", "M", "AA", "T", "OW"]];
    /// let counts = EditCounts::nearest(&listed, &["T", "AH", "M", "AA", "T", "OW"]).unwrap();
    /// assert_eq!(counts.errors(), 0);
    /// ```
    pub fn nearest<T: PartialEq, R: AsRef<[T]>>(references: &[R], hypothesis: &[T]) -> Option<Self> {
        let counts = references.iter().map(|reference| Self::between(reference.as_ref(), hypothesis));
        counts.min_by(|a, b| a.rate().total_cmp(&b.rate()))
    }

    /// Substitutions, insertions and deletions together: the edit distance.
    pub fn errors(&self) -> usize {
        self.substitutions + self.insertions + self.deletions
    }

    /// Items of the reference.
    pub fn reference_len(&self) -> usize {
        self.hits + self.substitutions + self.deletions
    }

    /// Items of the hypothesis.
    pub fn hypothesis_len(&self) -> usize {
        self.hits + self.substitutions + self.insertions
    }

    /// `errors / reference_len`: the word, character or phoneme error rate. Against an empty reference it is the number
    /// of insertions, as in jiwer.
    pub fn rate(&self) -> f64 {
        match self.reference_len() {
            0 => self.insertions as f64,
            length => self.errors() as f64 / length as f64,
        }
    }

    /// `errors / (errors + hits)`, between 0 and 1: the match error rate (Morris et al. 2004). 0 for two empty sequences.
    ///
    /// ```
    /// use metrics::EditCounts;
    /// let counts = EditCounts::between(&["hello"], &["oh", "well", "hello"]);
    /// assert_eq!((counts.rate(), counts.match_error_rate()), (2.0, 2.0 / 3.0));
    /// ```
    pub fn match_error_rate(&self) -> f64 {
        match self.errors() {
            0 => 0.0,
            errors => errors as f64 / (errors + self.hits) as f64,
        }
    }

    /// `hits² / (reference_len · hypothesis_len)`: the word information preserved (Morris et al. 2004); one minus it is
    /// the information lost. 1 for two empty sequences.
    ///
    /// ```
    /// use metrics::EditCounts;
    /// let counts = EditCounts::between(&["the", "cat", "sat", "down"], &["the", "cat"]);
    /// assert_eq!(counts.information_preserved(), (2.0 / 4.0) * (2.0 / 2.0));
    /// ```
    pub fn information_preserved(&self) -> f64 {
        match (self.reference_len(), self.hypothesis_len()) {
            (0, 0) => 1.0,
            (0, _) | (_, 0) => 0.0,
            (reference, hypothesis) => {
                (self.hits as f64 / reference as f64) * (self.hits as f64 / hypothesis as f64)
            }
        }
    }
}

impl AddAssign for EditCounts {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.substitutions += other.substitutions;
        self.insertions += other.insertions;
        self.deletions += other.deletions;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Straight from the definition.
    fn recursive(a: &[u8], b: &[u8]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a_rest @ ..], [y, b_rest @ ..]) if x == y => recursive(a_rest, b_rest),
            ([_, a_rest @ ..], [_, b_rest @ ..]) => {
                1 + recursive(a_rest, b_rest).min(recursive(a, b_rest)).min(recursive(a_rest, b))
            }
        }
    }

    fn sequence(longest: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0_u8..4, 0..longest)
    }

    proptest! {
        #[test]
        fn the_distance_is_the_definition(a in sequence(7), b in sequence(7)) {
            prop_assert_eq!(edit_distance(&a, &b), recursive(&a, &b));
        }

        #[test]
        fn the_path_leads_there_in_as_many_steps(a in sequence(25), b in sequence(25)) {
            let path = edit_path(&a, &b);
            let (mut left, mut right) = (a.iter(), b.iter());
            for edit in &path {
                match edit {
                    Edit::Keep => prop_assert_eq!(left.next().unwrap(), right.next().unwrap()),
                    Edit::Substitute => prop_assert_ne!(left.next().unwrap(), right.next().unwrap()),
                    Edit::Insert => prop_assert!(right.next().is_some()),
                    Edit::Delete => prop_assert!(left.next().is_some()),
                }
            }
            prop_assert!(left.next().is_none() && right.next().is_none());
            let counts = EditCounts::between(&a, &b);
            prop_assert_eq!(counts.errors(), edit_distance(&a, &b));
            prop_assert_eq!((counts.reference_len(), counts.hypothesis_len()), (a.len(), b.len()));
        }

        #[test]
        fn it_is_a_metric(a in sequence(12), b in sequence(12), c in sequence(12)) {
            prop_assert_eq!(edit_distance(&a, &b), edit_distance(&b, &a));
            prop_assert_eq!(edit_distance(&a, &b) == 0, a == b);
            prop_assert!(edit_distance(&a, &c) <= edit_distance(&a, &b) + edit_distance(&b, &c));
        }
    }

    #[test]
    fn empty_sequences_are_defined() {
        let rates = |a: &[u8], b: &[u8]| {
            let counts = EditCounts::between(a, b);
            (counts.rate(), counts.match_error_rate(), counts.information_preserved())
        };
        assert_eq!(rates(&[], &[]), (0.0, 0.0, 1.0));
        assert_eq!(rates(&[], &[1, 2]), (2.0, 1.0, 0.0));
        assert_eq!(rates(&[1, 2], &[]), (1.0, 1.0, 0.0));
        assert_eq!(EditCounts::nearest::<u8, Vec<u8>>(&[], &[1]), None);
    }
}
