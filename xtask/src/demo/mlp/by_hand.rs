//! One forward and backward pass of a two-layer net, every number beside its finite difference.

use autograd::{CrossEntropy, Var};
use tensor::{Ids, Tensor};

use crate::Failure;

/// An input or a parameter of the net.
struct Quantity {
    name: &'static str,
    value: Tensor<f64>,
}

/// `x (batch, input)`, `w1 (hidden, input)`, `b1 (hidden)`, `w2 (classes, hidden)`, `b2 (classes)`.
fn start() -> [Quantity; 5] {
    let tensor =
        |name, data: &[f64], shape: &[usize]| Quantity { name, value: Tensor::from_slice(data, shape) };
    [
        tensor("x", &[1.0, -0.5, 0.25, 2.0], &[2, 2]),
        tensor("w1", &[0.5, -0.3, 0.8, 0.2, -0.6, 0.4], &[3, 2]),
        tensor("b1", &[0.1, -0.2, 0.0], &[3]),
        tensor("w2", &[0.7, -0.4, 0.3, -0.5, 0.6, 0.2], &[2, 3]),
        tensor("b2", &[0.05, -0.05], &[2]),
    ]
}

/// The steps from one intermediate value to the loss, so that each can be asked for its gradient.
fn steps(x: &Var<f64>, p: &[Var<f64>]) -> [Var<f64>; 4] {
    let z1 = x.linear(&p[0], Some(&p[1])); // (batch, hidden)
    let h = z1.tanh(); // (batch, hidden)
    let logits = h.linear(&p[2], Some(&p[3])); // (batch, classes)
    let loss = loss(&logits);
    [z1, h, logits, loss]
}

fn loss(logits: &Var<f64>) -> Var<f64> {
    logits.cross_entropy(&Ids::from_slice(&[0, 1]), &CrossEntropy::default())
}

pub(super) fn run() -> Result<(), Failure> {
    let start = start();
    let leaves: Vec<Var<f64>> = start.iter().map(|quantity| Var::leaf(quantity.value.clone())).collect();
    let [z1, h, logits, l] = steps(&leaves[0], &leaves[1..]);
    println!("mlp: a two-layer net by hand, two inputs to three hidden values to two classes\n");
    println!("a batch of two, of classes 0 and 1, and the weights");
    for quantity in &start {
        println!("  {:<20} {}", quantity.name, one_line(&quantity.value));
    }
    println!("\nforward");
    for (formula, value) in
        [("z1 = x·w1ᵀ + b1", &z1), ("h = tanh(z1)", &h), ("logits = h·w2ᵀ + b2", &logits), ("loss", &l)]
    {
        println!("  {formula:<20} {}", one_line(value.value()));
    }
    println!("\nbackward: each gradient, and the same by finite differences");
    let grads = l.backward()?;
    let after_h = |h: &Var<f64>| loss(&h.linear(&leaves[3], Some(&leaves[4])));
    show("logits", logits.value(), loss)?;
    show("h", h.value(), after_h)?;
    show("z1", z1.value(), |z1| after_h(&z1.tanh()))?;
    for (i, quantity) in start.iter().enumerate() {
        let numeric = differences(&quantity.value, |value| {
            let mut changed = leaves.clone();
            changed[i] = Var::constant(value.clone());
            steps(&changed[0], &changed[1..])[3].item()
        });
        let analytic = grads.get(&leaves[i]).ok_or("every leaf has a gradient")?;
        print_pair(quantity.name, analytic, &numeric);
    }
    Ok(())
}

/// The gradient of an intermediate value: that of the rest of the net, with the value as its input.
fn show(name: &str, value: &Tensor<f64>, rest: impl Fn(&Var<f64>) -> Var<f64>) -> Result<(), Failure> {
    let leaf = Var::leaf(value.clone());
    let grads = rest(&leaf).backward()?;
    let analytic = grads.get(&leaf).ok_or("the loss depends on it")?;
    print_pair(name, analytic, &differences(value, |value| rest(&Var::constant(value.clone())).item()));
    Ok(())
}

/// Central differences of `f` in every element.
fn differences(at: &Tensor<f64>, f: impl Fn(&Tensor<f64>) -> f64) -> Tensor<f64> {
    const STEP: f64 = 1e-5;
    Tensor::build(at.shape(), |out| {
        for (i, slope) in out.iter_mut().enumerate() {
            let moved = |by: f64| {
                let mut moved = at.clone();
                moved.data_mut()[i] += by;
                f(&moved)
            };
            *slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        }
    })
}

fn print_pair(name: &str, analytic: &Tensor<f64>, numeric: &Tensor<f64>) {
    println!("  d loss / d {name:<7} {}", one_line(analytic));
    println!("  {:<18} {}", "  differences", one_line(numeric));
}

fn one_line(tensor: &Tensor<f64>) -> String {
    format!("{tensor:+.6}").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_agree_with_the_gradient() {
        let start = start();
        let leaves: Vec<Var<f64>> = start.iter().map(|quantity| Var::leaf(quantity.value.clone())).collect();
        let grads = steps(&leaves[0], &leaves[1..])[3].backward().unwrap();
        for (i, quantity) in start.iter().enumerate() {
            let numeric = differences(&quantity.value, |value| {
                let mut changed = leaves.clone();
                changed[i] = Var::constant(value.clone());
                steps(&changed[0], &changed[1..])[3].item()
            });
            assert!(grads.get(&leaves[i]).unwrap().max_abs_diff(&numeric) < 1e-9, "{}", quantity.name);
        }
    }
}
