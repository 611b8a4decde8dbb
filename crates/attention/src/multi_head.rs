//! Multi-head attention as a layer.

use autograd::{Case, Var};
use nn::init::Init;
use nn::{ConfigError, Linear, Mode, Param, gradcheck_module_with, module};
use rand::Rng;
use tensor::{Element, Tensor};

use crate::{AttendOptions, KvCache, Mask, attend_packed, attend_with, attention_weights};

/// Multi-head attention (Vaswani et al. 2017, section 3.2.2): project to queries, keys and values, attend in
/// every head, join, project. PyTorch's names and shapes.
///
/// ```
/// use attention::{Mask, MultiHeadAttention};
/// use autograd::Var;
/// use nn::Mode;
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let attention = MultiHeadAttention::<f32>::new(8, 2, 0.0, &mut rng)?;
/// let x = Var::constant(tensor::Tensor::ones(&[3, 5, 8]));             // (batch, time, d_model)
/// let y = attention.forward(&x, &Mask::causal(), &mut Mode::Eval);     // (batch, time, d_model)
/// assert_eq!(y.shape(), [3, 5, 8]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiHeadAttention<E: Element = f32> {
    /// Queries, keys and values under each other, `(3·d_model, d_model)`.
    pub in_proj_weight: Param<E>,
    /// `(3·d_model)`
    pub in_proj_bias: Param<E>,
    /// After the heads are joined, `d_model` → `d_model`.
    pub out_proj: Linear<E>,
    heads: usize,
    dropout: f64,
}
module!(MultiHeadAttention<E> { in_proj_weight, in_proj_bias, out_proj; heads, dropout });

impl<E: Element> MultiHeadAttention<E> {
    /// A layer with Xavier-uniform input projections and zero biases, as PyTorch starts it. `dropout` is that
    /// of the attention weights.
    ///
    /// # Errors
    /// If `heads` does not divide `d_model`, a size is 0, or `dropout` is not in `[0, 1)`.
    pub fn new(d_model: usize, heads: usize, dropout: f64, rng: &mut impl Rng) -> Result<Self, ConfigError> {
        if heads == 0 || d_model == 0 || !d_model.is_multiple_of(heads) {
            let found = format!("{heads} for d_model {d_model}");
            return Err(ConfigError::new("multi-head attention", "heads", found, "a divisor of d_model"));
        }
        if !(0.0..1.0).contains(&dropout) {
            return Err(ConfigError::new("multi-head attention", "dropout", dropout, "a number in [0, 1)"));
        }
        let in_proj = Init::XavierUniform { gain: 1.0 }.tensor(&[3 * d_model, d_model], rng);
        let mut out_proj = Linear::new(d_model, d_model, true, rng)?;
        if let Some(bias) = &mut out_proj.bias {
            bias.set(Tensor::zeros(&[d_model]));
        }
        Ok(Self {
            in_proj_weight: Param::new(in_proj),
            in_proj_bias: Param::new(Tensor::zeros(&[3 * d_model])),
            out_proj,
            heads,
            dropout,
        })
    }

