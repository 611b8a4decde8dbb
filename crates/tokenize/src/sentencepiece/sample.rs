//! Other segmentations than the best.

use super::{Engine, SentencePiece, SentencePieceKind};
use crate::error::Error;
use crate::model::Piece;
use crate::model::unigram::Lattice;

impl SentencePiece {
    /// The ids of the `n` best segmentations of `text` with their scores, from the best on; fewer if there are fewer.
    ///
    /// # Errors
    /// [`Error::Config`] if the model is not of the kind [`SentencePieceKind::Unigram`].
    pub fn n_best(&self, text: &str, n: usize) -> Result<Vec<(Vec<u32>, f32)>, Error> {
        let text = self.normalize(text);
        let paths = self.lattice(&text)?.n_best(n);
        Ok(paths.into_iter().map(|(pieces, score)| (self.ids(&text, &pieces), score as f32)).collect())
    }

    /// The ids of a random segmentation (subword regularisation). For a unigram model, it is drawn with probability
    /// proportional to `exp(alpha · score)`; for BPE, each merge is left out with probability `alpha`.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tokenize::{PieceKind, SentencePiece, SentencePieceKind, VocabPiece};
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let piece = |text: &str, score| VocabPiece { text: text.to_owned(), score, kind: PieceKind::Normal };
    /// let unk = VocabPiece { kind: PieceKind::Unknown, ..piece("<unk>", 0.0) };
    /// let pieces = vec![unk, piece("▁", -3.0), piece("▁go", -4.0), piece("g", -2.0), piece("o", -2.0)];
    /// let model = SentencePiece::new(SentencePieceKind::Unigram, pieces)?;
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    /// let mut seen = std::collections::BTreeSet::new();
    /// for _ in 0..100 {
    ///     seen.insert(model.sample("go", 0.2, &mut rng)?);
    /// }
    /// assert!(seen.into_iter().eq([vec![1, 3, 4], vec![2]]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] if the model is of the kind [`SentencePieceKind::Word`] or [`SentencePieceKind::Char`].
    pub fn sample(&self, text: &str, alpha: f64, rng: &mut impl rand::Rng) -> Result<Vec<u32>, Error> {
        let text = self.normalize(text);
        let mut pieces = Vec::new();
        if let Engine::Bpe(merger) = &self.engine {
            merger.sample(&text, &self.user_defined, alpha, rng, &mut pieces);
            self.look_up(&text, &mut pieces);
        } else {
            pieces = self.lattice(&text)?.sample(alpha, rng);
        }
        Ok(self.ids(&text, &pieces))
    }

    /// The ids of one of the `n` best segmentations of `text`, drawn with probability proportional to
    /// `exp(alpha · score)`.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tokenize::{PieceKind, SentencePiece, SentencePieceKind, VocabPiece};
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let piece = |text: &str, score| VocabPiece { text: text.to_owned(), score, kind: PieceKind::Normal };
    /// let unk = VocabPiece { kind: PieceKind::Unknown, ..piece("<unk>", 0.0) };
    /// let pieces = vec![unk, piece("▁", -3.0), piece("▁go", -4.0), piece("g", -2.0), piece("o", -2.0)];
    /// let model = SentencePiece::new(SentencePieceKind::Unigram, pieces)?;
    /// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    /// let best: Vec<Vec<u32>> = model.n_best("go go", 3)?.into_iter().map(|(ids, _)| ids).collect();
    /// for _ in 0..100 {
    ///     let ids = model.sample_n_best("go go", 3, 0.2, &mut rng)?;
    ///     assert!(best.contains(&ids));
    /// }
    /// assert_eq!(model.sample_n_best("go go", 1, 0.2, &mut rng)?, [2, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`n_best`](Self::n_best).
    pub fn sample_n_best(
        &self,
        text: &str,
        n: usize,
        alpha: f64,
        rng: &mut impl rand::Rng,
    ) -> Result<Vec<u32>, Error> {
        let mut paths = self.n_best(text, n.max(1))?;
        let best = paths.first().map_or(0.0, |(_, score)| f64::from(*score));
        let weights: Vec<f64> =
            paths.iter().map(|(_, score)| (alpha * (f64::from(*score) - best)).exp()).collect();
        let mut left = rand::RngExt::random::<f64>(rng) * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        Ok(paths.swap_remove(chosen.unwrap_or(weights.len() - 1)).0)
    }

    fn lattice(&self, text: &str) -> Result<Lattice<'_>, Error> {
        let Engine::Unigram(lexicon) = &self.engine else {
            let kind = self.kind();
            let (this, wanted) = (format!("{kind:?}"), SentencePieceKind::Unigram);
            return Err(Error::Config(format!(
                "a model of the kind {this} has one segmentation; {wanted:?} has many"
            )));
        };
        // A model has a piece for the unknown, without which a text could have no segmentation.
        Lattice::new(lexicon, text).map_err(|_| Error::no_unknown_token(text, None))
    }

    fn ids(&self, text: &str, pieces: &[Piece]) -> Vec<u32> {
        let mut ids = Vec::with_capacity(pieces.len());
        self.push_ids(text, pieces, &mut ids);
        ids
    }
}
