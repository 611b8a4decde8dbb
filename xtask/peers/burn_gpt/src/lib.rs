//! What the programs in burn share: the step around a model, weights, clipping.

mod clip;
mod weights;

use std::error::Error;

use burn::backend::{Autodiff, Flex, NdArray};
use burn::module::AutodiffModule;
use burn::optim::{AdamWConfig, GradientsParams, Optimizer};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{ElementConversion, Int, Tensor, TensorData};
use case::{Case, optimiser};
use clap::{Parser, ValueEnum};

pub use weights::Weights;

/// A model that is trained on batches of token ids.
pub trait LanguageModel<B: AutodiffBackend>: AutodiffModule<B> {
    /// The model of a case with the weights of a file.
    fn new(weights: &Weights, case: &Case, device: &B::Device) -> Result<Self, Box<dyn Error>>;

    /// Mean cross-entropy of `targets` given `inputs`, both `(batch, time)`.
    fn loss(&self, inputs: Tensor<B, 2, Int>, targets: Tensor<B, 2, Int>) -> Tensor<B, 1>;
}

/// burn on this processor with its newest backend.
pub type BurnFlex = Autodiff<Flex>;
/// burn on this processor with ndarray.
pub type BurnNdArray = Autodiff<NdArray>;

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

/// Reads the command line and trains the model of the backend asked for.
pub fn run<F: LanguageModel<BurnFlex>, N: LanguageModel<BurnNdArray>>() -> Result<(), Box<dyn Error>> {
    let Cli { args, backend } = Cli::parse();
    match backend {
        BackendName::Flex => train::<_, F>("burn-flex", &args, &Default::default()),
        BackendName::Ndarray => train::<_, N>("burn-ndarray", &args, &Default::default()),
    }
}

fn train<B: AutodiffBackend, M: LanguageModel<B>>(
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
        .with_weight_decay(optimiser::weight_decay(args.case.model) as f32)
        .init();
    // The optimiser takes the model and gives the next one back.
    let mut model = Some(M::new(&weights, &args.case, device)?);
    case::run(peer, case::locked_version("burn"), args, |batch| {
        let current = model.take().ok_or("the step before this one failed")?;
        let ids = |ids: &[u32]| {
            let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
            Tensor::<B, 2, Int>::from_data(TensorData::new(ids, shape), device)
        };
        let loss = current.loss(ids(&batch.inputs), ids(&batch.targets));
        let mut grads = GradientsParams::from_grads(loss.backward(), &current);
        clip::clip_norm(&mut grads, &current, optimiser::CLIP_NORM);
        model = Some(adamw.step(optimiser::LEARNING_RATE, current, grads));
        Ok(loss.into_scalar().elem())
    })
}
