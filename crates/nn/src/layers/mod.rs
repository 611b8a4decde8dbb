//! Layers: parameters plus a pure forward.

mod activation;
mod bilinear;
mod dropout;
mod embedding;
mod feed_forward;
mod layer;
mod linear;
mod norm;
mod softmax;
mod stochastic_depth;
mod word_dropout;

pub use activation::{Activation, PRelu};
pub use bilinear::Bilinear;
pub use dropout::{Dropout, LockedDropout};
pub use embedding::Embedding;
pub use feed_forward::{FeedForward, GatedFeedForward, Glu, feed_forward};
pub use layer::{Layer, Residual, Sequential};
pub use linear::Linear;
pub use norm::{LayerNorm, RmsNorm};
pub use softmax::{LogSoftmax, Softmax, Sparsemax};
pub use stochastic_depth::StochasticDepth;
pub use word_dropout::{EmbeddingDropout, WordDropout};

use autograd::Case;

/// The gradient checks of all layers.
pub(crate) fn cases() -> Vec<Case> {
    [
        linear::CASES,
        bilinear::CASES,
        embedding::CASES,
        dropout::CASES,
        word_dropout::CASES,
        stochastic_depth::CASES,
        norm::CASES,
        activation::CASES,
        softmax::CASES,
        feed_forward::CASES,
        layer::CASES,
    ]
    .concat()
}
