//! GloVe: vectors whose products are the logarithms of counts (Pennington, Socher & Manning 2014).
//!
//! For words `i` and `j` that occur together `x` times (each time counted as one over the distance), the loss is
//! `½ f(x) e²` with `e = wᵢ·cⱼ + bᵢ + dⱼ − ln x` and `f(x) = min(1, (x/x_max)^α)`. Its derivatives are `f e cⱼ` and
//! `f e wᵢ` for the vectors and `f e` for the biases. AdaGrad divides each step by the root of the sum `G` of the squared
//! derivatives before it, which begins at 1:
//!
//! ```text
//! wᵢ ← wᵢ − η f e cⱼ / √G        G ← G + (η f e cⱼ)²
//! ```
//!
//! and so for `cⱼ` and both biases, all with the values before the step; that the rate is inside the sum is how the authors'
//! program does it. The vector of a word is `wᵢ + cᵢ`.
//!
//! # Threads
//! Words are dealt out to 16 parts, and pairs to 16 × 16 blocks (Gemulla et al. 2011). Blocks that share neither rows nor
//! columns are trained at the same time, so that no two threads touch the same number: the same seed gives the same bits on
//! any number of threads.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::corpus::{Block, Corpus, Token};
use crate::error::check;
use crate::random::Random;
use crate::vocab::{Vocab, VocabSettings};
use crate::{Error, Result, Vectors};

/// Parts of the words.
const PARTS: usize = 16;

/// Settings of GloVe; the defaults are its authors'.
///
/// ```
/// use embed::{Glove, Text};
///
/// let text = "the cat sat on the mat\nthe dog sat on the rug\n".repeat(50);
/// let settings = Glove { dim: 10, epochs: 8, ..Glove::default() };
/// let trained = settings.train(&Text(&text))?;
/// assert!(trained.losses[7] < trained.losses[0]);
/// assert_eq!(trained.vectors.get("cat").map(<[f32]>::len), Some(10));
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Glove {
    /// Length of a vector. Default 50.
    pub dim: usize,
    /// Words looked at on each side. Default 15.
    pub window: usize,
    /// Counts from here on weigh fully. Default 100.
    pub x_max: f64,
    /// How the weights of smaller counts fall. Default ¾.
    pub alpha: f64,
    /// Learning rate. Default 0.05.
    pub rate: f32,
    /// Passages through the counts. Default 25.
    pub epochs: usize,
    /// Which words are in the vocabulary. Default: those that occur five times.
    pub vocab: VocabSettings,
    /// Where all randomness comes from. Default 1.
    pub seed: u64,
}

impl Default for Glove {
    fn default() -> Self {
        let vocab = VocabSettings::default();
        Self { dim: 50, window: 15, x_max: 100.0, alpha: 0.75, rate: 0.05, epochs: 25, vocab, seed: 1 }
    }
}

/// What GloVe has learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct GloveTrained {
    /// A vector for each word.
    pub vectors: Vectors,
    /// The vocabulary with its counts.
    pub vocab: Vocab,
    /// The mean over the pairs of `½ f e²` in each epoch, each as it was when its turn came.
    pub losses: Vec<f64>,
}

/// Two words and how often they occur together.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair {
    row: u32,
    column: u32,
    count: f32,
}

/// Vectors and biases of a part of the words, and their sums of squares.
#[derive(Clone)]
struct Part {
    /// For each word: the vector, the bias.
    values: Vec<f32>,
    squares: Vec<f32>,
}

impl Glove {
    /// Counts the corpus and trains on the counts.
    ///
    /// Memory is taken for every two words that occur together, some 45 to 65 bytes at the peak, when what was counted
    /// becomes pairs both ways round: on large corpora, a cap of the vocabulary bounds it.
    ///
    /// # Errors
    /// If a setting is out of range, the corpus cannot be read or leaves no vocabulary, or training diverges.
    pub fn train(&self, corpus: &(impl Corpus + ?Sized)) -> Result<GloveTrained> {
        self.validate()?;
        let vocab = Vocab::count(corpus, &self.vocab)?;
        let pairs = self.count(corpus, &vocab)?;
        if pairs.is_empty() {
            return Err(Error::TooFewWords { what: "GloVe (in a sentence)", least: 2, found: 1 });
        }
        let number = pairs.len() as f64;
        let mut blocks: Vec<Vec<Pair>> = vec![Vec::new(); PARTS * PARTS];
        for pair in pairs {
            blocks[pair.row as usize % PARTS * PARTS + pair.column as usize % PARTS].push(pair);
        }
        let mut rows = self.parts(vocab.len(), 0);
        let mut columns = self.parts(vocab.len(), 1);
        let mut losses = Vec::with_capacity(self.epochs);
        for epoch in 0..self.epochs {
            let mut loss = 0.0;
            // Rows meet each part of the columns once.
            for shift in 0..PARTS {
                let meet = rows.par_iter_mut().zip(&mut columns).enumerate();
                let sums: Vec<f64> = meet
                    .map(|(i, (rows, columns))| {
                        let block = i * PARTS + (i + shift) % PARTS;
                        let random = Random::of(self.seed, epoch as u64, block as u64);
                        self.train_block(&blocks[block], random, rows, columns)
                    })
                    .collect();
                loss += sums.iter().sum::<f64>();
                columns.rotate_left(1);
            }
            losses.push(loss / number);
        }
        let vectors = self.join(&vocab, &rows, &columns)?;
        Ok(GloveTrained { vectors, vocab, losses })
    }

