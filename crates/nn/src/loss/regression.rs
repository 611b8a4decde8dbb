//! Losses of numbers against numbers.

use autograd::{Case, Reduction, Var, gradcheck};
use tensor::Element;

use crate::config::{ConfigError, positive};

pub(super) const CASES: &[Case] = &[
    Case::new("Mse", |draw| {
        let dims = draw.dims::<2>();
        gradcheck(|v| Mse::default().forward(&v[0], &v[1]), &[draw.normal(&dims), draw.normal(&dims)])
    }),
    Case::new("Mae", |draw| {
        let dims = draw.dims::<2>();
        gradcheck(|v| Mae::default().forward(&v[0], &v[1]), &[draw.normal(&dims), draw.normal(&dims)])
    }),
    Case::new("Huber", |draw| {
        let (dims, loss) = (draw.dims::<2>(), Huber::new(draw.number(0.3, 2.0)).expect("settings"));
        gradcheck(|v| loss.forward(&v[0], &v[1]), &[draw.normal(&dims), draw.normal(&dims)])
    }),
];

/// Squared error `(x − target)²`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mse {
    /// Mean, sum, or one loss for each element.
    pub reduction: Reduction,
}

impl Mse {
    /// `x, target (..)` → `()`, or `(..)` without reduction.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, x: &Var<E>, target: &Var<E>) -> Var<E> {
        x.mse(target, self.reduction)
    }
}

/// Absolute error `|x − target|`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mae {
    /// Mean, sum, or one loss for each element.
    pub reduction: Reduction,
}

impl Mae {
    /// `x, target (..)` → `()`, or `(..)` without reduction.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, x: &Var<E>, target: &Var<E>) -> Var<E> {
        x.mae(target, self.reduction)
    }
}

/// Huber loss (Huber 1964): with `d = x − target`, `d²/2` where `|d| ≤ delta`, else `delta·(|d| − delta/2)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    delta: f64,
    /// Mean, sum, or one loss for each element.
    pub reduction: Reduction,
}

impl Huber {
    /// Quadratic within `delta`, linear beyond; the mean.
    ///
    /// # Errors
    /// If `delta` is not above 0.
    pub fn new(delta: f64) -> Result<Self, ConfigError> {
        positive("huber loss", "delta", delta)?;
        Ok(Self { delta, reduction: Reduction::Mean })
    }

    /// `x, target (..)` → `()`, or `(..)` without reduction.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, x: &Var<E>, target: &Var<E>) -> Var<E> {
        x.huber(target, self.delta, self.reduction)
    }
}
