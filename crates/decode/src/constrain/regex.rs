//! Outputs that match a regular expression.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::{alphabet::Unit, primitives::StateID, start};
use regex_automata::{Anchored, MatchKind};

use super::{Automaton, Vocabulary};

/// Bounds on the memory of an automaton, and of building it.
const LARGEST_AUTOMATON: usize = 16 << 20;
const LARGEST_BUILD: usize = 64 << 20;
/// Bytes of remembered sets of tokens.
const REMEMBERED: usize = 64 << 20;

/// Why a constraint cannot be built.
///
/// ```
/// use decode::{ConstraintError, RegexAutomaton, Vocabulary};
/// let error = RegexAutomaton::new("(a", &Vocabulary::new(&["", "a"])).unwrap_err();
/// assert!(matches!(error, ConstraintError::Pattern { .. }));
/// assert!(error.to_string().starts_with("the pattern: "));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintError {
    /// The pattern is no regular expression that an automaton can be made of, or needs too large a one.
    Pattern {
        /// What the automaton's builder reports.
        message: String,
    },
    /// The schema is no JSON.
    Json {
        /// What is wrong, and where.
        message: String,
    },
    /// The schema asks for something that is not supported.
    Schema {
        /// Where in the schema, such as `#/properties/name`.
        path: String,
        /// What is wrong there.
        message: String,
    },
}

impl fmt::Display for ConstraintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { message } => write!(f, "the pattern: {message}"),
            Self::Json { message } => write!(f, "the schema is no JSON: {message}"),
            Self::Schema { path, message } => write!(f, "the schema, {path}: {message}"),
        }
    }
}

impl std::error::Error for ConstraintError {}

/// Allows tokens whose bytes, joined, can still become a match of the whole pattern. The pattern is compiled to a
/// deterministic automaton over bytes, so that a step costs a table look-up for each byte; the tokens allowed in a state are
/// remembered. Syntax is that of the crate `regex`, without Unicode word boundaries.
///
/// If the vocabulary cannot spell what the pattern wants next, nothing is allowed.
///
/// ```
/// use decode::{Constrained, Context, Process, RegexAutomaton, Vocabulary};
///
/// let vocabulary = Vocabulary::new(&["", "1", "12", "x", ":30", "9"]);       // token 0 ends
/// let time = RegexAutomaton::new(r"([01]?\d|2[0-3]):[0-5]\d", &vocabulary)?;
/// let time = Constrained::new(time, &[0]);
/// let mut logits = [0.0; 6];
/// time.process(Context::new(&[2]), &mut logits);                             // after "12"
/// let allowed: Vec<usize> = (0..6).filter(|&token| logits[token] == 0.0).collect();
/// assert_eq!(allowed, [4]);                                                  // ":30"
/// assert!(time.accepts(&[2, 4]) && !time.accepts(&[2]));
/// # Ok::<(), decode::ConstraintError>(())
/// ```
pub struct RegexAutomaton {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
    /// From which states a match can still be reached, by index.
    alive: Vec<bool>,
    vocabulary: Vocabulary,
    /// Which tokens are allowed in a state, a bit each.
    remembered: Mutex<HashMap<StateID, Arc<Vec<u64>>>>,
}

impl fmt::Debug for RegexAutomaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegexAutomaton").field("bytes", &self.dfa.memory_usage()).finish_non_exhaustive()
    }
}

impl RegexAutomaton {
    /// Outputs that match `pattern` from beginning to end.
    ///
    /// # Errors
    /// [`ConstraintError::Pattern`] if it does not parse, or its automaton exceeds 16 MiB.
    pub fn new(pattern: &str, vocabulary: &Vocabulary) -> Result<Self, ConstraintError> {
        let error = |error: &dyn std::error::Error| {
            let source = error.source().map_or(String::new(), |source| format!(": {source}"));
            ConstraintError::Pattern { message: format!("{error}{source}") }
        };
        // All matches, not the one that a search would prefer: `a|ab` must be able to go on after `a`.
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .match_kind(MatchKind::All)
            .dfa_size_limit(Some(LARGEST_AUTOMATON))
            .determinize_size_limit(Some(LARGEST_BUILD));
        let nfa = thompson::Config::new().nfa_size_limit(Some(LARGEST_AUTOMATON));
        let dfa =
            dense::Builder::new().configure(config).thompson(nfa).build(pattern).map_err(|e| error(&e))?;
        let anchored = start::Config::new().anchored(Anchored::Yes);
        let start = dfa.start_state(&anchored).map_err(|e| error(&e))?;
        let (vocabulary, remembered) = (vocabulary.clone(), Mutex::new(HashMap::new()));
        Ok(Self { alive: alive(&dfa, start), dfa, start, vocabulary, remembered })
    }

