//! Which keys a query may attend to. `true` = may attend, everywhere.

use std::ops::Range;
use std::sync::Arc;

use tensor::Bools;

/// A set of allowed (query, key) pairs, composed from parts that must all allow a pair.
///
/// A causal mask, sliding windows and lengths are kept as what they are, so the kernel skips keys it needs
/// not see; only an explicit table is stored as one. A query that may attend to nothing gets a zero output.
///
/// ```
/// use attention::Mask;
/// let mask = Mask::causal().and(&Mask::lengths(&[3, 2]));
/// assert!(mask.allows(0, 2, 1) && !mask.allows(0, 1, 2));    // (batch, query, key)
/// assert!(!mask.allows(1, 2, 2));                            // beyond the length of item 1
/// ```
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Query `i` stands at position `i + offset`; keys after it are hidden.
    causal_offset: Option<usize>,
    /// With a causal mask: only this many latest keys are visible.
    window: Option<usize>,
    /// Valid keys of each batch item.
    lengths: Option<Arc<[usize]>>,
    /// Explicit tables, `(query, key)` or `(batch, query, key)`.
    tables: Vec<Arc<Bools>>,
}

impl Mask {
    /// Every query may attend to every key.
    ///
    /// ```
    /// assert!(attention::Mask::none().allows(0, 0, 99));                    // (batch, query, key)
    /// ```
    pub fn none() -> Self {
        Self::default()
    }

    /// Query `i` may attend to keys `0..=i`.
    ///
    /// ```
    /// let mask = attention::Mask::causal();
    /// assert_eq!([0, 1, 2].map(|key| mask.allows(0, 1, key)), [true, true, false]);
    /// ```
    pub fn causal() -> Self {
        Self::causal_from(0)
    }

    /// Query `i` stands at position `i + offset` and may attend to keys up to there: for queries that continue
    /// a sequence whose keys are cached.
    ///
    /// ```
    /// let mask = attention::Mask::causal_from(2);
    /// assert!(mask.allows(0, 0, 2) && !mask.allows(0, 0, 3));    // (batch, query, key)
    /// ```
    pub fn causal_from(offset: usize) -> Self {
        Self { causal_offset: Some(offset), ..Self::default() }
    }

    /// Causal, and only the latest `window` keys (the query's own among them) are visible.
    ///
    /// # Panics
    /// If `window` is 0.
    ///
    /// ```
    /// let mask = attention::Mask::sliding_window(2, 0);
    /// assert_eq!([1, 2, 3, 4].map(|key| mask.allows(0, 3, key)), [false, true, true, false]);
    /// ```
    #[track_caller]
    pub fn sliding_window(window: usize, offset: usize) -> Self {
        assert!(window > 0, "sliding_window: a window of 0 keys");
        Self { causal_offset: Some(offset), window: Some(window), ..Self::default() }
    }

    /// Batch item `b` has `lengths[b]` keys; the rest is padding. Attention to fewer keys than a length panics, naming the
    /// item.
    ///
    /// ```
    /// let table = attention::Mask::lengths(&[3, 1]).to_bools(2, 1, 3);    // (batch, query, key)
    /// assert_eq!(table.data(), [true, true, true, true, false, false]);
    /// ```
    pub fn lengths(lengths: &[usize]) -> Self {
        Self { lengths: Some(lengths.into()), ..Self::default() }
    }

    /// An explicit table, `(query, key)` for all batch items or `(batch, query, key)`.
    ///
    /// # Panics
    /// If it has another number of dimensions.
    ///
    /// ```
    /// use attention::Mask;
    /// use tensor::Bools;
    /// let mask = Mask::table(Bools::from_fn(&[4, 4], |at| at[0] % 2 == at[1] % 2));    // (query, key)
    /// assert!(mask.allows(0, 1, 3) && !mask.allows(0, 1, 2));
    /// ```
    #[track_caller]
    pub fn table(table: Bools) -> Self {
        let rank = table.shape().len();
        assert!(
            rank == 2 || rank == 3,
            "table: (query, key) or (batch, query, key), found {:?}",
            table.shape()
        );
        Self { tables: vec![Arc::new(table)], ..Self::default() }
    }

