//! What a decoder needs to know of a model: scores of the next token.

use crate::error::Error;

/// A model of the next token, driven by a decoder.
///
/// The model holds a batch of hypotheses, one per row, with whatever it keeps for each: a recurrent state, a
/// key/value cache, the encoded source. The decoder says how the batch goes on: row `i` of the next batch is
/// row `parents[i]` of the last one with `tokens[i]` appended. So rows are dropped (a sequence has ended),
/// reordered and forked (beam search) without the decoder knowing what a row consists of, and each step
/// costs one token per row.
///
/// Scores are logits: any real numbers, larger is likelier, minus infinity forbids a token. They need not be
/// normalised.
///
/// An encoder-decoder encodes its sources when the scorer is made; prompt `i` then belongs to source `i`, and
/// is usually the start token alone.
///
/// ```
/// use decode::Scorer;
/// use std::convert::Infallible;
///
/// /// Counts upwards: after `t` comes `t + 1`.
/// struct Count {
///     last: Vec<u32>,
/// }
///
/// impl Count {
///     fn logits(&self, scores: &mut Vec<f32>) {
///         for &last in &self.last {
///             scores.extend((0..self.vocab() as u32).map(|t| if t == last + 1 { 0.0 } else { -9.0 }));
///         }
///     }
/// }
///
/// impl Scorer for Count {
///     type Error = Infallible;
///     fn vocab(&self) -> usize {
///         10
///     }
///     fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), Infallible> {
///         self.last = prompts.iter().map(|prompt| *prompt.last().unwrap()).collect();
///         self.logits(scores);
///         Ok(())
///     }
///     fn extend(
///         &mut self,
///         _parents: &[usize],
///         tokens: &[u32],
///         scores: &mut Vec<f32>,
///     ) -> Result<(), Infallible> {
///         self.last = tokens.to_vec();
///         self.logits(scores);
///         Ok(())
///     }
/// }
///
/// let out = decode::greedy(&mut Count { last: vec![] }, &[vec![3]], &decode::Stop::after(4)).unwrap();
/// assert_eq!(out[0].tokens, [4, 5, 6, 7]);
/// ```
pub trait Scorer {
    /// What can go wrong in the model.
    type Error: std::error::Error + 'static;

    /// Number of tokens: ids are `0..vocab`.
    fn vocab(&self) -> usize;

    /// Begins a batch, forgetting the last one: a row for each prompt. Prompts may differ in length; each has
    /// at least one token, and every token is below `vocab`. Appends the scores of the token that follows
    /// each prompt to `scores`, `(prompts, vocab)` in row-major order.
    ///
    /// # Errors
    /// Whatever the model reports, such as a prompt longer than its context.
    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), Self::Error>;

    /// Goes on: the new row `i` is the old row `parents[i]` with `tokens[i]` appended. Both slices have the
    /// same length, at least 1; a parent may occur any number of times. Appends the scores of the next token
    /// of each new row to `scores`, `(rows, vocab)` in row-major order.
    ///
    /// # Errors
    /// Whatever the model reports, such as a sequence that outgrew its context.
    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>)
    -> Result<(), Self::Error>;

    /// Appends to `weights` how much `row` attended to each position of its source when its last scores were computed: one
    /// weight for each position, padding left out. `false`, the default, if the model does not tell; a coverage penalty
    /// cannot be used then.
    fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
        let _ = (row, weights);
        false
    }

    /// Appends to `state` the model's hidden state of the last token of `row`, `(hidden)`: the one that its last scores were
    /// computed from. `false`, the default, if the model does not tell; contrastive search cannot be used then.
    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        let _ = (row, state);
        false
    }
}

