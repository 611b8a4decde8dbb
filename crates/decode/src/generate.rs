//! One token after the other: greedy search and sampling, in batches or as a stream.

use std::convert::Infallible;

use rand::Rng;

use crate::error::Error;
use crate::process::Context;
use crate::sampler::{Sampler, Sampling};
use crate::scorer::{Checked, Scorer, check_prompts};
use crate::softmax::log_sum_exp;
use crate::stop::{Finish, Stop};

/// A generated continuation of a prompt.
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
/// use decode::{Finish, Stop, greedy};
/// let mut model = Chain([[0.0; 3], [0.0, 0.0, 9.0], [9.0, 0.0, 0.0]]);  // 1 2 0 …
/// let out = &greedy(&mut model, &[vec![1]], &Stop::after(9).at(0))?[0];
/// assert_eq!((&out.tokens[..], out.finish), (&[2][..], Finish::End));
/// // Of two steps that are alike, the second of which chose the end token.
/// let step = 9.0 - (9_f64.exp() + 2.0).ln();
/// assert!((out.log_prob - 2.0 * step).abs() < 1e-9);
/// # Ok::<(), decode::Error<std::convert::Infallible>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The tokens after the prompt, without an end token.
    pub tokens: Vec<u32>,
    /// Why it ended.
    pub finish: Finish,
    /// Log probability (natural) of the tokens, and of the end token where one came, under the model's own
    /// distribution, before any processing.
    pub log_prob: f64,
}

/// A sequence in the making.
struct Row {
    prompt: usize,
    /// Prompt and generated tokens.
    sequence: Vec<u32>,
    prompt_len: usize,
    log_prob: f64,
}

impl Row {
    fn new(prompt: usize, tokens: &[u32]) -> Self {
        Self { prompt, sequence: tokens.to_vec(), prompt_len: tokens.len(), log_prob: 0.0 }
    }

    fn generated(&self) -> &[u32] {
        &self.sequence[self.prompt_len..]
    }

    fn context(&self) -> Context<'_> {
        Context { sequence: &self.sequence, prompt_len: self.prompt_len, row: self.prompt }
    }

    /// Chooses and appends the next token.
    fn advance<E, R: Rng + ?Sized>(
        &mut self,
        logits: &mut [f32],
        sampler: &Sampler,
        rng: &mut R,
    ) -> Result<u32, Error<E>> {
        let position = self.generated().len();
        let raw = logits.to_vec();
        let token = sampler
            .choose(self.context(), logits, rng)
            .ok_or(Error::NothingAllowed { row: self.prompt, position })?;
        self.log_prob += f64::from(raw[token as usize]) - log_sum_exp(&raw);
        self.sequence.push(token);
        Ok(token)
    }

    fn finished(self, finish: Finish) -> Generated {
        let mut tokens = self.sequence;
        tokens.drain(..self.prompt_len);
        if finish == Finish::End {
            tokens.pop();
        }
        Generated { tokens, finish, log_prob: self.log_prob }
    }
}

fn check_vocab<S: Scorer + ?Sized>(model: &S, sampler: &Sampler) -> Result<(), Error<S::Error>> {
    let (expected, found) = (sampler.vocab(), model.vocab());
    if expected == found { Ok(()) } else { Err(Error::Vocab { expected, found }) }
}

/// Continues every prompt by sampling, all in one batch; a finished sequence leaves the batch. Prompt `i`
/// draws from `rngs[i]`, so that its continuation does not depend on what else is in the batch.
///
/// ```
/// # use decode::Scorer;
/// # struct Fair;
/// # impl Scorer for Fair {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 2 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(vec![0.0; 2 * p.len()]);
/// #         Ok(())
/// #     }
/// #     fn extend(&mut self, p: &[usize], _: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(vec![0.0; 2 * p.len()]);
/// #         Ok(())
/// #     }
/// # }
/// use decode::{Sampler, Sampling, Stop, generate};
/// use rand::SeedableRng;
/// use rand_chacha::ChaCha8Rng;
///
/// let mut model = Fair;                               // a coin: two tokens, equally likely
/// let sampler = Sampler::new(&Sampling::default(), 2)?;
/// let mut rngs = [1, 2].map(ChaCha8Rng::seed_from_u64);
/// let out = generate(&mut model, &[vec![0], vec![1]], &sampler, &Stop::after(8), &mut rngs)?;
/// assert_eq!(out[0].tokens.len(), 8);
/// assert!((out[0].log_prob - 8.0 * 0.5_f64.ln()).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Error`] lists. Nothing of a failed batch is returned.
///
/// # Panics
/// If there is not one generator per prompt.
pub fn generate<S: Scorer + ?Sized, R: Rng>(
    model: &mut S,
    prompts: &[Vec<u32>],
    sampler: &Sampler,
    stop: &Stop,
    rngs: &mut [R],
) -> Result<Vec<Generated>, Error<S::Error>> {
    assert!(
        rngs.len() == prompts.len(),
        "generate: {} random generators for {} prompts",
        rngs.len(),
        prompts.len()
    );
    check_vocab(model, sampler)?;
    let mut results: Vec<Option<Generated>> = prompts.iter().map(|_| None).collect();
    let mut rows: Vec<Row> = prompts.iter().enumerate().map(|(i, prompt)| Row::new(i, prompt)).collect();
    if stop.max_tokens() == 0 {
        check_prompts(prompts, model.vocab())?;
        return Ok(rows.into_iter().map(|row| row.finished(Finish::Length)).collect());
    }
    let mut model = Checked::start(model, prompts)?;
    while !rows.is_empty() {
        let (mut parents, mut tokens, mut live) = (Vec::new(), Vec::new(), Vec::new());
        for (parent, mut row) in rows.into_iter().enumerate() {
            let token = row.advance(model.row_mut(parent), sampler, &mut rngs[row.prompt])?;
            match stop.check(row.generated()) {
                Some(finish) => {
                    let prompt = row.prompt;
                    results[prompt] = Some(row.finished(finish));
                }
                None => {
                    parents.push(parent);
                    tokens.push(token);
                    live.push(row);
                }
            }
        }
        rows = live;
        if !rows.is_empty() {
            model.extend(&parents, &tokens)?;
        }
    }
    Ok(results.into_iter().flatten().collect())
}

