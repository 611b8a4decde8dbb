//! Coverage and copying: attention that remembers where it has been, and output that points into the source.

use autograd::{Case, Var, gradcheck};
use nn::{ConfigError, Linear, gradcheck_module_with};
use rand::Rng;
use tensor::{Element, Ids, Tensor};

use crate::score::{Attended, Score, ScoreKind, Source};
use crate::{Mask, additive_scores, normalise, weighted_sum};

/// Additive attention with coverage (Tu et al. 2016; See, Liu & Manning 2017, eq. 11): the sum of all weights so far
/// is a feature of each key, `score = v·tanh(W_q·q + W_k·k + w_c·coverage + b)`, so that the decoder sees what it has
/// already said.
///
/// ```
/// use attention::{CoverageAttention, Mask};
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let attention = CoverageAttention::<f32>::new(5, 6, 7, &mut rng)?;
/// let source = attention.source(&Tensor::ones(&[2, 4, 6]).into(), Mask::none());     // (batch, key, d_key)
/// let coverage = attention.start(&source);                                           // (batch, key)
/// let (out, coverage) = attention.forward(&Tensor::ones(&[2, 5]).into(), &source, &coverage);
/// assert_eq!((out.context.shape(), coverage.shape()), (&[2, 1, 6][..], &[2, 4][..]));
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CoverageAttention<E: Element = f32> {
    /// The additive score.
    pub score: Score<E>,
    /// `w_c`, `(hidden, 1)`, without bias.
    pub coverage: Linear<E>,
}
nn::module!(CoverageAttention<E> { score, coverage });

impl<E: Element> CoverageAttention<E> {
    /// Attention of queries of size `query` to keys of size `key` through `hidden` units.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(
        query: usize,
        key: usize,
        hidden: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        let score = Score::new(ScoreKind::Additive, query, key, hidden, rng)?;
        Ok(Self { score, coverage: Linear::new(1, hidden, false, rng)? })
    }

    /// Prepares a source `(batch, key, d_key)`, once for all queries.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn source(&self, source: &Var<E>, mask: Mask) -> Source<E> {
        Source { keys: self.score.keys(source), values: source.clone(), mask }
    }

    /// The coverage before the first query: zeros, `(batch, key)`.
    pub fn start(&self, source: &Source<E>) -> Var<E> {
        Var::constant(Tensor::zeros(&source.keys.shape()[..2]))
    }

    /// Attention of one query `(batch, d_query)`, and the coverage after it, `(batch, key)`.
    ///
    /// ```
    /// # use {attention::{CoverageAttention, Mask}, rand::SeedableRng, tensor::Tensor};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let attention = CoverageAttention::<f32>::new(5, 6, 7, &mut rng)?;
    /// let memory = Tensor::normal(&[1, 3, 6], 0.0, 1.0, &mut rng).into();   // (batch, key, d_key)
    /// let source = attention.source(&memory, Mask::lengths(&[2]));
    /// let mut coverage = attention.start(&source);                          // (batch, key)
    /// for _step in 0..2 {
    ///     let query = Tensor::normal(&[1, 5], 0.0, 1.0, &mut rng).into();
    ///     (_, coverage) = attention.forward(&query, &source, &coverage);
    /// }
    /// let coverage = coverage.value().to_vec();
    /// assert!((coverage[0] + coverage[1] - 2.0).abs() < 1e-6);              // each step gives out 1
    /// assert_eq!(coverage[2], 0.0);                                         // padding
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn forward(&self, query: &Var<E>, source: &Source<E>, coverage: &Var<E>) -> (Attended<E>, Var<E>) {
        let Score::Additive { query: project, v, .. } = &self.score else { unreachable!("made additive") };
        let keys = &source.keys + self.coverage.forward(&coverage.unsqueeze(-1)); // (batch, key, hidden)
        let query = project.forward(&query.unsqueeze(1)); // (batch, 1, hidden)
        let scores = additive_scores(&query, &keys, &v.weight.var().squeeze(0));
        let weights = normalise(&scores, &source.mask); // (batch, 1, key)
        let after = coverage + weights.squeeze(1);
        (Attended { context: weighted_sum(&weights, &source.values), weights }, after)
    }
}

/// The coverage loss of one step (See, Liu & Manning 2017, eq. 12), `Σ_key min(weight, coverage)`: attending again to
/// what was attended to before costs. `weights` and `coverage` (before the step) are `(batch, key)`; gives `(batch)`.
///
/// # Panics
/// If the shapes differ.
///
/// ```
/// use attention::coverage_loss;
/// use tensor::Tensor;
/// let weights = Tensor::from_vec(vec![0.75_f32, 0.25, 0.0], &[1, 3]).into();       // (batch, key)
/// let coverage = Tensor::from_vec(vec![0.5, 0.5, 1.0], &[1, 3]).into();
/// assert_eq!(coverage_loss(&weights, &coverage).value().to_vec(), [0.5 + 0.25]);
/// ```
#[track_caller]
pub fn coverage_loss<E: Element>(weights: &Var<E>, coverage: &Var<E>) -> Var<E> {
    let operands = [("weights", "batch key", weights.shape()), ("coverage", "batch key", coverage.shape())];
    tensor::shape::agree("coverage_loss", &operands);
    weights.minimum(coverage).sum_axis(-1, false)
}

