use std::collections::BTreeMap;

use autograd::Gradients;
use proptest::prelude::*;
use tensor::{Element, Tensor};

use super::*;
use crate::{Module, Param, Values};

/// A matrix and a vector.
struct Net<E: Element> {
    weight: Param<E>,
    bias: Param<E>,
}
crate::module!(Net<E> { weight, bias });

fn net<E: Element>() -> Net<E> {
    let fill = |shape: &[usize]| {
        Tensor::build(shape, |out| {
            out.iter_mut().enumerate().for_each(|(i, o)| *o = E::from_f64((i as f64 + 1.0).sin()));
        })
    };
    Net { weight: Param::new(fill(&[3, 5])), bias: Param::new(fill(&[7])) }
}

/// Gradients that change from step to step.
fn grads<E: Element>(model: &Net<E>, step: usize) -> Gradients<E> {
    let loss = model.weight.var().square().sum() * E::from_f64(0.5 + step as f64)
        + (model.bias.var() * E::from_f64((step as f64).cos())).sum();
    model.backward(&loss).unwrap()
}

fn step_with<E: Element>(
    optim: &mut dyn Optimizer<E>,
    model: &mut Net<E>,
    step: usize,
    lr: f64,
) -> Result<(), StepError> {
    let grads = grads(model, step);
    optim.step(model, &grads, lr)
}

fn values<E: Element>(model: &Net<E>) -> Vec<f64> {
    model.parameters().iter().flat_map(|(_, param)| param.value().cast::<f64>().to_vec()).collect()
}

/// Every rule that updates any shape, with most of its options on.
fn every_rule<E: Element>() -> Vec<Box<dyn Optimizer<E>>> {
    fn optim<E: Element>(rule: impl Rule<E> + 'static) -> Box<dyn Optimizer<E>> {
        Box::new(Optim::new(rule).unwrap().with_groups(Groups::no_decay_on_1d()))
    }
    vec![
        optim(Sgd::default()),
        optim(Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.1, ..Sgd::default() }),
        optim(AdaGrad { lr_decay: 0.1, weight_decay: 0.1, ..AdaGrad::default() }),
        optim(RmsProp { momentum: 0.9, centered: true, ..RmsProp::default() }),
        optim(AdaDelta::default()),
        optim(Adam { amsgrad: true, weight_decay: 0.1, ..Adam::default() }),
        optim(AdamW::default()),
        optim(NAdam::default()),
        optim(RAdam::default()),
        optim(Adafactor { weight_decay: 0.1, ..Adafactor::default() }),
        optim(Lion { weight_decay: 0.1, ..Lion::default() }),
        optim(Lamb::default()),
        optim(Muon::default().with_adamw(AdamW::default(), |_| true)),
    ]
}

#[test]
fn a_restored_optimiser_continues_bit_for_bit() {
    for (mut whole, mut resumed) in every_rule::<f32>().into_iter().zip(every_rule::<f32>()) {
        let mut model = net();
        for step in 0..4 {
            step_with(&mut *whole, &mut model, step, 0.01).unwrap();
        }
        let mut copy = Net { weight: model.weight.clone(), bias: model.bias.clone() };
        let text = serde_json::to_string(&whole.state()).unwrap();
        resumed.load_state(&copy, &serde_json::from_str(&text).unwrap()).unwrap();
        for step in 4..8 {
            step_with(&mut *whole, &mut model, step, 0.01).unwrap();
            step_with(&mut *resumed, &mut copy, step, 0.01).unwrap();
        }
        let rule = &whole.state().rule;
        assert_eq!(values(&model), values(&copy), "{rule}");
        assert!(values(&model) != values(&net::<f32>()), "{rule} changes nothing");
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            every_rule::<f32>()
                .into_iter()
                .map(|mut optim| {
                    let mut model =
                        Param::new(Tensor::<f32>::arange(70_000).reshape(&[700, 100]).map(|x| x * 1e-5));
                    for step in 1..3 {
                        let loss = model.var().square().sum() * step as f32;
                        let grads = model.backward(&loss).unwrap();
                        optim.step_clipped(&mut model, &grads, 0.01, 1.0).unwrap();
                    }
                    model.value().to_vec()
                })
                .collect::<Vec<_>>()
        })
    };
    assert!(on(1) == on(3));
}

