//! From spelling to pronunciation: the same data and training for recurrent models without and with attention and for
//! the Transformer.

mod dictionary;
mod pictures;
mod published;
mod score;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::dictionary::Dictionary;
use self::pictures::Curve;
use self::published::Published;
use self::score::{Said, Score, pronounce, score};
use super::Demo;
use crate::Failure;
use crate::args::{Size, interrupt};
use crate::report::{Report, duration};
use crate::seq2seq::{Budget, Fitted, Kind, Recipe, Sizes, Translator, fit};

/// Wrong words to show.
const SHOWN: usize = 12;

/// A trained model and what it says for the test words.
struct Run {
    kind: Kind,
    model: Box<dyn Translator>,
    fitted: Fitted,
    /// Epoch and validation words wrong, in per cent.
    curve: Vec<(f64, f64)>,
    said: Vec<Said>,
    score: Score,
}

pub(super) fn run(demo: &Demo) -> Result<(), Failure> {
    let kinds = Kind::choose(demo.model.as_deref())?;
    let (sizes, recipe, width) = plan(demo);
    let dictionary = Dictionary::load(demo.run.size(), !demo.no_stress)?;
    let dir = demo.run.out_dir("demo/g2p")?;
    let mut report = Report::default();
    report.line(&format!("g2p: {}", dictionary.describe()));
    let (same, all) = Published::load()?.agreement()?;
    report.line(&format!(
        "the published GRU of g2p-en says {same} of {all} words as it does in its own package"
    ));
    report.line(&format!(
        "\nerrors on the test words in per cent, beam {width}; any listed pronunciation counts\n\n\
         {:<15} {:>10} {:>7} {:>8} {:>9} {:>9} {:>9} {:>9}\n{:<15} {:>10} {:>7} {:>8} {:>19} {:>19}",
        "model",
        "parameters",
        "epochs",
        "s/epoch",
        "sounds",
        "words",
        "sounds",
        "words",
        "",
        "",
        "",
        "",
        "with stress",
        "without"
    ));
    let mut runs = Vec::new();
    for kind in kinds {
        let run = train(demo, kind, &sizes, &recipe, width, &dictionary)?;
        report.line(&row(&run, demo.no_stress));
        let path = dir.join(format!("{}.safetensors", kind.name()));
        nn::weights::save(&*run.model, &path, &nn::weights::Metadata::new())?;
        report.save(&dir)?;
        runs.push(run);
        if interrupt()?.is_set() {
            break;
        }
    }
    let spent: f64 = runs.iter().map(|run| run.fitted.processor_seconds).sum();
    report.line(&format!(
        "\ntraining took {} of processor time, all threads together, as s/epoch counts it",
        duration(spent)
    ));
    wrong_words(&runs, &dictionary, &mut report);
    let examples = pictures::examples(&dictionary.test);
    let mut maps = Vec::new();
    for run in &runs {
        let words: Vec<_> = examples.iter().map(|word| (&dictionary.test[*word], &run.said[*word])).collect();
        maps.extend(pictures::heat_maps(&*run.model, run.kind.name(), &dictionary, &words)?);
    }
    pictures::save_heat_maps(maps, &dir.join("attention.png"))?;
    let curves: Vec<_> = runs
        .iter()
        .map(|run| Curve { name: run.kind.name(), losses: &run.fitted.losses, wrong: &run.curve })
        .collect();
    pictures::save_curves(&curves, &dir.join("learning.png"))?;
    report.save(&dir)?;
    println!("\npictures, summary, weights: {}", dir.display());
    Ok(())
}

