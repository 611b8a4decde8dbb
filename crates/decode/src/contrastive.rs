//! Contrastive search: likely, but not like what was said before.

use std::fmt;

use crate::error::{ConfigError, Error, require};
use crate::generate::Generated;
use crate::process::{Context, Process, apply};
use crate::scorer::{Checked, Scorer};
use crate::softmax::{log_sum_exp, top};
use crate::stop::{Finish, Stop};

/// Settings of contrastive search.
///
/// ```
/// use decode::{Contrastive, ContrastiveSearch};
/// let error = ContrastiveSearch::new(&Contrastive { top_k: 0, alpha: 0.6 }).unwrap_err();
/// assert_eq!(error.to_string(), "top_k must be at least 1, found 0");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrastive {
    /// How many of the likeliest tokens are candidates; with 1 it is greedy search.
    pub top_k: usize,
    /// Weight of the penalty, from 0 (greedy search) to 1.
    pub alpha: f32,
}

/// Contrastive search (Su et al. 2022): deterministic, without the loops of greedy search. Of the `top_k` likeliest tokens `v`
/// it takes the one with the largest
///
/// `(1 − α) · p(v) − α · max over earlier positions j of cos(h_v, h_j)`,
///
/// where `h` are the model's hidden states, the prompt's included. The model must tell them: see
/// [`Scorer::hidden`]. Each step costs `top_k` rows.
///
/// ```
/// use decode::{Contrastive, ContrastiveSearch};
/// assert!(ContrastiveSearch::new(&Contrastive { top_k: 4, alpha: 0.6 }).is_ok());
/// assert!(ContrastiveSearch::new(&Contrastive { top_k: 4, alpha: 1.5 }).is_err());
/// ```
pub struct ContrastiveSearch {
    settings: Contrastive,
    steps: Vec<Box<dyn Process>>,
}

impl fmt::Debug for ContrastiveSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContrastiveSearch").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Hidden states of the sequence so far, each of length 1.
struct Past(Vec<Vec<f32>>);

impl Past {
    fn add(&mut self, state: Vec<f32>) {
        self.0.push(unit(state));
    }

    /// The largest cosine of a state with those of the past.
    fn similarity(&self, state: &[f32]) -> f32 {
        let cosine = |other: &Vec<f32>| other.iter().zip(state).map(|(a, b)| a * b).sum::<f32>();
        self.0.iter().map(cosine).fold(f32::NEG_INFINITY, f32::max)
    }
}

/// Scaled to the length 1; a state of zeros stays, and is like no other.
fn unit(mut state: Vec<f32>) -> Vec<f32> {
    let length = state.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        state.iter_mut().for_each(|x| *x /= length);
    }
    state
}

