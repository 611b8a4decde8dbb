//! Losses of vectors that should lie near or far.

use autograd::{Case, Reduction, Var, gradcheck};
use tensor::{Bools, Element};

use super::binary::reduced;
use crate::config::{ConfigError, positive};

pub(super) const CASES: &[Case] = &[
    Case::new("CosineEmbedding", |draw| {
        let [batch, d_model] = draw.dims();
        let (x, y) = (draw.normal(&[batch, d_model]), draw.normal(&[batch, d_model]));
        let alike = Bools::new((0..batch).map(|_| draw.flip()).collect(), &[batch]);
        // Below any cosine, so that no pair is beyond the margin and without gradient.
        let loss = CosineEmbedding { margin: -1.5, reduction: Reduction::Mean };
        gradcheck(|v| loss.forward(&v[0], &v[1], &alike), &[x, y])
    }),
    Case::new("Triplet", |draw| {
        let [batch, d_model] = draw.dims();
        let inputs: [_; 3] = std::array::from_fn(|_| draw.normal(&[batch, d_model]));
        // Wide enough for all of them to count.
        let loss = Triplet { margin: 20.0, reduction: Reduction::Sum };
        gradcheck(|v| loss.forward(&v[0], &v[1], &v[2]), &inputs)
    }),
    Case::new("InfoNce", |draw| {
        let [batch, d_model] = draw.dims();
        let (queries, keys) = (draw.normal(&[batch + 1, d_model]), draw.normal(&[batch + 1, d_model]));
        let loss = InfoNce::new(draw.number(0.2, 2.0)).expect("settings");
        // A vector of one number has a direction that does not change: nothing to check.
        let d_model = d_model > 1;
        gradcheck(
            |v| if d_model { loss.forward(&v[0], &v[1]) } else { (&v[0] * &v[1]).sum() },
            &[queries, keys],
        )
    }),
];

/// For pairs of vectors: `1 − cos` where they are alike, `max(0, cos − margin)` where they are not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CosineEmbedding {
    /// Cosine that vectors which are not alike may have for free.
    pub margin: f64,
    /// Mean, sum, or one loss for each pair.
    pub reduction: Reduction,
}

impl CosineEmbedding {
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
    /// How much farther the negative should be.
    pub margin: f64,
    /// Mean, sum, or one loss for each triplet.
    pub reduction: Reduction,
}

impl Default for Triplet {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl Triplet {
    /// `anchor, positive, negative (.., d_model)` → `()`, or `(..)` without reduction.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, anchor: &Var<E>, positive: &Var<E>, negative: &Var<E>) -> Var<E> {
        let shapes = [
            ("anchor", "", anchor.shape()),
            ("positive", "", positive.shape()),
            ("negative", "", negative.shape()),
        ];
        if shapes.iter().any(|(.., shape)| *shape != anchor.shape()) {
            tensor::shape::fail("triplet", &shapes, "shapes differ");
        }
        // As PyTorch: a little is added to each difference, so that equal vectors have a gradient.
        let distance = |other: &Var<E>| (anchor - other + E::from_f64(1e-6)).norm_axis(-1, false); // (..)
        let losses = (distance(positive) - distance(negative) + E::from_f64(self.margin)).relu();
        reduced(&losses, self.reduction)
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
