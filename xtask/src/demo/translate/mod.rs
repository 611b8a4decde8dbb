//! From English to Spanish verses, with and without attention; and whether attention finds the words that belong
//! together, which Strong's numbers tell.

mod verses;

use std::path::Path;

use decode::{Beam, BeamSearch, LengthPenalty};
use metrics::{AlignmentScores, Bleu, Chrf, CorpusMetric, Link};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use train::chart::{Figure, HeatMap};

use self::verses::{Verse, Verses, ids, text};
use super::Demo;
use crate::Failure;
use crate::args::{Size, interrupt};
use crate::report::Report;
use crate::seq2seq::{Batch, Budget, END, Fitted, Kind, Recipe, Sizes, Translator, fit};

/// Verses decoded together.
const TOGETHER: usize = 32;
/// Tokens of the longest translations.
const LONGEST: usize = 60;
/// Verses on the picture, and in the list.
const SHOWN: usize = 2;

/// A trained model and what it makes of the held-out verses.
struct Run {
    kind: Kind,
    model: Box<dyn Translator>,
    fitted: Fitted,
    said: Vec<String>,
    aligned: Option<AlignmentScores>,
}

pub(super) fn run(demo: &Demo) -> Result<(), Failure> {
    let kinds = match demo.model.as_deref() {
        None => vec![Kind::Lstm, Kind::LstmAttention, Kind::LstmLuong, Kind::Transformer],
        name => Kind::choose(name)?,
    };
    let verses = Verses::load(demo.run.size())?;
    let dir = demo.run.out_dir("demo/translate")?;
    let (sizes, recipe) = plan(demo);
    let mut report = Report::default();
    report.line(&format!("translate: {}", verses.describe()));
    report.line(&format!(
        "\n{:<15} {:>10} {:>7} {:>8} {:>7} {:>7} {:>7} {:>10} {:>7}",
        "model", "parameters", "epochs", "s/epoch", "BLEU", "chrF", "AER", "precision", "recall"
    ));
    let references: Vec<[String; 1]> = verses.test.iter().map(|verse| [text(&verse.spanish)]).collect();
    let mut runs = Vec::new();
    let mut signatures = Vec::new();
    for kind in kinds {
        let run = train(demo, kind, &sizes, &recipe, &verses)?;
        let bleu = Bleu::default().corpus(&run.said, &references)?;
        let chrf = Chrf::default().corpus(&run.said, &references)?;
        let aligned = run.aligned.map_or_else(String::new, |scores| {
            format!("{:>7.3} {:>10.3} {:>7.3}", scores.error_rate(), scores.precision(), scores.recall())
        });
        report.line(&format!(
            "{:<15} {:>10} {:>7.1} {:>8.1} {:>7.2} {:>7.2} {aligned}",
            kind.name(),
            run.model.parameter_count(),
            run.fitted.epochs,
            run.fitted.seconds / run.fitted.epochs.max(1e-9),
            bleu.score,
            chrf.score
        ));
        signatures =
            vec![format!("{}|{}", bleu.name, bleu.signature), format!("{}|{}", chrf.name, chrf.signature)];
        let path = dir.join(format!("{}.safetensors", kind.name()));
        nn::weights::save(&*run.model, &path, &nn::weights::Metadata::new())?;
        runs.push(run);
        if interrupt()?.is_set() {
            break;
        }
    }
    let spent: f64 = runs.iter().map(|run| run.fitted.processor_seconds).sum();
    report.line(&format!(
        "\nlower case, words and marks apart, rare words unknown; {}\nAER: alignment error rate of the place each \
         Spanish word looks at most against the words with the same Strong's number;\nprocessor time of training, all \
         threads together: {:.1} minutes",
        signatures.join(", "),
        spent / 60.0
    ));
    examples(&runs, &verses, &mut report);
    draw(&runs, &verses, &dir.join("alignment.png"))?;
    std::fs::write(dir.join("summary.txt"), &report.text)?;
    println!("\npicture, summary, weights: {}", dir.display());
    Ok(())
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
            Sizes { embed: 256, hidden: 512, d_model: 256, blocks: 3, dropout: 0.3, ..small },
            Recipe {
                budget: Budget::Epochs(20),
                batch: 64,
                peak_lr: 1e-3,
                warm_up: 1000,
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

fn train(demo: &Demo, kind: Kind, sizes: &Sizes, recipe: &Recipe, verses: &Verses) -> Result<Run, Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(demo.run.seed);
    let mut model = kind.build(sizes, verses.english.len(), verses.spanish.len(), rng)?;
    // What suits a recurrent model is too fast for this one.
    let slower = if kind == Kind::Transformer { 0.5 } else { 1.0 };
    let recipe = Recipe { peak_lr: slower * recipe.peak_lr, ..*recipe };
    let quiet = |_: &dyn Translator, _| Ok(String::new());
    let fitted = fit(&mut *model, &verses.pairs(), &recipe, rng, &interrupt()?, quiet)?;
    let said = translate(&*model, verses)?;
    let mut aligned = AlignmentScores::default();
    let mut looked = false;
    for verse in &verses.test {
        let Some(weights) = look(&*model, verses, verse)? else { break };
        looked = true;
        let (sure, possible) = verse.links();
        aligned.add(&found(&weights, verse), &sure, &possible);
    }
    Ok(Run { kind, model, fitted, said, aligned: looked.then_some(aligned) })
}

/// Every held-out verse by beam search.
fn translate(model: &dyn Translator, verses: &Verses) -> Result<Vec<String>, Failure> {
    let beam = Beam { length_penalty: LengthPenalty::Wu(0.6), ..Beam::new(4, END, LONGEST) };
    let search = BeamSearch::new(&beam)?;
    let mut said = Vec::with_capacity(verses.test.len());
    for some in verses.test.chunks(TOGETHER) {
        let sources: Vec<Vec<u32>> = some.iter().map(|verse| ids(&verses.english, &verse.english)).collect();
        let batch = Batch::new(sources.iter().map(|source| (&source[..], &[][..])));
        for hypotheses in model.search(&search, &batch.source, &batch.lengths)? {
            let tokens = hypotheses.first().map_or(&[][..], |best| &best.tokens);
            let words: Vec<&str> = tokens.iter().map(|token| verses.spanish.name(*token)).collect();
            said.push(words.join(" "));
        }
    }
    Ok(said)
}

/// Where the model looks as it reads the right translation, `(tgt_time, src_time)` with the ends of both.
fn look(model: &dyn Translator, verses: &Verses, verse: &Verse) -> Result<Option<Vec<f64>>, Failure> {
    let (source, target) = (ids(&verses.english, &verse.english), ids(&verses.spanish, &verse.spanish));
    let batch = Batch::new([(&source[..], &target[..])].into_iter());
    let weights = model.attention(&batch)?;
    Ok(weights.map(|weights| weights.to_vec().into_iter().map(f64::from).collect()))
}

/// Each Spanish word with a number, linked to the English word it looks at most.
fn found(weights: &[f64], verse: &Verse) -> Vec<Link> {
    let columns = verse.english.len() + 1;
    let rows = weights.chunks(columns).zip(&verse.spanish).enumerate();
    rows.filter(|(_, (_, word))| word.is_numbered())
        .filter_map(|(j, (row, _))| {
            let best = (0..verse.english.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]))?;
            Some((best, j))
        })
        .collect()
}

