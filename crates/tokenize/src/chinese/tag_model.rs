//! Tags of unseen words: a hidden Markov model over places in words and tags together.

use std::sync::OnceLock;

use super::hmm::NEVER;
use super::tables::{self, Reader};
use super::text::HAN;

/// Number of tags.
const TAGS: usize = 64;
/// The places of a character in a word, in the order of their names.
const PLACES: [u8; 4] = *b"BEMS";
const B: usize = 0;
const E: usize = 1;
const M: usize = 2;
const STATES: usize = TAGS * PLACES.len();

/// A place in a word (`B`, `E`, `M` or `S`) with the word's tag: the place's index times [`TAGS`] and the tag's, which
/// is the order of their names.
pub(super) type State = u8;

/// jieba's model of tagged words.
///
/// A state inside a word, `B` or `M`, leads to `M` and `E` of the same tag alone; one at a word's end, `E` or `S`, to
/// `B` and `S` of any.
pub(super) struct TagModel {
    tags: Vec<&'static str>,
    /// log P(state of the first character).
    start: Vec<f64>,
    /// log P(`E` or `M` of a tag | `B` or `M` of it): `inside[state] = [from B, from M]`.
    inside: Vec<[f64; 2]>,
    /// log P(`B` or `S` of a tag | `E` or `S` of another): `across[border(state)][border(before)]`.
    across: Vec<[f64; BORDERS]>,
    /// For each Han character, where its emissions are.
    chars: Vec<Char>,
    emissions: Vec<Emission>,
}

/// States on one side of a border between words.
const BORDERS: usize = 2 * TAGS;

/// A state at the border between two words by its number among those on its side: `B` or `E` first, then `S`.
fn border(state: usize) -> usize {
    state % TAGS + if state / TAGS > M { TAGS } else { 0 }
}

/// A state inside a word by its number among `B` and `M`.
fn inner(state: usize) -> usize {
    state % TAGS + if state / TAGS == M { TAGS } else { 0 }
}

/// log P(character | state).
#[derive(Clone, Copy)]
struct Emission {
    log: f64,
    state: State,
}

/// Ranges in `emissions`, each ascending by state: those that were seen, and those that are allowed. A character
/// without allowed states may have any.
#[derive(Clone, Copy, Default)]
struct Char {
    seen: (u32, u32),
    allowed: (u32, u32),
}

