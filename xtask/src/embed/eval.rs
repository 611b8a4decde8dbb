//! `cargo xtask embed eval`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use embed::Vectors;
use embed::evaluate::{Analogies, AnalogyScore, PairScore, Rules, WordPairs};
use serde::Serialize;

use super::load;
use crate::Failure;
use crate::args::on_threads;
use crate::data;

/// Score word vectors by analogies and by people's judgements of similarity
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask data fetch word-analogies word-analogies-zh
  cargo xtask embed eval my.bin                          Google's analogies, WordSim-353, SimLex-999
  cargo xtask embed eval zh.bin --zh --json              the Chinese sets
  cargo xtask embed eval my.bin --analogies mine.txt --pairs judged.tsv

Analogies are lines of four words under section lines `: name`; pairs are lines of two words and a number between tabs. Case
and unknown words are handled as gensim's evaluators do.")]
pub(crate) struct Eval {
    /// A file of vectors
    vectors: PathBuf,
    /// Analogies of your own in place of the standard ones
    #[arg(long, value_name = "FILE")]
    analogies: Option<PathBuf>,
    /// Judged pairs of your own in place of the standard ones
    #[arg(long, value_name = "FILE")]
    pairs: Vec<PathBuf>,
    /// The Chinese sets
    #[arg(long)]
    zh: bool,
    /// Upper and lower case differ
    #[arg(long)]
    case: bool,
    /// Questions with unknown words count as wrong
    #[arg(long)]
    count_unknown: bool,
    /// Only the first N words count
    #[arg(long, default_value_t = 300_000, value_name = "N")]
    most_words: usize,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// JSON in place of tables
    #[arg(long)]
    json: bool,
}

/// Files of questions.
#[derive(Default)]
pub(crate) struct Sets {
    pub(crate) analogies: Option<PathBuf>,
    pub(crate) pairs: Vec<PathBuf>,
}

/// What vectors scored.
#[derive(Serialize)]
pub(crate) struct Scored {
    pub(crate) analogies: Option<AnalogyScore>,
    /// Right answers of all sections, as a share.
    pub(crate) accuracy: Option<f64>,
    /// Share of the questions whose words are all known.
    pub(crate) coverage: Option<f64>,
    /// By the name of the file.
    pub(crate) pairs: Vec<(String, ScoredPairs)>,
}

/// A score, and the share of the pairs whose words are both known.
#[derive(Serialize)]
pub(crate) struct ScoredPairs {
    #[serde(flatten)]
    score: PairScore,
    coverage: f64,
}

impl fmt::Display for ScoredPairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:.1} % known", self.score, 100.0 * self.coverage)
    }
}

impl Sets {
    /// The standard sets, if they have been fetched.
    pub(crate) fn standard(is_chinese: bool) -> Option<Self> {
        if is_chinese {
            let folder = data::folder("word-analogies-zh")?.join("cntext/model/evaluate_data");
            return Some(Self {
                analogies: Some(folder.join("analogy.txt")),
                pairs: vec![folder.join("similarity.txt")],
            });
        }
        let folder = data::folder("word-analogies")?.join("gensim/test/test_data");
        let pairs = ["wordsim353.tsv", "simlex999.txt"].map(|name| folder.join(name)).to_vec();
        Some(Self { analogies: Some(folder.join("questions-words.txt")), pairs })
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Scores vectors; sets of which too little is known are left out.
pub(crate) fn evaluate(vectors: &Vectors, sets: &Sets, rules: &Rules) -> Result<Scored, Failure> {
    let named = |path: &Path, error: embed::Error| format!("{}: {error}", path.display());
    let mut scored = Scored { analogies: None, accuracy: None, coverage: None, pairs: Vec::new() };
    if let Some(path) = &sets.analogies {
        let analogies = Analogies::parse(&read(path)?).map_err(|error| named(path, error))?;
        let score = analogies.evaluate(vectors, rules);
        scored.accuracy = score.total().accuracy();
        scored.coverage = Some(score.coverage(&analogies));
        scored.analogies = Some(score);
    }
    for path in &sets.pairs {
        let pairs = WordPairs::parse(&read(path)?).map_err(|error| named(path, error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match pairs.evaluate(vectors, rules) {
            Ok(score) => {
                let coverage = score.coverage(&pairs);
                scored.pairs.push((name, ScoredPairs { score, coverage }));
            }
            Err(error @ embed::Error::TooFewWords { .. }) => eprintln!("{name} left out: {error}"),
            Err(error) => return Err(named(path, error).into()),
        }
    }
    Ok(scored)
}

impl Eval {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (vectors, _) = load(&self.vectors)?;
        let sets = if self.analogies.is_some() || !self.pairs.is_empty() {
            Sets { analogies: self.analogies.clone(), pairs: self.pairs.clone() }
        } else {
            let name = if self.zh { "word-analogies-zh" } else { "word-analogies" };
            Sets::standard(self.zh).ok_or_else(|| {
                format!("the questions are not here yet: `cargo xtask data fetch {name}` obtains them")
            })?
        };
        let rules =
            Rules { most_words: self.most_words, ignore_case: !self.case, count_unknown: self.count_unknown };
        let scored = on_threads(self.threads, || evaluate(&vectors, &sets, &rules))?;
        if scored.pairs.is_empty() && scored.coverage.is_none_or(|known| known == 0.0) {
            return Err(
                format!("{}: too few of the words asked about are in it", self.vectors.display()).into()
            );
        }
        if self.json {
            println!("{}", serde_json::to_string(&scored)?);
            return Ok(());
        }
        if let Some(analogies) = &scored.analogies {
            println!("{analogies}");
        }
        if let Some(coverage) = scored.coverage {
            println!("{:.1} % of the questions known", 100.0 * coverage);
        }
        for (name, score) in &scored.pairs {
            println!("{name}: {score}");
        }
        Ok(())
    }
}
