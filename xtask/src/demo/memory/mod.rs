//! How far back models remember: where an RNN forgets and gates and attention do not, and why.

mod explode;
mod model;
mod tasks;

use std::path::Path;

use autograd::no_grad;
use nn::optim::{Adam, Optim, Optimizer};
use nn::schedule::Schedule;
use nn::{Mode, Module as _};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use train::chart::{Chart, Figure};

use self::model::{Kind, Model};
use self::tasks::Task;
use crate::Failure;
use crate::args::{RunArgs, Size, interrupt};
use crate::report::Report;

const BATCH: usize = 32;

/// Norms of gradients by step, before and after training.
struct Norms {
    kind: Kind,
    before: Vec<f64>,
    after: Vec<f64>,
}

pub(super) fn run(run: &RunArgs) -> Result<(), Failure> {
    let dir = run.out_dir("demo/memory")?;
    let (steps, lengths): (u64, &[usize]) = match run.size() {
        Size::Quick => (60, &[8, 16]),
        Size::Normal => (800, &[10, 30, 80]),
        Size::Full => (6_000, &[10, 30, 80, 200]),
    };
    let mut report = Report::default();
    let mut norms = Vec::new();
    let tasks = [
        (Task::Adding, "adding: squared error of the sum of two marked numbers; a guess has 0.167"),
        (Task::Copying, "copying: per cent of three symbols that are right at the end; a guess has 25"),
    ];
    for (task, what) in tasks {
        report.line(&format!("{what}\n{steps} steps of {BATCH} sequences\n"));
        let head: String = lengths.iter().map(|time| format!(" {:>10}", format!("{time} steps"))).collect();
        report.line(&format!("{:<10}{head}", ""));
        for kind in Kind::ALL {
            let mut row = format!("{:<10}", kind.name());
            for time in lengths {
                if interrupt()?.is_set() {
                    return Ok(());
                }
                let (result, seen) = train(kind, task, *time, steps, run.seed)?;
                row += &match task {
                    Task::Adding => format!(" {result:>10.4}"),
                    Task::Copying => format!(" {result:>10.1}"),
                };
                let longest = Some(time) == lengths.last();
                norms.extend(seen.filter(|_| longest && task == Task::Adding));
            }
            report.line(&row);
        }
        report.line("");
    }
    explain(&norms, &mut report);
    explode::run(run.seed, &mut report)?;
    draw(&norms, &dir.join("gradients.png"))?;
    std::fs::write(dir.join("summary.txt"), &report.text)?;
    println!("\npicture, summary: {}", dir.display());
    Ok(())
}

/// Trains a model; gives its result on fresh sequences, and the norms of its gradients if it hands a state on.
fn train(
    kind: Kind,
    task: Task,
    time: usize,
    steps: u64,
    seed: u64,
) -> Result<(f64, Option<Norms>), Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut model = Model::new(kind, task, time, rng)?;
    let fresh = task.draw(500, time, rng);
    let before = model.gradient_norms(&fresh)?;
    let mut adam = Optim::new(Adam::default())?;
    let schedule = Schedule::cosine(5e-3, 1e-4, steps);
    for step in 0..steps {
        let examples = task.draw(BATCH, time, rng);
        let loss = examples.loss(&model.forward(&examples.x, &mut Mode::Train(rng)))?;
        let grads = model.backward(&loss)?;
        adam.step_clipped(&mut model, &grads, schedule.at(step), 1.0)?;
    }
    let y = no_grad(|| model.forward(&fresh.x, &mut Mode::Eval));
    let after = model.gradient_norms(&fresh)?;
    let norms = (!after.is_empty()).then_some(Norms { kind, before, after });
    Ok((fresh.result(&y)?, norms))
}

/// Share of the last step's gradient that reaches the first.
fn explain(norms: &[Norms], report: &mut Report) {
    let Some(first) = norms.first() else { return };
    report.line(&format!(
        "adding over {} steps: the gradient at the first step, of that at the last\n\n{:<10} {:>16} {:>15}",
        first.before.len(),
        "",
        "before training",
        "after"
    ));
    for Norms { kind, before, after } in norms {
        let share = |norms: &[f64]| norms[0] / norms[norms.len() - 1].max(f64::MIN_POSITIVE);
        report.line(&format!("{:<10} {:>16.1e} {:>15.1e}", kind.name(), share(before), share(after)));
    }
}

fn draw(norms: &[Norms], path: &Path) -> Result<(), Failure> {
    let chart = |title: &str, of: fn(&Norms) -> &[f64]| {
        let chart = Chart::new(title).x("step").y("norm of the gradient").log_y();
        norms.iter().fold(chart, |chart, norms| {
            // What has vanished altogether has no logarithm.
            let points = of(norms).iter().enumerate().map(|(t, norm)| (t as f64, *norm));
            chart.line(norms.kind.name(), &points.filter(|(_, norm)| *norm > 0.0).collect::<Vec<_>>())
        })
    };
    let figure = Figure::new()
        .title("How much of the loss at the end reaches each step: the adding problem")
        .columns(2)
        .panel_size(640, 480)
        .add(chart("before training", |norms| &norms.before))
        .add(chart("after training", |norms| &norms.after));
    Ok(figure.save(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short run of what the table shows: gates bring the sum of two numbers across a few steps.
    #[test]
    fn a_gru_learns_to_add() {
        let (error, norms) = train(Kind::Gru, Task::Adding, 6, 600, 1).unwrap();
        assert!(error < 0.05, "{error}");
        assert_eq!(norms.unwrap().after.len(), 6);
    }
}
