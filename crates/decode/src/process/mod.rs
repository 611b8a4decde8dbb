//! Logits processors: small steps between a model's scores and the choice of a token.
//!
//! Each takes the sequence so far and the logits of the next token, and changes the logits in place; a token
//! is taken out by giving it minus infinity. [`Sampler`](crate::Sampler) says in which order it applies them.

mod bias;
mod repetition;
mod temperature;
mod truncate;

pub use bias::LogitBias;
pub use repetition::RepetitionPenalty;
pub use temperature::Temperature;
pub use truncate::{MinP, TopK, TopP};

/// One step on the logits of the next token.
///
/// ```
/// use decode::Process;
///
/// /// Forbids the token that was just emitted.
/// struct NoEcho;
///
/// impl Process for NoEcho {
///     fn process(&self, sequence: &[u32], logits: &mut [f32]) {
///         if let Some(&last) = sequence.last() {
///             logits[last as usize] = f32::NEG_INFINITY;
///         }
///     }
/// }
///
/// let mut logits = [0.5, 0.1];
/// NoEcho.process(&[1, 0], &mut logits);
/// assert_eq!(logits, [f32::NEG_INFINITY, 0.1]);
/// ```
pub trait Process {
    /// Changes `logits (vocab)`, the scores of the token that follows `sequence` (prompt and generated
    /// tokens). Logits come in finite or minus infinity and must leave so.
    fn process(&self, sequence: &[u32], logits: &mut [f32]);
}

impl<P: Process + ?Sized> Process for Box<P> {
    fn process(&self, sequence: &[u32], logits: &mut [f32]) {
        (**self).process(sequence, logits);
    }
}
