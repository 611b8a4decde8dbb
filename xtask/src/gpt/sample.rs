//! Text from a model.

use decode::{Sampler, Sampling, Stop};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokenize::Tokenizer;
use transformer::{Gpt, GptScorer};

use crate::Failure;

/// How the demo samples: a little sharper than the model's own distribution.
pub(super) fn demo_sampling() -> Sampling {
    Sampling { temperature: 0.8, top_k: 200, ..Sampling::default() }
}

/// `prompt` and what the model makes of it.
pub(crate) fn generate(
    model: &Gpt,
    tokenizer: &dyn Tokenizer,
    prompt: &str,
    tokens: usize,
    sampling: &Sampling,
    seed: u64,
) -> Result<String, Failure> {
    let ids = tokenizer.encode(prompt)?;
    let sampler = Sampler::new(sampling, model.config().vocab)?;
    let mut rngs = [ChaCha8Rng::seed_from_u64(seed)];
    let mut scorer = GptScorer::new(model);
    let out =
        decode::generate(&mut scorer, std::slice::from_ref(&ids), &sampler, &Stop::after(tokens), &mut rngs)?;
    Ok(tokenizer.decode_lossy(&[&ids[..], &out[0].tokens].concat()))
}
