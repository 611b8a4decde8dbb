//! Word alignments against links set by hand.

use std::collections::BTreeSet;

use crate::error::Error;

/// A link between the position of a word in the source and one in the target, from 0.
///
/// ```
/// use metrics::{AlignmentScores, Link};
/// let found: [Link; 2] = [(0, 0), (1, 2)];             // “das Haus” – “the big house”
/// let mut scores = AlignmentScores::default();
/// scores.add(&found, &[(0, 0), (1, 2)], &[(1, 1)]);
/// assert_eq!(scores.error_rate(), 0.0);
/// ```
pub type Link = (usize, usize);

/// Scores of word alignments, added up over the sentences of a corpus (Och & Ney 2003). Links set by hand are *sure* or
/// only *possible*; sure links are possible ones too. With the found links `A`, the sure `S` and the possible `P`:
///
/// `precision = |A ∩ P| / |A|`, `recall = |A ∩ S| / |S|`,
/// `AER = 1 − (|A ∩ S| + |A ∩ P|) / (|A| + |S|)`.
///
/// ```
/// use metrics::AlignmentScores;
/// let mut scores = AlignmentScores::default();
/// scores.add(&[(0, 0), (1, 1), (2, 1)], &[(0, 0), (1, 1)], &[(2, 2)]);
/// assert_eq!((scores.precision(), scores.recall()), (2.0 / 3.0, 1.0));
/// assert!((scores.error_rate() - 0.2).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlignmentScores {
    /// `|A|`.
    pub found: usize,
    /// `|S|`.
    pub sure: usize,
    /// `|A ∩ S|`.
    pub found_sure: usize,
    /// `|A ∩ P|`, where every sure link is possible.
    pub found_possible: usize,
}

impl AlignmentScores {
    /// Counts a sentence. `possible` may repeat the sure links or leave them out; a link given twice counts once.
    pub fn add(&mut self, found: &[Link], sure: &[Link], possible: &[Link]) {
        let set = |links: &[Link]| links.iter().copied().collect::<BTreeSet<Link>>();
        let (found, sure, mut possible) = (set(found), set(sure), set(possible));
        possible.extend(&sure);
        self.found += found.len();
        self.sure += sure.len();
        self.found_sure += found.intersection(&sure).count();
        self.found_possible += found.intersection(&possible).count();
    }

    /// Share of the found links that are possible; 0 without any.
    pub fn precision(&self) -> f64 {
        ratio(self.found_possible, self.found)
    }

    /// Share of the sure links that are found; 0 without any.
    pub fn recall(&self) -> f64 {
        ratio(self.found_sure, self.sure)
    }

    /// Alignment error rate: 0 is best. 0 where there is neither a link to find nor one found.
    pub fn error_rate(&self) -> f64 {
        match self.found + self.sure {
            0 => 0.0,
            all => 1.0 - (self.found_sure + self.found_possible) as f64 / all as f64,
        }
    }
}

/// Alignment error rate of one corpus with sure links alone. See [`AlignmentScores`].
///
/// ```
/// let found = [vec![(0, 0), (1, 1)], vec![(0, 1)]];
/// let sure = [vec![(0, 0), (1, 2)], vec![(0, 1)]];
/// let rate = metrics::alignment_error_rate(&found, &sure)?;
/// assert!((rate - 1.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), metrics::Error>(())
/// ```
///
/// # Errors
/// If the numbers of sentences differ.
pub fn alignment_error_rate<A: AsRef<[Link]>, B: AsRef<[Link]>>(
    found: &[A],
    sure: &[B],
) -> Result<f64, Error> {
    if found.len() != sure.len() {
        return Err(Error::Lengths { expected: sure.len(), found: found.len() });
    }
    let mut scores = AlignmentScores::default();
    for (found, sure) in found.iter().zip(sure) {
        scores.add(found.as_ref(), sure.as_ref(), &[]);
    }
    Ok(scores.error_rate())
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn links() -> impl Strategy<Value = Vec<Link>> {
        prop::collection::vec((0_usize..4, 0_usize..4), 0..10)
    }

    proptest! {
        /// With every link sure, the error rate is one minus the F1 of the links.
        #[test]
        fn without_possible_links_it_is_one_minus_f1(found in links(), sure in links()) {
            let mut scores = AlignmentScores::default();
            scores.add(&found, &sure, &[]);
            let (p, r) = (scores.precision(), scores.recall());
            let f1 = if p + r == 0.0 { 0.0 } else { 2.0 * p * r / (p + r) };
            let expected = if found.is_empty() && sure.is_empty() { 0.0 } else { 1.0 - f1 };
            prop_assert!((scores.error_rate() - expected).abs() < 1e-12);
        }

        #[test]
        fn possible_links_forgive(found in links(), sure in links(), possible in links()) {
            let rate = |possible: &[Link]| {
                let mut scores = AlignmentScores::default();
                scores.add(&found, &sure, possible);
                scores.error_rate()
            };
            prop_assert!((0.0..=1.0).contains(&rate(&possible)));
            prop_assert!(rate(&possible) <= rate(&[]));
        }
    }

    #[test]
    fn degenerate_alignments_are_defined() {
        assert_eq!(AlignmentScores::default().error_rate(), 0.0);
        assert_eq!(alignment_error_rate::<Vec<Link>, Vec<Link>>(&[vec![]], &[vec![(0, 0)]]), Ok(1.0));
        let unequal = alignment_error_rate::<Vec<Link>, Vec<Link>>(&[vec![]], &[]);
        assert_eq!(unequal, Err(Error::Lengths { expected: 0, found: 1 }));
    }
}
