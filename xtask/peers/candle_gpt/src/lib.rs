//! What the programs in candle share: parameters by name, the optimiser, clipping.

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Optimizer, ParamsAdamW, VarBuilder};
use case::{Model, optimiser};

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
pub fn adamw(vars: Vec<Var>, model: Model) -> Result<AdamW> {
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
pub fn clip_norm(grads: &mut GradStore, vars: &[Var], max_norm: f64) -> Result<()> {
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
