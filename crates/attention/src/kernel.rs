//! The fused kernel: scores, softmax and weighted sum tile by tile, forward and backward.
//!
//! A tile is a block of queries of one head against the keys they can see. Its scores live in a scratch buffer
//! of `BLOCK × keys` and are gone when the tile is done; backward computes them again (Dao et al. 2022, without
//! the split over keys, since a row of scores fits the cache at the lengths a CPU trains on). So memory grows
//! with `time`, not with its square, and hidden keys beyond a causal tile cost nothing.

use std::ops::Range;

use rayon::prelude::*;
use tensor::kernels::gemm::{MatMut, MatRef, NoEpilogue, Output, gemm_serial};
use tensor::kernels::{random, softmax};
use tensor::{Element, Tensor};

use crate::Mask;

/// Queries per tile: enough rows for the matrix product to be efficient, few enough to skip hidden keys.
const BLOCK: usize = 64;

/// `(batch, heads, time, d_head)` data whose last dimension is contiguous.
struct Heads<'a, E> {
    data: &'a [E],
    batch_stride: usize,
    head_stride: usize,
    time_stride: usize,
    d_head: usize,
}

impl<'a, E: Element> Heads<'a, E> {
    fn new(tensor: &'a Tensor<E>) -> Self {
        let [batch_stride, head_stride, time_stride, _] = *tensor.strides() else {
            unreachable!("shapes were checked")
        };
        Self { data: tensor.strided_data(), batch_stride, head_stride, time_stride, d_head: tensor.dim(-1) }
    }

    /// Rows `times` of one head, `(times, d_head)`.
    fn matrix(&self, batch: usize, head: usize, times: Range<usize>) -> MatRef<'a, E> {
        let start = batch * self.batch_stride + head * self.head_stride + times.start * self.time_stride;
        let rows = times.len();
        let start = if rows == 0 { 0 } else { start };
        MatRef::new(&self.data[start..], rows, self.d_head, self.time_stride, 1)
    }
}

/// Brings a tensor into the form the kernel reads: no copy if its last dimension is contiguous.
pub(crate) fn readable<E: Element>(tensor: &Tensor<E>) -> Tensor<E> {
    if tensor.strides()[3] == 1 || tensor.dim(3) == 1 { tensor.clone() } else { tensor.contiguous() }
}

/// Dropout of attention weights, recomputed from its seed on the way back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightDropout {
    pub(crate) p: f64,
    pub(crate) seed: u64,
}

/// One attention: `softmax(scale · q·kᵀ, masked) · v`.
#[derive(Clone)]
pub(crate) struct Problem<E: Element> {
    /// `(batch, heads, query, d_head)`
    pub(crate) q: Tensor<E>,
    /// `(batch, kv_heads, key, d_head)`; each serves `heads / kv_heads` query heads.
    pub(crate) k: Tensor<E>,
    /// `(batch, kv_heads, key, d_head)`
    pub(crate) v: Tensor<E>,
    pub(crate) mask: Mask,
    pub(crate) scale: f64,
    pub(crate) dropout: Option<WeightDropout>,
}

/// Gradients of one key-value head of one batch item.
struct HeadGradient<E: Element> {
    /// `(group, query, d_head)`
    q: Tensor<E>,
    /// `(key, d_head)`
    k: Tensor<E>,
    /// `(key, d_head)`
    v: Tensor<E>,
}

impl<E: Element> Problem<E> {
    fn heads(&self) -> usize {
        self.q.dim(1)
    }

    fn queries(&self) -> usize {
        self.q.dim(2)
    }

    fn keys(&self) -> usize {
        self.k.dim(2)
    }

    /// Query heads per key-value head.
    fn group(&self) -> usize {
        self.heads() / self.k.dim(1).max(1)
    }

    /// The outputs, stored as `(batch, query, heads, d_head)` so that joining the heads copies nothing.
    pub(crate) fn forward(&self) -> Tensor<E> {
        let (batch, heads, queries, d_head) = (self.q.dim(0), self.heads(), self.queries(), self.q.dim(3));
        let width = heads * d_head;
        Tensor::build(&[batch, queries, heads, d_head], |out| {
            if out.is_empty() {
                return;
            }
            out.par_chunks_mut(queries * width).enumerate().for_each(|(b, out)| {
                out.par_chunks_mut(BLOCK * width).enumerate().for_each(|(block, out)| {
                    let rows = block * BLOCK..(block * BLOCK + BLOCK).min(queries);
                    self.forward_tile(b, rows, out);
                });
            });
        })
    }

    /// Outputs of the queries `rows` in all heads, `out (rows, heads · d_head)`.
    fn forward_tile(&self, b: usize, rows: Range<usize>, out: &mut [E]) {
        let d_head = self.q.dim(3);
        let width = self.heads() * d_head;
        let v = Heads::new(&self.v);
        let mut scratch = self.tile_scratch();
        for head in 0..self.heads() {
            let keys = self.visible(b, &rows);
            let weights = &mut scratch.data_mut()[..rows.len() * keys.len()];
            self.weights(b, head, &rows, &keys, weights);
            self.drop_weights(b, head, &rows, &keys, weights);
            let weights = MatRef::row_major(weights, rows.len(), keys.len());
            let v = v.matrix(b, head / self.group(), keys);
            let out = MatMut::new(&mut out[head * d_head..], rows.len(), d_head, width);
            gemm_serial(weights, v, out, Output::Replace, &NoEpilogue);
        }
    }