    /// Pairs that both masks allow.
    ///
    /// ```
    /// use attention::Mask;
    /// let mask = Mask::sliding_window(2, 0).and(&Mask::lengths(&[2, 4]));
    /// assert_eq!([0, 1, 2].map(|key| mask.allows(0, 2, key)), [false, true, false]);  // key 2 is padding …
    /// assert_eq!([0, 1, 2].map(|key| mask.allows(1, 2, key)), [false, true, true]);   // … of item 0 only
    /// ```
    ///
    /// # Panics
    /// If both are causal from different offsets, or give lengths for different batch sizes.
    #[track_caller]
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if let (Some(a), Some(b)) = (self.causal_offset, other.causal_offset) {
            assert!(a == b, "and: causal from offset {a} and from {b}");
        }
        let lengths = match (&self.lengths, &other.lengths) {
            (Some(a), Some(b)) => {
                assert!(a.len() == b.len(), "and: lengths of {} and of {} batch items", a.len(), b.len());
                Some(a.iter().zip(&**b).map(|(a, b)| *a.min(b)).collect())
            }
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        Self {
            causal_offset: self.causal_offset.or(other.causal_offset),
            window: [self.window, other.window].into_iter().flatten().min(),
            lengths,
            tables: [self.tables.clone(), other.tables.clone()].concat(),
        }
    }

    /// Whether `query` of batch item `batch` may attend to `key`, in every head.
    pub fn allows(&self, batch: usize, query: usize, key: usize) -> bool {
        self.visible(batch, query, usize::MAX).contains(&key) && self.tables_allow(batch, query, key)
    }

    /// Whether nothing is hidden, whatever the sizes.
    pub(crate) fn allows_all(&self) -> bool {
        self.causal_offset.is_none() && self.lengths.is_none() && self.tables.is_empty()
    }

    /// The run of keys, of `keys` there are, outside which nothing is visible.
    pub(crate) fn visible(&self, batch: usize, query: usize, keys: usize) -> Range<usize> {
        let mut end = keys;
        let mut start = 0;
        if let Some(lengths) = &self.lengths {
            end = end.min(lengths[batch]);
        }
        if let Some(offset) = self.causal_offset {
            let position = query + offset;
            end = end.min(position + 1);
            if let Some(window) = self.window {
                start = (position + 1).saturating_sub(window);
            }
        }
        start.min(end)..end
    }

    /// Whether anything but the end of the visible run differs between queries, so that single pairs must be
    /// looked at.
    pub(crate) fn needs_pairs(&self) -> bool {
        self.window.is_some() || !self.tables.is_empty()
    }

    pub(crate) fn tables_allow(&self, batch: usize, query: usize, key: usize) -> bool {
        self.tables.iter().all(|table| {
            let (data, shape) = (table.data(), table.shape());
            let (queries, keys) = (shape[shape.len() - 2], shape[shape.len() - 1]);
            let item = if shape.len() == 3 { batch } else { 0 };
            data[(item * queries + query) * keys + key]
        })
    }

    /// The full table, `(batch, query, key)`.
    ///
    /// # Panics
    /// If lengths or tables are for other sizes, or a length is more than `keys`.
    ///
    /// ```
    /// let table = attention::Mask::causal().to_bools(1, 2, 3);
    /// assert_eq!(table.data(), [true, false, false, true, true, false]);
    /// ```
    #[track_caller]
    pub fn to_bools(&self, batch: usize, queries: usize, keys: usize) -> Bools {
        self.check("to_bools", batch, queries, keys);
        let shape = [batch, queries, keys];
        let data = (0..batch * queries * keys).map(|flat| {
            let (b, i, j) = (flat / (queries * keys), flat / keys % queries, flat % keys);
            self.allows(b, i, j)
        });
        Bools::new(data.collect(), &shape)
    }

