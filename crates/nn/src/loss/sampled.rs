//! Cross-entropy over a large vocabulary, from a part of it.

use autograd::{Case, Reduction, Var, gradcheck};
use rand::{Rng, RngExt};
use tensor::{Element, Ids, Tensor};

use super::{LossError, check_classes};
use crate::Mode;
use crate::config::{ConfigError, positive, positive_size, require};

pub(super) const CASES: &[Case] = &[Case::new("SampledSoftmax", |draw| {
    let [batch, hidden, vocab] = draw.dims();
    let vocab = vocab + 4;
    let (x, targets) = (draw.normal(&[batch, hidden]), draw.ids(&[batch], vocab));
    let (weight, bias) = (draw.normal(&[vocab, hidden]), draw.normal(&[vocab]));
    let frequencies = draw.uniform(&[vocab], 0.5, 2.0).to_vec();
    let (loss, rng) = (SampledSoftmax::new(&frequencies, 3).expect("settings"), draw.rng().clone());
    gradcheck(
        |v| {
            let mode = &mut Mode::Train(&mut rng.clone());
            loss.forward(&v[0], &v[1], Some(&v[2]), &targets, mode).expect("targets below vocab")
        },
        &[x, weight, bias],
    )
})];

/// Cross-entropy of an output layer with a large vocabulary, whose normalising sum is estimated in training from a part
/// of the classes (Bengio & Senécal 2008; Jean et al. 2015).
///
/// With `o_c = y·w_c + b_c`, the exact loss of a target `t` is `−o_t + ln Σ_c e^{o_c}`. In training the sum is
/// `Σ_{c ∈ B} e^{o_c} + Σ_{c ∈ S} e^{o_c}/π_c`: `B` are the targets of the batch, and each other class is in `S` with its
/// own probability `π_c`, independently of the others. The sum's expectation is the exact sum (Horvitz & Thompson 1952); its
/// logarithm, and so the loss, is on average a little less than the exact one. Outside training the loss is exact.
///
/// Products cost `samples` and the batch's targets instead of `vocab`.
///
/// ```
/// use autograd::Var;
/// use nn::{Mode, SampledSoftmax};
/// use rand::SeedableRng;
/// use tensor::{Ids, Tensor};
/// let frequencies: Vec<f64> = (0..1000).map(|rank| 1.0 / (1.0 + f64::from(rank))).collect();
/// let softmax = SampledSoftmax::new(&frequencies, 100)?;
/// let y = Var::leaf(Tensor::<f32>::ones(&[2, 8]));                               // (time, hidden)
/// let weight = Var::leaf(Tensor::zeros(&[1000, 8]));                             // (vocab, hidden)
/// let (targets, mut rng) = (Ids::from_slice(&[3, 700]), rand_chacha::ChaCha8Rng::seed_from_u64(0));
/// let exact = softmax.forward(&y, &weight, None, &targets, &mut Mode::Eval)?.item();
/// let loss = softmax.forward(&y, &weight, None, &targets, &mut Mode::Train(&mut rng))?;
/// assert!((exact - 1000_f32.ln()).abs() < 1e-4 && (loss.item() - exact).abs() < 0.3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SampledSoftmax {
    /// `π_c`
    probabilities: Vec<f64>,
}

impl SampledSoftmax {
    /// For classes of these frequencies, in any unit: about `samples` of them are drawn each time, the most frequent for
    /// sure and the others in proportion. Frequencies raised to a power of 0.75 or so give rare classes more of a chance,
    /// which keeps the sum from varying much.
    ///
    /// # Errors
    /// If there are no classes, a frequency is not a finite number above 0, or `samples` is 0.
    pub fn new(frequencies: &[f64], samples: usize) -> Result<Self, ConfigError> {
        let name = "sampled softmax";
        require(!frequencies.is_empty(), name, "frequencies", "empty", "one for each class")?;
        frequencies.iter().try_for_each(|frequency| positive(name, "frequencies", *frequency))?;
        positive_size(name, "samples", samples)?;
        Ok(Self { probabilities: inclusion(frequencies, samples) })
    }