/// The pointer–generator's distribution (See, Liu & Manning 2017, eq. 9): with probability `generate` a word of the
/// vocabulary, else a copy of the source token attended to,
/// `p(w) = generate·softmax(logits)_w + (1 − generate)·Σ weight of the keys that are w`.
///
/// `logits (batch, vocab)`, `generate (batch, 1)`, `weights (batch, key)`, `source (batch, key)` ids below `extended`,
/// which may be more than `vocab`: ids from there on are words that only the source has. Gives log-probabilities
/// `(batch, extended)`; −∞, without a gradient, where the probability is 0: words that only other sources have, and what gate
/// or softmax have rounded away.
///
/// # Panics
/// If the shapes do not fit together, an id is not below `extended`, or `extended` is below `vocab`.
///
/// ```
/// use attention::copy_log_probs;
/// use tensor::{Ids, Tensor};
/// let logits = Tensor::<f32>::zeros(&[1, 2]).into();                      // (batch, vocab)
/// let weights = Tensor::from_vec(vec![0.75, 0.25], &[1, 2]).into();       // (batch, key)
/// let generate = Tensor::full(&[1, 1], 0.5).into();
/// let p = copy_log_probs(&logits, &generate, &weights, &Ids::new(vec![1, 2], &[1, 2]), 3);
/// let expected = [0.25_f32, 0.25 + 0.375, 0.125].map(f32::ln);
/// assert!(p.value().to_vec().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
/// ```
#[track_caller]
pub fn copy_log_probs<E: Element>(
    logits: &Var<E>,
    generate: &Var<E>,
    weights: &Var<E>,
    source: &Ids,
    extended: usize,
) -> Var<E> {
    let operands = [
        ("logits", "batch vocab", logits.shape()),
        ("generate", "batch 1", generate.shape()),
        ("weights", "batch key", weights.shape()),
        ("source", "batch key", source.shape()),
    ];
    tensor::shape::agree("copy_log_probs", &operands);
    let vocab = logits.dim(-1);
    assert!(extended >= vocab, "copy_log_probs: {extended} words, fewer than the vocabulary's {vocab}");
    let words = (logits.softmax(-1) * generate).pad(-1, 0, extended - vocab, E::ZERO); // (batch, extended)
    let copies = weights * (-generate + E::ONE); // (batch, key)
    let p = words.scatter_add(-1, source, &copies);
    let impossible = p.value().eq_scalar(E::ZERO);
    // The gradient of ln at 0 is infinite, and times 0 no number.
    p.masked_fill(&impossible, E::ONE).ln().masked_fill(&impossible, E::NEG_INFINITY)
}

pub(crate) const CASES: &[Case] = &[
    Case::new("CoverageAttention", |draw| {
        let [batch, keys, d_query, d_key] = draw.dims();
        let layer = CoverageAttention::<f64>::new(d_query, d_key, 3, draw.rng()).expect("sizes");
        let (query, source) = (draw.normal(&[batch, d_query]), draw.normal(&[batch, keys, d_key]));
        gradcheck_module_with(&layer, &[query, source], |layer, v| {
            let source = layer.source(&v[1], Mask::none());
            let (first, coverage) = layer.forward(&v[0], &source, &layer.start(&source));
            let (second, after) = layer.forward(&(&v[0] * 2.0), &source, &coverage);
            let parts = [first.context, second.context, after.unsqueeze(-1) * 3.0];
            Var::concat(&parts.each_ref().map(|part| part.flatten(0, -1)).each_ref(), 0)
        })
    }),
    Case::new("coverage_loss", |draw| {
        let [batch, keys] = draw.dims();
        let both = draw.distinct(&[2, batch, keys]);
        gradcheck(|v| coverage_loss(&v[0].select(0, 0), &v[0].select(0, 1)), &[both])
    }),
    Case::new("copy_log_probs", |draw| {
        let [batch, vocab, keys] = draw.dims();
        // Each word that only the source has is there, so that no probability is 0.
        let extended = vocab + keys.min(2);
        let ids = (0..batch * keys).map(|i| match i % keys {
            key if key < extended - vocab => (vocab + key) as u32,
            _ => draw.below(vocab) as u32,
        });
        let ids = Ids::new(ids.collect(), &[batch, keys]);
        let (logits, scores) = (draw.normal(&[batch, vocab]), draw.normal(&[batch, keys]));
        let gate = draw.normal(&[batch, 1]);
        gradcheck(
            |v| copy_log_probs(&v[0], &v[2].sigmoid(), &v[1].softmax(-1), &ids, extended),
            &[logits, scores, gate],
        )
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A gate so sure that its rest is 0, a forbidden token, and a word that only the source has.
    #[test]
    fn impossible_words_have_no_gradient() {
        let source = Ids::new(vec![3, 1], &[1, 2]);
        for target in [0, 1] {
            let logits = Var::leaf(Tensor::from_vec(vec![0.5_f32, -0.5, f32::NEG_INFINITY], &[1, 3]));
            let gate = Var::leaf(Tensor::full(&[1, 1], 20.0_f32));
            let scores = Var::leaf(Tensor::from_vec(vec![0.1_f32, 0.2], &[1, 2]));
            let p = copy_log_probs(&logits, &gate.sigmoid(), &scores.softmax(-1), &source, 4);
            let values = p.value().to_vec();
            assert_eq!(values[2..], [f32::NEG_INFINITY; 2]);
            let likely = logits.slice(-1, 0..2).log_softmax(-1);
            let loss = -p.select(-1, target).sum();
            let grads = loss.backward().unwrap();
            let expected = (-likely.select(-1, target).sum()).backward().unwrap();
            let (found, expected) = (grads.get(&logits).unwrap(), expected.get(&logits).unwrap());
            assert!(found.max_abs_diff(expected) < 1e-6, "{found:?}, expected {expected:?}");
            for var in [&gate, &scores] {
                assert!(grads.get(var).unwrap().to_vec().iter().all(|x| x.is_finite()));
            }
        }
    }
}