    fn validate(&self) -> Result<()> {
        check("dim", (1..=1 << 16).contains(&self.dim), "1 to 65536", &self.dim)?;
        check("window", (1..=1 << 16).contains(&self.window), "1 to 65536", &self.window)?;
        check("x_max", self.x_max > 0.0 && self.x_max.is_finite(), "more than 0", &self.x_max)?;
        check("alpha", (0.0..=10.0).contains(&self.alpha), "0 to 10", &self.alpha)?;
        check("rate", self.rate > 0.0 && self.rate.is_finite(), "more than 0", &self.rate)
    }

    /// Pairs of words within the window, both ways round, in order.
    fn count(&self, corpus: &(impl Corpus + ?Sized), vocab: &Vocab) -> Result<Vec<Pair>> {
        let mut counts: HashMap<(u32, u32), f64> = HashMap::new();
        let (mut source, mut block) = (corpus.open()?, Block::default());
        let mut sentence: Vec<u32> = Vec::new();
        while source.read(&mut block)? {
            for token in block.tokens() {
                let Token::Word(word) = token else {
                    sentence.clear();
                    continue;
                };
                let Some(id) = vocab.words().id(word) else { continue };
                for (i, &other) in sentence.iter().rev().take(self.window).enumerate() {
                    // One entry for both ways round.
                    *counts.entry((id.min(other), id.max(other))).or_default() += 1.0 / (i + 1) as f64;
                }
                sentence.push(id);
            }
        }
        let mut pairs = Vec::with_capacity(2 * counts.len());
        for ((row, column), count) in counts {
            // A word beside itself is met from both sides.
            let count = if row == column { 2.0 * count } else { count } as f32;
            pairs.push(Pair { row, column, count });
            if row != column {
                pairs.push(Pair { row: column, column: row, count });
            }
        }
        pairs.par_sort_unstable_by_key(|pair| (pair.row, pair.column));
        Ok(pairs)
    }

    /// Random vectors and biases, dealt out to parts.
    fn parts(&self, words: usize, side: u64) -> Vec<Part> {
        let length = self.dim + 1;
        let part = |part: usize| {
            let count = words.saturating_sub(part).div_ceil(PARTS);
            let mut random = Random::of(self.seed, u64::MAX - 6 - side, part as u64);
            let values = (0..count * length).map(|_| (random.unit() - 0.5) / length as f32).collect();
            Part { values, squares: vec![1.0; count * length] }
        };
        (0..PARTS).map(part).collect()
    }

    /// Trains the pairs of a block in random order; returns the sum of their losses.
    fn train_block(&self, pairs: &[Pair], mut random: Random, rows: &mut Part, columns: &mut Part) -> f64 {
        let mut order: Vec<u32> = (0..pairs.len() as u32).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, random.below(i as u32 + 1) as usize);
        }
        let length = self.dim + 1;
        let at = |word: u32| {
            let start = word as usize / PARTS * length;
            start..start + length
        };
        let mut sum = 0.0;
        for index in order {
            let Pair { row, column, count } = pairs[index as usize];
            let weight = (f64::from(count) / self.x_max).powf(self.alpha).min(1.0) as f32;
            let (row, column) = (at(row), at(column));
            let (w, c) = (&mut rows.values[row.clone()], &mut columns.values[column.clone()]);
            let (gw, gc) = (&mut rows.squares[row], &mut columns.squares[column]);
            sum += f64::from(step(w, c, gw, gc, count.ln(), weight, self.rate));
        }
        sum
    }

    fn join(&self, vocab: &Vocab, rows: &[Part], columns: &[Part]) -> Result<Vectors> {
        let mut data = Vec::with_capacity(vocab.len() * self.dim);
        for word in 0..vocab.len() {
            let start = word / PARTS * (self.dim + 1);
            let of = |parts: &[Part]| parts[word % PARTS].values[start..start + self.dim].to_vec();
            data.extend(of(rows).iter().zip(of(columns)).map(|(w, c)| w + c));
        }
        if let Some(i) = data.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { word: vocab.words().word(i / self.dim).to_owned() });
        }
        Ok(Vectors::from_checked(vocab.words().clone(), self.dim, data))
    }
}

