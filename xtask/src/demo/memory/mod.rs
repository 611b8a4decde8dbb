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

use self::model::{Kind, Model, Seen};
use self::tasks::Task;
use crate::Failure;
use crate::args::{RunArgs, Size, interrupt};
use crate::report::Report;

const BATCH: usize = 32;

/// What happens at each step, before and after training.
struct Inside {
    kind: Kind,
    before: Seen,
    after: Seen,
}

pub(super) fn run(run: &RunArgs) -> Result<(), Failure> {
    let dir = run.out_dir("demo/memory")?;
    let (steps, lengths): (u64, &[usize]) = match run.size() {
        Size::Quick => (60, &[8, 16]),
        Size::Normal => (800, &[10, 20, 30]),
        Size::Full => (6_000, &[10, 30, 80, 200]),
    };
    let mut report = Report::default();
    let mut insides = Vec::new();
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
                insides.extend(seen.filter(|_| longest && task == Task::Adding));
            }
            report.line(&row);
        }
        report.line("");
    }
    explain(&insides, &mut report);
    explode::run(run.seed, &mut report)?;
    draw(&insides, &dir.join("gradients.png"))?;
    report.save(&dir)?;
    println!("\npicture, summary: {}", dir.display());
    Ok(())
}

/// Trains a model; gives its result on fresh sequences, and what happens inside if it hands a state on.
fn train(
    kind: Kind,
    task: Task,
    time: usize,
    steps: u64,
    seed: u64,
) -> Result<(f64, Option<Inside>), Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut model = Model::new(kind, task, time, rng)?;
    let fresh = task.draw(500, time, rng);
    let before = model.seen(&fresh)?;
    let mut adam = Optim::new(Adam::default())?;
    let schedule = Schedule::cosine(5e-3, 1e-4, steps);
    for step in 0..steps {
        let examples = task.draw(BATCH, time, rng);
        let loss = examples.loss(&model.forward(&examples.x, &mut Mode::Train(rng)))?;
        let grads = model.backward(&loss)?;
        adam.step_clipped(&mut model, &grads, schedule.at(step), 1.0)?;
    }
    let y = no_grad(|| model.forward(&fresh.x, &mut Mode::Eval));
    let inside = before.zip(model.seen(&fresh)?).map(|(before, after)| Inside { kind, before, after });
    Ok((fresh.result(&y)?, inside))
}

/// How much of the gradient comes back, and the gate that decides it.
fn explain(insides: &[Inside], report: &mut Report) {
    let Some(first) = insides.first() else { return };
    let time = first.before.output.len();
    report.line(&format!(
        "adding over {time} steps: the gradient at the first step, of that at the last (along the memory, at the last but\n\
         one, from which on the output alone counts); how much the gate f (LSTM) or z (GRU) lets stay of the memory at\n\
         each step, its mean, and what that leaves over all steps\n\n\
         {:<14} {:>15} {:>10} {:>12} {:>10} {:>12}",
        "", "before training", "after", "gate before", "after", "after, all"
    ));
    for Inside { kind, before, after } in insides {
        let gate = |seen: &Seen| seen.stays.map_or_else(String::new, |mean| format!("{mean:.3}"));
        let all = after.stays.map_or_else(String::new, |mean| format!("{:.1e}", mean.powi(time as i32)));
        let row = format!(
            "{:<14} {:>15.1e} {:>10.1e} {:>12} {:>10} {all:>12}",
            kind.name(),
            share(&before.output),
            share(&after.output),
            gate(before),
            gate(after)
        );
        report.line(row.trim_end());
        if !after.memory.is_empty() {
            let name = format!("{}, memory", kind.name());
            report.line(&format!(
                "{name:<14} {:>15.1e} {:>10.1e}",
                share(&before.memory),
                share(&after.memory)
            ));
        }
    }
    report.line("\nwhere the gate stays open a memory lasts, and with it the gradient");
}

/// Share of the last step's gradient that reaches the first.
fn share(norms: &[f64]) -> f64 {
    norms[0] / norms[norms.len() - 1].max(f64::MIN_POSITIVE)
}

fn draw(insides: &[Inside], path: &Path) -> Result<(), Failure> {
    let chart = |title: &str, of: fn(&Inside) -> &Seen| {
        let chart = Chart::new(title).x("step").y("norm of the gradient").log_y();
        insides.iter().fold(chart, |chart, inside| {
            let (name, seen) = (inside.kind.name(), of(inside));
            let chart = chart.line(name, &points(&seen.output));
            if seen.memory.is_empty() {
                chart
            } else {
                chart.line(format!("{name}, memory"), &points(&seen.memory))
            }
        })
    };
    let figure = Figure::new()
        .title("How much of the loss at the end reaches each step: the adding problem")
        .columns(2)
        .panel_size(640, 480)
        .add(chart("before training", |inside| &inside.before))
        .add(chart("after training", |inside| &inside.after));
    Ok(figure.save(path)?)
}

/// By step; what has vanished altogether has no logarithm.
fn points(norms: &[f64]) -> Vec<(f64, f64)> {
    norms.iter().enumerate().map(|(t, norm)| (t as f64, *norm)).filter(|(_, norm)| *norm > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short run of what the table shows: gates bring the sum of two numbers across a few steps.
    #[test]
    fn a_gru_learns_to_add() {
        let (error, inside) = train(Kind::Gru, Task::Adding, 6, 600, 1).unwrap();
        assert!(error < 0.05, "{error}");
        let Seen { output, memory, stays } = inside.unwrap().after;
        assert_eq!((output.len(), memory.len()), (6, 0));
        assert!((0.1..1.0).contains(&stays.unwrap()));
    }

    /// The gradient along the memory is what the gate leaves of it, which the output does not tell.
    #[test]
    fn the_memory_of_an_lstm_is_seen() {
        let (_, inside) = train(Kind::Lstm, Task::Adding, 6, 1, 1).unwrap();
        let Seen { output, memory, stays } = inside.unwrap().before;
        assert_eq!((output.len(), memory.len()), (6, 5));
        // Its bias is ln 6 above 0.
        assert!((0.8..0.9).contains(&stays.unwrap()), "{stays:?}");
        assert!(memory[0] / memory[4] > output[0] / output[5]);
    }
}
