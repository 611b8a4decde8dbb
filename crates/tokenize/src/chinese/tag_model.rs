//! Tags of unseen words: a hidden Markov model over places in words and tags together.

use std::ops::Range;
use std::sync::OnceLock;

use super::hmm::NEVER;
use super::tables::{self, Reader};
use super::text::HAN;

/// A place in a word (`B`, `E`, `M` or `S`) with the word's tag, by its index in the order of their names.
pub(super) type State = u8;

/// jieba's model of tagged words.
pub(super) struct TagModel {
    places: Vec<u8>,
    tags: Vec<&'static str>,
    /// log P(state of the first character).
    start: Vec<f64>,
    /// log P(next | state), `from[next * states + state]`: all ways into one state side by side.
    from: Vec<f64>,
    /// For each state, those that can follow it.
    followers: Vec<States>,
    /// For each Han character, where its emissions are.
    chars: Vec<Char>,
    /// State and log P(character | state), ascending within a character.
    emissions: Vec<(State, f64)>,
    /// Lists of states that characters are allowed.
    allowed: Vec<State>,
}

/// Ranges in `emissions` and `allowed`; a character without allowed states may have any.
#[derive(Clone, Copy, Default)]
struct Char {
    emissions: (u32, u32),
    allowed: (u32, u32),
}

/// A set of states.
#[derive(Clone, Copy, Default)]
struct States([u64; 4]);

impl States {
    fn insert(&mut self, state: State) {
        self.0[usize::from(state / 64)] |= 1 << (state % 64);
    }

    fn contains(&self, state: State) -> bool {
        self.0[usize::from(state / 64)] >> (state % 64) & 1 == 1
    }

