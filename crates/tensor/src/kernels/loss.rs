//! Cross-entropy over rows of logits, fused with log-softmax, with its gradient.

use std::fmt;

use super::compiled::compiled;
use super::par::{self, Rows, rows};
use super::reduce::{self, Fold, Sum, WIDE, dot_lanes, join_lanes};
use super::softmax::max_and_log_sum;
use crate::Element;

/// Cost of one element, in additions.
const COST: usize = 4;

/// A target that is no index into the classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetOutOfRange {
    /// Row of the target.
    pub row: usize,
    /// The target found there.
    pub target: u32,
    /// Number of classes: targets must be below it.
    pub classes: usize,
}

impl fmt::Display for TargetOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, target, classes } = self;
        write!(f, "cross-entropy target of row {row} is {target}, expected an id below {classes}")
    }
}

impl std::error::Error for TargetOutOfRange {}

/// Sums over the rows that are not ignored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals<E> {
    /// `Σ loss`
    pub loss: E,
    /// `Σ class_weights[target]`, the number of rows without class weights: what a mean divides by.
    pub weight: E,
}

/// Cross-entropy of logits against class ids, as PyTorch defines it.
///
/// For a row `x (vocab)` with target `t`, `p = softmax(x)`, smoothing `ε`, class weights `w` (1 if absent)
/// and `z = logsumexp(x)`:
///
/// `loss = −(1 − ε) w_t ln p_t − ε/vocab Σ_c w_c ln p_c + z_loss · z²`
///
/// Rows whose target is `ignore_index` have loss 0 and gradient 0.
///
/// ```
/// use tensor::kernels::loss::CrossEntropy;
/// let logits = [0.0f32, 0.0, 2.0, 2.0]; // (rows, vocab) = (2, 2)
/// let (mut loss, mut lse) = ([0.0; 2], [0.0; 2]);
/// let totals = CrossEntropy::new().forward(&logits, 2, &[0, 1], &mut loss, &mut lse)?;
/// assert!((totals.loss / totals.weight - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), tensor::kernels::loss::TargetOutOfRange>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropy<'a, E> {
    /// Target id of rows that do not count.
    pub ignore_index: Option<u32>,
    /// Share ε of the target that is spread over all classes, in `[0, 1]`.
    pub label_smoothing: E,
    /// Weight of each class, `(vocab)`.
    pub class_weights: Option<&'a [E]>,
    /// Factor of `logsumexp²`, which keeps logits near normalisation (Chowdhery et al. 2022, PaLM).
    pub z_loss: E,
}

impl<E: Element> Default for CrossEntropy<'_, E> {
    fn default() -> Self {
        Self::new()
    }
}

/// The gradient's share of one row.
#[derive(Clone, Copy)]
struct RowGradient<E> {
    /// Factor of every `p_c`.
    softmax: E,
    /// Subtracted at the target.
    target: E,
    /// Subtracted everywhere, times the class weight.
    smooth: E,
}

compiled! {
    /// `Σ (lse − x_c) w_c`: the smoothing term of one row.
    fn weighted_surprise<'a, E>(x: &'a [E], lse: E, weights: Option<&'a [E]>) -> E {
        match weights {
            Some(w) => lse * Sum::slice::<FMA, E>(w) - dot_lanes::<FMA, E>(x, w),
            None => {
                // Σ (lse − x), each difference first: far-off logits do not cancel.
                let mut lanes = [E::ZERO; WIDE];
                for block in x.chunks(WIDE) {
                    for (lane, &x) in lanes.iter_mut().zip(block) {
                        *lane += lse - x;
                    }
                }
                join_lanes::<Sum, E, WIDE>(lanes)
            }
        }
    }

    fn row_max_and_log_sum<'a, E>(x: &'a [E]) -> (E, E) {
        max_and_log_sum::<FMA, E>(x)
    }

    fn gradient_row<'a, E>(x: &'a mut [E], lse: E, g: RowGradient<E>, weights: Option<&'a [E]>) {
        match weights {
            None => {
                for x in x {
                    *x = (*x - lse).vexp_nonpositive::<FMA>().fma::<FMA>(g.softmax, -g.smooth);
                }
            }
            Some(w) => {
                for (x, &w) in x.iter_mut().zip(w) {
                    *x = (*x - lse).vexp_nonpositive::<FMA>().fma::<FMA>(g.softmax, -g.smooth * w);
                }
            }
        }
    }
}

