//! From logits to one token.

use std::fmt;

use rand::{Rng, RngExt};

use crate::error::{ConfigError, require};
use crate::process::{
    Context, LogitBias, MinP, OccurrencePenalty, Process, RepetitionPenalty, Temperature, TopK, TopP,
    Typical, apply,
};
use crate::softmax::argmax;

/// How to draw a token. The default draws from the model's own distribution.
///
/// Settings apply in a fixed order: `bias`,
/// `repetition_penalty`, `frequency_penalty` and `presence_penalty`, further steps given with [`Sampler::with`],
/// `temperature`, `top_k`, `top_p`, `min_p`, `typical_p`.
/// Each step sees the distribution that the steps before left.
///
/// ```
/// use decode::{Context, Sampler, Sampling};
/// use rand::SeedableRng;
///
/// let sampling = Sampling { temperature: 0.8, top_k: 2, ..Sampling::default() };
/// let sampler = Sampler::new(&sampling, 3)?;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// let token = sampler.choose(Context::default(), &mut [0.3, 2.0, 1.9], &mut rng).unwrap();
/// assert!(token == 1 || token == 2);
/// # Ok::<(), decode::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Divides the logits. 0 takes the likeliest token that bias and penalty leave: greedy search.
    pub temperature: f32,
    /// Keeps this many of the likeliest tokens; 0 keeps all.
    pub top_k: usize,
    /// Keeps the likeliest tokens that together have this probability; 1 keeps all.
    pub top_p: f32,
    /// Keeps tokens at least this likely relative to the likeliest; 0 keeps all.
    pub min_p: f32,
    /// Keeps the tokens whose surprise is closest to the expected one and that together have this probability; 1 keeps all.
    pub typical_p: f32,
    /// Above 1 discourages tokens that occurred before; 1 does nothing.
    pub repetition_penalty: f32,
    /// Taken from the logit of a token for each time that it was generated before.
    pub frequency_penalty: f32,
    /// Taken from the logit of a token that was generated before.
    pub presence_penalty: f32,
    /// Added to the logits of single tokens; minus infinity forbids one.
    pub bias: Vec<(u32, f32)>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            bias: Vec::new(),
        }
    }
}

impl Sampling {
    /// Always the likeliest token.
    ///
    /// ```
    /// use decode::Sampling;
    /// assert_eq!(Sampling::greedy(), Sampling { temperature: 0.0, ..Sampling::default() });
    /// ```
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }
}

/// Chooses tokens as a [`Sampling`] says.
///
/// ```
/// use decode::process::NoRepeatNgram;
/// use decode::{Context, Sampler, Sampling};
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// let sampler = Sampler::new(&Sampling::greedy(), 3)?.with(NoRepeatNgram::new(1)?);
/// let mut next = |sequence: &[u32]| sampler.choose(Context::new(sequence), &mut [0.3, 2.0, 1.9], &mut rng);
/// assert_eq!((next(&[0]), next(&[1]), next(&[1, 2])), (Some(1), Some(2), Some(0)));
/// assert_eq!(next(&[0, 1, 2]), None);                                   // every token was there
/// # Ok::<(), decode::ConfigError>(())
/// ```
pub struct Sampler {
    vocab: usize,
    /// On the model's scores, greedy or not.
    adjust: Vec<Box<dyn Process>>,
    /// Shape of the distribution to draw from; `None` is greedy.
    shape: Option<Vec<Box<dyn Process>>>,
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler")
            .field("vocab", &self.vocab)
            .field("greedy", &self.shape.is_none())
            .finish_non_exhaustive()
    }
}

