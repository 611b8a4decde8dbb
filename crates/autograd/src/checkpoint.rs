//! Trading time for memory: a segment that is computed again on the way back.

use tensor::{Element, Tensor};

use crate::var::{Var, is_recording, no_grad, with_recording};

/// `f(input)`, keeping none of its intermediate values; they are recomputed when the gradient passes
/// (Chen et al. 2016, "Training deep nets with sublinear memory cost").
///
/// `f` runs twice and must compute the same both times: give it a copy of a random generator, not the
/// generator. Gradients of parameters it uses are found as usual.
///
/// ```
/// use autograd::{Var, checkpoint};
/// use tensor::Tensor;
/// let x = Var::leaf(Tensor::from_vec(vec![0.5_f64, -1.0], &[2]));
/// let w = Var::leaf(Tensor::scalar(3.0));
/// let inner = w.clone();
/// let y = checkpoint(&x, move |x| (x * &inner).tanh());
/// let grads = y.sum().backward()?;
/// let plain = (&x * &w).tanh().sum().backward()?;
/// assert_eq!(grads.get(&w).unwrap(), plain.get(&w).unwrap());
/// assert_eq!(grads.get(&x).unwrap(), plain.get(&x).unwrap());
/// # Ok::<(), autograd::BackwardError>(())
/// ```
///
/// # Panics
/// On the way back, if `f` returns a constant the second time.
pub fn checkpoint<E: Element>(
    input: &Var<E>,
    f: impl Fn(&Var<E>) -> Var<E> + Send + Sync + 'static,
) -> Var<E> {
    let value = no_grad(|| f(input)).into_value();
    if !is_recording() {
        return Var::constant(value);
    }
    // Recorded even where the input is a constant: parameters inside `f` still want gradients.
    let kept = input.value().clone();
    Var::recorded("checkpoint", &[input], value, move |dy, pass| {
        let again = Var::leaf(kept.clone());
        let output = with_recording(true, || f(&again));
        let mut gradients = output.backward_from(dy).expect("checkpoint: the segment returned a constant");
        let input_gradient = gradients.take(&again).unwrap_or_else(|| Tensor::zeros(kept.shape()));
        pass.leaves.accumulate(gradients);
        vec![Some(input_gradient)]
    })
}
