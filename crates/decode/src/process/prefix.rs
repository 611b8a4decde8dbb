//! Beginning as told.

use crate::process::{Context, Process, only};

/// Makes each output begin with given tokens, after which the model goes on by itself.
///
/// Different from a longer prompt in that the tokens are part of the output, and in that an end token among them ends it.
/// They cost nothing where scores are normalised after the steps, as in [`Beam`](crate::Beam) by default; with its
/// `renormalise` off they count as the model scores them.
///
/// ```
/// use decode::process::{Context, ForcedPrefix, Process};
/// let prefix = ForcedPrefix::new(vec![vec![2, 1], vec![]]);          // for two prompts
/// let mut logits = [0.5, 0.7, 0.1];
/// prefix.process(Context { prompt_len: 1, ..Context::new(&[0, 2]) }, &mut logits);
/// assert_eq!(logits, [f32::NEG_INFINITY, 0.7, f32::NEG_INFINITY]);
/// ```
#[derive(Debug, Clone)]
pub struct ForcedPrefix {
    prefixes: Vec<Vec<u32>>,
}

impl ForcedPrefix {
    /// A prefix for each prompt; prompts beyond the last have none. At a token that the model lacks decoding ends with
    /// [`Error::NothingAllowed`](crate::Error::NothingAllowed).
    pub fn new(prefixes: Vec<Vec<u32>>) -> Self {
        Self { prefixes }
    }
}

impl Process for ForcedPrefix {
    fn process(&self, context: Context<'_>, logits: &mut [f32]) {
        let prefix = self.prefixes.get(context.row).map_or(&[][..], Vec::as_slice);
        if let Some(&token) = prefix.get(context.generated().len()) {
            only(token, logits);
        }
    }
}