impl TagModel {
    pub(super) fn jieba() -> &'static Self {
        static MODEL: OnceLock<TagModel> = OnceLock::new();
        MODEL.get_or_init(|| Self::read(tables::TAG_MODEL))
    }

    fn read(table: &'static [u8]) -> Self {
        let mut reader = Reader::new(table);
        let tags: Vec<&str> = (0..reader.number()).map(|_| reader.string()).collect();
        let states: Vec<(u8, usize)> =
            (0..reader.number()).map(|_| (reader.byte(), reader.number() as usize)).collect();
        let in_order = PLACES.iter().flat_map(|&place| (0..TAGS).map(move |tag| (place, tag)));
        assert!(in_order.eq(states), "the table of tagged words has other states");
        let mut start = vec![NEVER; STATES];
        for _ in 0..reader.number() {
            let state = reader.number() as usize;
            start[state] = reader.float();
        }
        let mut inside = vec![[f64::NEG_INFINITY; 2]; STATES];
        let mut across = vec![[f64::NEG_INFINITY; BORDERS]; BORDERS];
        for state in 0..STATES {
            let mut next = 0;
            for _ in 0..reader.number() {
                next += reader.number() as usize;
                let log = reader.float();
                match state / TAGS {
                    B => inside[next][0] = log,
                    M => inside[next][1] = log,
                    _ => across[border(next)][border(state)] = log,
                }
            }
        }
        let mut by_char: Vec<Vec<Emission>> = vec![Vec::new(); HAN.len()];
        for state in 0..STATES {
            let total = reader.number();
            let mut char = 0;
            for _ in 0..reader.number() {
                char += reader.number() as u16;
                let log = match total {
                    0 => reader.float(),
                    total => (reader.number() as f64 / total as f64).ln(),
                };
                by_char[usize::from(char - HAN.start)].push(Emission { log, state: state as State });
            }
        }
        let mut emissions: Vec<Emission> = Vec::new();
        let mut chars = vec![Char::default(); HAN.len()];
        for (char, of_char) in chars.iter_mut().zip(&by_char) {
            char.seen.0 = emissions.len() as u32;
            emissions.extend(of_char);
            char.seen.1 = emissions.len() as u32;
        }
        let mut char = 0;
        for _ in 0..reader.number() {
            char += reader.number() as u16;
            let place = usize::from(char - HAN.start);
            let count = reader.number();
            if count == 0 {
                chars[place].allowed = chars[place].seen;
                continue;
            }
            chars[place].allowed.0 = emissions.len() as u32;
            let mut state = 0;
            for _ in 0..count {
                state += reader.number() as State;
                emissions.push(Emission { log: emission(&by_char[place], state), state });
            }
            chars[place].allowed.1 = emissions.len() as u32;
        }
        Self { tags, start, inside, across, chars, emissions }
    }

    /// The emissions of the states that a character may be in; none for any.
    fn allowed(&self, char: u16) -> &[Emission] {
        let (start, end) = self.chars[usize::from(char - HAN.start)].allowed;
        &self.emissions[start as usize..end as usize]
    }

    /// The emissions of a character by all states.
    fn all(&self, char: u16) -> impl Iterator<Item = Emission> {
        let (start, end) = self.chars[usize::from(char - HAN.start)].seen;
        let seen = &self.emissions[start as usize..end as usize];
        (0..STATES as u32)
            .map(|state| state as State)
            .map(|state| Emission { log: emission(seen, state), state })
    }

    /// The most probable states of Han characters, by Viterbi's algorithm over those states that each character is
    /// allowed and that can follow one of the character before; any that can follow, if none is allowed.
    pub(super) fn states(&self, chars: &[u16], trellis: &mut Trellis) {
        trellis.clear();
        let Some((&first, rest)) = chars.split_first() else { return };
        let mut begin = |Emission { log, state }: Emission| {
            trellis.push(state, 0, self.start[usize::from(state)] + log);
        };
        match self.allowed(first) {
            [] => self.all(first).for_each(&mut begin),
            allowed => allowed.iter().copied().for_each(&mut begin),
        }
        for &char in rest {
            trellis.end_column();
            self.allowed(char).iter().for_each(|&emission| self.extend(trellis, emission));
            if trellis.column_is_empty() {
                self.all(char).for_each(|emission| self.extend(trellis, emission));
            }
            if trellis.column_is_empty() {
                // No column of this model has states alone that nothing follows.
                self.all(char).for_each(|emission| trellis.push(emission.state, 0, f64::NEG_INFINITY));
            }
        }
        trellis.trace();
    }

    /// Adds a state to the column, with the best way to it from the column before; of equal ways the one from the
    /// state whose name is last in the alphabet. A state that follows none of that column is left out.
    #[inline]
    fn extend(&self, trellis: &mut Trellis, Emission { log: emission, state }: Emission) {
        let number = usize::from(state);
        let (mut highest, mut before) = (f64::NEG_INFINITY, 0);
        // Probabilities are summed in jieba's order, since rounding decides between ways that are nearly equal.
        if matches!(number / TAGS, E | M) {
            let [from_b, from_m] = self.inside[number];
            let tag = number % TAGS;
            for (open, way) in [(tag, from_b), (TAGS + tag, from_m)] {
                let log = trellis.open_logs[open] + way + emission;
                if log >= highest {
                    (highest, before) = (log, trellis.open_cells[open]);
                }
            }
        } else {
            let ways = &self.across[border(number)];
            for end in &trellis.ends {
                let log = end.log + ways[usize::from(end.border) % BORDERS] + emission;
                // No branch: which way is best cannot be foretold.
                let keep = u32::from(log >= highest).wrapping_sub(1);
                before = before & keep | end.cell & !keep;
                highest = if log > highest { log } else { highest };
            }
        }
        if highest > f64::NEG_INFINITY {
            trellis.push(state, before, highest);
        }
    }

    /// The place of a state: `B`, `E`, `M` or `S`.
    pub(super) fn place(&self, state: State) -> u8 {
        PLACES[usize::from(state) / TAGS]
    }

    /// The tag of a state.
    pub(super) fn tag(&self, state: State) -> &'static str {
        self.tags[usize::from(state) % TAGS]
    }
}

