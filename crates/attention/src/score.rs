//! How well a query fits a key: the scores of Bahdanau and Luong as layers, and attention with one of them.

use std::fmt;

use autograd::{Case, Var};
use nn::{ConfigError, Dropout, Linear, Mode, Module, Path, Visitor, VisitorMut, gradcheck_module_with};
use rand::Rng;
use serde::{Deserialize, Serialize};
use tensor::Element;

use crate::{Mask, additive_scores, dot_scores, normalise, scaled_dot_scores, weighted_sum};

/// Which score; see [`Score`].
///
/// ```
/// use attention::Score;
/// use nn::{Linear, Param};
/// use tensor::Tensor;
/// // With weights of 1, no biases and one hidden unit, so that the sums are easy to see.
/// let ones = |output, input| {
///     Linear::<f64> { weight: Param::new(Tensor::ones(&[output, input])), bias: None }
/// };
/// let q = Tensor::from_vec(vec![1.0, 2.0], &[1, 1, 2]).into();          // (batch, query, d_query)
/// let k = Tensor::from_vec(vec![3.0, -1.0], &[1, 1, 2]).into();         // (batch, key, d_key)
/// let cases = [
///     (Score::Additive { query: ones(1, 2), key: ones(1, 2), v: ones(1, 1) }, (3.0 + 2.0_f64).tanh()),
///     (Score::Dot, 1.0),
///     (Score::ScaledDot, 1.0 / 2_f64.sqrt()),
///     (Score::General { weight: ones(2, 2) }, 3.0 * 2.0),
///     (Score::Concat { weight: ones(1, 4), v: ones(1, 1) }, (1.0 + 2.0 + 3.0 - 1.0_f64).tanh()),
/// ];
/// for (score, expected) in cases {
///     assert!((score.scores(&q, &score.keys(&k)).item() - expected).abs() < 1e-12, "{score}");
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreKind {
    /// `v·tanh(W_q·q + W_k·k + b)`
    #[default]
    Additive,
    /// `q·k`
    Dot,
    /// `q·k/√d`
    ScaledDot,
    /// `q·W·k`
    General,
    /// `v·tanh(W·[q; k])`
    Concat,
}

/// A score of queries and keys with its parameters.
///
/// The part that depends on keys alone is computed once per source ([`keys`](Self::keys)), the rest for each query.
///
/// ```
/// use attention::{Score, ScoreKind};
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let score = Score::<f32>::new(ScoreKind::General, 5, 6, 0, &mut rng)?;                // it has no hidden units
/// let keys = score.keys(&Tensor::ones(&[2, 9, 6]).into());                              // W·k, (batch, key, d_query)
/// let scores = score.scores(&Tensor::ones(&[2, 3, 5]).into(), &keys);                   // (batch, query, key)
/// assert_eq!((keys.shape(), scores.shape()), (&[2, 9, 5][..], &[2, 3, 9][..]));
/// assert!(Score::<f32>::new(ScoreKind::Dot, 5, 6, 0, &mut rng).is_err());               // needs vectors of one size
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // A model has one or two.
pub enum Score<E: Element = f32> {
    /// Bahdanau, Cho & Bengio 2015, `v·tanh(W_q·q + W_k·k + b)`; also called MLP attention.
    Additive {
        /// `W_q`, `(hidden, query)`, without bias.
        query: Linear<E>,
        /// `W_k` and `b`, `(hidden, key)`.
        key: Linear<E>,
        /// `v`, `(1, hidden)`.
        v: Linear<E>,
    },
    /// Luong, Pham & Manning 2015, `q·k`.
    Dot,
    /// Vaswani et al. 2017, `q·k/√d`.
    ScaledDot,
    /// Luong, Pham & Manning 2015, `q·W·k`.
    General {
        /// `W`, `(query, key)`.
        weight: Linear<E>,
    },
    /// Luong, Pham & Manning 2015, `v·tanh(W·[q; k])`.
    Concat {
        /// `W`, `(hidden, query + key)`, without bias.
        weight: Linear<E>,
        /// `v`, `(1, hidden)`.
        v: Linear<E>,
    },
}

