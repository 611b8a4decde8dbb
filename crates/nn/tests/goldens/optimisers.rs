//! Ten steps of every optimiser against PyTorch, in both precisions.

use crate::golden::{Case, Golden, close};
use autograd::Gradients;
use nn::optim::{
    AdaDelta, AdaGrad, Adafactor, Adam, AdamW, Lamb, Lion, Muon, NAdam, Optim, Optimizer, RAdam, RmsProp,
    Rule, Sgd,
};
use nn::{Module, Param};
use tensor::Element;

/// The parameters of the problem; `bias` is missing where an optimiser is for matrices only.
struct Problem<E: Element> {
    weight: Param<E>,
    bias: Option<Param<E>>,
}
nn::module!(Problem<E> { weight, bias });

fn optim<E: Element>(rule: impl Rule<E> + 'static) -> Box<dyn Optimizer<E>> {
    Box::new(Optim::new(rule).unwrap())
}

fn build<E: Element>(case: &Case<'_>) -> Box<dyn Optimizer<E>> {
    let or =
        |name: &str, default: f64| case.setting(name).and_then(serde_json::Value::as_f64).unwrap_or(default);
    let flag = |name: &str| case.setting(name).and_then(serde_json::Value::as_bool).unwrap_or(false);
    let pair = |name: &str| {
        let pair = case.setting(name).and_then(|x| x.as_array());
        pair.map_or([0.0, 0.0], |pair| [0, 1].map(|i| pair[i].as_f64().unwrap()))
    };
    let ([beta1, beta2], eps, weight_decay) = (pair("betas"), or("eps", 0.0), or("weight_decay", 0.0));
    let momentum = or("momentum", 0.0);
    match case.name.split('_').next().unwrap() {
        "sgd" => {
            optim(Sgd { momentum, dampening: or("dampening", 0.0), nesterov: flag("nesterov"), weight_decay })
        }
        "adagrad" => optim(AdaGrad { lr_decay: 0.0, eps, weight_decay }),
        "rmsprop" => optim(RmsProp {
            alpha: or("alpha", 0.0),
            eps,
            weight_decay,
            momentum,
            centered: flag("centered"),
        }),
        "adadelta" => optim(AdaDelta { rho: or("rho", 0.0), eps, weight_decay }),
        "adam" => optim(Adam { beta1, beta2, eps, weight_decay, amsgrad: flag("amsgrad") }),
        "adamw" => optim(AdamW { beta1, beta2, eps, weight_decay }),
        "nadam" => {
            optim(NAdam { beta1, beta2, eps, weight_decay, momentum_decay: or("momentum_decay", 0.0) })
        }
        "radam" => optim(RAdam { beta1, beta2, eps, weight_decay }),
        "adafactor" => {
            let [eps1, eps2] = pair("eps");
            let (beta2_decay, clip) = (or("beta2_decay", 0.0), or("d", 0.0));
            optim(Adafactor { beta2_decay, eps1, eps2, clip, weight_decay })
        }
        "lion" => optim(Lion { beta1, beta2, weight_decay }),
        "lamb" => optim(Lamb { beta1, beta2, eps, weight_decay }),
        "muon" => {
            let (nesterov, iterations) = (flag("nesterov"), or("steps", 0.0) as usize);
            optim(Muon { momentum, nesterov, weight_decay, iterations, eps, ..Muon::default() })
        }
        name => panic!("no test of {name}"),
    }
}

fn check<E: Element>(golden: &Golden, case: &Case<'_>) {
    let start = |name: &str| Param::new(golden.tensor::<E>(&format!("problem/param/{name}")));
    let bias = case.has_param("bias").then(|| start("bias"));
    let mut model = Problem { weight: start("weight"), bias };
    let mut optim = build::<E>(case);
    for step in 0..10 {
        let mut grads = Gradients::new();
        for (path, param) in model.parameters() {
            let all = golden.tensor::<E>(&format!("problem/grad/{path}")); // (steps, ..)
            grads.add(param.var().leaf_id().unwrap(), all.select(0, step));
        }
        optim.step(&mut model, &grads, case.number("lr")).unwrap();
        for (path, param) in model.parameters() {
            let expected = case.param::<E>(&path).value().select(0, step);
            close(&format!("{} step {step}: {path}", case.name), param.value(), &expected.contiguous());
        }
    }
}

#[test]
fn every_optimiser_agrees_with_pytorch() {
    let golden = Golden::open("optim.safetensors");
    let names = golden.names();
    assert!(names.len() > 20);
    for name in &names {
        check::<f64>(&golden, &golden.case(name));
        check::<f32>(&golden, &golden.case(name));
    }
}
