//! Parameter updates of the optimisers, one pass over parameter, gradient and state each.
//!
//! Formulas, their order and their defaults are PyTorch's. Every update takes a factor for the gradient,
//! so that clipping costs no pass of its own: `g = gradient_scale · gradient`. All panic if the lengths
//! disagree.

use super::compiled::compiled;
use super::par;
use crate::Element;

/// Cost of one element's update, in additions: these loops wait for memory.
const COST: usize = 2;

/// Stochastic gradient descent (`torch.optim.SGD`).
///
/// `g += weight_decay · p`; with momentum `b = momentum · b + (1 − dampening) · g` and then
/// `g = g + momentum · b` (Nesterov) or `g = b`; `p −= lr · g`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd<E> {
    /// Step size.
    pub lr: E,
    /// Share of the old direction that is kept; 0 for none.
    pub momentum: E,
    /// Share of the gradient that does not enter the direction. PyTorch starts the buffer with the
    /// undamped gradient: pass 0 in the first step, with a zero buffer.
    pub dampening: E,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: E,
    /// Look ahead along the new direction.
    pub nesterov: bool,
    /// Factor of the gradient.
    pub gradient_scale: E,
}

/// Adam (Kingma & Ba 2014) and AdamW (Loshchilov & Hutter 2017), as `torch.optim.Adam` and `AdamW`.
///
/// AdamW first shrinks `p *= 1 − lr · weight_decay`; Adam adds `weight_decay · p` to `g`. Then
/// `m = β₁ m + (1 − β₁) g`, `v = β₂ v + (1 − β₂) g²`,
/// `p −= lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + eps)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam<E> {
    /// Step size.
    pub lr: E,
    /// Decay of the first moment.
    pub beta1: E,
    /// Decay of the second moment.
    pub beta2: E,
    /// Added to the root of the second moment.
    pub eps: E,
    /// Strength of the decay.
    pub weight_decay: E,
    /// Decay the parameter itself (AdamW) rather than through the gradient (Adam).
    pub decoupled: bool,
    /// Number of this step, from 1.
    pub step: u64,
    /// Factor of the gradient.
    pub gradient_scale: E,
}

/// AdaGrad (Duchi, Hazan & Singer 2011), as `torch.optim.Adagrad`: `g += weight_decay · p`, `s += g²`,
/// `p −= lr · g / (√s + eps)`. A learning-rate decay is the caller's: `lr / (1 + (t − 1) · lr_decay)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaGrad<E> {
    /// Step size.
    pub lr: E,
    /// Added to the root of the sum.
    pub eps: E,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: E,
    /// Factor of the gradient.
    pub gradient_scale: E,
}

/// RMSProp (Hinton 2012), as `torch.optim.RMSprop`: `g += weight_decay · p`, `v = α v + (1 − α) g²`,
/// `d = g / (√v + eps)` (`√(v − a²)` with `a = α a + (1 − α) g` if centred);
/// with momentum `b = momentum · b + d`, `p −= lr · b`, without `p −= lr · d`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp<E> {
    /// Step size.
    pub lr: E,
    /// Decay of the second moment.
    pub alpha: E,
    /// Added to the root.
    pub eps: E,
    /// Factor of the parameter added to its gradient.
    pub weight_decay: E,
    /// Share of the old direction that is kept.
    pub momentum: E,
    /// Factor of the gradient.
    pub gradient_scale: E,
}

/// Lion (Chen et al. 2023): `p *= 1 − lr · weight_decay`, `p −= lr · sign(β₁ m + (1 − β₁) g)`,
/// `m = β₂ m + (1 − β₂) g`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion<E> {
    /// Step size.
    pub lr: E,
    /// Weight of the momentum in the direction.
    pub beta1: E,
    /// Decay of the momentum.
    pub beta2: E,
    /// Strength of the decoupled decay.
    pub weight_decay: E,
    /// Factor of the gradient.
    pub gradient_scale: E,
}

/// The scalars of an Adam step, computed once in `f64`.
#[derive(Clone, Copy)]
struct AdamScalars<E> {
    shrink: E,
    coupled: E,
    step_size: E,
    inverse_root: E,
    options: Adam<E>,
}