    /// Number of classes.
    pub fn vocab(&self) -> usize {
        self.probabilities.len()
    }

    /// Mean loss in nats of outputs `y (.., hidden)` under the output layer `weight (vocab, hidden)`, `bias (vocab)`,
    /// for `targets (..)` → `()`.
    ///
    /// # Errors
    /// If a target is not below `vocab`, or there are none.
    ///
    /// # Panics
    /// If the shapes disagree, or `weight` has not as many rows as there are frequencies.
    #[track_caller]
    pub fn forward<E: Element>(
        &self,
        y: &Var<E>,
        weight: &Var<E>,
        bias: Option<&Var<E>>,
        targets: &Ids,
        mode: &mut Mode<'_>,
    ) -> Result<Var<E>, LossError> {
        let vocab = self.vocab();
        assert!(
            weight.dim(0) == vocab,
            "sampled softmax: weight {:?} (vocab, hidden), but {vocab} frequencies",
            weight.shape()
        );
        check_classes(targets, vocab, None, None, Reduction::Mean)?;
        let options = autograd::CrossEntropy::default();
        let Some(rng) = mode.rng() else {
            return Ok(y.linear(weight, bias).cross_entropy(targets, &options));
        };
        let Sample { classes, corrections, targets } = self.sample(targets, rng);
        let corrections = Var::constant(Tensor::from_vec(corrections, &[classes.len()]).cast());
        let bias = match bias {
            Some(bias) => bias.index_select(0, &classes) + corrections,
            None => corrections,
        };
        let logits = y.linear(&weight.index_select(0, &classes), Some(&bias)); // (.., classes)
        Ok(logits.cross_entropy(&targets, &options))
    }

    /// Draws the classes of one pass.
    fn sample(&self, targets: &Ids, rng: &mut dyn Rng) -> Sample {
        const ABSENT: u32 = u32::MAX;
        const WANTED: u32 = u32::MAX - 1;
        let mut places = vec![ABSENT; self.vocab()];
        targets.data().iter().for_each(|target| places[*target as usize] = WANTED);
        let (mut classes, mut corrections) = (Vec::new(), Vec::new());
        for ((class, place), probability) in (0..).zip(&mut places).zip(&self.probabilities) {
            // A number for each class, whether it is needed or not: what one class gets does not depend on the targets.
            let drawn = rng.random::<f64>() < *probability;
            let sure = *place == WANTED;
            if sure || drawn {
                *place = classes.len() as u32;
                classes.push(class);
                corrections.push(if sure { 0.0 } else { -probability.ln() });
            }
        }
        let moved = targets.data().iter().map(|target| places[*target as usize]).collect();
        Sample { classes: Ids::from_slice(&classes), corrections, targets: Ids::new(moved, targets.shape()) }
    }
}

/// What one pass sums over.
struct Sample {
    /// Those that are in, in rising order.
    classes: Ids,
    /// `−ln π`, or 0 for the batch's targets.
    corrections: Vec<f64>,
    /// The targets as places among `classes`.
    targets: Ids,
}