/// Continues every prompt with the likeliest token at each step, all in one batch.
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
/// use decode::{Stop, greedy};
/// let mut model = Chain([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]);      // 0 1 2 0 1 2 …
/// let out = greedy(&mut model, &[vec![0], vec![2]], &Stop::after(3))?;
/// assert_eq!((&out[0].tokens[..], &out[1].tokens[..]), (&[1, 2, 0][..], &[0, 1, 2][..]));
/// # Ok::<(), decode::Error<std::convert::Infallible>>(())
/// ```
///
/// # Errors
/// As [`Error`] lists.
pub fn greedy<S: Scorer + ?Sized>(
    model: &mut S,
    prompts: &[Vec<u32>],
    stop: &Stop,
) -> Result<Vec<Generated>, Error<S::Error>> {
    let found = model.vocab();
    let sampler =
        Sampler::new(&Sampling::greedy(), found).map_err(|_| Error::Vocab { expected: 1, found })?;
    generate(model, prompts, &sampler, stop, &mut vec![Unused; prompts.len()])
}

/// Stands in for the generator that greedy choice never asks.
#[derive(Clone)]
struct Unused;

impl rand::TryRng for Unused {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}

/// One prompt continued token by token, as they are drawn: an iterator for streaming.
///
/// It ends after the last token; an end token is not given out. After an error it ends.
///
/// ```
/// # use decode::Scorer;
/// # struct Loop;
/// # impl Scorer for Loop {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 3 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         self.extend(&[0], &[*p[0].last().unwrap()], s)
/// #     }
/// #     fn extend(&mut self, _: &[usize], t: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend((0..3).map(|i| if i == (t[0] + 1) % 3 { 1.0 } else { 0.0 }));
/// #         Ok(())
/// #     }
/// # }
/// use decode::{Finish, Generator, Sampler, Sampling, Stop};
/// use rand::SeedableRng;
///
/// let mut model = Loop;                               // 0, 1, 2, 0, 1, 2, …
/// let sampler = Sampler::new(&Sampling::greedy(), 3)?;
/// let stop = Stop::after(5);
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let mut stream = Generator::new(&mut model, &[0], &sampler, &stop, &mut rng)?;
/// for token in &mut stream {
///     print!("{} ", token?);                          // 1 2 0 1 2
/// }
/// assert_eq!(stream.finish(), Some(Finish::Length));
/// assert_eq!(stream.generated(), [1, 2, 0, 1, 2]);
/// let step = 1.0 - (1_f64.exp() + 2.0).ln();          // of the five, each as likely
/// assert!((stream.log_prob() - 5.0 * step).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Generator<'a, S: Scorer + ?Sized, R: Rng + ?Sized> {
    model: Checked<'a, S>,
    sampler: &'a Sampler,
    stop: &'a Stop,
    rng: &'a mut R,
    row: Row,
    /// Chosen, but not yet read by the model: it is read only when another token is asked for.
    pending: Option<u32>,
    finish: Option<Finish>,
    failed: bool,
}

impl<'a, S: Scorer + ?Sized, R: Rng + ?Sized> Generator<'a, S, R> {
    /// Reads the prompt.
    ///
    /// # Errors
    /// As [`Error`] lists.
    pub fn new(
        model: &'a mut S,
        prompt: &[u32],
        sampler: &'a Sampler,
        stop: &'a Stop,
        rng: &'a mut R,
    ) -> Result<Self, Error<S::Error>> {
        check_vocab(model, sampler)?;
        let model = Checked::start(model, &[prompt.to_vec()])?;
        let finish = (stop.max_tokens() == 0).then_some(Finish::Length);
        let row = Row::new(0, prompt);
        Ok(Self { model, sampler, stop, rng, row, pending: None, finish, failed: false })
    }

    /// Why the stream ended; `None` while it goes on, or if it failed.
    pub fn finish(&self) -> Option<Finish> {
        self.finish
    }

    /// The tokens so far, after the prompt, with the end token if one came.
    pub fn generated(&self) -> &[u32] {
        self.row.generated()
    }

    /// Log probability of the tokens so far, as in [`Generated::log_prob`].
    pub fn log_prob(&self) -> f64 {
        self.row.log_prob
    }

    fn step(&mut self) -> Result<Option<u32>, Error<S::Error>> {
        if let Some(token) = self.pending.take() {
            self.model.extend(&[0], &[token])?;
        }
        let token = self.row.advance(self.model.row_mut(0), self.sampler, self.rng)?;
        self.finish = self.stop.check(self.row.generated());
        self.pending = Some(token);
        Ok((self.finish != Some(Finish::End)).then_some(token))
    }
}

impl<S: Scorer + ?Sized, R: Rng + ?Sized> Iterator for Generator<'_, S, R> {
    type Item = Result<u32, Error<S::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finish.is_some() || self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