/// Sizes, training and width of the beam.
fn plan(demo: &Demo) -> (Sizes, Recipe, usize) {
    let small = Sizes { embed: 64, hidden: 128, layers: 1, d_model: 96, blocks: 2, dropout: 0.1 };
    let recipe = Recipe {
        budget: Budget::Epochs(6),
        batch: 64,
        peak_lr: 4e-3,
        warm_up: 100,
        label_smoothing: 0.0,
        average: 0.99,
    };
    let (sizes, mut recipe, width) = match demo.run.size() {
        Size::Quick => (small, Recipe { budget: Budget::Epochs(1), batch: 32, ..recipe }, 2),
        Size::Normal => (small, recipe, 3),
        Size::Full => (
            Sizes { embed: 128, hidden: 512, layers: 1, d_model: 256, blocks: 3, dropout: 0.1 },
            Recipe {
                budget: Budget::ProcessorMinutes(60.0),
                batch: 64,
                peak_lr: 1e-3,
                warm_up: 1000,
                label_smoothing: 0.1,
                average: 0.999,
            },
            5,
        ),
    };
    let mut sizes = sizes;
    if let Some(hidden) = demo.hidden {
        (sizes.hidden, sizes.d_model) = (hidden, hidden / 2);
    }
    if let Some(minutes) = demo.minutes {
        recipe.budget = Budget::ProcessorMinutes(minutes);
    }
    (sizes, recipe, width)
}

fn train(
    demo: &Demo,
    kind: Kind,
    sizes: &Sizes,
    recipe: &Recipe,
    width: usize,
    dictionary: &Dictionary,
) -> Result<Run, Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(demo.run.seed);
    let mut model = kind.build(sizes, dictionary.letters.len(), dictionary.sounds.len(), rng)?;
    let recipe = match (kind, demo.run.size()) {
        // It gains from larger batches where a recurrent model does not (Wu, Cotterell & Hulden 2021).
        (Kind::Transformer, Size::Full) => Recipe { batch: 2 * recipe.batch, ..*recipe },
        // What suits a recurrent model is too fast for this one.
        (Kind::Transformer, _) => Recipe { peak_lr: 0.5 * recipe.peak_lr, ..*recipe },
        _ => *recipe,
    };
    let mut curve = Vec::new();
    let fitted = fit(&mut *model, &dictionary.pairs(), &recipe, rng, &interrupt()?, |model, epoch| {
        let said = pronounce(model, dictionary, &dictionary.valid, 1)?;
        let Score { stressed, plain } = score(dictionary, &dictionary.valid, &said);
        curve.push((epoch, stressed.of_words()));
        // Short runs say it in their table and picture.
        if demo.run.size() != Size::Full {
            return Ok(String::new());
        }
        Ok(format!(
            "{} epoch {epoch:.0}: {:.2} % of the validation words wrong, {:.2} % without stress",
            kind.name(),
            stressed.of_words(),
            plain.of_words()
        ))
    })?;
    let said = pronounce(&*model, dictionary, &dictionary.test, width)?;
    let score = score(dictionary, &dictionary.test, &said);
    Ok(Run { kind, model, fitted, curve, said, score })
}

fn row(run: &Run, no_stress: bool) -> String {
    let Score { stressed, plain } = &run.score;
    let percent = |value: f64| format!("{value:>9.2}");
    let (with, of_words) = match no_stress {
        true => (format!("{:>9}", "–"), format!("{:>9}", "–")),
        false => (percent(stressed.of_sounds()), percent(stressed.of_words())),
    };
    format!(
        "{:<15} {:>10} {:>7.1} {:>8.1} {with} {of_words} {} {}",
        run.kind.name(),
        run.model.parameter_count(),
        run.fitted.epochs,
        run.fitted.seconds_per_epoch(),
        percent(plain.of_sounds()),
        percent(plain.of_words()),
    )
}

/// Some words that the best model gets wrong.
fn wrong_words(runs: &[Run], dictionary: &Dictionary, report: &mut Report) {
    let best = runs.iter().min_by(|a, b| a.score.plain.of_words().total_cmp(&b.score.plain.of_words()));
    let Some(best) = best else { return };
    report.line(&format!("\nwords that {} gets wrong", best.kind.name()));
    let wrong: Vec<_> = dictionary
        .test
        .iter()
        .zip(&best.said)
        .filter(|(word, said)| !word.spoken.contains(&said.stressed))
        .collect();
    for (word, said) in wrong.iter().step_by((wrong.len() / SHOWN).max(1)).take(SHOWN) {
        report.line(&format!(
            "  {:<14} {:<34} listed {}",
            word.text,
            dictionary.say(&said.stressed),
            word.spoken.iter().map(|sounds| dictionary.say(sounds)).collect::<Vec<_>>().join(", or ")
        ));
    }
}
