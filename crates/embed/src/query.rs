//! Which words are like which.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rayon::prelude::*;
use serde::Serialize;
use tensor::kernels::gemm::{MatMut, MatRef, NoEpilogue, Output, gemm};

use crate::kernel::scan;
use crate::{Error, Result, Vectors};

/// A word found, and how near it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Neighbour<'a> {
    /// The word.
    pub word: &'a str,
    /// Its row.
    pub index: usize,
    /// Cosine of the angle, or what else was asked for; larger is nearer.
    pub score: f32,
}

/// Rows scanned by a thread at once: a part of the nearest cache.
const CHUNK: usize = 1024;

/// One over the length of a vector, zero of none.
pub(crate) fn inverse_norm(vector: &[f32]) -> f32 {
    let mut product = [0.0];
    scan(vector, vector, vector.len(), &mut product);
    if product[0] > 0.0 { 1.0 / product[0].sqrt() } else { 0.0 }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut product = [0.0];
    scan(a, b, b.len(), &mut product);
    product[0]
}

/// A candidate: the worst comes first in a heap. Of equal scores, the later row is worse; no number is worst.
#[derive(Clone, Copy, PartialEq)]
struct Candidate {
    score: f32,
    index: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best so far.
struct Best {
    count: usize,
    heap: BinaryHeap<Candidate>,
    /// Only a higher score gets in: that of the worst once there are `count`.
    floor: Option<f32>,
}

impl Best {
    fn new(count: usize) -> Self {
        let floor = (count == 0).then_some(f32::INFINITY);
        Self { count, heap: BinaryHeap::new(), floor }
    }

    fn offer(&mut self, index: usize, score: f32) {
        // Zeros are equal, whatever their sign.
        let candidate =
            Candidate { score: if score.is_nan() { f32::NEG_INFINITY } else { score + 0.0 }, index };
        if self.heap.len() < self.count {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
        if self.heap.len() == self.count {
            self.floor = self.heap.peek().map(|worst| worst.score).or(self.floor);
        }
    }

    /// Offers the scores of rows from `first` on, higher numbers than those before, without the rows `except`.
    ///
    /// Nearly all are below the floor, which is seen for many at a time.
    fn offer_rows(&mut self, first: usize, scores: &[f32], except: &[usize]) {
        const MANY: usize = 64;
        for (chunk, scores) in scores.chunks(MANY).enumerate() {
            if let Some(floor) = self.floor
                && !scores.iter().fold(false, |is_any, &score| is_any | (score > floor))
            {
                continue;
            }
            for (i, &score) in scores.iter().enumerate() {
                let row = first + chunk * MANY + i;
                if self.floor.is_none_or(|floor| score > floor) && !except.contains(&row) {
                    self.offer(row, score);
                }
            }
        }
    }

    fn merge(mut self, other: Self) -> Self {
        other.heap.into_iter().for_each(|candidate| self.offer(candidate.index, candidate.score));
        self
    }
}

impl Vectors {
    fn known(&self, word: &str) -> Result<usize> {
        self.index(word).ok_or_else(|| Error::UnknownWord { word: word.to_owned() })
    }

    fn all_known(&self, words: &[impl AsRef<str>]) -> Result<Vec<usize>> {
        words.iter().map(|word| self.known(word.as_ref())).collect()
    }

    /// A vector of length 1 in the direction of row `index`; zeros if it has none.
    fn unit(&self, index: usize) -> Vec<f32> {
        let inverse = self.inverse_norms()[index];
        self.row(index).iter().map(|x| x * inverse).collect()
    }

    /// Cosine of the angle between the vectors of two words, from −1 to 1; zero if one of them is all zeros.
    ///
    /// # Errors
    /// [`Error::UnknownWord`].
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let words = Words::from_words(["north", "east", "northeast"])?;
    /// let vectors = Vectors::new(words, 2, vec![0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?;
    /// assert_eq!(vectors.similarity("north", "east")?, 0.0);
    /// assert!((vectors.similarity("north", "northeast")? - 0.5f32.sqrt()).abs() < 1e-6);
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn similarity(&self, a: &str, b: &str) -> Result<f32> {
        Ok(self.cosine(self.known(a)?, self.known(b)?))
    }

    /// [`similarity`](Self::similarity) of the words of two rows.
    pub(crate) fn cosine(&self, a: usize, b: usize) -> f32 {
        dot(self.row(a), self.row(b)) * self.inverse_norms()[a] * self.inverse_norms()[b]
    }

