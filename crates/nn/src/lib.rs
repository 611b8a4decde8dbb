#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod atomic;
mod config;
mod ema;
mod gradcheck;
pub mod init;
mod layers;
mod loss;
mod mode;
mod module;
mod non_finite;
pub mod optim;
mod param;
pub mod regularise;
mod report;
pub mod schedule;
mod values;
pub mod weights;

pub use atomic::write_atomically;
pub use autograd::Reduction;
pub use config::ConfigError;
pub use ema::{Ema, EmaState, EmaStateError, average_into};
pub use gradcheck::{cases, gradcheck_module, gradcheck_module_with};
pub use layers::{
    Activation, Bilinear, Dropout, Embedding, EmbeddingDropout, FeedForward, GatedFeedForward, Glu, Layer,
    LayerNorm, Linear, LockedDropout, LogSoftmax, PRelu, Residual, RmsNorm, Sequential, Softmax, Sparsemax,
    StochasticDepth, WordDropout, feed_forward,
};
pub use loss::{
    BceWithLogits, CosineEmbedding, CrossEntropy, Distillation, Focal, Hinge, Huber, InfoNce, KlDiv,
    LossError, Mae, Mse, Nll, SampledSoftmax, Triplet,
};
pub use mode::Mode;
pub use module::{Module, Path, Visitor, VisitorMut};
pub use non_finite::{NonFinite, Part, first_non_finite};
pub use param::Param;
#[doc(hidden)]
pub use tensor::Element as __Element;
pub use values::Values;
