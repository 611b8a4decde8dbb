//! Activation functions and their derivatives, alone and fused with the addition of a bias.
//!
//! Each function is a value of its own type, so that a fused kernel is compiled for it; names, constants
//! and defaults are PyTorch's.

mod functions;

pub use functions::*;

use super::compiled::compiled;
use super::par::{self, Rows, rows};
use crate::Element;

/// An elementwise function with a derivative.
///
/// Implementations are `#[inline(always)]` and, in `f32`, free of branches and calls, so that loops over
/// them vectorise. `FMA` tells whether a fused multiply-add is one instruction.
pub trait Activation: Copy + Send + Sync {
    /// Cost of one value, in additions.
    const COST: usize = 4;
    /// `f(x)`
    fn value<const FMA: bool, E: Element>(self, x: E) -> E;
    /// `f′(x)`, a one-sided derivative at a kink.
    fn derivative<const FMA: bool, E: Element>(self, x: E) -> E;
}

compiled! {
    fn forward_part<'a, E, A: Activation>(x: &'a [E], y: &'a mut [E], f: A) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = f.value::<FMA, E>(x);
        }
    }

    fn forward_in_place_part<'a, E, A: Activation>(y: &'a mut [E], f: A) {
        for y in y {
            *y = f.value::<FMA, E>(*y);
        }
    }

    fn backward_part<'a, E, A: Activation>(x: &'a [E], dy: &'a [E], dx: &'a mut [E], f: A) {
        for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
            *dx = dy * f.derivative::<FMA, E>(x);
        }
    }

    fn backward_in_place_part<'a, E, A: Activation>(x: &'a [E], d: &'a mut [E], f: A) {
        for (d, &x) in d.iter_mut().zip(x) {
            *d *= f.derivative::<FMA, E>(x);
        }
    }

    fn bias_forward_part<'a, E, A: Activation>(x: &'a mut [E], bias: &'a [E], y: &'a mut [E], f: A) {
        let cols = bias.len();
        for (y, x) in y.chunks_exact_mut(cols).zip(x.chunks_exact_mut(cols)) {
            for ((y, x), &b) in y.iter_mut().zip(x).zip(bias) {
                *x += b;
                *y = f.value::<FMA, E>(*x);
            }
        }
    }

    fn bias_forward_in_place_part<'a, E, A: Activation>(y: &'a mut [E], bias: &'a [E], f: A) {
        for y in y.chunks_exact_mut(bias.len()) {
            for (y, &b) in y.iter_mut().zip(bias) {
                *y = f.value::<FMA, E>(*y + b);
            }
        }
    }

    fn bias_backward_part<'a, E, A: Activation>(x: &'a [E], d: &'a mut [E], dbias: &'a mut [E], f: A) {
        let cols = dbias.len();
        for (d, x) in d.chunks_exact_mut(cols).zip(x.chunks_exact(cols)) {
            for ((d, &x), db) in d.iter_mut().zip(x).zip(dbias.iter_mut()) {
                *d *= f.derivative::<FMA, E>(x);
                *db += *d;
            }
        }
    }
}

/// `y = f(x)`. Panics if the lengths differ.
///
/// ```
/// use tensor::kernels::activation::{Relu, forward};
/// let mut y = [0.0f32; 2];
/// forward(&[-1.0, 2.0], &mut y, Relu);
/// assert_eq!(y, [0.0, 2.0]);
/// ```
pub fn forward<E: Element, A: Activation>(x: &[E], y: &mut [E], f: A) {
    assert_eq!(x.len(), y.len(), "activation: lengths differ");
    par::for_each((x, y), x.len(), par::rows_per_chunk(A::COST), |_, (x, y)| forward_part(x, y, f));
}

/// `y ← f(y)`
pub fn forward_in_place<E: Element, A: Activation>(y: &mut [E], f: A) {
    let len = y.len();
    par::for_each(y, len, par::rows_per_chunk(A::COST), |_, y| forward_in_place_part(y, f));
}