impl<E: Element> Score<E> {
    /// A score of queries of size `query` and keys of size `key`, with `hidden` units where it has some and PyTorch's
    /// start of linear layers.
    ///
    /// # Errors
    /// If a size is 0, or sizes differ that must be one.
    pub fn new(
        kind: ScoreKind,
        query: usize,
        key: usize,
        hidden: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let same = || {
            let found = format!("{query} and {key}");
            let error = ConfigError::new("dot-product attention", "query and key", found, "the same size");
            if query == key { Ok(()) } else { Err(error) }
        };
        Ok(match kind {
            ScoreKind::Additive => Self::Additive {
                query: Linear::new(query, hidden, false, rng)?,
                key: Linear::new(key, hidden, true, rng)?,
                v: Linear::new(hidden, 1, false, rng)?,
            },
            ScoreKind::Dot => same().map(|()| Self::Dot)?,
            ScoreKind::ScaledDot => same().map(|()| Self::ScaledDot)?,
            ScoreKind::General => Self::General { weight: Linear::new(key, query, false, rng)? },
            ScoreKind::Concat => Self::Concat {
                weight: Linear::new(query + key, hidden, false, rng)?,
                v: Linear::new(hidden, 1, false, rng)?,
            },
        })
    }

    /// What the score needs of the source, once: `source (batch, key, d_key)` → `(batch, key, ..)`.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn keys(&self, source: &Var<E>) -> Var<E> {
        match self {
            Self::Dot | Self::ScaledDot => source.clone(),
            Self::Additive { key, .. } => key.forward(source),
            Self::General { weight } => weight.forward(source),
            Self::Concat { weight, .. } => {
                let (all, key) = (weight.input(), source.dim(-1));
                source.linear(&weight.weight.var().slice(1, all - key..all), None)
            }
        }
    }

    /// Scores `(batch, query, key)` of `query (batch, query, d_query)` with [`keys`](Self::keys).
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn scores(&self, query: &Var<E>, keys: &Var<E>) -> Var<E> {
        match self {
            Self::Dot | Self::General { .. } => dot_scores(query, keys),
            Self::ScaledDot => scaled_dot_scores(query, keys),
            Self::Additive { query: project, v, .. } => {
                additive_scores(&project.forward(query), keys, &v.weight.var().squeeze(0))
            }
            Self::Concat { weight, v } => {
                let project = weight.weight.var().slice(1, 0..query.dim(-1));
                additive_scores(&query.linear(&project, None), keys, &v.weight.var().squeeze(0))
            }
        }
    }

    /// Its layers and their names.
    fn layers(&self) -> Vec<(&'static str, &Linear<E>)> {
        match self {
            Self::Dot | Self::ScaledDot => Vec::new(),
            Self::Additive { query, key, v } => vec![("query", query), ("key", key), ("v", v)],
            Self::General { weight } => vec![("weight", weight)],
            Self::Concat { weight, v } => vec![("weight", weight), ("v", v)],
        }
    }
}

impl<E: Element> Module<E> for Score<E> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, E>) {
        for (name, layer) in self.layers() {
            path.scope(name, |path| layer.visit(path, visitor));
        }
    }

    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, E>) {
        let layers = match self {
            Self::Dot | Self::ScaledDot => Vec::new(),
            Self::Additive { query, key, v } => vec![("query", query), ("key", key), ("v", v)],
            Self::General { weight } => vec![("weight", weight)],
            Self::Concat { weight, v } => vec![("weight", weight), ("v", v)],
        };
        for (name, layer) in layers {
            path.scope(name, |path| layer.visit_mut(path, visitor));
        }
    }
}

impl<E: Element> fmt::Display for Score<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Additive { .. } => "Additive",
            Self::Dot => "Dot",
            Self::ScaledDot => "ScaledDot",
            Self::General { .. } => "General",
            Self::Concat { .. } => "Concat",
        })?;
        let layers: Vec<String> =
            self.layers().iter().map(|(name, layer)| format!("{name}={layer}")).collect();
        write!(f, "({})", layers.join(", "))
    }
}

/// A source that was prepared for one score.
///
/// ```
/// use attention::{Mask, Score, Source, SourceAttention};
/// use nn::Mode;
/// use tensor::Tensor;
/// // Keys and values from two places: a memory that is looked up.
/// let keys = Tensor::from_vec(vec![9.0_f32, 0.0, 0.0, 9.0], &[1, 2, 2]).into();   // (batch, key, d_key)
/// let values = Tensor::from_vec(vec![5.0, 7.0], &[1, 2, 1]).into();               // (batch, key, d_value)
/// let source = Source { keys, values, mask: Mask::none() };
/// let query = Tensor::from_vec(vec![0.0, 9.0], &[1, 1, 2]).into();
/// let found = SourceAttention::new(Score::Dot, 0.0)?.forward(&query, &source, &mut Mode::Eval);
/// assert_eq!(found.context.item(), 7.0);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Source<E: Element = f32> {
    /// What [`Score::keys`] made of it, `(batch, key, ..)`.
    pub keys: Var<E>,
    /// What is summed, `(batch, key, d_value)`.
    pub values: Var<E>,
    /// Which keys there are.
    pub mask: Mask,
}

