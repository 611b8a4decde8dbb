//! Vectors of documents (Le & Mikolov 2014).
//!
//! A document has a row `d` among the inputs. PV-DM predicts a word from the mean of `d` and the words around, as CBOW does
//! with one more context; PV-DBOW predicts each word of the document from `d` alone. The loss, its derivatives and the steps
//! are those of [`word2vec`](crate::word2vec) with negative sampling.

mod reproducible;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::corpus::Sentences;
use crate::error::check;
use crate::fasttext::sigmoid;
use crate::matrix::Matrix;
use crate::random::Random;
use crate::vocab::{Subsampling, Unigram, Vocab, VocabSettings};
use crate::word2vec::{Mode, Plan, Scratch, Shape, Worker, initialise, most_met};
use crate::{Error, Result, Vectors, Word2Vec, Words};

/// What predicts a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocMethod {
    /// PV-DM: the document and the words around.
    Memory,
    /// PV-DBOW: the document alone. Word vectors stay as they began.
    Bag,
}

/// Settings of document vectors; the defaults are gensim's.
///
/// ```
/// use embed::{Doc2Vec, DocMethod};
///
/// let docs: Vec<Vec<&str>> = (0..40)
///     .map(|i| if i % 2 == 0 { "the king and the queen rule".split(' ').collect() } else { "we bake fresh bread today".split(' ').collect() })
///     .collect();
/// let settings = Doc2Vec { dim: 12, epochs: 40, method: DocMethod::Bag, ..Doc2Vec::default() };
/// let model = settings.train(&docs)?;
/// let near = model.docs().nearest("0", 1)?; // documents are named by their numbers
/// assert_eq!(near[0].index % 2, 0);
/// let new = model.infer(["bake", "bread"], 1);
/// assert_eq!(model.docs().nearest_to(&new, 1, &[])[0].index % 2, 1);
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Doc2Vec {
    /// What predicts a word. Default PV-DM.
    pub method: DocMethod,
    /// Length of a vector. Default 100.
    pub dim: usize,
    /// Words looked at on each side, with PV-DM. Default 5.
    pub window: usize,
    /// Words drawn against each. Default 5.
    pub negatives: usize,
    /// Passages through the documents. Default 10.
    pub epochs: usize,
    /// First learning rate; it falls in a line. Default 0.025.
    pub rate: f32,
    /// Last learning rate. Default 10⁻⁴.
    pub min_rate: f32,
    /// Which words are in the vocabulary. Default: those that occur five times.
    pub vocab: VocabSettings,
    /// Words more frequent than about this share are thinned out. Default 10⁻³.
    pub sample: f64,
    /// How threads share the work. In fast mode the same seed gives the same bits with one thread only. Default
    /// [`Mode::Fast`].
    #[serde(default)]
    pub mode: Mode,
    /// Number of threads; zero for as many as rayon's current pool has. Default zero.
    pub threads: usize,
    /// Where all randomness comes from. Default 1.
    pub seed: u64,
}

impl Default for Doc2Vec {
    fn default() -> Self {
        Self {
            method: DocMethod::Memory,
            dim: 100,
            window: 5,
            negatives: 5,
            epochs: 10,
            rate: 0.025,
            min_rate: 1e-4,
            vocab: VocabSettings::default(),
            sample: 1e-3,
            mode: Mode::Fast,
            threads: 0,
            seed: 1,
        }
    }
}

/// Vectors of documents and words.
#[derive(Clone, Debug)]
pub struct DocModel {
    settings: Doc2Vec,
    docs: Vectors,
    words: Vectors,
    /// `(vocab, dim)`.
    output: Vec<f32>,
    unigram: Unigram,
}

