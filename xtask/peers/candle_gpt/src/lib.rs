//! What the programs in candle share: the step around a model, parameters by name, the optimiser, clipping.

use std::collections::HashMap;
use std::error::Error;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Optimizer, ParamsAdamW, VarBuilder};
use case::{Case, Model, optimiser};
use clap::Parser;

/// A model that is trained on batches of token ids.
pub trait LanguageModel: Sized {
    /// The model of a case with these parameters.
    fn new(params: &Params, case: &Case, device: &Device) -> Result<Self>;

    /// Mean cross-entropy of `targets` given `inputs`, both `(batch, time)`.
    fn loss(&self, inputs: &Tensor, targets: &Tensor) -> Result<Tensor>;
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: case::Args,
}

/// Reads the command line and trains the model.
pub fn run<M: LanguageModel>() -> std::result::Result<(), Box<dyn Error>> {
    let Cli { args } = Cli::parse();
    let device = Device::Cpu;
    let params = Params::load(&args.weights, &device)?;
    let model = M::new(&params, &args.case, &device)?;
    let vars = params.vars();
    let mut adamw = adamw(vars.clone(), args.case.model)?;
    let shape = (args.case.batch, args.case.time);
    case::run("candle", case::locked_version("candle-core"), &args, |batch| {
        let inputs = Tensor::from_slice(&batch.inputs, shape, &device)?;
        let targets = Tensor::from_slice(&batch.targets, shape, &device)?;
        let loss = model.loss(&inputs, &targets)?;
        let mut grads = loss.backward()?;
        clip_norm(&mut grads, &vars, optimiser::CLIP_NORM)?;
        adamw.step(&grads)?;
        Ok(loss.to_scalar()?)
    })
}

/// The trainable tensors by name. Layers hold the same storage, which the optimiser updates in place.
pub struct Params(HashMap<String, Var>);

impl Params {
    /// All tensors of a safetensors file.
    pub fn load(path: &std::path::Path, device: &Device) -> Result<Self> {
        let tensors = candle_core::safetensors::load(path, device)?;
        let vars = tensors.into_iter().map(|(name, tensor)| Ok((name, Var::from_tensor(&tensor)?)));
        Ok(Self(vars.collect::<Result<_>>()?))
    }

    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Result<Tensor> {
        match self.0.get(name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => candle_core::bail!("the weights have no {name}"),
        }
    }

    /// Weight and bias below `path`.
    pub fn linear(&self, path: &str) -> Result<Linear> {
        Ok(Linear::new(self.get(&format!("{path}.weight"))?, Some(self.get(&format!("{path}.bias"))?)))
    }

    /// All of them.
    pub fn vars(&self) -> Vec<Var> {
        self.0.values().cloned().collect()
    }

    /// Layers made by candle's builders from these tensors.
    pub fn builder(&self, device: &Device) -> VarBuilder<'static> {
        let tensors = self.0.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone()));
        VarBuilder::from_tensors(tensors.collect(), DType::F32, device)
    }
}

/// The optimiser of all peers.
fn adamw(vars: Vec<Var>, model: Model) -> Result<AdamW> {
    let settings = ParamsAdamW {
        lr: optimiser::LEARNING_RATE,
        beta1: optimiser::BETA_1,
        beta2: optimiser::BETA_2,
        eps: optimiser::EPSILON,
        weight_decay: optimiser::weight_decay(model),
    };
    AdamW::new(vars, settings)
}

/// Scales all gradients so that their joint norm is at most `max_norm`.
fn clip_norm(grads: &mut GradStore, vars: &[Var], max_norm: f64) -> Result<()> {
    let mut squares = 0.0;
    for grad in vars.iter().filter_map(|var| grads.get(var)) {
        squares += f64::from(grad.sqr()?.sum_all()?.to_scalar::<f32>()?);
    }
    let scale = max_norm / (squares.sqrt() + 1e-6);
    if scale >= 1.0 {
        return Ok(());
    }
    for var in vars {
        if let Some(grad) = grads.remove(var) {
            grads.insert(var, (grad * scale)?);
        }
    }
    Ok(())
}