/// A pointer to a scorer is one.
macro_rules! forward {
    ($pointer:ty) => {
        impl<S: Scorer + ?Sized> Scorer for $pointer {
            type Error = S::Error;

            fn vocab(&self) -> usize {
                (**self).vocab()
            }

            fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), S::Error> {
                (**self).start(prompts, scores)
            }

            fn extend(
                &mut self,
                parents: &[usize],
                tokens: &[u32],
                scores: &mut Vec<f32>,
            ) -> Result<(), S::Error> {
                (**self).extend(parents, tokens, scores)
            }

            fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
                (**self).attention(row, weights)
            }

            fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
                (**self).hidden(row, state)
            }
        }
    };
}

forward!(&mut S);
forward!(Box<S>);

/// Checks that prompts have tokens, all of the vocabulary.
pub(crate) fn check_prompts<E>(prompts: &[Vec<u32>], vocab: usize) -> Result<(), Error<E>> {
    for (row, prompt) in prompts.iter().enumerate() {
        if prompt.is_empty() {
            return Err(Error::EmptyPrompt { row });
        }
        if let Some((position, &token)) = prompt.iter().enumerate().find(|(_, t)| **t as usize >= vocab) {
            return Err(Error::UnknownToken { row, position, token, vocab });
        }
    }
    Ok(())
}

/// A scorer with its last scores: checks what goes in and what comes out.
pub(crate) struct Checked<'m, S: Scorer + ?Sized> {
    model: &'m mut S,
    vocab: usize,
    scores: Vec<f32>,
}

impl<'m, S: Scorer + ?Sized> Checked<'m, S> {
    /// Checks the prompts and scores what follows them.
    pub(crate) fn start(model: &'m mut S, prompts: &[Vec<u32>]) -> Result<Self, Error<S::Error>> {
        let vocab = model.vocab();
        check_prompts(prompts, vocab)?;
        let mut checked = Self { model, vocab, scores: Vec::new() };
        if !prompts.is_empty() {
            checked.model.start(prompts, &mut checked.scores).map_err(Error::Model)?;
            checked.check(prompts.len())?;
        }
        Ok(checked)
    }

    /// See [`Scorer::extend`].
    pub(crate) fn extend(&mut self, parents: &[usize], tokens: &[u32]) -> Result<(), Error<S::Error>> {
        self.scores.clear();
        self.model.extend(parents, tokens, &mut self.scores).map_err(Error::Model)?;
        self.check(parents.len())
    }

    /// The scores of `row`, for changing: `(vocab)`.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.scores[row * self.vocab..(row + 1) * self.vocab]
    }

    /// The scores of `row`: `(vocab)`.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.scores[row * self.vocab..(row + 1) * self.vocab]
    }

    /// What `row` attended to.
    pub(crate) fn attention(&self, row: usize) -> Result<Vec<f32>, Error<S::Error>> {
        let mut weights = Vec::new();
        if !self.model.attention(row, &mut weights) {
            return Err(Error::NoAttention);
        }
        match weights.iter().position(|weight| !weight.is_finite()) {
            Some(position) => Err(Error::BadAttention { row, position, value: weights[position] }),
            None => Ok(weights),
        }
    }

    /// The hidden state of `row`.
    pub(crate) fn hidden(&self, row: usize) -> Result<Vec<f32>, Error<S::Error>> {
        let mut state = Vec::new();
        if !self.model.hidden(row, &mut state) {
            return Err(Error::NoHidden);
        }
        match state.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(Error::BadHidden { row, index, value: state[index] }),
            None => Ok(state),
        }
    }

    /// NaN and plus infinity cannot be ranked or normalised; better to stop here than to emit token 0.
    fn check(&self, rows: usize) -> Result<(), Error<S::Error>> {
        let expected = rows * self.vocab;
        if self.scores.len() != expected {
            return Err(Error::ScoreCount { expected, found: self.scores.len() });
        }
        match self.scores.iter().position(|score| score.is_nan() || *score == f32::INFINITY) {
            Some(at) => Err(Error::BadScore {
                row: at / self.vocab,
                token: (at % self.vocab) as u32,
                value: self.scores[at],
            }),
            None => Ok(()),
        }
    }
}
