//! Losses between predictions and targets; that of class ids has its own file.
//!
//! Predictions and targets must have one shape: `(batch, 1)` against `(batch)` would broadcast to every pair,
//! silently, and train on nonsense.

use tensor::{Bools, Element, Ids, Tensor, shape};

use crate::{Case, CrossEntropy, Gen, GradcheckError, GradcheckReport, Reduction, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("mse", |draw| check(draw, |x, t, reduction| x.mse(t, reduction))),
    Case::new("mae", |draw| check(draw, |x, t, reduction| x.mae(t, reduction))),
    Case::new("huber", |draw| check(draw, |x, t, reduction| x.huber(t, 0.7, reduction))),
    Case::new("smooth_l1", |draw| check(draw, |x, t, reduction| x.smooth_l1(t, 0.7, reduction))),
    Case::new("hinge", |draw| {
        let [batch] = draw.dims();
        let (x, signs) = (draw.normal(&[batch, 3]), Var::constant(signs(draw, &[batch, 3])));
        gradcheck(|v| v[0].hinge(&signs, 1.0, Reduction::None), &[x])
    }),
    Case::new("bce_with_logits", |draw| {
        let [batch, classes] = draw.dims();
        let (x, targets) = (draw.normal(&[batch, classes]), draw.uniform(&[batch, classes], 0.0, 1.0));
        let weight = draw.flip().then(|| draw.uniform(&[classes], 0.5, 3.0));
        let reduction = reduction(draw);
        gradcheck(|v| v[0].bce_with_logits(&v[1], weight.as_ref(), reduction), &[x, targets])
    }),
    Case::new("kl_div", |draw| {
        let [batch, classes] = draw.dims();
        let (x, p) = (draw.normal(&[batch, classes]), draw.uniform(&[batch, classes], 0.1, 1.0));
        let reduction = reduction(draw);
        gradcheck(|v| v[0].log_softmax(-1).kl_div(&v[1], reduction), &[x, p])
    }),
    Case::new("nll", |draw| {
        let [batch, time, vocab] = draw.dims();
        let (x, targets) = (draw.normal(&[batch, time, vocab]), draw.ids(&[batch, time], vocab));
        let weights = draw.flip().then(|| draw.uniform(&[vocab], 0.5, 2.0));
        let ignored = Some(targets.data()[0]).filter(|id| targets.data().iter().any(|t| t != id));
        let reduction = reduction(draw);
        gradcheck(|v| v[0].log_softmax(-1).nll(&targets, ignored, weights.as_ref(), reduction), &[x])
    }),
    Case::new("cosine_similarity", |draw| {
        let dims = draw.dims::<2>();
        let axis = draw.below(2) as isize;
        let inputs = [draw.normal(&dims), draw.normal(&dims)];
        gradcheck(|v| v[0].cosine_similarity(&v[1], axis, 1e-8), &inputs)
    }),
    Case::new("cosine_embedding", |draw| {
        let [batch] = draw.dims();
        let inputs = [draw.normal(&[batch, 5]), draw.normal(&[batch, 5])];
        let alike = Bools::new((0..batch).map(|_| draw.flip()).collect(), &[batch]);
        // A margin below every cosine: the gradient of a pair inside the margin is 0, which proves little.
        gradcheck(|v| v[0].cosine_embedding(&v[1], &alike, -1.0, Reduction::Mean), &inputs)
    }),
    Case::new("triplet_margin", |draw| {
        let [batch] = draw.dims();
        let inputs = [draw.normal(&[batch, 5]), draw.normal(&[batch, 5]), draw.normal(&[batch, 5])];
        gradcheck(|v| v[0].triplet_margin(&v[1], &v[2], 4.0, Reduction::Mean), &inputs)
    }),
    Case::new("info_nce", |draw| {
        let [batch] = draw.dims();
        let inputs = [draw.normal(&[1 + batch, 5]), draw.normal(&[1 + batch, 5])];
        gradcheck(|v| v[0].info_nce(&v[1], 0.5), &inputs)
    }),
];

