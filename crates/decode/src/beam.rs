//! Beam search: several hypotheses per prompt, the best of each length kept.

use std::fmt;

use crate::error::{ConfigError, Error, require};
use crate::process::Process;
use crate::scorer::{Checked, Scorer};
use crate::softmax::{log_sum_exp, top};
use crate::stop::Finish;

/// How the score of a complete hypothesis depends on its length, which counts the end token. The log
/// probability of a longer sequence is always lower; dividing it by a growing number makes up for that.
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

/// When the search for one prompt ends, before the limit on tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// When no open hypothesis can overtake the `n_best` complete ones any more, whatever follows.
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beam {
    /// Open hypotheses per prompt.
    pub width: usize,
    /// Hypotheses returned per prompt, at most `width`.
    pub n_best: usize,
    /// The token that completes a hypothesis.
    pub end: u32,
    /// Limit on generated tokens; hypotheses still open then are complete as they are.
    pub max_tokens: usize,
    /// How hypotheses of different lengths compare.
    pub length_penalty: LengthPenalty,
    /// When the search ends.
    pub ending: Ending,
}

impl Beam {
    /// The best hypothesis of a beam of this width, without length penalty, exact.
    pub fn new(width: usize, end: u32, max_tokens: usize) -> Self {
        let (length_penalty, ending) = (LengthPenalty::None, Ending::Exact);
        Self { width, n_best: 1, end, max_tokens, length_penalty, ending }
    }
}

/// A complete hypothesis.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The tokens after the prompt, without the end token.
    pub tokens: Vec<u32>,
    /// `End` or `Length`.
    pub finish: Finish,
    /// Sum of the log probabilities of the tokens (end token included), after processing.
    pub log_prob: f64,
    /// `log_prob` with the length penalty: what hypotheses are ranked by.
    pub score: f64,
}

/// A beam search over all prompts in one batch.
pub struct BeamSearch {
    beam: Beam,
    steps: Vec<Box<dyn Process>>,
}

impl fmt::Debug for BeamSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeamSearch").field("beam", &self.beam).finish_non_exhaustive()
    }
}

/// An open hypothesis, and the row of the model's batch that holds it.
struct Open {
    row: usize,
    /// Prompt and generated tokens.
    sequence: Vec<u32>,
    log_prob: f64,
}

/// One way of going on from an open hypothesis.
struct Candidate {
    parent: usize,
    token: u32,
    log_prob: f64,
}

/// The search for one prompt.
struct Item {
    prompt: usize,
    prompt_len: usize,
    open: Vec<Open>,
    /// The best complete ones, best first, at most `n_best`.
    complete: Vec<Hypothesis>,
}

