//! Parallel loops whose results never depend on the number of threads.
//!
//! Work is cut into chunks whose size depends on the shape alone. Loops write disjoint chunks; folds
//! combine the chunks along a binary tree fixed by their number. Work of a few chunks runs on
//! the caller's thread without touching rayon.

use std::ops::Range;

use rayon::prelude::*;

/// Elements of cheap work (one addition, one multiplication) that are worth a task of their own.
pub const CHUNK: usize = 32 * 1024;

/// Chunks that the caller's thread does alone: waking another costs more than it saves.
const ALONE: usize = 4;

/// Rows to give a task when one row costs as much as `cost` cheap elements.
pub fn rows_per_chunk(cost: usize) -> usize {
    (CHUNK / cost.max(1)).max(1)
}

/// Data that can be cut in two at an index: slices, rows of slices, options and tuples of these.
pub trait Split: Send + Sized {
    /// The part before `index` and the part from it on.
    fn split(self, index: usize) -> (Self, Self);
}

impl<T: Sync> Split for &[T] {
    #[inline(always)]
    fn split(self, index: usize) -> (Self, Self) {
        self.split_at(index)
    }
}

impl<T: Send> Split for &mut [T] {
    #[inline(always)]
    fn split(self, index: usize) -> (Self, Self) {
        self.split_at_mut(index)
    }
}

impl Split for Range<usize> {
    #[inline(always)]
    fn split(self, index: usize) -> (Self, Self) {
        let middle = self.start + index;
        (self.start..middle, middle..self.end)
    }
}

impl<S: Split> Split for Option<S> {
    #[inline(always)]
    fn split(self, index: usize) -> (Self, Self) {
        match self {
            Some(data) => {
                let (left, right) = data.split(index);
                (Some(left), Some(right))
            }
            None => (None, None),
        }
    }
}

/// A matrix `(rows, cols)` that is cut between rows.
#[derive(Clone, Copy, Debug)]
pub struct Rows<S> {
    /// The elements, row after row.
    pub data: S,
    /// Elements of a row.
    pub cols: usize,
}

/// `data` as rows of `cols` elements.
pub fn rows<S>(data: S, cols: usize) -> Rows<S> {
    Rows { data, cols }
}

impl<S: Split> Split for Rows<S> {
    #[inline(always)]
    fn split(self, index: usize) -> (Self, Self) {
        let (left, right) = self.data.split(index * self.cols);
        (rows(left, self.cols), rows(right, self.cols))
    }
}

macro_rules! split_tuple {
    ($($name:ident)+) => {
        impl<$($name: Split),+> Split for ($($name,)+) {
            #[inline(always)]
            #[allow(non_snake_case)]
            fn split(self, index: usize) -> (Self, Self) {
                let ($($name,)+) = self;
                $(let $name = $name.split(index);)+
                (($($name.0,)+), ($($name.1,)+))
            }
        }
    };
}
split_tuple!(A);
split_tuple!(A B);
split_tuple!(A B C);
split_tuple!(A B C D);
split_tuple!(A B C D F);
split_tuple!(A B C D F G);

/// Where `len` is cut: a multiple of `chunk`, so that every part but the last is whole chunks.
#[inline(always)]
fn middle(len: usize, chunk: usize) -> usize {
    len.div_ceil(chunk).div_ceil(2) * chunk
}

/// Calls `f(start, part)` for consecutive parts of `data`, each of `chunk` indices (the last may be shorter);
/// once with everything if that is only a few chunks. What `f` writes must not depend on the cut.
///
/// Nothing is called for `len` 0. Panics if `chunk` is 0.
#[inline]
pub fn for_each<S: Split>(data: S, len: usize, chunk: usize, f: impl Fn(usize, S) + Sync) {
    if len <= ALONE * chunk {
        // One call: for a loop, unlike for a fold, where it is cut makes no difference.
        if len > 0 {
            f(0, data);
        }
    } else {
        for_each_from(data, 0, len, chunk, &f);
    }
}