fn reduction(draw: &mut Gen) -> Reduction {
    [Reduction::Mean, Reduction::Sum, Reduction::None][draw.below(3)]
}

fn signs(draw: &mut Gen, shape: &[usize]) -> Tensor<f64> {
    Tensor::build(shape, |out| out.iter_mut().for_each(|o| *o = if draw.flip() { 1.0 } else { -1.0 }))
}

fn check(
    draw: &mut Gen,
    f: impl Fn(&Var<f64>, &Var<f64>, Reduction) -> Var<f64>,
) -> Result<GradcheckReport, GradcheckError> {
    let dims = draw.dims::<2>();
    let (x, targets, reduction) = (draw.normal(&dims), draw.normal(&dims), reduction(draw));
    gradcheck(|v| f(&v[0], &v[1], reduction), &[x, targets])
}

#[track_caller]
fn same_shape(op: &str, x: &[usize], target: &[usize]) {
    if x != target {
        shape::fail(op, &[("prediction", "", x), ("target", "", target)], "shapes differ");
    }
}

impl<E: Element> Var<E> {
    /// Losses `(..)` as one: their mean or sum, shape `()`, or themselves.
    pub fn reduced(self, reduction: Reduction) -> Self {
        match reduction {
            Reduction::Mean => self.mean(),
            Reduction::Sum => self.sum(),
            Reduction::None => self,
        }
    }

    /// `loss = f(x − target)` with `dx = slope(x − target)·dy`, `dtarget = −dx`.
    fn of_difference(
        &self,
        op: &'static str,
        target: &Self,
        f: impl Fn(E) -> E + Sync + Copy,
        slope: impl Fn(E) -> E + Send + Sync + Copy + 'static,
    ) -> Self {
        let difference = self.value() - target.value();
        let value = difference.map(f);
        let (need_x, need_target) = (self.needs_grad(), target.needs_grad());
        Self::record(op, [self, target], value, move |dy| {
            let dx = difference.zip(dy, move |d, dy| slope(d) * dy);
            let dtarget = need_target.then(|| -&dx);
            [need_x.then_some(dx), dtarget]
        })
    }

