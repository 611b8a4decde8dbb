//! Dropout of words: in the text, or of their vectors.

use autograd::{Case, Var};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tensor::{Element, IdError, Ids, Tensor};

use super::{Dropout, Embedding};
use crate::config::{ConfigError, decay, unit};
use crate::gradcheck::{gradcheck_module, randomise};
use crate::mode::Mode;

pub(super) const CASES: &[Case] = &[Case::new("EmbeddingDropout", |draw| {
    let [batch, time, vocab, d_model] = draw.dims();
    let mut table = Embedding::new(vocab, d_model, draw.rng()).expect("sizes");
    randomise(&mut table, draw);
    let (ids, dropout) = (draw.ids(&[batch, time], vocab), EmbeddingDropout::new(0.3).expect("a rate"));
    let rng = draw.rng().clone();
    gradcheck_module(&table, |table| {
        dropout.forward(table, &ids, &mut Mode::Train(&mut rng.clone())).expect("ids below vocab")
    })
})];

/// In training replaces each token by another, such as that of unknown words, with probability `p` (Bowman et al.
/// 2015; Iyyer et al. 2015), so that a model does not lean on single words.
///
/// ```
/// use nn::{Mode, WordDropout};
/// use rand::SeedableRng;
/// use tensor::Ids;
/// let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let ids = Ids::from_slice(&[5; 1000]);
/// let dropped = WordDropout::new(0.25, 0)?.forward(&ids, &mut Mode::Train(rng));
/// let replaced = dropped.data().iter().filter(|id| **id == 0).count();
/// assert!((200..300).contains(&replaced));
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WordDropout {
    p: f64,
    replacement: u32,
}

impl WordDropout {
    /// Puts `replacement` for a token with probability `p`.
    ///
    /// # Errors
    /// If `p` is not in `[0, 1]`.
    pub fn new(p: f64, replacement: u32) -> Result<Self, ConfigError> {
        unit("word dropout", "p", p)?;
        Ok(Self { p, replacement })
    }

    /// `ids (..)` → `(..)`
    pub fn forward(&self, ids: &Ids, mode: &mut Mode<'_>) -> Ids {
        let Some(rng) = mode.rng().filter(|_| self.p > 0.0) else { return ids.clone() };
        let kept = ids.data().iter().map(|id| if rng.random_bool(self.p) { self.replacement } else { *id });
        Ids::new(kept.collect(), ids.shape())
    }
}

/// In training drops whole words from an embedding's table, wherever they stand in the batch, with probability `p`,
/// and divides the others by `1 − p` (Gal & Ghahramani 2016; Merity et al. 2017).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingDropout {
    dropout: Dropout,
}

impl EmbeddingDropout {
    /// Drops a word with probability `p`.
    ///
    /// # Errors
    /// If `p` is not in `[0, 1)`.
    pub fn new(p: f64) -> Result<Self, ConfigError> {
        decay("embedding dropout", "p", p)?;
        Ok(Self { dropout: Dropout::rate(p) })
    }

    /// Looks up `ids (..)` → `(.., d_model)`.
    ///
    /// # Errors
    /// If an id is not below `vocab`.
    pub fn forward<E: Element>(
        &self,
        table: &Embedding<E>,
        ids: &Ids,
        mode: &mut Mode<'_>,
    ) -> Result<Var<E>, IdError> {
        let vectors = table.forward(ids)?; // (.., d_model)
        if !mode.is_train() || self.dropout.p() == 0.0 {
            return Ok(vectors);
        }
        let words = Var::constant(Tensor::ones(&[table.vocab(), 1]));
        let scales = self.dropout.forward(&words, mode); // (vocab, 1)
        Ok(vectors * scales.embedding(ids)) // (.., d_model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_dropped_word_is_dropped_everywhere() {
        let table = Embedding::<f32>::from_weight(Tensor::ones(&[40, 3]));
        let ids = Ids::new((0..80).map(|i| i % 40).collect(), &[2, 40]);
        let dropout = EmbeddingDropout::new(0.5).unwrap();
        let y = dropout.forward(&table, &ids, &mut Mode::Train(&mut ChaCha8Rng::seed_from_u64(1))).unwrap();
        assert_eq!(y.value().select(0, 0), y.value().select(0, 1));
        let first = y.value().select(-1, 0).to_vec();
        assert!(first.contains(&0.0) && first.contains(&2.0));
        assert!(dropout.forward(&table, &Ids::from_slice(&[40]), &mut Mode::Eval).is_err());
    }
}
