//! Small helpers of a training loop. The loop itself stays with the caller.

use autograd::Gradients;
use metrics::LogLoss;
use tensor::Element;

use crate::error::Error;

/// Sums the gradients of micro-batches to those of one large batch: each weighs by its number of targets, so
/// the result is the gradient of the mean loss over all targets, however they were divided.
///
/// ```
/// use autograd::Var;
/// use tensor::Tensor;
/// use train::Accumulator;
///
/// let w = Var::leaf(Tensor::from_vec(vec![2.0_f32], &[1]));
/// let mut sum = Accumulator::new();
/// for (x, targets) in [(1.0, 3), (5.0, 1)] {
///     let loss = (&w * x).sum();
///     sum.add(f64::from(loss.value().item()), loss.backward()?, targets);
/// }
/// let (loss, grads) = sum.finish()?;
/// assert_eq!(loss, 4.0);                              // (3 · 2 + 1 · 10) / 4
/// assert_eq!(grads.get(&w).unwrap().to_vec(), [2.0]); // (3 · 1 + 1 · 5) / 4
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Accumulator<E: Element = f32> {
    grads: Gradients<E>,
    loss: LogLoss,
}

impl<E: Element> Accumulator<E> {
    /// Nothing summed yet.
    pub fn new() -> Self {
        Self { grads: Gradients::new(), loss: LogLoss::new() }
    }

    /// Adds the mean loss over a micro-batch of `targets`, and its gradients. The first costs no pass over them.
    pub fn add(&mut self, mean_loss: f64, mut grads: Gradients<E>, targets: usize) {
        let before = self.loss.tokens();
        self.loss.add_mean(mean_loss, targets);
        if before == 0 {
            self.grads = grads;
        } else {
            // A running mean: what there was weighs by its share of all targets so far, the new by its own.
            let share = |part: usize| E::from_f64(part as f64 / self.loss.tokens() as f64);
            self.grads.scale(share(before));
            grads.scale(share(targets));
            self.grads.accumulate(grads);
        }
    }

    /// The mean loss over all targets and its gradients.
    ///
    /// # Errors
    /// If there was no target.
    pub fn finish(self) -> Result<(f64, Gradients<E>), Error> {
        if self.loss.tokens() == 0 {
            return Err(Error::Config("there is no target to average the loss over".into()));
        }
        Ok((self.loss.mean(), self.grads))
    }
}

/// Passes a finite number on; ends training at the step where a loss or a norm stops being one.
///
/// ```
/// assert_eq!(train::finite(7, "the loss", 2.5)?, 2.5);
/// let error = train::finite(7, "the loss", f64::NAN).unwrap_err();
/// assert!(error.to_string().starts_with("step 7: the loss is NaN"));
/// # Ok::<(), train::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotFinite`] with step, name and value.
pub fn finite(step: u64, what: &'static str, value: f64) -> Result<f64, Error> {
    if value.is_finite() { Ok(value) } else { Err(Error::NotFinite { step, what, value }) }
}

/// Loss over batches: `mean_loss` gives the mean over a batch and its number of targets. Run it under
/// `no_grad`, or on a model whose parameters are frozen, to keep no graph.
///
/// ```
/// let corpus: Vec<u32> = (0..100).collect();
/// let batches = train::windows(&corpus, 4, 8)?;
/// let loss = train::evaluate(batches, |batch| Ok::<_, train::Error>((2.0, batch.tokens())))?;
/// assert_eq!((loss.mean(), loss.tokens()), (2.0, 99));
/// # Ok::<(), train::Error>(())
/// ```
///
/// # Errors
/// The first error of a batch or of `mean_loss`.
pub fn evaluate<B, E: From<Error>>(
    batches: impl IntoIterator<Item = Result<B, Error>>,
    mut mean_loss: impl FnMut(&B) -> Result<(f64, usize), E>,
) -> Result<LogLoss, E> {
    let mut total = LogLoss::new();
    for batch in batches {
        let (mean, targets) = mean_loss(&batch?)?;
        total.add_mean(mean, targets);
    }
    Ok(total)
}