/// A step of one pair, for vectors with their biases at the end; returns the loss before it.
fn step(
    w: &mut [f32],
    c: &mut [f32],
    gw: &mut [f32],
    gc: &mut [f32],
    log_count: f32,
    weight: f32,
    rate: f32,
) -> f32 {
    let dim = w.len() - 1;
    let dot: f32 = w[..dim].iter().zip(&c[..dim]).map(|(a, b)| a * b).sum();
    let error = dot + w[dim] + c[dim] - log_count;
    let scale = rate * weight * error;
    for k in 0..dim {
        let (dw, dc) = (scale * c[k], scale * w[k]);
        w[k] -= dw / gw[k].sqrt();
        c[k] -= dc / gc[k].sqrt();
        gw[k] += dw * dw;
        gc[k] += dc * dc;
    }
    for (bias, square) in [(&mut w[dim], &mut gw[dim]), (&mut c[dim], &mut gc[dim])] {
        *bias -= scale / square.sqrt();
        *square += scale * scale;
    }
    0.5 * weight * error * error
}

#[cfg(test)]
mod tests {
    use autograd::Var;
    use proptest::prelude::*;
    use tensor::Tensor;

    use super::*;
    use crate::Text;

    proptest! {
        #[test]
        fn a_first_step_descends_the_gradient(
            (w, c) in (1usize..8).prop_flat_map(|dim| {
                let row = move || prop::collection::vec(-1.5f32..1.5, dim + 1);
                (row(), row())
            }),
            log_count in -1.0f32..5.0,
            weight in 0.05f32..1.0,
        ) {
            let dim = w.len() - 1;
            let leaf = |row: &[f32]| {
                Var::leaf(Tensor::from_vec(row.iter().map(|&x| f64::from(x)).collect(), &[1, dim + 1]))
            };
            let (wv, cv) = (leaf(&w), leaf(&c));
            // (wᵢ, 1)·(cⱼ, 1) + bᵢ + dⱼ, by masks: 1 on vectors, 1 on biases.
            let mask = |of: f64, bias: f64| {
                let mut values = vec![of; dim + 1];
                values[dim] = bias;
                Var::constant(Tensor::from_vec(values, &[1, dim + 1]))
            };
            let dot = &(&(&wv * &cv) * &mask(1.0, 0.0)).sum() + &(&(&wv + &cv) * &mask(0.0, 1.0)).sum();
            let error = &dot - f64::from(log_count);
            let loss = &(&error * &error) * (0.5 * f64::from(weight));
            let gradients = loss.backward().unwrap();
            let (mut w_new, mut c_new) = (w.clone(), c.clone());
            let (mut gw, mut gc) = (vec![1.0; dim + 1], vec![1.0; dim + 1]);
            let rate = 0.125;
            let found = step(&mut w_new, &mut c_new, &mut gw, &mut gc, log_count, weight, rate);
            prop_assert!((f64::from(found) - loss.value().to_vec()[0]).abs() < 1e-4);
            for (new, old, squares, leaf) in [(&w_new, &w, &gw, &wv), (&c_new, &c, &gc, &cv)] {
                for (k, gradient) in gradients.get(leaf).unwrap().to_vec().into_iter().enumerate() {
                    let step = f64::from(rate) * gradient;
                    prop_assert!((f64::from(new[k]) - (f64::from(old[k]) - step)).abs() < 2e-5);
                    prop_assert!((f64::from(squares[k]) - (1.0 + step * step)).abs() < 2e-4);
                }
            }
        }
    }

    #[test]
    fn pairs_are_counted_by_distance_both_ways() {
        let settings = Glove { window: 2, vocab: VocabSettings::min_count(1), ..Glove::default() };
        let text = Text("a b c a\nb\n");
        let vocab = Vocab::count(&text, &settings.vocab).unwrap();
        let pairs = settings.count(&text, &vocab).unwrap();
        let count = |a: &str, b: &str| {
            let id = |word| vocab.words().index(word).unwrap() as u32;
            pairs.iter().find(|p| (p.row, p.column) == (id(a), id(b))).map(|p| p.count)
        };
        assert_eq!((count("a", "b"), count("b", "a")), (Some(1.5), Some(1.5)));
        assert_eq!((count("a", "c"), count("b", "c"), count("a", "a")), (Some(1.5), Some(1.0), None));
    }

    #[test]
    fn products_come_near_the_logarithms_on_any_number_of_threads() {
        let text: String = (0..400).map(|i| format!("x{} y{} z\n", i % 7, i * i % 5)).collect();
        let settings = Glove { dim: 8, epochs: 60, vocab: VocabSettings::min_count(1), ..Glove::default() };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| settings.train(&Text(&text)).unwrap())
        };
        let one = on(1);
        assert!(on(3) == one);
        assert!(one.losses[59] < 0.02 * one.losses[0], "{:?}", one.losses);
    }
}