    /// The `count` words nearest to `word` by cosine, nearest first, without the word itself.
    ///
    /// Exact: all vectors are looked at, on all threads of the current rayon pool, which takes the time to read
    /// them from memory.
    ///
    /// # Errors
    /// [`Error::UnknownWord`].
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let words = Words::from_words(["north", "east", "south", "northeast"])?;
    /// let vectors = Vectors::new(words, 2, vec![0.0, 1.0, 1.0, 0.0, 0.0, -1.0, 1.0, 1.0])?;
    /// let nearest = vectors.nearest("north", 2)?;
    /// assert_eq!((nearest[0].word, nearest[1].word), ("northeast", "east"));
    /// assert!((nearest[0].score - 0.5f32.sqrt()).abs() < 1e-6);
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn nearest(&self, word: &str, count: usize) -> Result<Vec<Neighbour<'_>>> {
        let index = self.known(word)?;
        Ok(self.nearest_to(self.row(index), count, &[index]))
    }

    /// The `count` words nearest to a vector by cosine, nearest first, without those of the rows `except`.
    ///
    /// # Panics
    /// If the vector has another length than [`dim`](Self::dim).
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let words = Words::from_words(["north", "east", "northeast"])?;
    /// let vectors = Vectors::new(words, 2, vec![0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?;
    /// assert_eq!(vectors.nearest_to(&[3.0, 2.0], 1, &[])[0].word, "northeast");
    /// assert_eq!(vectors.nearest_to(&[3.0, 2.0], 1, &[2])[0].word, "east");
    /// # Ok::<(), embed::Error>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn nearest_to(&self, vector: &[f32], count: usize, except: &[usize]) -> Vec<Neighbour<'_>> {
        assert_eq!(vector.len(), self.dim(), "length of the vector");
        let best = self.scan_each(vector, count, self.len(), &|_| except);
        best.into_iter().flat_map(|best| self.neighbours(best)).collect()
    }

    /// The best of the first `rows` for each of some vectors: the matrix is read once for all.
    fn scan_each<E: AsRef<[usize]>>(
        &self,
        vectors: &[f32],
        count: usize,
        rows: usize,
        except: &(impl Fn(usize) -> E + Sync),
    ) -> Vec<Best> {
        let (dim, number) = (self.dim(), vectors.len() / self.dim());
        let inverse_norms = self.inverse_norms();
        let inverse: Vec<f32> = vectors.chunks_exact(dim).map(inverse_norm).collect();
        let none = || (0..number).map(|_| Best::new(count)).collect::<Vec<_>>();
        let chunks = self.data()[..rows * dim].par_chunks(CHUNK * dim).enumerate();
        chunks
            .with_min_len(4)
            .fold(
                || (none(), vec![0.0; number * CHUNK]),
                |(mut best, mut scores), (chunk, rows)| {
                    let (first, length) = (chunk * CHUNK, rows.len() / dim);
                    let scores_here = &mut scores[..number * length]; // (vectors, rows)
                    scan(rows, vectors, dim, scores_here);
                    for (vector, scores) in scores_here.chunks_exact_mut(length).enumerate() {
                        let (inverse, norms) = (inverse[vector], &inverse_norms[first..]);
                        scores.iter_mut().zip(norms).for_each(|(x, norm)| *x = *x * inverse * norm);
                        best[vector].offer_rows(first, scores, except(vector).as_ref());
                    }
                    (best, scores)
                },
            )
            .map(|(best, _)| best)
            .reduce(none, |a, b| a.into_iter().zip(b).map(|(a, b)| a.merge(b)).collect())
    }

