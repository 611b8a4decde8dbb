//! Product quantisation: vectors in a few bytes each.

mod file;

use rayon::prelude::*;

use crate::random::Random;
use crate::{Neighbour, Result, Vectors, Words};

/// Centroids of each part: what a byte tells apart.
pub(crate) const CENTROIDS: usize = 256;
/// Rounds of k-means, and most rows that it looks at.
const ROUNDS: usize = 25;
const MOST_ROWS: usize = CENTROIDS * 256;

/// Codes of parts of vectors (Jégou, Douze & Schmid 2011): each part of `width` numbers is replaced by the nearest of 256
/// centroids, a byte. The last part may be shorter. Layout and method are fastText's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantiser {
    dim: usize,
    width: usize,
    /// Part after part, centroid after centroid.
    centroids: Vec<f32>,
}

impl Quantiser {
    /// Of known centroids.
    pub(crate) fn from_parts(dim: usize, width: usize, centroids: Vec<f32>) -> Self {
        debug_assert_eq!(centroids.len(), dim * CENTROIDS);
        Self { dim, width, centroids }
    }

    /// Learns the centroids of rows that lie one after the other by k-means, part by part.
    pub(crate) fn learn(rows: &[f32], dim: usize, width: usize, seed: u64) -> Self {
        let parts = dim.div_ceil(width);
        let learnt: Vec<Vec<f32>> = (0..parts)
            .into_par_iter()
            .map(|part| {
                let columns = part * width..((part + 1) * width).min(dim);
                let mut random = Random::of(seed, part as u64, 0);
                let number = rows.len() / dim;
                let mut chosen: Vec<usize> = (0..number).collect();
                // The first places of a shuffle.
                for i in 0..number.min(MOST_ROWS) {
                    let other = i + random.below((number - i) as u32) as usize;
                    chosen.swap(i, other);
                }
                chosen.truncate(MOST_ROWS);
                let points: Vec<f32> =
                    chosen.iter().flat_map(|&row| &rows[row * dim..][columns.clone()]).copied().collect();
                k_means(&points, columns.len(), &mut random)
            })
            .collect();
        Self { dim, width, centroids: learnt.concat() }
    }

    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn centroids(&self) -> &[f32] {
        &self.centroids
    }

    /// Bytes of a code: the number of parts.
    pub(crate) fn code_len(&self) -> usize {
        self.dim.div_ceil(self.width)
    }

    /// The centroids of a part, and their length.
    fn part(&self, part: usize) -> (&[f32], usize) {
        let start = part * self.width;
        let width = self.width.min(self.dim - start);
        (&self.centroids[start * CENTROIDS..][..width * CENTROIDS], width)
    }

    /// The one number that a code of one dimension stands for.
    pub(crate) fn value(&self, code: u8) -> f32 {
        self.centroids[usize::from(code)]
    }

    /// Appends the code of a vector.
    pub(crate) fn encode(&self, vector: &[f32], codes: &mut Vec<u8>) {
        for (part, values) in vector.chunks(self.width).enumerate() {
            let (centroids, width) = self.part(part);
            codes.push(nearest(centroids, width, values).0 as u8);
        }
    }

    /// Adds `scale` times the vector of a code to `sum`.
    pub(crate) fn add(&self, code: &[u8], scale: f32, sum: &mut [f32]) {
        for (part, (&code, sum)) in code.iter().zip(sum.chunks_mut(self.width)).enumerate() {
            let (centroids, width) = self.part(part);
            let centroid = &centroids[usize::from(code) * width..][..width];
            sum.iter_mut().zip(centroid).for_each(|(sum, x)| *sum += scale * x);
        }
    }

