//! Which of twelve languages is this line? A small task a net learns by heart, and four ways against that.

use std::path::Path;

use autograd::{Var, no_grad};
use nn::optim::{Optim, Optimizer, Sgd};
use nn::{Activation, CrossEntropy, Dropout, Linear, Mode, Module, Sequential, regularise};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tensor::{Ids, Tensor};
use train::chart::{Chart, Figure};
use train::{EarlyStop, Shuffled, Verdict};

use crate::Failure;
use crate::args::{RunArgs, Size, workspace};
use crate::report::Report;

/// Character pairs are counted in this many bins.
const BINS: usize = 512;
const HIDDEN: usize = 256;
/// Characters of a line that the net sees.
const WINDOW: usize = 40;

/// Lines as counts of character pairs, `(lines, bins)`, and their languages.
struct Lines {
    x: Tensor,
    language: Ids,
}

/// One way to train.
#[derive(Clone, Copy)]
struct Method {
    name: &'static str,
    l1: f64,
    l2: f64,
    /// Of the character pairs that the net sees.
    dropout: f64,
    early_stop: bool,
}

const PLAIN: Method = Method { name: "plain", l1: 0.0, l2: 0.0, dropout: 0.0, early_stop: false };
const METHODS: [Method; 5] = [
    PLAIN,
    Method { name: "L1", l1: 3e-4, ..PLAIN },
    Method { name: "L2", l2: 3e-3, ..PLAIN },
    Method { name: "dropout", dropout: 0.5, ..PLAIN },
    Method { name: "early stop", early_stop: true, ..PLAIN },
];

/// Epoch and loss.
type Curve = Vec<(f64, f64)>;

/// How a method went.
struct Outcome {
    train: Curve,
    valid: Curve,
    /// Of the weights that are kept: the last, or with early stopping the best.
    kept: Score,
}

/// Mean loss and accuracy after an epoch.
#[derive(Clone, Copy, Default)]
struct Score {
    epoch: usize,
    train: (f64, f64),
    valid: (f64, f64),
}

/// Trains by every method, draws the curves, and returns the table.
pub(super) fn run(run: &RunArgs, dir: &Path) -> Result<String, Failure> {
    let (train, valid) = read()?;
    let names = names()?;
    let languages = names.len();
    let mut report = Report::default();
    report.line(&format!(
        "\nlanguages: which of {} is a line of {WINDOW} characters?\n{} lines to train on, {} for validation\n",
        names.join(", "),
        train.language.len(),
        valid.language.len()
    ));
    report.line(&format!(
        "{:<11} {:>10} {:>10} {:>9} {:>9} {:>7}",
        "method", "train loss", "val loss", "train acc", "val acc", "epochs"
    ));
    let epochs = match run.size() {
        Size::Quick => 30,
        Size::Normal => 60,
        Size::Full => 240,
    };
    let mut figure =
        Figure::new().title("Training (line) and validation loss (dashed)").columns(3).panel_size(480, 360);
    let mut kept = Vec::new();
    for method in METHODS {
        let outcome = fit(method, &train, &valid, languages, epochs, run.seed)?;
        let Score { epoch, train, valid } = &outcome.kept;
        report.line(&format!(
            "{:<11} {:>10.3} {:>10.3} {:>8.1}% {:>8.1}% {epoch:>7}",
            method.name,
            train.0,
            valid.0,
            100.0 * train.1,
            100.0 * valid.1,
        ));
        kept.push((method.name, valid.0));
        let chart =
            Chart::new(method.name).x("epoch").y("nats").y_range(0.0..=2.5).x_range(1.0..=epochs as f64);
        figure = figure.add(chart.line("training", &outcome.train).dashed("validation", &outcome.valid));
    }
    let plain = kept[0].1;
    let better: Vec<&str> = kept.iter().filter(|(_, loss)| *loss < plain).map(|(name, _)| *name).collect();
    report.line(&format!(
        "\nPlainly trained, the net knows its training lines by heart and becomes surer of its errors on others;\n\
         with a lower validation loss: {}. Losses over the epochs: regularisation.png",
        if better.is_empty() { "none".to_owned() } else { better.join(", ") }
    ));
    figure.save(dir.join("regularisation.png"))?;
    Ok(report.text)
}

