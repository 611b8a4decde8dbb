//! Activation functions and their derivatives.
//!
//! Each function is a value of its own type, so that a fused kernel is compiled for it; names, constants
//! and defaults are PyTorch's.

mod functions;

pub use functions::*;

use super::compiled::compiled;
use super::par;
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

#[cfg(test)]
mod tests;