    /// Checks that lengths and tables fit the `(batch, queries, keys)` of the operation `op`.
    #[track_caller]
    pub(crate) fn check(&self, op: &str, batch: usize, queries: usize, keys: usize) {
        if let Some(lengths) = &self.lengths {
            let items = lengths.len();
            assert!(items == batch, "{op}: mask: lengths of {items} items for a batch of {batch}");
            if let Some((item, length)) = lengths.iter().enumerate().find(|(_, length)| **length > keys) {
                panic!(
                    "{op}: mask: length {length} of batch item {item}, expected at most {keys}, the number of keys"
                );
            }
        }
        for table in &self.tables {
            let wanted: &[usize] = &[batch, queries, keys];
            let wanted = &wanted[3 - table.shape().len()..];
            assert!(
                table.shape() == wanted,
                "{op}: mask: table {:?} for (batch, query, key) {wanted:?}",
                table.shape()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AttendOptions, LocalAttention, Score, Source, SourceAttention, attend, attend_packed,
        attention_weights, dot_scores, normalise,
    };
    use autograd::Var;
    use nn::Mode;
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
    use tensor::Tensor;

    #[test]
    fn parts_compose() {
        let mask = Mask::sliding_window(2, 1).and(&Mask::lengths(&[5, 2]));
        let seen = |b, q| (0..5).filter(|k| mask.allows(b, q, *k)).collect::<Vec<_>>();
        assert_eq!(seen(0, 0), [0, 1]);
        assert_eq!(seen(0, 3), [3, 4]);
        assert_eq!(seen(1, 1), [1]);
        assert_eq!(seen(1, 3), Vec::<usize>::new());
    }

    #[test]
    fn tables_restrict_further() {
        let table = Bools::from_fn(&[2, 3], |index| (index[0] + index[1]) % 2 == 0);
        let mask = Mask::table(table).and(&Mask::causal());
        assert!(mask.allows(0, 1, 1) && !mask.allows(0, 1, 0) && !mask.allows(0, 0, 2));
    }

    #[test]
    #[should_panic(expected = "lengths of 2 items for a batch of 3")]
    fn wrong_batch_is_named() {
        Mask::lengths(&[1, 2]).check("attend", 3, 4, 4);
    }

    /// Whatever mask is applied, by every operation that knows how many keys there are, at the line of the caller.
    #[test]
    fn a_length_of_more_than_the_keys_is_named() {
        thread_local!(static LINE: Cell<Option<u32>> = const { Cell::new(None) });
        let first = line!();
        let print = take_hook();
        set_hook(Box::new(move |info| {
            LINE.set(info.location().filter(|at| at.file() == file!()).map(Location::line));
            print(info);
        }));
        let mask = Mask::lengths(&[4, 5]);
        let x = Var::constant(Tensor::<f32>::ones(&[2, 1, 4, 3])); // (batch, heads, time, d_head)
        let rows = x.squeeze(1); // (batch, time, d)
        let score = || Score::Dot;
        let source = |mask: &Mask| Source { keys: rows.clone(), values: rows.clone(), mask: mask.clone() };
        let global = SourceAttention::new(score(), 0.0).unwrap();
        let local = LocalAttention::monotonic(score(), 1).unwrap();
        let packed = |mask: &Mask| {
            attend_packed(
                &Var::concat(&[&rows, &rows, &rows], -1),
                1,
                1,
                mask,
                &AttendOptions::default(),
                &mut Mode::Eval,
            )
        };
        type Run<'a> = Box<dyn Fn(&Mask) + 'a>;
        let runs: [(&str, Run<'_>); 7] = [
            ("attend", Box::new(|mask| drop(attend(&x, &x, &x, &mask.and(&Mask::causal()))))),
            ("attend_packed", Box::new(|mask| drop(packed(mask)))),
            ("attention_weights", Box::new(|mask| drop(attention_weights(&x, &x, mask)))),
            ("normalise", Box::new(|mask| drop(normalise(&dot_scores(&rows, &rows), mask)))),
            ("normalise", Box::new(|mask| drop(global.forward(&rows, &source(mask), &mut Mode::Eval)))),
            ("local attention", Box::new(|_| drop(local.forward(&rows, &source(&Mask::none()), &[4, 5], 0)))),
            ("to_bools", Box::new(|mask| drop(mask.to_bools(2, 4, 4)))),
        ];
        for (op, run) in runs {
            let message =
                catch_unwind(AssertUnwindSafe(|| run(&mask))).unwrap_err().downcast::<String>().unwrap();
            let expected = "length 5 of batch item 1, expected at most 4, the number of keys";
            assert_eq!(*message, format!("{op}: mask: {expected}"));
            assert!(
                LINE.get().is_some_and(|line| line > first),
                "{op}: the panic is not at the caller's line"
            );
        }
        drop(take_hook());
        attend(&x, &x, &x, &Mask::lengths(&[4, 0]));
    }
}