impl<'a, E: Element> CrossEntropy<'a, E> {
    /// Plain cross-entropy: nothing ignored, no smoothing, no weights, no z-loss.
    pub fn new() -> Self {
        Self { ignore_index: None, label_smoothing: E::ZERO, class_weights: None, z_loss: E::ZERO }
    }

    /// Loss of every row and its log-sum-exp, which the gradient needs; returns the totals.
    ///
    /// `logits (rows, vocab)`, `targets, loss, lse (rows)`.
    ///
    /// # Errors
    /// If a target that is not ignored is `vocab` or more.
    ///
    /// # Panics
    /// If the lengths disagree.
    pub fn forward(
        &self,
        logits: &[E],
        vocab: usize,
        targets: &[u32],
        loss: &mut [E],
        lse: &mut [E],
    ) -> Result<Totals<E>, TargetOutOfRange> {
        self.check(logits.len(), vocab, targets, &[loss.len(), lse.len()])?;
        let chunk = par::rows_per_chunk(vocab * COST);
        type Part<'p, E> = (Rows<&'p [E]>, &'p [u32], &'p mut [E], &'p mut [E]);
        let part = |_, (logits, targets, loss, lse): Part<'_, E>| {
            let mut weight = E::ZERO;
            for (r, &target) in targets.iter().enumerate() {
                let row = &logits.data[r * vocab..(r + 1) * vocab];
                (loss[r], lse[r]) = self.row(row, target);
                weight += self.weight(target);
            }
            weight
        };
        let data = (rows(logits, vocab), targets, &mut *loss, lse);
        let weight = par::fold(data, targets.len(), chunk, part, |a, b| a + b);
        Ok(Totals { loss: reduce::sum(loss), weight: weight.unwrap_or(E::ZERO) })
    }

    /// Gradient of `Σ_r scale · row_scale[r] · loss[r]` in place of the logits.
    ///
    /// `logits (rows, vocab)` as given to [`forward`](Self::forward), `targets, lse, row_scale (rows)`
    /// (`row_scale` is 1 if absent). For a mean, `scale` is the incoming gradient over
    /// [`Totals::weight`]. Errors and panics as in `forward`.
    pub fn backward_in_place(
        &self,
        logits: &mut [E],
        vocab: usize,
        targets: &[u32],
        lse: &[E],
        scale: E,
        row_scale: Option<&[E]>,
    ) -> Result<(), TargetOutOfRange> {
        self.check(logits.len(), vocab, targets, &[lse.len(), row_scale.map_or(lse.len(), <[E]>::len)])?;
        let total = self.total_weight(vocab);
        let data = (rows(logits, vocab), targets, lse, row_scale);
        let chunk = par::rows_per_chunk(vocab * COST);
        par::for_each(data, targets.len(), chunk, |_, (logits, targets, lse, row_scale)| {
            for (r, row) in logits.data.chunks_exact_mut(vocab).enumerate() {
                let scale = row_scale.map_or(scale, |s| scale * s[r]);
                self.gradient(row, targets[r], lse[r], scale, total);
            }
        });
        Ok(())
    }

    /// [`backward_in_place`](Self::backward_in_place) into a buffer of its own, `dlogits (rows, vocab)`.
    ///
    /// # Errors
    /// If a target that is not ignored is `vocab` or more; nothing is written then.
    pub fn backward(
        &self,
        logits: &[E],
        vocab: usize,
        targets: &[u32],
        lse: &[E],
        scale: E,
        row_scale: Option<&[E]>,
        dlogits: &mut [E],
    ) -> Result<(), TargetOutOfRange> {
        assert_eq!(logits.len(), dlogits.len(), "cross_entropy: lengths differ");
        self.check(logits.len(), vocab, targets, &[lse.len(), row_scale.map_or(lse.len(), <[E]>::len)])?;
        let total = self.total_weight(vocab);
        let data = (rows(logits, vocab), targets, lse, row_scale, rows(dlogits, vocab));
        let chunk = par::rows_per_chunk(vocab * COST);
        par::for_each(data, targets.len(), chunk, |_, (logits, targets, lse, row_scale, dlogits)| {
            let lines = dlogits.data.chunks_exact_mut(vocab).zip(logits.data.chunks_exact(vocab));
            for (r, (row, logits)) in lines.enumerate() {
                row.copy_from_slice(logits);
                let scale = row_scale.map_or(scale, |s| scale * s[r]);
                self.gradient(row, targets[r], lse[r], scale, total);
            }
        });
        Ok(())
    }

    /// Weight of a row with this target; 0 if ignored.
    fn weight(&self, target: u32) -> E {
        if self.ignore_index == Some(target) {
            return E::ZERO;
        }
        self.class_weights.map_or(E::ONE, |w| w[target as usize])
    }

    /// `Σ w_c`, which only smoothing needs.
    fn total_weight(&self, vocab: usize) -> E {
        self.class_weights.map_or_else(|| E::from_usize(vocab), reduce::sum)
    }

    /// Loss and log-sum-exp of one row.
    fn row(&self, x: &[E], target: u32) -> (E, E) {
        if self.ignore_index == Some(target) {
            return (E::ZERO, E::ZERO);
        }
        let (max, log_sum) = row_max_and_log_sum(x);
        let lse = max + log_sum;
        let mut loss = self.weight(target) * (log_sum - (x[target as usize] - max));
        if self.label_smoothing != E::ZERO {
            let share = self.label_smoothing / E::from_usize(x.len());
            let spread = weighted_surprise(x, lse, self.class_weights);
            loss = (E::ONE - self.label_smoothing) * loss + share * spread;
        }
        if self.z_loss != E::ZERO {
            loss += self.z_loss * lse * lse;
        }
        (loss, lse)
    }

    /// `scale · d loss / d x` in place of a row of logits; `total` is the sum of the class weights.
    fn gradient(&self, x: &mut [E], target: u32, lse: E, scale: E, total: E) {
        if self.ignore_index == Some(target) {
            return x.fill(E::ZERO);
        }
        let on_target = (E::ONE - self.label_smoothing) * self.weight(target);
        let share = self.label_smoothing / E::from_usize(x.len());
        let z = (E::ONE + E::ONE) * self.z_loss * lse;
        let g = RowGradient {
            softmax: scale * (on_target + share * total + z),
            target: scale * on_target,
            smooth: scale * share,
        };
        gradient_row(x, lse, g, self.class_weights);
        x[target as usize] -= g.target;
    }

    #[track_caller]
    fn check(
        &self,
        logits: usize,
        vocab: usize,
        targets: &[u32],
        per_row: &[usize],
    ) -> Result<(), TargetOutOfRange> {
        let n_rows = targets.len();
        assert_eq!(logits, n_rows * vocab, "cross_entropy: {logits} logits are not {n_rows} rows of {vocab}");
        assert!(per_row.iter().all(|&l| l == n_rows), "cross_entropy: {per_row:?} values for {n_rows} rows");
        let weights = self.class_weights.map_or(vocab, <[E]>::len);
        assert_eq!(weights, vocab, "cross_entropy: {weights} class weights for {vocab} classes");
        let bad = |&t: &u32| t as usize >= vocab && self.ignore_index != Some(t);
        match targets.iter().position(bad) {
            Some(row) => Err(TargetOutOfRange { row, target: targets[row], classes: vocab }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
