//! Words by how often they occur, and which of them a limit of memory has room for.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::progress::Progress;

/// How many words there are of each count, and how much they take.
#[derive(Default)]
pub(super) struct Classes(HashMap<u64, Class>);

/// Words of one count.
#[derive(Clone, Copy, Default)]
pub(super) struct Class {
    words: u64,
    pub(super) size: usize,
}

/// Words left out because they would take too much memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    words: u64,
    least_count: u64,
}

impl Classes {
    /// Notes a word of this count that takes `size`.
    pub(super) fn add(&mut self, count: u64, size: usize) {
        let class = self.0.entry(count).or_default();
        class.words += 1;
        class.size += size;
    }

    /// The classes that fit into a size of `most` together, by falling count, all words of a count or none; and what
    /// is left out, if anything is.
    pub(super) fn fitting(self, most: usize) -> (Vec<(u64, Class)>, Option<Dropped>) {
        let mut classes: Vec<(u64, Class)> = self.0.into_iter().collect();
        classes.sort_unstable_by_key(|&(count, _)| Reverse(count));
        let mut size = 0;
        let fitting = classes.iter().take_while(|(_, class)| {
            size += class.size;
            size <= most
        });
        let dropped = classes.split_off(fitting.count());
        if dropped.is_empty() {
            return (classes, None);
        }
        let words = dropped.iter().map(|(_, class)| class.words).sum();
        let least_count = classes.last().map_or(u64::MAX, |&(count, _)| count);
        (classes, Some(Dropped { words, least_count }))
    }
}

impl From<Dropped> for Progress<'_> {
    fn from(dropped: Dropped) -> Self {
        Progress::Dropped { words: dropped.words, least_count: dropped.least_count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_go_first_and_all_of_a_count_together() {
        let fitting = |most| {
            let mut classes = Classes::default();
            for (count, size) in [(1, 2), (7, 3), (1, 2), (3, 4)] {
                classes.add(count, size);
            }
            let (kept, dropped) = classes.fitting(most);
            (kept.into_iter().map(|(count, class)| (count, class.size)).collect::<Vec<_>>(), dropped)
        };
        assert_eq!(fitting(11), (vec![(7, 3), (3, 4), (1, 4)], None));
        assert_eq!(fitting(10), (vec![(7, 3), (3, 4)], Some(Dropped { words: 2, least_count: 3 })));
        assert_eq!(fitting(2), (vec![], Some(Dropped { words: 4, least_count: u64::MAX })));
    }
}
