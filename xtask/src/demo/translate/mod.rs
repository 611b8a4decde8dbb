//! From Chinese to English and from English to Spanish, with and without attention; and whether attention finds the
//! words that belong together, which of the Spanish Strong's numbers tell.

mod catalogue;
mod html;
mod manuals;
mod peer;
mod picture;
mod pieces;
mod task;
mod verses;

use std::path::Path;

use decode::{Beam, LengthPenalty};
use metrics::{AlignmentScores, Bleu, Chrf, CorpusMetric, Link};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::task::{Example, Known, Task};
use super::Demo;
use crate::Failure;
use crate::args::{Size, interrupt};
use crate::report::{Report, duration};
use crate::seq2seq::{Batch, Budget, END, Fitted, Kind, Recipe, Sizes, Translator, beam_search, fit};

/// Texts decoded together.
const TOGETHER: usize = 32;
/// Tokens of the longest translations.
const LONGEST: usize = 80;
/// Texts in the list.
const LISTED: usize = 4;

/// A trained model and what it makes of the held-out texts.
struct Run {
    name: String,
    model: Box<dyn Translator>,
    fitted: Fitted,
    said: Vec<String>,
    aligned: Option<AlignmentScores>,
}

pub(super) fn run(demo: &Demo) -> Result<(), Failure> {
    let dir = demo.run.out_dir("demo/translate")?;
    let size = demo.run.size();
    let mut report = Report::default();
    let wanted = |name: &str| demo.pair.as_deref().is_none_or(|pair| pair == name);
    if demo.words && !wanted("zh-en") {
        return Err("--words is about Chinese, which the pair en-es does not have".into());
    }
    if demo.peers {
        peer::prepare(demo.model.as_deref())?;
    }
    // All texts before any training: what is missing shows now and not after hours.
    let mut tasks: Vec<(Task, &[Kind])> = Vec::new();
    if wanted("zh-en") {
        let kinds = &[Kind::Lstm, Kind::LstmAttention, Kind::Transformer];
        tasks.push((manuals::task(size, demo.words)?, kinds));
    }
    if wanted("en-es") {
        let kinds = &[Kind::Lstm, Kind::LstmAttention, Kind::LstmLuong, Kind::Transformer];
        tasks.push((verses::task(size)?, kinds));
    }
    for (task, kinds) in &tasks {
        if !interrupt()?.is_set() {
            both_ways(demo, task, kinds, &dir, &mut report)?;
        }
    }
    println!("\npictures, summary, weights: {}", dir.display());
    Ok(())
}

/// Trains and compares models on one pair of languages.
fn both_ways(
    demo: &Demo,
    task: &Task,
    kinds: &[Kind],
    dir: &Path,
    report: &mut Report,
) -> Result<(), Failure> {
    let kinds = match demo.model.as_deref() {
        None => kinds.to_vec(),
        name => Kind::choose(name)?,
    };
    let (sizes, recipe) = plan(demo);
    if !report.text.is_empty() {
        report.line("");
    }
    report.line(&format!("translate {}: {}", task.name, task.about));
    let linked = task.test.iter().any(|example| example.known.is_some());
    let of_links = if linked { "     AER  precision  recall" } else { "" };
    report.line(&format!(
        "\n{:<15} {:>10} {:>7} {:>8} {:>7} {:>7}{of_links}",
        "model", "parameters", "epochs", "s/epoch", "BLEU", "chrF"
    ));
    let references: Vec<[String; 1]> = task.test.iter().map(|example| [example.text[1].clone()]).collect();
    let mut runs = Vec::new();
    let mut signatures = Vec::new();
    for kind in kinds {
        // What suits a recurrent model is too fast for the other.
        let slower = if kind == Kind::Transformer { 0.5 } else { 1.0 };
        let recipe = Recipe { peak_lr: slower * recipe.peak_lr, ..recipe };
        let run = train(demo, kind, &sizes, &recipe, task)?;
        let path = dir.join(format!("{}-{}.safetensors", task.name, kind.name()));
        nn::weights::save(&*run.model, &path, &nn::weights::Metadata::new())?;
        signatures = score(&run, &references, report)?;
        report.save(dir)?;
        runs.push(run);
        if interrupt()?.is_set() {
            break;
        }
        if demo.peers && kind == peer::KIND {
            // What is ours stays, whatever becomes of the other.
            match peer::train(&sizes, &recipe, task, demo.run.seed, &runs[runs.len() - 1].fitted) {
                Ok((model, fitted)) => {
                    let run = judge("… by PyTorch".to_owned(), model, fitted, task)?;
                    score(&run, &references, report)?;
                    runs.push(run);
                }
                Err(error) => report.line(&format!("… by PyTorch: {error}")),
            }
        }
    }
    let spent: f64 = runs.iter().map(|run| run.fitted.processor_seconds).sum();
    report.line(&format!(
        "\n{};\n{}; training took {} of processor time, all threads together",
        task.note,
        signatures.join(", "),
        duration(spent)
    ));
    examples(&runs, task, report);
    let models: Vec<(&str, &dyn Translator)> =
        runs.iter().map(|run| (run.name.as_str(), &*run.model)).collect();
    picture::save(&models, task, &dir.join(format!("{}.png", task.name)), report)?;
    report.save(dir)
}

