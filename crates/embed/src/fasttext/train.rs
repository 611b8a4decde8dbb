//! Training a classifier (Joulin et al. 2017).
//!
//! A text is the mean `h` of the rows `vᵢ` of its `n` words, n-grams of words and n-grams of characters. With the
//! softmax `pⱼ` over scores `h·uⱼ`, the loss of label `c` is `−ln p_c`, with derivatives `∂L/∂uⱼ = eⱼ h` and
//! `∂L/∂vᵢ = (1/n) Σⱼ eⱼ uⱼ`, `eⱼ = pⱼ − [j = c]`. A step of rate `α` is
//!
//! ```text
//! vᵢ ← vᵢ − (α/n) Σⱼ eⱼ uⱼ       with the rows uⱼ before the step
//! uⱼ ← uⱼ − α eⱼ h
//! ```
//!
//! With the other losses the sum goes over what is told apart: a label and some others drawn, all labels each by
//! itself, or the turns on the way to the label; there `eⱼ = σ(h·uⱼ) − yⱼ`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::dictionary::{END, LABEL, tokens};
use super::reproducible;
use super::step::{Step, Targets};
use super::{Dictionary, FastText, Kind, Matrix, Settings};
use crate::error::check;
use crate::matrix;
use crate::random::Random;
use crate::word2vec::{Mode, initialise};
use crate::{Error, Result, Words};

/// How labels are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// One label to a text, from all.
    Softmax,
    /// The turns on the way to the label in its Huffman tree: quick with very many labels.
    Hierarchical,
    /// The label from a few others drawn.
    NegativeSampling,
    /// Each label by itself: a text may have any number.
    OneVsAll,
}

/// Settings of a classifier; the defaults are fastText's.
///
/// ```
/// use embed::fasttext::Classifier;
///
/// let lines: Vec<String> = (0..40)
///     .flat_map(|i| [format!("__label__good what a fine day {i}"), format!("__label__bad such a bleak day {i}")])
///     .collect();
/// let model = Classifier { dim: 10, rate: 0.5, epochs: 10, ..Classifier::default() }.train(&lines)?;
/// assert_eq!(model.predict("a fine evening", 1)?[0].label, "__label__good");
/// assert_eq!(model.test(&lines, 1)?.precision, 1.0);
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classifier {
    /// Length of a vector. Default 100.
    pub dim: usize,
    /// Learning rate at the start; it falls to zero. Default 0.1.
    pub rate: f32,
    /// Passages through the texts. Default 5.
    pub epochs: usize,
    /// Words that occur fewer times are left out. Default 1.
    pub min_count: u64,
    /// Longest n-grams of words. Default 1.
    pub word_ngrams: usize,
    /// Shortest and longest n-grams of characters; none if the longest is 0. Default none.
    pub chars: (usize, usize),
    /// Number of vectors that n-grams share. Default 2,000,000; none are made where there are no n-grams.
    pub buckets: u32,
    /// How labels are told apart. Default softmax.
    pub loss: Loss,
    /// Other labels drawn, with [`Loss::NegativeSampling`]. Default 5.
    pub negatives: usize,
    /// How threads share the work. In fast mode the same seed gives the same bits with one thread only. Default
    /// [`Mode::Fast`].
    #[serde(default)]
    pub mode: Mode,
    /// Number of threads; zero for as many as rayon's current pool has. Default zero.
    pub threads: usize,
    /// Where all randomness comes from. Default 0.
    pub seed: u64,
}

impl Default for Classifier {
    fn default() -> Self {
        Self {
            dim: 100,
            rate: 0.1,
            epochs: 5,
            min_count: 1,
            word_ngrams: 1,
            chars: (0, 0),
            buckets: 2_000_000,
            loss: Loss::Softmax,
            negatives: 5,
            mode: Mode::Fast,
            threads: 0,
            seed: 0,
        }
    }
}

/// A text and its labels, as rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    pub(super) rows: Vec<u32>,
    pub(super) labels: Vec<u32>,
}