    /// Scratch for the weights of one tile; from the buffer pool, so it costs no page faults.
    fn tile_scratch(&self) -> Tensor<E> {
        Tensor::build(&[BLOCK.min(self.queries()) * self.keys()], |_| ())
    }

    /// The keys that some query of `rows` can see. Ends and starts never decrease with the query.
    fn visible(&self, b: usize, rows: &Range<usize>) -> Range<usize> {
        let keys = self.keys();
        let start = self.mask.visible(b, rows.start, keys).start;
        let end = self.mask.visible(b, rows.end - 1, keys).end;
        start.min(end)..end
    }

    /// Attention weights of a tile, `weights (rows, keys)`.
    fn weights(&self, b: usize, head: usize, rows: &Range<usize>, keys: &Range<usize>, weights: &mut [E]) {
        if keys.is_empty() {
            return;
        }
        let q = Heads::new(&self.q).matrix(b, head, rows.clone());
        let k = Heads::new(&self.k).matrix(b, head / self.group(), keys.clone());
        let scores = MatMut::row_major(weights, rows.len(), keys.len());
        gemm_serial(q, k.t(), scores, Output::Replace, &NoEpilogue);
        if self.mask.needs_pairs() {
            for (query, weights) in rows.clone().zip(weights.chunks_exact_mut(keys.len())) {
                let visible = self.mask.visible(b, query, self.keys());
                for (key, weight) in keys.clone().zip(weights) {
                    if !(visible.contains(&key) && self.mask.tables_allow(b, query, key)) {
                        *weight = E::NEG_INFINITY;
                    }
                }
            }
        }
        let end =
            |row: usize| self.mask.visible(b, rows.start + row, self.keys()).end.saturating_sub(keys.start);
        softmax::softmax_limit(weights, keys.len(), E::from_f64(self.scale), end);
    }

    /// Applies dropout to a tile: of weights forward, and of their gradients backward.
    fn drop_weights(
        &self,
        b: usize,
        head: usize,
        rows: &Range<usize>,
        keys: &Range<usize>,
        weights: &mut [E],
    ) {
        let Some(WeightDropout { p, seed }) = self.dropout else { return };
        if keys.is_empty() {
            return;
        }
        for (query, weights) in rows.clone().zip(weights.chunks_exact_mut(keys.len())) {
            let row = (b * self.heads() + head) * self.queries() + query;
            let first = (row * self.keys() + keys.start) as u64;
            random::dropout_at(weights, first, p, seed);
        }
    }

    /// Gradients of `q`, `k`, `v`, given that of the output `dy (batch, heads, query, d_head)`; stored as
    /// `(batch, time, heads, d_head)`, returned as `(batch, heads, time, d_head)`.
    pub(crate) fn backward(&self, dy: &Tensor<E>) -> [Tensor<E>; 3] {
        if self.q.is_empty() || self.k.is_empty() {
            // No query meets a key. Below, items of one side would find none of the other and stay unwritten.
            return [&self.q, &self.k, &self.v].map(|x| Tensor::zeros(x.shape()));
        }
        let d_head = self.q.dim(3);
        let [mut dq, mut dk, mut dv] = [&self.q, &self.k, &self.v].map(|x| {
            let [batch, heads, time, d_head] = *x.shape() else { unreachable!("shapes were checked") };
            Tensor::<E>::build(&[batch, time, heads, d_head], |_| ())
        });
        let (q_width, kv_width) = (self.heads() * d_head, self.k.dim(1) * d_head);
        let (q_item, kv_item) = ((self.queries() * q_width).max(1), (self.keys() * kv_width).max(1));
        let q_items = dq.data_mut().par_chunks_mut(q_item);
        let kv_items = dk.data_mut().par_chunks_mut(kv_item).zip(dv.data_mut().par_chunks_mut(kv_item));
        q_items.zip(kv_items).enumerate().for_each(|(b, (dq, (dk, dv)))| {
            for (kv_head, part) in self.item_gradients(b, dy).into_iter().enumerate() {
                self.place_queries(&part, kv_head, dq, q_width);
                place(part.k.data(), d_head, dk, kv_width, kv_head * d_head);
                place(part.v.data(), d_head, dv, kv_width, kv_head * d_head);
            }
        });
        [dq, dk, dv].map(|gradient| gradient.transpose(1, 2))
    }

