//! Attention in its three steps, as plain functions: score, normalise, weighted sum.

use autograd::{Case, Var, gradcheck};
use tensor::kernels::{map, math, par, reduce};
use tensor::{Element, Tensor, shape};

use crate::Mask;

/// Step one, dot product (Luong, Pham & Manning 2015): `score = q·k`.
///
/// `q (batch, query, d)`, `k (batch, key, d)` → `(batch, query, key)`.
///
/// # Panics
/// If the shapes do not fit together.
///
/// ```
/// use attention::dot_scores;
/// use tensor::Tensor;
/// let q = Tensor::from_vec(vec![1.0_f32, 2.0], &[1, 1, 2]).into();                 // (batch, query, d)
/// let k = Tensor::from_vec(vec![3.0, 4.0, -2.0, 1.0], &[1, 2, 2]).into();          // (batch, key, d)
/// assert_eq!(dot_scores(&q, &k).value().to_vec(), [11.0, 0.0]);                    // (batch, query, key)
/// ```
#[track_caller]
pub fn dot_scores<E: Element>(q: &Var<E>, k: &Var<E>) -> Var<E> {
    let operands = [("q", "batch query d", q.shape()), ("k", "batch key d", k.shape())];
    shape::agree("dot_scores", &operands);
    q.matmul(&k.t())
}

/// Step one, scaled dot product (Vaswani et al. 2017): `score = q·k / √d`; shapes as of [`dot_scores`].
///
/// # Panics
/// If the shapes do not fit together.
///
/// ```
/// use attention::scaled_dot_scores;
/// use tensor::Tensor;
/// let q = Tensor::<f32>::ones(&[1, 1, 4]).into();                                  // (batch, query, d)
/// let k = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[1, 1, 4]).into();           // (batch, key, d)
/// assert_eq!(scaled_dot_scores(&q, &k).value().to_vec(), [5.0]);                   // 10 / √4
/// ```
#[track_caller]
pub fn scaled_dot_scores<E: Element>(q: &Var<E>, k: &Var<E>) -> Var<E> {
    let scale = 1.0 / (q.dim(-1) as f64).sqrt();
    dot_scores(&(q * E::from_f64(scale)), k)
}

/// Step one, additive (Bahdanau, Cho & Bengio 2015): `score = v·tanh(q + k)`, for queries and keys that have been
/// projected to the same size. One operation: the sums of all pairs are never stored.
///
/// `q (batch, query, d)`, `k (batch, key, d)`, `v (d)` → `(batch, query, key)`.
/// With `t = tanh(q + k)` and `u = dscore·v·(1 − t²)`: `dq = Σ_key u`, `dk = Σ_query u`, `dv = Σ dscore·t`.
///
/// # Panics
/// If the shapes do not fit together.
///
/// ```
/// use attention::{Mask, additive_scores, normalise, weighted_sum};
/// use autograd::Var;
/// use tensor::Tensor;
/// let (q, k) = (Tensor::<f32>::ones(&[2, 1, 4]), Tensor::ones(&[2, 5, 4]));        // (batch, query or key, d)
/// let scores = additive_scores(&q.into(), &k.clone().into(), &Tensor::ones(&[4]).into());
/// let weights = normalise(&scores, &Mask::lengths(&[5, 2]));                       // (batch, query, key)
/// assert_eq!(weights.value().at(&[1, 0, 1]), 0.5);
/// assert_eq!(weighted_sum(&weights, &k.into()).shape(), [2, 1, 4]);                // (batch, query, d)
/// ```
#[track_caller]
pub fn additive_scores<E: Element>(q: &Var<E>, k: &Var<E>, v: &Var<E>) -> Var<E> {
    let operands =
        [("q", "batch query d", q.shape()), ("k", "batch key d", k.shape()), ("v", "d", v.shape())];
    shape::agree("additive_scores", &operands);
    let pairs = Pairs { q: q.value().contiguous(), k: k.value().contiguous(), v: v.value().contiguous() };
    let value = pairs.scores();
    Var::record("additive_scores", [q, k, v], value, move |dy| pairs.gradients(&dy.contiguous()).map(Some))
}

