//! What training makes.

use crate::vocab::Vocab;
use crate::{Vectors, Word2Vec};

/// A trained model: the vocabulary, the vectors, and the output matrix that further training needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(crate) settings: Word2Vec,
    pub(crate) vocab: Vocab,
    /// `(vocab, dim)`.
    pub(crate) input: Vec<f32>,
    /// `(vocab, dim)`, or `(inner nodes, dim)` with hierarchical softmax.
    pub(crate) output: Vec<f32>,
}

impl Model {
    /// Settings it was trained with.
    #[must_use]
    pub fn settings(&self) -> &Word2Vec {
        &self.settings
    }

    /// The vocabulary with its counts.
    #[must_use]
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// A copy of the word vectors.
    #[must_use]
    pub fn vectors(&self) -> Vectors {
        self.clone().into_vectors()
    }

    /// The word vectors; what only training needs is dropped.
    #[must_use]
    pub fn into_vectors(self) -> Vectors {
        Vectors::from_checked(self.vocab.into_words(), self.settings.dim, self.input)
    }

    /// The output matrix: a row of `dim` for each word, or for each inner node of the Huffman tree.
    #[must_use]
    pub fn output(&self) -> &[f32] {
        &self.output
    }
}
