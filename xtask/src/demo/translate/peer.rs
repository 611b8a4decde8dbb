//! The same model trained in PyTorch: from the same weights, on the same batches, at the same rates.

use std::process::{Command, Stdio};

use autograd::no_grad;
use nn::Mode;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::task::Task;
use crate::Failure;
use crate::args::workspace;
use crate::bench::python;
use crate::seq2seq::{Batch, Fitted, Kind, Pair, Recipe, Sizes, Translator};

/// What the script is told.
#[derive(Serialize)]
struct Plan<'a> {
    embed: usize,
    hidden: usize,
    src_vocab: usize,
    tgt_vocab: usize,
    dropout: f64,
    label_smoothing: f64,
    average: f64,
    seed: u64,
    rates: &'a [f64],
    batches: &'a [Vec<usize>],
    sources: Vec<&'a [u32]>,
    targets: Vec<&'a [u32]>,
}

/// What the script says.
#[derive(Deserialize)]
struct Trained {
    /// Of the first batch, before training and without dropout.
    first_loss: f64,
    processor_seconds: f64,
}

/// The only model that the script has.
pub(super) const KIND: Kind = Kind::LstmAttention;
/// How far its first loss may be from ours, relatively.
const SAME_LOSS: f64 = 1e-4;

/// Makes sure that there is a PyTorch, and a model for it among those of this name.
pub(super) fn prepare(model: Option<&str>) -> Result<(), Failure> {
    if !Kind::choose(model)?.contains(&KIND) {
        let only = KIND.name();
        return Err(format!("--peers trains {only}, and --model leaves it out").into());
    }
    python()?;
    Ok(())
}

/// The model as PyTorch trains it, where `fitted` tells how ours was; `seed` is that of its weights.
pub(super) fn train(
    sizes: &Sizes,
    recipe: &Recipe,
    task: &Task,
    seed: u64,
    fitted: &Fitted,
) -> Result<(Box<dyn Translator>, Fitted), Failure> {
    let python = python()?;
    let dir = tempfile::tempdir()?;
    let [weights, plan, out] =
        ["start.safetensors", "plan.json", "trained.safetensors"].map(|name| dir.path().join(name));
    let mut model =
        KIND.build(sizes, task.src_vocab, task.tgt_vocab, &mut ChaCha8Rng::seed_from_u64(seed))?;
    nn::weights::save(&*model, &weights, &nn::weights::Metadata::new())?;
    let first = fitted.batches.first().ok_or("there was no step to repeat")?;
    let first = first.iter().map(|i| (&task.train[*i].source[..], &task.train[*i].target[..]));
    let ours = no_grad(|| model.loss(&Batch::new(first), &recipe.loss(), &mut Mode::Eval))?.item();
    let side = |of: fn(&Pair) -> &[u32]| task.train.iter().map(of).collect();
    let told = Plan {
        embed: sizes.embed,
        hidden: sizes.hidden,
        src_vocab: task.src_vocab,
        tgt_vocab: task.tgt_vocab,
        dropout: sizes.dropout,
        label_smoothing: recipe.label_smoothing,
        average: recipe.average,
        seed,
        rates: &fitted.rates,
        batches: &fitted.batches,
        sources: side(|pair| &pair.source),
        targets: side(|pair| &pair.target),
    };
    std::fs::write(&plan, serde_json::to_vec(&told)?)?;
    let mut command = Command::new(python);
    command.arg(workspace().join("xtask/peers/pytorch/translate.py"));
    command.arg("--weights").arg(&weights).arg("--plan").arg(&plan).arg("--out").arg(&out);
    command.args(["--threads", &rayon::current_num_threads().to_string()]);
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("PyTorch: {error}"))?;
    if !output.status.success() {
        return Err("PyTorch's training failed".into());
    }
    let Trained { first_loss, processor_seconds } =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("PyTorch: {error}"))?;
    if (first_loss - f64::from(ours)).abs() > SAME_LOSS * first_loss {
        return Err(format!("the first loss is {ours} here and {first_loss} in PyTorch").into());
    }
    nn::weights::load(&mut *model, &out)?;
    let fitted = Fitted {
        losses: Vec::new(),
        processor_seconds,
        epochs: fitted.epochs,
        batches: Vec::new(),
        rates: Vec::new(),
    };
    Ok((model, fitted))
}
