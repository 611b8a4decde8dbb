//! Training, epoch by epoch.

use std::ops::ControlFlow;

use super::execute::{Scratch, Shape, Worker};
use super::model::{Model, Position};
use super::plan::{Cursor, Plan, Planner};
use super::run::{Held, Outcome, Run, Start, Tally, mean};
use super::softmax::{self, Softmax};
use super::{Mode, Objective, Progress, Report, Word2Vec, fast, reproducible};
use crate::corpus::Corpus;
use crate::error::check;
use crate::matrix::Matrix;
use crate::random::Random;
use crate::vocab::Vocab;
use crate::{Error, Result};

/// A training run, one epoch at a time.
///
/// ```
/// use std::ops::ControlFlow;
/// use embed::word2vec::{Trainer, Word2Vec};
/// use embed::{Text, Vocab};
///
/// let text = "one two three four five six seven\n".repeat(300);
/// let settings = Word2Vec::skip_gram().dim(8).epochs(3).sample(0.0);
/// let vocab = Vocab::count(&Text(&text), &settings.vocab)?;
/// let mut trainer = Trainer::new(settings, vocab)?;
/// let mut losses = Vec::new();
/// while let Some(report) = trainer.epoch(&Text(&text), &mut |_| ControlFlow::Continue(()))? {
///     println!("{report}"); // epoch 1: loss 4.1527, 1035481 words/s
///     losses.push(report.loss);
/// }
/// assert!(losses[2] < losses[0]);
/// let vectors = trainer.into_model().into_vectors();
/// assert_eq!(vectors.len(), 7);
/// # Ok::<(), embed::Error>(())
/// ```
pub struct Trainer {
    settings: Word2Vec,
    vocab: Vocab,
    planner: Planner,
    input: Matrix,
    output: Matrix,
    position: Position,
    held: Vec<Held>,
}

impl Word2Vec {
    /// Counts the corpus and trains on it.
    ///
    /// # Errors
    /// If a setting is out of range, the corpus cannot be read or leaves no vocabulary or nothing to predict, or
    /// training diverges.
    pub fn train(&self, corpus: &(impl Corpus + ?Sized)) -> Result<Model> {
        self.validate()?;
        let vocab = Vocab::count(corpus, &self.vocab)?;
        let mut trainer = Trainer::new(self.clone(), vocab)?;
        while trainer.epoch(corpus, &mut |_| ControlFlow::Continue(()))?.is_some() {}
        Ok(trainer.into_model())
    }
}

