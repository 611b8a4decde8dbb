//! Losses of yes and no.

use autograd::{Case, Reduction, Var, gradcheck};
use tensor::{Bools, Element, Tensor};

use super::{LossError, check_targets};
use crate::config::{ConfigError, non_negative, unit};

pub(super) const CASES: &[Case] = &[
    Case::new("BceWithLogits", |draw| {
        let [batch, classes] = draw.dims();
        let (x, targets) = (draw.normal(&[batch, classes]), draw.uniform(&[batch, classes], 0.0, 1.0));
        let pos_weight = Some(draw.uniform(&[classes], 0.5, 2.0).to_vec());
        let loss = BceWithLogits { pos_weight, ..BceWithLogits::default() };
        gradcheck(|v| loss.forward(&v[0], &targets).expect("targets in [0, 1]"), &[x])
    }),
    Case::new("Focal", |draw| {
        let [batch, classes] = draw.dims();
        let (x, loss) = (
            draw.normal(&[batch, classes]),
            Focal::new(draw.number(0.0, 3.0), Some(0.25)).expect("settings"),
        );
        let targets = Bools::new((0..batch * classes).map(|_| draw.flip()).collect(), &[batch, classes]);
        gradcheck(|v| loss.forward(&v[0], &targets), &[x])
    }),
    Case::new("Hinge", |draw| {
        let [batch] = draw.dims();
        let x = draw.normal(&[batch]);
        let targets = Bools::new((0..batch).map(|_| draw.flip()).collect(), &[batch]);
        // A margin that no value reaches: there is a slope everywhere, and no kink.
        let loss = Hinge { reduction: Reduction::Sum, ..Hinge::new(9.0).expect("settings") };
        gradcheck(|v| loss.forward(&v[0], &targets), &[x])
    }),
];

/// Binary cross-entropy of logits `x` against probabilities `t`, without overflow:
/// `−w·t·ln sigmoid(x) − (1 − t)·ln(1 − sigmoid(x))`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BceWithLogits {
    /// Weight `w` of the positive side, for each class (last dimension).
    pub pos_weight: Option<Vec<f64>>,
    /// Mean, sum, or one loss for each target.
    pub reduction: Reduction,
}

impl BceWithLogits {
    /// `logits, targets (.., classes)` → `()`, or `(.., classes)` without reduction.
    ///
    /// # Errors
    /// If a target is not in `[0, 1]`, a weight negative or not finite, or there are not `classes` weights.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, logits: &Var<E>, targets: &Tensor<E>) -> Result<Var<E>, LossError> {
        check_targets(targets, |t| (E::ZERO..=E::ONE).contains(&t), "a number in [0, 1]")?;
        let weights = match &self.pos_weight {
            Some(weights) if weights.len() != logits.dim(-1) => {
                return Err(LossError::ClassWeights { expected: logits.dim(-1), found: weights.len() });
            }
            Some(weights) => {
                weights.iter().try_for_each(|w| non_negative("binary cross-entropy", "pos_weight", *w))?;
                Some(Tensor::from_slice(weights, &[weights.len()]).cast())
            }
            None => None,
        };
        let targets = Var::constant(targets.clone());
        Ok(logits.bce_with_logits(&targets, weights.as_ref(), self.reduction))
    }
}

/// Focal loss (Lin et al. 2017, "Focal loss for dense object detection"): binary cross-entropy that cares less for
/// what is already right, `−α_t·(1 − p_t)^γ·ln p_t` with `p_t` the probability given to the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focal {
    gamma: f64,
    alpha: Option<f64>,
    /// Mean, sum, or one loss for each target.
    pub reduction: Reduction,
}

impl Focal {
    /// Focusing parameter `gamma` (2 in the paper) and weight `alpha` of the positive side (1 − `alpha` of the
    /// negative), if any; the mean.
    ///
    /// # Errors
    /// If `gamma` is negative or `alpha` not in `[0, 1]`.
    pub fn new(gamma: f64, alpha: Option<f64>) -> Result<Self, ConfigError> {
        non_negative("focal loss", "gamma", gamma)?;
        alpha.map_or(Ok(()), |alpha| unit("focal loss", "alpha", alpha))?;
        Ok(Self { gamma, alpha, reduction: Reduction::Mean })
    }

