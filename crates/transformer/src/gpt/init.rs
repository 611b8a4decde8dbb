//! GPT-2's starting values.

use nn::{Embedding, LayerNorm, Linear, Param};
use rand::Rng;
use tensor::{Element, Tensor};

use crate::gpt::config::GptConfig;

/// Standard deviation of all weights (Radford et al. 2019, and the released code).
const STD: f64 = 0.02;

/// A linear layer with weights N(0, 0.02² / `branches`) and bias 0. The projections into the residual stream,
/// of which there are `2 · layers`, are scaled down so that its variance does not grow with depth.
pub(super) fn linear<E: Element>(
    config: &GptConfig,
    input: usize,
    output: usize,
    branches: usize,
    rng: &mut impl Rng,
) -> Linear<E> {
    let std = STD / (branches as f64).sqrt();
    let bias = config.bias.then(|| Param::new(Tensor::zeros(&[output])));
    Linear { weight: Param::new(normal(&[output, input], std, rng)), bias }
}

/// An embedding with weights N(0, 0.02²).
pub(super) fn embedding<E: Element>(count: usize, d_model: usize, rng: &mut impl Rng) -> Embedding<E> {
    Embedding::from_weight(normal(&[count, d_model], STD, rng))
}

/// A layer norm that starts as plain normalisation.
pub(super) fn norm<E: Element>(config: &GptConfig) -> LayerNorm<E> {
    LayerNorm::with_bias(config.d_model, config.bias)
}

fn normal<E: Element>(shape: &[usize], std: f64, rng: &mut impl Rng) -> Tensor<E> {
    Tensor::normal(shape, E::ZERO, E::from_f64(std), rng)
}