impl Classifier {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first that is out of range.
    pub fn validate(&self) -> Result<()> {
        check("dim", (1..=1 << 16).contains(&self.dim), "1 to 65536", &self.dim)?;
        check("rate", self.rate > 0.0 && self.rate.is_finite(), "more than 0", &self.rate)?;
        check("word_ngrams", (1..=16).contains(&self.word_ngrams), "1 to 16", &self.word_ngrams)?;
        let (min, max) = self.chars;
        check("chars", max == 0 || (1..=max).contains(&min) && max <= 64, "1 to 64 or none", &max)?;
        check("buckets", (1..=1 << 30).contains(&self.buckets), "1 to 2³⁰", &self.buckets)?;
        check("threads", self.threads <= 4096, "at most 4096", &self.threads)
    }

    /// Trains on lines of text, each with its labels in it: words that begin with `__label__`.
    ///
    /// The lines are taken in an order that is drawn from the seed. fastText takes them as they stand, and where lines
    /// of a kind stand together the model knows the last of them best.
    ///
    /// # Errors
    /// If a setting is out of range, there are no labels or no words, or training diverges.
    pub fn train(&self, lines: &[impl AsRef<str>]) -> Result<FastText> {
        self.train_until(lines, None).map(|(model, _)| model)
    }

    /// The same, broken off at a time; and whether it was.
    pub(super) fn train_until(
        &self,
        lines: &[impl AsRef<str>],
        deadline: Option<Instant>,
    ) -> Result<(FastText, bool)> {
        self.validate()?;
        let dictionary = self.count(lines)?;
        let settings = self.settings();
        let mut examples = Vec::with_capacity(lines.len());
        for line in lines {
            let mut example = Example::default();
            dictionary.line_rows(&settings, line.as_ref(), &mut example.rows, &mut example.labels);
            if !example.rows.is_empty() && !example.labels.is_empty() {
                examples.push(example);
            }
        }
        let mut random = Random::of(self.seed, u64::MAX - 11, 0);
        for i in (1..examples.len()).rev() {
            examples.swap(i, random.below(i as u32 + 1) as usize);
        }
        let has_buckets = settings.chars.1 > 0 || settings.word_ngrams > 1;
        let rows = dictionary.words.len() + if has_buckets { self.buckets as usize } else { 0 };
        let mut input = matrix::Matrix::zeros(rows, self.dim);
        for row in 0..rows {
            initialise(self.seed, row, input.row_mut(row));
        }
        let mut output = matrix::Matrix::zeros(dictionary.labels.len(), self.dim);
        let is_late = self.run(&examples, &dictionary, &mut input, &mut output, deadline);
        if let Some(row) = (0..rows).find(|&row| input.row(row).iter().any(|x| !x.is_finite())) {
            let is_word = row < dictionary.words.len();
            let word = if is_word { dictionary.words.word(row) } else { "(an n-gram)" };
            return Err(Error::NotFinite { word: word.to_owned() });
        }
        let dense = |matrix: matrix::Matrix| Matrix::Dense { data: matrix.into_rows(), dim: self.dim };
        Ok((FastText::new(settings, dictionary, dense(input), dense(output)), is_late))
    }

    fn settings(&self) -> Settings {
        Settings {
            dim: self.dim,
            window: 5,
            epochs: self.epochs,
            min_count: self.min_count as usize,
            negatives: self.negatives,
            word_ngrams: self.word_ngrams,
            loss: self.loss,
            kind: Kind::Classifier,
            buckets: self.buckets,
            chars: self.chars,
            update_rate: 100,
            sample: 1e-4,
        }
    }