impl Doc2Vec {
    /// Trains on documents, lists of words.
    ///
    /// # Errors
    /// If a setting is out of range, no words are frequent enough, or training diverges.
    pub fn train<D, W>(&self, docs: &[D]) -> Result<DocModel>
    where
        D: AsRef<[W]> + Sync,
        W: AsRef<str> + Sync,
    {
        self.validate()?;
        let corpus = Sentences::new(|| docs.iter().map(|doc| doc.as_ref().iter().map(AsRef::as_ref)));
        let vocab = Vocab::count(&corpus, &self.vocab)?;
        let ids = |doc: &D| {
            doc.as_ref()
                .iter()
                .filter_map(|word| vocab.words().index(word.as_ref()))
                .map(|id| id as u32)
                .collect()
        };
        let docs: Vec<Vec<u32>> = docs.iter().map(ids).collect();
        let unigram = Unigram::new(vocab.counts(), 0.75);
        let mut input = Matrix::zeros(vocab.len() + docs.len(), self.dim);
        for row in 0..input.rows() {
            initialise(self.seed, row, input.row_mut(row));
        }
        let mut output = Matrix::zeros(vocab.len(), self.dim);
        let shape = Shape::new(&mut input, &mut output, self.dim, self.bag());
        Trainer::new(self, &docs, &vocab, &unigram, shape).run();

        let mut data = input.into_rows();
        if let Some(i) = data.iter().position(|x| !x.is_finite()) {
            let word = vocab.words().iter().nth(i / self.dim).unwrap_or("(a document)").to_owned();
            return Err(Error::NotFinite { word });
        }
        let of_docs = data.split_off(vocab.len() * self.dim);
        let numbers = Words::from_words((0..docs.len()).map(|doc| doc.to_string()))?;
        Ok(DocModel {
            settings: self.clone(),
            docs: Vectors::from_checked(numbers, self.dim, of_docs),
            words: Vectors::from_checked(vocab.words().clone(), self.dim, data),
            output: output.into_rows(),
            unigram,
        })
    }

    fn validate(&self) -> Result<()> {
        check("dim", (1..=1 << 16).contains(&self.dim), "1 to 65536", &self.dim)?;
        check("window", (1..=1 << 16).contains(&self.window), "1 to 65536", &self.window)?;
        check("negatives", (1..=1000).contains(&self.negatives), "1 to 1000", &self.negatives)?;
        check("rate", self.rate > 0.0 && self.rate.is_finite(), "more than 0", &self.rate)?;
        check("min_rate", (0.0..=self.rate).contains(&self.min_rate), "0 to the first rate", &self.min_rate)?;
        check("sample", self.sample >= 0.0 && self.sample.is_finite(), "0 or more", &self.sample)?;
        check("threads", self.threads <= 4096, "at most 4096", &self.threads)
    }

    /// Whether the input of a step is a bag of rows, and if so, whether their mean.
    fn bag(&self) -> Option<bool> {
        (self.method == DocMethod::Memory).then_some(true)
    }

    /// How many pairs of a step meet, on average, in the row of a word that is met most often.
    fn most_met(&self, vocab: &Vocab, subsampling: &Subsampling) -> f64 {
        let like = match self.method {
            DocMethod::Memory => Word2Vec::cbow(),
            DocMethod::Bag => Word2Vec::skip_gram().shared(1),
        };
        most_met(&like.window(self.window).negatives(self.negatives), vocab, subsampling, None)
    }

    /// The words around the one at `at`, in a window drawn anew.
    fn contexts<'w>(
        &self,
        words: &'w [u32],
        at: usize,
        random: &mut Random,
    ) -> impl Iterator<Item = u32> + use<'w> {
        let window = random.below(self.window as u32) as usize + 1;
        let before = &words[at.saturating_sub(window)..at];
        let after = &words[at + 1..(at + 1 + window).min(words.len())];
        before.iter().chain(after).copied()
    }
}

/// Training under way.
struct Trainer<'a> {
    settings: &'a Doc2Vec,
    /// Words of each document.
    docs: &'a [Vec<u32>],
    /// Number of words; the rows of documents follow theirs.
    words: usize,
    subsampling: Subsampling,
    unigram: &'a Unigram,
    shape: Shape<'a>,
    /// Pairs of a step that meet in the row of a word met most often, on average.
    most_met: f64,
}

