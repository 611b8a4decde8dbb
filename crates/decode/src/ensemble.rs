//! Several models decoding as one.

use crate::error::{ConfigError, require};
use crate::scorer::Scorer;
use crate::softmax::log_sum_exp;

/// What is averaged over the models of an [`Ensemble`].
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
/// use decode::{Averaging, Ensemble, Stop, greedy};
/// const NEVER: f32 = f32::NEG_INFINITY;
/// let rows = [[0.9_f32.ln(), 0.1_f32.ln(), NEVER], [NEVER, 0.1_f32.ln(), 0.9_f32.ln()]];
/// let mut first = |averaging| -> Result<u32, Box<dyn std::error::Error>> {
///     let mut ensemble = Ensemble::new(rows.map(|row| Chain([row; 3])).into(), averaging)?;
///     Ok(greedy(&mut ensemble, &[vec![1]], &Stop::after(1))?[0].tokens[0])
/// };
/// assert_eq!(first(Averaging::LogProbabilities)?, 1);                   // the only token that both allow
/// assert_eq!(first(Averaging::Probabilities)?, 0);                      // 0.45, 0.1, 0.45
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Averaging {
    /// Log probabilities: a token that one model forbids is forbidden.
    LogProbabilities,
    /// Probabilities: a token is likely if one model finds it so.
    Probabilities,
}

/// Models of one vocabulary whose predictions are averaged, all alike. A scorer itself, so that every decoder takes it.
///
/// ```
/// # use decode::Scorer;
/// # struct Fixed([f32; 2]);
/// # impl Scorer for Fixed {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 2 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(p.iter().flat_map(|_| self.0));
/// #         Ok(())
/// #     }
/// #     fn extend(&mut self, p: &[usize], _: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(p.iter().flat_map(|_| self.0));
/// #         Ok(())
/// #     }
/// # }
/// use decode::{Averaging, Ensemble, Stop, greedy};
///
/// let models = vec![Fixed([2.0, 0.0]), Fixed([0.0, 0.5]), Fixed([0.0, 0.5])];
/// let mut ensemble = Ensemble::new(models, Averaging::LogProbabilities)?;
/// assert_eq!(greedy(&mut ensemble, &[vec![1]], &Stop::after(1))?[0].tokens, [0]);     // the one that is sure decides
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ensemble<S> {
    models: Vec<S>,
    averaging: Averaging,
}

impl<S: Scorer> Ensemble<S> {
    /// An ensemble of these models. Models of different types become one by [`any`](crate::any).
    ///
    /// # Errors
    /// If there is no model, or they have different numbers of tokens.
    pub fn new(models: Vec<S>, averaging: Averaging) -> Result<Self, ConfigError> {
        require(!models.is_empty(), "models", "at least 1", models.len())?;
        let vocab = models[0].vocab();
        for model in &models {
            require(model.vocab() == vocab, "models", "of one vocabulary", model.vocab())?;
        }
        Ok(Self { models, averaging })
    }

    /// Scores of each model by `run`, averaged.
    fn average(
        &mut self,
        scores: &mut Vec<f32>,
        run: impl Fn(&mut S, &mut Vec<f32>) -> Result<(), S::Error>,
    ) -> Result<(), S::Error> {
        let vocab = self.vocab();
        let mut all = Vec::with_capacity(self.models.len());
        for model in &mut self.models {
            let mut own = Vec::new();
            run(model, &mut own)?;
            for row in own.chunks_mut(vocab.max(1)) {
                let total = log_sum_exp(row);
                // A row without any token allowed stays so; NaN stays NaN, which the decoder reports.
                if total > f64::NEG_INFINITY || total.is_nan() {
                    row.iter_mut().for_each(|score| *score = (f64::from(*score) - total) as f32);
                }
            }
            all.push(own);
        }
        // Where they differ in number there are none, which the decoder reports.
        let count = if all.iter().all(|own| own.len() == all[0].len()) { all[0].len() } else { 0 };
        let share = 1.0 / all.len() as f32;
        let mut column = Vec::with_capacity(all.len());
        scores.extend((0..count).map(|i| {
            let values = all.iter().map(|own| own[i]);
            match self.averaging {
                Averaging::LogProbabilities => values.map(|value| value * share).sum(),
                Averaging::Probabilities => {
                    // As logarithms: the probabilities may be too small for numbers of their own.
                    column.clear();
                    column.extend(values);
                    (log_sum_exp(&column) + f64::from(share).ln()) as f32
                }
            }
        }));
        Ok(())
    }
}

impl<S: Scorer> Scorer for Ensemble<S> {
    type Error = S::Error;

    fn vocab(&self) -> usize {
        self.models[0].vocab()
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), S::Error> {
        self.average(scores, |model, own| model.start(prompts, own))
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), S::Error> {
        self.average(scores, |model, own| model.extend(parents, tokens, own))
    }

    /// The mean of the models' attention, if all tell it.
    fn attention(&self, row: usize, weights: &mut Vec<f32>) -> bool {
        let mut mean: Vec<f32> = Vec::new();
        for model in &self.models {
            let mut own = Vec::new();
            if !model.attention(row, &mut own) {
                return false;
            }
            mean.resize(own.len().max(mean.len()), 0.0);
            mean.iter_mut().zip(&own).for_each(|(sum, weight)| *sum += weight / self.models.len() as f32);
        }
        weights.extend(mean);
        true
    }

    /// The models' hidden states one behind the other, if all tell them.
    fn hidden(&self, row: usize, state: &mut Vec<f32>) -> bool {
        let before = state.len();
        let told = self.models.iter().all(|model| model.hidden(row, state));
        if !told {
            state.truncate(before);
        }
        told
    }
}
