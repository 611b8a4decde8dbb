//! What lies in a run's folder.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokenize::Tokenizer;
use train::Checkpoints;
use transformer::{Gpt, GptConfig};

use super::{Corpus, Plan};
use crate::Failure;

const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";

/// Where the metrics are.
pub(super) fn metrics(dir: &Path) -> PathBuf {
    dir.join(METRICS)
}

/// The last two checkpoints, and the best.
pub(super) fn checkpoints(dir: &Path) -> Result<Checkpoints, Failure> {
    Ok(Checkpoints::open(dir.join(CHECKPOINTS), 2)?)
}

/// Whether a run has left a checkpoint in `dir`.
pub(crate) fn holds_a_run(dir: &Path) -> bool {
    let is_checkpoint = |entry: fs::DirEntry| entry.path().extension().is_some_and(|ext| ext == "ckpt");
    fs::read_dir(dir.join(CHECKPOINTS)).is_ok_and(|files| files.flatten().any(is_checkpoint))
}

/// Removes what an earlier run left, so that nothing of it is taken for this one's.
pub(super) fn clear(dir: &Path, checkpoints: &Checkpoints) -> Result<(), Failure> {
    checkpoints.clear()?;
    match fs::remove_file(dir.join(WEIGHTS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", dir.join(WEIGHTS).display()).into())
        }
        _ => Ok(()),
    }
}

/// Config and tokenizer, which `generate` needs beside the weights.
pub(super) fn save_config(dir: &Path, plan: &Plan, corpus: &Corpus) -> Result<(), Failure> {
    let config = serde_json::to_string_pretty(&plan.model)?;
    for (name, content) in [(CONFIG, &config), (TOKENIZER, &corpus.tokenizer_json)] {
        let path = dir.join(name);
        nn::write_atomically(&path, |out| out.write_all(content.as_bytes()))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The weights, as PyTorch and Hugging Face read them.
pub(super) fn save_weights(dir: &Path, model: &Gpt) -> Result<(), Failure> {
    Ok(nn::weights::save(model, &dir.join(WEIGHTS), &nn::weights::Metadata::new())?)
}

/// The model and tokenizer of a run's folder.
pub(crate) fn load(dir: &Path) -> Result<(Gpt, Box<dyn Tokenizer>), Failure> {
    let at = |name: &str| -> PathBuf { dir.join(name) };
    let read = |name: &str| {
        fs::read_to_string(at(name))
            .map_err(|error| format!("{}: {error}; train a model first", at(name).display()))
    };
    let config: GptConfig =
        serde_json::from_str(&read(CONFIG)?).map_err(|error| format!("{}: {error}", at(CONFIG).display()))?;
    let in_config = |error: &dyn std::fmt::Display| format!("{}: {error}", at(CONFIG).display());
    config.check().map_err(|error| in_config(&error))?;
    // Before the model is made: a damaged size must not ask for all the memory there is.
    let bytes = fs::metadata(at(WEIGHTS))
        .map_err(|error| format!("{}: {error}; train a model first", at(WEIGHTS).display()))?
        .len();
    if config.parameter_count().is_none_or(|count| count > bytes / 4) {
        let what = format!("a model of this size does not fit into {WEIGHTS}, which has {bytes} bytes");
        return Err(in_config(&what).into());
    }
    let mut model = Gpt::new(config, &mut ChaCha8Rng::seed_from_u64(0))?;
    nn::weights::load(&mut model, &at(WEIGHTS))?;
    let tokenizer = tokenize::load(at(TOKENIZER))?;
    if tokenizer.vocab_size() != config.vocab {
        let (found, expected) = (tokenizer.vocab_size(), config.vocab);
        return Err(format!("{}: {found} tokens, the model has {expected}", at(TOKENIZER).display()).into());
    }
    Ok((model, tokenizer))
}
