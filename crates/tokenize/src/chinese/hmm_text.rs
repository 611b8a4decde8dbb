//! The model of unseen words in the text format of cppjieba and jieba-rs.

use super::hmm::{Hmm, NEVER, STATES};
use crate::error::Error;

/// The order of the states in the file, as ours.
const ORDER: [usize; STATES] = [0, 1, 2, 3];

impl Hmm {
    /// Reads nine lines, between which lines that begin with `#` and empty ones are passed over: logarithms of start
    /// probabilities of B, E, M, S; four lines of transition probabilities in the same order; for B, E, M, S one line of
    /// emission probabilities, `character:logarithm` with commas between.
    pub(super) fn from_text(text: &str, file: &str) -> Result<Self, Error> {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(i, line)| (i + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut line = |what: &str| {
            let missing =
                || Error::format(file, "end of file", format!("expected a line of {what} probabilities"));
            lines.next().ok_or_else(missing)
        };
        let row = |(number, line): (usize, &str)| -> Result<[f64; STATES], Error> {
            let place = format!("line {number}");
            let mut row = [NEVER; STATES];
            let mut fields = line.split_ascii_whitespace();
            for state in ORDER {
                let field = fields.next().unwrap_or_default();
                row[state] = logarithm(field).map_err(|what| Error::format(file, &*place, what))?;
            }
            match fields.next() {
                None => Ok(row),
                Some(more) => Err(Error::format(
                    file,
                    place,
                    format!("expected {STATES} numbers, found more: `{more}`"),
                )),
            }
        };
        let start = row(line("start")?)?;
        let mut transitions = [[NEVER; STATES]; STATES];
        for state in ORDER {
            transitions[state] = row(line("transition")?)?;
        }
        let mut model = Self::new(start, transitions);
        for state in ORDER {
            let (number, line) = line("emission")?;
            for entry in line.split(',').filter(|entry| !entry.is_empty()) {
                let fault = |what: String| Error::format(file, format!("line {number}"), what);
                let mut chars = entry.chars();
                let char = chars.next().unwrap_or_default();
                let log = chars.as_str().strip_prefix(':');
                let log =
                    log.ok_or_else(|| fault(format!("expected `character:logarithm`, found `{entry}`")))?;
                let log = logarithm(log).map_err(fault)?;
                if let Ok(char) = u16::try_from(u32::from(char)) {
                    model.set_emission(char, state, log);
                }
            }
        }
        Ok(model)
    }
}

/// A number that is not above 0 and finite.
fn logarithm(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("expected a logarithm, found `{text}`"))?;
    match number.is_finite() && number <= 0.0 {
        true => Ok(number),
        false => Err(format!("expected a logarithm of a probability, found `{text}`")),
    }
}
