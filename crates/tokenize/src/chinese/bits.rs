//! A growing set of small numbers, searched 64 at a time.

/// A set of numbers; all that were never inserted are absent.
#[derive(Clone, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn insert(&mut self, number: usize) {
        if number / 64 >= self.0.len() {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub(super) fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.word(number / 64) >> (number % 64) & 1 == 1
    }

    /// Bit `i` tells whether `first + i` is in the set.
    pub(super) fn window(&self, first: usize) -> u64 {
        let (index, shift) = (first / 64, first % 64);
        match shift {
            0 => self.word(index),
            _ => self.word(index) >> shift | self.word(index + 1) << (64 - shift),
        }
    }

    fn word(&self, index: usize) -> u64 {
        self.0.get(index).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn windows_show_what_was_inserted_and_not_removed() {
        let mut bits = Bits::default();
        for number in [3, 64, 65, 200] {
            bits.insert(number);
        }
        bits.remove(65);
        bits.remove(10_000);
        for first in 0..300 {
            let expected = [3, 64, 200]
                .iter()
                .filter(|&&number| (first..first + 64).contains(&number))
                .fold(0u64, |window, number| window | 1 << (number - first));
            assert_eq!(bits.window(first), expected, "{first}");
        }
        assert!(bits.contains(64) && !bits.contains(65) && !bits.contains(10_000));
    }
}