compiled! {
    fn sgd_plain_part<'a, E>(p: &'a mut [E], g: &'a [E], o: Sgd<E>) {
        for (p, &g) in p.iter_mut().zip(g) {
            let g = p.fma::<FMA>(o.weight_decay, g * o.gradient_scale);
            *p = g.fma::<FMA>(-o.lr, *p);
        }
    }

    fn sgd_momentum_part<'a, E>(p: &'a mut [E], g: &'a [E], b: &'a mut [E], o: Sgd<E>) {
        let fresh = E::ONE - o.dampening;
        // Nesterov: g + momentum · b; otherwise b alone.
        let (own, along) = if o.nesterov { (E::ONE, o.momentum) } else { (E::ZERO, E::ONE) };
        for ((p, &g), b) in p.iter_mut().zip(g).zip(b) {
            let g = p.fma::<FMA>(o.weight_decay, g * o.gradient_scale);
            *b = b.fma::<FMA>(o.momentum, fresh * g);
            *p = b.fma::<FMA>(along, own * g).fma::<FMA>(-o.lr, *p);
        }
    }

    fn adam_part<'a, E>(p: &'a mut [E], g: &'a [E], m: &'a mut [E], v: &'a mut [E], s: AdamScalars<E>) {
        let Adam { beta1, beta2, eps, gradient_scale, .. } = s.options;
        let (fresh1, fresh2) = (E::ONE - beta1, E::ONE - beta2);
        for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            let g = p.fma::<FMA>(s.coupled, g * gradient_scale);
            *m = m.fma::<FMA>(beta1, fresh1 * g);
            *v = v.fma::<FMA>(beta2, fresh2 * g * g);
            let root = v.sqrt().fma::<FMA>(s.inverse_root, eps);
            *p = p.fma::<FMA>(s.shrink, -s.step_size * *m / root);
        }
    }

    fn adagrad_part<'a, E>(p: &'a mut [E], g: &'a [E], sum: &'a mut [E], o: AdaGrad<E>) {
        for ((p, &g), sum) in p.iter_mut().zip(g).zip(sum) {
            let g = p.fma::<FMA>(o.weight_decay, g * o.gradient_scale);
            *sum = g.fma::<FMA>(g, *sum);
            *p -= o.lr * g / (sum.sqrt() + o.eps);
        }
    }

    fn rmsprop_part<'a, E>(
        p: &'a mut [E], g: &'a [E], v: &'a mut [E], mean: Option<&'a mut [E]>, b: Option<&'a mut [E]>, o: RmsProp<E>
    ) {
        let fresh = E::ONE - o.alpha;
        match (mean, b) {
            (None, None) => {
                for ((p, &g), v) in p.iter_mut().zip(g).zip(v) {
                    let g = p.fma::<FMA>(o.weight_decay, g * o.gradient_scale);
                    *v = v.fma::<FMA>(o.alpha, fresh * g * g);
                    *p -= o.lr * g / (v.sqrt() + o.eps);
                }
            }
            (None, Some(b)) => {
                for (((p, &g), v), b) in p.iter_mut().zip(g).zip(v).zip(b) {
                    let g = p.fma::<FMA>(o.weight_decay, g * o.gradient_scale);
                    *v = v.fma::<FMA>(o.alpha, fresh * g * g);
                    *b = b.fma::<FMA>(o.momentum, g / (v.sqrt() + o.eps));
                    *p = b.fma::<FMA>(-o.lr, *p);
                }
            }
            (Some(mean), b) => {
                let mut b = b;
                for i in 0..p.len() {
                    let g = p[i].fma::<FMA>(o.weight_decay, g[i] * o.gradient_scale);
                    v[i] = v[i].fma::<FMA>(o.alpha, fresh * g * g);
                    mean[i] = mean[i].fma::<FMA>(o.alpha, fresh * g);
                    // Rounding may leave the variance just under 0.
                    let variance = (v[i] - mean[i] * mean[i]).maximum(E::ZERO);
                    let direction = g / (variance.sqrt() + o.eps);
                    let direction = match &mut b {
                        Some(b) => {
                            b[i] = b[i].fma::<FMA>(o.momentum, direction);
                            b[i]
                        }
                        None => direction,
                    };
                    p[i] = direction.fma::<FMA>(-o.lr, p[i]);
                }
            }
        }
    }

    fn lion_part<'a, E>(p: &'a mut [E], g: &'a [E], m: &'a mut [E], shrink: E, o: Lion<E>) {
        let (fresh1, fresh2) = (E::ONE - o.beta1, E::ONE - o.beta2);
        for ((p, &g), m) in p.iter_mut().zip(g).zip(m) {
            let g = g * o.gradient_scale;
            let direction = m.fma::<FMA>(o.beta1, fresh1 * g);
            let step = if direction > E::ZERO { o.lr } else { E::ZERO };
            let step = if direction < E::ZERO { -o.lr } else { step };
            // NaN must reach the parameter, where it is noticed.
            let step = if direction.is_nan() { direction } else { step };
            *p = p.fma::<FMA>(shrink, -step);
            *m = m.fma::<FMA>(o.beta2, fresh2 * g);
        }
    }
}

