//! Losses against PyTorch, value and gradients, in both precisions.

use crate::golden::{Case, Golden};
use autograd::{Reduction, Var};
use nn::{BceWithLogits, CosineEmbedding, CrossEntropy, Focal, Hinge, Huber, Mae, Mse, Triplet};
use tensor::Element;

fn reduction(case: &Case<'_>) -> Reduction {
    match case.setting("reduction").and_then(|name| name.as_str()) {
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        _ => Reduction::Mean,
    }
}

fn cross_entropy<E: Element>(case: &Case<'_>) {
    let logits = case.leaf::<E>("input");
    let weighted = case.name.contains("weight") || case.name.ends_with("all");
    let loss = CrossEntropy {
        label_smoothing: case.setting("label_smoothing").map_or(0.0, |_| case.number("label_smoothing")),
        ignore_index: case.setting("ignore_index").map(|_| case.number("ignore_index") as u32),
        class_weights: weighted.then(|| case.input::<f64>("weight").to_vec()),
        z_loss: 0.0,
        reduction: reduction(case),
    };
    let y = loss.forward(&logits, &case.ids("target")).unwrap();
    case.check(&y, &[("input", &logits)]);
}

fn likelihood<E: Element>(case: &Case<'_>) {
    let x = case.leaf::<E>("input");
    let ignored = case.setting("ignore_index").map(|_| case.number("ignore_index") as u32);
    case.check(&x.nll(&case.ids("target"), ignored, None, Reduction::Mean), &[("input", &x)]);
}

fn binary<E: Element>(case: &Case<'_>) {
    let logits = case.leaf::<E>("input");
    let pos_weight = case.name.ends_with("pos_weight").then(|| case.input::<f64>("pos_weight").to_vec());
    let loss = BceWithLogits { pos_weight, reduction: Reduction::Mean };
    case.check(&loss.forward(&logits, &case.input("target")).unwrap(), &[("input", &logits)]);
}

fn regression<E: Element>(case: &Case<'_>) {
    let (x, target) = (case.leaf::<E>("input"), case.leaf::<E>("target"));
    let reduction = reduction(case);
    let y = match case.name {
        "l1" => Mae { reduction }.forward(&x, &target),
        "huber" => Huber::new(case.number("delta")).unwrap().forward(&x, &target),
        "smooth_l1" => x.smooth_l1(&target, case.number("beta"), reduction),
        _ => Mse { reduction }.forward(&x, &target),
    };
    case.check(&y, &[("input", &x), ("target", &target)]);
}

fn divergence<E: Element>(case: &Case<'_>) {
    let (x, target) = (case.leaf::<E>("input"), case.input::<E>("target"));
    let p = if case.setting("log_target").is_some() { target.map(E::exp) } else { target };
    let sum = x.kl_div(&Var::constant(p), Reduction::Sum);
    let count = if case.name == "kl_div_mean" { x.value().len() } else { x.dim(0) };
    case.check(&(sum * E::from_f64(1.0 / count as f64)), &[("input", &x)]);
}

fn margins<E: Element>(case: &Case<'_>) {
    match case.name {
        "hinge" => {
            let x = case.leaf::<E>("input");
            let y = Hinge::new(case.number("margin")).unwrap().forward(&x, &case.bools("target"));
            case.check(&y, &[("input", &x)]);
        }
        "focal" => {
            let x = case.leaf::<E>("input");
            let loss = Focal::new(case.number("gamma"), Some(case.number("alpha"))).unwrap();
            case.check(&loss.forward(&x, &case.bools("target")), &[("input", &x)]);
        }
        "cosine_embedding" => {
            let (x1, x2) = (case.leaf::<E>("input1"), case.leaf::<E>("input2"));
            let loss = CosineEmbedding::new(case.number("margin")).unwrap();
            case.check(&loss.forward(&x1, &x2, &case.bools("target")), &[("input1", &x1), ("input2", &x2)]);
        }
        _ => {
            let [anchor, positive, negative] =
                ["anchor", "positive", "negative"].map(|name| case.leaf::<E>(name));
            let loss = Triplet::new(case.number("margin")).unwrap();
            let y = loss.forward(&anchor, &positive, &negative);
            case.check(&y, &[("anchor", &anchor), ("positive", &positive), ("negative", &negative)]);
        }
    }
}

/// Whether the loss of the case is one of ours.
fn check<E: Element>(case: &Case<'_>) -> bool {
    match case.name {
        name if name.starts_with("cross_entropy") => cross_entropy::<E>(case),
        name if name.starts_with("nll") => likelihood::<E>(case),
        name if name.starts_with("bce_with_logits") => binary::<E>(case),
        name if name.starts_with("kl_div") => divergence::<E>(case),
        "mse" | "mse_sum" | "l1" | "smooth_l1" | "huber" => regression::<E>(case),
        "hinge" | "focal" | "cosine_embedding" | "triplet" => margins::<E>(case),
        _ => return false,
    }
    true
}

#[test]
fn every_loss_agrees_with_pytorch() {
    let golden = Golden::open("losses.safetensors");
    let names = golden.names();
    let without: Vec<&str> = names
        .iter()
        .filter(|name| !(check::<f32>(&golden.case(name)) && check::<f64>(&golden.case(name))))
        .map(String::as_str)
        .collect();
    // Losses on probabilities rather than logits, and on distances: other forms of the ones above.
    assert_eq!(without, ["bce", "hinge_embedding"]);
    assert!(names.len() > 25);
}
