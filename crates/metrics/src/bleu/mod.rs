//! BLEU (Papineni et al. 2002) with sacreBLEU's numbers and signatures (Post 2018).

mod tokenizer;

pub use tokenizer::BleuTokenizer;
pub(crate) use tokenizer::{split_dashes, split_points, split_symbols};

use std::collections::HashMap;

use crate::corpus::{CorpusMetric, yes_no};
use crate::ngram::ngrams;
use crate::text::{strip_end, words};

/// What stands in for a precision of zero matches (Chen & Cherry 2014).
///
/// Both words match and the one pair of words does not, so `BLEU = 100 · √p₂`:
///
/// ```
/// use metrics::{Bleu, CorpusMetric, Smoothing};
/// for (smoothing, pairs) in [
///     (Smoothing::None, 0.0),
///     (Smoothing::Floor(0.1), 0.1 / 1.0),
///     (Smoothing::AddK(1.0), (0.0 + 1.0) / (1.0 + 1.0)),
///     (Smoothing::Exp, 0.5 / 1.0),
/// ] {
///     let bleu = Bleu { smoothing, max_order: 2, ..Bleu::default() };
///     let found = bleu.sentence("sat cat", &["cat sat"])?.score;
///     assert!((found - 100.0 * f64::sqrt(pairs)).abs() < 1e-9, "{smoothing:?}: {found}");
/// }
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// Nothing: BLEU is 0 if an order has no match.
    None,
    /// This number of matches; 0.1 is usual.
    Floor(f64),
    /// Adds this to matches and totals of all orders above 1; 1 is usual.
    AddK(f64),
    /// A half match, then a quarter, an eighth, …: the method of mteval-v13a.pl, and the default.
    Exp,
}

/// Settings of BLEU: `BLEU = 100 · BP · exp(mean of ln pₙ over n = 1..=max_order)` with the clipped n-gram precisions
/// `pₙ` and the brevity penalty `BP = min(1, exp(1 − reference length / hypothesis length))`.
///
/// ```
/// use metrics::{Bleu, BleuTokenizer, CorpusMetric};
///
/// let bleu = Bleu::default().corpus(&["The cat sat on the mat."], &[["The cat sat on a mat."]])?;
/// println!("{bleu}");
/// // BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0 = 48.89 85.7/66.7/40.0/25.0
/// // (BP = 1.000 ratio = 1.000 hyp_len = 7 ref_len = 7)
/// assert_eq!(format!("{:.2}", bleu.score), "48.89");
///
/// let chinese = Bleu { tokenizer: BleuTokenizer::Zh, ..Bleu::default() };
/// let score = chinese.corpus(&["今天天气很好。"], &[["今天天气真好。"]])?;
/// assert_eq!(format!("{:.2}", score.score), "48.89");
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bleu {
    /// How text is cut into tokens.
    pub tokenizer: BleuTokenizer,
    /// Whether case is ignored.
    pub lowercase: bool,
    /// What is done about orders without a match.
    pub smoothing: Smoothing,
    /// The longest n-grams counted; with 0 every score is 0.
    pub max_order: usize,
    /// Whether orders for which the hypothesis is too short are left out, as single sentences need it.
    pub effective_order: bool,
}

impl Default for Bleu {
    fn default() -> Self {
        Self {
            tokenizer: BleuTokenizer::V13a,
            lowercase: false,
            smoothing: Smoothing::Exp,
            max_order: 4,
            effective_order: false,
        }
    }
}

impl Bleu {
    /// The default with the effective order: for [`sentence`](CorpusMetric::sentence).
    ///
    /// ```
    /// use metrics::{Bleu, CorpusMetric};
    /// let score = Bleu::sentence_level().sentence("Hello!", &["Hello!"])?;
    /// assert_eq!(format!("{:.2}", score.score), "100.00");
    /// # Ok::<(), metrics::Error>(())
    /// ```
    pub fn sentence_level() -> Self {
        Self { effective_order: true, ..Self::default() }
    }

    fn preprocess(&self, text: &str) -> String {
        if self.lowercase {
            self.tokenizer.tokenize(strip_end(&text.to_lowercase()))
        } else {
            self.tokenizer.tokenize(strip_end(text))
        }
    }
}

/// What a BLEU score is made of.
///
/// ```
/// use metrics::{Bleu, CorpusMetric};
/// let score = Bleu::default().sentence("a b c d", &["a b c d e f g h"])?;
/// assert_eq!(score.details.matches, [4, 3, 2, 1]);                        // all n-grams there are …
/// assert_eq!(score.details.brevity_penalty, f64::exp(1.0 - 8.0 / 4.0));   // … of half the text
/// assert!((score.score - 100.0 * score.details.brevity_penalty).abs() < 1e-9);
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BleuDetails {
    /// Precision of each order in per cent, after smoothing.
    pub precisions: Vec<f64>,
    /// Matched n-grams of each order.
    pub matches: Vec<usize>,
    /// N-grams of each order in the hypotheses.
    pub totals: Vec<usize>,
    /// Brevity penalty.
    pub brevity_penalty: f64,
    /// Tokens of the hypotheses.
    pub hypothesis_len: usize,
    /// Tokens of the references closest in length.
    pub reference_len: usize,
}