#[track_caller]
fn check(name: &str, p: usize, others: &[usize]) {
    assert!(others.iter().all(|&l| l == p), "{name}: {p} parameters, but gradient and state have {others:?}");
}

impl<E: Element> Sgd<E> {
    /// Updates `p` from `gradient`; `buffer` is the momentum's state, needed unless `momentum` is 0.
    ///
    /// ```
    /// use tensor::kernels::optim::Sgd;
    /// let sgd = Sgd {
    ///     lr: 0.5, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false, gradient_scale: 1.0,
    /// };
    /// let mut p = [1.0f32];
    /// sgd.update(&mut p, &[0.5], None);
    /// assert_eq!(p, [0.75]);
    /// ```
    ///
    /// # Panics
    /// Also if `momentum` is not 0 and there is no buffer.
    pub fn update(&self, p: &mut [E], gradient: &[E], buffer: Option<&mut [E]>) {
        let len = p.len();
        check("sgd", len, &[gradient.len(), buffer.as_ref().map_or(len, |b| b.len())]);
        assert!(buffer.is_some() || self.momentum == E::ZERO, "sgd: momentum without a buffer");
        par::for_each((p, gradient, buffer), len, par::rows_per_chunk(COST), |_, (p, g, b)| match b {
            Some(b) if self.momentum != E::ZERO => sgd_momentum_part(p, g, b, *self),
            _ => sgd_plain_part(p, g, *self),
        });
    }
}

impl<E: Element> Adam<E> {
    /// Updates `p` and the moments `m`, `v` from `gradient`.
    pub fn update(&self, p: &mut [E], gradient: &[E], m: &mut [E], v: &mut [E]) {
        let len = p.len();
        check("adam", len, &[gradient.len(), m.len(), v.len()]);
        let step = self.step.min(i32::MAX as u64) as i32;
        let correction = |beta: E| 1.0 - beta.to_f64().powi(step);
        let (lr, decay) = (self.lr.to_f64(), self.weight_decay.to_f64());
        let scalars = AdamScalars {
            shrink: E::from_f64(if self.decoupled { 1.0 - lr * decay } else { 1.0 }),
            coupled: if self.decoupled { E::ZERO } else { self.weight_decay },
            step_size: E::from_f64(lr / correction(self.beta1)),
            inverse_root: E::from_f64(1.0 / correction(self.beta2).sqrt()),
            options: *self,
        };
        par::for_each((p, gradient, m, v), len, par::rows_per_chunk(COST), |_, (p, g, m, v)| {
            adam_part(p, g, m, v, scalars);
        });
    }
}

impl<E: Element> AdaGrad<E> {
    /// Updates `p` and the sum of squares `sum` from `gradient`.
    pub fn update(&self, p: &mut [E], gradient: &[E], sum: &mut [E]) {
        let len = p.len();
        check("adagrad", len, &[gradient.len(), sum.len()]);
        par::for_each((p, gradient, sum), len, par::rows_per_chunk(COST), |_, (p, g, sum)| {
            adagrad_part(p, g, sum, *self);
        });
    }
}

impl<E: Element> RmsProp<E> {
    /// Updates `p`, the second moment `v`, the first moment `mean` (if given, the centred form) and the
    /// momentum's `buffer` (needed unless `momentum` is 0) from `gradient`.
    ///
    /// # Panics
    /// Also if `momentum` is not 0 and there is no buffer.
    pub fn update(
        &self,
        p: &mut [E],
        gradient: &[E],
        v: &mut [E],
        mean: Option<&mut [E]>,
        buffer: Option<&mut [E]>,
    ) {
        let len = p.len();
        let optional = |s: &Option<&mut [E]>| s.as_ref().map_or(len, |s| s.len());
        check("rmsprop", len, &[gradient.len(), v.len(), optional(&mean), optional(&buffer)]);
        assert!(buffer.is_some() || self.momentum == E::ZERO, "rmsprop: momentum without a buffer");
        let data = (p, gradient, v, mean, buffer);
        par::for_each(data, len, par::rows_per_chunk(COST), |_, (p, g, v, mean, b)| {
            rmsprop_part(p, g, v, mean, b, *self);
        });
    }
}

impl<E: Element> Lion<E> {
    /// Updates `p` and the momentum `m` from `gradient`.
    pub fn update(&self, p: &mut [E], gradient: &[E], m: &mut [E]) {
        let len = p.len();
        check("lion", len, &[gradient.len(), m.len()]);
        let shrink = E::from_f64(1.0 - self.lr.to_f64() * self.weight_decay.to_f64());
        par::for_each((p, gradient, m), len, par::rows_per_chunk(COST), |_, (p, g, m)| {
            lion_part(p, g, m, shrink, *self);
        });
    }
}

#[cfg(test)]
mod tests;