proptest! {
    #[test]
    fn clipping_is_the_same_as_scaling_the_gradients(max_norm in 0.01f64..20.0) {
        for (mut clipped, mut plain) in every_rule::<f64>().into_iter().zip(every_rule::<f64>()) {
            let (mut a, mut b) = (net(), net());
            for step in 0..3 {
                let whole = grads(&a, step);
                let norm = clipped.step_clipped(&mut a, &whole, 0.01, max_norm).unwrap();
                let mut scaled = grads(&b, step);
                prop_assert!((scaled.clip_norm(max_norm) - norm).abs() < 1e-9 * norm);
                plain.step(&mut b, &scaled, 0.01).unwrap();
            }
            for (x, y) in values(&a).into_iter().zip(values(&b)) {
                prop_assert!((x - y).abs() <= 1e-9 * x.abs().max(1e-3), "{}: {x} {y}", clipped.state().rule);
            }
        }
    }
}

#[test]
fn groups_change_rate_and_decay() {
    let groups = Groups::new().with(|path, _| path == "bias", Group { lr_scale: 0.5, decay_scale: 0.0 });
    let rule = Sgd { weight_decay: 0.1, ..Sgd::default() };
    let mut optim = Optim::new(rule).unwrap().with_groups(groups);
    let mut model = net::<f64>();
    let before = values(&model);
    let loss = (model.weight.var() * 0.0).sum() + model.bias.var().sum();
    let grads = model.backward(&loss).unwrap();
    optim.step(&mut model, &grads, 0.2).unwrap();
    for (i, (old, new)) in before.iter().zip(values(&model)).enumerate() {
        let expected = if i < 15 { old * (1.0 - 0.2 * 0.1) } else { old - 0.5 * 0.2 };
        assert!((new - expected).abs() < 1e-15, "{i}");
    }
}

#[test]
fn parameters_are_changed_in_place() {
    let mut model = Param::new(Tensor::<f32>::ones(&[64, 64]));
    let mut optim = Optim::new(AdamW::default()).unwrap();
    let at = model.value().data().as_ptr();
    for _ in 0..3 {
        let grads = model.backward(&model.var().square().sum()).unwrap();
        optim.step(&mut model, &grads, 0.1).unwrap();
        assert_eq!(model.value().data().as_ptr(), at);
    }
}

#[test]
fn frozen_parameters_stay_and_keep_their_state() {
    let mut optim = Optim::new(AdamW::default()).unwrap();
    let mut model = net::<f64>();
    step_with(&mut optim, &mut model, 0, 0.1).unwrap();
    model.weight.freeze();
    let before = values(&model);
    let only_bias = |model: &Net<f64>| model.backward(&model.bias.var().sum()).unwrap();
    let g = only_bias(&model);
    optim.step(&mut model, &g, 0.1).unwrap();
    assert_eq!(values(&model)[..15], before[..15]);
    assert_ne!(values(&model)[15..], before[15..]);
    model.weight.unfreeze();
    step_with(&mut optim, &mut model, 1, 0.1).unwrap();
    let steps: BTreeMap<String, u64> =
        optim.state().parameters.into_iter().map(|p| (p.path, p.step)).collect();
    assert_eq!((steps["weight"], steps["bias"]), (2, 3));
}

