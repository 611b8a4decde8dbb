//! Finding the operation that first made a NaN or an infinity.

use std::cell::RefCell;
use std::fmt;

use tensor::{Element, Tensor};

use crate::var::Var;

/// Where a NaN or infinity first appeared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The operation.
    pub op: &'static str,
    /// What of it: its result, the gradient of an input, or what it was given.
    pub phase: Phase,
    /// What it made: `NaN`, `inf` or `-inf`.
    pub value: String,
    /// Row-major index of that value.
    pub index: usize,
    /// Shape of the tensor it is in.
    pub shape: Vec<usize>,
}

/// Where at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It was given a NaN that no operation seen before had made: by a leaf, a constant, or another thread. An
    /// infinity may be meant, as in a mask that is added.
    Input {
        /// Which input, counted from 0.
        input: usize,
    },
    /// Computing its value, from finite inputs.
    Forward,
    /// The gradients of its value, from all uses of that, are finite, but their sum is not.
    Upstream,
    /// Computing the gradient of one input, from a finite gradient of its value.
    Backward {
        /// Which input, counted from 0.
        input: usize,
    },
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, value, index, shape, .. } = self;
        let place = format!("{value} at element {index} of shape {shape:?}");
        match self.phase {
            Phase::Input { input } => write!(f, "input {input} of `{op}` came with {place}"),
            Phase::Forward => write!(f, "`{op}` (forward) made {place} from finite inputs"),
            Phase::Upstream => write!(f, "the gradients of the result of `{op}` add up to {place}"),
            Phase::Backward { input } => {
                write!(f, "`{op}` (backward, gradient of input {input}) made {place} from finite inputs")
            }
        }
    }
}

impl std::error::Error for Anomaly {}

thread_local! {
    /// `None` when off; the first anomaly, if any, when on.
    static WATCH: RefCell<Option<Option<Anomaly>>> = const { RefCell::new(None) };
}

/// Runs `f`, forward and backward passes alike, and reports the first operation that made a NaN or infinity
/// out of finite numbers, or was given a NaN. Every result is scanned, so use it to find a fault, not to train.
/// Operations that `f` runs on other threads are not seen.
///
/// # Errors
/// The first anomaly, after `f` has run to its end.
///
/// ```
/// use autograd::{Var, detect_anomaly};
/// use tensor::Tensor;
/// let found = detect_anomaly(|| {
///     let x = Var::leaf(Tensor::from_vec(vec![1.0_f32, 0.0], &[2]));
///     (x.ln() * 2.0).sum()
/// });
/// assert!(found.unwrap_err().to_string().starts_with("`ln` (forward) made -inf at element 1"));
/// ```
pub fn detect_anomaly<T>(f: impl FnOnce() -> T) -> Result<T, Anomaly> {
    /// Restores the outer watch on unwinding too.
    struct Restore(Option<Option<Anomaly>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            WATCH.set(self.0.take());
        }
    }
    let _restore = Restore(WATCH.replace(Some(None)));
    let result = f();
    match WATCH.replace(None).flatten() {
        Some(anomaly) => Err(anomaly),
        None => Ok(result),
    }
}

pub(crate) fn check_forward<E: Element>(op: &'static str, inputs: &[&Var<E>], value: &Tensor<E>) {
    if !is_watching() || is_finite(value) {
        return;
    }
    if inputs.iter().all(|input| is_finite(input.value())) {
        return report(op, Phase::Forward, value, |x| !x.is_finite());
    }
    for (input, given) in inputs.iter().enumerate() {
        report(op, Phase::Input { input }, given.value(), E::is_nan);
    }
}

/// Of the gradients of a value, summed over its uses. None of them was reported.
pub(crate) fn check_upstream<E: Element>(op: &'static str, dy: &Tensor<E>) {
    report(op, Phase::Upstream, dy, |x| !x.is_finite());
}

pub(crate) fn check_backward<E: Element>(op: &'static str, dy: &Tensor<E>, gradients: &[Option<Tensor<E>>]) {
    if !is_watching() || !is_finite(dy) {
        return;
    }
    for (input, gradient) in gradients.iter().enumerate() {
        if let Some(gradient) = gradient {
            report(op, Phase::Backward { input }, gradient, |x| !x.is_finite());
        }
    }
}

fn is_finite<E: Element>(tensor: &Tensor<E>) -> bool {
    tensor.first_non_finite().is_none()
}

/// Whether something is looked for that has not been found yet.
fn is_watching() -> bool {
    WATCH.with_borrow(|watch| matches!(watch, Some(None)))
}

/// Notes the first element that is `bad`, if anything is still looked for.
fn report<E: Element>(op: &'static str, phase: Phase, found: &Tensor<E>, bad: impl Fn(E) -> bool) {
    if !is_watching() {
        return;
    }
    let values = found.contiguous();
    let Some(index) = values.data().iter().position(|&x| bad(x)) else { return };
    let value = values.data()[index].to_string();
    WATCH.set(Some(Some(Anomaly { op, phase, value, index, shape: found.shape().to_vec() })));
}
