//! The training step of the LSTM language model in burn: see `../../../README.md`.

use std::error::Error;

use burn::module::{Module, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Embedding, GateController, Linear, Lstm, LstmConfig};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};
use burn_shared::{BurnFlex, BurnNdArray, LanguageModel, Weights};
use case::{Case, Model};

#[derive(Module, Debug)]
struct Recurrent<B: Backend> {
    embedding: Embedding<B>,
    layers: Vec<Lstm<B>>,
    head: Linear<B>,
}

impl<B: AutodiffBackend> LanguageModel<B> for Recurrent<B> {
    fn new(weights: &Weights, case: &Case, device: &B::Device) -> Result<Self, Box<dyn Error>> {
        if case.model != Model::Lstm {
            return Err(format!("{} is no LSTM", case.name).into());
        }
        let layer = |layer| lstm(weights, layer, case.d_model, device);
        Ok(Self {
            embedding: weights.embedding("embedding", device)?,
            layers: (0..case.layers).map(layer).collect::<Result<_, _>>()?,
            head: weights.linear("head", device)?,
        })
    }

    fn loss(&self, inputs: Tensor<B, 2, Int>, targets: Tensor<B, 2, Int>) -> Tensor<B, 1> {
        let [batch, time] = inputs.dims();
        let mut x = self.embedding.forward(inputs); // (batch, time, d_model)
        for layer in &self.layers {
            x = layer.forward(x, None).0;
        }
        let logits = self.head.forward(x).reshape([(batch * time) as i64, -1]); // (batch * time, vocab)
        let device = logits.device();
        CrossEntropyLossConfig::new().init(&device).forward(logits, targets.reshape([batch * time]))
    }
}

/// A layer whose gates have their rows i, f, g, o of the file's matrices.
fn lstm<B: Backend>(
    weights: &Weights,
    layer: usize,
    hidden: usize,
    device: &B::Device,
) -> Result<Lstm<B>, Box<dyn Error>> {
    let matrix = |name: &str| weights.tensor::<B, 2>(&format!("rnn.weight_{name}_l{layer}"), device);
    let vector = |name: &str| weights.tensor::<B, 1>(&format!("rnn.bias_{name}_l{layer}"), device);
    let mut lstm = LstmConfig::new(hidden, hidden, true).init(device);
    let gates: [&mut GateController<B>; 4] =
        [&mut lstm.input_gate, &mut lstm.forget_gate, &mut lstm.cell_gate, &mut lstm.output_gate];
    for (gate, controller) in gates.into_iter().enumerate() {
        let rows = gate * hidden..(gate + 1) * hidden;
        let maps = [("ih", &mut controller.input_transform), ("hh", &mut controller.hidden_transform)];
        for (name, linear) in maps {
            let weight = matrix(name)?.slice([rows.clone(), 0..hidden]).transpose(); // (in, out)
            // Through its values, so that the transposed matrix lies contiguous.
            linear.weight = Param::from_tensor(Tensor::from_data(weight.into_data(), device));
            linear.bias = Some(Param::from_tensor(vector(name)?.slice([rows.clone()])));
        }
    }
    Ok(lstm)
}

fn main() -> Result<(), Box<dyn Error>> {
    burn_shared::run::<Recurrent<BurnFlex>, Recurrent<BurnNdArray>>()
}