#[test]
fn a_step_that_cannot_be_taken_changes_nothing_and_says_why() {
    let mut optim = Optim::new(AdamW::default()).unwrap();
    let mut model = net::<f32>();
    let before = values(&model);
    let partial = model.bias.var().sum().backward().unwrap();
    let error = optim.step(&mut model, &partial, 0.1).unwrap_err();
    assert_eq!(error.to_string(), "optimiser step: no gradient for weight");
    let broken = (model.weight.var().ln().sum() + model.bias.var().sum()).backward().unwrap();
    let mut broken = broken;
    broken.get_mut(model.weight.var()).unwrap().data_mut()[4] = f32::NAN;
    let error = optim.step_clipped(&mut model, &broken, 0.1, 1.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "optimiser step: the gradient of weight has a NaN or infinity at row-major index 4"
    );
    let mut muon = Optim::new(Muon::default()).unwrap();
    let error = step_with(&mut muon, &mut model, 0, 0.1).unwrap_err();
    let expected = "optimiser step: muon cannot update bias, shape [7]; give it to another rule (`Split`)";
    assert_eq!(error.to_string(), expected);
    assert_eq!(values(&model), before);
    assert!(optim.state().parameters.is_empty() && muon.state().parameters.is_empty());
}

#[test]
fn a_state_that_does_not_fit_is_described_in_full() {
    let mut optim = Optim::new(AdamW::default()).unwrap();
    let mut model = net::<f32>();
    step_with(&mut optim, &mut model, 0, 0.1).unwrap();
    let mut state = optim.state();
    optim.load_state(&model, &OptimizerState { rule: "adamw".into(), parameters: vec![] }).unwrap();
    state.parameters[0].buffers[0].name = "momentum".into();
    state.parameters[0].buffers[1].shape = vec![5, 3];
    state.parameters[1].path = "head.bias".into();
    let error = optim.load_state(&model, &state).unwrap_err().to_string();
    let expected = "optimiser state: missing weight:exp_avg, bias; unexpected weight:momentum, head.bias; \
                    weight:exp_avg_sq has shape [5, 3], expected [3, 5]";
    assert_eq!(error, expected);
    state.parameters[0].buffers[1] =
        SavedBuffer { name: "exp_avg_sq".into(), shape: vec![3, 5], values: Values::F32(vec![0.0; 2]) };
    let error = optim.load_state(&model, &state).unwrap_err().to_string();
    assert!(error.ends_with("weight:exp_avg_sq has shape [2], expected [3, 5]"), "{error}");
    state.rule = "sgd".into();
    let error = optim.load_state(&model, &state).unwrap_err().to_string();
    assert_eq!(error, "optimiser state: saved by `sgd`, expected `adamw`");
    assert!(optim.state().parameters.is_empty());
}

#[test]
fn adafactor_keeps_little_and_survives_zero_gradients() {
    let mut optim = Optim::new(Adafactor::default()).unwrap();
    let mut model = net::<f32>();
    let loss = model.weight.var().slice(0, 0..1).sum() + (model.bias.var() * 0.0).sum();
    let grads = model.backward(&loss).unwrap();
    optim.step(&mut model, &grads, 0.1).unwrap();
    assert!(values(&model).iter().all(|x| x.is_finite()));
    let state = optim.state();
    let shapes: Vec<&[usize]> = state.parameters[0].buffers.iter().map(|b| &b.shape[..]).collect();
    assert_eq!(shapes, [&[3, 1][..], &[1, 5]]);
}

#[test]
fn nonsense_settings_are_refused() {
    fn refused<R: Rule<f32>>(rule: R) -> String {
        Optim::<R, f32>::new(rule).err().expect("settings to be refused").to_string()
    }
    let error = refused(AdamW { beta2: 1.0, ..AdamW::default() });
    assert_eq!(error, "adamw: `beta2` is 1, expected a number in [0, 1)");
    refused(Sgd { nesterov: true, ..Sgd::default() });
    refused(Adafactor { clip: 0.0, ..Adafactor::default() });
    refused(Muon { momentum: f64::NAN, ..Muon::default() });
    refused(Split::new(Sgd::default(), Lion { weight_decay: -1.0, ..Lion::default() }, |_, _| true));
}
