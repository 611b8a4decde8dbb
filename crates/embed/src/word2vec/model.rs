//! What training makes.

use serde::{Deserialize, Serialize};

use super::Objective;
use super::run::Held;
use super::trainer::{initialise, output_rows};
use crate::vocab::Vocab;
use crate::{FastText, Result, Subwords, Vectors, Word2Vec};

/// A trained model: the vocabulary, the vectors, and the output matrix that further training needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(crate) settings: Word2Vec,
    pub(crate) vocab: Vocab,
    /// `(vocab, dim)`; with subwords, the rows of the buckets follow.
    pub(crate) input: Vec<f32>,
    /// `(vocab, dim)`, or `(inner nodes, dim)` with hierarchical softmax.
    pub(crate) output: Vec<f32>,
    pub(crate) position: Position,
    /// Sentences held out so far.
    pub(crate) held: Vec<Held>,
}

/// How far training is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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

    /// A copy of the word vectors; with subwords, that of a word is the mean of its own row and those of its n-grams.
    #[must_use]
    pub fn vectors(&self) -> Vectors {
        let words = self.vocab.words().clone();
        let data = match &self.settings.subwords {
            Some(subwords) => self.composed(subwords),
            None => self.input.clone(),
        };
        Vectors::from_checked(words, self.settings.dim, data)
    }

    /// The word vectors; what only training needs is dropped.
    #[must_use]
    pub fn into_vectors(self) -> Vectors {
        if self.settings.subwords.is_some() {
            return self.vectors();
        }
        Vectors::from_checked(self.vocab.into_words(), self.settings.dim, self.input)
    }

    /// Means of each word's rows.
    fn composed(&self, subwords: &Subwords) -> Vec<f32> {
        let (dim, rows) = (self.settings.dim, subwords.rows(self.vocab.words()));
        let mut data = vec![0.0; self.vocab.len() * dim];
        for (word, mean) in data.chunks_exact_mut(dim).enumerate() {
            let rows = rows.get(word);
            for &row in rows {
                let row = &self.input[row as usize * dim..][..dim];
                mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
            }
            mean.iter_mut().for_each(|x| *x /= rows.len() as f32);
        }
        data
    }

    /// The model as fastText's, with vectors for words never seen, to be saved in fastText's format.
    ///
    /// # Errors
    /// If it was trained without [`subwords`](Word2Vec::subwords).
    pub fn into_fasttext(self) -> Result<FastText> {
        FastText::of_model(self)
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
        let known = self.vocab.len();
        self.vocab = self.vocab.extended(vocab)?;
        let dim = self.settings.dim;
        // Rows of buckets stay behind those of all words.
        let buckets = self.input.split_off(known * dim);
        for row in known..self.vocab.len() {
            self.input.resize((row + 1) * dim, 0.0);
            initialise(self.settings.seed, row, &mut self.input[row * dim..]);
        }
        self.input.extend(buckets);
        if self.settings.objective == Objective::HierarchicalSoftmax {
            self.output.clear();
        }
        self.output.resize(output_rows(&self.settings, &self.vocab) * dim, 0.0);
        Ok(())
    }
}
