//! Steps of recurrent models and of their Transformer, and beam search; the protocol is that of `xtask/peers/README.md`.

use std::path::Path;

use autograd::{Var, no_grad};
use nn::optim::{Adam, Optim, Optimizer};
use nn::{CrossEntropy, Mode, Module, Param};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use recurrent::{
    BridgeKind, LanguageModel, LanguageModelConfig, Lstm, LstmCell, Seq2Seq, Seq2SeqConfig, StackConfig,
    Teacher,
};
use tensor::{Ids, Tensor};
use transformer::{NormPosition, Transformer, TransformerConfig};

use super::gpt::{Report, run_cases};
use super::measure::{Times, milliseconds, peak_rss_mb};
use super::{Bench, PEER, beam};
use crate::Failure;
use crate::args::on_threads;

/// Names of the cases.
pub(super) const CASES: [&str; 6] =
    ["lstm-lm", "seq2seq", "transformer-seq2seq", "lstm-infer", "g2p-beam", "g2p-beam-512"];
/// The case that candle and burn are measured at too.
pub(super) const TRAINED_BY_ALL: &str = "lstm-lm";

const LM: LanguageModelConfig = LanguageModelConfig {
    vocab: 10_000,
    d_model: 512,
    hidden: 512,
    layers: 2,
    dropout: 0.0,
    recurrent_dropout: 0.0,
    tied: false,
};
const LM_BATCH: usize = 32;
const LM_TIME: usize = 64;

const SRC_VOCAB: usize = 30;
const TGT_VOCAB: usize = 45;
const BATCH: usize = 128;
const SRC_TIME: usize = 10;
const TGT_TIME: usize = 9;

const INFER_TIME: usize = 64;

fn seq2seq_config() -> Seq2SeqConfig {
    Seq2SeqConfig { bridge: BridgeKind::Mean, ..Seq2SeqConfig::new(SRC_VOCAB, TGT_VOCAB, 128, 512) }
}

fn transformer_config() -> TransformerConfig {
    TransformerConfig {
        d_model: 256,
        heads: 4,
        encoder_layers: 3,
        decoder_layers: 3,
        d_ff: 1024,
        dropout: 0.1,
        activation: nn::Activation::Relu,
        norm: NormPosition::Pre,
        eps: 1e-5,
    }
}

/// An LSTM and what it is run on.
struct Inference {
    rnn: Lstm,
    /// `(1, time, input)`
    x: Param,
}

impl Module for Inference {
    fn visit<'a>(&'a self, path: &mut nn::Path, visitor: &mut nn::Visitor<'_, 'a, f32>) {
        path.scope("rnn", |path| self.rnn.visit(path, visitor));
        path.scope("x", |path| self.x.visit(path, visitor));
    }

    fn visit_mut<'a>(&'a mut self, path: &mut nn::Path, visitor: &mut nn::VisitorMut<'_, 'a, f32>) {
        path.scope("rnn", |path| self.rnn.visit_mut(path, visitor));
        path.scope("x", |path| self.x.visit_mut(path, visitor));
    }
}

impl Inference {
    fn new(rng: &mut ChaCha8Rng) -> Result<Self, Failure> {
        let rnn = Lstm::new(StackConfig { layers: 2, ..StackConfig::new(512, 512) }, rng)?;
        Ok(Self { rnn, x: Param::new(Tensor::normal(&[1, INFER_TIME, 512], 0.0, 1.0, rng)) })
    }
}

/// Ids of one batch of a case, and below what they are, in the order in which the file has them.
fn parts(case: &str) -> Vec<(usize, usize)> {
    match case {
        "lstm-lm" => vec![(LM_BATCH * LM_TIME, LM.vocab); 2],
        "lstm-infer" => vec![(1, 1)],
        _ => {
            vec![(BATCH * SRC_TIME, SRC_VOCAB), (BATCH * TGT_TIME, TGT_VOCAB), (BATCH * TGT_TIME, TGT_VOCAB)]
        }
    }
}

/// Ids for `batches` batches: random, or the words of a search.
pub(super) fn tokens(case: &str, batches: usize) -> Result<Vec<u32>, Failure> {
    if case.starts_with("g2p-beam") {
        return beam::words();
    }
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let batch: Vec<usize> = parts(case).iter().flat_map(|(count, below)| vec![*below; *count]).collect();
    Ok((0..batches).flat_map(|_| batch.clone()).map(|below| rng.random_range(0..below as u32)).collect())
}

/// Saves the weights that all programs start from.
pub(super) fn save_weights(case: &str, path: &Path) -> Result<(), Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(0);
    let model: Box<dyn Module> = match case {
        "lstm-lm" => Box::new(LanguageModel::<f32, LstmCell>::new(LM, rng)?),
        "seq2seq" => Box::new(Seq2Seq::<f32, LstmCell>::new(&seq2seq_config(), rng)?),
        "transformer-seq2seq" => {
            Box::new(Transformer::<f32>::new(&transformer_config(), SRC_VOCAB, TGT_VOCAB, rng)?)
        }
        "lstm-infer" => Box::new(Inference::new(rng)?),
        _ => Box::new(beam::model(case, rng)?),
    };
    nn::weights::save(&*model, path, &nn::weights::Metadata::new())?;
    Ok(())
}

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    run_cases(bench, "recurrent", &CASES, measure)
}