    /// Number of heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    fn d_model(&self) -> usize {
        self.in_proj_weight.value().dim(1)
    }

    /// Self-attention: `x (batch, time, d_model)` → `(batch, time, d_model)`.
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn forward(&self, x: &Var<E>, mask: &Mask, mode: &mut Mode<'_>) -> Var<E> {
        let qkv = x.linear(self.in_proj_weight.var(), Some(self.in_proj_bias.var())); // (batch, time, 3·d_model)
        let options = AttendOptions { scale: None, dropout: self.dropout };
        let joined = attend_packed(&qkv, self.heads, self.heads, mask, &options, mode); // (batch, time, d_model)
        self.out_proj.forward(&joined)
    }

    /// Cross-attention: queries from `x (batch, tgt_time, d_model)`, keys and values from
    /// `memory (batch, src_time, d_model)` → `(batch, tgt_time, d_model)`.
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    ///
    /// ```
    /// # use {attention::{Mask, MultiHeadAttention}, nn::Mode, rand::SeedableRng, tensor::Tensor};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// let attention = MultiHeadAttention::<f32>::new(8, 2, 0.0, &mut rng)?;
    /// let (x, memory) = (Tensor::ones(&[2, 3, 8]).into(), Tensor::ones(&[2, 5, 8]).into());
    /// let mask = Mask::lengths(&[5, 4]);                                         // of the memory
    /// assert_eq!(attention.forward_cross(&x, &memory, &mask, &mut Mode::Eval).shape(), [2, 3, 8]);
    /// assert_eq!(attention.weights(&x, &memory, &mask).shape(), [2, 2, 3, 5]);   // (batch, heads, tgt_time, src_time)
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    #[track_caller]
    pub fn forward_cross(&self, x: &Var<E>, memory: &Var<E>, mask: &Mask, mode: &mut Mode<'_>) -> Var<E> {
        let [k, v] = self.keys_and_values(memory);
        self.attend_projected(&self.queries(x), &k, &v, mask, mode)
    }

    /// Attention with keys from one place and values from another: `query (batch, tgt_time, d_model)`,
    /// `key, value (batch, src_time, d_model)` → `(batch, tgt_time, d_model)`.
    ///
    /// ```
    /// # use {attention::{Mask, MultiHeadAttention}, nn::Mode, rand::SeedableRng, tensor::Tensor};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let attention = MultiHeadAttention::<f32>::new(8, 2, 0.0, &mut rng)?;
    /// let x = Tensor::normal(&[1, 3, 8], 0.0, 1.0, &mut rng).into();
    /// let memory = Tensor::normal(&[1, 5, 8], 0.0, 1.0, &mut rng).into();
    /// let (mask, mode) = (Mask::none(), &mut Mode::Eval);
    /// let y = attention.forward_query_key_value(&x, &memory, &memory, &mask, mode);
    /// let cross = attention.forward_cross(&x, &memory, &mask, mode);   // keys and values from one place
    /// assert!(y.value().max_abs_diff(cross.value()) < 1e-6);
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn forward_query_key_value(
        &self,
        query: &Var<E>,
        key: &Var<E>,
        value: &Var<E>,
        mask: &Mask,
        mode: &mut Mode<'_>,
    ) -> Var<E> {
        let (k, v) = (self.split(&self.project(key, 1..2)), self.split(&self.project(value, 2..3)));
        self.attend_projected(&self.queries(query), &k, &v, mask, mode)
    }

    /// The queries of `x (batch, time, d_model)`, `(batch, heads, time, d_head)`.
    ///
    /// ```
    /// # use {attention::MultiHeadAttention, rand::SeedableRng, tensor::Tensor};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let attention = MultiHeadAttention::<f32>::new(8, 2, 0.0, &mut rng)?;
    /// assert_eq!(attention.queries(&Tensor::ones(&[3, 5, 8]).into()).shape(), [3, 2, 5, 4]);
    /// assert_eq!(attention.heads(), 2);
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Panics
    /// If the last dimension is not `d_model`, or there are not three.
    #[track_caller]
    pub fn queries(&self, x: &Var<E>) -> Var<E> {
        self.split(&self.project(x, 0..1))
    }

    /// Keys and values of `memory (batch, time, d_model)`, each `(batch, heads, time, d_head)`: computed once
    /// for a source that a decoder looks at many times.
    ///
    /// # Panics
    /// If the last dimension is not `d_model`, or there are not three.
    ///
    /// ```
    /// # use {attention::{Mask, MultiHeadAttention}, nn::Mode, rand::SeedableRng, tensor::Tensor};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let attention = MultiHeadAttention::<f32>::new(8, 2, 0.0, &mut rng)?;
    /// let memory = Tensor::normal(&[1, 5, 8], 0.0, 1.0, &mut rng).into();
    /// let [k, v] = attention.keys_and_values(&memory);                           // once
    /// for _step in 0..3 {
    ///     let x = Tensor::normal(&[1, 1, 8], 0.0, 1.0, &mut rng).into();
    ///     let y = attention.attend_projected(&attention.queries(&x), &k, &v, &Mask::none(), &mut Mode::Eval);
    ///     let whole = attention.forward_cross(&x, &memory, &Mask::none(), &mut Mode::Eval);
    ///     assert!(y.value().max_abs_diff(whole.value()) < 1e-6);
    /// }
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    #[track_caller]
    pub fn keys_and_values(&self, memory: &Var<E>) -> [Var<E>; 2] {
        let d_model = self.d_model();
        let both = self.project(memory, 1..3); // (batch, time, 2·d_model)
        [0, d_model].map(|from| self.split(&both.slice(-1, from..from + d_model)))
    }

    /// The parts `0` (queries), `1` (keys), `2` (values) of the input projection.
    #[track_caller]
    fn project(&self, x: &Var<E>, parts: std::ops::Range<usize>) -> Var<E> {
        let d_model = self.d_model();
        let rows = parts.start * d_model..parts.end * d_model;
        let weight = self.in_proj_weight.var().slice(0, rows.clone());
        x.linear(&weight, Some(&self.in_proj_bias.var().slice(0, rows)))
    }

    /// Attention over given keys and values `(batch, heads, src_time, d_head)` with queries
    /// `(batch, heads, tgt_time, d_head)`, joined and projected → `(batch, tgt_time, d_model)`.
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn attend_projected(
        &self,
        q: &Var<E>,
        k: &Var<E>,
        v: &Var<E>,
        mask: &Mask,
        mode: &mut Mode<'_>,
    ) -> Var<E> {
        let options = AttendOptions { scale: None, dropout: self.dropout };
        let out = attend_with(q, k, v, mask, &options, mode); // (batch, heads, time, d_head)
        self.out_proj.forward(&join_heads(&out))
    }

    /// Self-attention of new positions that continue what `cache` holds: `x (batch, new, d_model)` →
    /// `(batch, new, d_model)`. Equals the same rows of [`forward`](Self::forward) with a causal mask over the
    /// whole sequence.
    ///
    /// # Panics
    /// If the last dimension of `x` is not `d_model`, or `cache` holds another batch size or other heads.
    ///
    /// ```
    /// # use {attention::{KvCache, Mask, MultiHeadAttention}, autograd::Var, nn::Mode, rand::SeedableRng, tensor::Tensor};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let attention = MultiHeadAttention::<f32>::new(8, 2, 0.0, &mut rng)?;
    /// let x = Var::constant(Tensor::normal(&[1, 5, 8], 0.0, 1.0, &mut rng));           // (batch, time, d_model)
    /// let mut cache = KvCache::new();
    /// attention.forward_cached(&x.slice(1, 0..4), &mut cache);                   // four positions …
    /// let last = attention.forward_cached(&x.slice(1, 4..5), &mut cache);        // … and one more
    /// let whole = attention.forward(&x, &Mask::causal(), &mut Mode::Eval);
    /// assert!(last.value().max_abs_diff(&whole.value().slice(1, 4..5)) < 1e-6);
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    #[track_caller]
    pub fn forward_cached(&self, x: &Var<E>, cache: &mut KvCache<E>) -> Var<E> {
        let past = cache.len();
        let [k, v] = self.keys_and_values(x);
        cache.append(k.value(), v.value());
        let (k, v) = (Var::constant(cache.keys()), Var::constant(cache.values()));
        self.attend_projected(&self.queries(x), &k, &v, &Mask::causal_from(past), &mut Mode::Eval)
    }

    /// The attention weights of [`forward_cross`](Self::forward_cross) (give `x` as `memory` for
    /// self-attention), `(batch, heads, tgt_time, src_time)`.
    ///
    /// ```
    /// # use {attention::{Mask, MultiHeadAttention}, rand::SeedableRng, tensor::Tensor};
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let attention = MultiHeadAttention::<f32>::new(8, 2, 0.0, &mut rng)?;
    /// let x = Tensor::normal(&[1, 3, 8], 0.0, 1.0, &mut rng).into();
    /// let weights = attention.weights(&x, &x, &Mask::causal());             // of self-attention
    /// assert_eq!(weights.shape(), [1, 2, 3, 3]);
    /// assert_eq!(weights.value().at(&[0, 0, 0, 0]), 1.0);                   // the first sees itself alone
    /// # Ok::<(), nn::ConfigError>(())
    /// ```
    ///
    /// # Panics
    /// If the shapes or the mask do not fit together.
    #[track_caller]
    pub fn weights(&self, x: &Var<E>, memory: &Var<E>, mask: &Mask) -> Var<E> {
        let [k, _] = self.keys_and_values(memory);
        attention_weights(&self.queries(x), &k, mask)
    }

    /// `(batch, time, d_model)` → `(batch, heads, time, d_head)`
    fn split(&self, x: &Var<E>) -> Var<E> {
        let (batch, time, d_model) = (x.dim(0), x.dim(1), x.dim(2));
        let x = x.reshape(&[batch, time, self.heads, d_model / self.heads]);
        x.transpose(1, 2) // (batch, heads, time, d_head)
    }
}

