//! Dropout of single values and of whole features.

use std::fmt;

use autograd::{Case, Var, gradcheck};
use serde::{Deserialize, Serialize};
use tensor::{Element, Tensor};

use crate::config::{ConfigError, decay};
use crate::mode::Mode;

pub(super) const CASES: &[Case] = &[
    Case::new("Dropout", |draw| {
        let [batch, d_model] = draw.dims();
        let (x, layer, rng) =
            (draw.normal(&[batch, d_model]), Dropout::rate(draw.number(0.0, 0.9)), draw.rng().clone());
        gradcheck(|v| layer.forward(&v[0], &mut Mode::Train(&mut rng.clone())), &[x])
    }),
    Case::new("LockedDropout", |draw| {
        let dims = draw.dims::<3>();
        let layer = LockedDropout::new(draw.number(0.0, 0.9), draw.below(3)).expect("a rate");
        let (x, rng) = (draw.normal(&dims), draw.rng().clone());
        gradcheck(|v| layer.forward(&v[0], &mut Mode::Train(&mut rng.clone())), &[x])
    }),
];

/// In training sets each value to 0 with probability `p` and divides the others by `1 − p` (Srivastava et al.
/// 2014); in evaluation does nothing.
///
/// ```
/// use autograd::Var;
/// use nn::{Dropout, Mode};
/// use tensor::Tensor;
/// let x = Var::constant(Tensor::<f32>::ones(&[4]));
/// assert_eq!(Dropout::new(0.5)?.forward(&x, &mut Mode::Eval).value(), x.value());
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Drops with probability `p`.
    ///
    /// # Errors
    /// If `p` is not in `[0, 1)`.
    pub fn new(p: f64) -> Result<Self, ConfigError> {
        decay("dropout", "p", p)?;
        Ok(Self { p })
    }

    /// Drops with a probability that was checked with the configuration it is in.
    pub const fn rate(p: f64) -> Self {
        Self { p }
    }

    /// Probability of dropping a value.
    pub const fn p(&self) -> f64 {
        self.p
    }

    /// `x (..)` → `(..)`
    ///
    /// # Panics
    /// In training, if the probability is not in `[0, 1)`.
    #[track_caller]
    pub fn forward<E: Element>(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        match mode.rng() {
            Some(rng) if self.p != 0.0 => x.dropout(self.p, rng),
            _ => x.clone(),
        }
    }
}

impl fmt::Display for Dropout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dropout(p={})", self.p)
    }
}

/// Dropout with one mask for all places along an axis (Gal & Ghahramani 2016, "variational"; Merity et al. 2017,
/// "locked"): a feature is dropped for a whole sequence or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockedDropout {
    p: f64,
    axis: usize,
}

impl LockedDropout {
    /// Drops with probability `p`, the same at all places along `axis` (1 for `(batch, time, ..)`).
    ///
    /// # Errors
    /// If `p` is not in `[0, 1)`.
    pub fn new(p: f64, axis: usize) -> Result<Self, ConfigError> {
        decay("locked dropout", "p", p)?;
        Ok(Self { p, axis })
    }

    /// `x (..)` → `(..)`
    ///
    /// # Panics
    /// If `x` has no such axis.
    #[track_caller]
    pub fn forward<E: Element>(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        assert!(
            self.axis < x.rank(),
            "locked dropout: axis {} of a tensor with {} dimensions",
            self.axis,
            x.rank()
        );
        let Some(rng) = mode.rng().filter(|_| self.p != 0.0) else { return x.clone() };
        let mut shape = x.shape().to_vec();
        shape[self.axis] = 1;
        let mask = Var::constant(Tensor::ones(&shape)).dropout(self.p, rng); // 1 along the axis
        x * mask
    }
}

impl fmt::Display for LockedDropout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockedDropout(p={}, axis={})", self.p, self.axis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    #[test]
    fn locked_masks_are_constant_over_time() {
        let x = Var::constant(Tensor::<f32>::ones(&[3, 7, 20])); // (batch, time, d_model)
        let layer = LockedDropout::new(0.5, 1).unwrap();
        let y = layer.forward(&x, &mut Mode::Train(&mut rng(3)));
        assert_eq!(y.value(), &y.value().slice(1, 0..1).broadcast_to(&[3, 7, 20]));
        assert!(y.value().to_vec().contains(&0.0) && y.value().to_vec().contains(&2.0));
        assert_ne!(y.value().select(0, 0), y.value().select(0, 1));
        assert_eq!(layer.forward(&x, &mut Mode::Eval).value(), x.value());
    }

    #[test]
    fn probabilities_are_checked() {
        assert!(Dropout::new(1.0).is_err() && Dropout::new(f64::NAN).is_err());
        assert!(LockedDropout::new(-0.1, 1).is_err());
    }
}
