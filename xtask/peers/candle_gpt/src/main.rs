//! The training step of the GPT cases in candle: see `../../README.md`.

use std::collections::HashMap;
use std::error::Error;

use candle_core::backprop::GradStore;
use candle_core::{D, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, ops};
use case::{Case, optimiser};
use clap::Parser;

const LAYER_NORM_EPSILON: f32 = 1e-5;

/// The trainable tensors by name. Layers hold the same storage, which the optimiser updates in place.
struct Params(HashMap<String, Var>);

impl Params {
    fn load(path: &std::path::Path, device: &Device) -> Result<Self> {
        let tensors = candle_core::safetensors::load(path, device)?;
        let vars = tensors.into_iter().map(|(name, tensor)| Ok((name, Var::from_tensor(&tensor)?)));
        Ok(Self(vars.collect::<Result<_>>()?))
    }

    fn get(&self, name: &str) -> Result<Tensor> {
        match self.0.get(name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => candle_core::bail!("the weights have no {name}"),
        }
    }

    fn linear(&self, path: &str) -> Result<Linear> {
        Ok(Linear::new(self.get(&format!("{path}.weight"))?, Some(self.get(&format!("{path}.bias"))?)))
    }

    fn layer_norm(&self, path: &str) -> Result<LayerNorm> {
        Ok(LayerNorm {
            weight: self.get(&format!("{path}.weight"))?,
            bias: self.get(&format!("{path}.bias"))?,
        })
    }
}

struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    /// candle's fused layer norm has no gradient, so training takes the composed one.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm_slow(x, &self.weight, &self.bias, LAYER_NORM_EPSILON)
    }
}

struct Block {
    ln_1: LayerNorm,
    c_attn: Linear,
    attn_c_proj: Linear,
    ln_2: LayerNorm,
    c_fc: Linear,
    mlp_c_proj: Linear,
    heads: usize,
}

impl Block {
    fn new(params: &Params, layer: usize, heads: usize) -> Result<Self> {
        let path = |name: &str| format!("h.{layer}.{name}");
        Ok(Self {
            ln_1: params.layer_norm(&path("ln_1"))?,
            c_attn: params.linear(&path("attn.c_attn"))?,
            attn_c_proj: params.linear(&path("attn.c_proj"))?,
            ln_2: params.layer_norm(&path("ln_2"))?,
            c_fc: params.linear(&path("mlp.c_fc"))?,
            mlp_c_proj: params.linear(&path("mlp.c_proj"))?,
            heads,
        })
    }

    fn forward(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let x = (x + self.attention(&self.ln_1.forward(x)?, mask)?)?;
        let hidden = self.c_fc.forward(&self.ln_2.forward(&x)?)?.gelu()?; // (batch, time, d_ff)
        x + self.mlp_c_proj.forward(&hidden)?
    }

    fn attention(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (batch, time, d_model) = x.dims3()?;
        let d_head = d_model / self.heads;
        let qkv = self.c_attn.forward(x)?; // (batch, time, 3 * d_model)
        let split = |part: usize| {
            qkv.narrow(2, part * d_model, d_model)?
                .reshape((batch, time, self.heads, d_head))?
                .transpose(1, 2)? // (batch, heads, time, d_head)
                .contiguous()
        };
        let (q, k, v) = (split(0)?, split(1)?, split(2)?);
        let scores = (q.matmul(&k.t()?)? / (d_head as f64).sqrt())?; // (batch, heads, time, time)
        let weights = ops::softmax(&scores.broadcast_add(mask)?, D::Minus1)?;
        let y = weights.matmul(&v)?.transpose(1, 2)?.reshape((batch, time, d_model))?;
        self.attn_c_proj.forward(&y)
    }
}

struct Gpt {
    wte: Tensor,
    wpe: Tensor,
    blocks: Vec<Block>,
    ln_f: LayerNorm,
    /// `(time, time)`: 0 where a position may attend, minus infinity where not.
    mask: Tensor,
}

impl Gpt {
    fn new(params: &Params, case: &Case, device: &Device) -> Result<Self> {
        let time = case.time;
        let allowed = |at: usize| {
            if at % time <= at / time { 0.0 } else { f32::NEG_INFINITY }
        };
        Ok(Self {
            wte: params.get("wte.weight")?,
            wpe: params.get("wpe.weight")?,
            blocks: (0..case.layers).map(|i| Block::new(params, i, case.heads)).collect::<Result<_>>()?,
            ln_f: params.layer_norm("ln_f")?,
            mask: Tensor::from_iter((0..time * time).map(allowed), device)?.reshape((time, time))?,
        })
    }

    /// Mean cross-entropy of `targets` given `inputs`, both `(batch, time)`.
    fn loss(&self, inputs: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let (batch, time) = inputs.dims2()?;
        let d_model = self.wte.dim(1)?;
        let tokens = self.wte.embedding(&inputs.flatten_all()?)?.reshape((batch, time, d_model))?;
        let mut x = tokens.broadcast_add(&self.wpe.narrow(0, 0, time)?)?; // (batch, time, d_model)
        for block in &self.blocks {
            x = block.forward(&x, &self.mask)?;
        }
        let x = self.ln_f.forward(&x)?.reshape((batch * time, d_model))?;
        let logits = x.matmul(&self.wte.t()?)?; // (batch * time, vocab)
        candle_nn::loss::cross_entropy(&logits, &targets.flatten_all()?)
    }
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

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: case::Args,
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let Cli { args } = Cli::parse();
    let device = Device::Cpu;
    let params = Params::load(&args.weights, &device)?;
    let gpt = Gpt::new(&params, &args.case, &device)?;
    let vars: Vec<Var> = params.0.values().cloned().collect();
    let settings = ParamsAdamW {
        lr: optimiser::LEARNING_RATE,
        beta1: optimiser::BETA_1,
        beta2: optimiser::BETA_2,
        eps: optimiser::EPSILON,
        weight_decay: optimiser::WEIGHT_DECAY,
    };
    let mut adamw = AdamW::new(vars.clone(), settings)?;
    let shape = (args.case.batch, args.case.time);
    case::run("candle", case::locked_version("candle-core"), &args, |batch| {
        let inputs = Tensor::from_slice(&batch.inputs, shape, &device)?;
        let targets = Tensor::from_slice(&batch.targets, shape, &device)?;
        let loss = gpt.loss(&inputs, &targets)?;
        let mut grads = loss.backward()?;
        clip_norm(&mut grads, &vars, optimiser::CLIP_NORM)?;
        adamw.step(&grads)?;
        Ok(loss.to_scalar()?)
    })
}