    /// `logits, targets (..)` → `()`, or `(..)` without reduction.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, logits: &Var<E>, targets: &Bools) -> Var<E> {
        let z = logits * &signs(logits, targets, "focal");
        // 1 − p_t = sigmoid(−z) = exp(−softplus(z)), whose powers have a finite slope everywhere.
        let focus = (z.softplus() * E::from_f64(-self.gamma)).exp();
        let losses = focus * (-z).softplus();
        let losses = match self.alpha {
            Some(alpha) => {
                let pick = |t: E| E::from_f64(alpha) * t + E::from_f64(1.0 - alpha) * (E::ONE - t);
                losses * Var::constant(targets.to_tensor::<E>().map(pick))
            }
            None => losses,
        };
        losses.reduced(self.reduction)
    }
}

/// Hinge loss, as of support vector machines: `max(0, margin − s·x)` with `s` 1 for true targets and −1 for false.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hinge {
    margin: f64,
    /// Mean, sum, or one loss for each target.
    pub reduction: Reduction,
}

/// A margin of 1; the mean.
impl Default for Hinge {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl Hinge {
    /// Scores beyond `margin` cost nothing; the mean.
    ///
    /// # Errors
    /// If `margin` is negative or not finite.
    pub fn new(margin: f64) -> Result<Self, ConfigError> {
        non_negative("hinge loss", "margin", margin)?;
        Ok(Self { margin, ..Self::default() })
    }

    /// `scores, targets (..)` → `()`, or `(..)` without reduction.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, scores: &Var<E>, targets: &Bools) -> Var<E> {
        scores.hinge(&signs(scores, targets, "hinge"), self.margin, self.reduction)
    }
}

/// 1 for true, −1 for false.
#[track_caller]
fn signs<E: Element>(x: &Var<E>, targets: &Bools, op: &str) -> Var<E> {
    if x.shape() != targets.shape() {
        let operands = [("x", "", x.shape()), ("targets", "", targets.shape())];
        tensor::shape::fail(op, &operands, "shapes differ");
    }
    Var::constant(targets.to_tensor::<E>().map(|t| t + t - E::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn focal_without_focus_is_cross_entropy() {
        let x = Var::leaf(Tensor::from_vec(vec![2.0_f64, -300.0, 0.5, 300.0], &[4]));
        let targets = Bools::from_slice(&[true, false, false, true]);
        let focal = Focal::new(0.0, None).unwrap().forward(&x, &targets);
        let plain = BceWithLogits::default().forward(&x, &targets.to_tensor()).unwrap();
        assert!((focal.item() - plain.item()).abs() < 1e-15);
        let steep = Focal::new(0.5, Some(0.25)).unwrap().forward(&x, &targets);
        let grads = steep.backward().unwrap();
        assert!(grads.get(&x).unwrap().to_vec().iter().all(|g| g.is_finite()));
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        for margin in [-0.5, f64::NAN, f64::INFINITY] {
            assert!(Hinge::new(margin).is_err());
        }
        let x = Var::leaf(Tensor::<f32>::zeros(&[2, 2]));
        let loss = BceWithLogits { pos_weight: Some(vec![1.0, -2.0]), ..BceWithLogits::default() };
        let error = loss.forward(&x, &Tensor::zeros(&[2, 2])).unwrap_err().to_string();
        let expected = "`pos_weight` is -2, expected a finite number of at least 0";
        assert_eq!(error, format!("binary cross-entropy: {expected}"));
    }

    #[test]
    fn targets_outside_the_unit_interval_are_named() {
        let x = Var::leaf(Tensor::<f32>::zeros(&[2, 2]));
        let targets = Tensor::from_vec(vec![0.0, 1.0, f32::NAN, 0.5], &[2, 2]);
        let error = BceWithLogits::default().forward(&x, &targets).unwrap_err().to_string();
        assert_eq!(error, "loss: target NaN at row-major index 2, expected a number in [0, 1]");
    }
}