/// What attention gives.
///
/// ```
/// use attention::{Attended, Mask, Score, SourceAttention, weighted_sum};
/// use nn::Mode;
/// use tensor::Tensor;
/// let attention = SourceAttention::<f32>::new(Score::Dot, 0.0)?;
/// let x = Tensor::arange(12).reshape(&[2, 2, 3]).into();                                // (batch, time, d)
/// let source = attention.source(&x, Mask::causal());
/// let Attended { context, weights } = attention.forward(&x, &source, &mut Mode::Eval);
/// assert_eq!(weights.value().select(1, 0).to_vec(), [1.0, 0.0, 1.0, 0.0]);   // the first query of each item
/// assert_eq!(context.value(), weighted_sum(&weights, &x).value());
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Attended<E: Element = f32> {
    /// Weighted sums of the values, `(batch, query, d_value)`.
    pub context: Var<E>,
    /// The weights, `(batch, query, key)`, as they were before dropout.
    pub weights: Var<E>,
}

/// Global attention of a decoder over a source: score, normalise, weighted sum.
///
/// ```
/// use attention::{Mask, Score, ScoreKind, SourceAttention};
/// use nn::Mode;
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let attention = SourceAttention::<f32>::new(Score::new(ScoreKind::Additive, 5, 6, 7, &mut rng)?, 0.0)?;
/// let source = attention.source(&Tensor::ones(&[2, 4, 6]).into(), Mask::lengths(&[4, 3])); // (batch, key, d_key)
/// let out = attention.forward(&Tensor::ones(&[2, 1, 5]).into(), &source, &mut Mode::Eval); // (batch, query, d_query)
/// assert_eq!((out.context.shape(), out.weights.shape()), (&[2, 1, 6][..], &[2, 1, 4][..]));
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SourceAttention<E: Element = f32> {
    /// Step one.
    pub score: Score<E>,
    dropout: Dropout,
}
nn::module!(SourceAttention<E> { score; dropout });

impl<E: Element> SourceAttention<E> {
    /// Attention by `score`, with this probability of dropping a weight in training.
    ///
    /// # Errors
    /// If `dropout` is not in `[0, 1)`.
    pub fn new(score: Score<E>, dropout: f64) -> Result<Self, ConfigError> {
        Ok(Self { score, dropout: Dropout::new(dropout)? })
    }

    /// Prepares a source `(batch, key, d_key)`, once for all queries.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn source(&self, source: &Var<E>, mask: Mask) -> Source<E> {
        Source { keys: self.score.keys(source), values: source.clone(), mask }
    }

    /// Attention of `query (batch, query, d_query)`.
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn forward(&self, query: &Var<E>, source: &Source<E>, mode: &mut Mode<'_>) -> Attended<E> {
        let scores = self.score.scores(query, &source.keys); // (batch, query, key)
        let weights = normalise(&scores, &source.mask);
        let context = weighted_sum(&self.dropout.forward(&weights, mode), &source.values);
        Attended { context, weights }
    }
}

pub(crate) const CASES: &[Case] = &[
    Case::new("SourceAttention, additive", |draw| check(draw, ScoreKind::Additive)),
    Case::new("SourceAttention, dot", |draw| check(draw, ScoreKind::Dot)),
    Case::new("SourceAttention, scaled dot", |draw| check(draw, ScoreKind::ScaledDot)),
    Case::new("SourceAttention, general", |draw| check(draw, ScoreKind::General)),
    Case::new("SourceAttention, concat", |draw| check(draw, ScoreKind::Concat)),
];

fn check(
    draw: &mut autograd::Gen,
    kind: ScoreKind,
) -> Result<autograd::GradcheckReport, autograd::GradcheckError> {
    let [batch, queries, keys, d_query, d_key] = draw.dims();
    let same = matches!(kind, ScoreKind::Dot | ScoreKind::ScaledDot);
    let d_key = if same { d_query } else { d_key };
    let score = Score::<f64>::new(kind, d_query, d_key, 3, draw.rng()).expect("sizes");
    let layer = SourceAttention::new(score, if draw.flip() { 0.3 } else { 0.0 }).expect("a rate");
    let (query, source) = (draw.normal(&[batch, queries, d_query]), draw.normal(&[batch, keys, d_key]));
    let lengths: Vec<usize> = (0..batch).map(|_| draw.below(keys + 1)).collect();
    let rng = draw.rng().clone();
    gradcheck_module_with(&layer, &[query, source], |layer, v| {
        let source = layer.source(&v[1], Mask::lengths(&lengths));
        let out = layer.forward(&v[0], &source, &mut Mode::Train(&mut rng.clone()));
        Var::concat(&[&out.context.flatten(0, -1), &out.weights.flatten(0, -1)], 0)
    })
}
