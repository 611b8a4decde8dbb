//! The same text under RNN, GRU, LSTM and GPT: perplexity against processor time.

mod corpus;
mod model;

use std::path::Path;

use autograd::no_grad;
use metrics::LogLoss;
use nn::optim::{AdamW, Groups, Optim, Optimizer, Sgd};
use nn::schedule::Schedule;
use nn::{Mode, SampledSoftmax};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use recurrent::LanguageModelConfig;
use train::Progress;
use train::chart::{Chart, Figure};
use transformer::GptConfig;

use self::corpus::{Corpus, windows};
use self::model::{Kind, Language, Sizes};
use super::Demo;
use crate::Failure;
use crate::args::{Size, interrupt};
use crate::clock::processor_seconds;
use crate::report::Report;
use crate::seq2seq::Budget;

/// The cosine of the rate has so many parts.
const PARTS: u64 = 1_000_000;

/// Words from which the loss over the 33,278 of WikiText-2 is estimated.
const SAMPLES: usize = 2048;

/// How models are trained; see [`plan`].
struct Plan {
    sizes: Sizes,
    batch: usize,
    time: usize,
    budget: Budget,
    /// Of the recurrent models, and of the GPT.
    descents: [Descent; 2],
    /// How often the loss on validation text is taken.
    checks: usize,
    /// Validation tokens for that; at the end all count.
    checked: usize,
}

/// How weights move.
#[derive(Clone, Copy)]
enum Descent {
    /// Decay of matrices alone, gradients clipped to a norm of 1.
    AdamW { peak_lr: f64 },
    /// Plain, gradients clipped to a norm of a quarter.
    Sgd { peak_lr: f64 },
}

impl Descent {
    /// The rule with its highest rate and what gradients are clipped to.
    fn start(self) -> Result<(Box<dyn Optimizer>, f64, f64), Failure> {
        Ok(match self {
            Self::AdamW { peak_lr } => {
                let rule = AdamW { beta2: 0.99, weight_decay: 0.01, ..AdamW::default() };
                (Box::new(Optim::new(rule)?.with_groups(Groups::no_decay_on_1d())), peak_lr, 1.0)
            }
            Self::Sgd { peak_lr } => (Box::new(Optim::new(Sgd::default())?), peak_lr, 0.25),
        })
    }
}

/// How it went.
struct Run {
    kind: Kind,
    model: Box<dyn Language>,
    /// Processor time in seconds, perplexity.
    curve: Vec<(f64, f64)>,
    tokens: usize,
    processor_seconds: f64,
}

pub(super) fn run(demo: &Demo) -> Result<(), Failure> {
    let kinds = Kind::choose(demo.model.as_deref())?;
    let mut corpus = match demo.run.size() {
        Size::Full => Corpus::wikitext()?,
        _ => Corpus::shakespeare()?,
    };
    if demo.run.size() == Size::Quick {
        corpus.train.truncate(80_000);
        corpus.valid.truncate(5_000);
    }
    let plan = plan(demo, &corpus)?;
    let dir = demo.run.out_dir("demo/lm")?;
    let mut report = Report::default();
    report.line(&format!("lm: {}\n", corpus.describe()));
    let test = if corpus.test.is_empty() { String::new() } else { format!(" {:>10}", "test") };
    report.line(&format!(
        "{:<6} {:>10} {:>14} {:>13} {:>10}{test}",
        "model", "parameters", "tokens seen", "processor s", "validation"
    ));
    let mut runs = Vec::new();
    for kind in kinds {
        let mut run = train(demo, kind, &plan, &corpus)?;
        let path = dir.join(format!("{}.safetensors", kind.name()));
        nn::weights::save(&*run.model, &path, &nn::weights::Metadata::new())?;
        let mut row = format!(
            "{:<6} {:>10} {:>14} {:>13.0} {:>10.2}",
            kind.name(),
            run.model.parameter_count(),
            run.tokens,
            run.processor_seconds,
            evaluate(&mut *run.model, &corpus.valid, &plan)?.perplexity()
        );
        if !corpus.test.is_empty() {
            row += &format!(" {:>10.2}", evaluate(&mut *run.model, &corpus.test, &plan)?.perplexity());
        }
        report.line(&row);
        report.save(&dir)?;
        runs.push(run);
        if interrupt()?.is_set() {
            break;
        }
    }
    report
        .line("\nperplexity per token; a GPT begins every window anew, recurrent models go on from the last");
    for run in &runs {
        let said = run.model.write(corpus.prompt()?, 160, demo.run.seed)?;
        report.line(&format!("\n{}:\n{}", run.kind.name(), corpus.decode(&said).trim()));
    }
    draw(&runs, &corpus, &dir.join("perplexity.png"))?;
    report.save(&dir)?;
    println!("\npicture, summary, weights: {}", dir.display());
    Ok(())
}

