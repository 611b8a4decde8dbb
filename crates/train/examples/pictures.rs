//! Draws one picture of each kind into the directory given, to be looked at.

use std::path::PathBuf;

use rand::{RngExt, SeedableRng};
use train::chart::{Chart, Figure, HeatMap};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir: PathBuf = std::env::args().nth(1).ok_or("give a directory to draw into")?.into();
    std::fs::create_dir_all(&dir)?;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);

    let train: Vec<(f64, f64)> = (1..2000)
        .map(|i| (i as f64, 1.5 + 3.0 * (-i as f64 / 300.0).exp() + rng.random_range(-0.15..0.15)))
        .collect();
    let validation: Vec<(f64, f64)> =
        (0..=8).map(|i| (i as f64 * 250.0, 1.6 + 3.0 * (-i as f64 * 250.0 / 300.0).exp())).collect();
    let loss = Chart::new("Loss of a small language model")
        .x("step")
        .y("nats per token")
        .smoothed("train", &train, 0.97)
        .marked("validation", &validation);
    Figure::from(loss.clone()).save(dir.join("loss.png"))?;

    let norms = |rate: f64| -> Vec<(f64, f64)> { (0..80).map(|t| (t as f64, rate.powi(80 - t))).collect() };
    let gradients = Chart::new("Gradient norm per time step")
        .x("time step")
        .y("norm")
        .line("RNN", &norms(0.8))
        .dashed("LSTM", &norms(0.98))
        .line("clipped", &norms(1.05))
        .log_y();
    Figure::from(gradients).save(dir.join("log.png"))?;

    let source = ["the", "agreement", "on", "the", "European", "Economic", "Area", "was", "signed"];
    let target = ["l'", "accord", "sur", "la", "zone", "économique", "européenne", "a", "été", "signé"];
    let order = [0, 1, 2, 3, 6, 5, 4, 7, 7, 8];
    let weight = |row: usize, column: usize| (-2.0 * (order[row] as f64 - column as f64).powi(2)).exp();
    let values: Vec<f64> = (0..90).map(|i| weight(i / 9, i % 9)).collect();
    let map = HeatMap::new("Attention", &target, &source, &values)?.axes("target", "source").range(0.0, 1.0);
    Figure::from(map).panel_size(760, 640).save(dir.join("heat.png"))?;

    type Function = fn(f64) -> f64;
    let functions: [(&str, Function); 6] = [
        ("sigmoid", |x| 1.0 / (1.0 + (-x).exp())),
        ("tanh", f64::tanh),
        ("ReLU", |x| x.max(0.0)),
        ("SiLU", |x| x / (1.0 + (-x).exp())),
        ("softplus", |x| x.exp().ln_1p()),
        ("Mish", |x| x * x.exp().ln_1p().tanh()),
    ];
    let mut figure = Figure::new().title("Activations and their derivatives").columns(3).panel_size(400, 300);
    for (name, f) in functions {
        let slope = move |x: f64| (f(x + 1e-4) - f(x - 1e-4)) / 2e-4;
        let chart = Chart::new(name).function("f(x)", -4.0..=4.0, f).function("f′(x)", -4.0..=4.0, slope);
        figure = figure.add(chart);
    }
    figure.save(dir.join("grid.png"))?;
    Ok(())
}