    /// The same gradients as one tensor `(batch, time, (heads + 2·kv_heads) · d_head)`: that of the packed
    /// projection the three were sliced from.
    pub(crate) fn backward_packed(&self, dy: &Tensor<E>) -> Tensor<E> {
        let (batch, time, d_head) = (self.q.dim(0), self.queries(), self.q.dim(3));
        let (q_width, kv_width) = (self.heads() * d_head, self.k.dim(1) * d_head);
        let width = q_width + 2 * kv_width;
        Tensor::build(&[batch, time, width], |out| {
            out.par_chunks_mut((time * width).max(1)).enumerate().for_each(|(b, out)| {
                for (kv_head, part) in self.item_gradients(b, dy).into_iter().enumerate() {
                    let at = q_width + kv_head * d_head;
                    self.place_queries(&part, kv_head, out, width);
                    place(part.k.data(), d_head, out, width, at);
                    place(part.v.data(), d_head, out, width, at + kv_width);
                }
            });
        })
    }

    fn place_queries(&self, part: &HeadGradient<E>, kv_head: usize, out: &mut [E], row_stride: usize) {
        let d_head = self.q.dim(3);
        let size = (self.queries() * d_head).max(1);
        for (i, dq) in part.q.data().chunks_exact(size).enumerate() {
            place(dq, d_head, out, row_stride, (kv_head * self.group() + i) * d_head);
        }
    }

    fn item_gradients(&self, b: usize, dy: &Tensor<E>) -> Vec<HeadGradient<E>> {
        (0..self.k.dim(1)).into_par_iter().map(|kv_head| self.head_gradient(b, kv_head, dy)).collect()
    }

    /// With weights `P = softmax(scale · QKᵀ)`: `dV = Pᵀ·dO`, `dP = dO·Vᵀ`,
    /// `dS = scale · P ∘ (dP − rowsum(P ∘ dP))`, `dQ = dS·K`, `dK = dSᵀ·Q`.
    fn head_gradient(&self, b: usize, kv_head: usize, dy: &Tensor<E>) -> HeadGradient<E> {
        let (queries, d_head, group) = (self.queries(), self.q.dim(3), self.group());
        let (q, k, v, dy) = (Heads::new(&self.q), Heads::new(&self.k), Heads::new(&self.v), Heads::new(dy));
        let mut dq = Tensor::<E>::build(&[group, queries, d_head], |_| ());
        let [mut dk, mut dv] = [(); 2].map(|()| Tensor::<E>::zeros(&[self.keys(), d_head]));
        let (mut p, mut dp) = (self.tile_scratch(), self.tile_scratch());
        let mut dropped = self.dropout.map(|_| self.tile_scratch());
        for (i, dq) in dq.data_mut().chunks_exact_mut((queries * d_head).max(1)).enumerate() {
            let head = kv_head * group + i;
            for start in (0..queries).step_by(BLOCK) {
                let rows = start..(start + BLOCK).min(queries);
                let keys = self.visible(b, &rows);
                let size = rows.len() * keys.len();
                let dq = MatMut::row_major(&mut dq[start * d_head..rows.end * d_head], rows.len(), d_head);
                let (p, dp) = (&mut p.data_mut()[..size], &mut dp.data_mut()[..size]);
                let (q, dy) = (q.matrix(b, head, rows.clone()), dy.matrix(b, head, rows.clone()));
                let (k, v) = (k.matrix(b, kv_head, keys.clone()), v.matrix(b, kv_head, keys.clone()));
                let seen = keys.start * d_head..keys.end * d_head;
                self.weights(b, head, &rows, &keys, p);
                let tile = |data| MatMut::row_major(data, rows.len(), keys.len());
                gemm_serial(dy, v.t(), tile(dp), Output::Replace, &NoEpilogue);
                // What multiplied V: the weights after dropout.
                let used: &[E] = match &mut dropped {
                    Some(dropped) => {
                        let dropped = &mut dropped.data_mut()[..size];
                        dropped.copy_from_slice(p);
                        self.drop_weights(b, head, &rows, &keys, dropped);
                        self.drop_weights(b, head, &rows, &keys, dp);
                        dropped
                    }
                    None => p,
                };
                let used = MatRef::row_major(used, rows.len(), keys.len());
                let dv = MatMut::row_major(&mut dv.data_mut()[seen.clone()], keys.len(), d_head);
                gemm_serial(used.t(), dy, dv, Output::Accumulate, &NoEpilogue);
                if !keys.is_empty() {
                    softmax::softmax_backward_in_place(p, dp, keys.len(), E::from_f64(self.scale));
                }
                let ds = MatRef::row_major(dp, rows.len(), keys.len());
                let dk = MatMut::row_major(&mut dk.data_mut()[seen], keys.len(), d_head);
                gemm_serial(ds, k, dq, Output::Replace, &NoEpilogue);
                gemm_serial(ds.t(), q, dk, Output::Accumulate, &NoEpilogue);
            }
        }
        HeadGradient { q: dq, k: dk, v: dv }
    }
}

/// Copies rows of `width` numbers to `out` at column `at`, `stride` apart.
fn place<E: Element>(rows: &[E], width: usize, out: &mut [E], stride: usize, at: usize) {
    for (row, values) in rows.chunks_exact(width.max(1)).enumerate() {
        out[row * stride + at..][..width].copy_from_slice(values);
    }
}