fn plan(demo: &Demo, corpus: &Corpus) -> Result<Plan, Failure> {
    let vocab = corpus.vocab();
    let hidden = demo.hidden.unwrap_or(256);
    let small = Plan {
        sizes: Sizes {
            recurrent: LanguageModelConfig { hidden, ..LanguageModelConfig::new(vocab, 128) },
            sampled: None,
            gpt: GptConfig { d_model: hidden / 2, ..GptConfig::new(vocab) },
        },
        batch: 32,
        time: 64,
        budget: Budget::Epochs(1),
        descents: [Descent::AdamW { peak_lr: 3e-3 }; 2],
        checks: 8,
        checked: 20_000,
    };
    let mut plan = match demo.run.size() {
        Size::Quick => Plan { checks: 2, ..small },
        Size::Normal => small,
        Size::Full => {
            // One layer, which is as good as two for the time it takes, and small batches: steps count for more than
            // tokens as long as passes over the text are few.
            let width = demo.hidden.unwrap_or(448);
            Plan {
                sizes: Sizes {
                    recurrent: LanguageModelConfig {
                        dropout: 0.3,
                        tied: true,
                        ..LanguageModelConfig::new(vocab, width)
                    },
                    sampled: Some(SampledSoftmax::new(&corpus.frequencies(), SAMPLES)?),
                    gpt: GptConfig { d_model: width, dropout: 0.2, ..GptConfig::new(vocab) },
                },
                batch: 20,
                time: 35,
                budget: Budget::Epochs(20),
                // Most words are rare: Adam, which makes every gradient as large, tears at their vectors.
                descents: [Descent::Sgd { peak_lr: 20.0 }, Descent::AdamW { peak_lr: 3e-3 }],
                checks: 10,
                checked: 60_000,
            }
        }
    };
    if let Some(minutes) = demo.minutes {
        plan.budget = Budget::ProcessorMinutes(minutes);
    }
    Ok(plan)
}

fn train(demo: &Demo, kind: Kind, plan: &Plan, corpus: &Corpus) -> Result<Run, Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(demo.run.seed);
    let mut model = kind.build(&plan.sizes, rng)?;
    let descent = plan.descents[usize::from(kind == Kind::Gpt)];
    let (mut optimizer, peak_lr, clip) = descent.start()?;
    let schedule = Schedule::cosine(peak_lr, peak_lr / 20.0, PARTS);
    let checked = &corpus.valid[..plan.checked.min(corpus.valid.len())];
    let per_epoch = windows(&corpus.train, plan.batch, plan.time).count();
    let interrupt = interrupt()?;
    let mut progress = Progress::new(match plan.budget {
        Budget::Epochs(epochs) => (epochs * per_epoch) as u64,
        Budget::ProcessorMinutes(minutes) => (60.0 * minutes) as u64,
    });
    let start = processor_seconds();
    // Evaluations are not training.
    let mut spent_on_checks = 0.0;
    let (mut curve, mut step, mut tokens) = (Vec::new(), 0_u64, 0);
    'epochs: loop {
        model.forget();
        for window in windows(&corpus.train, plan.batch, plan.time) {
            let spent = processor_seconds() - start - spent_on_checks;
            let done = match plan.budget {
                Budget::Epochs(epochs) => step as f64 / (epochs * per_epoch) as f64,
                Budget::ProcessorMinutes(minutes) => spent / (60.0 * minutes),
            };
            if done >= 1.0 || interrupt.is_set() {
                break 'epochs;
            }
            if done * plan.checks as f64 > curve.len() as f64 + 1.0 {
                let before = processor_seconds();
                let loss = aside(&mut *model, checked, plan)?;
                spent_on_checks += processor_seconds() - before;
                curve.push((spent, loss.perplexity()));
                // Short runs say it in their table and picture.
                if demo.run.size() == Size::Full {
                    let (name, tokens) = (kind.name(), checked.len());
                    let said =
                        format!("{name}: perplexity {:.2} of the first {tokens} tokens", loss.perplexity());
                    progress.print(&said);
                }
            }
            let loss = model.loss(&window, &mut Mode::Train(rng))?;
            let value = train::finite(step + 1, "the loss", f64::from(loss.item()))?;
            let grads = model.backward(&loss)?;
            let rise = ((step + 1) as f64 / 100.0).min(1.0);
            let lr = rise * schedule.at((done * PARTS as f64) as u64);
            optimizer.step_clipped(&mut *model, &grads, lr, clip)?;
            step += 1;
            tokens += window.input.len();
            let at = if let Budget::Epochs(_) = plan.budget { step } else { spent as u64 };
            progress.update(at, value, window.input.len());
        }
    }
    progress.finish();
    let processor_seconds = processor_seconds() - start - spent_on_checks;
    curve.push((processor_seconds, evaluate(&mut *model, checked, plan)?.perplexity()));
    Ok(Run { kind, model, curve, tokens, processor_seconds })
}

/// [`evaluate`] in the midst of training: the model then begins its next window as if a text began.
fn aside(model: &mut dyn Language, ids: &[u32], plan: &Plan) -> Result<LogLoss, Failure> {
    let loss = evaluate(model, ids, plan)?;
    model.forget();
    Ok(loss)
}

/// Loss over a text, read from its beginning in a few streams.
fn evaluate(model: &mut dyn Language, ids: &[u32], plan: &Plan) -> Result<LogLoss, Failure> {
    model.forget();
    let mut total = LogLoss::new();
    for window in windows(ids, 8, plan.time) {
        let loss = no_grad(|| model.loss(&window, &mut Mode::Eval))?;
        total.add_mean(f64::from(loss.item()), window.input.len());
    }
    Ok(total)
}

fn draw(runs: &[Run], corpus: &Corpus, path: &Path) -> Result<(), Failure> {
    let chart = Chart::new(format!("{}: validation", corpus.name))
        .x("processor time of training, seconds")
        .y("perplexity per token")
        .log_y();
    let chart = runs.iter().fold(chart, |chart, run| chart.marked(run.kind.name(), &run.curve));
    Ok(Figure::from(chart).save(path)?)
}