fn examples(runs: &[Run], verses: &Verses, report: &mut Report) {
    let step = (verses.test.len() / (SHOWN + 2)).max(1);
    for (i, verse) in verses.test.iter().enumerate().step_by(step).take(SHOWN + 2) {
        report.line(&format!("\n{}\n  {:<15} {}", text(&verse.english), "listed", text(&verse.spanish)));
        for run in runs {
            report.line(&format!("  {:<15} {}", run.kind.name(), run.said[i]));
        }
    }
}

fn draw(runs: &[Run], verses: &Verses, path: &Path) -> Result<(), Failure> {
    let step = (verses.test.len() / SHOWN).max(1);
    let mut figure = Figure::new()
        .title("Attention: from each Spanish word (rows) to the English ones (columns)")
        .columns(SHOWN)
        .panel_size(620, 560);
    let mut panels = 0;
    for run in runs {
        for verse in verses.test.iter().skip(step / 2).step_by(step).take(SHOWN) {
            let Some(weights) = look(&*run.model, verses, verse)? else { continue };
            let names = |words: &[verses::Word]| -> Vec<String> {
                words.iter().map(|word| word.text.clone()).chain(["end".to_owned()]).collect()
            };
            let (rows, columns) = (names(&verse.spanish), names(&verse.english));
            figure = figure.add(HeatMap::new(run.kind.name(), &rows, &columns, &weights)?.range(0.0, 1.0));
            panels += 1;
        }
    }
    if panels == 0 {
        return Ok(());
    }
    Ok(figure.save(path)?)
}