    /// Words and labels, each by falling count, ties by first occurrence.
    fn count(&self, lines: &[impl AsRef<str>]) -> Result<Dictionary> {
        let (mut words, mut labels) = (Counted::default(), Counted::default());
        for line in lines {
            for token in tokens(line.as_ref()).chain([END]) {
                if token.starts_with(LABEL) { labels.add(token)? } else { words.add(token)? }
            }
        }
        let tokens = words.counts.iter().chain(&labels.counts).sum();
        let (most, distinct) = (words.counts.iter().copied().max().unwrap_or(0), words.counts.len() as u64);
        let (words, mut counts) = words.sorted(self.min_count)?;
        if words.is_empty() {
            return Err(Error::EmptyVocabulary { distinct, most, min_count: self.min_count });
        }
        let (labels, label_counts) = labels.sorted(0)?;
        if labels.is_empty() {
            return Err(Error::TooFewWords {
                what: "a classifier (labels, `__label__…`)",
                least: 1,
                found: 0,
            });
        }
        counts.extend(label_counts);
        Ok(Dictionary { words, labels, counts, tokens, pruned: None })
    }

    /// Trains in place; `true` if the time was up before the end.
    fn run(
        &self,
        examples: &[Example],
        dictionary: &Dictionary,
        input: &mut matrix::Matrix,
        output: &mut matrix::Matrix,
        deadline: Option<Instant>,
    ) -> bool {
        let counts = &dictionary.counts[dictionary.words.len()..];
        let step = Step::new(self.loss, self.negatives, counts, self.dim, input, output);
        let threads = if self.threads == 0 { rayon::current_num_threads() } else { self.threads };
        if self.mode == Mode::Reproducible {
            return reproducible::run(self, examples, &step, threads, deadline);
        }
        let total = (examples.len() * self.epochs) as u64;
        let done = AtomicU64::new(0);
        let is_late = |done: u64| {
            done.is_multiple_of(64) && deadline.is_some_and(|deadline| Instant::now() >= deadline)
        };
        let work = |thread: usize| {
            let mut random = Random::of(self.seed, u64::MAX - 3, thread as u64);
            let mut scratch = Scratch::new(step.width);
            let first = examples.len() * thread / threads;
            let mut order = (first..examples.len()).chain(0..first).cycle();
            // Which thread takes a step decides nothing but which example comes next.
            loop {
                let step_number = done.fetch_add(1, Ordering::Relaxed);
                let Some(next) = order.next() else { return false };
                if step_number >= total {
                    return false;
                }
                if is_late(step_number) {
                    done.store(total, Ordering::Relaxed);
                    return true;
                }
                let rate = self.rate * (1.0 - step_number as f32 / total as f32);
                scratch.train(&step, &examples[next], rate, &mut random);
            }
        };
        std::thread::scope(|scope| {
            let work = &work;
            let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || work(thread))).collect();
            let mine = work(0);
            let others = others.into_iter().map(|other| other.join().unwrap_or(false));
            others.fold(mine, |late, other| late | other)
        })
    }
}

/// Words with their counts.
#[derive(Default)]
struct Counted {
    words: Words,
    counts: Vec<u64>,
}

impl Counted {
    fn add(&mut self, word: &str) -> Result<()> {
        let (index, is_new) = self.words.insert(word)?;
        if is_new {
            self.counts.push(0);
        }
        self.counts[index] += 1;
        Ok(())
    }

    fn sorted(&self, least: u64) -> Result<(Words, Vec<u64>)> {
        let mut order: Vec<usize> = (0..self.counts.len()).filter(|&i| self.counts[i] >= least).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(self.counts[i]));
        let words = Words::from_words(order.iter().map(|&i| self.words.word(i)))?;
        Ok((words, order.iter().map(|&i| self.counts[i]).collect()))
    }
}

/// Room for a step.
struct Scratch {
    targets: Targets,
    /// `h`, and its step.
    hidden: matrix::Matrix,
    change: matrix::Matrix,
    g: Vec<f32>,
}

impl Scratch {
    fn new(width: usize) -> Self {
        let row = || matrix::Matrix::zeros(1, width);
        Self { targets: Targets::default(), hidden: row(), change: row(), g: Vec::new() }
    }

    /// Both halves of a step.
    fn train(&mut self, step: &Step<'_>, example: &Example, rate: f32, random: &mut Random) {
        let Self { targets, hidden, change, g } = self;
        targets.clear();
        step.draw(example, random, targets);
        g.resize(targets.rows.len(), 0.0);
        step.grade(example, (&targets.rows[..], &targets.truths[..]), rate, (&mut *hidden, 0), g);
        step.apply(example, &targets.rows, hidden.row(0), g, 0..step.width, change);
    }
}

