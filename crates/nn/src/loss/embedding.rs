//! Losses of vectors that should lie near or far.

use autograd::{Case, Reduction, Var, gradcheck};
use tensor::{Bools, Element};

use crate::config::{ConfigError, non_negative, positive, require};

pub(super) const CASES: &[Case] = &[
    Case::new("CosineEmbedding", |draw| {
        let [batch, d_model] = draw.dims();
        // At width 1 cosines are 1 or −1, a corner of the loss.
        let shape = [batch, d_model + 1];
        let (x, y) = (draw.normal(&shape), draw.normal(&shape));
        let alike = Bools::new((0..batch).map(|_| draw.flip()).collect(), &[batch]);
        // Below any cosine, so that no pair is beyond the margin and without gradient.
        let loss = CosineEmbedding::new(-1.0).expect("settings");
        gradcheck(|v| loss.forward(&v[0], &v[1], &alike), &[x, y])
    }),
    Case::new("Triplet", |draw| {
        let [batch, d_model] = draw.dims();
        let inputs: [_; 3] = std::array::from_fn(|_| draw.normal(&[batch, d_model]));
        // Wide enough for all of them to count.
        let loss = Triplet { reduction: Reduction::Sum, ..Triplet::new(20.0).expect("settings") };
        gradcheck(|v| loss.forward(&v[0], &v[1], &v[2]), &inputs)
    }),
    Case::new("InfoNce", |draw| {
        let [batch, d_model] = draw.dims();
        let (queries, keys) = (draw.normal(&[batch + 1, d_model]), draw.normal(&[batch + 1, d_model]));
        let loss = InfoNce::new(draw.number(0.2, 2.0)).expect("settings");
        // At width 1 directions do not change, and the gradient must be found to be 0.
        gradcheck(|v| loss.forward(&v[0], &v[1]), &[queries, keys])
    }),
];

/// For pairs of vectors: `1 − cos` where they are alike, `max(0, cos − margin)` where they are not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CosineEmbedding {
    margin: f64,
    /// Mean, sum, or one loss for each pair.
    pub reduction: Reduction,
}

impl CosineEmbedding {
    /// Vectors which are not alike may have a cosine up to `margin` for free; the mean.
    ///
    /// # Errors
    /// If `margin` is not in `[-1, 1]`.
    pub fn new(margin: f64) -> Result<Self, ConfigError> {
        let inside = (-1.0..=1.0).contains(&margin);
        require(inside, "cosine embedding", "margin", margin, "a number in [-1, 1]")?;
        Ok(Self { margin, ..Self::default() })
    }

    /// `x1, x2 (batch, d_model)`, `alike (batch)` → `()`, or `(batch)` without reduction.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn forward<E: Element>(&self, x1: &Var<E>, x2: &Var<E>, alike: &Bools) -> Var<E> {
        x1.cosine_embedding(x2, alike, self.margin, self.reduction)
    }
}

/// Triplet loss (Schroff, Kalenichenko & Philbin 2015):
/// `max(0, ‖anchor − positive‖ − ‖anchor − negative‖ + margin)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triplet {
    margin: f64,
    /// Mean, sum, or one loss for each triplet.
    pub reduction: Reduction,
}

/// A margin of 1; the mean.
impl Default for Triplet {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl Triplet {
    /// The negative should be farther by `margin`; the mean.
    ///
    /// # Errors
    /// If `margin` is negative or not finite.
    pub fn new(margin: f64) -> Result<Self, ConfigError> {
        non_negative("triplet loss", "margin", margin)?;
        Ok(Self { margin, ..Self::default() })
    }

    /// `anchor, positive, negative (.., d_model)` → `()`, or `(..)` without reduction.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, anchor: &Var<E>, positive: &Var<E>, negative: &Var<E>) -> Var<E> {
        anchor.triplet_margin(positive, negative, self.margin, self.reduction)
    }
}

/// InfoNCE (van den Oord, Li & Vinyals 2018): each query must pick its own key among all keys of the batch;
/// cross-entropy of `cos(queryᵢ, keyⱼ)/temperature` over `j` with target `i`, the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InfoNce {
    temperature: f64,
}

impl InfoNce {
    /// With this temperature (0.07 is common).
    ///
    /// # Errors
    /// If it is not above 0.
    pub fn new(temperature: f64) -> Result<Self, ConfigError> {
        positive("info nce", "temperature", temperature)?;
        Ok(Self { temperature })
    }

    /// `queries, keys (batch, d_model)` → `()`
    ///
    /// # Panics
    /// If the shapes differ or have not two dimensions.
    #[track_caller]
    pub fn forward<E: Element>(&self, queries: &Var<E>, keys: &Var<E>) -> Var<E> {
        queries.info_nce(keys, self.temperature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Tensor;

    #[test]
    fn margins_are_checked() {
        assert!(CosineEmbedding::new(-1.5).is_err() && CosineEmbedding::new(f64::NAN).is_err());
        let error = Triplet::new(-1.0).unwrap_err().to_string();
        assert_eq!(error, "triplet loss: `margin` is -1, expected a finite number of at least 0");
    }

    #[test]
    fn triplets_of_equal_vectors_have_gradients() {
        let x = Var::leaf(Tensor::<f32>::ones(&[2, 3]));
        let grads = Triplet::default().forward(&x, &x.detach(), &x.detach()).backward().unwrap();
        assert!(grads.get(&x).unwrap().first_non_finite().is_none());
    }
}