/// Probabilities in proportion to `frequencies` but at most 1, whose sum is `samples` (or all 1, if that is more).
fn inclusion(frequencies: &[f64], samples: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..frequencies.len()).collect();
    order.sort_by(|a, b| frequencies[*b].total_cmp(&frequencies[*a]));
    let mut rest: f64 = frequencies.iter().sum();
    let mut left = samples as f64;
    let mut probabilities = vec![1.0; frequencies.len()];
    // The most frequent are in for sure, until what is left to draw suffices for none of those that remain.
    let mut sure = 0;
    while sure < order.len() && left >= 1.0 && frequencies[order[sure]] * left >= rest {
        rest -= frequencies[order[sure]];
        left -= 1.0;
        sure += 1;
    }
    for class in &order[sure..] {
        probabilities[*class] = frequencies[*class] * left / rest;
    }
    probabilities
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CrossEntropy;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn layer() -> (Var<f64>, Var<f64>, Var<f64>, Ids) {
        let mut draw = autograd::Gen::new(5);
        let [y, weight, bias] = [&[6, 5][..], &[40, 5], &[40]].map(|shape| Var::leaf(draw.normal(shape)));
        (y, weight, bias, draw.ids(&[6], 40))
    }

    fn frequencies() -> Vec<f64> {
        (0..40).map(|rank| 1.0 / f64::from(rank + 1)).collect()
    }

    #[test]
    fn with_all_classes_it_is_the_cross_entropy() {
        let (y, weight, bias, targets) = layer();
        let exact = CrossEntropy::default().forward(&y.linear(&weight, Some(&bias)), &targets).unwrap();
        let exact_grads = exact.backward().unwrap();
        let all = SampledSoftmax::new(&frequencies(), 40).unwrap();
        let few = SampledSoftmax::new(&frequencies(), 4).unwrap();
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        for (softmax, mode) in [(&all, &mut Mode::Train(rng)), (&few, &mut Mode::Eval)] {
            let loss = softmax.forward(&y, &weight, Some(&bias), &targets, mode).unwrap();
            assert!((loss.item() - exact.item()).abs() < 1e-12);
            let grads = loss.backward().unwrap();
            for leaf in [&y, &weight, &bias] {
                let (a, b) = (grads.get(leaf).unwrap().to_vec(), exact_grads.get(leaf).unwrap().to_vec());
                assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12));
            }
        }
    }

    #[test]
    fn the_estimated_sum_is_right_on_average() {
        let (y, weight, bias, targets) = layer();
        let (y, targets) = (y.slice(0, 0..1), Ids::from_slice(&targets.data()[..1]));
        let logits = y.linear(&weight, Some(&bias));
        let target = logits.value().at(&[0, targets.data()[0] as usize]);
        let exact: f64 = logits.value().to_vec().iter().map(|logit| logit.exp()).sum();
        let softmax = SampledSoftmax::new(&frequencies(), 12).unwrap();
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let sums: Vec<f64> = (0..20_000)
            .map(|_| {
                let loss = softmax.forward(&y, &weight, Some(&bias), &targets, &mut Mode::Train(rng));
                (loss.unwrap().item() + target).exp()
            })
            .collect();
        let mean = sums.iter().sum::<f64>() / sums.len() as f64;
        let variance = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / sums.len() as f64;
        let error = (variance / sums.len() as f64).sqrt();
        assert!((mean - exact).abs() < 4.0 * error && error < 0.02 * exact, "{mean} ± {error}, {exact}");
    }

    #[test]
    fn as_many_are_drawn_as_were_asked_for() {
        for samples in [1, 3, 12, 39, 40, 100] {
            let probabilities = inclusion(&frequencies(), samples);
            let sum: f64 = probabilities.iter().sum();
            assert!((sum - samples.min(40) as f64).abs() < 1e-9, "{samples}: {sum}");
            assert!(probabilities.is_sorted_by(|a, b| a >= b) && probabilities[0] <= 1.0);
        }
        assert_eq!(inclusion(&[5.0, 1.0, 1.0], 2), [1.0, 0.5, 0.5]);
    }

    #[test]
    fn settings_and_targets_are_checked() {
        assert!(SampledSoftmax::new(&[], 3).is_err() && SampledSoftmax::new(&[1.0], 0).is_err());
        let error = SampledSoftmax::new(&[1.0, 0.0], 1).unwrap_err().to_string();
        assert_eq!(error, "sampled softmax: `frequencies` is 0, expected a finite number above 0");
        let (y, weight, bias, _) = layer();
        let softmax = SampledSoftmax::new(&frequencies(), 4).unwrap();
        let targets = Ids::from_slice(&[0, 1, 2, 3, 4, 40]);
        let error = softmax.forward(&y, &weight, Some(&bias), &targets, &mut Mode::Eval).unwrap_err();
        assert_eq!(error.to_string(), "target 40 at position [5] is not below 40");
    }
}