impl<'a> Trainer<'a> {
    fn new(
        settings: &'a Doc2Vec,
        docs: &'a [Vec<u32>],
        vocab: &Vocab,
        unigram: &'a Unigram,
        shape: Shape<'a>,
    ) -> Self {
        let subsampling = Subsampling::new(vocab, settings.sample);
        let most_met = settings.most_met(vocab, &subsampling);
        Self { settings, docs, words: vocab.len(), subsampling, unigram, shape, most_met }
    }

    fn run(&self) {
        let threads =
            if self.settings.threads == 0 { rayon::current_num_threads() } else { self.settings.threads };
        match self.settings.mode {
            Mode::Fast => self.run_fast(threads),
            Mode::Reproducible => reproducible::run(self, threads),
        }
    }

    /// Threads take document after document.
    fn run_fast(&self, threads: usize) {
        let (next, total) = (AtomicUsize::new(0), self.docs.len() * self.settings.epochs);
        let work = || {
            let (mut worker, mut scratch) = (Worker::new(self.shape), Scratch::new(1, self.shape.width));
            let (mut plan, mut kept) = (Plan::default(), Vec::new());
            loop {
                let step = next.fetch_add(1, Ordering::Relaxed);
                if step >= total {
                    return;
                }
                plan.clear();
                self.plan(step / self.docs.len(), step % self.docs.len(), &mut kept, &mut plan);
                let rate = self.rate_at(step as f32 / self.docs.len() as f32);
                worker.train(&plan, rate, &mut scratch);
            }
        };
        std::thread::scope(|scope| {
            (1..threads).for_each(|_| {
                scope.spawn(work);
            });
            work();
        });
    }

    /// Learning rate after so many epochs.
    fn rate_at(&self, epochs: f32) -> f32 {
        let Doc2Vec { rate, min_rate, .. } = *self.settings;
        min_rate + (rate - min_rate) * (1.0 - epochs / self.settings.epochs as f32)
    }

    /// Appends the steps of a document in an epoch; `kept` is room for its words.
    fn plan(&self, epoch: usize, doc: usize, kept: &mut Vec<u32>, plan: &mut Plan) {
        let mut random = Random::of(self.settings.seed, epoch as u64, doc as u64);
        kept.clear();
        kept.extend(self.docs[doc].iter().filter(|&&word| self.subsampling.keeps(word, random.bits32())));
        for (at, &word) in kept.iter().enumerate() {
            plan.inputs.push((self.words + doc) as u32);
            if self.settings.method == DocMethod::Memory {
                plan.inputs.extend(self.settings.contexts(kept, at, &mut random));
            }
            plan.targets.push(word);
            plan.signs.push(1.0);
            for _ in 0..self.settings.negatives {
                let other = self.unigram.draw(random.next());
                if other != word {
                    plan.targets.push(other);
                    plan.signs.push(-1.0);
                }
            }
            plan.end_step();
        }
    }
}

impl DocModel {
    /// The vectors of the documents, named by their numbers from `0` on.
    #[must_use]
    pub fn docs(&self) -> &Vectors {
        &self.docs
    }

    /// The vectors of the words.
    #[must_use]
    pub fn words(&self) -> &Vectors {
        &self.words
    }

