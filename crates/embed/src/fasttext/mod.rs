//! fastText: vectors of words never seen, and fast text classification.
//!
//! [`FastText`] is a model of either kind, as fastText's `.bin` files hold it: it is read from them and written to
//! them, quantised ones (`.ftz`) too. Word vectors are trained by [`Word2Vec`](crate::Word2Vec) with
//! [`subwords`](crate::Word2Vec::subwords); classifiers by [`Classifier`].

mod autotune;
mod classify;
mod dictionary;
mod file;
mod reproducible;
mod step;
mod train;

pub use autotune::{Autotune, Budget, Trial, Tuned};
pub use classify::{Prediction, Scores};
pub use train::{Classifier, Example, Loss};

pub(crate) use classify::sigmoid;
pub(crate) use dictionary::Dictionary;

use std::path::Path;

use crate::quantise::Quantiser;
use crate::word2vec::{Architecture, Objective};
use crate::{Huffman, Result, Subwords, Vectors, Words};

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Word vectors trained as CBOW.
    Cbow,
    /// Word vectors trained as skip-gram.
    SkipGram,
    /// Labels of texts.
    Classifier,
}

/// The settings that a `.bin` file holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) dim: usize,
    pub(crate) window: usize,
    pub(crate) epochs: usize,
    pub(crate) min_count: usize,
    pub(crate) negatives: usize,
    pub(crate) word_ngrams: usize,
    pub(crate) loss: Loss,
    pub(crate) kind: Kind,
    /// Buckets of n-grams of characters and of words.
    pub(crate) buckets: u32,
    /// Shortest and longest n-grams of characters; none if the longest is zero.
    pub(crate) chars: (usize, usize),
    pub(crate) update_rate: i32,
    pub(crate) sample: f64,
}

impl Settings {
    pub(crate) fn subwords(&self) -> Option<Subwords> {
        let (min, max) = self.chars;
        (max > 0).then_some(Subwords { min, max, buckets: self.buckets })
    }
}

/// A matrix of a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Matrix {
    Dense { data: Vec<f32>, dim: usize },
    Quantised(Quantised),
}

/// A matrix as codes, with its rows' lengths apart or in the codes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantised {
    pub(crate) rows: usize,
    pub(crate) codes: Vec<u8>,
    pub(crate) quantiser: Quantiser,
    pub(crate) norms: Option<(Vec<u8>, Quantiser)>,
}

impl Matrix {
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Dense { data, dim } => data.len() / dim,
            Self::Quantised(matrix) => matrix.rows,
        }
    }

    pub(crate) fn dim(&self) -> usize {
        match self {
            Self::Dense { dim, .. } => *dim,
            Self::Quantised(matrix) => matrix.quantiser.dim(),
        }
    }

    /// Adds a row to `sum`.
    pub(crate) fn add_row(&self, row: usize, sum: &mut [f32]) {
        match self {
            Self::Dense { data, dim } => {
                sum.iter_mut().zip(&data[row * dim..]).for_each(|(sum, x)| *sum += x);
            }
            Self::Quantised(Quantised { codes, quantiser, norms, .. }) => {
                let norm = norms.as_ref().map_or(1.0, |(codes, norms)| norms.value(codes[row]));
                let codes = &codes[row * quantiser.code_len()..][..quantiser.code_len()];
                quantiser.add(codes, norm, sum);
            }
        }
    }

    /// The product of a row with `vector`.
    pub(crate) fn dot_row(&self, row: usize, vector: &[f32]) -> f32 {
        match self {
            Self::Dense { data, dim } => data[row * dim..].iter().zip(vector).map(|(a, b)| a * b).sum(),
            Self::Quantised(_) => {
                let mut values = vec![0.0; vector.len()];
                self.add_row(row, &mut values);
                values.iter().zip(vector).map(|(a, b)| a * b).sum()
            }
        }
    }
}

/// A fastText model: word vectors with subwords, or a classifier.
///
/// ```
/// use embed::{FastText, Subwords, Text, Word2Vec};
///
/// let text = "the walker walks\nthe talker talks\nwalk the talk\n".repeat(60);
/// let subwords = Subwords { min: 3, max: 5, buckets: 5000 };
/// let settings = Word2Vec::skip_gram().dim(16).epochs(3).subwords(Some(subwords));
/// let model: FastText = settings.train(&Text(&text))?.into_fasttext()?;
/// assert!(model.words().index("walking").is_none());
/// let vector = model.vector("walking"); // from <wa, wal, walk, …
/// assert!(vector.iter().any(|&x| x != 0.0));
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FastText {
    pub(crate) settings: Settings,
    pub(crate) dictionary: Dictionary,
    pub(crate) input: Matrix,
    pub(crate) output: Matrix,
    /// Of the labels, where they are told apart by their tree.
    tree: Option<Huffman>,
}