#[cfg(test)]
mod tests {
    use autograd::Var;
    use proptest::prelude::*;
    use tensor::{Ids, Tensor};

    use super::*;
    use crate::vocab::Huffman;

    const ROWS: usize = 5;
    const LABELS: usize = 4;
    const RATE: f32 = 0.125;

    fn leaf(values: &[f32], dim: usize) -> Var<f64> {
        let values: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
        Var::leaf(Tensor::from_vec(values.clone(), &[values.len() / dim, dim]))
    }

    fn close(
        found: &[f32],
        leaf: &Var<f64>,
        gradient: &Tensor<f64>,
    ) -> std::result::Result<(), TestCaseError> {
        for ((x, g), found) in leaf.value().to_vec().into_iter().zip(gradient.to_vec()).zip(found) {
            let expected = x - f64::from(RATE) * g;
            prop_assert!((f64::from(*found) - expected).abs() < 2e-5, "{found}, expected {expected}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_step_descends_the_gradient(
            (dim, input, output) in (1usize..20).prop_flat_map(|dim| {
                let rows = |n| prop::collection::vec(-1.5f32..1.5, n * dim);
                (Just(dim), rows(ROWS), rows(LABELS))
            }),
            rows in prop::collection::vec(0..ROWS as u32, 1..7),
            label in 0..LABELS as u32,
            loss in prop::sample::select(
                &[Loss::Softmax, Loss::OneVsAll, Loss::Hierarchical, Loss::NegativeSampling][..]
            ),
            seed in any::<u64>(),
        ) {
            let counts = [40, 20, 10, 5];
            let tree = Huffman::new(&counts);
            let example = Example { rows: rows.clone(), labels: vec![label] };
            let (mut v_new, mut u_new) =
                (matrix::Matrix::from_rows(&input, dim), matrix::Matrix::from_rows(&output, dim));
            let step = Step::new(loss, 3, &counts, dim, &mut v_new, &mut u_new);
            // What the step will draw.
            let mut drawn = Targets::default();
            step.draw(&example, &mut Random::new(seed), &mut drawn);
            let (v, u) = (leaf(&input, dim), leaf(&output, dim));
            let h = &v.index_select(0, &Ids::from_slice(&rows)).sum_axis(0, true) * (1.0 / rows.len() as f64);
            let scores = h.matmul(&u.t()); // (1, labels)
            // Softplus of −score where the answer is yes, of the score where it is no.
            let answers = |targets: &[u32], yes: &dyn Fn(usize) -> bool| {
                let signs = (0..targets.len()).map(|i| if yes(i) { -1.0 } else { 1.0 }).collect();
                let signs = Var::constant(Tensor::from_vec(signs, &[1, targets.len()]));
                (&scores.index_select(1, &Ids::from_slice(targets)) * &signs).softplus().sum()
            };
            let expected = match loss {
                Loss::Softmax => {
                    let own = scores.gather(1, &Ids::new(vec![label], &[1, 1]));
                    (&scores.logsumexp_axis(1, false) - &own).sum()
                }
                Loss::OneVsAll => answers(&[0, 1, 2, 3], &|i| i as u32 == label),
                Loss::NegativeSampling => {
                    prop_assert!(drawn.rows[0] == label && !drawn.rows[1..].contains(&label));
                    answers(&drawn.rows, &|i| i == 0)
                }
                Loss::Hierarchical => answers(tree.path(label as usize), &|i| tree.code(label as usize)[i] == 1),
            };
            let gradients = expected.backward().unwrap();

            Scratch::new(step.width).train(&step, &example, RATE, &mut Random::new(seed));
            close(&v_new.into_rows(), &v, gradients.get(&v).unwrap())?;
            close(&u_new.into_rows(), &u, gradients.get(&u).unwrap())?;
        }
    }
}
