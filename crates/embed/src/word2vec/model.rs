//! What training makes.

use super::Objective;
use super::trainer::{initialise, output_rows};
use crate::vocab::Vocab;
use crate::{Result, Vectors, Word2Vec};

/// A trained model: the vocabulary, the vectors, and the output matrix that further training needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(crate) settings: Word2Vec,
    pub(crate) vocab: Vocab,
    /// `(vocab, dim)`.
    pub(crate) input: Vec<f32>,
    /// `(vocab, dim)`, or `(inner nodes, dim)` with hierarchical softmax.
    pub(crate) output: Vec<f32>,
    pub(crate) position: Position,
}

/// How far training is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Position {
    /// Epochs done.
    pub(crate) epoch: usize,
    /// Blocks done of the next.
    pub(crate) blocks: u64,
    /// Words read in all.
    pub(crate) words: u64,
    /// Sum of losses and number of pairs in the blocks done.
    pub(crate) loss: f64,
    pub(crate) pairs: u64,
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
        Vectors::from_checked(self.vocab.words().clone(), self.settings.dim, self.input.clone())
    }

    /// The word vectors; what only training needs is dropped.
    #[must_use]
    pub fn into_vectors(self) -> Vectors {
        Vectors::from_checked(self.vocab.into_words(), self.settings.dim, self.input)
    }

    /// Whether training was broken off before its last epoch ended.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.position.epoch < self.settings.epochs
    }

    /// The output matrix: a row of `dim` for each word, or for each inner node of the Huffman tree.
    #[must_use]
    pub fn output(&self) -> &[f32] {
        &self.output
    }

    /// Takes up the words of another vocabulary, for further training on its corpus.
    ///
    /// Words that are known keep their rows and vectors; new ones get random vectors. Counts are those of
    /// `vocab` where it has the word, since what comes is that corpus, and of this model otherwise. With
    /// hierarchical softmax the tree changes, and its inner nodes start again from zero.
    ///
    /// # Errors
    /// If there would be too many words.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use embed::word2vec::Trainer;
    /// use embed::{Text, Vocab, VocabSettings, Word2Vec};
    ///
    /// let settings = Word2Vec::cbow().dim(8).min_count(1).sample(0.0).rate(0.1);
    /// let mut model = settings.train(&Text(&"good bread\n".repeat(50)))?;
    /// let more = "good bread fresh bread\n".repeat(50);
    /// model.learn_words(&Vocab::count(&Text(&more), &VocabSettings::min_count(1))?)?;
    /// let mut trainer = Trainer::further(model, settings.epochs(2))?;
    /// while trainer.epoch(&Text(&more), &mut |_| ControlFlow::Continue(()))?.is_some() {}
    /// assert!(trainer.into_model().vectors().get("fresh").is_some());
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn learn_words(&mut self, vocab: &Vocab) -> Result<()> {
        self.vocab = self.vocab.extended(vocab)?;
        let dim = self.settings.dim;
        for row in self.input.len() / dim..self.vocab.len() {
            self.input.resize((row + 1) * dim, 0.0);
            initialise(self.settings.seed, row, &mut self.input[row * dim..]);
        }
        if self.settings.objective == Objective::HierarchicalSoftmax {
            self.output.clear();
        }
        self.output.resize(output_rows(&self.settings, &self.vocab) * dim, 0.0);
        Ok(())
    }
}