    /// The best rows by scores that `score` gives for some rows, the first of which has a number.
    fn best(
        &self,
        count: usize,
        except: &[usize],
        score: impl Fn(&[f32], usize, &mut [f32]) + Sync,
    ) -> Vec<Neighbour<'_>> {
        self.inverse_norms();
        let chunks = self.data().par_chunks(CHUNK * self.dim()).enumerate();
        let best = chunks
            .with_min_len(4)
            .fold(
                || (Best::new(count), vec![0.0; CHUNK]),
                |(mut best, mut scores), (chunk, rows)| {
                    let (first, scores_here) = (chunk * CHUNK, &mut scores[..rows.len() / self.dim()]);
                    score(rows, first, scores_here);
                    best.offer_rows(first, scores_here, except);
                    (best, scores)
                },
            )
            .map(|(best, _)| best)
            .reduce(|| Best::new(count), Best::merge);
        self.neighbours(best)
    }

    fn neighbours(&self, best: Best) -> Vec<Neighbour<'_>> {
        let neighbour =
            |Candidate { score, index }: Candidate| Neighbour { word: self.word(index), index, score };
        best.heap.into_sorted_vec().into_iter().map(neighbour).collect()
    }

    /// For each of several vectors `(queries, dim)`, row after row, what [`nearest_to`](Self::nearest_to) finds
    /// among the first `rows` vectors, without the rows `except(query)`: several times faster than one search after
    /// the other, since a few are searched for in one passage through memory, and many by a matrix product.
    ///
    /// # Panics
    /// If `queries` is no multiple of [`dim`](Self::dim) long.
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let words = Words::from_words(["north", "east", "northeast"])?;
    /// let vectors = Vectors::new(words, 2, vec![0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?;
    /// // The nearest to each word, without itself.
    /// let nearest = vectors.nearest_to_each(vectors.data(), 1, vectors.len(), |query| [query]);
    /// let words: Vec<&str> = nearest.iter().map(|near| near[0].word).collect();
    /// assert_eq!(words, ["northeast", "northeast", "north"]);
    /// # Ok::<(), embed::Error>(())
    /// ```
    #[track_caller]
    pub fn nearest_to_each<E: AsRef<[usize]>>(
        &self,
        queries: &[f32],
        count: usize,
        rows: usize,
        except: impl Fn(usize) -> E + Sync,
    ) -> Vec<Vec<Neighbour<'_>>> {
        /// With so many a passage through memory is as quick as a product.
        const FEW: usize = 16;
        const QUERIES: usize = 256;
        const ROWS: usize = 8192;
        let dim = self.dim();
        assert_eq!(queries.len() % dim, 0, "length of the vectors");
        let rows = rows.min(self.len());
        if queries.len() <= FEW * dim {
            let best = self.scan_each(queries, count, rows, &except);
            return best.into_iter().map(|best| self.neighbours(best)).collect();
        }
        let inverse_norms = self.inverse_norms();
        let mut all = Vec::with_capacity(queries.len() / dim);
        let mut scores = vec![0.0; QUERIES.min(queries.len() / dim) * ROWS.min(rows)];
        for (batch, queries) in queries.chunks(QUERIES * dim).enumerate() {
            let number = queries.len() / dim;
            let inverse: Vec<f32> = queries.chunks_exact(dim).map(inverse_norm).collect();
            let queries = MatRef::row_major(queries, number, dim);
            let mut best: Vec<Best> = (0..number).map(|_| Best::new(count)).collect();
            for first in (0..rows).step_by(ROWS) {
                let last = (first + ROWS).min(rows);
                let part = MatRef::row_major(&self.data()[first * dim..last * dim], last - first, dim);
                let scores = &mut scores[..number * (last - first)]; // (queries, rows)
                let product = MatMut::row_major(scores, number, last - first);
                gemm(queries, part.t(), product, Output::Replace, &NoEpilogue);
                let each = best.par_iter_mut().zip(scores.par_chunks_mut(last - first)).enumerate();
                each.for_each(|(query, (best, scores))| {
                    let norms = &inverse_norms[first..last];
                    let inverse = inverse[query];
                    scores.iter_mut().zip(norms).for_each(|(score, norm)| *score = *score * inverse * norm);
                    best.offer_rows(first, scores, except(batch * QUERIES + query).as_ref());
                });
            }
            all.extend(best.into_iter().map(|best| self.neighbours(best)));
        }
        all
    }

    /// *a* is to *b* as *c* is to what? `analogy(&["b", "c"], &["a"], n)`: the words nearest to the sum of the
    /// positive words' vectors less the negative ones', each of length 1, and none of the words given (3CosAdd;
    /// Mikolov, Yih & Zweig 2013).
    ///
    /// # Errors
    /// [`Error::UnknownWord`]; [`Error::TooFewWords`] if there is none.
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let words = Words::from_words(["man", "woman", "king", "queen", "bread"])?;
    /// let data = vec![1.0, 0.0, 0.1, 1.0, 1.0, 0.1, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, -1.0, 0.0];
    /// let vectors = Vectors::new(words, 3, data)?;
    /// assert_eq!(vectors.analogy(&["king", "woman"], &["man"], 1)?[0].word, "queen");
    /// assert_eq!(vectors.analogy_by_product(&["king", "woman"], &["man"], 1)?[0].word, "queen");
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn analogy(
        &self,
        positive: &[impl AsRef<str>],
        negative: &[impl AsRef<str>],
        count: usize,
    ) -> Result<Vec<Neighbour<'_>>> {
        let (positive, negative) = self.terms(positive, negative)?;
        let query = self.offset(&positive, &negative);
        Ok(self.nearest_to(&query, count, &[positive, negative].concat()))
    }

    /// Sum of the first rows less the second, each of length 1.
    pub(crate) fn offset(&self, positive: &[usize], negative: &[usize]) -> Vec<f32> {
        let mut sum = vec![0.0; self.dim()];
        for (rows, sign) in [(positive, 1.0), (negative, -1.0)] {
            for &row in rows {
                sum.iter_mut().zip(self.unit(row)).for_each(|(sum, x)| *sum += sign * x);
            }
        }
        sum
    }

    /// The same with products in place of sums, so that no one term outweighs the others (3CosMul; Levy & Goldberg
    /// 2014): `Π (1 + cos(x, pᵢ))/2 ÷ (Π (1 + cos(x, nⱼ))/2 + 10⁻⁶)`.
    ///
    /// # Errors
    /// As for [`analogy`](Self::analogy).
    pub fn analogy_by_product(
        &self,
        positive: &[impl AsRef<str>],
        negative: &[impl AsRef<str>],
        count: usize,
    ) -> Result<Vec<Neighbour<'_>>> {
        let (positive, negative) = self.terms(positive, negative)?;
        let units = |rows: &[usize]| rows.iter().map(|&row| self.unit(row)).collect::<Vec<_>>();
        let (up, down) = (units(&positive), units(&negative));
        let except = [positive, negative].concat();
        Ok(self.best(count, &except, |rows, first, scores| {
            let inverse = &self.inverse_norms()[first..];
            let (mut products, mut divisors) = (vec![1.0; scores.len()], vec![1.0; scores.len()]);
            for (terms, products) in [(&up, &mut products), (&down, &mut divisors)] {
                for term in terms {
                    scan(rows, term, term.len(), scores);
                    for ((product, score), inverse) in products.iter_mut().zip(&*scores).zip(inverse) {
                        *product *= (1.0 + score * inverse) / 2.0;
                    }
                }
            }
            for ((score, product), divisor) in scores.iter_mut().zip(products).zip(divisors) {
                *score = product / (divisor + 1e-6);
            }
        }))
    }

    fn terms(
        &self,
        positive: &[impl AsRef<str>],
        negative: &[impl AsRef<str>],
    ) -> Result<(Vec<usize>, Vec<usize>)> {
        if positive.is_empty() && negative.is_empty() {
            return Err(Error::TooFewWords { what: "an analogy", least: 1, found: 0 });
        }
        Ok((self.all_known(positive)?, self.all_known(negative)?))
    }

    /// The word that does not belong: the one farthest, by cosine, from the mean of all, each of length 1.
    ///
    /// # Errors
    /// [`Error::UnknownWord`]; [`Error::TooFewWords`] if there is none.
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let words = Words::from_words(["north", "northeast", "south"])?;
    /// let vectors = Vectors::new(words, 2, vec![0.0, 1.0, 1.0, 1.0, 0.0, -1.0])?;
    /// assert_eq!(vectors.odd_one_out(&["north", "south", "northeast"])?, "south");
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn odd_one_out<'w, W: AsRef<str>>(&self, words: &'w [W]) -> Result<&'w str> {
        let rows = self.all_known(words)?;
        let mean = self.offset(&rows, &[]);
        let scores = rows.iter().map(|&row| dot(self.row(row), &mean) * self.inverse_norms()[row]);
        // The later of two equals, as a stable sort leaves it.
        let odd = scores.enumerate().min_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let odd = odd.ok_or(Error::TooFewWords { what: "the odd one out", least: 1, found: 0 })?;
        Ok(words[odd.0].as_ref())
    }

    /// The mean of the vectors of some words.
    ///
    /// # Errors
    /// [`Error::UnknownWord`]; [`Error::TooFewWords`] if there is none.
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let vectors = Vectors::new(Words::from_words(["north", "east"])?, 2, vec![0.0, 1.0, 1.0, 0.0])?;
    /// assert_eq!(vectors.mean(&["north", "east"])?, [0.5, 0.5]);
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn mean(&self, words: &[impl AsRef<str>]) -> Result<Vec<f32>> {
        let rows = self.all_known(words)?;
        if rows.is_empty() {
            return Err(Error::TooFewWords { what: "a mean", least: 1, found: 0 });
        }
        let mut mean = vec![0.0; self.dim()];
        for &row in &rows {
            mean.iter_mut().zip(self.row(row)).for_each(|(mean, x)| *mean += x / rows.len() as f32);
        }
        Ok(mean)
    }
}

/// The best of rows of codes by a score, best first.
pub(crate) fn best_of(
    codes: &[u8],
    length: usize,
    count: usize,
    score: impl Fn(&[u8]) -> f32 + Sync,
) -> impl Iterator<Item = (usize, f32)> {
    let best = codes
        .par_chunks_exact(length)
        .enumerate()
        .with_min_len(4096)
        .fold(
            || Best::new(count),
            |mut best, (index, code)| {
                best.offer(index, score(code));
                best
            },
        )
        .reduce(|| Best::new(count), Best::merge);
    best.heap.into_sorted_vec().into_iter().map(|candidate| (candidate.index, candidate.score))
}
