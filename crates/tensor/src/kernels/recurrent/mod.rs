//! A recurrent layer over a whole sequence, forward and back through time.
//!
//! The caller has the sums from the inputs of all steps (one product); here the steps follow one another. The hidden
//! units are cut into parts, by their number alone. In a step each part multiplies the whole state with its own
//! columns of the weights, packed once per sequence, and takes the result through the gates of its units while it is
//! in the cache; then the parts meet once, because the next product needs the whole new state. Back through time it
//! is the same with the rows of the weights. All gradients of weights are left to the caller: products over all steps.
//!
//! Everything is time-major, `(time, batch, ..)`, and the rows of a batch are in order of falling length, so that a
//! step computes its first `active` rows. The state of the others is carried along unchanged.

mod backward;
mod forward;
mod gates;

#[cfg(test)]
mod tests;

use std::ops::Range;

use rayon::prelude::*;

pub use backward::{History, backward};
pub use forward::forward;
pub use gates::{Backward, Forward, Gates, GruGates, LstmGates, RnnGates};

/// Hidden units of a part: with four gates, 256 columns of the product.
const PART: usize = 64;

/// Sizes of a sequence and the order of its steps.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// Rows of a step.
    pub batch: usize,
    /// Units of the state.
    pub hidden: usize,
    /// Of each step, how many rows (the first ones) there are; never rising with time.
    pub active: &'a [usize],
    /// From the last step to the first.
    pub reverse: bool,
}

impl Sequence<'_> {
    /// Number of steps.
    pub fn time(&self) -> usize {
        self.active.len()
    }

    /// The steps in the order in which they are computed.
    fn steps(&self) -> impl DoubleEndedIterator<Item = usize> + use<> {
        let (time, reverse) = (self.time(), self.reverse);
        (0..time).map(move |i| if reverse { time - 1 - i } else { i })
    }

    /// Of the `time + 1` places for states, that of the state before step `t`.
    pub fn before(&self, t: usize) -> usize {
        if self.reverse { t + 1 } else { t }
    }

    /// The place of the state after step `t`.
    pub fn after(&self, t: usize) -> usize {
        if self.reverse { t } else { t + 1 }
    }

    fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let hidden = self.hidden;
        (0..hidden.div_ceil(PART)).map(move |i| i * PART..((i + 1) * PART).min(hidden))
    }

    /// Checks lengths: what, found, expected.
    #[track_caller]
    fn check(&self, lengths: &[(&str, usize, usize)]) {
        let falling = self.active.windows(2).all(|pair| pair[0] >= pair[1]);
        let inside = self.active.first().is_none_or(|first| *first <= self.batch);
        assert!(falling && inside, "recurrent: active rows {:?} of {}", self.active, self.batch);
        for (what, found, expected) in lengths {
            assert!(found == expected, "recurrent: {found} elements of {what}, expected {expected}");
        }
    }
}

/// Runs `work` on each part.
fn each<T: Send>(parts: &mut [T], parallel: bool, work: impl Fn(&mut T) + Sync + Send) {
    if parallel {
        parts.par_iter_mut().with_max_len(1).for_each(work);
    } else {
        parts.iter_mut().for_each(work);
    }
}

/// Of `data`, cut into pieces of `size`: piece `read` for reading and piece `write`, another one, for writing.
fn two_pieces<E>(data: &mut [E], read: usize, write: usize, size: usize) -> (&[E], &mut [E]) {
    if read < write {
        let (low, high) = data.split_at_mut(write * size);
        (&low[read * size..][..size], &mut high[..size])
    } else {
        let (low, high) = data.split_at_mut(read * size);
        (&high[..size], &mut low[write * size..][..size])
    }
}

/// An array of the first `blocks` of four blocks; the others are empty.
fn blocks<'a, E>(count: usize, block: impl Fn(usize) -> &'a [E]) -> [&'a [E]; 4] {
    std::array::from_fn(|i| if i < count { block(i) } else { &[] })
}

/// [`blocks`] to write.
fn blocks_mut<'a, E>(count: usize, mut block: impl FnMut(usize) -> &'a mut [E]) -> [&'a mut [E]; 4] {
    std::array::from_fn(|i| if i < count { block(i) } else { &mut [] })
}