/// `(batch, heads, time, d_head)` → `(batch, time, heads · d_head)`
pub(crate) fn join_heads<E: Element>(x: &Var<E>) -> Var<E> {
    let (batch, heads, time, d_head) = (x.dim(0), x.dim(1), x.dim(2), x.dim(3));
    x.transpose(1, 2).reshape(&[batch, time, heads * d_head])
}

pub(crate) const CASES: &[Case] = &[
    Case::new("MultiHeadAttention", |draw| {
        let [batch, time] = draw.dims();
        let layer = MultiHeadAttention::<f64>::new(6, 2, 0.0, draw.rng()).expect("sizes");
        let x = draw.normal(&[batch, time, 6]);
        gradcheck_module_with(&layer, &[x], |layer, v| layer.forward(&v[0], &Mask::causal(), &mut Mode::Eval))
    }),
    Case::new("MultiHeadAttention, cross", |draw| {
        let [batch, tgt_time, src_time] = draw.dims();
        let layer = MultiHeadAttention::<f64>::new(6, 3, 0.0, draw.rng()).expect("sizes");
        let (x, memory) = (draw.normal(&[batch, tgt_time, 6]), draw.normal(&[batch, src_time, 6]));
        gradcheck_module_with(&layer, &[x, memory], |layer, v| {
            layer.forward_cross(&v[0], &v[1], &Mask::none(), &mut Mode::Eval)
        })
    }),
    Case::new("MultiHeadAttention, query, key and value", |draw| {
        let [batch, tgt_time, src_time] = draw.dims();
        let layer = MultiHeadAttention::<f64>::new(6, 2, 0.0, draw.rng()).expect("sizes");
        let inputs = [tgt_time, src_time, src_time].map(|time| draw.normal(&[batch, time, 6]));
        gradcheck_module_with(&layer, &inputs, |layer, v| {
            layer.forward_query_key_value(&v[0], &v[1], &v[2], &Mask::none(), &mut Mode::Eval)
        })
    }),
];