impl Sampler {
    /// A sampler for models with `vocab` tokens.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn new(sampling: &Sampling, vocab: usize) -> Result<Self, ConfigError> {
        require(vocab > 0, "vocab", "at least 1", vocab)?;
        let mut adjust: Vec<Box<dyn Process>> = Vec::new();
        if !sampling.bias.is_empty() {
            adjust.push(Box::new(LogitBias::new(&sampling.bias, vocab)?));
        }
        let penalty = RepetitionPenalty::new(sampling.repetition_penalty)?;
        if sampling.repetition_penalty != 1.0 {
            adjust.push(Box::new(penalty));
        }
        let penalty = OccurrencePenalty::new(sampling.frequency_penalty, sampling.presence_penalty)?;
        if sampling.frequency_penalty != 0.0 || sampling.presence_penalty != 0.0 {
            adjust.push(Box::new(penalty));
        }
        let (top_p, min_p) = (TopP::new(sampling.top_p)?, MinP::new(sampling.min_p)?);
        let typical = Typical::new(sampling.typical_p)?;
        if sampling.temperature == 0.0 {
            return Ok(Self { vocab, adjust, shape: None });
        }
        let mut shape: Vec<Box<dyn Process>> = vec![Box::new(Temperature::new(sampling.temperature)?)];
        if sampling.top_k > 0 {
            shape.push(Box::new(TopK::new(sampling.top_k)?));
        }
        if sampling.top_p < 1.0 {
            shape.push(Box::new(top_p));
        }
        if sampling.min_p > 0.0 {
            shape.push(Box::new(min_p));
        }
        if sampling.typical_p < 1.0 {
            shape.push(Box::new(typical));
        }
        Ok(Self { vocab, adjust, shape: Some(shape) })
    }

    /// Adds a step of your own, after bias and penalty and before temperature and truncation. It applies to
    /// greedy choice too.
    #[must_use]
    pub fn with(mut self, step: impl Process + 'static) -> Self {
        self.adjust.push(Box::new(step));
        self
    }

    /// Number of tokens of the models this sampler is for.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// The token that follows the sequence, given the model's scores of it, which are changed on the way;
    /// `None` if every token is forbidden. Greedy choice takes the lowest id among equals and draws no random
    /// number; otherwise exactly one is drawn.
    ///
    /// # Panics
    /// If `logits` does not have one score per token, or one of them is NaN or plus infinity, or becomes so by a step that
    /// was added.
    #[track_caller]
    pub fn choose<R: Rng + ?Sized>(
        &self,
        context: Context<'_>,
        logits: &mut [f32],
        rng: &mut R,
    ) -> Option<u32> {
        assert!(
            logits.len() == self.vocab,
            "choose: {} scores for a sampler over {} tokens",
            logits.len(),
            self.vocab
        );
        apply(&self.adjust, context, logits);
        let Some(shape) = &self.shape else {
            return argmax(logits).map(|token| token as u32);
        };
        for step in shape {
            step.process(context, logits);
        }
        draw(logits, rng.random::<f64>()).map(|token| token as u32)
    }
}

