//! Attention to a window of the source.

use autograd::{Case, Var};
use nn::{ConfigError, Linear, gradcheck_module_with};
use rand::Rng;
use tensor::{Bools, Element, Tensor};

use crate::score::{Attended, Score, Source};
use crate::{Mask, ScoreKind, normalise, weighted_sum};

/// Local attention (Luong, Pham & Manning 2015, section 3.2): of the keys only those within `window` of a position `p`.
///
/// Monotonic: `p` is the query's own position, and the weights are normalised within the window. Predictive: `p =
/// length·σ(v·tanh(W·q))` is learned, and the weights are also multiplied by `exp(−(key − p)²/(2σ²))` with
/// `σ = window/2`, so that gradients reach `p`.
///
/// ```
/// use attention::{LocalAttention, Mask, Score, ScoreKind};
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let score = Score::<f32>::new(ScoreKind::General, 5, 6, 0, &mut rng)?;
/// let local = LocalAttention::predictive(score, 5, 7, 2, &mut rng)?;
/// let source = local.source(&Tensor::ones(&[2, 9, 6]).into(), Mask::none());            // (batch, key, d_key)
/// let out = local.forward(&Tensor::ones(&[2, 1, 5]).into(), &source, &[9, 4], 0);       // (batch, query, d_query)
/// assert_eq!(out.context.shape(), [2, 1, 6]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LocalAttention<E: Element = f32> {
    /// Step one.
    pub score: Score<E>,
    /// `W`, without bias; absent where positions are monotonic.
    pub position: Option<Linear<E>>,
    /// `v`, `(1, hidden)`; absent where positions are monotonic.
    pub v: Option<Linear<E>>,
    window: usize,
}
nn::module!(LocalAttention<E> { score, position, v; window });

impl<E: Element> LocalAttention<E> {
    /// Windows around the query's own position.
    ///
    /// ```
    /// use attention::{LocalAttention, Mask, Score};
    /// use tensor::Tensor;
    /// let local = LocalAttention::monotonic(Score::<f32>::Dot, 1)?;
    /// let source = local.source(&Tensor::ones(&[1, 5, 4]).into(), Mask::none());        // (batch, key, d_key)
    /// let out = local.forward(&Tensor::ones(&[1, 1, 4]).into(), &source, &[4], 3);      // a query at position 3
    /// assert_eq!(out.weights.value().to_vec(), [0.0, 0.0, 0.5, 0.5, 0.0]);              // the last key is padding
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// If `window` is 0.
    pub fn monotonic(score: Score<E>, window: usize) -> Result<Self, ConfigError> {
        check_window(window)?;
        Ok(Self { score, position: None, v: None, window })
    }