impl BeamSearch {
    /// A search with these settings.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn new(beam: &Beam) -> Result<Self, ConfigError> {
        require(beam.width > 0, "width", "at least 1", beam.width)?;
        let n_best = 1..=beam.width;
        require(n_best.contains(&beam.n_best), "n_best", "between 1 and the width", beam.n_best)?;
        require(beam.max_tokens > 0, "max_tokens", "at least 1", beam.max_tokens)?;
        let alpha = beam.length_penalty.alpha();
        require(alpha.is_finite(), "length_penalty", "finite", alpha)?;
        Ok(Self { beam: *beam, steps: Vec::new() })
    }

    /// Adds a step on the logits of each hypothesis; the result is normalised again afterwards.
    #[must_use]
    pub fn with(mut self, step: impl Process + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// The `n_best` continuations of each prompt, best first; fewer where fewer exist. Equal scores go to the
    /// hypothesis found first, equal candidates to the better parent and then the lower token.
    ///
    /// # Errors
    /// As [`Error`] lists; [`Error::NothingAllowed`] for a prompt without any complete hypothesis because
    /// every continuation is forbidden.
    pub fn run<S: Scorer + ?Sized>(
        &self,
        model: &mut S,
        prompts: &[Vec<u32>],
    ) -> Result<Vec<Vec<Hypothesis>>, Error<S::Error>> {
        let (end, vocab) = (self.beam.end as usize, model.vocab());
        if end >= vocab {
            return Err(Error::Vocab { expected: end + 1, found: vocab });
        }
        let mut results: Vec<Vec<Hypothesis>> = vec![Vec::new(); prompts.len()];
        let mut model = Checked::start(model, prompts)?;
        let mut items: Vec<Item> =
            prompts.iter().enumerate().map(|(i, prompt)| Item::new(i, prompt)).collect();
        for length in 1..=self.beam.max_tokens {
            let (mut parents, mut tokens, mut live) = (Vec::new(), Vec::new(), Vec::new());
            for mut item in items {
                let candidates = self.candidates(&item, &mut model);
                self.advance(&mut item, &candidates, length, &mut parents, &mut tokens);
                if item.open.is_empty() || self.is_settled(&item, length) {
                    // Rows of a settled search are at the end of the lists: take them back.
                    parents.truncate(parents.len() - item.open.len());
                    tokens.truncate(parents.len());
                    if item.complete.is_empty() {
                        return Err(Error::NothingAllowed { row: item.prompt, position: length - 1 });
                    }
                    results[item.prompt] = item.complete;
                } else {
                    live.push(item);
                }
            }
            items = live;
            if items.is_empty() {
                break;
            }
            model.extend(&parents, &tokens)?;
        }
        Ok(results)
    }

    /// The best ways of going on, best first. At most one per parent, so `width` of them, is the end
    /// token: twice the width is enough to fill the beam again.
    fn candidates<S: Scorer + ?Sized>(&self, item: &Item, model: &mut Checked<'_, S>) -> Vec<Candidate> {
        let count = 2 * self.beam.width;
        let mut candidates = Vec::new();
        for (parent, open) in item.open.iter().enumerate() {
            let logits = model.row_mut(open.row);
            for step in &self.steps {
                step.process(&open.sequence, logits);
            }
            let total = log_sum_exp(logits);
            candidates.extend(top(logits, count).into_iter().map(|token| Candidate {
                parent,
                token: token as u32,
                log_prob: open.log_prob + (f64::from(logits[token]) - total),
            }));
        }
        candidates.sort_by(|a, b| b.log_prob.total_cmp(&a.log_prob));
        candidates.truncate(count);
        candidates
    }

    /// Moves the item on by one token: completes hypotheses and fills the beam anew.
    fn advance(
        &self,
        item: &mut Item,
        candidates: &[Candidate],
        length: usize,
        parents: &mut Vec<usize>,
        tokens: &mut Vec<u32>,
    ) {
        let mut open = Vec::new();
        for candidate in candidates {
            let parent = &item.open[candidate.parent];
            let mut sequence = parent.sequence.clone();
            let finish = match candidate.token == self.beam.end {
                true => Finish::End,
                false => {
                    sequence.push(candidate.token);
                    Finish::Length
                }
            };
            if finish == Finish::End || length == self.beam.max_tokens {
                let tokens = sequence[item.prompt_len..].to_vec();
                let score = self.beam.length_penalty.score(candidate.log_prob, length);
                let hypothesis = Hypothesis { tokens, finish, log_prob: candidate.log_prob, score };
                item.keep(hypothesis, self.beam.n_best);
                continue;
            }
            parents.push(parent.row);
            tokens.push(candidate.token);
            let row = parents.len() - 1;
            open.push(Open { row, sequence, log_prob: candidate.log_prob });
            if open.len() == self.beam.width {
                break;
            }
        }
        item.open = open;
    }

    /// Whether the open hypotheses, now of `length` tokens, no longer matter.
    fn is_settled(&self, item: &Item, length: usize) -> bool {
        let Some(worst) = item.complete.last().filter(|_| item.complete.len() == self.beam.n_best) else {
            return false;
        };
        let best = item.open.iter().map(|open| open.log_prob).fold(f64::NEG_INFINITY, f64::max);
        let penalty = self.beam.length_penalty;
        let attainable = match self.beam.ending {
            Ending::First => return true,
            Ending::Estimate => penalty.score(best, length),
            // A log probability never rises, and the penalty is monotone in the length: the best that can
            // come is to end with the next token or at the limit, at no cost.
            Ending::Exact => penalty.score(best, length + 1).max(penalty.score(best, self.beam.max_tokens)),
        };
        attainable <= worst.score
    }
}

impl Item {
    fn new(prompt: usize, tokens: &[u32]) -> Self {
        let open = vec![Open { row: prompt, sequence: tokens.to_vec(), log_prob: 0.0 }];
        Self { prompt, prompt_len: tokens.len(), open, complete: Vec::new() }
    }

    /// Inserts by rank and keeps the best `n_best`.
    fn keep(&mut self, hypothesis: Hypothesis, n_best: usize) {
        let rank = self.complete.partition_point(|other| other.score >= hypothesis.score);
        self.complete.insert(rank, hypothesis);
        self.complete.truncate(n_best);
    }
}
