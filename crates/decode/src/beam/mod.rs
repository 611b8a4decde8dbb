//! Beam search: several hypotheses per prompt, the best of each length kept.

mod search;

pub use search::BeamSearch;

use crate::error::{ConfigError, require};
use crate::stop::Finish;

/// How the score of a complete hypothesis depends on its length, which counts the end token. The log
/// probability of a longer sequence is always lower; dividing it by a growing number makes up for that.
///
/// ```
/// use decode::LengthPenalty;
/// // Two tokens of probability 0.4, or one of 0.25.
/// let (long, short) = (2.0 * 0.4_f64.ln(), 0.25_f64.ln());
/// let prefers_long = |penalty: LengthPenalty| penalty.score(long, 2) > penalty.score(short, 1);
/// assert!(!prefers_long(LengthPenalty::None) && prefers_long(LengthPenalty::Power(1.0)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LengthPenalty {
    /// The log probability itself.
    None,
    /// Divided by `length ^ alpha`: 1 is the mean per token.
    Power(f64),
    /// Divided by `((5 + length) / 6) ^ alpha` (Wu et al. 2016); 0.6 to 1 are usual.
    Wu(f64),
}

impl LengthPenalty {
    /// `log_prob` of a sequence of `length` tokens, made comparable over lengths.
    pub fn score(self, log_prob: f64, length: usize) -> f64 {
        match self {
            Self::None => log_prob,
            Self::Power(alpha) => log_prob / (length.max(1) as f64).powf(alpha),
            Self::Wu(alpha) => log_prob / ((5.0 + length as f64) / 6.0).powf(alpha),
        }
    }

    fn alpha(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Power(alpha) | Self::Wu(alpha) => alpha,
        }
    }
}

/// What a complete hypothesis loses for positions of the source that it did not attend to, or did twice. The coverage of a
/// position is the sum of its attention weights over all generated tokens, the end token's included.
///
/// ```
/// use decode::CoveragePenalty;
/// // The first position was left half out, the second looked at twice.
/// let coverage = [0.5, 2.0];
/// assert_eq!(CoveragePenalty::Wu(0.2).score(&coverage), 0.2 * 0.5_f64.ln());
/// assert_eq!(CoveragePenalty::Summary(0.2).score(&coverage), -0.2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CoveragePenalty {
    /// Nothing.
    None,
    /// Adds `β · Σ ln min(coverage, 1)` over the positions (Wu et al. 2016): for what was left out. A coverage below 1e-10
    /// counts as that much.
    Wu(f64),
    /// Takes away `β · Σ max(coverage − 1, 0)`: for what was said more than once (OpenNMT's "summary" penalty).
    Summary(f64),
}

impl CoveragePenalty {
    /// What is added to the score: 0 or below.
    pub fn score(self, coverage: &[f64]) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Wu(beta) => beta * coverage.iter().map(|c| c.clamp(1e-10, 1.0).ln()).sum::<f64>(),
            Self::Summary(beta) => -beta * coverage.iter().map(|c| (c - 1.0).max(0.0)).sum::<f64>(),
        }
    }

    fn beta(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Wu(beta) | Self::Summary(beta) => beta,
        }
    }
}

/// When the search for one prompt ends, before the limit on tokens.
///
/// ```
/// # use decode::Scorer;
/// # struct Chain([[f32; 3]; 3]);
/// # impl Scorer for Chain {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 3 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         self.extend(&[], &p.iter().map(|p| p[p.len() - 1]).collect::<Vec<_>>(), s)
/// #     }
/// #     fn extend(&mut self, _: &[usize], t: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(t.iter().flat_map(|t| self.0[*t as usize]));
/// #         Ok(())
/// #     }
/// # }
/// use decode::{Beam, BeamSearch, Ending};
/// const NEVER: f32 = f32::NEG_INFINITY;
/// // After 2 comes 1 in six cases of ten, and the end, 0, in four; after 1 the end for sure.
/// let mut model = Chain([[0.0; 3], [0.0, NEVER, NEVER], [0.4_f32.ln(), 0.6_f32.ln(), NEVER]]);
/// let mut best = |ending| -> Result<Vec<u32>, Box<dyn std::error::Error>> {
///     let search = BeamSearch::new(&Beam { ending, ..Beam::new(2, 0, 9) })?;
///     Ok(search.run(&mut model, &[vec![2]])?[0][0].tokens.clone())
/// };
/// assert!(best(Ending::First)?.is_empty());                                // complete first, though less likely
/// assert_eq!(best(Ending::Exact)?, [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// When no open hypothesis can overtake the `n_best` complete ones any more, whatever follows; provided that log
    /// probabilities only fall, which a step that raises scores undoes where they are not normalised again.
    Exact,
    /// When no open hypothesis, scored as if it ended now, is better than the `n_best` complete ones: an
    /// estimate that with a length penalty ends much earlier.
    Estimate,
    /// As soon as `n_best` hypotheses are complete.
    First,
}

