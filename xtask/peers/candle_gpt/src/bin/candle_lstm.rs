//! The training step of the LSTM language model in candle: see `../../../README.md`.

use std::error::Error;

use candle_core::{Device, Result, Tensor};
use candle_nn::rnn::{LSTM, LSTMConfig, RNN, lstm};
use candle_nn::{Embedding, Linear, Module};
use candle_shared::{LanguageModel, Params};
use case::{Case, Model};

struct Recurrent {
    embedding: Embedding,
    layers: Vec<LSTM>,
    head: Linear,
}

impl LanguageModel for Recurrent {
    fn new(params: &Params, case: &Case, device: &Device) -> Result<Self> {
        if case.model != Model::Lstm {
            candle_core::bail!("{} is no LSTM", case.name);
        }
        let (d_model, builder) = (case.d_model, params.builder(device));
        let layer = |layer_idx: usize| {
            let config = LSTMConfig { layer_idx, ..LSTMConfig::default() };
            lstm(d_model, d_model, config, builder.pp("rnn"))
        };
        Ok(Self {
            embedding: Embedding::new(params.get("embedding.weight")?, d_model),
            layers: (0..case.layers).map(layer).collect::<Result<_>>()?,
            head: params.linear("head")?,
        })
    }

    /// Mean cross-entropy of `targets` given `inputs`, both `(batch, time)`.
    fn loss(&self, inputs: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let mut x = self.embedding.forward(inputs)?; // (batch, time, d_model)
        for layer in &self.layers {
            let states = layer.seq(&x)?;
            x = layer.states_to_tensor(&states)?;
        }
        let logits = self.head.forward(&x.flatten_to(1)?)?; // (batch * time, vocab)
        candle_nn::loss::cross_entropy(&logits, &targets.flatten_all()?)
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    candle_shared::run::<Recurrent>()
}