    /// Products of all centroids with the parts of a vector, so that a product with a coded vector is a sum of
    /// `code_len` numbers.
    fn products(&self, vector: &[f32]) -> Vec<f32> {
        let of_part = |(part, values): (usize, &[f32])| {
            let (centroids, width) = self.part(part);
            let products =
                centroids.chunks_exact(width).map(|c| c.iter().zip(values).map(|(a, b)| a * b).sum());
            products.collect::<Vec<f32>>()
        };
        vector.chunks(self.width).enumerate().flat_map(of_part).collect()
    }
}

/// The nearest centroid and its squared distance.
fn nearest(centroids: &[f32], width: usize, point: &[f32]) -> (usize, f32) {
    let distance = |c: &[f32]| c.iter().zip(point).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    let all = centroids.chunks_exact(width).map(distance).enumerate();
    all.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// 256 centroids of points by Lloyd's method; a centroid that loses all points takes half of the largest cluster.
fn k_means(points: &[f32], width: usize, random: &mut Random) -> Vec<f32> {
    let number = points.len() / width;
    let point = |i: usize| &points[i * width..][..width];
    let mut centroids: Vec<f32> = (0..CENTROIDS).flat_map(|i| point(i % number)).copied().collect();
    for _ in 0..ROUNDS {
        let (mut sums, mut counts) = (vec![0.0f32; centroids.len()], [0u32; CENTROIDS]);
        for i in 0..number {
            let (c, _) = nearest(&centroids, width, point(i));
            counts[c] += 1;
            sums[c * width..][..width].iter_mut().zip(point(i)).for_each(|(sum, x)| *sum += x);
        }
        for c in 0..CENTROIDS {
            if counts[c] > 0 {
                for k in 0..width {
                    centroids[c * width + k] = sums[c * width + k] / counts[c] as f32;
                }
            }
        }
        for empty in (0..CENTROIDS).filter(|&c| counts[c] == 0).collect::<Vec<_>>() {
            let largest = (0..CENTROIDS).max_by_key(|&c| counts[c]).unwrap_or(0);
            if counts[largest] < 2 {
                break;
            }
            for k in 0..width {
                let shift = 1e-4 * (random.unit() - 0.5);
                centroids[empty * width + k] = centroids[largest * width + k] + shift;
                centroids[largest * width + k] -= shift;
            }
            let half = counts[largest] / 2;
            (counts[empty], counts[largest]) = (half, counts[largest] - half);
        }
    }
    centroids
}

/// Vectors of length 1 as codes of a few bytes, for searches in little memory.
///
/// With `width` numbers to a byte, `dim / width` bytes a vector: at width 2 and 100 dimensions, an eighth of the memory.
///
/// ```
/// use embed::{Quantised, Vectors, Words};
///
/// let words = Words::from_words((0..400).map(|i| i.to_string()))?;
/// let data = (0..400).flat_map(|i| { let a = i as f32 / 63.7; [a.cos(), a.sin(), 0.3, (2.0 * a).cos()] }).collect();
/// let vectors = Vectors::new(words, 4, data)?;
/// let small = Quantised::new(&vectors, 2, 1)?;
/// assert_eq!(small.bytes_per_vector(), 2);
/// let near = small.nearest_to(vectors.get("100").unwrap(), 5);
/// assert!(near.iter().any(|n| ["99", "100", "101"].contains(&n.word)));
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    words: Words,
    quantiser: Quantiser,
    codes: Vec<u8>,
}

