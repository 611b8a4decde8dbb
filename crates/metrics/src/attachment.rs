//! Attachment scores of dependency trees.

use crate::error::Error;

/// Counts over the words of a corpus with a head (0 is the root, words count from 1) and a relation each.
///
/// ```
/// use metrics::AttachmentScores;
/// let mut scores = AttachmentScores::default();
/// let truth = [(2, "det"), (3, "nsubj"), (0, "root"), (3, "punct")];
/// let parsed = [(2, "det"), (3, "obj"), (0, "root"), (2, "punct")];
/// scores.add(&truth, &parsed, |word| truth[word].1 != "punct")?;          // punctuation does not count
/// assert_eq!((scores.unlabelled(), scores.labelled()), (1.0, 2.0 / 3.0));
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttachmentScores {
    /// Words that count.
    pub words: usize,
    /// Of these, those with the right head.
    pub heads: usize,
    /// Of these, those with the right head and relation.
    pub arcs: usize,
    /// Sentences.
    pub sentences: usize,
    /// Sentences all of whose counted words have the right head and relation.
    pub exact: usize,
}

impl AttachmentScores {
    /// Counts the words of a sentence for which `counts` holds, by their index from 0.
    ///
    /// # Errors
    /// If the numbers of words differ; nothing is counted then.
    pub fn add<L: PartialEq>(
        &mut self,
        truth: &[(usize, L)],
        predicted: &[(usize, L)],
        counts: impl Fn(usize) -> bool,
    ) -> Result<(), Error> {
        if truth.len() != predicted.len() {
            return Err(Error::Lengths { expected: truth.len(), found: predicted.len() });
        }
        let before = *self;
        for ((head, label), (found_head, found_label)) in
            truth.iter().zip(predicted).enumerate().filter(|(i, _)| counts(*i)).map(|(_, pair)| pair)
        {
            self.words += 1;
            self.heads += usize::from(head == found_head);
            self.arcs += usize::from(head == found_head && label == found_label);
        }
        self.sentences += 1;
        self.exact += usize::from(self.arcs - before.arcs == self.words - before.words);
        Ok(())
    }

    /// Share of words with the right head (UAS); NaN without words.
    pub fn unlabelled(&self) -> f64 {
        self.heads as f64 / self.words as f64
    }

    /// Share of words with the right head and relation (LAS); NaN without words.
    pub fn labelled(&self) -> f64 {
        self.arcs as f64 / self.words as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_add_up() {
        let mut scores = AttachmentScores::default();
        assert!(scores.unlabelled().is_nan());
        scores.add(&[(2, 'a'), (0, 'b')], &[(2, 'a'), (0, 'b')], |_| true).unwrap();
        scores.add(&[(0, 'a'), (1, 'b'), (1, 'c')], &[(0, 'x'), (1, 'b'), (2, 'c')], |_| true).unwrap();
        assert_eq!((scores.words, scores.heads, scores.arcs), (5, 4, 3));
        assert_eq!((scores.sentences, scores.exact), (2, 1));
        let unequal = scores.add(&[(0, 'a')], &[], |_| true);
        assert_eq!(unequal, Err(Error::Lengths { expected: 1, found: 0 }));
        assert_eq!(scores.sentences, 2);
    }
}
