//! All activation functions and their derivatives in one picture.

use std::path::Path;

use autograd::Var;
use nn::Activation;
use tensor::Tensor;
use train::chart::{Chart, Figure};

use crate::Failure;

pub(super) fn draw(path: &Path) -> Result<(), Failure> {
    let x: Tensor<f64> = Tensor::linspace(-4.0, 8.0, 601);
    let mut figure =
        Figure::new().title("Activations and their derivatives (dashed)").columns(5).panel_size(360, 280);
    for activation in Activation::ALL {
        let leaf = Var::leaf(x.clone());
        let y = activation.forward(&leaf);
        let grads = y.sum().backward()?;
        let slope = grads.get(&leaf).ok_or("y depends on x")?;
        let points = |values: &Tensor<f64>| -> Vec<(f64, f64)> {
            x.to_vec().into_iter().zip(values.to_vec()).collect()
        };
        let chart = Chart::new(activation.name()).line("", &points(y.value())).dashed("", &points(slope));
        figure = figure.add(chart.y_range(-2.0..=7.0));
    }
    Ok(figure.save(path)?)
}