/// `dx = dy · f′(x)`. Panics if the lengths differ.
pub fn backward<E: Element, A: Activation>(x: &[E], dy: &[E], dx: &mut [E], f: A) {
    assert!(x.len() == dx.len() && dy.len() == dx.len(), "activation: lengths differ");
    par::for_each((x, dy, dx), x.len(), par::rows_per_chunk(A::COST), |_, (x, dy, dx)| {
        backward_part(x, dy, dx, f);
    });
}

/// `d ← d · f′(x)`: the gradient of the output becomes that of the input. Panics if the lengths differ.
pub fn backward_in_place<E: Element, A: Activation>(x: &[E], d: &mut [E], f: A) {
    assert_eq!(x.len(), d.len(), "activation: lengths differ");
    par::for_each((x, d), x.len(), par::rows_per_chunk(A::COST), |_, (x, d)| {
        backward_in_place_part(x, d, f);
    });
}

#[track_caller]
fn rows_of(len: usize, other: usize, cols: usize) -> usize {
    assert_eq!(len, other, "bias and activation: lengths differ");
    if cols == 0 {
        assert_eq!(len, 0, "bias and activation: {len} elements are not rows of 0");
        return 0;
    }
    assert!(len.is_multiple_of(cols), "bias and activation: {len} elements are not rows of {cols}");
    len / cols
}

/// `x ← x + bias`, `y = f(x)` in one pass: `x, y (rows, cols)`, `bias (cols)`.
///
/// `x` keeps the sum, which [`bias_backward`] needs. Panics if the lengths disagree.
pub fn bias_forward<E: Element, A: Activation>(x: &mut [E], bias: &[E], y: &mut [E], f: A) {
    let cols = bias.len();
    let n_rows = rows_of(x.len(), y.len(), cols);
    par::for_each(
        (rows(x, cols), rows(y, cols)),
        n_rows,
        par::rows_per_chunk(cols * A::COST),
        |_, (x, y)| {
            bias_forward_part(x.data, bias, y.data, f);
        },
    );
}

/// `y ← f(y + bias)` in one pass, for inference: `y (rows, cols)`, `bias (cols)`. Panics if the lengths
/// disagree.
pub fn bias_forward_in_place<E: Element, A: Activation>(y: &mut [E], bias: &[E], f: A) {
    let cols = bias.len();
    let n_rows = rows_of(y.len(), y.len(), cols);
    par::for_each(rows(y, cols), n_rows, par::rows_per_chunk(cols * A::COST), |_, y| {
        bias_forward_in_place_part(y.data, bias, f);
    });
}

/// Gradients of [`bias_forward`] in one pass: `d ← d · f′(x)`, `dbias = Σ_rows d`.
///
/// `x` is the sum kept by the forward pass; `x, d (rows, cols)`, `dbias (cols)`, which is overwritten.
/// Panics if the lengths disagree.
pub fn bias_backward<E: Element, A: Activation>(x: &[E], d: &mut [E], dbias: &mut [E], f: A) {
    let cols = dbias.len();
    let n_rows = rows_of(x.len(), d.len(), cols);
    let part = |_, (x, d): (Rows<&[E]>, Rows<&mut [E]>)| {
        let mut dbias = vec![E::ZERO; cols];
        bias_backward_part(x.data, d.data, &mut dbias, f);
        dbias
    };
    let join = |mut a: Vec<E>, b: Vec<E>| {
        for (a, &b) in a.iter_mut().zip(&b) {
            *a += b;
        }
        a
    };
    let data = (rows(x, cols), rows(d, cols));
    match par::fold(data, n_rows, par::rows_per_chunk(cols * A::COST), part, join) {
        Some(total) => dbias.copy_from_slice(&total),
        None => dbias.fill(E::ZERO),
    }
}

#[cfg(test)]
mod tests;
