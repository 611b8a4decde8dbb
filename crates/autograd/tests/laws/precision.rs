//! Gradients in `f32` agree with those in `f64`, which are checked against finite differences: the vectorised
//! single-precision paths differ from the others in more than the type.

use autograd::{Activation, CrossEntropy, Gen, Reduction, Var};
use tensor::{Element, Ids, Tensor};

/// Value and gradients of `f` at `inputs`, widened.
fn run<E: Element>(inputs: &[Tensor<f64>], f: impl Fn(&[Var<E>]) -> Var<E>) -> Vec<Tensor<f64>> {
    let leaves: Vec<Var<E>> = inputs.iter().map(|x| Var::leaf(x.cast())).collect();
    let y = f(&leaves);
    // Weights that the element's position decides: neither all equal nor of one sign.
    let upstream = Tensor::build(y.shape(), |out| {
        out.iter_mut().enumerate().for_each(|(i, o)| *o = E::from_usize(i * 7 % 11) - E::from_usize(5));
    });
    let grads = y.backward_from(&upstream).unwrap();
    std::iter::once(y.value().cast())
        .chain(leaves.iter().map(|leaf| grads.get(leaf).unwrap().cast()))
        .collect()
}

/// Runs one expression in both precisions.
macro_rules! agree {
    ($name:expr, [$($input:expr),+], |$v:ident| $body:expr) => {{
        let inputs = [$($input),+].map(|x: Tensor<f64>| x.cast::<f32>().cast::<f64>());
        let single = run::<f32>(&inputs, |$v| $body);
        let double = run::<f64>(&inputs, |$v| $body);
        for (i, (single, double)) in single.iter().zip(&double).enumerate() {
            let scale = double.abs().max().item().max(1e-3);
            let error = single.max_abs_diff(double) / scale;
            assert!(error < 2e-5, "{}: value or gradient {i} differs by {error:.1e} of its size", $name);
        }
    }};
}

#[test]
fn single_precision_agrees_with_double() {
    for seed in 0..8 {
        let draw = &mut Gen::new(seed);
        // Wide enough for whole vectors and odd enough for remainders.
        let (rows, cols, out) = (1 + draw.below(40), 2 + draw.below(90), 1 + draw.below(70));
        let x = draw.normal(&[rows, cols]);
        let (w, b) = (draw.normal(&[out, cols]), draw.normal(&[out]));
        let (scale, shift) = (draw.normal(&[cols]), draw.normal(&[cols]));
        let (ids, targets) = (draw.ids(&[rows, 3], cols), draw.ids(&[rows], cols));
        let positive = draw.uniform(&[rows, cols], 0.1, 3.0);
        let other = draw.normal(&[rows, cols]);
        agree!("linear", [x.clone(), w.clone(), b.clone()], |v| v[0].linear(&v[1], Some(&v[2])));
        agree!("linear_add", [x.clone(), w.clone(), draw.normal(&[rows, out])], |v| {
            v[0].linear_add(&v[1], None, &v[2])
        });
        for &f in Activation::ALL {
            agree!(f.name(), [x.clone()], |v| v[0].activation(f));
            agree!(f.name(), [x.clone(), w.clone(), b.clone()], |v| v[0].linear_act(&v[1], Some(&v[2]), f));
        }
        agree!("matmul", [x.clone(), other.clone()], |v| v[0].matmul(&v[1].t()));
        agree!("layer_norm", [x.clone(), scale.clone(), shift.clone()], |v| {
            v[0].layer_norm(Some(&v[1]), Some(&v[2]), Element::from_f64(1e-5))
        });
        agree!("rms_norm", [x.clone(), scale.clone()], |v| v[0]
            .rms_norm(Some(&v[1]), Element::from_f64(1e-5)));
        agree!("softmax", [x.clone()], |v| v[0].softmax(-1));
        agree!("log_softmax", [x.clone()], |v| v[0].log_softmax(0));
        agree!("logsumexp", [x.clone()], |v| v[0].logsumexp_axis(1, true));
        agree!("sparsemax", [x.clone()], |v| v[0].sparsemax(-1));
        agree!("swiglu", [x.clone(), other.clone()], |v| v[0].swiglu(&v[1]));
        agree!("cross_entropy", [x.clone()], |v| {
            let options = CrossEntropy { label_smoothing: 0.1, z_loss: 1e-2, ..CrossEntropy::default() };
            v[0].cross_entropy(&targets, &options)
        });
        agree!("bce_with_logits", [x.clone(), draw.uniform(&[rows, cols], 0.0, 1.0)], |v| {
            v[0].bce_with_logits(&v[1], None, Reduction::None)
        });
        agree!("mse", [x.clone(), other.clone()], |v| v[0].mse(&v[1], Reduction::Mean));
        agree!("embedding", [draw.normal(&[cols, 5])], |v| v[0].embedding(&ids));
        agree!("exp", [x.clone()], |v| v[0].exp());
        agree!("ln and sqrt", [positive.clone()], |v| v[0].ln() + v[0].sqrt());
        agree!("softplus", [x.clone()], |v| v[0].softplus());
        agree!("erf", [x.clone()], |v| v[0].erf());
        agree!("div", [x.clone(), positive.clone()], |v| &v[0] / &v[1]);
        agree!("sums", [x.clone()], |v| v[0].sum_axis(0, false).square());
        agree!("cumsum", [x.clone()], |v| v[0].cumsum(1));
        agree!("var", [x.clone()], |v| v[0].var_axis(1, false, false));
        agree!("norm", [x.clone()], |v| v[0].norm_axis(0, false));
    }
}

#[test]
fn dropout_keeps_the_same_elements_in_both_precisions() {
    let x = Gen::new(0).normal(&[40, 50]);
    agree!("dropout", [x], |v| v[0].dropout(0.3, &mut Gen::new(1).rng().clone()));
}

#[test]
fn ids_of_any_shape_look_up() {
    let table = Tensor::<f64>::arange(12).reshape(&[4, 3]);
    agree!("embedding", [table], |v| v[0].embedding(&Ids::new(vec![1, 3, 3, 0], &[2, 1, 2])));
}
