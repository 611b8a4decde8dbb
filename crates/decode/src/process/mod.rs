//! Logits processors: small steps between a model's scores and the choice of a token.
//!
//! Each takes the sequence so far and the logits of the next token, and changes the logits in place; a token
//! is taken out by giving it minus infinity. [`Sampler`](crate::Sampler) says in which order it applies them.

mod bias;
mod length;
mod ngram;
mod prefix;
mod repetition;
mod temperature;
mod truncate;
mod typical;

pub use bias::LogitBias;
pub use length::MinLength;
pub use ngram::NoRepeatNgram;
pub use prefix::ForcedPrefix;
pub use repetition::{OccurrencePenalty, RepetitionPenalty};
pub use temperature::Temperature;
pub use truncate::{MinP, TopK, TopP};
pub use typical::Typical;

/// The sequence that a token is chosen for.
///
/// ```
/// use decode::Context;
/// let context = Context { prompt_len: 2, ..Context::new(&[5, 6, 7]) };
/// assert_eq!(context.generated(), [7]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context<'a> {
    /// Prompt and generated tokens.
    pub sequence: &'a [u32],
    /// How many of them the prompt has.
    pub prompt_len: usize,
    /// Which of the prompts that are decoded together it continues.
    pub row: usize,
}

impl<'a> Context<'a> {
    /// A sequence without a prompt, in row 0.
    pub fn new(sequence: &'a [u32]) -> Self {
        Self { sequence, prompt_len: 0, row: 0 }
    }

    /// The tokens after the prompt.
    pub fn generated(&self) -> &'a [u32] {
        &self.sequence[self.prompt_len..]
    }
}

/// One step on the logits of the next token.
///
/// ```
/// use decode::{Context, Process};
///
/// /// Forbids the token that was just emitted.
/// struct NoEcho;
///
/// impl Process for NoEcho {
///     fn process(&self, context: Context<'_>, logits: &mut [f32]) {
///         if let Some(&last) = context.sequence.last() {
///             logits[last as usize] = f32::NEG_INFINITY;
///         }
///     }
/// }
///
/// let mut logits = [0.5, 0.1];
/// NoEcho.process(Context::new(&[1, 0]), &mut logits);
/// assert_eq!(logits, [f32::NEG_INFINITY, 0.1]);
/// ```
pub trait Process {
    /// Changes `logits (vocab)`, the scores of the token that follows the sequence. Logits come in finite or minus
    /// infinity and must leave so; a decoder panics otherwise.
    fn process(&self, context: Context<'_>, logits: &mut [f32]);
}

impl<P: Process + ?Sized> Process for Box<P> {
    fn process(&self, context: Context<'_>, logits: &mut [f32]) {
        (**self).process(context, logits);
    }
}

/// Applies steps in their order.
///
/// # Panics
/// If a score is then NaN or plus infinity, which cannot be ranked or normalised.
#[track_caller]
pub(crate) fn apply(steps: &[Box<dyn Process>], context: Context<'_>, logits: &mut [f32]) {
    for step in steps {
        step.process(context, logits);
    }
    if let Some(token) = logits.iter().position(|score| score.is_nan() || *score == f32::INFINITY) {
        panic!("the score of token {token} is {}, expected a finite one or minus infinity", logits[token]);
    }
}

/// Forbids every token but one; every token, where the model lacks that one.
fn only(token: u32, logits: &mut [f32]) {
    let kept = logits.get(token as usize).copied();
    logits.fill(f32::NEG_INFINITY);
    if let Some(kept) = kept {
        logits[token as usize] = kept;
    }
}
