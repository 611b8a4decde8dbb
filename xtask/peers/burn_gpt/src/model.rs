//! A GPT-2-shaped model in burn.

use std::error::Error;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Embedding, LayerNorm, Linear};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Bool, Int, Tensor, activation};
use burn_shared::{LanguageModel, Weights};
use case::{Case, Model};

#[derive(Module, Debug)]
pub struct Gpt<B: Backend> {
    /// Token embedding, also the output projection.
    wte: Embedding<B>,
    wpe: Embedding<B>,
    blocks: Vec<Block<B>>,
    ln_f: LayerNorm<B>,
}

impl<B: AutodiffBackend> LanguageModel<B> for Gpt<B> {
    fn new(weights: &Weights, case: &Case, device: &B::Device) -> Result<Self, Box<dyn Error>> {
        let Model::Gpt { heads } = case.model else { return Err(format!("{} is no GPT", case.name).into()) };
        let block = |layer| Block::new(weights, layer, heads, device);
        Ok(Self {
            wte: weights.embedding("wte", device)?,
            wpe: weights.embedding("wpe", device)?,
            blocks: (0..case.layers).map(block).collect::<Result<_, _>>()?,
            ln_f: weights.layer_norm("ln_f", device)?,
        })
    }

    fn loss(&self, inputs: Tensor<B, 2, Int>, targets: Tensor<B, 2, Int>) -> Tensor<B, 1> {
        let [batch, time] = inputs.dims();
        let device = inputs.device();
        let positions = Tensor::arange(0..time as i64, &device).reshape([1, time]);
        let mask = Tensor::<B, 2, Bool>::tril_mask([time, time], 0, &device).reshape([1, 1, time, time]);
        let mut x = self.wte.forward(inputs) + self.wpe.forward(positions); // (batch, time, d_model)
        for block in &self.blocks {
            x = block.forward(x, &mask);
        }
        let x = self.ln_f.forward(x); // (batch, time, d_model)
        let [vocab, d_model] = self.wte.weight.dims();
        let x = x.reshape([batch * time, d_model]);
        let logits = x.matmul(self.wte.weight.val().transpose()); // (batch * time, vocab)
        debug_assert_eq!(logits.dims(), [batch * time, vocab]);
        CrossEntropyLossConfig::new().init(&device).forward(logits, targets.reshape([batch * time]))
    }
}

#[derive(Module, Debug)]
pub struct Block<B: Backend> {
    ln_1: LayerNorm<B>,
    c_attn: Linear<B>,
    attn_c_proj: Linear<B>,
    ln_2: LayerNorm<B>,
    c_fc: Linear<B>,
    mlp_c_proj: Linear<B>,
    heads: usize,
}

impl<B: Backend> Block<B> {
    fn new(
        weights: &Weights,
        layer: usize,
        heads: usize,
        device: &B::Device,
    ) -> Result<Self, Box<dyn Error>> {
        let path = |name: &str| format!("h.{layer}.{name}");
        Ok(Self {
            ln_1: weights.layer_norm(&path("ln_1"), device)?,
            c_attn: weights.linear(&path("attn.c_attn"), device)?,
            attn_c_proj: weights.linear(&path("attn.c_proj"), device)?,
            ln_2: weights.layer_norm(&path("ln_2"), device)?,
            c_fc: weights.linear(&path("mlp.c_fc"), device)?,
            mlp_c_proj: weights.linear(&path("mlp.c_proj"), device)?,
            heads,
        })
    }

    /// `mask (1, 1, time, time)` is true where a position may not attend.
    fn forward(&self, x: Tensor<B, 3>, mask: &Tensor<B, 4, Bool>) -> Tensor<B, 3> {
        let x = x.clone() + self.attention(self.ln_1.forward(x), mask);
        let hidden = activation::gelu_approximate(self.c_fc.forward(self.ln_2.forward(x.clone()))); // (batch, time, d_ff)
        x + self.mlp_c_proj.forward(hidden)
    }

    fn attention(&self, x: Tensor<B, 3>, mask: &Tensor<B, 4, Bool>) -> Tensor<B, 3> {
        let [batch, time, d_model] = x.dims();
        let d_head = d_model / self.heads;
        let qkv = self.c_attn.forward(x); // (batch, time, 3 * d_model)
        let split = |part: usize| {
            let part = qkv.clone().narrow(2, part * d_model, d_model);
            part.reshape([batch, time, self.heads, d_head]).swap_dims(1, 2) // (batch, heads, time, d_head)
        };
        let scale = (d_head as f64).sqrt();
        let scores = split(0).matmul(split(1).swap_dims(2, 3)).div_scalar(scale); // (batch, heads, time, time)
        let shape = scores.shape();
        let weights = activation::softmax(scores.mask_fill(mask.clone().expand(shape), -1e9), 3);
        let y = weights.matmul(split(2)).swap_dims(1, 2).reshape([batch, time, d_model]);
        self.attn_c_proj.forward(y)
    }
}
