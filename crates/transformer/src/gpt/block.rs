//! One block of a GPT: attention and feed-forward, each on a normalised copy, each added to the stream.

use attention::{AttendOptions, KvCache, Mask, attend_packed, attend_with};
use autograd::Var;
use nn::{Activation, Dropout, LayerNorm, Linear, Mode, module};
use rand::Rng;
use tensor::Element;

use crate::gpt::config::GptConfig;
use crate::gpt::init::{linear, norm};

/// Pre-norm block (Radford et al. 2019): `x = x + attn(ln_1(x))`, `x = x + mlp(ln_2(x))`.
///
/// ```
/// # use {nn::Module, rand::SeedableRng, transformer::{Gpt, GptConfig}};
/// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let gpt = Gpt::<f32>::new(GptConfig { layers: 2, d_model: 8, ..GptConfig::new(11) }, &mut rng)?;
/// let names: Vec<String> = gpt.h[1].parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names[..3], ["ln_1.weight", "attn.c_attn.weight", "attn.c_proj.weight"]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Block<E: Element = f32> {
    /// Before attention.
    pub ln_1: LayerNorm<E>,
    /// Causal self-attention.
    pub attn: CausalSelfAttention<E>,
    /// Before the feed-forward layer.
    pub ln_2: LayerNorm<E>,
    /// Position-wise feed-forward layer.
    pub mlp: Mlp<E>,
}
module!(Block<E> { ln_1, attn, ln_2, mlp });

impl<E: Element> Block<E> {
    pub(super) fn new(config: &GptConfig, rng: &mut impl Rng) -> Self {
        Self {
            ln_1: norm(config),
            attn: CausalSelfAttention::new(config, rng),
            ln_2: norm(config),
            mlp: Mlp::new(config, rng),
        }
    }

    /// `x (batch, time, d_model)` → the same shape.
    pub(super) fn forward(&self, x: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        let x = self.attn.forward(&self.ln_1.forward(x), x, mode);
        self.mlp.forward(&self.ln_2.forward(&x), &x, mode)
    }

    /// The same for positions that continue `cache`.
    pub(super) fn forward_cached(&self, x: &Var<E>, cache: &mut KvCache<E>) -> Var<E> {
        let x = self.attn.forward_cached(&self.ln_1.forward(x), x, cache);
        self.mlp.forward(&self.ln_2.forward(&x), &x, &mut Mode::Eval)
    }
}

/// Causal multi-head self-attention with one packed input projection.
///
/// ```
/// # use {rand::SeedableRng, transformer::{Gpt, GptConfig}};
/// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let gpt = Gpt::<f32>::new(GptConfig { layers: 2, d_model: 8, ..GptConfig::new(11) }, &mut rng)?;
/// let attention = &gpt.h[0].attn;
/// assert_eq!((attention.c_attn.input(), attention.c_attn.output()), (8, 3 * 8));
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CausalSelfAttention<E: Element = f32> {
    /// Queries, keys, values: `d_model` → `3·d_model`.
    pub c_attn: Linear<E>,
    /// `d_model` → `d_model`.
    pub c_proj: Linear<E>,
    heads: usize,
    dropout: f64,
}
module!(CausalSelfAttention<E> { c_attn, c_proj; heads, dropout });

impl<E: Element> CausalSelfAttention<E> {
    fn new(config: &GptConfig, rng: &mut impl Rng) -> Self {
        let d_model = config.d_model;
        Self {
            c_attn: linear(config, d_model, 3 * d_model, 1, rng),
            c_proj: linear(config, d_model, d_model, 2 * config.layers, rng),
            heads: config.heads,
            dropout: config.dropout,
        }
    }

    /// `residual + attention(x)`, all `(batch, time, d_model)`.
    fn forward(&self, x: &Var<E>, residual: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        let qkv = self.c_attn.forward(x); // (batch, time, 3·d_model)
        let options = AttendOptions { scale: None, dropout: self.dropout };
        let mask = Mask::causal();
        let joined = attend_packed(&qkv, self.heads, self.heads, &mask, &options, mode); // (batch, time, d_model)
        branch(&self.c_proj, &joined, residual, self.dropout, mode)
    }

    fn forward_cached(&self, x: &Var<E>, residual: &Var<E>, cache: &mut KvCache<E>) -> Var<E> {
        let (batch, time, d_model) = (x.dim(0), x.dim(1), x.dim(2));
        let past = cache.len();
        let qkv = self.c_attn.forward(x).reshape(&[batch, time, 3, self.heads, d_model / self.heads]);
        let part = |i: usize| qkv.select(2, i).transpose(1, 2); // (batch, heads, time, d_head)
        cache.append(part(1).value(), part(2).value());
        let (k, v) = (Var::constant(cache.keys()), Var::constant(cache.values()));
        let mask = Mask::causal_from(past);
        let out = attend_with(&part(0), &k, &v, &mask, &AttendOptions::default(), &mut Mode::Eval);
        let joined = out.transpose(1, 2).reshape(&[batch, time, d_model]);
        branch(&self.c_proj, &joined, residual, 0.0, &mut Mode::Eval)
    }
}

/// Two linear layers around GELU (tanh form, as GPT-2).
///
/// ```
/// # use {rand::SeedableRng, transformer::{Gpt, GptConfig}};
/// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let gpt = Gpt::<f32>::new(GptConfig { layers: 2, d_model: 8, ..GptConfig::new(11) }, &mut rng)?;
/// let mlp = &gpt.h[0].mlp;
/// assert_eq!((mlp.c_fc.output(), mlp.c_proj.input()), (gpt.config().d_ff(), 4 * 8));
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mlp<E: Element = f32> {
    /// `d_model` → `d_ff`.
    pub c_fc: Linear<E>,
    /// `d_ff` → `d_model`.
    pub c_proj: Linear<E>,
    dropout: f64,
}
module!(Mlp<E> { c_fc, c_proj; dropout });

impl<E: Element> Mlp<E> {
    fn new(config: &GptConfig, rng: &mut impl Rng) -> Self {
        Self {
            c_fc: linear(config, config.d_model, config.d_ff(), 1, rng),
            c_proj: linear(config, config.d_ff(), config.d_model, 2 * config.layers, rng),
            dropout: config.dropout,
        }
    }

    /// `residual + mlp(x)`, all `(batch, time, d_model)`.
    fn forward(&self, x: &Var<E>, residual: &Var<E>, mode: &mut Mode<'_>) -> Var<E> {
        let hidden = self.c_fc.forward_act(x, Activation::GeluTanh); // (batch, time, d_ff)
        branch(&self.c_proj, &hidden, residual, self.dropout, mode)
    }
}

/// `residual + dropout(projection(x))`; without dropout the sum is part of the product.
fn branch<E: Element>(
    projection: &Linear<E>,
    x: &Var<E>,
    residual: &Var<E>,
    dropout: f64,
    mode: &mut Mode<'_>,
) -> Var<E> {
    if dropout > 0.0 && mode.is_train() {
        return residual + Dropout::rate(dropout).forward(&projection.forward(x), mode);
    }
    projection.forward_add(x, residual)
}
