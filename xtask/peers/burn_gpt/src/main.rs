//! The training step of the GPT cases in burn: see `../../README.md`.

mod model;
mod weights;

use std::error::Error;

use burn::backend::{Autodiff, Flex, NdArray};
use burn::module::{AutodiffModule, ModuleVisitor, Param};
use burn::optim::{AdamWConfig, GradientsParams, Optimizer};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{ElementConversion, Int, Tensor, TensorData};
use case::optimiser;
use clap::{Parser, ValueEnum};

use crate::model::Gpt;
use crate::weights::Weights;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: case::Args,
    /// Which of burn's CPU backends.
    #[arg(long, default_value = "flex")]
    backend: BackendName,
}

#[derive(Clone, Copy, ValueEnum)]
enum BackendName {
    Flex,
    Ndarray,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Cli { args, backend } = Cli::parse();
    match backend {
        BackendName::Flex => train::<Autodiff<Flex>>("burn-flex", &args, &Default::default()),
        BackendName::Ndarray => train::<Autodiff<NdArray>>("burn-ndarray", &args, &Default::default()),
    }
}

fn train<B: AutodiffBackend>(
    peer: &str,
    args: &case::Args,
    device: &B::Device,
) -> Result<(), Box<dyn Error>> {
    let weights = Weights::read(&args.weights)?;
    let shape = [args.case.batch, args.case.time];
    let mut adamw = AdamWConfig::new()
        .with_beta_1(optimiser::BETA_1 as f32)
        .with_beta_2(optimiser::BETA_2 as f32)
        .with_epsilon(optimiser::EPSILON as f32)
        .with_weight_decay(optimiser::WEIGHT_DECAY as f32)
        .init();
    // The optimiser takes the model and gives the next one back.
    let mut model = Some(Gpt::<B>::new(&weights, &args.case, device)?);
    case::run(peer, case::locked_version("burn"), args, |batch| {
        let gpt = model.take().ok_or("the step before this one failed")?;
        let ids = |ids: &[u32]| {
            let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
            Tensor::<B, 2, Int>::from_data(TensorData::new(ids, shape), device)
        };
        let loss = gpt.loss(ids(&batch.inputs), ids(&batch.targets));
        let mut grads = GradientsParams::from_grads(loss.backward(), &gpt);
        clip_norm(&mut grads, &gpt, optimiser::CLIP_NORM);
        model = Some(adamw.step(optimiser::LEARNING_RATE, gpt, grads));
        Ok(loss.into_scalar().elem())
    })
}

/// Scales all gradients so that their joint norm is at most `max_norm` (burn itself clips each parameter alone).
fn clip_norm<B: AutodiffBackend, M: AutodiffModule<B>>(
    grads: &mut GradientsParams,
    model: &M,
    max_norm: f64,
) {
    let mut squares = SquareSum { grads, sum: 0.0 };
    model.visit(&mut squares);
    let scale = max_norm / (squares.sum.sqrt() + 1e-6);
    if scale < 1.0 {
        model.visit(&mut Scale { grads, scale });
    }
}

struct SquareSum<'a> {
    grads: &'a GradientsParams,
    sum: f64,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for SquareSum<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(grad) = self.grads.get::<B::InnerBackend, D>(param.id) {
            self.sum += (grad.clone() * grad).sum().into_scalar().elem::<f64>();
        }
    }
}

struct Scale<'a> {
    grads: &'a mut GradientsParams,
    scale: f64,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(grad) = self.grads.remove::<B::InnerBackend, D>(param.id) {
            self.grads.register(param.id, grad * self.scale);
        }
    }
}