fn measure(bench: &Bench, name: &str) -> Result<Report, Failure> {
    on_threads(Some(bench.threads), || {
        let rng = &mut ChaCha8Rng::seed_from_u64(0);
        match name {
            "lstm-lm" => {
                let model = LanguageModel::<f32, LstmCell>::new(LM, rng)?;
                train(bench, name, LM_BATCH * LM_TIME, model, |model, batch, mode| {
                    let ids = |ids: &[u32]| Ids::new(ids.to_vec(), &[LM_BATCH, LM_TIME]);
                    Ok(model.loss(&ids(batch[0]), &ids(batch[1]), None, mode)?.0)
                })
            }
            "seq2seq" => {
                let model = Seq2Seq::<f32, LstmCell>::new(&seq2seq_config(), rng)?;
                train(bench, name, BATCH * TGT_TIME, model, |model, batch, mode| {
                    let (source, target, next) = pairs(batch);
                    let (lengths, options) = (vec![SRC_TIME; BATCH], CrossEntropy::default());
                    Ok(model.loss(&source, &lengths, &target, &next, &options, Teacher::Forcing, mode)?)
                })
            }
            "transformer-seq2seq" => {
                let model = Transformer::<f32>::new(&transformer_config(), SRC_VOCAB, TGT_VOCAB, rng)?;
                train(bench, name, BATCH * TGT_TIME, model, |model, batch, mode| {
                    let (source, target, next) = pairs(batch);
                    let (lengths, options) = (vec![SRC_TIME; BATCH], CrossEntropy::default());
                    Ok(model.loss(&source, &lengths, &target, &next, &options, mode)?)
                })
            }
            "lstm-infer" => infer(bench, Inference::new(rng)?),
            _ => beam::run(bench, name),
        }
    })
}

fn pairs(batch: &[&[u32]]) -> (Ids, Ids, Ids) {
    let ids = |part: usize, time: usize| Ids::new(batch[part].to_vec(), &[BATCH, time]);
    (ids(0, SRC_TIME), ids(1, TGT_TIME), ids(2, TGT_TIME))
}

/// Training steps. The first loss is that of the first batch without dropout, before any step: what programs with
/// dropout of their own can agree on.
fn train<M: Module>(
    bench: &Bench,
    name: &str,
    tokens: usize,
    mut model: M,
    loss: impl Fn(&M, &[&[u32]], &mut Mode<'_>) -> Result<Var, Failure>,
) -> Result<Report, Failure> {
    if let Some(weights) = &bench.weights {
        nn::weights::load(&mut model, weights)?;
    }
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    let (ids, parts) = (read(bench, name)?, parts(name));
    let size: usize = parts.iter().map(|(count, _)| count).sum();
    let batch = |step: usize| {
        let mut rest = &ids[step % (ids.len() / size) * size..][..size];
        let mut take = |count: usize| {
            let (part, after) = rest.split_at(count);
            rest = after;
            part
        };
        parts.iter().map(|(count, _)| take(*count)).collect::<Vec<&[u32]>>()
    };
    let mut losses = vec![f64::from(no_grad(|| loss(&model, &batch(0), &mut Mode::Eval))?.item())];
    let mut adam = Optim::new(Adam::default())?;
    let mut times = Vec::new();
    for step in 0..bench.warmup + bench.steps.max(1) {
        let batch = batch(step);
        let (time, value) = milliseconds(|| -> Result<f64, Failure> {
            let loss = loss(&model, &batch, &mut Mode::Train(rng))?;
            let grads = model.backward(&loss)?;
            adam.step_clipped(&mut model, &grads, 1e-3, 1.0)?;
            Ok(f64::from(loss.item()))
        });
        losses.push(value?);
        if step >= bench.warmup {
            times.push(time);
        }
    }
    if name == "transformer-seq2seq" {
        losses.truncate(1);
    }
    Ok(report(bench, name, &times, tokens, losses))
}

/// Outputs of an LSTM for one sequence; in place of a loss, the mean of their squares.
fn infer(bench: &Bench, mut model: Inference) -> Result<Report, Failure> {
    if let Some(weights) = &bench.weights {
        nn::weights::load(&mut model, weights)?;
    }
    let x = model.x.var().detach();
    let (mut times, mut losses) = (Vec::new(), Vec::new());
    // A run takes milliseconds: many, for a steady median.
    for step in 0..10 * (bench.warmup + bench.steps.max(1)) {
        let (time, y) = milliseconds(|| no_grad(|| model.rnn.forward(&x, None, None, &mut Mode::Eval).y));
        losses = vec![f64::from(y.value().square().mean().item())];
        if step >= 10 * bench.warmup {
            times.push(time);
        }
    }
    Ok(report(bench, "lstm-infer", &times, INFER_TIME, losses))
}

pub(super) fn read(bench: &Bench, name: &str) -> Result<Vec<u32>, Failure> {
    let Some(file) = &bench.tokens else { return tokens(name, 16) };
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let ids: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id)).collect();
    let size: usize = parts(name).iter().map(|(count, _)| count).sum();
    if ids.len() < size {
        Err(format!("a batch needs {size} ids, found {}", ids.len()).into())
    } else {
        Ok(ids)
    }
}

pub(super) fn report(bench: &Bench, name: &str, times: &[f64], tokens: usize, losses: Vec<f64>) -> Report {
    let ms_per_step = Times::of(times);
    Report {
        peer: PEER.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        case: name.to_owned(),
        dtype: "f32".to_owned(),
        threads: bench.threads,
        ms_per_step,
        tokens_per_s: tokens as f64 / ms_per_step.median * 1e3,
        losses,
        outputs: Vec::new(),
        peak_rss_mb: peak_rss_mb(),
    }
}
