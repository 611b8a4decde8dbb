//! Keys and values of the past, so that a decoder computes only what is new.

use tensor::{Element, Ids, Tensor, shape};

/// Keys and values of one layer, growing along time.
///
/// ```
/// use attention::KvCache;
/// use tensor::Tensor;
/// let mut cache = KvCache::new();
/// let new = Tensor::<f32>::ones(&[1, 2, 3, 4]);         // (batch, heads, time, d_head)
/// assert!(cache.is_empty() && cache.batch() == 0);
/// cache.append(&new, &new);
/// cache.append(&new, &(&new * 2.0));
/// assert_eq!(cache.keys().shape(), [1, 2, 6, 4]);
/// assert_eq!(cache.values().slice(2, 3..6), &new * 2.0);
/// assert_eq!((cache.batch(), cache.len()), (1, 6));
/// ```
#[derive(Clone, Default)]
pub struct KvCache<E: Element = f32> {
    /// Keys and values, `(batch, heads, capacity, d_head)`; the first `len` times are filled.
    store: Option<[Tensor<E>; 2]>,
    len: usize,
}

impl<E: Element> KvCache<E> {
    /// An empty cache.
    pub fn new() -> Self {
        Self { store: None, len: 0 }
    }

    /// Times stored.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Batch items stored; 0 if nothing was ever appended.
    pub fn batch(&self) -> usize {
        self.store.as_ref().map_or(0, |store| store[0].dim(0))
    }

    /// Adds keys and values `(batch, heads, time, d_head)` at the end. The room doubles when it is used up.
    ///
    /// # Panics
    /// If the shapes differ from each other, or from what is stored in anything but time.
    #[track_caller]
    pub fn append(&mut self, keys: &Tensor<E>, values: &Tensor<E>) {
        let named = "batch heads time d_head";
        shape::agree("KvCache::append", &[("keys", named, keys.shape()), ("values", named, values.shape())]);
        let [batch, heads, time, d_head] = *keys.shape() else { unreachable!("checked") };
        if let Some(store) = &self.store {
            let stored = store[0].shape();
            if [stored[0], stored[1], stored[3]] != [batch, heads, d_head] {
                let operands = [("stored", named, stored), ("new", named, keys.shape())];
                shape::fail("KvCache::append", &operands, "they may differ in time alone");
            }
        }
        let needed = self.len + time;
        if self.store.as_ref().is_none_or(|store| store[0].dim(2) < needed) {
            let capacity = needed.next_power_of_two().max(16);
            let old = self.store.take();
            let grown = |which: usize| {
                let mut room = Tensor::zeros(&[batch, heads, capacity, d_head]);
                if let Some(old) = &old {
                    write(&mut room, &old[which].slice(2, 0..self.len), 0);
                }
                room
            };
            self.store = Some([grown(0), grown(1)]);
        }
        let store = self.store.as_mut().expect("just made");
        write(&mut store[0], keys, self.len);
        write(&mut store[1], values, self.len);
        self.len = needed;
    }

    /// The keys, `(batch, heads, time, d_head)`, a view.
    ///
    /// # Panics
    /// If nothing was ever appended.
    #[track_caller]
    pub fn keys(&self) -> Tensor<E> {
        self.view(0)
    }

    /// The values, `(batch, heads, time, d_head)`, a view.
    ///
    /// # Panics
    /// If nothing was ever appended.
    #[track_caller]
    pub fn values(&self) -> Tensor<E> {
        self.view(1)
    }

    #[track_caller]
    fn view(&self, which: usize) -> Tensor<E> {
        let store = self.store.as_ref().expect("an empty cache has no keys or values");
        store[which].slice(2, 0..self.len)
    }

    /// Makes batch item `i` what item `parents[i]` was: how a beam search forks and drops hypotheses.
    ///
    /// # Panics
    /// If a parent is out of range.
    ///
    /// ```
    /// use attention::KvCache;
    /// use tensor::Tensor;
    /// let mut cache = KvCache::new();
    /// let new = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0], &[3, 1, 1, 1]);    // (batch, heads, time, d_head)
    /// cache.append(&new, &new);
    /// cache.reorder(&[2, 0, 0]);
    /// assert_eq!(cache.keys().to_vec(), [3.0, 1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn reorder(&mut self, parents: &[usize]) {
        let index: Vec<u32> = parents.iter().map(|parent| *parent as u32).collect();
        let index = Ids::from_slice(&index);
        if let Some(store) = &mut self.store {
            store.iter_mut().for_each(|part| *part = part.index_select(0, &index));
        }
    }

    /// Forgets everything from time `len` on.
    ///
    /// ```
    /// # use {attention::KvCache, tensor::Tensor};
    /// let mut cache = KvCache::new();
    /// let new = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0], &[1, 1, 3, 1]);    // (batch, heads, time, d_head)
    /// cache.append(&new, &new);
    /// cache.truncate(2);
    /// assert_eq!(cache.keys().to_vec(), [1.0, 2.0]);
    /// ```
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

/// Copies `new (batch, heads, time, d_head)` into `room` from time `at` on.
fn write<E: Element>(room: &mut Tensor<E>, new: &Tensor<E>, at: usize) {
    let (capacity, d_head, time) = (room.dim(2), room.dim(3), new.dim(2));
    let new = new.contiguous();
    let (item, part) = ((capacity * d_head).max(1), (time * d_head).max(1));
    for (room, new) in room.data_mut().chunks_exact_mut(item).zip(new.data().chunks_exact(part)) {
        room[at * d_head..][..time * d_head].copy_from_slice(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(batch: usize, time: usize, from: f32) -> Tensor {
        Tensor::arange(batch * 2 * time * 3).reshape(&[batch, 2, time, 3]).map(move |x| x + from)
    }

    #[test]
    fn appends_reads_and_reorders() {
        let mut cache = KvCache::new();
        let parts: Vec<Tensor> = [5, 1, 30, 2].iter().map(|t| numbered(2, *t, 100.0 * *t as f32)).collect();
        parts.iter().for_each(|part| cache.append(part, &(part * -1.0)));
        let whole = Tensor::concat(&parts.iter().collect::<Vec<_>>(), 2);
        assert_eq!(cache.keys(), whole);
        assert_eq!(cache.values(), -&whole);
        cache.reorder(&[1, 1, 0]);
        assert_eq!(cache.keys().slice(0, 2..3), whole.slice(0, 0..1));
        cache.truncate(6);
        assert_eq!(cache.keys().slice(0, 0..1), whole.slice(0, 1..2).slice(2, 0..6));
    }

    #[test]
    fn another_batch_is_refused_whether_or_not_there_is_room() {
        for held in [15, 16, 17] {
            let mut cache = KvCache::new();
            cache.append(&numbered(2, held, 0.0), &numbered(2, held, 0.0));
            for batch in [1, 3] {
                let new = numbered(batch, 1, 0.0);
                let append = std::panic::AssertUnwindSafe(|| cache.append(&new, &new));
                let message = *std::panic::catch_unwind(append).unwrap_err().downcast::<String>().unwrap();
                assert!(message.contains("they may differ in time alone"), "{message}");
            }
            assert_eq!(cache.keys(), numbered(2, held, 0.0), "a refused append leaves the cache as it was");
        }
    }
}
