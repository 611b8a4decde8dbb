//! The greedy search for shifts.

use super::table::{Step, Table};

/// The longest run of words that is shifted.
const LONGEST_RUN: usize = 10;
/// How far a run is shifted at most.
const FARTHEST: usize = 50;
/// How many shifts of one hypothesis are tried.
const MOST_TRIED: usize = 1_000;

/// Edits, shifts included, from `hypothesis` to `reference`.
pub(super) fn edits(hypothesis: &[&str], reference: &[&str]) -> usize {
    if reference.is_empty() {
        return hypothesis.len();
    }
    let mut words = hypothesis.to_vec();
    let mut table = Table::new(reference, &words);
    let (mut shifts, mut tried) = (0, 0);
    loop {
        let best = best_shift(&words, reference, &table, &mut tried);
        // Tercom throws the last shift away when it has tried enough.
        let Some(best) = best.filter(|shift| tried < MOST_TRIED && shift.gain > 0) else { break };
        words = best.shifted;
        table = Table::new(reference, &words);
        shifts += 1;
    }
    shifts + table.distance() as usize
}

struct Shift<'w> {
    /// How much the edit distance falls.
    gain: i64,
    length: usize,
    start: usize,
    target: usize,
    shifted: Vec<&'w str>,
}

impl Shift<'_> {
    /// More gain, then a longer run, an earlier one, an earlier target.
    fn is_better_than(&self, other: &Self) -> bool {
        let rank = |s: &Self| (s.gain, s.length, std::cmp::Reverse((s.start, s.target)));
        rank(self) > rank(other)
    }
}

/// The best shift of a run of words that occurs in the reference, where both the run and the place that it should be at
/// are wrong now.
fn best_shift<'w>(
    words: &[&'w str],
    reference: &[&str],
    table: &Table<'_>,
    tried: &mut usize,
) -> Option<Shift<'w>> {
    let alignment = Alignment::new(&table.steps());
    let distance = i64::from(table.distance());
    let mut best: Option<Shift<'w>> = None;
    for (start, place, length) in common_runs(words, reference) {
        let right = !alignment.wrong_words[start..start + length].contains(&true)
            || !alignment.wrong_places[place..place + length].contains(&true);
        let within = (start as isize..(start + length) as isize).contains(&alignment.word_at[place]);
        if right || within {
            continue;
        }
        let mut last = None;
        // Before the run's first place, and behind each of its places.
        for before in place..=place + length {
            let target = if before == 0 { 0 } else { (alignment.word_at[before - 1] + 1) as usize };
            if last.replace(target) == Some(target) {
                continue;
            }
            let shifted = shift(words, start, length, target);
            let common = words.iter().zip(&shifted).take_while(|(a, b)| a == b).count();
            let gain = distance - i64::from(table.distance_of(&shifted, common));
            let candidate = Shift { gain, length, start, target, shifted };
            *tried += 1;
            if best.as_ref().is_none_or(|best| candidate.is_better_than(best)) {
                best = Some(candidate);
            }
        }
        if *tried >= MOST_TRIED {
            break;
        }
    }
    best
}

/// Starts in both sequences and lengths of the runs of words that they have in common.
fn common_runs(words: &[&str], reference: &[&str]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..words.len()).flat_map(move |start| {
        let near = start.saturating_sub(FARTHEST)..reference.len().min(start + FARTHEST + 1);
        near.flat_map(move |place| {
            let pairs = words[start..].iter().zip(&reference[place..]).take(LONGEST_RUN);
            let longest = pairs.take_while(|(word, other)| word == other).count();
            (1..=longest).map(move |length| (start, place, length))
        })
    })
}

/// `words` with the run moved to `target`, which counts words before the move.
fn shift<'w>(words: &[&'w str], start: usize, length: usize, target: usize) -> Vec<&'w str> {
    let run = &words[start..start + length];
    if target < start {
        [&words[..target], run, &words[target..start], &words[start + length..]].concat()
    } else {
        // A target within the run moves it by so many words.
        let target = if target > start + length { target } else { (target + length).min(words.len()) };
        [&words[..start], &words[start + length..target], run, &words[target..]].concat()
    }
}

/// What each place of the reference is aligned with.
struct Alignment {
    /// For each word of the reference the word of the hypothesis at, or the last one before, its place; −1 for none.
    word_at: Vec<isize>,
    wrong_places: Vec<bool>,
    wrong_words: Vec<bool>,
}

impl Alignment {
    fn new(steps: &[Step]) -> Self {
        let mut alignment = Self { word_at: Vec::new(), wrong_places: Vec::new(), wrong_words: Vec::new() };
        for &step in steps {
            let wrong = step != Step::Keep;
            if step != Step::Insert {
                alignment.wrong_words.push(wrong);
            }
            if step != Step::Delete {
                alignment.word_at.push(alignment.wrong_words.len() as isize - 1);
                alignment.wrong_places.push(wrong);
            }
        }
        alignment
    }
}
