//! Outputs that must have a form: automata over tokens.
//!
//! An [`Automaton`] knows which tokens may follow those generated so far; [`Constrained`] makes it a step on the
//! logits, for every decoder.

#[cfg(feature = "json-schema")]
mod json;
#[cfg(feature = "regex")]
mod regex;
#[cfg(feature = "json-schema")]
mod schema;
#[cfg(feature = "regex")]
mod vocabulary;

#[cfg(feature = "regex")]
pub use regex::{ConstraintError, RegexAutomaton};
#[cfg(feature = "json-schema")]
pub use schema::json_schema_pattern;
#[cfg(feature = "regex")]
pub use vocabulary::Vocabulary;

use crate::process::{Context, Process};

/// Which tokens may follow.
///
/// ```
/// use decode::{Automaton, Constrained, Context, Process};
///
/// /// Tokens must rise.
/// struct Rising;
///
/// impl Automaton for Rising {
///     type State = u32;
///     fn start(&self) -> u32 {
///         0
///     }
///     fn next(&self, state: &u32, token: u32) -> Option<u32> {
///         (token > *state).then_some(token)
///     }
///     fn is_complete(&self, state: &u32) -> bool {
///         *state > 0
///     }
/// }
///
/// let rising = Constrained::new(Rising, &[0]);                // token 0 ends
/// let mut logits = [0.0; 4];
/// rising.process(Context::new(&[2]), &mut logits);
/// assert_eq!(logits, [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY, 0.0]);
/// ```
pub trait Automaton {
    /// Where the automaton is after some tokens.
    type State: Clone;

    /// Before the first generated token.
    fn start(&self) -> Self::State;

    /// After one token more; `None` if the token may not follow.
    fn next(&self, state: &Self::State, token: u32) -> Option<Self::State>;

    /// Whether the output may end here.
    fn is_complete(&self, state: &Self::State) -> bool;

    /// Gives minus infinity to every token that may not follow. The default asks [`next`](Self::next) about each.
    fn restrict(&self, state: &Self::State, logits: &mut [f32]) {
        for (token, logit) in logits.iter_mut().enumerate() {
            if *logit > f32::NEG_INFINITY && self.next(state, token as u32).is_none() {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

/// Lets only what an automaton allows be generated. End tokens are allowed where the automaton is complete, and only
/// there. Where the automaton allows nothing, everything is forbidden, and decoding stops with
/// [`NothingAllowed`](crate::Error::NothingAllowed). A limit on tokens may cut an output off before it is complete.
///
/// ```
/// # use decode::Scorer;
/// # struct Chain([[f32; 3]; 3]);
/// # impl Scorer for Chain {
/// #     type Error = std::convert::Infallible;
/// #     fn vocab(&self) -> usize { 3 }
/// #     fn start(&mut self, p: &[Vec<u32>], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         self.extend(&[], &p.iter().map(|p| p[p.len() - 1]).collect::<Vec<_>>(), s)
/// #     }
/// #     fn extend(&mut self, _: &[usize], t: &[u32], s: &mut Vec<f32>) -> Result<(), Self::Error> {
/// #         s.extend(t.iter().flat_map(|t| self.0[*t as usize]));
/// #         Ok(())
/// #     }
/// # }
/// use decode::{Automaton, Constrained, Sampler, Sampling, Stop, generate};
/// use rand::SeedableRng;
///
/// /// Balanced parentheses: 1 opens, 2 closes; the state is the depth.
/// struct Balanced;
///
/// impl Automaton for Balanced {
///     type State = u32;
///     fn start(&self) -> u32 {
///         0
///     }
///     fn next(&self, depth: &u32, token: u32) -> Option<u32> {
///         if token == 1 { Some(depth + 1) } else { depth.checked_sub(1).filter(|_| token == 2) }
///     }
///     fn is_complete(&self, depth: &u32) -> bool {
///         *depth == 0
///     }
/// }
///
/// let balanced = Constrained::new(Balanced, &[0]);                      // 0 is the end
/// assert!(balanced.accepts(&[1, 1, 2, 2]) && !balanced.accepts(&[1]));
/// // The model closes rather than to end, and ends rather than to open.
/// let mut model = Chain([[1.0, 0.0, 2.0]; 3]);
/// let sampler = Sampler::new(&Sampling::default(), 3)?.with(balanced);
/// let mut rngs = [rand_chacha::ChaCha8Rng::seed_from_u64(5)];
/// let out = generate(&mut model, &[vec![2]], &sampler, &Stop::after(99).at(0), &mut rngs)?;
/// assert!(Constrained::new(Balanced, &[0]).accepts(&out[0].tokens));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Constrained<A> {
    automaton: A,
    ends: Vec<u32>,
}

impl<A: Automaton> Constrained<A> {
    /// With these end tokens, of which the model may lack some.
    pub fn new(automaton: A, ends: &[u32]) -> Self {
        Self { automaton, ends: ends.to_vec() }
    }

    /// Whether generated tokens, without an end token, are a complete output.
    pub fn accepts(&self, generated: &[u32]) -> bool {
        self.state(generated).is_some_and(|state| self.automaton.is_complete(&state))
    }

    fn state(&self, generated: &[u32]) -> Option<A::State> {
        generated.iter().try_fold(self.automaton.start(), |state, &token| self.automaton.next(&state, token))
    }
}

impl<A: Automaton> Process for Constrained<A> {
    fn process(&self, context: Context<'_>, logits: &mut [f32]) {
        let Some(state) = self.state(context.generated()) else {
            logits.fill(f32::NEG_INFINITY);
            return;
        };
        let known = |end: &u32| Some((*end as usize, *logits.get(*end as usize)?));
        let ends: Vec<(usize, f32)> = self.ends.iter().filter_map(known).collect();
        self.automaton.restrict(&state, logits);
        let complete = self.automaton.is_complete(&state);
        for (end, logit) in ends {
            logits[end] = if complete { logit } else { f32::NEG_INFINITY };
        }
    }
}
