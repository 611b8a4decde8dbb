//! Tokenizers trained on the shipped texts: how merges are learnt, what each makes of the same sentence, how much they
//! compress.

mod kinds;
mod report;

use std::path::Path;

use train::chart::{Chart, Figure};

use crate::Failure;
use crate::args::{RunArgs, Size, workspace};
use kinds::KINDS;
use report::Measured;

/// A text, and sentences that were not trained on.
struct Language {
    name: &'static str,
    file: &'static str,
    /// What tokens are counted against.
    unit: &'static str,
    units: fn(&str) -> usize,
    sentences: &'static [&'static str],
}

const LANGUAGES: [Language; 2] = [
    Language {
        name: "English",
        file: "tiny-shakespeare.txt",
        unit: "word",
        units: |text| text.split_whitespace().count(),
        sentences: &[
            "What light through yonder window breaks?",
            "Tokenizers cut unfamiliar words like hyperparameters into pieces.",
        ],
    },
    Language {
        name: "Chinese",
        file: "sanguo.txt",
        unit: "character",
        units: |text| text.chars().filter(|character| !character.is_whitespace()).count(),
        sentences: &["却说玄德引关、张往隆中拜见诸葛孔明。", "分词器把没有见过的词切成更小的单位。"],
    },
];

pub(super) fn run(run: &RunArgs) -> Result<(), Failure> {
    let dir = run.out_dir("demo/tokenize")?;
    let sizes: &[usize] = match run.size() {
        Size::Quick => &[4500, 6000],
        Size::Normal => &[4500, 6000, 8000, 12_000],
        Size::Full => &[4500, 6000, 8000, 12_000, 16_000, 24_000, 32_000],
    };
    let mut figure = Figure::new().title("Bytes per token of held-out text").columns(2).panel_size(480, 360);
    for language in &LANGUAGES {
        figure = figure.add(one_language(language, sizes, &dir)?);
    }
    figure.save(dir.join("compression.png"))?;
    println!(
        "tokenizers, which `cargo xtask tokenize` and Hugging Face read, and picture:\n{}",
        dir.display()
    );
    Ok(())
}

/// Trains every kind at every size, shows the largest of each, and gives the curves.
fn one_language(language: &Language, sizes: &[usize], dir: &Path) -> Result<Chart, Failure> {
    let path = workspace().join("fixtures/text").join(language.file);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (train, held_out) = text.split_at(text.floor_char_boundary(text.len() / 10 * 9));
    println!(
        "{}: {}, {} bytes to train on and {} held out",
        language.name,
        language.file,
        train.len(),
        held_out.len()
    );
    report::first_merges(train)?;

    let units = (language.units)(held_out);
    let mut chart = Chart::new(language.name).x("vocabulary").y("bytes per token");
    let mut largest = Vec::new();
    for kind in KINDS {
        let mut curve = Vec::new();
        let mut last = None;
        for &vocab in sizes {
            let measured = Measured::new(kind, vocab, train, held_out, units)?;
            curve.push((vocab as f64, measured.bytes_per_token()));
            last = Some(measured);
        }
        chart = chart.line(kind.name(), &curve);
        largest.extend(last);
    }
    report::print(&largest, language.unit, language.sentences)?;
    for measured in &largest {
        let file = format!("{}-{}.json", language.name, measured.kind.name()).to_lowercase();
        measured.tokenizer.save(dir.join(file))?;
    }
    Ok(chart)
}
