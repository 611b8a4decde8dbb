//! Rows of a batch by the source that each belongs to, so that what belongs to a source is not copied for its rows.

use autograd::Var;
use tensor::{Element, Ids};

/// Where the rows of a batch lie when each source has as many places as the source with most rows.
pub(super) struct Places {
    /// The sources that have rows, rising.
    pub(super) sources: Vec<usize>,
    /// Places of a source.
    width: usize,
    /// The place of each row; none where rows lie in their places already.
    moved: Option<Moved>,
}

struct Moved {
    /// The row in each place; where there is none, another of the same source.
    rows: Ids,
    /// The place of each row.
    places: Ids,
}

impl Places {
    /// `origins` are the sources of rows, in any order.
    pub(super) fn of(origins: &[usize]) -> Self {
        let mut sources = origins.to_vec();
        sources.sort_unstable();
        sources.dedup();
        let at = |origin: &usize| sources.binary_search(origin).expect("every origin is a source");
        let mut counts = vec![0_usize; sources.len()];
        let mut own: Vec<(usize, usize)> = Vec::with_capacity(origins.len());
        for origin in origins {
            let source = at(origin);
            own.push((source, counts[source]));
            counts[source] += 1;
        }
        let width = counts.iter().copied().max().unwrap_or(0);
        let places: Vec<u32> = own.iter().map(|(source, place)| (source * width + place) as u32).collect();
        if places.iter().enumerate().all(|(row, place)| row == *place as usize)
            && places.len() == sources.len() * width
        {
            return Self { sources, width, moved: None };
        }
        let mut rows = vec![0_u32; sources.len() * width];
        // First rows everywhere, then each row in its place.
        for (row, (source, place)) in own.iter().enumerate() {
            if *place == 0 {
                rows[source * width..(source + 1) * width].fill(row as u32);
            }
        }
        places.iter().enumerate().for_each(|(row, place)| rows[*place as usize] = row as u32);
        let moved = Moved { rows: Ids::from_slice(&rows), places: Ids::from_slice(&places) };
        Self { sources, width, moved: Some(moved) }
    }

    /// The place of a row.
    pub(super) fn of_row(&self, row: usize) -> usize {
        self.moved.as_ref().map_or(row, |moved| moved.places.data()[row] as usize)
    }

    /// `x (rows, d)` → `(sources, width, d)`
    pub(super) fn spread<E: Element>(&self, x: &Var<E>) -> Var<E> {
        let placed = self.moved.as_ref().map_or_else(|| x.clone(), |moved| x.index_select(0, &moved.rows));
        placed.reshape(&[self.sources.len(), self.width, x.dim(1)])
    }

    /// `x (sources, width, d)` → `(rows, d)`
    pub(super) fn collect<E: Element>(&self, x: &Var<E>) -> Var<E> {
        let flat = x.reshape(&[self.sources.len() * self.width, x.dim(2)]);
        self.moved.as_ref().map_or_else(|| flat.clone(), |moved| flat.index_select(0, &moved.places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tensor::Tensor;

    proptest! {
        #[test]
        fn every_row_has_a_place_at_its_source(origins in prop::collection::vec(0_usize..5, 1..20)) {
            let places = Places::of(&origins);
            let ids: Vec<f32> = (0..origins.len()).map(|row| row as f32).collect();
            let rows = Var::constant(Tensor::from_slice(&ids, &[origins.len(), 1]));
            let spread = places.spread(&rows);
            for (source, row) in spread.value().to_vec().chunks(places.width).enumerate().flat_map(
                |(source, rows)| rows.iter().map(move |row| (source, *row as usize)).collect::<Vec<_>>(),
            ) {
                prop_assert_eq!(origins[row], places.sources[source]);
            }
            prop_assert_eq!(places.collect(&spread).value().to_vec(), ids);
            for row in 0..origins.len() {
                prop_assert_eq!(places.of_row(row) / places.width, places.sources.binary_search(&origins[row]).unwrap());
            }
        }
    }

    #[test]
    fn rows_in_order_stay_where_they_are() {
        assert!(Places::of(&[1, 1, 4, 4]).moved.is_none());
        assert!(Places::of(&[1, 4, 4]).moved.is_some());
        assert!(Places::of(&[4, 1]).moved.is_some());
    }
}