fn fit(
    method: Method,
    train: &Lines,
    valid: &Lines,
    languages: usize,
    epochs: usize,
    seed: u64,
) -> Result<Outcome, Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut model = Sequential::<f32>::new()
        .with(Dropout::new(method.dropout)?)
        .with(Linear::new(BINS, HIDDEN, true, rng)?)
        .with(Activation::Relu)
        .with(Linear::new(HIDDEN, languages, true, rng)?);
    let mut sgd = Optim::new(Sgd { momentum: 0.9, ..Sgd::default() })?;
    let mut order = Shuffled::new(train.language.len());
    let mut stop = EarlyStop::new(3, 1e-3)?;
    let mut outcome = Outcome { train: Vec::new(), valid: Vec::new(), kept: Score::default() };
    for epoch in 1..=epochs {
        for _ in 0..train.language.len().div_ceil(32) {
            let picked = order.next_batch(32, rng);
            let rows = Ids::from_slice(&picked.iter().map(|row| *row as u32).collect::<Vec<_>>());
            let language: Vec<u32> = picked.iter().map(|row| train.language.data()[*row]).collect();
            let x = Var::constant(train.x.rows(&rows)); // (batch, bins)
            let logits = model.forward(&x, &mut Mode::Train(rng)); // (batch, languages)
            let loss = CrossEntropy::default().forward(&logits, &Ids::from_slice(&language))?;
            let mut grads = model.backward(&loss)?;
            regularise::add_l1(&model, &mut grads, method.l1, regularise::weights);
            regularise::add_l2(&model, &mut grads, method.l2, regularise::weights);
            sgd.step(&mut model, &grads, 0.08)?;
        }
        let score = Score { epoch, train: evaluate(&model, train)?, valid: evaluate(&model, valid)? };
        outcome.train.push((epoch as f64, score.train.0));
        outcome.valid.push((epoch as f64, score.valid.0));
        match stop.update(score.valid.0) {
            Verdict::Stop if method.early_stop => break,
            Verdict::Best => outcome.kept = score,
            _ if !method.early_stop => outcome.kept = score,
            _ => {}
        }
    }
    Ok(outcome)
}

/// Mean loss and accuracy, without noise.
fn evaluate(model: &Sequential, lines: &Lines) -> Result<(f64, f64), Failure> {
    no_grad(|| {
        let logits = model.forward(&Var::constant(lines.x.clone()), &mut Mode::Eval);
        let loss = CrossEntropy::default().forward(&logits, &lines.language)?;
        let guess = logits.value().argmax(-1);
        let right = guess.data().iter().zip(lines.language.data()).filter(|(a, b)| a == b).count();
        Ok((f64::from(loss.item()), right as f64 / lines.language.len() as f64))
    })
}

/// Codes of the languages, in order.
fn names() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(workspace().join("fixtures/text/udhr"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".txt").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Every fourth line for training, which is little, the others for validation.
fn read() -> Result<(Lines, Lines), Failure> {
    let mut parts = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    for (language, name) in names()?.iter().enumerate() {
        let path = workspace().join("fixtures/text/udhr").join(name).with_extension("txt");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let long = text.lines().filter(|line| line.chars().count() >= WINDOW);
        for (i, line) in long.enumerate() {
            let (x, languages) = &mut parts[usize::from(i % 4 != 0)];
            x.extend(features(line));
            languages.push(language as u32);
        }
    }
    let [train, valid] = parts.map(|(x, languages)| Lines {
        x: Tensor::from_vec(x, &[languages.len(), BINS]),
        language: Ids::from_slice(&languages),
    });
    Ok((train, valid))
}

/// How often each bin's character pairs occur in the first characters of a line, lower case.
fn features(line: &str) -> Vec<f32> {
    let letters: Vec<u32> = line.to_lowercase().chars().take(WINDOW).map(u32::from).collect();
    let mut counts = vec![0.0; BINS];
    for pair in letters.windows(2) {
        let mixed = pair[0].wrapping_mul(0x9e37_79b1).wrapping_add(pair[1]).wrapping_mul(0x85eb_ca6b);
        counts[(mixed >> 16) as usize % BINS] += 1.0;
    }
    counts
}