impl Trainer {
    /// A new run: input rows uniform in `±1/dim`, output rows zero.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn new(settings: Word2Vec, vocab: Vocab) -> Result<Self> {
        settings.validate()?;
        let mut input = Matrix::zeros(input_rows(&settings, &vocab), settings.dim);
        for row in 0..input.rows() {
            initialise(settings.seed, row, input.row_mut(row));
        }
        let output = Matrix::zeros(output_rows(&settings, &vocab), settings.dim);
        let planner = Planner::new(&settings, &vocab);
        let (position, held) = Default::default();
        Ok(Self { settings, vocab, planner, input, output, position, held })
    }

    /// Trains a model further from its first epoch on, with new settings: another corpus, another rate, words that
    /// it [learned](Model::learn_words).
    ///
    /// # Errors
    /// If a setting is out of range, or differs in the length of vectors or in what the output rows stand for.
    pub fn further(mut model: Model, settings: Word2Vec) -> Result<Self> {
        settings.validate()?;
        let old = &model.settings;
        check("dim", settings.dim == old.dim, "that of the model", &settings.dim)?;
        let rows = |settings| output_rows(settings, &model.vocab);
        let found = format!("{:?}", settings.subwords);
        check("subwords", settings.subwords == old.subwords, "those of the model", &found)?;
        let found = format!("{:?}", settings.objective);
        check("objective", rows(&settings) == rows(old), "one with the same output rows", &found)?;
        model.settings = settings;
        model.position = Position::default();
        model.held.clear();
        Self::resume(model)
    }

    /// Goes on where a model's training was broken off, with the settings it had.
    ///
    /// # Errors
    /// If the model was changed so that its parts no longer fit.
    pub fn resume(model: Model) -> Result<Self> {
        let Model { settings, vocab, input, output, position, held } = model;
        settings.validate()?;
        let check = |what, rows: usize, data: &[f32]| {
            let expected = rows * settings.dim;
            if data.len() == expected {
                return Ok(());
            }
            Err(Error::Size { what, expected: expected as u64, found: data.len() as u64 })
        };
        check("values of the input matrix", input_rows(&settings, &vocab), &input)?;
        check("values of the output matrix", output_rows(&settings, &vocab), &output)?;
        let planner = Planner::new(&settings, &vocab);
        let input = Matrix::from_rows(&input, settings.dim);
        let output = Matrix::from_rows(&output, settings.dim);
        Ok(Self { settings, vocab, planner, input, output, position, held })
    }

    /// Trains the next epoch, or the rest of one that was broken off; `None` after the last.
    ///
    /// `progress` is called about ten times a second, and breaks off by [`ControlFlow::Break`] within
    /// milliseconds: the epoch's report then says so, and another call goes on there. In
    /// [`Mode::Reproducible`] the result is the same as without a break.
    ///
    /// # Errors
    /// If the corpus cannot be read, a vector is no longer finite, or after the last epoch nothing was ever predicted.
    pub fn epoch(
        &mut self,
        corpus: &(impl Corpus + ?Sized),
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Option<Report>> {
        let epoch = self.position.epoch;
        if epoch >= self.settings.epochs {
            return Ok(None);
        }
        let started = std::time::Instant::now();
        let words_before = self.position.words;
        let start = Start { epoch, blocks: self.position.blocks, words: words_before };
        let tally = Tally { loss: self.position.loss, pairs: self.position.pairs, ..Tally::default() };
        let run = Run::new(&self.settings, &self.vocab, &self.planner, corpus, start, tally)?;
        let threads = threads(&self.settings);
        if self.settings.objective == Objective::FullSoftmax {
            softmax::run(&run, &mut self.input, &mut self.output, progress);
        } else {
            let (dim, mode, bag) = (self.settings.dim, self.settings.mode, self.settings.bag());
            let shape = Shape::new(&mut self.input, &mut self.output, dim, bag);
            let train = if mode == Mode::Fast { fast::run } else { reproducible::run };
            train(&run, shape, threads, progress);
        }
        let Outcome { is_complete, blocks, words, tally } = run.finish()?;
        self.held.extend(tally.held);
        self.held.sort_by_key(|held| held.block);
        self.held.dedup_by_key(|held| held.block);
        self.position = Position { epoch, blocks, words, loss: tally.loss, pairs: tally.pairs };
        if is_complete {
            self.position = Position { epoch: epoch + 1, words, ..Position::default() };
            // Output rows begin as zeros, and the first prediction changes them.
            let is_untrained =
                || (0..self.output.rows()).all(|row| self.output.row(row).iter().all(|&x| x == 0.0));
            if tally.pairs == 0 && epoch + 1 == self.settings.epochs && is_untrained() {
                return Err(Error::NothingToPredict { words });
            }
        }
        self.check_finite()?;
        Ok(Some(Report {
            epoch,
            is_complete,
            loss: mean(tally.loss, tally.pairs),
            held_out: self.held_out_loss(),
            words: words - words_before,
            time: started.elapsed(),
        }))
    }

    /// Mean loss of the sentences held out so far, the same negative samples each time.
    fn held_out_loss(&mut self) -> Option<f64> {
        if self.held.is_empty() {
            return None;
        }
        let mut plan = Plan::default();
        for held in &self.held {
            let mut random = Random::of(self.settings.seed, u64::MAX - 1, held.block);
            let mut cursor = Cursor::default();
            self.planner.plan(&held.words, &held.ends, &mut cursor, usize::MAX, &mut random, &mut plan);
        }
        let (dim, bag) = (self.settings.dim, self.settings.bag());
        let (mut sum, mut pairs) = (0.0, 0);
        if self.settings.objective == Objective::FullSoftmax {
            let mut softmax = Softmax::new(bag, dim);
            for step in plan.steps() {
                let (loss, count) = softmax.step(step, &mut self.input, &mut self.output, None);
                (sum, pairs) = (sum + loss, pairs + count);
            }
        } else {
            let shape = Shape::new(&mut self.input, &mut self.output, dim, bag);
            let mut scratch = Scratch::new(1, shape.width);
            Worker::new(shape).measure(&plan, &mut scratch);
            (sum, pairs) = scratch.take_loss();
        }
        (pairs > 0).then(|| mean(sum, pairs))
    }

    fn check_finite(&self) -> Result<()> {
        let is_finite = |row: &[f32]| row.iter().all(|x| x.is_finite());
        match (0..self.input.rows()).find(|&row| !is_finite(self.input.row(row))) {
            Some(row) => {
                let is_word = row < self.vocab.len();
                let word = if is_word { self.vocab.words().word(row) } else { "(an n-gram)" };
                Err(Error::NotFinite { word: word.to_owned() })
            }
            None => Ok(()),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Word2Vec {
        &self.settings
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Words of the vocabulary read in all epochs so far, those thinned out too, and how many there will be.
    #[must_use]
    pub fn words(&self) -> (u64, u64) {
        (self.position.words, self.vocab.total() * self.settings.epochs as u64)
    }

    /// The vector of row `index` as it is now.
    ///
    /// # Panics
    /// If there is no such word.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        self.input.row(index)
    }

    /// The input and output matrices.
    #[cfg(test)]
    pub(super) fn matrices(&self) -> (&Matrix, &Matrix) {
        (&self.input, &self.output)
    }

    /// The model as it is now: finished, or to be [resumed](Self::resume).
    #[must_use]
    pub fn into_model(self) -> Model {
        Model {
            settings: self.settings,
            vocab: self.vocab,
            input: self.input.into_rows(),
            output: self.output.into_rows(),
            position: self.position,
            held: self.held,
        }
    }
}

/// Random numbers of a new word's row, uniform in `±1/dim` as gensim's and fastText's. word2vec.c's range is half as wide,
/// with which CBOW, whose means are shorter still, starts later and scores lower after few epochs.
pub(crate) fn initialise(seed: u64, row: usize, values: &mut [f32]) {
    let mut random = Random::of(seed, u64::MAX - 2, row as u64);
    let scale = 1.0 / values.len() as f32;
    values.iter_mut().for_each(|value| *value = (2.0 * random.unit() - 1.0) * scale);
}

/// A row for each word, and for each bucket of n-grams.
pub(crate) fn input_rows(settings: &Word2Vec, vocab: &Vocab) -> usize {
    vocab.len() + settings.subwords.map_or(0, |subwords| subwords.buckets as usize)
}

/// A row for each word, or for each inner node of its tree.
pub(crate) fn output_rows(settings: &Word2Vec, vocab: &Vocab) -> usize {
    vocab.len() - usize::from(settings.objective == Objective::HierarchicalSoftmax)
}

fn threads(settings: &Word2Vec) -> usize {
    if settings.threads == 0 { rayon::current_num_threads() } else { settings.threads }
}