/// The function is behind a pointer, one call per chunk, so that the parallel part is compiled once for each kind
/// of data and not for each function: that is most of the time it takes to build a crate full of kernels.
fn for_each_from<S: Split>(data: S, start: usize, len: usize, chunk: usize, f: &(dyn Fn(usize, S) + Sync)) {
    if len <= chunk {
        return f(start, data);
    }
    let at = middle(len, chunk);
    let (left, right) = data.split(at);
    rayon::join(
        || for_each_from(left, start, at, chunk, f),
        || for_each_from(right, start + at, len - at, chunk, f),
    );
}

/// `f(start, part)` of every part as in [`for_each`], combined in a fixed order; `None` for `len` 0.
#[inline]
pub fn fold<S: Split, R: Send>(
    data: S,
    len: usize,
    chunk: usize,
    f: impl Fn(usize, S) -> R + Sync,
    combine: impl Fn(R, R) -> R + Sync,
) -> Option<R> {
    match len {
        0 => None,
        _ if len <= chunk => Some(f(0, data)),
        _ => Some(fold_from(data, 0, len, chunk, len <= ALONE * chunk, &f, &combine)),
    }
}

/// Pointers as in [`for_each_from`].
fn fold_from<S: Split, R: Send>(
    data: S,
    start: usize,
    len: usize,
    chunk: usize,
    alone: bool,
    f: &(dyn Fn(usize, S) -> R + Sync),
    combine: &(dyn Fn(R, R) -> R + Sync),
) -> R {
    if len <= chunk {
        return f(start, data);
    }
    let at = middle(len, chunk);
    let (left, right) = data.split(at);
    let left = || fold_from(left, start, at, chunk, alone, f, combine);
    let right = || fold_from(right, start + at, len - at, chunk, alone, f, combine);
    let (left, right) = if alone { (left(), right()) } else { rayon::join(left, right) };
    combine(left, right)
}

/// Calls `task` with every number below `count`, each call a task of its own.
pub(super) fn tasks(count: usize, task: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().with_max_len(1).for_each(task);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `f` on rayon pools of 1, 2 and 4 threads must give the same value.
    pub(crate) fn same_on_any_threads<T: PartialEq + std::fmt::Debug + Send>(f: impl Fn() -> T + Sync) -> T {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(&f)
        };
        let one = on(1);
        assert_eq!(one, on(2), "2 threads differ from 1");
        assert_eq!(one, on(4), "4 threads differ from 1");
        one
    }

    proptest! {
        #[test]
        fn every_index_is_visited_once(len in 0usize..200, chunk in 1usize..40, cols in 0usize..4) {
            let mut seen = vec![0; len];
            let mut matrix = vec![0; len * cols];
            for_each((&mut seen[..], rows(&mut matrix[..], cols)), len, chunk, |start, (seen, m)| {
                assert!(start % chunk == 0 && seen.len() <= 4 * chunk && m.data.len() == seen.len() * cols);
                for (i, s) in seen.iter_mut().enumerate() {
                    *s += start + i + 1;
                }
            });
            prop_assert!(seen.iter().enumerate().all(|(i, &s)| s == i + 1));
        }

        #[test]
        fn folds_keep_order(len in 0usize..200, chunk in 1usize..40) {
            let joined = fold(0..len, len, chunk, |_, part| part.collect::<Vec<_>>(), |mut a, b| { a.extend(b); a });
            prop_assert_eq!(joined.unwrap_or_default(), (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_fold_of_floats_has_the_same_bits_on_any_number_of_threads() {
        let x: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.37).sin() * 1e3).collect();
        same_on_any_threads(|| {
            fold(&x[..], x.len(), 1000, |_, p| p.iter().sum::<f32>(), |a, b| a + b).unwrap().to_bits()
        });
    }
}
