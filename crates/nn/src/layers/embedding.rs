//! The embedding layer.

use std::fmt;

use autograd::{Case, Var};
use rand::Rng;
use tensor::{Bools, Element, IdError, Ids, Tensor};

use crate::config::{ConfigError, positive_size, require};
use crate::gradcheck::{gradcheck_module, randomise};
use crate::init::Init;
use crate::module;
use crate::param::Param;

pub(super) const CASES: &[Case] = &[Case::new("Embedding", |draw| {
    let [batch, time, vocab, d_model] = draw.dims();
    let mut layer = Embedding::new(vocab, d_model, draw.rng()).expect("sizes");
    randomise(&mut layer, draw);
    let ids = draw.ids(&[batch, time], vocab);
    gradcheck_module(&layer, |layer| layer.lookup(&ids))
})];

/// A vector for every id: row `id` of the weight.
///
/// ```
/// use nn::Embedding;
/// use rand::SeedableRng;
/// use tensor::Ids;
/// let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let layer = Embedding::<f32>::new(11, 5, rng)?;
/// let ids = Ids::new(vec![1, 4, 1, 10, 0, 2], &[2, 3]);          // (batch, time)
/// assert_eq!(layer.forward(&ids)?.shape(), [2, 3, 5]);           // (batch, time, d_model)
/// let error = layer.forward(&Ids::from_slice(&[11])).unwrap_err();
/// assert_eq!(error.to_string(), "token 11 at position [0] is not below 11");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Embedding<E: Element = f32> {
    /// `(vocab, d_model)`
    pub weight: Param<E>,
    padding: Option<u32>,
}
module!(Embedding<E> { weight; padding });

impl<E: Element> Embedding<E> {
    /// Standard normal weights, as PyTorch starts them.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(vocab: usize, d_model: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self, ConfigError> {
        positive_size("embedding", "vocab", vocab)?;
        positive_size("embedding", "d_model", d_model)?;
        Ok(Self::from_weight(Init::Normal { mean: 0.0, std: 1.0 }.tensor(&[vocab, d_model], rng)))
    }

    /// Given vectors `(vocab, d_model)`.
    ///
    /// # Panics
    /// If `weight` has not two dimensions.
    #[track_caller]
    pub fn from_weight(weight: Tensor<E>) -> Self {
        tensor::shape::agree("embedding", &[("weight", "vocab d_model", weight.shape())]);
        Self { weight: Param::new(weight), padding: None }
    }

    /// Sets the vector of `padding` to 0 and lets it get no gradient.
    ///
    /// # Errors
    /// If it is not below `vocab`.
    pub fn with_padding(mut self, padding: u32) -> Result<Self, ConfigError> {
        let (row, d_model) = (padding as usize, self.d_model());
        require(row < self.vocab(), "embedding", "padding", padding, "an id below `vocab`")?;
        self.weight.value_mut().data_mut()[row * d_model..][..d_model].fill(E::ZERO);
        self.padding = Some(padding);
        Ok(self)
    }

    /// `ids (..)` → `(.., d_model)`
    ///
    /// # Errors
    /// If an id is not below `vocab`.
    pub fn forward(&self, ids: &Ids) -> Result<Var<E>, IdError> {
        ids.check_below(self.vocab(), "token")?;
        Ok(self.lookup(ids))
    }

    /// [`forward`](Self::forward) for ids that have been checked.
    ///
    /// # Panics
    /// If an id is not below `vocab`.
    #[track_caller]
    pub fn lookup(&self, ids: &Ids) -> Var<E> {
        let vectors = self.weight.var().embedding(ids); // (.., d_model)
        let Some(padding) = self.padding.filter(|padding| ids.data().contains(padding)) else {
            return vectors;
        };
        let is_padding = ids.data().iter().map(|id| *id == padding).collect();
        let mask = Bools::new(is_padding, &[ids.shape(), &[1]].concat()); // (.., 1)
        Var::select_where(&mask, &vectors.detach(), &vectors)
    }

    /// Number of ids.
    pub fn vocab(&self) -> usize {
        self.weight.shape()[0]
    }

    /// Size of the vectors.
    pub fn d_model(&self) -> usize {
        self.weight.shape()[1]
    }
}

impl<E: Element> fmt::Display for Embedding<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding(vocab={}, d_model={}", self.vocab(), self.d_model())?;
        match self.padding {
            Some(padding) => write!(f, ", padding={padding})"),
            None => f.write_str(")"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Module;

    #[test]
    fn padding_is_zero_and_gets_no_gradient() {
        let layer = Embedding::<f64>::from_weight(Tensor::ones(&[3, 2])).with_padding(1).unwrap();
        let y = layer.lookup(&Ids::from_slice(&[1, 2, 1, 0]));
        assert_eq!(y.value().to_vec(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
        let grads = layer.backward(&y.sum()).unwrap();
        assert_eq!(grads.get(layer.weight.var()).unwrap().to_vec(), [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(layer.to_string(), "Embedding(vocab=3, d_model=2, padding=1)");
        assert!(layer.with_padding(3).is_err());
    }
}