    fn step(&self, state: StateID, byte: u8) -> Option<StateID> {
        let next = self.dfa.next_state(state, byte);
        self.alive[index(&self.dfa, next)].then_some(next)
    }

    fn allowed(&self, state: StateID) -> Arc<Vec<u64>> {
        // A poisoned lock is one whose holder panicked between whole entries.
        let lock = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = lock().get(&state) {
            return set.clone();
        }
        let mut set = vec![0_u64; self.vocabulary.len().div_ceil(64)];
        self.vocabulary.each_allowed(
            state,
            |state, byte| self.step(state, byte),
            |token| set[token as usize / 64] |= 1 << (token % 64),
        );
        let set = Arc::new(set);
        let mut remembered = lock();
        if remembered.len() * set.len() * 8 < REMEMBERED {
            remembered.insert(state, set.clone());
        }
        set
    }
}

fn index(dfa: &dense::DFA<Vec<u32>>, state: StateID) -> usize {
    state.as_usize() >> dfa.stride2()
}

fn is_match(dfa: &dense::DFA<Vec<u32>>, state: StateID) -> bool {
    dfa.is_match_state(dfa.next_eoi_state(state))
}

/// From which states a match can be reached. The automaton sees a match one byte late: past one it is in a state that
/// is not dead, but leads nowhere.
fn alive(dfa: &dense::DFA<Vec<u32>>, start: StateID) -> Vec<bool> {
    let bytes: Vec<u8> = dfa.byte_classes().representatives(..).filter_map(Unit::as_u8).collect();
    // The table of transitions is the largest part of the memory: no state has a higher index.
    let count = ((dfa.memory_usage() / size_of::<StateID>()) >> dfa.stride2()) + 1;
    let (mut seen, mut alive) = (vec![false; count], vec![false; count]);
    let (mut open, mut live, mut before) = (vec![start], Vec::new(), vec![Vec::new(); count]);
    seen[index(dfa, start)] = true;
    while let Some(state) = open.pop() {
        if is_match(dfa, state) {
            live.push(index(dfa, state));
        }
        for &byte in &bytes {
            let next = dfa.next_state(state, byte);
            if dfa.is_dead_state(next) || dfa.is_quit_state(next) {
                continue;
            }
            before[index(dfa, next)].push(index(dfa, state) as u32);
            if !std::mem::replace(&mut seen[index(dfa, next)], true) {
                open.push(next);
            }
        }
    }
    while let Some(state) = live.pop() {
        if !std::mem::replace(&mut alive[state], true) {
            live.extend(before[state].iter().map(|&from| from as usize));
        }
    }
    alive
}

impl Automaton for RegexAutomaton {
    type State = StateID;

    fn start(&self) -> StateID {
        self.start
    }

    fn next(&self, state: &StateID, token: u32) -> Option<StateID> {
        let bytes = self.vocabulary.bytes(token).filter(|bytes| !bytes.is_empty())?;
        bytes.iter().try_fold(*state, |state, &byte| self.step(state, byte))
    }

    fn is_complete(&self, state: &StateID) -> bool {
        is_match(&self.dfa, *state)
    }

    fn restrict(&self, state: &StateID, logits: &mut [f32]) {
        let set = self.allowed(*state);
        for (token, logit) in logits.iter_mut().enumerate() {
            if set.get(token / 64).is_none_or(|word| word >> (token % 64) & 1 == 0) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}