/// Puts a model's line of the table into the report; gives the signatures of its scores.
fn score(run: &Run, references: &[[String; 1]], report: &mut Report) -> Result<Vec<String>, Failure> {
    let bleu = Bleu::default().corpus(&run.said, references)?;
    let chrf = Chrf::default().corpus(&run.said, references)?;
    let aligned = run.aligned.map_or_else(String::new, |scores| {
        format!(" {:>7.3} {:>10.3} {:>7.3}", scores.error_rate(), scores.precision(), scores.recall())
    });
    report.line(&format!(
        "{:<15} {:>10} {:>7.1} {:>8.1} {:>7.2} {:>7.2}{aligned}",
        run.name,
        run.model.parameter_count(),
        run.fitted.epochs,
        run.fitted.seconds_per_epoch(),
        bleu.score,
        chrf.score
    ));
    Ok(vec![format!("{}|{}", bleu.name, bleu.signature), format!("{}|{}", chrf.name, chrf.signature)])
}

fn plan(demo: &Demo) -> (Sizes, Recipe) {
    let small = Sizes { embed: 96, hidden: 192, layers: 1, d_model: 128, blocks: 2, dropout: 0.2 };
    let recipe = Recipe {
        budget: Budget::Epochs(12),
        batch: 32,
        peak_lr: 2e-3,
        warm_up: 100,
        label_smoothing: 0.1,
        average: 0.99,
    };
    let (mut sizes, mut recipe) = match demo.run.size() {
        Size::Quick => (small, Recipe { budget: Budget::Epochs(1), ..recipe }),
        Size::Normal => (small, recipe),
        Size::Full => (
            Sizes { embed: 192, hidden: 384, d_model: 256, blocks: 3, ..small },
            Recipe {
                budget: Budget::ProcessorMinutes(60.0),
                batch: 64,
                peak_lr: 1e-3,
                warm_up: 200,
                average: 0.999,
                ..recipe
            },
        ),
    };
    if let Some(hidden) = demo.hidden {
        (sizes.hidden, sizes.d_model) = (hidden, hidden / 2);
    }
    if let Some(minutes) = demo.minutes {
        recipe.budget = Budget::ProcessorMinutes(minutes);
    }
    (sizes, recipe)
}

fn train(demo: &Demo, kind: Kind, sizes: &Sizes, recipe: &Recipe, task: &Task) -> Result<Run, Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(demo.run.seed);
    let mut model = kind.build(sizes, task.src_vocab, task.tgt_vocab, rng)?;
    let quiet = |_: &dyn Translator, _| Ok(String::new());
    let fitted = fit(&mut *model, &task.train, recipe, rng, &interrupt()?, quiet)?;
    judge(kind.name().to_owned(), model, fitted, task)
}

/// What a trained model makes of the held-out texts.
fn judge(name: String, model: Box<dyn Translator>, fitted: Fitted, task: &Task) -> Result<Run, Failure> {
    let said = translate(&*model, task)?;
    let mut aligned = AlignmentScores::default();
    let mut looked = false;
    for example in &task.test {
        let Some(known) = &example.known else { break };
        let Some(weights) = look(&*model, example)? else { break };
        looked = true;
        aligned.add(&found(&weights, example, known), &known.sure, &known.possible);
    }
    Ok(Run { name, model, fitted, said, aligned: looked.then_some(aligned) })
}

/// Every held-out text by beam search.
fn translate(model: &dyn Translator, task: &Task) -> Result<Vec<String>, Failure> {
    let beam = Beam { length_penalty: LengthPenalty::Wu(0.6), ..Beam::new(4, END, LONGEST) };
    let search = beam_search(&beam, &[])?;
    let mut said = Vec::with_capacity(task.test.len());
    for some in task.test.chunks(TOGETHER) {
        let batch = Batch::new(some.iter().map(|example| (&example.pair.source[..], &[][..])));
        for hypotheses in model.search(&search, &batch.source, &batch.lengths)? {
            said.push((task.say)(hypotheses.first().map_or(&[][..], |best| &best.tokens)));
        }
    }
    Ok(said)
}

/// Where the model looks as it reads the right translation, `(tgt_time, src_time)` with the ends of both.
fn look(model: &dyn Translator, example: &Example) -> Result<Option<Vec<f64>>, Failure> {
    let batch = Batch::new([(&example.pair.source[..], &example.pair.target[..])].into_iter());
    let weights = model.attention(&batch)?;
    Ok(weights.map(|weights| weights.to_vec().into_iter().map(f64::from).collect()))
}

/// Each target token whose link can be known, linked to the source token it looks at most.
fn found(weights: &[f64], example: &Example, known: &Known) -> Vec<Link> {
    let words = example.pair.source.len();
    let rows = weights.chunks(words + 1).zip(&known.asked).enumerate();
    rows.filter(|(_, (_, asked))| **asked)
        .filter_map(|(j, (row, _))| {
            let best = (0..words).max_by(|a, b| row[*a].total_cmp(&row[*b]))?;
            Some((best, j))
        })
        .collect()
}

fn examples(runs: &[Run], task: &Task, report: &mut Report) {
    let step = (task.test.len() / LISTED).max(1);
    for (i, example) in task.test.iter().enumerate().step_by(step).take(LISTED) {
        let [source, target] = &example.text;
        report.line(&format!("\n{source}\n  {:<15} {target}", "listed"));
        for run in runs {
            report.line(&format!("  {:<15} {}", run.name, run.said[i]));
        }
    }
}
