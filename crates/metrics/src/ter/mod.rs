//! Translation edit rate (Snover et al. 2006) with sacreBLEU's numbers and signatures.

mod shift;
mod table;
mod tokenizer;

use crate::corpus::{CorpusMetric, yes_no};
use crate::text::{strip_end, words};

/// Settings of the translation edit rate: the fewest edits – insertions, deletions and substitutions of words, and shifts
/// of runs of words to another place – that turn a hypothesis into a reference, per word of the reference:
///
/// `TER = 100 · edits / mean length of the references`.
///
/// The fewest with shifts cannot be searched for exhaustively; this takes the best shift again and again as Tercom does,
/// in the variant of sacreBLEU. Of several references the one with the fewest edits counts.
///
/// ```
/// use metrics::{CorpusMetric, Ter};
///
/// let hypothesis = "on Tuesday he said that the talks would begin";
/// let score = Ter::default().sentence(hypothesis, &["he said that on Tuesday the talks would begin"])?;
/// assert_eq!(score.details.edits, 1);                             // one shift of two words
/// assert_eq!(
///     score.to_string(),
///     "TER|nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0 = 11.11"
/// );
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ter {
    /// Whether punctuation is put apart and XML's escapes are resolved.
    pub normalized: bool,
    /// Whether punctuation is removed.
    pub no_punctuation: bool,
    /// Whether the two before treat Chinese and Japanese characters and punctuation as well, each character becoming a
    /// word.
    pub asian_support: bool,
    /// Whether case counts.
    pub case_sensitive: bool,
}

/// What a translation edit rate is made of.
///
/// ```
/// use metrics::{CorpusMetric, Ter};
/// let score = Ter::default().sentence("the cat sat", &["the cat sat down", "a cat sat down there now"])?;
/// assert_eq!((score.details.edits, score.details.reference_len), (1, (4.0 + 6.0) / 2.0));
/// assert_eq!(score.score, 100.0 * 1.0 / 5.0);
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TerDetails {
    /// Edits, shifts included.
    pub edits: usize,
    /// Sum of the mean lengths of each segment's references.
    pub reference_len: f64,
}

impl CorpusMetric for Ter {
    type Details = TerDetails;

    fn name(&self) -> String {
        "TER".to_owned()
    }

    fn settings(&self) -> String {
        format!(
            "case:{}|tok:tercom|norm:{}|punct:{}|asian:{}",
            if self.case_sensitive { "mixed" } else { "lc" },
            yes_no(self.normalized),
            yes_no(!self.no_punctuation),
            yes_no(self.asian_support)
        )
    }

    /// Edits, mean length of the references.
    fn statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let hypothesis = tokenizer::tokenize(self, strip_end(hypothesis));
        let hypothesis: Vec<&str> = words(&hypothesis).collect();
        let (mut fewest, mut length) = (usize::MAX, 0);
        for reference in references {
            let reference = tokenizer::tokenize(self, strip_end(reference));
            let reference: Vec<&str> = words(&reference).collect();
            fewest = fewest.min(shift::edits(&hypothesis, &reference));
            length += reference.len();
        }
        vec![fewest as f64, length as f64 / references.len() as f64]
    }

    fn score(&self, sums: &[f64]) -> (f64, TerDetails) {
        let (edits, reference_len) = (sums[0], sums[1]);
        let rate = if reference_len > 0.0 { edits / reference_len } else { f64::from(u8::from(edits > 0.0)) };
        (100.0 * rate, TerDetails { edits: edits as usize, reference_len })
    }
}