    /// Squared error: `(x − target)²`; its gradient is `2(x − target)`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn mse(&self, target: &Self, reduction: Reduction) -> Self {
        same_shape("mse", self.shape(), target.shape());
        self.of_difference("mse", target, |d| d * d, |d| d + d).reduced(reduction)
    }

    /// Absolute error: `|x − target|`; its gradient is `sign(x − target)`, 0 at 0.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn mae(&self, target: &Self, reduction: Reduction) -> Self {
        same_shape("mae", self.shape(), target.shape());
        let sign = |d: E| if d == E::ZERO { E::ZERO } else { d / d.abs() };
        self.of_difference("mae", target, E::abs, sign).reduced(reduction)
    }

    /// Huber loss (Huber 1964): with `d = x − target`, `d²/2` where `|d| ≤ delta`, else `delta·(|d| − delta/2)`;
    /// its gradient is `d` limited to `[−delta, delta]`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn huber(&self, target: &Self, delta: f64, reduction: Reduction) -> Self {
        same_shape("huber", self.shape(), target.shape());
        let (delta, half) = (E::from_f64(delta), E::from_f64(0.5));
        let value = move |d: E| {
            let size = d.abs();
            if size <= delta { half * d * d } else { delta * (size - half * delta) }
        };
        self.of_difference("huber", target, value, move |d| d.maximum(-delta).minimum(delta))
            .reduced(reduction)
    }

    /// [`huber`](Self::huber) with `delta = beta`, divided by `beta` (Girshick 2015): slope 1 far away.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn smooth_l1(&self, target: &Self, beta: f64, reduction: Reduction) -> Self {
        self.huber(target, beta, reduction) / E::from_f64(beta)
    }

    /// Hinge loss: `max(0, margin − sign·x)` for targets `sign` of 1 or −1; its gradient is `−sign` inside the
    /// margin, else 0.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn hinge(&self, sign: &Self, margin: f64, reduction: Reduction) -> Self {
        same_shape("hinge", self.shape(), sign.shape());
        (-(self * sign) + E::from_f64(margin)).relu().reduced(reduction)
    }

    /// Binary cross-entropy of logits `x` against probabilities `t`, without overflow:
    /// `−w·t·ln sigmoid(x) − (1 − t)·ln(1 − sigmoid(x))`, `w` being `pos_weight`, which broadcasts, or 1. With
    /// `v = 1 + (w − 1)·t`, its gradient is `(1 − t) − v·sigmoid(−x)`.
    ///
    /// # Panics
    /// If the shapes differ or `pos_weight` does not broadcast to them.
    ///
    /// ```
    /// use autograd::{Reduction, Var};
    /// use tensor::Tensor;
    /// let logits = Var::leaf(Tensor::from_vec(vec![0.0_f32, 200.0], &[2]));
    /// let targets = Var::constant(Tensor::from_vec(vec![1.0, 0.0], &[2]));
    /// let losses = logits.bce_with_logits(&targets, None, Reduction::None).value().to_vec();
    /// assert!((losses[0] - 2.0_f32.ln()).abs() < 1e-6 && losses[1] == 200.0);
    /// ```
    #[track_caller]
    pub fn bce_with_logits(
        &self,
        target: &Self,
        pos_weight: Option<&Tensor<E>>,
        reduction: Reduction,
    ) -> Self {
        same_shape("bce_with_logits", self.shape(), target.shape());
        let (x, t) = (self.value().clone(), target.value().clone());
        let extra = pos_weight.map(|w| (w - E::ONE).broadcast_to(self.shape()));
        let weighted = move |extra: &Option<Tensor<E>>, t: &Tensor<E>| match extra {
            Some(extra) => &(extra * t) + E::ONE,
            None => Tensor::scalar(E::ONE).broadcast_to(t.shape()),
        };
        // softplus(−x) = −ln sigmoid(x)
        let surprise = (-&x).softplus();
        let value = &(&x - &(&x * &t)) + &(&weighted(&extra, &t) * &surprise);
        let (need_x, need_target) = (self.needs_grad(), target.needs_grad());
        let losses = Self::record("bce_with_logits", [self, target], value, move |dy| {
            let dx = need_x.then(|| {
                let pull = &weighted(&extra, &t) * &(-&x).sigmoid();
                &t.zip(&pull, |t, pull| (E::ONE - t) - pull) * dy
            });
            let dt = need_target.then(|| match &extra {
                Some(extra) => &(&(extra * &surprise) - &x) * dy,
                None => &(-&x) * dy,
            });
            [dx, dt]
        });
        losses.reduced(reduction)
    }

    /// Kullback–Leibler divergence of log-probabilities `x` from probabilities `p`: `p·(ln p − x)`, 0 where
    /// `p = 0`. Gradients: `−p` and `ln p + 1 − x`. Its mean over all elements is no divergence; that of a batch
    /// is the sum divided by the batch.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn kl_div(&self, p: &Self, reduction: Reduction) -> Self {
        same_shape("kl_div", self.shape(), p.shape());
        let (x, p_value) = (self.value().clone(), p.value().clone());
        let value = p_value.zip(&x, |p, x| if p == E::ZERO { E::ZERO } else { p * (p.ln() - x) });
        let (need_x, need_p) = (self.needs_grad(), p.needs_grad());
        let losses = Self::record("kl_div", [self, p], value, move |dy| {
            let dx = need_x.then(|| p_value.zip(dy, |p, dy| -p * dy));
            let dp = need_p.then(|| &p_value.zip(&x, |p, x| p.ln() + E::ONE - x) * dy);
            [dx, dp]
        });
        losses.reduced(reduction)
    }

    /// Negative log-likelihood of class ids under log-probabilities: `−w_t·x_t` for `x (.., vocab)`,
    /// `targets (..)`; rows whose target is `ignore_index` count for nothing. The mean divides by the sum of the
    /// weights `w` of the targets that count. Of logits, [`cross_entropy`](Self::cross_entropy) is the same in one
    /// step.
    ///
    /// # Panics
    /// If the shapes disagree, or a target that is not ignored is `vocab` or more.
    #[track_caller]
    pub fn nll(
        &self,
        targets: &Ids,
        ignore_index: Option<u32>,
        class_weights: Option<&Tensor<E>>,
        reduction: Reduction,
    ) -> Self {
        let mut operands = vec![("log_probabilities", ".. vocab", self.shape())];
        operands.extend(class_weights.map(|w| ("class_weights", "vocab", w.shape())));
        shape::agree("nll", &operands);
        let vocab = self.dim(-1);
        let counts =
            Bools::new(targets.data().iter().map(|id| Some(*id) != ignore_index).collect(), targets.shape());
        let ids = targets.data().iter().zip(counts.data()).map(|(id, counts)| if *counts { *id } else { 0 });
        let ids = Ids::new(ids.collect(), targets.shape());
        if let Err(error) = ids.check_below(vocab, "target") {
            panic!("nll: {error}");
        }
        let weight_of = |id: u32| class_weights.map_or(E::ONE, |w| w.at(&[id as usize]));
        let weights = ids.data().iter().zip(counts.data());
        let weights = weights.map(|(id, counts)| if *counts { weight_of(*id) } else { E::ZERO }).collect();
        let weights = Tensor::from_vec(weights, targets.shape());
        let total = weights.sum().item();
        let picked = self.gather(-1, &ids.reshape(&[targets.shape(), &[1]].concat())).squeeze(-1); // (..)
        let losses = -(picked * Self::constant(weights));
        match reduction {
            Reduction::Mean => losses.sum() / total,
            other => losses.reduced(other),
        }
    }

    /// `Σ x·y/(max(‖x‖, eps)·max(‖y‖, eps))` along `axis`, which disappears.
    ///
    /// # Panics
    /// If the shapes differ or there is no such axis.
    #[track_caller]
    pub fn cosine_similarity(&self, other: &Self, axis: isize, eps: f64) -> Self {
        same_shape("cosine_similarity", self.shape(), other.shape());
        let norm = |x: &Self| x.norm_axis(axis, false).clamp(E::from_f64(eps), E::INFINITY);
        (self * other).sum_axis(axis, false) / (norm(self) * norm(other))
    }

    /// For pairs of vectors `(batch, d_model)`: `1 − cos` where they are `alike (batch)`, `max(0, cos − margin)`
    /// where they are not.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn cosine_embedding(&self, other: &Self, alike: &Bools, margin: f64, reduction: Reduction) -> Self {
        let operands = [("x", "batch d_model", self.shape()), ("alike", "batch", alike.shape())];
        shape::agree("cosine_embedding", &operands);
        let cosine = self.cosine_similarity(other, -1, 1e-8); // (batch)
        let apart = (&cosine - E::from_f64(margin)).relu();
        Self::select_where(alike, &(-cosine + E::ONE), &apart).reduced(reduction)
    }

    /// Triplet loss (Schroff, Kalenichenko & Philbin 2015) of vectors `(.., d_model)`, `self` being the anchor:
    /// `max(0, ‖x − positive‖ − ‖x − negative‖ + margin)`. As PyTorch does, 1e-6 is added to each difference, so
    /// that equal vectors have a gradient.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn triplet_margin(
        &self,
        positive: &Self,
        negative: &Self,
        margin: f64,
        reduction: Reduction,
    ) -> Self {
        same_shape("triplet_margin", self.shape(), positive.shape());
        same_shape("triplet_margin", self.shape(), negative.shape());
        let distance = |other: &Self| (self - other + E::from_f64(1e-6)).norm_axis(-1, false); // (..)
        (distance(positive) - distance(negative) + E::from_f64(margin)).relu().reduced(reduction)
    }

    /// InfoNCE (van den Oord, Li & Vinyals 2018) with the other keys of the batch as negatives: cross-entropy of
    /// `cos(queryᵢ, keyⱼ)/temperature` over `j` with target `i`, the mean. `self` and `keys (batch, d_model)`.
    ///
    /// # Panics
    /// If the shapes differ or are not of two dimensions.
    #[track_caller]
    pub fn info_nce(&self, keys: &Self, temperature: f64) -> Self {
        let operands = [("queries", "batch d_model", self.shape()), ("keys", "batch d_model", keys.shape())];
        shape::agree("info_nce", &operands);
        let unit = |x: &Self| x / x.norm_axis(-1, true).clamp(E::from_f64(1e-12), E::INFINITY);
        let logits = unit(self).matmul(&unit(keys).t()) * E::from_f64(1.0 / temperature); // (batch, batch)
        let targets = Ids::new((0..self.dim(0) as u32).collect(), &[self.dim(0)]);
        logits.cross_entropy(&targets, &CrossEntropy::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn var(values: &[f64]) -> Var<f64> {
        Var::leaf(Tensor::from_slice(values, &[values.len()]))
    }

    fn check_values(loss: &Var<f64>, expected: &[f64]) {
        let found = loss.value().to_vec();
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close && found.len() == expected.len(), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn known_values() {
        let (x, t, none) = (var(&[0.5, -2.0, 3.0]), var(&[1.0, 0.0, 0.0]), Reduction::None);
        check_values(&x.mse(&t, none), &[0.25, 4.0, 9.0]);
        check_values(&x.mse(&t, Reduction::Mean), &[13.25 / 3.0]);
        check_values(&x.mae(&t, Reduction::Sum), &[5.5]);
        check_values(&x.huber(&t, 1.0, none), &[0.125, 1.5, 2.5]);
        check_values(&x.smooth_l1(&t, 2.0, none), &[0.0625, 1.0, 2.0]);
        check_values(&x.hinge(&var(&[1.0, 1.0, -1.0]), 1.0, none), &[0.5, 3.0, 4.0]);
        let softplus = |x: f64| x.exp().ln_1p();
        check_values(&x.bce_with_logits(&t, None, none), &[softplus(-0.5), softplus(-2.0), softplus(3.0)]);
        let doubled = x.bce_with_logits(&t, Some(&Tensor::full(&[3], 2.0)), none);
        check_values(&doubled, &[2.0 * softplus(-0.5), softplus(-2.0), softplus(3.0)]);
        let (log_q, p) = (var(&[0.5_f64.ln(), 0.5_f64.ln()]), var(&[1.0, 0.0]));
        check_values(&log_q.kl_div(&p, Reduction::Sum), &[2.0_f64.ln()]);
        check_values(&var(&[3.0, 4.0]).cosine_similarity(&var(&[4.0, 3.0]), 0, 1e-8), &[24.0 / 25.0]);
        check_values(&var(&[0.0, 0.0]).cosine_similarity(&var(&[4.0, 3.0]), 0, 1e-8), &[0.0]);
        // 1e-6 is added to both differences: to −1 and to 2.
        check_values(&var(&[0.0]).triplet_margin(&var(&[1.0]), &var(&[-2.0]), 1.5, none), &[0.5 - 2e-6]);
    }

    #[test]
    fn likelihood_of_log_softmax_is_cross_entropy() {
        let draw = &mut Gen::new(2);
        let (logits, targets) = (Var::leaf(draw.normal(&[6, 4])), draw.ids(&[6], 4));
        let (ignored, weights) = (Some(targets.data()[0]), draw.uniform(&[4], 0.5, 2.0));
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
            let options = CrossEntropy {
                ignore_index: ignored,
                class_weights: Some(weights.clone()),
                reduction,
                ..CrossEntropy::default()
            };
            let fused = logits.cross_entropy(&targets, &options);
            let steps = logits.log_softmax(-1).nll(&targets, ignored, Some(&weights), reduction);
            assert!(fused.value().all_close(steps.value(), 1e-12, 1e-12), "{fused:?} {steps:?}");
        }
    }

    #[test]
    #[should_panic(expected = "mse: prediction (3, 1), target (3): shapes differ")]
    fn targets_do_not_broadcast() {
        let x = Var::constant(Tensor::<f32>::zeros(&[3, 1]));
        let _ = x.mse(&Var::constant(Tensor::zeros(&[3])), Reduction::Mean);
    }
}