/// Step two: `weights = softmax(scores)` over the keys that the mask allows; 0 for all others, and everywhere for a
/// query that may attend to nothing. `scores (batch, query, key)` → `(batch, query, key)`.
///
/// # Panics
/// If the mask does not fit.
///
/// ```
/// use attention::{Mask, normalise};
/// use tensor::Tensor;
/// let scores = Tensor::from_vec(vec![0.0, 3_f64.ln(), 9.0], &[1, 1, 3]).into();    // (batch, query, key)
/// let weights = normalise(&scores, &Mask::lengths(&[2])).value().to_vec();
/// assert!((weights[0] - 0.25).abs() < 1e-12 && (weights[1] - 0.75).abs() < 1e-12);
/// assert_eq!(weights[2], 0.0);                                                     // padding
/// ```
#[track_caller]
pub fn normalise<E: Element>(scores: &Var<E>, mask: &Mask) -> Var<E> {
    shape::agree("normalise", &[("scores", "batch query key", scores.shape())]);
    let (batch, queries, keys) = (scores.dim(0), scores.dim(1), scores.dim(2));
    mask.check("normalise", batch, queries, keys);
    if mask.allows_all() {
        return scores.softmax(-1);
    }
    let hidden = mask.to_bools(batch, queries, keys).not(); // (batch, query, key)
    scores.masked_fill(&hidden, E::NEG_INFINITY).softmax(-1)
}

/// Step three: `Σ weight·value`. `weights (batch, query, key)`, `values (batch, key, d)` → `(batch, query, d)`.
///
/// # Panics
/// If the shapes do not fit together.
///
/// ```
/// use attention::weighted_sum;
/// use tensor::Tensor;
/// let weights = Tensor::from_vec(vec![0.25_f32, 0.75], &[1, 1, 2]).into();         // (batch, query, key)
/// let values = Tensor::from_vec(vec![4.0, 0.0, 0.0, 8.0], &[1, 2, 2]).into();      // (batch, key, d)
/// assert_eq!(weighted_sum(&weights, &values).value().to_vec(), [1.0, 6.0]);        // (batch, query, d)
/// ```
#[track_caller]
pub fn weighted_sum<E: Element>(weights: &Var<E>, values: &Var<E>) -> Var<E> {
    let operands =
        [("weights", "batch query key", weights.shape()), ("values", "batch key d", values.shape())];
    shape::agree("weighted_sum", &operands);
    weights.matmul(values)
}

/// Operands of [`additive_scores`], contiguous.
struct Pairs<E: Element> {
    q: Tensor<E>,
    k: Tensor<E>,
    v: Tensor<E>,
}

impl<E: Element> Pairs<E> {
    fn sizes(&self) -> (usize, usize, usize, usize) {
        (self.q.dim(0), self.q.dim(1), self.k.dim(1), self.v.len())
    }

    fn scores(&self) -> Tensor<E> {
        let (batch, queries, keys, d) = self.sizes();
        let (q, k, v) = (self.q.data(), self.k.data(), self.v.data());
        Tensor::build(&[batch, queries, keys], |out| {
            if out.is_empty() {
                return;
            }
            let items = par::rows(out, queries * keys);
            par::for_each(items, batch, par::rows_per_chunk(8 * queries * keys * d), |first, out| {
                // Of one query with all keys.
                let mut t = vec![E::ZERO; keys * d];
                for (i, scores) in out.data.chunks_exact_mut(keys).enumerate() {
                    let item = first + i / queries;
                    let query = &q[(first * queries + i) * d..][..d];
                    let sums = t.chunks_exact_mut(d.max(1)).zip(k[item * keys * d..].chunks_exact(d.max(1)));
                    sums.for_each(|(t, key)| map::binary(query, key, t, |q: E, k: E| q + k));
                    math::tanh_in_place(&mut t);
                    for (key, score) in scores.iter_mut().enumerate() {
                        *score = reduce::dot(&t[key * d..][..d], v);
                    }
                }
            });
        })
    }

