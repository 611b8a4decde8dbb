//! The trie inside sentencepiece's compiled normalisers.

use std::ops::ControlFlow;

/// A double array (Aoe 1989) in the units of Darts-clone: keys are byte strings, values numbers below 2³¹.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Darts {
    units: Vec<u32>,
}

/// Marks a unit that holds a value; no byte leads to it.
const VALUE: u32 = 1 << 31;

impl Darts {
    /// The trie whose units are these bytes, four each, little-endian; what is left over does not count.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { units: bytes.as_chunks::<4>().0.iter().map(|&unit| u32::from_le_bytes(unit)).collect() }
    }

    /// Calls `visit` with the length and value of every key that begins `text`, the shortest first, until it breaks
    /// off; gives how far into `text` the trie goes.
    pub(crate) fn walk(&self, text: &[u8], mut visit: impl FnMut(usize, u32) -> ControlFlow<()>) -> usize {
        let unit = |at: u32| self.units.get(at as usize).copied();
        let mut at = unit(0).map_or(0, offset);
        for (read, &byte) in text.iter().enumerate() {
            at ^= u32::from(byte);
            let Some(node) = unit(at).filter(|node| node & (VALUE | 0xff) == u32::from(byte)) else {
                return read;
            };
            at ^= offset(node);
            if node >> 8 & 1 == 1
                && let Some(value) = unit(at)
                && visit(read + 1, value & !VALUE).is_break()
            {
                return read + 1;
            }
        }
        text.len()
    }
}

/// Where a unit's children are, relative to it.
fn offset(unit: u32) -> u32 {
    (unit >> 10) << ((unit & 1 << 9) >> 6)
}
