//! Vectors of sentences from those of words.

use crate::components::directions;
use crate::corpus::{Block, Corpus, Token};
use crate::vocab::Vocab;
use crate::{Error, Result, Vectors};

/// Smooth inverse frequency (Arora, Liang & Ma 2017): a strong vector of a sentence from vectors of words alone.
///
/// The vector of a sentence `s` is the mean of its words' vectors, weighted by `a / (a + p(w))` for words of
/// probability `p`, less what all sentences have in common: `v − (v·c) c` for the first principal direction `c` of
/// the sentences of a corpus.
///
/// ```
/// use embed::{Sif, Text, Word2Vec};
///
/// let text = "the cat sat on the mat\nthe dog sat on the rug\na king rules the land\n".repeat(40);
/// let model = Word2Vec::cbow().dim(12).epochs(3).train(&Text(&text))?;
/// let vectors = model.vectors();
/// let sif = Sif::learn(&vectors, model.vocab(), &Text(&text), Sif::A)?;
/// let [cat, dog, king] = ["the cat sat", "the dog sat", "a king rules"].map(|s| sif.vector(s.split(' ')));
/// let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
/// let cosine = |a: &[f32], b: &[f32]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
/// assert!(cosine(&cat, &dog) > cosine(&cat, &king) + 0.2);
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sif<'v> {
    vectors: &'v Vectors,
    weights: Vec<f32>,
    /// What sentences have in common.
    common: Vec<f32>,
}

/// Most sentences whose common direction is computed.
const SENTENCES: usize = 100_000;

impl<'v> Sif<'v> {
    /// The paper's `a`.
    pub const A: f64 = 1e-3;

    /// Learns weights from the counts of a vocabulary, and the common direction from the sentences of a corpus, the
    /// first 100,000.
    ///
    /// # Errors
    /// If `a` is not above zero, the corpus cannot be read, or none of its words has a vector.
    pub fn learn(
        vectors: &'v Vectors,
        vocab: &Vocab,
        corpus: &(impl Corpus + ?Sized),
        a: f64,
    ) -> Result<Self> {
        if !(a > 0.0 && a.is_finite()) {
            return Err(Error::Setting { setting: "a", expected: "more than 0", found: a.to_string() });
        }
        let weight = |word: &str| {
            let p = vocab.count_of(word).unwrap_or(0) as f64 / vocab.total() as f64;
            (a / (a + p)) as f32
        };
        let weights = vectors.words().iter().map(weight).collect();
        let mut sif = Self { vectors, weights, common: vec![0.0; vectors.dim()] };
        let mut sentences = Vec::new();
        let (mut source, mut block) = (corpus.open()?, Block::default());
        let mut rows = Vec::new();
        while sentences.len() < SENTENCES * vectors.dim() && source.read(&mut block)? {
            for token in block.tokens() {
                match token {
                    Token::Word(word) => rows.extend(vectors.words().id(word).map(|id| id as usize)),
                    Token::End => {
                        sif.push_mean(&rows, &mut sentences);
                        rows.clear();
                    }
                }
            }
        }
        sif.push_mean(&rows, &mut sentences);
        if sentences.is_empty() {
            return Err(Error::TooFewWords { what: "SIF (words with vectors)", least: 1, found: 0 });
        }
        sif.common = directions(&sentences, vectors.dim(), 1).swap_remove(0);
        Ok(sif)
    }

    /// Appends the weighted mean of a sentence, given the rows of its known words, if there are any.
    fn push_mean(&self, rows: &[usize], sentences: &mut Vec<f32>) {
        let mut mean = vec![0.0; self.vectors.dim()];
        for &row in rows {
            let weight = self.weights[row] / rows.len() as f32;
            mean.iter_mut().zip(self.vectors.row(row)).for_each(|(mean, x)| *mean += weight * x);
        }
        if !rows.is_empty() {
            sentences.extend(mean);
        }
    }

    /// The vector of a sentence; unknown words are left out, and of none the vector is zero.
    #[must_use]
    pub fn vector<S: AsRef<str>>(&self, words: impl IntoIterator<Item = S>) -> Vec<f32> {
        let mut vector = Vec::new();
        let rows = words.into_iter().filter_map(|word| self.vectors.index(word.as_ref()));
        self.push_mean(&rows.collect::<Vec<_>>(), &mut vector);
        vector.resize(self.vectors.dim(), 0.0);
        let along: f32 = vector.iter().zip(&self.common).map(|(a, b)| a * b).sum();
        vector.iter_mut().zip(&self.common).for_each(|(x, c)| *x -= along * c);
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Text, Words};

    #[test]
    fn common_words_weigh_little_and_the_common_direction_goes() {
        let words = Words::from_words(["the", "cat", "king"]).unwrap();
        let data = vec![5.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let vectors = Vectors::new(words, 3, data).unwrap();
        let vocab = Vocab::from_counts([("the", 900u64), ("cat", 50), ("king", 50)]).unwrap();
        let text = "the cat\nthe king\nthe cat the king\n";
        let sif = Sif::learn(&vectors, &vocab, &Text(text), 0.1).unwrap();
        assert!((sif.weights[0] - 0.1).abs() < 1e-6 && (sif.weights[1] - 0.1 / 0.15).abs() < 1e-6);
        for sentence in ["the cat", "king"] {
            let vector = sif.vector(sentence.split(' '));
            let along: f32 = vector.iter().zip(&sif.common).map(|(a, b)| a * b).sum();
            assert!(along.abs() < 1e-6);
        }
        assert_eq!(sif.vector(["unknown"]), [0.0; 3]);
        assert!(Sif::learn(&vectors, &vocab, &Text("unknown"), 0.1).is_err());
        assert!(Sif::learn(&vectors, &vocab, &Text(text), 0.0).is_err());
    }
}