impl Quantised {
    /// Codes the directions of vectors, `width` numbers to a byte; the seed says where k-means begins.
    ///
    /// # Errors
    /// If the width is zero or larger than the dimension, there are no vectors, or a number is not finite.
    pub fn new(vectors: &Vectors, width: usize, seed: u64) -> Result<Self> {
        let dim = vectors.dim();
        if !(1..=dim).contains(&width) {
            let found = width.to_string();
            return Err(crate::Error::Setting { setting: "width", expected: "1 to the dimension", found });
        }
        if vectors.is_empty() {
            return Err(crate::Error::TooFewWords { what: "quantisation", least: 1, found: 0 });
        }
        vectors.check_finite()?;
        let inverse = vectors.inverse_norms();
        let rows = vectors.data().chunks_exact(dim).zip(inverse);
        let units: Vec<f32> = rows.flat_map(|(row, scale)| row.iter().map(move |x| x * scale)).collect();
        let quantiser = Quantiser::learn(&units, dim, width, seed);
        let code = |row: &[f32]| {
            let mut code = Vec::with_capacity(quantiser.code_len());
            quantiser.encode(row, &mut code);
            code
        };
        let codes = units.par_chunks_exact(dim).flat_map_iter(code).collect();
        Ok(Self { words: vectors.words().clone(), quantiser, codes })
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Bytes of a coded vector.
    #[must_use]
    pub fn bytes_per_vector(&self) -> usize {
        self.quantiser.code_len()
    }

    /// The vector of length about 1 that the code of row `index` stands for.
    ///
    /// # Panics
    /// If there are not so many.
    #[track_caller]
    #[must_use]
    pub fn row(&self, index: usize) -> Vec<f32> {
        let mut row = vec![0.0; self.quantiser.dim];
        let length = self.quantiser.code_len();
        self.quantiser.add(&self.codes[index * length..][..length], 1.0, &mut row);
        row
    }

    /// All vectors, decoded.
    #[must_use]
    pub fn to_vectors(&self) -> Vectors {
        let data = (0..self.words.len()).flat_map(|index| self.row(index)).collect();
        Vectors::from_checked(self.words.clone(), self.quantiser.dim, data)
    }

    /// The `count` words whose codes are nearest to a vector, by the product with its direction, nearest first.
    ///
    /// # Panics
    /// If the vector has another length.
    #[track_caller]
    #[must_use]
    pub fn nearest_to(&self, vector: &[f32], count: usize) -> Vec<Neighbour<'_>> {
        assert_eq!(vector.len(), self.quantiser.dim, "length of the vector");
        let inverse = crate::query::inverse_norm(vector);
        let unit: Vec<f32> = vector.iter().map(|x| x * inverse).collect();
        let products = self.quantiser.products(&unit);
        let length = self.quantiser.code_len();
        let score = |code: &[u8]| {
            code.iter().enumerate().map(|(part, &c)| products[part * CENTROIDS + usize::from(c)]).sum::<f32>()
        };
        let best = crate::query::best_of(&self.codes, length, count, score);
        best.map(|(index, score)| Neighbour { word: self.words.word(index), index, score }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_points_are_kept_exactly() {
        let points: Vec<f32> = (0..200).flat_map(|i| [i as f32, (i * i % 37) as f32, -1.0]).collect();
        let quantiser = Quantiser::learn(&points, 3, 2, 5);
        assert_eq!((quantiser.code_len(), quantiser.centroids.len()), (2, 3 * CENTROIDS));
        for point in points.chunks_exact(3) {
            let (mut code, mut found) = (Vec::new(), vec![0.0; 3]);
            quantiser.encode(point, &mut code);
            quantiser.add(&code, 1.0, &mut found);
            assert!(found.iter().zip(point).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?} for {point:?}");
        }
    }

    #[test]
    fn finer_codes_lose_less() {
        let mut random = Random::new(3);
        let data: Vec<f32> = (0..2000 * 8).map(|_| random.unit() - 0.5).collect();
        let loss = |width| {
            let quantiser = Quantiser::learn(&data, 8, width, 1);
            let error = |row: &[f32]| {
                let (mut code, mut found) = (Vec::new(), vec![0.0; 8]);
                quantiser.encode(row, &mut code);
                quantiser.add(&code, 1.0, &mut found);
                row.iter().zip(found).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()
            };
            data.chunks_exact(8).map(error).sum::<f32>() / 2000.0
        };
        let (one, two, four) = (loss(1), loss(2), loss(4));
        assert!(one < two && two < four && four < 8.0 / 12.0 * 0.5, "{one} {two} {four}");
    }
}