    /// The vector of a new document: trained as those of the others, with all else as it is. Unknown words are left out.
    #[must_use]
    pub fn infer<W: AsRef<str>>(&self, words: impl IntoIterator<Item = W>, seed: u64) -> Vec<f32> {
        let Doc2Vec { dim, epochs, rate, min_rate, negatives, method, .. } = self.settings;
        let words: Vec<u32> = words
            .into_iter()
            .filter_map(|word| self.words.index(word.as_ref()))
            .map(|id| id as u32)
            .collect();
        let mut doc = vec![0.0; dim];
        initialise(seed, 0, &mut doc);
        let (mut contexts, mut targets) = (Vec::new(), Vec::new());
        for epoch in 0..epochs {
            let rate = min_rate + (rate - min_rate) * (1.0 - epoch as f32 / epochs as f32);
            let mut random = Random::of(seed, u64::MAX - 8, epoch as u64);
            for (at, &word) in words.iter().enumerate() {
                contexts.clear();
                if method == DocMethod::Memory {
                    contexts.extend(self.settings.contexts(&words, at, &mut random));
                }
                targets.clear();
                targets.push((word, 1.0));
                let others = (0..negatives).map(|_| self.unigram.draw(random.next()));
                targets.extend(others.filter(|&other| other != word).map(|other| (other, 0.0)));
                self.step(&mut doc, &contexts, &targets, rate);
            }
        }
        doc
    }

    /// A step of a document alone. With the mean `h` of `d` and the contexts `vᵢ`, and labels `yⱼ` of the targets,
    /// 1 or 0:
    ///
    /// ```text
    /// d ← d − α Σⱼ (σ(h·uⱼ) − yⱼ) uⱼ
    /// ```
    ///
    /// which is `α` times the derivative by `h`, the step that [`word2vec`](crate::word2vec) gives each row of a mean.
    fn step(&self, doc: &mut [f32], contexts: &[u32], targets: &[(u32, f32)], rate: f32) {
        let mut h = doc.to_vec();
        for &context in contexts {
            h.iter_mut().zip(self.words.row(context as usize)).for_each(|(h, v)| *h += v);
        }
        h.iter_mut().for_each(|h| *h /= 1.0 + contexts.len() as f32);
        for &(target, label) in targets {
            let u = &self.output[target as usize * doc.len()..][..doc.len()];
            let score: f32 = h.iter().zip(u).map(|(h, u)| h * u).sum();
            let g = rate * (label - sigmoid(score));
            doc.iter_mut().zip(u).for_each(|(d, u)| *d += g * u);
        }
    }
}

#[cfg(test)]
mod tests {
    use autograd::Var;
    use proptest::prelude::*;
    use tensor::{Ids, Tensor};

    use super::*;

    proptest! {
        #[test]
        fn a_step_of_a_document_descends_the_gradient(
            (dim, doc, words, output) in (1usize..12).prop_flat_map(|dim| {
                let rows = |n| prop::collection::vec(-1.5f32..1.5, n * dim);
                (Just(dim), rows(1), rows(4), rows(4))
            }),
            contexts in prop::collection::vec(0u32..4, 0..5),
            targets in prop::collection::vec((0u32..4, prop::sample::select(vec![0.0f32, 1.0])), 1..6),
        ) {
            const RATE: f32 = 0.125;
            let tensor = |values: &[f32]| {
                let values: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
                Tensor::from_vec(values.clone(), &[values.len() / dim, dim])
            };
            let (d, v, u) = (Var::leaf(tensor(&doc)), Var::constant(tensor(&words)), Var::constant(tensor(&output)));
            let mut sum = d.clone(); // (1, dim)
            if !contexts.is_empty() {
                sum = &sum + &v.index_select(0, &Ids::from_slice(&contexts)).sum_axis(0, true);
            }
            let inputs = 1.0 + contexts.len() as f64;
            let rows: Vec<u32> = targets.iter().map(|&(row, _)| row).collect();
            let scores = (&sum * (1.0 / inputs)).matmul(&u.index_select(0, &Ids::from_slice(&rows)).t()); // (1, targets)
            let signs = targets.iter().map(|&(_, label)| 1.0 - 2.0 * f64::from(label)).collect();
            let loss = (&scores * &Var::constant(Tensor::from_vec(signs, &[1, rows.len()]))).softplus().sum();
            let gradient = loss.backward().unwrap().get(&d).unwrap().to_vec();

            let names = ["a", "b", "c", "d"];
            let model = DocModel {
                settings: Doc2Vec { dim, ..Doc2Vec::default() },
                docs: Vectors::from_checked(Words::from_words(["0"]).unwrap(), dim, doc.clone()),
                words: Vectors::from_checked(Words::from_words(names).unwrap(), dim, words),
                output,
                unigram: Unigram::new(&[1; 4], 0.75),
            };
            let mut found = doc.clone();
            model.step(&mut found, &contexts, &targets, RATE);
            for ((found, x), g) in found.iter().zip(&doc).zip(gradient) {
                let expected = f64::from(*x) - f64::from(RATE) * inputs * g;
                prop_assert!((f64::from(*found) - expected).abs() < 2e-5, "{found}, expected {expected}");
            }
        }
    }

