//! The position-wise feed-forward layer and the residual branch around every sublayer.

use autograd::Var;
use nn::{ConfigError, Dropout, LayerNorm, Linear, Mode};
use rand::Rng;
use tensor::Element;

use crate::config::{NormPosition, TransformerConfig};

/// `x` after a sublayer `f` on a residual branch: `norm(x + dropout(f(x)))` or `x + dropout(f(norm(x)))`.
pub(crate) fn residual<E: Element>(
    x: &Var<E>,
    norm: &LayerNorm<E>,
    config: &TransformerConfig,
    mode: &mut Mode<'_>,
    f: impl FnOnce(&Var<E>, &mut Mode<'_>) -> Var<E>,
) -> Var<E> {
    let dropout = Dropout::rate(config.dropout);
    match config.norm {
        NormPosition::Post => {
            let branch = f(x, mode);
            norm.forward(&(x + dropout.forward(&branch, mode)))
        }
        NormPosition::Pre => {
            let branch = f(&norm.forward(x), mode);
            x + dropout.forward(&branch, mode)
        }
    }
}

/// `linear2(dropout(act(linear1(x))))`, `x (batch, time, d_model)` → the same shape (Vaswani et al. 2017,
/// eq. 2).
pub(crate) fn feed_forward<E: Element>(
    x: &Var<E>,
    linear1: &Linear<E>,
    linear2: &Linear<E>,
    config: &TransformerConfig,
    mode: &mut Mode<'_>,
) -> Var<E> {
    let hidden = linear1.forward_act(x, config.activation); // (batch, time, d_ff)
    linear2.forward(&Dropout::rate(config.dropout).forward(&hidden, mode))
}

/// The two linear layers of a feed-forward layer.
pub(crate) fn linears<E: Element>(
    config: &TransformerConfig,
    rng: &mut impl Rng,
) -> Result<[Linear<E>; 2], ConfigError> {
    Ok([
        Linear::new(config.d_model, config.d_ff, true, rng)?,
        Linear::new(config.d_ff, config.d_model, true, rng)?,
    ])
}