impl ContrastiveSearch {
    /// A search with these settings.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn new(settings: &Contrastive) -> Result<Self, ConfigError> {
        require(settings.top_k > 0, "top_k", "at least 1", settings.top_k)?;
        require((0.0..=1.0).contains(&settings.alpha), "alpha", "between 0 and 1", settings.alpha)?;
        Ok(Self { settings: *settings, steps: Vec::new() })
    }

    /// Adds a step on the logits before the candidates are chosen.
    #[must_use]
    pub fn with(mut self, step: impl Process + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// The continuation of a prompt, which the model reads token by token, because each token's state is needed.
    ///
    /// ```
    /// use decode::{Contrastive, ContrastiveSearch, Scorer, Stop};
    /// /// Likes 1 better than 2 whatever came; its state says which token was last.
    /// struct Echo(Vec<u32>);
    /// # impl Echo {
    /// #     fn score(rows: usize, scores: &mut Vec<f32>) {
    /// #         scores.extend([-9.0, 0.2, 0.0].repeat(rows));
    /// #     }
    /// # }
    /// impl Scorer for Echo {
    /// #     type Error = std::convert::Infallible;
    /// #     fn vocab(&self) -> usize { 3 }
    /// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
    /// #         self.0 = p.iter().map(|p| p[p.len() - 1]).collect();
    /// #         Ok(Self::score(p.len(), s))
    /// #     }
    /// #     fn extend(&mut self, _: &[usize], t: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
    /// #         self.0 = t.to_vec();
    /// #         Ok(Self::score(t.len(), s))
    /// #     }
    ///     fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
    ///         state.extend(if self.0[row] == 1 { [1.0, 0.0] } else { [0.0, 1.0] });
    ///         true
    ///     }
    ///     // …
    /// }
    /// let best = |alpha| -> Result<Vec<u32>, Box<dyn std::error::Error>> {
    ///     let search = ContrastiveSearch::new(&Contrastive { top_k: 2, alpha })?;
    ///     Ok(search.run(&mut Echo(Vec::new()), &[1], &Stop::after(1))?.tokens)
    /// };
    /// assert_eq!(best(0.0)?, [1]);
    /// assert_eq!(best(0.6)?, [2]);                                          // 1 would be like the prompt
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Error`] lists; [`Error::NoHidden`] if the model does not tell its states.
    pub fn run<S: Scorer + ?Sized>(
        &self,
        model: &mut S,
        prompt: &[u32],
        stop: &Stop,
    ) -> Result<Generated, Error<S::Error>> {
        let vocab = model.vocab();
        if let Some(position) = prompt.iter().position(|&token| token as usize >= vocab) {
            return Err(Error::UnknownToken { row: 0, position, token: prompt[position], vocab });
        }
        let (first, rest) = prompt.split_at(prompt.len().min(1));
        let mut model = Checked::start(model, &[first.to_vec()])?;
        let mut past = Past(vec![]);
        past.add(model.hidden(0)?);
        for &token in rest {
            model.extend(&[0], &[token])?;
            past.add(model.hidden(0)?);
        }
        let (mut sequence, mut log_prob, mut row) = (prompt.to_vec(), 0.0, 0);
        loop {
            if let Some(finish) = stop.check(&sequence[prompt.len()..]) {
                let mut tokens = sequence.split_off(prompt.len());
                if finish == Finish::End {
                    tokens.pop();
                }
                return Ok(Generated { tokens, finish, log_prob });
            }
            let context = Context { sequence: &sequence, prompt_len: prompt.len(), row: 0 };
            let raw = model.row(row).to_vec();
            let candidates = self.candidates(&raw, context);
            if candidates.is_empty() {
                return Err(Error::NothingAllowed { row: 0, position: sequence.len() - prompt.len() });
            }
            let tokens: Vec<u32> = candidates.iter().map(|&(token, _)| token).collect();
            model.extend(&vec![row; tokens.len()], &tokens)?;
            let mut best: Option<(f32, Vec<f32>)> = None;
            for (candidate, &(_, probability)) in candidates.iter().enumerate() {
                let state = unit(model.hidden(candidate)?);
                let alpha = self.settings.alpha;
                let value = (1.0 - alpha) * probability - alpha * past.similarity(&state);
                if best.as_ref().is_none_or(|(highest, _)| value > *highest) {
                    best = Some((value, state));
                    row = candidate;
                }
            }
            past.0.extend(best.map(|(_, state)| state));
            log_prob += f64::from(raw[tokens[row] as usize]) - log_sum_exp(&raw);
            sequence.push(tokens[row]);
        }
    }

    /// The likeliest tokens after all steps, and their probabilities.
    fn candidates(&self, raw: &[f32], context: Context<'_>) -> Vec<(u32, f32)> {
        let mut logits = raw.to_vec();
        apply(&self.steps, context, &mut logits);
        let total = log_sum_exp(&logits);
        let probability = |token: usize| (f64::from(logits[token]) - total).exp() as f32;
        let likeliest = top(&logits, self.settings.top_k).into_iter();
        likeliest.map(|token| (token as u32, probability(token))).collect()
    }
}
