//! Penalties and constraints on weights.
//!
//! A penalty is added to the loss, where it is seen, or to the gradients, which is cheaper. Weight decay apart from
//! the gradient is part of the optimisers; dropout and stochastic depth are layers.

use autograd::{Case, Gradients, Var};
use tensor::kernels::{map, reduce};
use tensor::{Element, Tensor};

use crate::gradcheck::gradcheck_module;
use crate::module::Module;
use crate::param::Param;

const CASES: &[Case] = &[Case::new("l1 and l2 penalty", |draw| {
    let [rows, cols] = draw.dims();
    let model = vec![Param::new(draw.normal(&[rows, cols])), Param::new(draw.normal(&[cols]))];
    gradcheck_module(&model, |model| l1_penalty(model, 0.3, all) + l2_penalty(model, 0.7, all))
})];

/// The gradient checks of the penalties.
pub(crate) fn cases() -> Vec<Case> {
    CASES.to_vec()
}

/// Takes every parameter.
pub fn all(_path: &str, _shape: &[usize]) -> bool {
    true
}

/// Takes weights: parameters of two or more dimensions, no biases or gains of norms.
pub fn weights(_path: &str, shape: &[usize]) -> bool {
    shape.len() >= 2
}

/// `strength·Σ|w|` over the trainable parameters that `takes` accepts by path and shape, shape `()`; to be added to
/// a loss. Drives weights to exactly 0 (Tibshirani 1996).
///
/// ```
/// use nn::{Param, regularise};
/// use tensor::Tensor;
/// let model = Param::new(Tensor::<f32>::full(&[2, 3], -0.5));
/// assert_eq!(regularise::l1_penalty(&model, 0.1, regularise::weights).item(), 0.3);
/// ```
pub fn l1_penalty<E: Element>(
    model: &dyn Module<E>,
    strength: f64,
    takes: impl Fn(&str, &[usize]) -> bool,
) -> Var<E> {
    penalty(model, strength, takes, |w| w.abs().sum())
}

/// `strength·Σw²` over the trainable parameters that `takes` accepts, shape `()`; to be added to a loss.
pub fn l2_penalty<E: Element>(
    model: &dyn Module<E>,
    strength: f64,
    takes: impl Fn(&str, &[usize]) -> bool,
) -> Var<E> {
    penalty(model, strength, takes, |w| w.square().sum())
}

fn penalty<E: Element>(
    model: &dyn Module<E>,
    strength: f64,
    takes: impl Fn(&str, &[usize]) -> bool,
    size: impl Fn(&Var<E>) -> Var<E>,
) -> Var<E> {
    let zero = Var::constant(Tensor::scalar(E::ZERO));
    let sum = trainable(model, takes).fold(zero, |sum, param| sum + size(param.var()));
    sum * E::from_f64(strength)
}

fn trainable<E: Element>(
    model: &dyn Module<E>,
    takes: impl Fn(&str, &[usize]) -> bool,
) -> impl Iterator<Item = &Param<E>> {
    let params = model.parameters().into_iter();
    params
        .filter(move |(path, param)| param.is_trainable() && takes(path, param.shape()))
        .map(|(_, param)| param)
}

/// Adds the gradient of [`l1_penalty`], `strength·sign(w)`, to the gradients there are.
pub fn add_l1<E: Element>(
    model: &dyn Module<E>,
    grads: &mut Gradients<E>,
    strength: f64,
    takes: impl Fn(&str, &[usize]) -> bool,
) {
    let strength = E::from_f64(strength);
    let slope = move |w: E| {
        if w > E::ZERO {
            strength
        } else if w < E::ZERO {
            -strength
        } else {
            E::ZERO
        }
    };
    for param in trainable(model, takes) {
        if let Some(gradient) = grads.get_mut(param.var()) {
            gradient.zip_assign(param.value(), move |g, w| g + slope(w));
        }
    }
}

/// Adds the gradient of [`l2_penalty`], `2·strength·w`, to the gradients there are.
pub fn add_l2<E: Element>(
    model: &dyn Module<E>,
    grads: &mut Gradients<E>,
    strength: f64,
    takes: impl Fn(&str, &[usize]) -> bool,
) {
    let factor = E::from_f64(2.0 * strength);
    for param in trainable(model, takes) {
        if let Some(gradient) = grads.get_mut(param.var()) {
            gradient.zip_assign(param.value(), move |g, w| g + factor * w);
        }
    }
}

/// Shrinks each row of the trainable weights that `takes` accepts, all that goes into one output, to a norm of at
/// most `limit` (Srebro & Shraibman 2005; Srivastava et al. 2014). Call it after the optimiser's step.
///
/// Parameters of fewer than two dimensions are left alone.
pub fn max_norm<E: Element>(model: &mut dyn Module<E>, limit: f64, takes: impl Fn(&str, &[usize]) -> bool) {
    for (path, param) in model.parameters_mut() {
        let shape = param.shape();
        if shape.len() < 2 || !param.is_trainable() || !takes(&path, shape) {
            continue;
        }
        let row = shape[1..].iter().product::<usize>().max(1);
        for weights in param.value_mut().data_mut().chunks_exact_mut(row) {
            let norm = reduce::sum_squares(weights).to_f64().sqrt();
            if norm > limit {
                map::scale(weights, E::from_f64(limit / norm));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Vec<Param<f64>> {
        let matrix = Tensor::from_vec(vec![3.0, -4.0, 0.0, 0.3, 0.0, 0.4], &[2, 3]);
        vec![Param::new(matrix), Param::new(Tensor::from_vec(vec![-2.0, 5.0], &[2]))]
    }

    #[test]
    fn both_sides_agree() {
        let model = model();
        let loss = model[0].var().sum() + model[1].var().sum();
        let penalised = &loss + l1_penalty(&model, 0.1, all) + l2_penalty(&model, 0.2, weights);
        let expected = model.backward(&penalised).unwrap();
        let loss = model[0].var().sum() + model[1].var().sum();
        let mut grads = model.backward(&loss).unwrap();
        add_l1(&model, &mut grads, 0.1, all);
        add_l2(&model, &mut grads, 0.2, weights);
        for param in &model {
            let (a, b) = (grads.get(param.var()).unwrap(), expected.get(param.var()).unwrap());
            assert!(a.max_abs_diff(b) < 1e-15, "{a:?} {b:?}");
        }
    }

    #[test]
    fn rows_are_shrunk_to_the_limit() {
        let mut model = model();
        max_norm(&mut model, 1.0, all);
        let expected = Tensor::from_vec(vec![0.6, -0.8, 0.0, 0.3, 0.0, 0.4], &[2, 3]);
        assert!(model[0].value().max_abs_diff(&expected) < 1e-15);
        assert_eq!(model[1].value().to_vec(), [-2.0, 5.0]);
    }
}