/// log P(character | state) from what was seen of the character.
fn emission(seen: &[Emission], state: State) -> f64 {
    seen.binary_search_by_key(&state, |emission| emission.state).map_or(NEVER, |i| seen[i].log)
}

/// The best way to a state at a character.
#[derive(Clone, Copy)]
struct Cell {
    log: f64,
    /// Index in the column before.
    before: u32,
    state: State,
}

/// A cell of the last whole column that is the end of a word.
#[derive(Clone, Copy)]
struct End {
    log: f64,
    cell: u32,
    border: u8,
}

/// What Viterbi's algorithm fills, kept from run to run.
pub(super) struct Trellis {
    /// Column after column, the states of each ascending.
    cells: Vec<Cell>,
    /// Where each column starts.
    starts: Vec<usize>,
    /// Of the last whole column, what the next one can follow.
    ends: Vec<End>,
    /// The same of states inside words, by their numbers; minus infinity where there is no cell.
    open_logs: [f64; 2 * TAGS],
    open_cells: [u32; 2 * TAGS],
    /// The states found.
    pub(super) path: Vec<State>,
}

impl Default for Trellis {
    fn default() -> Self {
        Self {
            cells: Vec::new(),
            starts: Vec::new(),
            ends: Vec::new(),
            open_logs: [f64::NEG_INFINITY; 2 * TAGS],
            open_cells: [0; 2 * TAGS],
            path: Vec::new(),
        }
    }
}

impl Trellis {
    /// Begins the first column.
    fn clear(&mut self) {
        self.cells.clear();
        self.starts.clear();
        self.starts.push(0);
        self.path.clear();
    }

    fn push(&mut self, state: State, before: u32, log: f64) {
        self.cells.push(Cell { log, before, state });
    }

    fn column_start(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    fn column_is_empty(&self) -> bool {
        self.column_start() == self.cells.len()
    }

    /// Ends the column and begins the next.
    fn end_column(&mut self) {
        let column = &self.cells[self.column_start()..];
        self.ends.clear();
        self.open_logs = [f64::NEG_INFINITY; 2 * TAGS];
        for (cell, &Cell { log, state, .. }) in (0..).zip(column) {
            let number = usize::from(state);
            match number / TAGS {
                B | M => {
                    self.open_logs[inner(number)] = log;
                    self.open_cells[inner(number)] = cell;
                }
                _ => self.ends.push(End { log, cell, border: border(number) as u8 }),
            }
        }
        self.starts.push(self.cells.len());
    }

    /// Follows the best way back from the last column; of equal ones that of the state last in the alphabet.
    fn trace(&mut self) {
        let (mut best, mut highest) = (0, f64::NEG_INFINITY);
        for (i, cell) in self.cells[self.column_start()..].iter().enumerate() {
            if cell.log >= highest {
                (best, highest) = (i, cell.log);
            }
        }
        for &start in self.starts.iter().rev() {
            let cell = self.cells[start + best];
            self.path.push(cell.state);
            best = cell.before as usize;
        }
        self.path.reverse();
    }
}
