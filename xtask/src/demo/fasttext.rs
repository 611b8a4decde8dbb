//! fastText: vectors of words never seen, and the language of a sentence.

use std::time::Instant;

use embed::fasttext::{Autotune, Budget, Classifier};
use embed::word2vec::Mode;
use embed::{FastText, Sentences, Subwords, Vectors, Word2Vec};

use super::word2vec::speeches;
use crate::Failure;
use crate::args::{RunArgs, Size, workspace};

pub(super) fn run(run: &RunArgs) -> Result<(), Failure> {
    let dir = run.out_dir("demo/fasttext")?;
    unseen_words(run)?.save(dir.join("plays.bin"))?;
    println!();
    languages(run)?.save(dir.join("languages.bin"))?;
    println!("\nmodels, which fastText and gensim read: {}", dir.display());
    Ok(())
}

fn read(name: &str) -> Result<String, Failure> {
    let path = workspace().join("fixtures/text").join(name);
    Ok(std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Trains on the plays, and asks about words that are not in them.
fn unseen_words(run: &RunArgs) -> Result<FastText, Failure> {
    let text = read("tiny-shakespeare.txt")?.to_lowercase();
    let speeches = speeches(&text);
    let corpus = Sentences::new(|| speeches.iter().map(|speech| speech.iter().copied()));
    let epochs = match run.size() {
        Size::Quick => 1,
        Size::Normal => 8,
        Size::Full => 20,
    };
    let subwords = Subwords { buckets: 50_000, ..Subwords::default() };
    let settings = Word2Vec::skip_gram()
        .dim(64)
        .epochs(epochs)
        .rate(0.05)
        .subwords(Some(subwords))
        .mode(Mode::Reproducible)
        .seed(run.seed);
    let start = Instant::now();
    let model = settings.train(&corpus)?.into_fasttext()?;
    let (words, time) = (model.words().len(), start.elapsed().as_secs_f64());
    println!(
        "tiny-shakespeare.txt: {words} words, n-grams of 3 to 6 characters, {epochs} epochs, {time:.1} s"
    );
    let vectors: Vectors = model.vectors();
    for word in ["kingliness", "lovelessly", "unforgiven", "swordfight"] {
        let seen = if vectors.index(word).is_some() { "seen" } else { "never seen" };
        let near = vectors.nearest_to(&model.vector(word), 6, &[]);
        let list: Vec<String> = near.iter().map(|near| format!("{} {:.2}", near.word, near.score)).collect();
        println!("  {word} ({seen}): {}", list.join(", "));
    }
    Ok(model)
}

const LANGUAGES: [&str; 11] = ["cat", "dan", "deu", "eng", "fra", "glg", "ita", "nld", "nob", "por", "spa"];

/// Trains on articles of the Declaration of Human Rights in eleven languages, and tells languages of other sentences.
fn languages(run: &RunArgs) -> Result<FastText, Failure> {
    let (mut train, mut valid) = (Vec::new(), Vec::new());
    for language in LANGUAGES {
        let text = read(&format!("udhr/{language}.txt"))?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        for (i, line) in lines.enumerate() {
            let line = format!("__label__{language} {}", line.to_lowercase());
            if i % 4 == 3 { valid.push(line) } else { train.push(line) }
        }
    }
    let start = Classifier {
        dim: 16,
        rate: 0.5,
        epochs: 10,
        chars: (2, 4),
        buckets: 20_000,
        mode: Mode::Reproducible,
        seed: run.seed,
        ..Classifier::default()
    };
    let trials = match run.size() {
        Size::Quick => 3,
        Size::Normal => 12,
        Size::Full => 100,
    };
    let begun = Instant::now();
    let tuned = Autotune { start, budget: Budget::Trials(trials), seed: run.seed }.run(&train, &valid)?;
    println!(
        "languages: {} lines to train on, {} held out; {} settings tried in {:.1} s",
        train.len(),
        valid.len(),
        tuned.trials.len(),
        begun.elapsed().as_secs_f64()
    );
    println!("  first F1 {:.3}, best {:.3}", tuned.trials[0].scores.f1(), tuned.scores.f1());
    let best = &tuned.settings;
    println!(
        "  best: rate {:.2}, {} epochs, {} dimensions, word n-grams to {}, characters {:?}",
        best.rate, best.epochs, best.dim, best.word_ngrams, best.chars
    );
    let sentences =
        ["where is the railway station", "wo ist der bahnhof", "où est la gare", "¿dónde está la estación?"];
    for sentence in sentences {
        let found = tuned.model.predict(sentence, 2)?;
        let list: Vec<String> = found
            .iter()
            .map(|found| format!("{} {:.2}", found.label.trim_start_matches("__label__"), found.probability))
            .collect();
        println!("  {sentence}: {}", list.join(", "));
    }
    Ok(tuned.model)
}