impl CorpusMetric for Bleu {
    type Details = BleuDetails;

    fn name(&self) -> String {
        "BLEU".to_owned()
    }

    fn settings(&self) -> String {
        let smoothing = match self.smoothing {
            Smoothing::None => "none".to_owned(),
            Smoothing::Floor(value) => format!("floor[{value:.2}]"),
            Smoothing::AddK(value) => format!("add-k[{value:.2}]"),
            Smoothing::Exp => "exp".to_owned(),
        };
        let (case, effective) = (if self.lowercase { "lc" } else { "mixed" }, yes_no(self.effective_order));
        format!("case:{case}|eff:{effective}|tok:{}|smooth:{smoothing}", self.tokenizer.name())
    }

    /// Hypothesis length, reference length, matches of each order, totals of each order.
    fn statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let hypothesis = self.preprocess(hypothesis);
        let references: Vec<String> = references.iter().map(|text| self.preprocess(text)).collect();
        let hypothesis: Vec<&str> = words(&hypothesis).collect();
        let references: Vec<Vec<&str>> = references.iter().map(|text| words(text).collect()).collect();
        let length = hypothesis.len();
        let closest = references.iter().map(Vec::len).min_by_key(|&other| (length.abs_diff(other), other));
        let mut statistics = vec![0.0; 2 + 2 * self.max_order];
        statistics[0] = length as f64;
        statistics[1] = closest.unwrap_or(0) as f64;
        for n in 1..=self.max_order {
            // An n-gram may match as often as in the reference that has it most.
            let mut allowed: HashMap<&[&str], usize> = HashMap::new();
            for reference in &references {
                for (gram, count) in ngrams(reference, n) {
                    let most = allowed.entry(gram).or_insert(0);
                    *most = count.max(*most);
                }
            }
            for (gram, count) in ngrams(&hypothesis, n) {
                statistics[1 + n] += count.min(allowed.get(gram).copied().unwrap_or(0)) as f64;
                statistics[1 + self.max_order + n] += count as f64;
            }
        }
        statistics
    }

    fn score(&self, sums: &[f64]) -> (f64, BleuDetails) {
        let (hypothesis_len, reference_len) = (sums[0], sums[1]);
        let (matches, totals) = sums[2..].split_at(self.max_order);
        let brevity_penalty = if hypothesis_len >= reference_len {
            1.0
        } else if hypothesis_len > 0.0 {
            (1.0 - reference_len / hypothesis_len).exp()
        } else {
            0.0
        };
        let matched = matches.iter().any(|&count| count > 0.0);
        let (precisions, order) =
            if matched { self.precisions(matches, totals) } else { (vec![0.0; self.max_order], 1) };
        let score = if matched {
            // As in sacreBLEU, a precision of 0 has a very small logarithm, and makes BLEU 0.
            let log = |p: &f64| if *p == 0.0 { -9_999_999_999.0 } else { p.ln() };
            brevity_penalty * (precisions[..order].iter().map(log).sum::<f64>() / order as f64).exp()
        } else {
            0.0
        };
        let counts = |values: &[f64]| values.iter().map(|&count| count as usize).collect();
        let details = BleuDetails {
            precisions,
            matches: counts(matches),
            totals: counts(totals),
            brevity_penalty,
            hypothesis_len: hypothesis_len as usize,
            reference_len: reference_len as usize,
        };
        (score, details)
    }

    fn verbose(&self, d: &BleuDetails) -> String {
        let precisions: Vec<String> = d.precisions.iter().map(|p| format!("{p:.1}")).collect();
        let ratio = if d.reference_len == 0 { 0.0 } else { d.hypothesis_len as f64 / d.reference_len as f64 };
        format!(
            "{} (BP = {:.3} ratio = {ratio:.3} hyp_len = {} ref_len = {})",
            precisions.join("/"),
            d.brevity_penalty,
            d.hypothesis_len,
            d.reference_len
        )
    }
}

impl Bleu {
    /// Smoothed precisions in per cent, and how many orders count.
    fn precisions(&self, matches: &[f64], totals: &[f64]) -> (Vec<f64>, usize) {
        let mut precisions = vec![0.0; self.max_order];
        let mut order = self.max_order;
        let mut halvings = 1.0;
        for n in 0..self.max_order {
            let added = match self.smoothing {
                Smoothing::AddK(k) if n > 0 => k,
                _ => 0.0,
            };
            let (matched, total) = (matches[n] + added, totals[n] + added);
            if total == 0.0 {
                break;
            }
            if self.effective_order {
                order = n + 1;
            }
            precisions[n] = if matched > 0.0 {
                100.0 * matched / total
            } else {
                match self.smoothing {
                    Smoothing::Exp => {
                        halvings *= 2.0;
                        100.0 / (halvings * total)
                    }
                    Smoothing::Floor(value) => 100.0 * value / total,
                    Smoothing::None | Smoothing::AddK(_) => 0.0,
                }
            };
        }
        (precisions, order)
    }
}
