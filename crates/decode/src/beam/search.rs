//! The search itself.

use std::fmt;

use super::{Beam, CoveragePenalty, Ending, Hypothesis};
use crate::error::{ConfigError, Error};
use crate::process::{Context, Process, apply};
use crate::scorer::{Checked, Scorer};
use crate::softmax::log_sum_exp;
use crate::stop::{Finish, Stop};

/// A beam search over all prompts in one batch.
///
/// ```
/// use decode::process::MinLength;
/// use decode::{Beam, BeamSearch, Finish, Scorer};
///
/// /// After any token: 0, the end, with probability 0.5, 1 with 0.3, 2 with 0.2.
/// struct Coin;
///
/// impl Coin {
///     fn score(rows: usize, scores: &mut Vec<f32>) {
///         scores.extend([0.5_f32, 0.3, 0.2].map(f32::ln).repeat(rows));
///     }
/// }
///
/// impl Scorer for Coin {
///     type Error = std::convert::Infallible;
///     fn vocab(&self) -> usize {
///         3
///     }
///     fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), Self::Error> {
///         Ok(Self::score(prompts.len(), scores))
///     }
///     fn extend(&mut self, _: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), Self::Error> {
///         Ok(Self::score(tokens.len(), scores))
///     }
/// }
///
/// let beam = Beam { n_best: 3, ..Beam::new(3, 0, 10) };
/// let found = BeamSearch::new(&beam)?.run(&mut Coin, &[vec![1]])?; // of one prompt
/// let tokens = |found: &[Vec<decode::Hypothesis>]| found[0].iter().map(|h| h.tokens.clone()).collect::<Vec<_>>();
/// assert_eq!(tokens(&found), [vec![], vec![1], vec![2]]);
/// assert!((found[0][1].log_prob - (0.3_f64 * 0.5).ln()).abs() < 1e-6 && found[0][1].finish == Finish::End);
///
/// let longer = BeamSearch::new(&beam)?.with(MinLength::new(&[0], 1)).run(&mut Coin, &[vec![1]])?;
/// assert_eq!(tokens(&longer), [vec![1], vec![2], vec![1, 1]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BeamSearch {
    beam: Beam,
    steps: Vec<Box<dyn Process>>,
    /// What completes a hypothesis.
    stop: Stop,
}

impl fmt::Debug for BeamSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeamSearch")
            .field("beam", &self.beam)
            .field("steps", &self.steps.len())
            .field("stop", &self.stop)
            .finish()
    }
}

/// An open hypothesis, and the row of the model's batch that holds it.
struct Open {
    row: usize,
    /// Prompt and generated tokens.
    sequence: Vec<u32>,
    log_prob: f64,
    /// Attention to each position of the source, summed over the tokens; empty without a coverage penalty.
    coverage: Vec<f64>,
}

/// One way of going on from an open hypothesis.
struct Candidate {
    parent: usize,
    token: u32,
    log_prob: f64,
    /// What candidates of a group are ranked by.
    rank: f64,
}

/// A search of its own, but for the tokens that it avoids.
struct Group {
    open: Vec<Open>,
    /// The best complete ones, best first, as many as the group is to return.
    complete: Vec<Hypothesis>,
}

/// The search for one prompt.
struct Item {
    prompt: usize,
    prompt_len: usize,
    groups: Vec<Group>,
}

/// The next batch: whose rows go on, and with which tokens.
#[derive(Default)]
struct Batch {
    parents: Vec<usize>,
    tokens: Vec<u32>,
}