/// Settings of a beam search.
///
/// ```
/// use decode::{Beam, BeamSearch, LengthPenalty};
/// let beam = Beam { length_penalty: LengthPenalty::Wu(0.6), ..Beam::new(4, 2, 30) };
/// let search = BeamSearch::new(&beam)?;
/// assert!(BeamSearch::new(&Beam { n_best: 5, ..beam }).is_err());      // more than the width
/// # Ok::<(), decode::ConfigError>(())
/// ```
///
/// Diverse groups:
///
/// ```
/// # use decode::Scorer;
/// # struct Chain([[f32; 3]; 3]);
/// # impl Scorer for Chain {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 3 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         self.extend(&[], &p.iter().map(|p| p[p.len() - 1]).collect::<Vec<_>>(), s)
/// #     }
/// #     fn extend(&mut self, _: &[usize], t: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(t.iter().flat_map(|t| self.0[*t as usize]));
/// #         Ok(())
/// #     }
/// # }
/// use decode::{Beam, BeamSearch};
/// let mut model = Chain([[-9.0, 1.0, 0.5]; 3]);                         // 0 is the end
/// let mut found = |diversity| -> Result<Vec<Vec<u32>>, Box<dyn std::error::Error>> {
///     let beam = Beam { n_best: 2, groups: 2, diversity, ..Beam::new(2, 0, 2) };
///     let found = BeamSearch::new(&beam)?.run(&mut model, &[vec![1]])?.remove(0);
///     Ok(found.into_iter().map(|hypothesis| hypothesis.tokens).collect())
/// };
/// assert_eq!(found(0.0)?, [[1, 1], [1, 1]]);                    // each group for itself
/// assert_eq!(found(1.0)?, [[1, 1], [2, 2]]);                    // the second avoids what the first took
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beam {
    /// Open hypotheses per prompt.
    pub width: usize,
    /// Hypotheses returned per prompt, at most `width`; as many from each group.
    pub n_best: usize,
    /// The token that completes a hypothesis; [`BeamSearch::at`] adds others, [`BeamSearch::when`] conditions.
    pub end: u32,
    /// Limit on generated tokens; hypotheses still open then are complete as they are.
    pub max_tokens: usize,
    /// How hypotheses of different lengths compare.
    pub length_penalty: LengthPenalty,
    /// What an uneven attention to the source costs. Other than `None` needs [`Scorer::attention`](crate::Scorer::attention).
    pub coverage_penalty: CoveragePenalty,
    /// When the search ends.
    pub ending: Ending,
    /// Groups that the width is divided into: diverse beam search (Vijayakumar et al. 2018). Each group searches for itself,
    /// one after the other in every step, and avoids the tokens that those before it have just taken. Divides
    /// `width` and `n_best`.
    pub groups: usize,
    /// Taken from a token's log probability for each hypothesis of earlier groups that has just taken it, when a group
    /// chooses its candidates; scores are not changed. End tokens are free.
    pub diversity: f64,
    /// Whether probabilities are normalised again after the steps of [`BeamSearch::with`], so that hypotheses are
    /// compared by what is likely among the tokens allowed. Otherwise the steps work on log probabilities and what they
    /// leave is added up, as in Hugging Face's `generate`.
    pub renormalise: bool,
}

impl Beam {
    /// The best hypothesis of a beam of this width, without length penalty, exact.
    pub fn new(width: usize, end: u32, max_tokens: usize) -> Self {
        Self {
            width,
            n_best: 1,
            end,
            max_tokens,
            length_penalty: LengthPenalty::None,
            coverage_penalty: CoveragePenalty::None,
            ending: Ending::Exact,
            groups: 1,
            diversity: 0.0,
            renormalise: true,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        require(self.width > 0, "width", "at least 1", self.width)?;
        let n_best = 1..=self.width;
        require(n_best.contains(&self.n_best), "n_best", "between 1 and the width", self.n_best)?;
        require(self.max_tokens > 0, "max_tokens", "at least 1", self.max_tokens)?;
        let (alpha, beta) = (self.length_penalty.alpha(), self.coverage_penalty.beta());
        require(alpha.is_finite(), "length_penalty", "finite", alpha)?;
        require(beta.is_finite() && beta >= 0.0, "coverage_penalty", "finite and not negative", beta)?;
        let divides = |whole: usize| self.groups > 0 && whole.is_multiple_of(self.groups);
        require(divides(self.width), "groups", "a divisor of the width", self.groups)?;
        require(divides(self.n_best), "groups", "a divisor of n_best", self.groups)?;
        let diversity = self.diversity;
        require(diversity.is_finite() && diversity >= 0.0, "diversity", "finite and not negative", diversity)
    }
}

/// A complete hypothesis.
///
/// ```
/// # use decode::Scorer;
/// # struct Chain([[f32; 3]; 3]);
/// # impl Scorer for Chain {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 3 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         self.extend(&[], &p.iter().map(|p| p[p.len() - 1]).collect::<Vec<_>>(), s)
/// #     }
/// #     fn extend(&mut self, _: &[usize], t: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(t.iter().flat_map(|t| self.0[*t as usize]));
/// #         Ok(())
/// #     }
/// # }
/// use decode::{Beam, BeamSearch, LengthPenalty};
/// let mut model = Chain([[0.0; 3], [0.5, 0.0, 1.0], [2.0, 0.0, 0.0]]);
/// let beam = Beam { n_best: 3, length_penalty: LengthPenalty::Power(1.0), ..Beam::new(3, 0, 9) };
/// for hypothesis in &BeamSearch::new(&beam)?.run(&mut model, &[vec![1]])?[0] {
///     let length = hypothesis.tokens.len() + 1;                         // the end token counts
///     assert_eq!(hypothesis.score, hypothesis.log_prob / length as f64);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The tokens after the prompt, without the end token.
    pub tokens: Vec<u32>,
    /// Why it is complete.
    pub finish: Finish,
    /// Sum of the log probabilities of the tokens (end token included), after processing.
    pub log_prob: f64,
    /// `log_prob` with the penalties of length and coverage: what hypotheses are ranked by.
    pub score: f64,
}
