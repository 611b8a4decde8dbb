//! The residual branch around every sublayer.

use autograd::Var;
use nn::{Dropout, LayerNorm, Mode};
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
