//! Gradient checks of whole modules.

use autograd::{Case, Gen, Gradcheck, GradcheckError, GradcheckReport, Var, no_grad};
use tensor::Tensor;

use crate::module::Module;

/// Checks the gradient of `f(model)` with respect to every trainable parameter of `model`, by path, against finite
/// differences. `f` must compute the same every time: give it the same random numbers each time it is called.
///
/// ```
/// use autograd::Var;
/// use nn::{Linear, gradcheck_module};
/// use rand::SeedableRng;
/// use tensor::Tensor;
/// let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let model = Linear::<f64>::new(3, 2, true, rng)?;
/// let x = Var::constant(Tensor::from_vec(vec![0.5, -1.0, 2.0], &[1, 3]));
/// let report = gradcheck_module(&model, |model| model.forward(&x).tanh())?;
/// assert_eq!(report.compared, 2 * 3 + 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The worst mismatch, with the parameter's path, or a trainable parameter that no gradient reaches.
pub fn gradcheck_module<M: Module<f64> + Clone>(
    model: &M,
    f: impl Fn(&M) -> Var<f64>,
) -> Result<GradcheckReport, GradcheckError> {
    gradcheck_module_with(model, &[], |model, _| f(model))
}

/// [`gradcheck_module`] that checks the gradients of `inputs`, given to `f` as variables, too.
///
/// # Errors
/// As `gradcheck_module`; inputs are called `input 0`, `input 1`, ….
pub fn gradcheck_module_with<M: Module<f64> + Clone>(
    model: &M,
    inputs: &[Tensor<f64>],
    f: impl Fn(&M, &[Var<f64>]) -> Var<f64>,
) -> Result<GradcheckReport, GradcheckError> {
    let check = Gradcheck::default();
    let leaves: Vec<Var<f64>> = inputs.iter().cloned().map(Var::leaf).collect();
    let output = f(model, &leaves);
    let upstream = check.output_weights(output.shape());
    let grads = output.backward_from(&upstream)?;
    let params = model.parameters().into_iter().filter(|(_, param)| param.is_trainable());
    let vars = params.map(|(path, param)| (path, param.var()));
    let leaves = leaves.iter().enumerate().map(|(i, leaf)| (format!("input {i}"), leaf));
    let named: Vec<(String, Tensor<f64>, Option<Tensor<f64>>)> =
        vars.chain(leaves).map(|(name, var)| (name, var.value().clone(), grads.get(var).cloned())).collect();
    check.compare(&named, |values| {
        let (mut moved, mut values) = (model.clone(), values.iter());
        for (_, param) in moved.parameters_mut().into_iter().filter(|(_, param)| param.is_trainable()) {
            param.set(values.next().expect("a value for every parameter").clone());
        }
        let constants: Vec<Var<f64>> = values.cloned().map(Var::constant).collect();
        let output = no_grad(|| f(&moved, &constants)).into_value();
        (&output * &upstream).sum().item()
    })
}

/// The gradient checks of all layers and losses of this crate, to run as one suite.
pub fn cases() -> Vec<Case> {
    [crate::layers::cases(), crate::loss::cases(), crate::regularise::cases()].concat()
}

/// Makes every parameter normal: no gain of one or bias of zero hides a mistake.
pub(crate) fn randomise(model: &mut dyn Module<f64>, draw: &mut Gen) {
    for (_, param) in model.parameters_mut() {
        let value = draw.normal(param.shape());
        param.set(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_gradient_matches_finite_differences(seed in any::<u32>()) {
            for case in cases() {
                if let Err((seed, error)) = case.run(u64::from(seed), 1) {
                    return Err(TestCaseError::fail(format!("{} (seed {seed}): {error}", case.name)));
                }
            }
        }
    }

    #[test]
    fn a_wrong_or_missing_gradient_is_named_by_path() {
        let model = vec![Param::new(Tensor::<f64>::ones(&[2])), Param::new(Tensor::full(&[3], 0.5))];
        let wrong = |model: &Vec<Param<f64>>| {
            let x = model[1].var();
            let value = x.value().map(|x| x * x);
            let bad = Var::record("bad_square", [x], value, |dy| [Some(dy * 1.1)]);
            model[0].var().sum() + bad.sum()
        };
        let error = gradcheck_module(&model, wrong).unwrap_err().to_string();
        assert!(error.starts_with("gradient of 1 [3] at element [0]"), "{error}");
        let missing = gradcheck_module(&model, |model| model[0].var().sum()).unwrap_err();
        assert_eq!(missing, GradcheckError::NoGradient { input: "1".into() });
    }
}
