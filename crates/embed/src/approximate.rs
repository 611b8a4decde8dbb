//! Nearest words without looking at all of them.

use instant_distance::{Builder, Hnsw as Graph, Point, PointId, Search};

use crate::{Neighbour, Vectors, kernel, query};

/// A graph that leads to the nearest words (hierarchical navigable small worlds, Malkov & Yashunin 2018), by the crate
/// `instant-distance`; with the feature `hnsw`.
///
/// It pays from some hundred thousand words on: a search looks at a few thousand vectors, and misses a neighbour now and
/// then. Building takes minutes for a million words, and the graph keeps a copy of all vectors.
///
/// ```
/// use embed::{Hnsw, Vectors, Words};
///
/// let words = Words::from_words((0..500).map(|i| i.to_string()))?;
/// let data = (0..500).flat_map(|i| { let a = i as f32 / 80.0; [a.cos(), a.sin()] }).collect();
/// let vectors = Vectors::new(words, 2, data)?;
/// let index = Hnsw::new(&vectors, 100, 1);
/// let near = index.nearest_to(vectors.get("250").unwrap(), 3);
/// assert_eq!(near[0].word, "250");
/// # Ok::<(), embed::Error>(())
/// ```
pub struct Hnsw<'v> {
    vectors: &'v Vectors,
    graph: Graph<Unit>,
    /// Rows by the graph's numbers.
    rows: Vec<usize>,
}

/// A vector of length 1.
#[derive(Clone)]
struct Unit(Vec<f32>);

impl Unit {
    fn of(vector: &[f32]) -> Self {
        let inverse = query::inverse_norm(vector);
        Self(vector.iter().map(|x| x * inverse).collect())
    }
}

impl Point for Unit {
    fn distance(&self, other: &Self) -> f32 {
        let mut product = [0.0];
        kernel::scan(&self.0, &other.0, other.0.len(), &mut product);
        1.0 - product[0]
    }
}

impl<'v> Hnsw<'v> {
    /// Builds the graph on all threads of the current rayon pool, and searches with a list of `breadth` candidates: more
    /// find more, more slowly; 100 is customary. With one thread, the same seed gives the same graph.
    #[must_use]
    pub fn new(vectors: &'v Vectors, breadth: usize, seed: u64) -> Self {
        let points: Vec<Unit> = vectors.iter().map(|(_, row)| Unit::of(row)).collect();
        let (graph, ids) =
            Builder::default().ef_construction(breadth).ef_search(breadth).seed(seed).build_hnsw(points);
        let mut rows = vec![0; ids.len()];
        for (row, id) in ids.into_iter().enumerate() {
            rows[id.into_inner() as usize] = row;
        }
        Self { vectors, graph, rows }
    }

    /// About the `count` words nearest to a vector by cosine, nearest first; at most as many as the breadth.
    ///
    /// # Panics
    /// If the vector has another length.
    #[track_caller]
    #[must_use]
    pub fn nearest_to(&self, vector: &[f32], count: usize) -> Vec<Neighbour<'v>> {
        assert_eq!(vector.len(), self.vectors.dim(), "length of the vector");
        let mut search = Search::default();
        let found = self.graph.search(&Unit::of(vector), &mut search).take(count);
        let neighbour = |(pid, distance): (PointId, f32)| {
            let index = self.rows[pid.into_inner() as usize];
            Neighbour { word: self.vectors.word(index), index, score: 1.0 - distance }
        };
        found.map(|item| neighbour((item.pid, item.distance))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Words;
    use crate::random::Random;

    #[test]
    fn most_neighbours_are_found() {
        let mut random = Random::new(2);
        let (rows, dim) = (3000, 16);
        let data: Vec<f32> = (0..rows * dim).map(|_| random.unit() - 0.5).collect();
        let vectors =
            Vectors::new(Words::from_words((0..rows).map(|i| i.to_string())).unwrap(), dim, data).unwrap();
        let index = Hnsw::new(&vectors, 100, 3);
        let mut found = 0;
        for query in 0..50 {
            let exact = vectors.nearest_to(vectors.row(query * 7), 10, &[]);
            let near = index.nearest_to(vectors.row(query * 7), 10);
            found += near.iter().filter(|near| exact.iter().any(|exact| exact.index == near.index)).count();
            assert!(near.is_sorted_by(|a, b| a.score >= b.score));
        }
        assert!(found > 450, "{found} of 500");
    }
}