impl FastText {
    pub(crate) fn new(settings: Settings, dictionary: Dictionary, input: Matrix, output: Matrix) -> Self {
        let has_tree = settings.kind == Kind::Classifier && settings.loss == Loss::Hierarchical;
        let tree = has_tree.then(|| Huffman::new(&dictionary.counts[dictionary.words.len()..]));
        Self { settings, dictionary, input, output, tree }
    }

    /// What the model is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.settings.kind
    }

    /// Length of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.settings.dim
    }

    /// The words of the vocabulary.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.dictionary.words
    }

    /// The labels of a classifier, the most frequent first.
    #[must_use]
    pub fn labels(&self) -> &Words {
        &self.dictionary.labels
    }

    /// The vector of any word: the mean of the vectors of its n-grams and, if it is in the vocabulary, its own. Zeros
    /// for a word without any.
    #[must_use]
    pub fn vector(&self, word: &str) -> Vec<f32> {
        let mut rows = Vec::new();
        self.dictionary.word_rows(&self.settings, word, &mut rows);
        self.mean_of_rows(&rows)
    }

    pub(crate) fn mean_of_rows(&self, rows: &[u32]) -> Vec<f32> {
        let mut mean = vec![0.0; self.dim()];
        for &row in rows {
            self.input.add_row(row as usize, &mut mean);
        }
        if !rows.is_empty() {
            let scale = 1.0 / rows.len() as f32;
            mean.iter_mut().for_each(|x| *x *= scale);
        }
        mean
    }

    /// The vectors of all words of the vocabulary, for queries and files.
    #[must_use]
    pub fn vectors(&self) -> Vectors {
        use rayon::prelude::*;
        let mut data = vec![0.0; self.words().len() * self.dim()];
        data.par_chunks_exact_mut(self.dim()).enumerate().for_each(|(i, row)| {
            row.copy_from_slice(&self.vector(self.words().word(i)));
        });
        Vectors::from_checked(self.words().clone(), self.dim(), data)
    }

    /// Whether the first bytes of a file, four or more, are those of a fastText model.
    #[must_use]
    pub fn is_start(bytes: &[u8]) -> bool {
        bytes.starts_with(&file::MAGIC.to_le_bytes())
    }

    /// Reads a `.bin` or `.ftz` file of fastText.
    ///
    /// # Errors
    /// If the file cannot be read, is no model of fastText, or is not whole; see [`save`](Self::save) for an example.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        file::read(path.as_ref())
    }

    /// Writes a file that fastText and gensim (`load_facebook_model`) read.
    ///
    /// # Errors
    /// If the file cannot be written, or a word cannot be written to it: an empty one, one of 2¹⁶ bytes, one with a
    /// zero byte.
    ///
    /// ```
    /// use embed::fasttext::Classifier;
    /// use embed::FastText;
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("model.bin");
    ///
    /// let lines = ["__label__up it rose", "__label__down it fell"].repeat(20);
    /// let model = Classifier { dim: 5, ..Classifier::default() }.train(&lines)?;
    /// model.save(&path)?; // fasttext.load_model(path)
    /// assert_eq!(FastText::load(&path)?, model);
    /// # Ok::<(), embed::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write(self, path.as_ref())
    }
}

impl FastText {
    /// A model of word vectors as fastText would have trained it.
    pub(crate) fn of_model(model: crate::Model) -> Result<Self> {
        let crate::Model { settings: trained, vocab, input, output, .. } = model;
        let Some(subwords) = trained.subwords else {
            let expected = "those of a model trained with subwords";
            return Err(crate::Error::Setting { setting: "subwords", expected, found: "none".to_owned() });
        };
        let (loss, negatives) = match trained.objective {
            Objective::NegativeSampling { negatives, .. } => (Loss::NegativeSampling, negatives),
            Objective::HierarchicalSoftmax => (Loss::Hierarchical, 0),
            Objective::FullSoftmax => (Loss::Softmax, 0),
        };
        let kind = match trained.architecture {
            Architecture::SkipGram => Kind::SkipGram,
            Architecture::Cbow { .. } => Kind::Cbow,
        };
        let settings = Settings {
            dim: trained.dim,
            window: trained.window,
            epochs: trained.epochs,
            min_count: trained.vocab.min_count as usize,
            negatives,
            word_ngrams: 1,
            loss,
            kind,
            buckets: subwords.buckets,
            chars: (subwords.min, subwords.max),
            update_rate: 100,
            sample: trained.sample,
        };
        let (counts, tokens) = (vocab.counts().to_vec(), vocab.corpus_words());
        // A tree has one inner node less than words; fastText's matrix has a row for each word.
        let mut output = output;
        output.resize(vocab.len() * trained.dim, 0.0);
        if loss == Loss::Hierarchical {
            // What a node says yes to is the other turn.
            output.iter_mut().for_each(|x| *x = -*x);
        }
        let dictionary = Dictionary { words: vocab.into_words(), counts, tokens, ..Dictionary::default() };
        let dense = |data| Matrix::Dense { data, dim: trained.dim };
        Ok(Self::new(settings, dictionary, dense(input), dense(output)))
    }
}