    fn union(&mut self, other: &States) {
        self.0.iter_mut().zip(other.0).for_each(|(all, other)| *all |= other);
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

impl TagModel {
    pub(super) fn jieba() -> &'static Self {
        static MODEL: OnceLock<TagModel> = OnceLock::new();
        MODEL.get_or_init(|| Self::read(tables::TAG_MODEL))
    }

    fn read(table: &'static [u8]) -> Self {
        let mut reader = Reader::new(table);
        let names: Vec<&str> = (0..reader.number()).map(|_| reader.string()).collect();
        let states = reader.number() as usize;
        let (places, tags) = (0..states).map(|_| (reader.byte(), names[reader.number() as usize])).unzip();
        let mut start = vec![NEVER; states];
        for _ in 0..reader.number() {
            let state = reader.number() as usize;
            start[state] = reader.float();
        }
        let mut from = vec![f64::NEG_INFINITY; states * states];
        let mut followers = vec![States::default(); states];
        for state in 0..states {
            let mut next = 0;
            for _ in 0..reader.number() {
                next += reader.number() as usize;
                from[next * states + state] = reader.float();
                followers[state].insert(next as State);
            }
        }
        let mut by_char: Vec<Vec<(State, f64)>> = vec![Vec::new(); HAN.len()];
        for state in 0..states {
            let total = reader.number();
            let mut char = 0;
            for _ in 0..reader.number() {
                char += reader.number() as u16;
                let log = match total {
                    0 => reader.float(),
                    total => (reader.number() as f64 / total as f64).ln(),
                };
                by_char[usize::from(char - HAN.start)].push((state as State, log));
            }
        }
        let mut emissions: Vec<(State, f64)> = Vec::new();
        let mut chars = vec![Char::default(); HAN.len()];
        for (char, of_char) in chars.iter_mut().zip(&by_char) {
            char.emissions.0 = emissions.len() as u32;
            emissions.extend(of_char);
            char.emissions.1 = emissions.len() as u32;
        }
        let mut allowed: Vec<State> = Vec::new();
        let mut char = 0;
        for _ in 0..reader.number() {
            char += reader.number() as u16;
            let place = usize::from(char - HAN.start);
            chars[place].allowed.0 = allowed.len() as u32;
            match reader.number() {
                0 => allowed.extend(by_char[place].iter().map(|&(state, _)| state)),
                count => {
                    let mut state = 0;
                    for _ in 0..count {
                        state += reader.number() as State;
                        allowed.push(state);
                    }
                }
            }
            chars[place].allowed.1 = allowed.len() as u32;
        }
        Self { places, tags, start, from, followers, chars, emissions, allowed }
    }

    /// The states that a character may be in; none for any.
    fn allowed(&self, char: u16) -> &[State] {
        let (start, end) = self.chars[usize::from(char - HAN.start)].allowed;
        &self.allowed[start as usize..end as usize]
    }

    fn emission(&self, char: u16, state: State) -> f64 {
        let (start, end) = self.chars[usize::from(char - HAN.start)].emissions;
        let emissions = &self.emissions[start as usize..end as usize];
        let found = emissions.binary_search_by(|(other, _)| other.cmp(&state));
        found.map_or(NEVER, |i| emissions[i].1)
    }

    fn all(&self) -> impl Iterator<Item = State> {
        (0..self.places.len()).map(|state| state as State)
    }

    /// The most probable states of Han characters, by Viterbi's algorithm over those states that each character is
    /// allowed and that can follow one of the character before; any that can follow, if none is allowed.
    pub(super) fn states(&self, chars: &[u16], trellis: &mut Trellis) {
        let Trellis { cells, ends, path } = trellis;
        cells.clear();
        ends.clear();
        path.clear();
        let Some((&first, rest)) = chars.split_first() else { return };
        let mut begin = |state: State| {
            cells.push(Cell {
                state,
                before: 0,
                log: self.start[usize::from(state)] + self.emission(first, state),
            });
        };
        match self.allowed(first) {
            [] => self.all().for_each(&mut begin),
            allowed => allowed.iter().copied().for_each(&mut begin),
        }
        ends.push(cells.len());
        let mut column = 0..cells.len();
        for &char in rest {
            let mut followers = States::default();
            cells[column.clone()]
                .iter()
                .for_each(|cell| followers.union(&self.followers[usize::from(cell.state)]));
            let allowed = self.allowed(char);
            let next = cells.len();
            if allowed.iter().any(|&state| followers.contains(state)) {
                let states = allowed.iter().copied().filter(|&state| followers.contains(state));
                states.for_each(|state| self.extend(cells, &column, char, state));
            } else {
                // Some state of every column has followers in this model.
                let any = followers.is_empty();
                let states = self.all().filter(|&state| any || followers.contains(state));
                states.for_each(|state| self.extend(cells, &column, char, state));
            }
            column = next..cells.len();
            ends.push(cells.len());
        }
        let mut at = best(&cells[column.clone()], |cell| cell.log) + column.start;
        for t in (0..chars.len()).rev() {
            path.push(cells[at].state);
            if t > 0 {
                let start = if t > 1 { ends[t - 2] } else { 0 };
                at = start + cells[at].before as usize;
            }
        }
        path.reverse();
    }

    /// Adds the cell of a state to the column behind `column`.
    fn extend(&self, cells: &mut Vec<Cell>, column: &Range<usize>, char: u16, state: State) {
        let emission = self.emission(char, state);
        let row = &self.from[usize::from(state) * self.places.len()..][..self.places.len()];
        let log = |cell: &Cell| cell.log + row[usize::from(cell.state)] + emission;
        let before = best(&cells[column.clone()], log);
        let log = log(&cells[column.start + before]);
        cells.push(Cell { state, before: before as u32, log });
    }

    /// The place of a state: `B`, `E`, `M` or `S`.
    pub(super) fn place(&self, state: State) -> u8 {
        self.places[usize::from(state)]
    }

    /// The tag of a state.
    pub(super) fn tag(&self, state: State) -> &'static str {
        self.tags[usize::from(state)]
    }
}

/// The index of the cell with the highest score; of equals the last, whose name is last in the alphabet.
fn best(cells: &[Cell], score: impl Fn(&Cell) -> f64) -> usize {
    let (mut best, mut highest) = (0, f64::NEG_INFINITY);
    for (i, cell) in cells.iter().enumerate() {
        let score = score(cell);
        if score >= highest {
            (best, highest) = (i, score);
        }
    }
    best
}

/// The best way to a state at a character.
struct Cell {
    log: f64,
    /// Index in the column before.
    before: u32,
    state: State,
}

/// What Viterbi's algorithm fills, kept from run to run.
#[derive(Default)]
pub(super) struct Trellis {
    /// Column after column, the states of each ascending.
    cells: Vec<Cell>,
    /// Where each column ends.
    ends: Vec<usize>,
    /// The states found.
    pub(super) path: Vec<State>,
}
