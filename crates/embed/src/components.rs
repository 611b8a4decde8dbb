//! Principal components: the directions in which vectors differ most.

use crate::random::Random;
use crate::{Vectors, kernel};

/// Rounds of iteration: enough for pictures and for SIF.
const ROUNDS: usize = 100;

/// The first `count` principal directions of rows `(n, dim)` as they are, without taking off their mean: orthogonal
/// vectors of length 1, by power iteration on `XᵀX`, each kept orthogonal to those before.
pub(crate) fn directions(rows: &[f32], dim: usize, count: usize) -> Vec<Vec<f32>> {
    let mut found: Vec<Vec<f32>> = Vec::new();
    let mut products = vec![0.0; rows.len() / dim];
    for number in 0..count.min(dim) {
        let mut random = Random::of(0, u64::MAX - 5, number as u64);
        let mut direction: Vec<f32> = (0..dim).map(|_| random.unit() - 0.5).collect();
        for _ in 0..ROUNDS {
            kernel::scan(rows, &direction, direction.len(), &mut products);
            let mut next = vec![0.0f64; dim];
            for (row, &product) in rows.chunks_exact(dim).zip(&products) {
                next.iter_mut().zip(row).for_each(|(next, x)| *next += f64::from(*x) * f64::from(product));
            }
            for before in &found {
                let along: f64 = next.iter().zip(before).map(|(a, &b)| a * f64::from(b)).sum();
                next.iter_mut().zip(before).for_each(|(next, &b)| *next -= along * f64::from(b));
            }
            let length = next.iter().map(|x| x * x).sum::<f64>().sqrt();
            // The rows lie in fewer dimensions: any direction will do.
            if length < 1e-12 {
                break;
            }
            direction = next.iter().map(|x| (x / length) as f32).collect();
        }
        found.push(direction);
    }
    found
}

impl Vectors {
    /// Places of some words on a map: their directions, less the mean of these, along the two principal components.
    ///
    /// # Panics
    /// If a row does not exist.
    ///
    /// ```
    /// use embed::{Vectors, Words};
    ///
    /// let words = Words::from_words(["a", "b", "c"])?;
    /// let vectors = Vectors::new(words, 3, vec![9.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 2.9, 0.1])?;
    /// let map = vectors.map(&[0, 1, 2]);
    /// assert!((map[1][0] - map[2][0]).abs() < 0.1 && (map[0][0] - map[1][0]).abs() > 1.0);
    /// # Ok::<(), embed::Error>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map(&self, rows: &[usize]) -> Vec<[f32; 2]> {
        let dim = self.dim();
        let inverse = self.inverse_norms();
        let mut data: Vec<f32> =
            rows.iter().flat_map(|&row| self.row(row).iter().map(move |x| x * inverse[row])).collect();
        for column in 0..dim {
            let mean = data.iter().skip(column).step_by(dim).sum::<f32>() / rows.len().max(1) as f32;
            data.iter_mut().skip(column).step_by(dim).for_each(|x| *x -= mean);
        }
        let directions = directions(&data, dim, 2);
        let along = |row: &[f32], i: usize| {
            directions.get(i).map_or(0.0, |d| d.iter().zip(row).map(|(a, b)| a * b).sum::<f32>())
        };
        data.chunks_exact(dim).map(|row| [along(row, 0), along(row, 1)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_those_of_the_largest_spread() {
        // Points spread by 5, 2 and 0.5 along three orthogonal directions.
        let axes = [[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]];
        let mut random = Random::new(1);
        let mut rows = Vec::new();
        for _ in 0..4000 {
            let a = [5.0, 2.0, 0.5].map(|scale| scale * (random.unit() - 0.5));
            rows.extend((0..3).map(|k| (0..3).map(|i| a[i] * axes[i][k]).sum::<f32>()));
        }
        for (found, axis) in directions(&rows, 3, 3).iter().zip(axes) {
            let along: f32 = found.iter().zip(axis).map(|(a, b)| a * b).sum();
            assert!(along.abs() > 0.998, "{found:?} for {axis:?}");
        }
    }
}