/// The token at the fraction `at` (in `[0, 1)`) of the cumulative softmax distribution.
fn draw(logits: &[f32], at: f64) -> Option<usize> {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let weight = |logit: f32| (f64::from(logit) - max).exp();
    let mut left = at * logits.iter().map(|&logit| weight(logit)).sum::<f64>();
    let mut last = None;
    for (token, &logit) in logits.iter().enumerate() {
        // Infinite minus infinite is NaN: a forbidden token is no candidate, even where all are.
        if logit == f32::NEG_INFINITY {
            continue;
        }
        last = Some(token);
        left -= weight(logit);
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn frequencies_match_the_softmax() {
        let logits = [0.0_f32, 1.0, -1.0, 2.0, f32::NEG_INFINITY, 0.5];
        let temperature = 1.3;
        let sampler = Sampler::new(&Sampling { temperature, ..Sampling::default() }, 6).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let draws = 60_000;
        let mut counts = [0_usize; 6];
        for _ in 0..draws {
            counts[sampler.choose(Context::default(), &mut logits.clone(), &mut rng).unwrap() as usize] += 1;
        }
        let weights = logits.map(|logit| (f64::from(logit) / f64::from(temperature)).exp());
        let total: f64 = weights.iter().sum();
        assert_eq!(counts[4], 0);
        let chi_square: f64 = (0..6)
            .filter(|&t| t != 4)
            .map(|t| {
                let expected = draws as f64 * weights[t] / total;
                (counts[t] as f64 - expected).powi(2) / expected
            })
            .sum();
        // The 99.99 % quantile with four degrees of freedom is 23.5.
        assert!(chi_square < 23.5, "chi square {chi_square}, counts {counts:?}");
    }

    #[test]
    fn order_of_steps() {
        // Top-k after temperature and bias: the biased token survives, and a forbidden one never returns.
        let sampling =
            Sampling { top_k: 1, bias: vec![(2, 5.0), (0, f32::NEG_INFINITY)], ..Sampling::default() };
        let sampler = Sampler::new(&sampling, 3).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        assert_eq!(sampler.choose(Context::default(), &mut [9.0, 1.0, 0.0], &mut rng), Some(2));
    }

    #[test]
    fn bad_settings_are_named() {
        let default = Sampling::default;
        let setting = |sampling: Sampling| Sampler::new(&sampling, 4).unwrap_err().setting;
        assert_eq!(setting(Sampling { temperature: -1.0, ..default() }), "temperature");
        assert_eq!(setting(Sampling { temperature: f32::NAN, ..default() }), "temperature");
        assert_eq!(setting(Sampling { top_p: 0.0, ..default() }), "top_p");
        assert_eq!(setting(Sampling { min_p: 2.0, ..default() }), "min_p");
        assert_eq!(setting(Sampling { typical_p: 0.0, ..default() }), "typical_p");
        assert_eq!(setting(Sampling { presence_penalty: f32::NAN, ..default() }), "presence_penalty");
        assert_eq!(setting(Sampling { repetition_penalty: 0.0, ..default() }), "repetition_penalty");
        assert_eq!(setting(Sampling { bias: vec![(4, 1.0)], ..default() }), "bias");
        assert_eq!(setting(Sampling { bias: vec![(0, f32::NAN)], ..default() }), "bias");
        assert_eq!(Sampler::new(&default(), 0).unwrap_err().setting, "vocab");
    }

    #[test]
    #[should_panic(expected = "the score of token 1 is NaN")]
    fn a_score_that_is_no_number_is_not_drawn() {
        let sampler = Sampler::new(&Sampling::default(), 3).unwrap();
        sampler.choose(Context::default(), &mut [0.0, f32::NAN, 1.0], &mut ChaCha8Rng::seed_from_u64(0));
    }

    proptest! {
        #[test]
        fn greedy_is_the_limit_of_low_temperature(
            logits in prop::collection::vec(-50.0_f32..50.0, 1..30),
            seed in any::<u64>(),
        ) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let greedy = Sampler::new(&Sampling::greedy(), logits.len()).unwrap();
            let cold = Sampling { temperature: f32::MIN_POSITIVE, ..Sampling::default() };
            let cold = Sampler::new(&cold, logits.len()).unwrap();
            let expected = greedy.choose(Context::default(), &mut logits.clone(), &mut rng).unwrap();
            let found = cold.choose(Context::default(), &mut logits.clone(), &mut rng).unwrap();
            prop_assert_eq!(logits[expected as usize], logits[found as usize]);
        }

        #[test]
        fn nothing_allowed_is_none(vocab in 1_usize..9, temperature in 0.0_f32..2.0, top_k in 0_usize..3) {
            let sampling = Sampling { temperature, top_k, top_p: 0.5, min_p: 0.1, ..Sampling::default() };
            let sampler = Sampler::new(&sampling, vocab).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(0);
            prop_assert_eq!(sampler.choose(Context::default(), &mut vec![f32::NEG_INFINITY; vocab], &mut rng), None);
        }
    }
}
