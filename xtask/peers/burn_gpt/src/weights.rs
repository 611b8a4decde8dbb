//! The initial weights, read from safetensors into burn's parameters and layers.

use std::error::Error;
use std::path::Path;

use burn::module::Param;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The bytes of a safetensors file of f32 tensors.
pub struct Weights(Vec<u8>);

impl Weights {
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        SafeTensors::deserialize(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(bytes))
    }

    /// The tensor called `name`, of `D` dimensions.
    pub fn tensor<B: Backend, const D: usize>(&self, name: &str, device: &B::Device) -> Result<Tensor<B, D>> {
        let file = SafeTensors::deserialize(&self.0)?;
        let view = file.tensor(name).map_err(|error| format!("weights: {error}"))?;
        if view.dtype() != safetensors::Dtype::F32 || view.shape().len() != D {
            return Err(
                format!("{name}: {:?} {:?}, expected rank {D} of f32", view.dtype(), view.shape()).into()
            );
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok(Tensor::from_data(TensorData::new(values.collect(), view.shape().to_vec()), device))
    }

    /// The file keeps `(out, in)`; burn multiplies by `(in, out)`.
    pub fn linear<B: Backend>(&self, path: &str, device: &B::Device) -> Result<Linear<B>> {
        let weight: Tensor<B, 2> = self.tensor(&format!("{path}.weight"), device)?;
        let bias: Tensor<B, 1> = self.tensor(&format!("{path}.bias"), device)?;
        let [output, input] = weight.dims();
        // Through its values, so that the transposed matrix lies contiguous.
        let weight = Tensor::from_data(weight.transpose().into_data(), device); // (in, out)
        let mut layer = LinearConfig::new(input, output).init(device);
        layer.weight = Param::from_tensor(weight);
        layer.bias = Some(Param::from_tensor(bias));
        Ok(layer)
    }

    pub fn layer_norm<B: Backend>(&self, path: &str, device: &B::Device) -> Result<LayerNorm<B>> {
        let gamma: Tensor<B, 1> = self.tensor(&format!("{path}.weight"), device)?;
        let beta: Tensor<B, 1> = self.tensor(&format!("{path}.bias"), device)?;
        let mut layer = LayerNormConfig::new(gamma.dims()[0]).init(device);
        layer.gamma = Param::from_tensor(gamma);
        layer.beta = Some(Param::from_tensor(beta));
        Ok(layer)
    }

    pub fn embedding<B: Backend>(&self, path: &str, device: &B::Device) -> Result<Embedding<B>> {
        let weight: Tensor<B, 2> = self.tensor(&format!("{path}.weight"), device)?;
        let [rows, d_model] = weight.dims();
        let mut layer = EmbeddingConfig::new(rows, d_model).init(device);
        layer.weight = Param::from_tensor(weight);
        Ok(layer)
    }
}
