//! chrF and chrF++ (Popović 2015, 2017) with sacreBLEU's numbers and signatures.

use crate::corpus::{CorpusMetric, yes_no};
use crate::ngram::{common, ngrams};
use crate::text::words;

/// Settings of chrF: the F score of character n-grams, and in chrF++ of word n-grams too, with precisions and recalls
/// averaged over all orders that both sides have:
///
/// `chrF = 100 · (1 + β²) · P · R / (β² · P + R)`.
///
/// Of several references the one with the highest score counts. Where the orders are 0, or no order has n-grams on both
/// sides, the score is 0.
///
/// ```
/// use metrics::{Chrf, CorpusMetric};
///
/// let (hypotheses, references) = (["The cat sat on the mat."], [["The cat sat on a mat."]]);
/// let score = Chrf::default().corpus(&hypotheses, &references)?;
/// assert_eq!(score.to_string(), "chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0 = 71.42");
/// let score = Chrf::plus_plus().corpus(&hypotheses, &references)?;
/// assert_eq!(score.name, "chrF2++");
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chrf {
    /// The longest character n-grams.
    pub char_order: usize,
    /// The longest word n-grams; 0 counts none.
    pub word_order: usize,
    /// How many times recall weighs as much as precision.
    pub beta: u32,
    /// Whether case is ignored.
    pub lowercase: bool,
    /// Whether character n-grams go over the spaces between words.
    pub whitespace: bool,
    /// Whether the F score is computed for each order and averaged, empty orders counting almost nothing, as in chrF++.py,
    /// Moses and NLTK.
    pub eps_smoothing: bool,
}

impl Default for Chrf {
    fn default() -> Self {
        Self {
            char_order: 6,
            word_order: 0,
            beta: 2,
            lowercase: false,
            whitespace: false,
            eps_smoothing: false,
        }
    }
}

impl Chrf {
    /// chrF++: words and pairs of words too.
    pub fn plus_plus() -> Self {
        Self { word_order: 2, ..Self::default() }
    }

    fn preprocess(&self, text: &str) -> String {
        if self.lowercase { text.to_lowercase() } else { text.to_owned() }
    }

    fn chars(&self, text: &str) -> Vec<char> {
        if self.whitespace { text.chars().collect() } else { words(text).flat_map(str::chars).collect() }
    }

    /// N-grams of the hypothesis, of the reference, and in both, for each order.
    fn counts(&self, hypothesis: &str, reference: &str) -> Vec<f64> {
        let mut counts = Vec::with_capacity(3 * (self.char_order + self.word_order));
        let (a, b) = (self.chars(hypothesis), self.chars(reference));
        (1..=self.char_order).for_each(|n| counts.extend(order(&a, &b, n)));
        if self.word_order > 0 {
            let (a, b) = (without_punctuation(hypothesis), without_punctuation(reference));
            (1..=self.word_order).for_each(|n| counts.extend(order(&a, &b, n)));
        }
        counts
    }

    fn f_score(&self, sums: &[f64]) -> (f64, ChrfDetails) {
        const EPS: f64 = 1e-16;
        let factor = f64::from(self.beta).powi(2);
        let (mut precision, mut recall, mut orders, mut smoothed) = (0.0, 0.0, 0, 0.0);
        for order in sums.chunks_exact(3) {
            let [hypothesis, reference, both] = [order[0], order[1], order[2]];
            let p = if hypothesis > 0.0 { both / hypothesis } else { EPS };
            let r = if reference > 0.0 { both / reference } else { EPS };
            let denominator = factor * p + r;
            smoothed += if denominator > 0.0 { (1.0 + factor) * p * r / denominator } else { EPS };
            if hypothesis > 0.0 && reference > 0.0 {
                precision += p;
                recall += r;
                orders += 1;
            }
        }
        if orders > 0 {
            precision /= f64::from(orders);
            recall /= f64::from(orders);
        }
        let score = if self.eps_smoothing {
            100.0 * smoothed / (self.char_order + self.word_order) as f64
        } else if precision + recall > 0.0 {
            100.0 * ((1.0 + factor) * precision * recall / (factor * precision + recall))
        } else {
            0.0
        };
        (score, ChrfDetails { precision, recall })
    }
}

/// What a chrF score is made of.
///
/// ```
/// use metrics::{Chrf, CorpusMetric};
/// let details = Chrf { char_order: 1, ..Chrf::default() }.sentence("ab", &["abcd"])?.details;
/// assert_eq!((details.precision, details.recall), (1.0, 0.5));
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChrfDetails {
    /// Mean precision of the orders that both sides have.
    pub precision: f64,
    /// Mean recall of the orders that both sides have.
    pub recall: f64,
}

impl CorpusMetric for Chrf {
    type Details = ChrfDetails;

    fn name(&self) -> String {
        format!("chrF{}{}", self.beta, "+".repeat(self.word_order))
    }

    fn settings(&self) -> String {
        let (case, effective) = (if self.lowercase { "lc" } else { "mixed" }, yes_no(!self.eps_smoothing));
        let space = yes_no(self.whitespace);
        format!("case:{case}|eff:{effective}|nc:{}|nw:{}|space:{space}", self.char_order, self.word_order)
    }

    fn statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let hypothesis = self.preprocess(hypothesis);
        let mut best: Option<(f64, Vec<f64>)> = None;
        for reference in references {
            let counts = self.counts(&hypothesis, &self.preprocess(reference));
            let (score, _) = self.f_score(&counts);
            if best.as_ref().is_none_or(|(highest, _)| score > *highest) {
                best = Some((score, counts));
            }
        }
        best.map_or_else(Vec::new, |(_, counts)| counts)
    }

    fn score(&self, sums: &[f64]) -> (f64, ChrfDetails) {
        self.f_score(sums)
    }
}

fn order<T: Eq + std::hash::Hash>(hypothesis: &[T], reference: &[T], n: usize) -> [f64; 3] {
    let count = |items: &[T]| items.len().saturating_sub(n - 1);
    let (hypotheses, references) = (count(hypothesis), count(reference));
    // Where the reference has no n-gram, those of the hypothesis do not count against it.
    let hypotheses = if references == 0 { 0 } else { hypotheses };
    let both = common(&ngrams(hypothesis, n), &ngrams(reference, n));
    [hypotheses as f64, references as f64, both as f64]
}

/// Words with the last, else the first, punctuation mark put apart.
fn without_punctuation(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for word in words(text) {
        let mut chars = word.chars();
        let (first, last) = (chars.next(), chars.next_back());
        let is_mark = |c: Option<char>| c.is_some_and(|c| c.is_ascii_punctuation());
        // ASCII marks are one byte long.
        match last {
            Some(_) if is_mark(last) => parts.extend([&word[..word.len() - 1], &word[word.len() - 1..]]),
            Some(_) if is_mark(first) => parts.extend([&word[..1], &word[1..]]),
            _ => parts.push(word),
        }
    }
    parts
}