    /// Windows around a position predicted from queries of size `query` through `hidden` units.
    ///
    /// ```
    /// # use {attention::{LocalAttention, Mask, Score}, rand::SeedableRng, tensor::Tensor};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// use nn::{Linear, Param};
    /// let mut local = LocalAttention::predictive(Score::<f64>::Dot, 4, 7, 1, &mut rng)?;
    /// // With v = 0 every query predicts the middle: p = 4·σ(0) = 2.
    /// local.v = Some(Linear { weight: Param::new(Tensor::zeros(&[1, 7])), bias: None });
    /// let source = local.source(&Tensor::ones(&[1, 5, 4]).into(), Mask::none());    // (batch, key, d_key)
    /// let out = local.forward(&Tensor::ones(&[1, 1, 4]).into(), &source, &[4], 0);
    /// let beside = (-2_f64).exp() / 3.0;                                            // σ = 1/2
    /// let expected = [0.0, beside, 1.0 / 3.0, beside, 0.0];
    /// assert!(out.weights.value().to_vec().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// If a size is 0.
    pub fn predictive(
        score: Score<E>,
        query: usize,
        hidden: usize,
        window: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, ConfigError> {
        check_window(window)?;
        let position = Some(Linear::new(query, hidden, false, rng)?);
        Ok(Self { score, position, v: Some(Linear::new(hidden, 1, false, rng)?), window })
    }

    /// Prepares a source `(batch, key, d_key)`, once for all queries.
    ///
    /// # Panics
    /// If the shapes do not fit together.
    #[track_caller]
    pub fn source(&self, source: &Var<E>, mask: Mask) -> Source<E> {
        Source { keys: self.score.keys(source), values: source.clone(), mask }
    }

    /// Attention of `query (batch, query, d_query)`, the first of them at position `first`. The sources have
    /// `lengths` keys.
    ///
    /// # Panics
    /// If the shapes, the mask or the lengths do not fit together.
    #[track_caller]
    pub fn forward(
        &self,
        query: &Var<E>,
        source: &Source<E>,
        lengths: &[usize],
        first: usize,
    ) -> Attended<E> {
        let (batch, queries, keys) = (query.dim(0), query.dim(1), source.keys.dim(1));
        let within = Mask::lengths(lengths);
        within.check("local attention", batch, queries, keys);
        let places = self.places(query, lengths, first); // (batch, query, 1)
        let window = self.window as f64;
        let at = places.value().contiguous();
        let near = Bools::from_fn(&[batch, queries, keys], |index| {
            let place = at.at(&[index[0], index[1], 0]).to_f64();
            (index[2] as f64 - place).abs() <= window
        });
        let scores = self.score.scores(query, &source.keys); // (batch, query, key)
        let mut weights = normalise(&scores, &source.mask.and(&within).and(&Mask::table(near)));
        if self.position.is_some() {
            let sigma = window / 2.0;
            let distance = Var::constant(Tensor::arange(keys)) - &places; // (batch, query, key)
            let falling = (distance.square() * E::from_f64(-0.5 / (sigma * sigma))).exp();
            weights = weights * falling;
        }
        Attended { context: weighted_sum(&weights, &source.values), weights }
    }

    /// `p` of every query, `(batch, query, 1)`.
    fn places(&self, query: &Var<E>, lengths: &[usize], first: usize) -> Var<E> {
        let (batch, queries) = (query.dim(0), query.dim(1));
        let (Some(position), Some(v)) = (&self.position, &self.v) else {
            let own = Tensor::arange(queries).map(move |t| t + E::from_usize(first));
            return Var::constant(own.reshape(&[1, queries, 1]).broadcast_to(&[batch, queries, 1]));
        };
        let lengths: Vec<E> = lengths.iter().map(|length| E::from_usize(*length)).collect();
        let lengths = Var::constant(Tensor::from_slice(&lengths, &[batch, 1, 1]));
        v.forward(&position.forward(query).tanh()).sigmoid() * lengths
    }
}

fn check_window(window: usize) -> Result<(), ConfigError> {
    let error = || ConfigError::new("local attention", "window", window, "at least 1");
    if window > 0 { Ok(()) } else { Err(error()) }
}

pub(crate) const CASES: &[Case] = &[Case::new("LocalAttention", |draw| {
    let [batch, queries, d_query, d_key] = draw.dims();
    let score = Score::<f64>::new(ScoreKind::General, d_query, d_key, 0, draw.rng()).expect("sizes");
    let (window, predictive) = (1 + draw.below(3), draw.flip());
    let layer = if predictive {
        LocalAttention::predictive(score, d_query, 3, window, draw.rng()).expect("sizes")
    } else {
        LocalAttention::monotonic(score, window).expect("a window")
    };
    let (query, source) = (draw.normal(&[batch, queries, d_query]), draw.normal(&[batch, 6, d_key]));
    let lengths: Vec<usize> = (0..batch).map(|_| draw.below(7)).collect();
    gradcheck_module_with(&layer, &[query, source], |layer, v| {
        let source = layer.source(&v[1], Mask::none());
        let out = layer.forward(&v[0], &source, &lengths, 1);
        Var::concat(&[&out.context.flatten(0, -1), &out.weights.flatten(0, -1)], 0)
    })
})];
