//! When a generated sequence is complete.

use std::fmt;

/// Why a sequence ended.
///
/// ```
/// use decode::{Finish, Stop};
/// let stop = Stop::after(2).at(0);
/// assert_eq!([&[7][..], &[7, 0], &[7, 7]].map(|tokens| stop.check(tokens)),
///     [None, Some(Finish::End), Some(Finish::Length)]);                 // an end at the limit is an end
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model emitted an end token.
    End,
    /// The limit on generated tokens was reached.
    Length,
    /// The caller's condition held.
    Condition,
}

/// Whether the generated tokens are complete.
type Condition = Box<dyn Fn(&[u32]) -> bool + Send + Sync>;

/// When to stop: after a number of tokens, at an end token, or on a condition of your own.
///
/// ```
/// use decode::{Finish, Stop};
/// let newline = 10;
/// let stop = Stop::after(100).at(0).when(move |tokens| tokens.ends_with(&[newline, newline]));
/// assert_eq!(stop.check(&[5, 0]), Some(Finish::End));
/// assert_eq!(stop.check(&[5, 10, 10]), Some(Finish::Condition));
/// assert_eq!(stop.check(&[5]), None);
/// assert_eq!(stop.max_tokens(), 100);
/// ```
pub struct Stop {
    max_tokens: usize,
    end: Vec<u32>,
    conditions: Vec<Condition>,
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop")
            .field("max_tokens", &self.max_tokens)
            .field("end", &self.end)
            .field("conditions", &self.conditions.len())
            .finish()
    }
}

impl Stop {
    /// At most this many generated tokens.
    pub fn after(max_tokens: usize) -> Self {
        Self { max_tokens, end: Vec::new(), conditions: Vec::new() }
    }

    /// Also at this token, which then is no part of the result. Several may be given.
    #[must_use]
    pub fn at(mut self, end: u32) -> Self {
        if !self.end.contains(&end) {
            self.end.push(end);
        }
        self
    }

    /// Also as soon as `condition` holds of the generated tokens; the last of them stays in the result. Of several, any
    /// suffices.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&[u32]) -> bool + Send + Sync + 'static) -> Self {
        self.conditions.push(Box::new(condition));
        self
    }

    /// The end tokens, each once.
    pub(crate) fn ends(&self) -> &[u32] {
        &self.end
    }

    /// Limit on generated tokens.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Whether the tokens generated so far are complete, and why. An end token is looked for at the end only.
    pub fn check(&self, generated: &[u32]) -> Option<Finish> {
        if generated.last().is_some_and(|last| self.end.contains(last)) {
            return Some(Finish::End);
        }
        if !generated.is_empty() && self.conditions.iter().any(|condition| condition(generated)) {
            return Some(Finish::Condition);
        }
        (generated.len() >= self.max_tokens).then_some(Finish::Length)
    }
}