impl BeamSearch {
    /// A search with these settings.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn new(beam: &Beam) -> Result<Self, ConfigError> {
        beam.check()?;
        Ok(Self { beam: *beam, steps: Vec::new(), stop: Stop::after(beam.max_tokens).at(beam.end) })
    }

    /// Another token that completes a hypothesis and is no part of it. Several may be given; the same tokens behind which
    /// different ends stand are then different hypotheses.
    ///
    /// ```
    /// # use decode::{Beam, BeamSearch, Finish, Scorer};
    /// # struct Fixed;
    /// # impl Scorer for Fixed {
    /// #     type Error = std::convert::Infallible;
    /// #     fn vocab(&self) -> usize { 4 }
    /// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
    /// #         s.extend(p.iter().flat_map(|_| [-9.0, 1.0, -9.0, 0.0]));
    /// #         Ok(())
    /// #     }
    /// #     fn extend(&mut self, p: &[usize], t: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
    /// #         s.extend(p.iter().zip(t).flat_map(|_| [-9.0, 1.0, -9.0, 0.0]));
    /// #         Ok(())
    /// #     }
    /// # }
    /// // The model likes 1 best, then 3; token 0 is the end, and 3 is one too.
    /// let search = BeamSearch::new(&Beam::new(2, 0, 5))?.at(3).when(|tokens| tokens == [1, 1]);
    /// let best = &search.run(&mut Fixed, &[vec![1]])?[0][0];
    /// assert!(best.tokens == [1, 1] && best.finish == Finish::Condition);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn at(mut self, end: u32) -> Self {
        self.stop = self.stop.at(end);
        self
    }

    /// A hypothesis is also complete as soon as `condition` holds of its generated tokens; the last of them stays in it.
    /// Of several conditions any suffices. If most of the likeliest continuations meet one, fewer than `width`
    /// hypotheses stay open.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&[u32]) -> bool + Send + Sync + 'static) -> Self {
        self.stop = self.stop.when(condition);
        self
    }

    /// Adds a step on the logits of each hypothesis, such as [`MinLength`](crate::process::MinLength) or
    /// [`NoRepeatNgram`](crate::process::NoRepeatNgram).
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
        let vocab = model.vocab();
        if let Some(end) = self.stop.ends().iter().map(|end| *end as usize).find(|end| *end >= vocab) {
            return Err(Error::Vocab { expected: end + 1, found: vocab });
        }
        let mut results: Vec<Vec<Hypothesis>> = vec![Vec::new(); prompts.len()];
        let mut model = Checked::start(model, prompts)?;
        let new_item = |(i, prompt): (usize, &Vec<u32>)| Item::new(i, prompt, self.beam.groups);
        let mut items: Vec<Item> = prompts.iter().enumerate().map(new_item).collect();
        for length in 1..=self.beam.max_tokens {
            let (mut batch, mut live) = (Batch::default(), Vec::new());
            for mut item in items {
                self.step(&mut item, length, &model, &mut batch)?;
                if item.groups.iter().any(|group| !group.open.is_empty()) {
                    live.push(item);
                    continue;
                }
                let mut complete: Vec<Hypothesis> =
                    item.groups.into_iter().flat_map(|group| group.complete).collect();
                if complete.is_empty() {
                    return Err(Error::NothingAllowed { row: item.prompt, position: length - 1 });
                }
                complete.sort_by(|a, b| b.score.total_cmp(&a.score));
                results[item.prompt] = complete;
            }
            items = live;
            if items.is_empty() {
                break;
            }
            model.extend(&batch.parents, &batch.tokens)?;
        }
        Ok(results)
    }

    /// Moves every group of an item on by one token.
    fn step<S: Scorer + ?Sized>(
        &self,
        item: &mut Item,
        length: usize,
        model: &Checked<'_, S>,
        batch: &mut Batch,
    ) -> Result<(), Error<S::Error>> {
        let mut taken: Vec<u32> = Vec::new();
        for group in item.groups.iter_mut().filter(|group| !group.open.is_empty()) {
            if self.beam.coverage_penalty != CoveragePenalty::None {
                for open in &mut group.open {
                    open.cover(&model.attention(open.row)?);
                }
            }
            let context = Context { sequence: &[], prompt_len: item.prompt_len, row: item.prompt };
            let candidates = self.candidates(&group.open, context, &taken, model);
            taken.extend(self.advance(group, &candidates, item.prompt_len, length, batch));
            if self.is_settled(group, length) {
                // The group's rows are at the end of the batch: take them back.
                batch.parents.truncate(batch.parents.len() - group.open.len());
                batch.tokens.truncate(batch.parents.len());
                group.open.clear();
            }
        }
        Ok(())
    }

    /// The best ways of going on, best first. Each parent has at most as many as there are end tokens among them that
    /// complete it: enough to fill the group again, unless conditions complete more.
    fn candidates<S: Scorer + ?Sized>(
        &self,
        group: &[Open],
        context: Context<'_>,
        taken: &[u32],
        model: &Checked<'_, S>,
    ) -> Vec<Candidate> {
        let mut best = Best::new((1 + self.stop.ends().len()) * self.beam.width / self.beam.groups);
        let mut changed = Vec::new();
        for (parent, open) in group.iter().enumerate() {
            let mut logits = model.row(open.row);
            // What no step changes is read where it is.
            if !(self.steps.is_empty() && self.beam.renormalise) {
                changed.clear();
                changed.extend_from_slice(logits);
            }
            let total = if changed.is_empty() {
                log_sum_exp(logits)
            } else {
                let total = self.process(&mut changed, Context { sequence: &open.sequence, ..context });
                logits = &changed;
                total
            };
            let penalty = |token: u32| match taken {
                [] => 0.0,
                _ => self.beam.diversity * taken.iter().filter(|&&other| other == token).count() as f64,
            };
            best.offer(parent, logits, open.log_prob, total, penalty);
        }
        best.candidates
    }

    /// Applies all steps; returns what to take from the logits for log probabilities.
    fn process(&self, logits: &mut [f32], context: Context<'_>) -> f64 {
        let before = if self.beam.renormalise { 0.0 } else { log_sum_exp(logits) };
        if before.is_finite() && before != 0.0 {
            logits.iter_mut().for_each(|logit| *logit = (f64::from(*logit) - before) as f32);
        }
        apply(&self.steps, context, logits);
        if self.beam.renormalise { log_sum_exp(logits) } else { 0.0 }
    }

    /// Moves a group on by one token: completes hypotheses and fills the group anew; at the limit with hypotheses that are
    /// complete as they are. Returns the tokens that it took, ends left out.
    fn advance(
        &self,
        group: &mut Group,
        candidates: &[Candidate],
        prompt_len: usize,
        length: usize,
        batch: &mut Batch,
    ) -> Vec<u32> {
        let (parents, mut taken, mut filled) = (std::mem::take(&mut group.open), Vec::new(), 0);
        for candidate in candidates {
            let parent = &parents[candidate.parent];
            let sequence = [&parent.sequence[..], &[candidate.token]].concat();
            let finish = self.stop.check(&sequence[prompt_len..]);
            if finish != Some(Finish::End) {
                taken.push(candidate.token);
            }
            filled += usize::from(matches!(finish, None | Some(Finish::Length)));
            if let Some(finish) = finish {
                let shown = sequence.len() - usize::from(finish == Finish::End);
                let tokens = sequence[prompt_len..shown].to_vec();
                let score = self.beam.length_penalty.score(candidate.log_prob, length)
                    + self.beam.coverage_penalty.score(&parent.coverage);
                let hypothesis = Hypothesis { tokens, finish, log_prob: candidate.log_prob, score };
                group.keep(hypothesis, self.beam.n_best / self.beam.groups);
            } else {
                let row = batch.parents.len();
                batch.parents.push(parent.row);
                batch.tokens.push(candidate.token);
                let coverage = parent.coverage.clone();
                group.open.push(Open { row, sequence, log_prob: candidate.log_prob, coverage });
            }
            if filled == self.beam.width / self.beam.groups {
                break;
            }
        }
        taken
    }

    /// Whether the open hypotheses, now of `length` tokens, no longer matter.
    fn is_settled(&self, group: &Group, length: usize) -> bool {
        let full = group.complete.len() == self.beam.n_best / self.beam.groups;
        let Some(worst) = group.complete.last().filter(|_| full) else {
            return false;
        };
        let best = group.open.iter().map(|open| open.log_prob).fold(f64::NEG_INFINITY, f64::max);
        let penalty = self.beam.length_penalty;
        let attainable = match self.beam.ending {
            Ending::First => return true,
            Ending::Estimate => penalty.score(best, length),
            // A log probability never rises, and the penalty is monotone in the length: the best that can
            // come is to end with the next token or at the limit, at no cost and with nothing left uncovered.
            Ending::Exact => penalty.score(best, length + 1).max(penalty.score(best, self.beam.max_tokens)),
        };
        attainable <= worst.score
    }
}