    /// `dq, dk, dv`. Items are independent but for `dv`, whose parts are added in their order.
    fn gradients(&self, dy: &Tensor<E>) -> [Tensor<E>; 3] {
        let (batch, queries, keys, d) = self.sizes();
        let (q, k, v) = (self.q.data(), self.k.data(), self.v.data());
        let (mut dq, mut dk) = (Tensor::zeros(self.q.shape()), Tensor::zeros(self.k.shape()));
        let data = (
            par::rows(dq.data_mut(), queries * d),
            par::rows(dk.data_mut(), keys * d),
            par::rows(dy.data(), queries * keys),
        );
        let chunk = par::rows_per_chunk(16 * queries * keys * d);
        let dv = par::fold(
            data,
            batch,
            chunk,
            |first, (dq, dk, dy)| {
                let (mut t, mut dv) = (vec![E::ZERO; d], vec![E::ZERO; d]);
                for (i, &dscore) in dy.data.iter().enumerate() {
                    let (item, pair) = (i / (queries * keys), i % (queries * keys));
                    let (query, key) = (pair / keys, pair % keys);
                    let k_row = &k[((first + item) * keys + key) * d..][..d];
                    let q_row = &q[((first + item) * queries + query) * d..][..d];
                    map::binary(q_row, k_row, &mut t, |q: E, k: E| q + k);
                    math::tanh_in_place(&mut t);
                    map::axpy(dscore, &t, &mut dv);
                    map::binary_in_place(&mut t, v, move |t: E, v: E| dscore * v * (E::ONE - t * t));
                    map::add_assign(&mut dq.data[(item * queries + query) * d..][..d], &t);
                    map::add_assign(&mut dk.data[(item * keys + key) * d..][..d], &t);
                }
                dv
            },
            |mut a, b| {
                map::add_assign(&mut a, &b);
                a
            },
        );
        let dv = dv.map_or_else(|| Tensor::zeros(&[d]), |dv| Tensor::from_slice(&dv, &[d]));
        [dq, dk, dv]
    }
}

pub(crate) const CASES: &[Case] = &[
    Case::new("dot_scores and scaled_dot_scores", |draw| {
        let [batch, queries, keys, d] = draw.dims();
        let (q, k) = (draw.normal(&[batch, queries, d]), draw.normal(&[batch, keys, d]));
        gradcheck(|v| dot_scores(&v[0], &v[1]) + scaled_dot_scores(&v[0], &v[1]).tanh(), &[q, k])
    }),
    Case::new("additive_scores", |draw| {
        let [batch, queries, keys, d] = draw.dims();
        let (q, k) = (draw.normal(&[batch, queries, d]), draw.normal(&[batch, keys, d]));
        let v = draw.normal(&[d]);
        gradcheck(|v| additive_scores(&v[0], &v[1], &v[2]), &[q, k, v])
    }),
    Case::new("normalise and weighted_sum", |draw| {
        let [batch, queries, keys, d] = draw.dims();
        let (scores, values) = (draw.normal(&[batch, queries, keys]), draw.normal(&[batch, keys, d]));
        let lengths: Vec<usize> = (0..batch).map(|_| draw.below(keys + 1)).collect();
        let mask = if draw.flip() { Mask::lengths(&lengths) } else { Mask::none() };
        gradcheck(|v| weighted_sum(&normalise(&v[0], &mask), &v[1]), &[scores, values])
    }),
];

#[cfg(test)]
mod tests {
    use super::*;
    use autograd::Gen;

    #[test]
    fn the_fused_scores_are_the_plain_ones() {
        let draw = &mut Gen::new(1);
        let [q, k] = [3, 40].map(|time| Var::constant(draw.normal(&[30, time, 20]).cast::<f32>()));
        let v = Var::constant(draw.normal(&[20]).cast::<f32>());
        let sums = (q.unsqueeze(2) + k.unsqueeze(1)).tanh(); // (batch, query, key, d)
        let plain = sums.matvec(&v);
        assert!(plain.value().max_abs_diff(additive_scores(&q, &k, &v).value()) < 1e-5);
    }

    #[test]
    fn a_query_without_keys_gives_zeros() {
        let scores = Var::leaf(Tensor::<f64>::ones(&[2, 1, 3]));
        let weights = normalise(&scores, &Mask::lengths(&[0, 3]));
        assert_eq!(weights.value().select(0, 0), Tensor::zeros(&[1, 3]));
        assert!(
            weights.square().sum().backward().unwrap().get(&scores).unwrap().first_non_finite().is_none()
        );
    }
}
