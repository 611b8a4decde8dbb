//! What the scores of translations have in common: sums over segments, references, signatures.

use std::fmt;

use crate::error::Error;
use crate::error_rate::same_length;

/// The release of sacreBLEU whose numbers and signatures are meant.
const SACREBLEU: &str = "2.6.0";

/// A score of a whole text that follows from sums over its segments: [`Bleu`](crate::Bleu), [`Chrf`](crate::Chrf),
/// [`Ter`](crate::Ter).
///
/// ```
/// use metrics::{Bleu, CorpusMetric};
///
/// let hypotheses = ["the cat sat on the mat", "hello there"];
/// let references = [vec!["the cat sat on a mat", "a cat sat on the mat"], vec!["hello there", "hi there"]];
/// let bleu = Bleu::default().corpus(&hypotheses, &references)?;
/// assert_eq!(format!("{:.2}", bleu.score), "96.72");
/// assert_eq!(bleu.signature, "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0");
/// # Ok::<(), metrics::Error>(())
/// ```
pub trait CorpusMetric {
    /// What the score is made of.
    type Details: Clone + fmt::Debug + PartialEq;

    /// Name of the score, such as `chrF2++`.
    fn name(&self) -> String;

    /// The settings, as sacreBLEU writes them in a signature.
    fn settings(&self) -> String;

    /// The numbers of one segment that are added up. There is at least one reference.
    fn statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64>;

    /// The score, and what it is made of, from sums of [`statistics`](Self::statistics) of the same settings; sums of
    /// anything else mean nothing, and may panic.
    fn score(&self, sums: &[f64]) -> (f64, Self::Details);

    /// What sacreBLEU prints behind the score.
    fn verbose(&self, _details: &Self::Details) -> String {
        String::new()
    }

    /// Statistics of each segment of a corpus. `references[i]` are the references of `hypotheses[i]`.
    ///
    /// # Errors
    /// If the numbers of segments differ, there are none, or one has no reference.
    fn segments<H: AsRef<str>, R: AsRef<[T]>, T: AsRef<str>>(
        &self,
        hypotheses: &[H],
        references: &[R],
    ) -> Result<Segments, Error> {
        same_length(references, hypotheses)?;
        if hypotheses.is_empty() {
            return Err(Error::Empty);
        }
        let statistics = Vec::with_capacity(hypotheses.len());
        let mut segments = Segments { statistics, references: None, metric: identity(self) };
        for (i, (hypothesis, references)) in hypotheses.iter().zip(references).enumerate() {
            let references: Vec<&str> = references.as_ref().iter().map(AsRef::as_ref).collect();
            if references.is_empty() {
                return Err(Error::NoReference { segment: i });
            }
            segments.references = if i == 0 || segments.references == Some(references.len()) {
                Some(references.len())
            } else {
                None
            };
            segments.statistics.push(self.statistics(hypothesis.as_ref(), &references));
        }
        Ok(segments)
    }

    /// The score of a corpus. `references[i]` are the references of `hypotheses[i]`.
    ///
    /// # Errors
    /// As [`segments`](Self::segments).
    fn corpus<H: AsRef<str>, R: AsRef<[T]>, T: AsRef<str>>(
        &self,
        hypotheses: &[H],
        references: &[R],
    ) -> Result<CorpusScore<Self::Details>, Error> {
        let segments = self.segments(hypotheses, references)?;
        let (score, details) = self.score(&segments.sums());
        let references = segments.references.map_or("var".to_owned(), |count| count.to_string());
        let signature = format!("nrefs:{references}|{}|version:{SACREBLEU}", self.settings());
        let verbose = self.verbose(&details);
        Ok(CorpusScore { name: self.name(), score, details, signature, verbose })
    }

    /// The score of a single segment. For BLEU see [`Bleu::sentence_level`](crate::Bleu::sentence_level).
    ///
    /// # Errors
    /// If there is no reference.
    fn sentence<T: AsRef<str>>(
        &self,
        hypothesis: &str,
        references: &[T],
    ) -> Result<CorpusScore<Self::Details>, Error> {
        self.corpus(&[hypothesis], &[references])
    }
}

/// Statistics of the segments of a corpus under one metric: counted once, they give the score of any part.
///
/// ```
/// use metrics::{Chrf, CorpusMetric};
/// let chrf = Chrf::default();
/// let segments = chrf.segments(&["the cat", "a dog ran"], &[["the cat"], ["a dog runs"]])?;
/// assert_eq!(chrf.score(&segments.sums_of([0])).0, 100.0);
/// let whole = chrf.corpus(&["the cat", "a dog ran"], &[["the cat"], ["a dog runs"]])?;
/// assert_eq!(chrf.score(&segments.sums()).0, whole.score);
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Segments {
    statistics: Vec<Vec<f64>>,
    /// References per segment, if all have the same number.
    references: Option<usize>,
    /// What counted them.
    metric: String,
}

fn identity<M: CorpusMetric + ?Sized>(metric: &M) -> String {
    format!("{}|{}", metric.name(), metric.settings())
}

impl Segments {
    /// Number of segments, at least 1.
    pub fn count(&self) -> usize {
        self.statistics.len()
    }

    /// Whether they were counted by this metric with the same settings.
    pub(crate) fn are_of<M: CorpusMetric>(&self, metric: &M) -> bool {
        self.metric == identity(metric)
    }

    /// Sums over all segments.
    pub fn sums(&self) -> Vec<f64> {
        self.sums_of(0..self.count())
    }

    /// Sums over some segments, each as often as it is named.
    ///
    /// # Panics
    /// If there is no such segment.
    pub fn sums_of(&self, segments: impl IntoIterator<Item = usize>) -> Vec<f64> {
        let mut sums = vec![0.0; self.statistics[0].len()];
        for segment in segments {
            for (sum, value) in sums.iter_mut().zip(&self.statistics[segment]) {
                *sum += value;
            }
        }
        sums
    }
}

/// A score with what is needed to quote it. Its text form is sacreBLEU's line.
///
/// ```
/// use metrics::{Chrf, CorpusMetric};
/// let found = Chrf::default().corpus(&["The cat sat on the mat."], &[["The cat sat on a mat."]])?;
/// assert_eq!(found.to_string(), "chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0 = 71.42");
/// assert_eq!((found.name.as_str(), format!("{:.1}", found.score)), ("chrF2", "71.4".to_owned()));
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CorpusScore<D> {
    /// Name of the score.
    pub name: String,
    /// The score in per cent; a TER may be above 100.
    pub score: f64,
    /// What it is made of.
    pub details: D,
    /// sacreBLEU's signature: which settings, and which release of sacreBLEU gives the same number.
    pub signature: String,
    verbose: String,
}

impl<D> fmt::Display for CorpusScore<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{} = {:.2}", self.name, self.signature, self.score)?;
        if self.verbose.is_empty() { Ok(()) } else { write!(f, " {}", self.verbose) }
    }
}

pub(crate) fn yes_no(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}