/// The best candidates so far, best first; of equal ones the first found.
struct Best {
    count: usize,
    candidates: Vec<Candidate>,
}

impl Best {
    fn new(count: usize) -> Self {
        Self { count, candidates: Vec::with_capacity(count + 1) }
    }

    /// Considers all ways of going on from one hypothesis: its `logits`, of which `total` makes log probabilities, and
    /// what a token loses in the ranking.
    fn offer(
        &mut self,
        parent: usize,
        logits: &[f32],
        before: f64,
        total: f64,
        penalty: impl Fn(u32) -> f64,
    ) {
        let mut lowest = f32::NEG_INFINITY;
        for (token, &logit) in logits.iter().enumerate() {
            // Most tokens fall behind here. Below the limit is below it before rounding too.
            if logit < lowest || logit == f32::NEG_INFINITY {
                continue;
            }
            let log_prob = before + (f64::from(logit) - total);
            let token = token as u32;
            let rank = log_prob - penalty(token);
            let full = self.candidates.len() == self.count;
            if full && self.candidates.last().is_some_and(|worst| rank <= worst.rank) {
                continue;
            }
            let place = self.candidates.partition_point(|other| other.rank >= rank);
            self.candidates.insert(place, Candidate { parent, token, log_prob, rank });
            self.candidates.truncate(self.count);
            if self.candidates.len() == self.count {
                let worst = self.candidates[self.count - 1].rank;
                lowest = ((worst - before + total) as f32).next_down().next_down();
            }
        }
    }
}

impl Item {
    fn new(prompt: usize, tokens: &[u32], groups: usize) -> Self {
        let open = || Open { row: prompt, sequence: tokens.to_vec(), log_prob: 0.0, coverage: Vec::new() };
        let groups = (0..groups).map(|_| Group { open: vec![open()], complete: Vec::new() }).collect();
        Self { prompt, prompt_len: tokens.len(), groups }
    }
}

impl Open {
    fn cover(&mut self, weights: &[f32]) {
        self.coverage.resize(weights.len(), 0.0);
        for (sum, &weight) in self.coverage.iter_mut().zip(weights) {
            *sum += f64::from(weight);
        }
    }
}

impl Group {
    /// Inserts by rank and keeps the best `count`.
    fn keep(&mut self, hypothesis: Hypothesis, count: usize) {
        let rank = self.complete.partition_point(|other| other.score >= hypothesis.score);
        self.complete.insert(rank, hypothesis);
        self.complete.truncate(count);
    }
}
