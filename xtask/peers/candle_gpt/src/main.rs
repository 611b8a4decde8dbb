//! The training step of the GPT cases in candle: see `../../README.md`.

use std::error::Error;

use candle_core::{D, Device, Result, Tensor};
use candle_nn::{Linear, Module, ops};
use candle_shared::{LanguageModel, Params};
use case::{Case, Model};

const LAYER_NORM_EPSILON: f32 = 1e-5;

struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    fn new(params: &Params, path: &str) -> Result<Self> {
        Ok(Self {
            weight: params.get(&format!("{path}.weight"))?,
            bias: params.get(&format!("{path}.bias"))?,
        })
    }

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
            ln_1: LayerNorm::new(params, &path("ln_1"))?,
            c_attn: params.linear(&path("attn.c_attn"))?,
            attn_c_proj: params.linear(&path("attn.c_proj"))?,
            ln_2: LayerNorm::new(params, &path("ln_2"))?,
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

impl LanguageModel for Gpt {
    fn new(params: &Params, case: &Case, device: &Device) -> Result<Self> {
        let Model::Gpt { heads } = case.model else { candle_core::bail!("{} is no GPT", case.name) };
        let time = case.time;
        let allowed = |at: usize| {
            if at % time <= at / time { 0.0 } else { f32::NEG_INFINITY }
        };
        Ok(Self {
            wte: params.get("wte.weight")?,
            wpe: params.get("wpe.weight")?,
            blocks: (0..case.layers).map(|i| Block::new(params, i, heads)).collect::<Result<_>>()?,
            ln_f: LayerNorm::new(params, "ln_f")?,
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

fn main() -> std::result::Result<(), Box<dyn Error>> {
    candle_shared::run::<Gpt>()
}
