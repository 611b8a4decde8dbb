//! Finding the operation that first made a NaN or an infinity.

use std::cell::RefCell;
use std::fmt;

use tensor::{Element, Tensor};

use crate::var::Var;

/// Where a NaN or infinity first appeared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The operation, all of whose inputs were finite.
    pub op: &'static str,
    /// Its way there, or its way back.
    pub phase: Phase,
    /// What it made: `NaN`, `inf` or `-inf`.
    pub value: String,
    /// Row-major index of that value.
    pub index: usize,
    /// Shape of the tensor it is in.
    pub shape: Vec<usize>,
}

/// Which half of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Computing the value.
    Forward,
    /// Computing the gradient of one input.
    Backward {
        /// Which input, counted from 0.
        input: usize,
    },
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Forward => "forward".to_owned(),
            Phase::Backward { input } => format!("backward, gradient of input {input}"),
        };
        let Self { op, value, index, shape, .. } = self;
        write!(f, "`{op}` ({phase}) made {value} at element {index} of shape {shape:?} from finite inputs")
    }
}

impl std::error::Error for Anomaly {}

thread_local! {
    /// `None` when off; the first anomaly, if any, when on.
    static WATCH: RefCell<Option<Option<Anomaly>>> = const { RefCell::new(None) };
}

/// Runs `f`, forward and backward passes alike, and reports the first operation that made a NaN or infinity
/// out of finite numbers. Every result is scanned, so use it to find a fault, not to train.
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
    report(op, Phase::Forward, value, || inputs.iter().all(|input| is_finite(input.value())));
}

pub(crate) fn check_backward<E: Element>(op: &'static str, dy: &Tensor<E>, gradients: &[Option<Tensor<E>>]) {
    for (input, gradient) in gradients.iter().enumerate() {
        if let Some(gradient) = gradient {
            report(op, Phase::Backward { input }, gradient, || is_finite(dy));
        }
    }
}

fn is_finite<E: Element>(tensor: &Tensor<E>) -> bool {
    tensor.first_non_finite().is_none()
}

fn report<E: Element>(op: &'static str, phase: Phase, made: &Tensor<E>, from_finite: impl FnOnce() -> bool) {
    let watching = WATCH.with_borrow(|watch| matches!(watch, Some(None)));
    if !watching {
        return;
    }
    let Some(index) = made.first_non_finite().filter(|_| from_finite()) else { return };
    let value = made.contiguous().data()[index].to_string();
    let anomaly = Anomaly { op, phase, value, index, shape: made.shape().to_vec() };
    WATCH.set(Some(Some(anomaly)));
}