    const TOPICS: [[&str; 6]; 2] = [
        ["king", "queen", "crown", "throne", "rule", "court"],
        ["bread", "flour", "oven", "bake", "dough", "yeast"],
    ];

    /// Documents of two kinds in turn, of up to `longest` words.
    fn docs(count: usize, longest: impl Fn(usize) -> usize) -> Vec<Vec<&'static str>> {
        let mut random = Random::new(4);
        (0..count)
            .map(|i| (0..longest(i)).map(|_| TOPICS[i % 2][random.below(6) as usize]).collect())
            .collect()
    }

    #[test]
    fn documents_of_a_kind_come_together() {
        let docs = docs(120, |_| 12);
        for (method, mode) in [
            (DocMethod::Memory, Mode::Fast),
            (DocMethod::Bag, Mode::Fast),
            (DocMethod::Memory, Mode::Reproducible),
            (DocMethod::Bag, Mode::Reproducible),
        ] {
            let settings = Doc2Vec {
                method,
                mode,
                dim: 16,
                epochs: 40,
                rate: 0.05,
                sample: 0.0,
                threads: 1,
                ..Doc2Vec::default()
            };
            let model = settings.train(&docs).unwrap();
            let right = (0..docs.len())
                .filter(|&i| model.docs().nearest(&i.to_string(), 1).unwrap()[0].index % 2 == i % 2)
                .count();
            assert!(right > 110, "{method:?} {mode:?}: {right} of 120");
            let new = model.infer(["oven", "dough", "bake", "oven", "yeast", "unknown"], 9);
            assert_eq!(model.docs().nearest_to(&new, 1, &[])[0].index % 2, 1, "{method:?} {mode:?}");
            assert_eq!(settings.train(&docs).unwrap().docs(), model.docs(), "one thread gives the same bits");
        }
        let none: [Vec<&str>; 0] = [];
        assert!(Doc2Vec::default().train(&none).is_err());
    }

    #[test]
    fn reproducible_training_gives_the_same_bits_on_any_number_of_threads() {
        // Lengths that differ, one document as long as all others, and some without a word.
        let docs = docs(300, |i| if i == 77 { 9000 } else { i % 60 });
        for method in [DocMethod::Memory, DocMethod::Bag] {
            let on = |threads| {
                let settings = Doc2Vec {
                    method,
                    mode: Mode::Reproducible,
                    dim: 70,
                    epochs: 3,
                    threads,
                    ..Doc2Vec::default()
                };
                let model = settings.train(&docs).unwrap();
                (model.docs().data().to_vec(), model.words().data().to_vec(), model.output)
            };
            let one = on(1);
            for threads in [1, 2, 4] {
                assert!(on(threads) == one, "{method:?}, {threads} threads");
            }
            let moved = |settings: Doc2Vec| settings.train(&docs).unwrap().docs().data().to_vec() != one.0;
            assert!(moved(Doc2Vec {
                method,
                dim: 70,
                epochs: 3,
                seed: 2,
                mode: Mode::Reproducible,
                ..Doc2Vec::default()
            }));
        }
    }
}
