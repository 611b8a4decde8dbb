//! Unseen words: a hidden Markov model over the places of characters in words.

use std::ops::Range;
use std::sync::OnceLock;

use super::tables::{self, Reader};
use super::text::HAN;

/// The places of a character in a word: beginning, end, middle, a word alone. Alphabetical, as ties are broken by name.
pub(super) const STATES: usize = 4;
const B: usize = 0;
const E: usize = 1;
const M: usize = 2;
const S: usize = 3;

/// The logarithm that stands for what never occurred.
pub(super) const NEVER: f64 = -3.14e100;

/// A model of words by the places of their characters, each B(egin), E(nd), M(iddle) or S(ingle).
#[derive(Clone, Debug)]
pub(super) struct Hmm {
    /// log P(place of the first character).
    pub(super) start: [f64; STATES],
    /// log P(next place | place), `transitions[place][next]`.
    pub(super) transitions: [[f64; STATES]; STATES],
    /// For each Han character, its row of `emissions`; row 0 is that of characters never seen.
    rows: Box<[u16]>,
    /// log P(character | place).
    emissions: Vec<[f64; STATES]>,
}

impl Hmm {
    /// A model in which no character has been seen.
    pub(super) fn new(start: [f64; STATES], transitions: [[f64; STATES]; STATES]) -> Self {
        Self { start, transitions, rows: vec![0; HAN.len()].into(), emissions: vec![[NEVER; STATES]] }
    }

    /// jieba's model.
    pub(super) fn jieba() -> &'static Self {
        static MODEL: OnceLock<Hmm> = OnceLock::new();
        MODEL.get_or_init(|| {
            let mut reader = Reader::new(tables::WORD_MODEL);
            let start = [-0.26268660809250016, NEVER, NEVER, -1.4652633398537678];
            let mut transitions = [[NEVER; STATES]; STATES];
            (transitions[B][E], transitions[B][M]) = (-0.510825623765990, -0.916290731874155);
            (transitions[E][B], transitions[E][S]) = (-0.5897149736854513, -0.8085250474669937);
            (transitions[M][E], transitions[M][M]) = (-0.33344856811948514, -1.2603623820268226);
            (transitions[S][B], transitions[S][S]) = (-0.7211965654669841, -0.6658631448798212);
            let mut model = Self::new(start, transitions);
            for state in 0..STATES {
                let total = reader.number() as f64;
                let mut char = 0;
                for _ in 0..reader.number() {
                    char += reader.number() as u16;
                    // The model's numbers are logarithms of shares of counts.
                    model.set_emission(char, state, (reader.number() as f64 / total).ln());
                }
            }
            model
        })
    }

    /// Sets log P(character | place); characters that are not Han characters are left out.
    pub(super) fn set_emission(&mut self, char: u16, state: usize, log: f64) {
        if HAN.contains(&char) {
            let row = &mut self.rows[usize::from(char - HAN.start)];
            if *row == 0 {
                // There are fewer Han characters than u16 has numbers.
                *row = self.emissions.len() as u16;
                self.emissions.push([NEVER; STATES]);
            }
            self.emissions[usize::from(*row)][state] = log;
        }
    }

    #[inline]
    fn emission(&self, char: u16) -> &[f64; STATES] {
        &self.emissions[usize::from(self.rows[usize::from(char - HAN.start)])]
    }

    /// Cuts Han characters into words by the most probable places, and tells each word's range to `word`.
    ///
    /// Viterbi's algorithm: `V(t, y) = max over y' of V(t−1, y') + log P(y | y') + log P(char t | y)`; a word begins
    /// after E or S and goes on after B or M, so each place has two predecessors. `back` is scratch.
    pub(super) fn cut(&self, chars: &[u16], back: &mut Vec<u8>, mut word: impl FnMut(Range<usize>)) {
        let Some((&first, rest)) = chars.split_first() else { return };
        let emission = self.emission(first);
        let mut best: [f64; STATES] = std::array::from_fn(|y| self.start[y] + emission[y]);
        back.clear();
        back.push(0);
        let t = &self.transitions;
        for &char in rest {
            let emission = self.emission(char);
            let mut choices = 0;
            // Of equal predecessors, the one whose name comes last in the alphabet.
            let mut choose = |place: usize, low: usize, high: usize| {
                let from_low = best[low] + t[low][place] + emission[place];
                let from_high = best[high] + t[high][place] + emission[place];
                let high = from_high >= from_low;
                choices |= u8::from(high) << place;
                if high { from_high } else { from_low }
            };
            best = [choose(B, E, S), choose(E, B, M), choose(M, B, M), choose(S, E, S)];
            back.push(choices);
        }
        let mut place = if best[S] >= best[E] { S } else { E };
        for choices in back.iter_mut().rev() {
            let high = *choices >> place & 1 == 1;
            *choices = place as u8;
            place = match (place, high) {
                (B | S, false) => E,
                (B | S, true) => S,
                (_, false) => B,
                (_, true) => M,
            };
        }
        let mut begin = 0;
        for (i, &place) in back.iter().enumerate() {
            match usize::from(place) {
                B => begin = i,
                E => word(begin..i + 1),
                S => word(i..i + 1),
                _ => {}
            }
        }
    }
}
