//! Layers and activations against PyTorch, forward and gradients, in both precisions.

use crate::golden::{Case, Golden};
use autograd::Var;
use nn::{Activation, Bilinear, Embedding, Glu, LayerNorm, Linear, PRelu, RmsNorm};
use tensor::Element;

/// The function of a case in PyTorch's name, with its settings.
fn activation(case: &Case<'_>) -> Option<Activation> {
    let activation = match case.name {
        "leaky_relu" => Activation::LeakyRelu { slope: case.number("negative_slope") },
        "elu" => Activation::Elu { alpha: case.number("alpha") },
        "logsigmoid" => Activation::LogSigmoid,
        "hardsigmoid" => Activation::HardSigmoid,
        "hardtanh" => Activation::HardTanh,
        "hardswish" => Activation::HardSwish,
        name => return Activation::ALL.iter().find(|activation| activation.name() == name).copied(),
    };
    Some(activation)
}

fn linear_layer<E: Element>(case: &Case<'_>) {
    let x = case.leaf("x");
    let bias = case.has_param("bias").then(|| case.param("bias"));
    let layer = Linear::<E> { weight: case.param("weight"), bias };
    case.check_layer(&layer.forward(&x), &layer, &[("x", &x)]);
}

fn bilinear_layer<E: Element>(case: &Case<'_>) {
    let (x1, x2) = (case.leaf("x1"), case.leaf("x2"));
    let layer = Bilinear::<E> { weight: case.param("weight"), bias: Some(case.param("bias")) };
    case.check_layer(&layer.forward(&x1, &x2), &layer, &[("x1", &x1), ("x2", &x2)]);
}

fn embedding_layer<E: Element>(case: &Case<'_>) {
    let weight = case.param::<E>("weight");
    let mut layer = Embedding::from_weight(weight.value().clone());
    if let Some(padding) = case.setting("padding_idx").and_then(serde_json::Value::as_u64) {
        // PyTorch's golden keeps what stands in the row; only its gradient is 0.
        layer = layer.with_padding(padding as u32).unwrap();
        layer.weight.set(weight.value().clone());
    }
    case.check_layer(&layer.forward(&case.ids("ids")).unwrap(), &layer, &[]);
}

fn norm_layers<E: Element>(case: &Case<'_>) {
    let (x, eps) = (case.leaf::<E>("x"), case.number("eps"));
    match case.name {
        "layer_norm" => {
            let mut layer = LayerNorm::with_eps(7, eps);
            (layer.weight, layer.bias) = (case.param("weight"), Some(case.param("bias")));
            case.check_layer(&layer.forward(&x), &layer, &[("x", &x)]);
        }
        "layer_norm_plain" => case.check(&x.layer_norm(None, None, E::from_f64(eps)), &[("x", &x)]),
        _ => {
            let mut layer = RmsNorm::with_eps(7, eps);
            layer.weight = case.param("weight");
            case.check_layer(&layer.forward(&x), &layer, &[("x", &x)]);
        }
    }
}

fn plain<E: Element>(case: &Case<'_>, f: impl Fn(&Var<E>) -> Var<E>) {
    let x = case.leaf("x");
    case.check(&f(&x), &[("x", &x)]);
}

fn check<E: Element>(case: &Case<'_>) {
    match case.name {
        "linear" | "linear_no_bias" => linear_layer::<E>(case),
        "bilinear" => bilinear_layer::<E>(case),
        "embedding" | "embedding_padding" => embedding_layer::<E>(case),
        "layer_norm" | "layer_norm_plain" | "rms_norm" => norm_layers::<E>(case),
        "prelu" | "prelu_channels" => {
            let (x, layer) = (case.leaf("x"), PRelu::<E> { weight: case.param("weight") });
            case.check_layer(&layer.forward(&x), &layer, &[("x", &x)]);
        }
        "softmax" | "softmax_dim0" => plain::<E>(case, |x| x.softmax(case.number("dim") as isize)),
        "log_softmax" | "log_softmax_dim0" => {
            plain::<E>(case, |x| x.log_softmax(case.number("dim") as isize));
        }
        "glu" => plain::<E>(case, |x| Glu::GLU.forward(x)),
        "swiglu" => plain::<E>(case, |x| Glu::SWIGLU.forward(x)),
        "geglu" => plain::<E>(case, |x| Glu::GEGLU.forward(x)),
        name => {
            let activation = activation(case).unwrap_or_else(|| panic!("no test of {name}"));
            plain::<E>(case, |x| activation.forward(x));
        }
    }
}

#[test]
fn every_layer_agrees_with_pytorch() {
    let golden = Golden::open("layers.safetensors");
    let names = golden.names();
    assert!(names.len() > 30);
    for name in &names {
        check::<f32>(&golden.case(name));
        check::<f64>(&golden.case(name));
    }
}
