//! Settings found by trying.

use std::time::{Duration, Instant};

use super::{Classifier, FastText, Scores};
use crate::random::Random;
use crate::{Error, Result};

/// A search for the settings of a classifier within a budget.
///
/// The first trial is of the settings given; then each is a change of the best so far, large at first and smaller
/// later: learning rate, epochs, dimension, n-grams of words and of characters. The score is F₁ of the likeliest label
/// on texts held out.
///
/// ```
/// use embed::fasttext::{Autotune, Budget, Classifier};
///
/// let lines: Vec<String> = (0..60)
///     .flat_map(|i| [format!("__label__up it rose and rose {i}"), format!("__label__down it fell and fell {i}")])
///     .collect();
/// let (train, valid) = lines.split_at(80);
/// let start = Classifier { dim: 8, epochs: 1, buckets: 1000, ..Classifier::default() };
/// let tuned = Autotune { start, budget: Budget::Trials(5), seed: 1 }.run(train, valid)?;
/// assert_eq!(tuned.trials.len(), 5);
/// assert!(tuned.scores.f1() >= tuned.trials[0].scores.f1());
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Autotune {
    /// Settings to begin with; those that are not searched are kept.
    pub start: Classifier,
    /// How long to search. The first trial is finished whatever it takes.
    pub budget: Budget,
    /// Where the changes come from.
    pub seed: u64,
}

/// How long a search goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// Until the time is up. A trial still under way then is dropped.
    Time(Duration),
    /// So many trials: with classifiers in the [reproducible mode](crate::word2vec::Mode::Reproducible), the same
    /// settings from the same seed, on any machine.
    Trials(usize),
}

impl Budget {
    /// The share that is left, zero at the end.
    fn left(self, begun: Instant, trials: usize) -> f64 {
        let share = match self {
            Self::Time(time) => begun.elapsed().as_secs_f64() / time.as_secs_f64().max(1e-9),
            Self::Trials(all) => trials as f64 / all.max(1) as f64,
        };
        (1.0 - share).max(0.0)
    }
}

/// Settings tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The settings.
    pub settings: Classifier,
    /// How good they were on the texts held out.
    pub scores: Scores,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The best model.
    pub model: FastText,
    /// Its settings.
    pub settings: Classifier,
    /// Its scores.
    pub scores: Scores,
    /// All trials, in order.
    pub trials: Vec<Trial>,
}

impl Autotune {
    /// Searches with lines to train on and lines held out.
    ///
    /// # Errors
    /// As [`Classifier::train`], for the first trial; later ones that fail are dropped.
    pub fn run<S: AsRef<str> + Sync>(&self, train: &[S], valid: &[S]) -> Result<Tuned> {
        let begun = Instant::now();
        let deadline = match self.budget {
            Budget::Time(time) => begun.checked_add(time),
            Budget::Trials(_) => None,
        };
        let model = self.start.train(train)?;
        let scores = model.test(valid, 1)?;
        if scores.texts == 0 {
            let what = "autotune (texts held out with known labels)";
            return Err(Error::TooFewWords { what, least: 1, found: 0 });
        }
        let first = Trial { settings: self.start.clone(), scores };
        let mut best = Tuned { model, settings: self.start.clone(), scores, trials: vec![first] };
        let mut random = Random::of(self.seed, u64::MAX - 4, 0);
        for trial in 1.. {
            let left = self.budget.left(begun, trial);
            if left == 0.0 {
                break;
            }
            let settings = changed(&best.settings, left.max(0.1), &mut random);
            let Ok((model, is_late)) = settings.train_until(train, deadline) else { continue };
            if is_late {
                break;
            }
            let scores = model.test(valid, 1)?;
            best.trials.push(Trial { settings: settings.clone(), scores });
            if scores.f1() > best.scores.f1() {
                best = Tuned { model, settings, scores, trials: best.trials };
            }
        }
        Ok(best)
    }
}

/// Settings near others: numbers times a power of two that is normal about zero, choices drawn anew at times.
fn changed(from: &Classifier, spread: f64, random: &mut Random) -> Classifier {
    let mut normal = || (0..12).map(|_| f64::from(random.unit())).sum::<f64>() - 6.0;
    let mut scale = |x: f64, low: f64, high: f64| (x * (2.0 * spread * normal()).exp2()).clamp(low, high);
    let rate = scale(f64::from(from.rate), 0.01, 5.0) as f32;
    let epochs = scale(from.epochs as f64, 1.0, 100.0).round() as usize;
    let dim = scale(from.dim as f64, 4.0, 500.0).round() as usize;
    let mut draw = |options: u32| random.below(options) as usize;
    let is_drawn_anew = draw(2) == 0;
    let word_ngrams = if is_drawn_anew { 1 + draw(5) } else { from.word_ngrams };
    let is_drawn_anew = draw(2) == 0;
    let chars = if is_drawn_anew { [(0, 0), (2, 5), (3, 6)][draw(3)] } else { from.chars };
    Classifier { rate, epochs, dim, word_ngrams, chars, ..from.clone() }
}
