//! Word vectors from shipped text: who is like whom in Shakespeare's plays, and in 三国演义.

use std::path::Path;
use std::time::Instant;

use embed::evaluate::Rules;
use embed::io::Format;
use embed::word2vec::Mode;
use embed::{PhraseSettings, Phrases, Sentences, Vectors, VocabSettings, Word2Vec};
use train::chart::{Figure, Font, Scatter};

use crate::Failure;
use crate::args::{RunArgs, Size, workspace};
use crate::data;
use crate::embed::{Sets, evaluate};

/// A text, and what to ask of its vectors.
struct Language {
    name: &'static str,
    file: &'static str,
    epochs: usize,
    neighbours: &'static [&'static str],
    /// A is to B as C is to what?
    analogies: &'static [[&'static str; 3]],
    pairs: &'static [(&'static str, &'static str)],
    /// Words whose neighbours are on the map too.
    map: &'static [&'static str],
}

const ENGLISH: Language = Language {
    name: "English",
    file: "tiny-shakespeare.txt",
    epochs: 25,
    neighbours: &["king", "love", "sword", "night"],
    analogies: &[["i", "me", "thou"], ["him", "himself", "her"], ["montague", "capulet", "romeo"]],
    pairs: &[("king", "crown"), ("brother", "sister"), ("day", "night"), ("sword", "kiss")],
    map: &["king", "mother", "death", "heart", "night", "soldiers", "tongue"],
};

const CHINESE: Language = Language {
    name: "Chinese",
    file: "sanguo.txt",
    epochs: 15,
    neighbours: &["曹操", "孔明", "关公", "荆州"],
    analogies: &[["玄德", "关公", "孙权"], ["曹操", "许昌", "孙权"]],
    pairs: &[("曹操", "玄德"), ("周瑜", "鲁肃"), ("关公", "张飞"), ("曹操", "荆州")],
    map: &["曹操", "孔明", "荆州", "大喜", "军士"],
};

pub(super) fn run(run: &RunArgs) -> Result<(), Failure> {
    let dir = run.out_dir("demo/word2vec")?;
    english(run, &dir)?;
    println!();
    chinese(run, &dir)?;
    println!("\nvectors, which `cargo xtask embed query` asks and gensim reads, and maps: {}", dir.display());
    Ok(())
}

fn settings(run: &RunArgs, language: &Language) -> Word2Vec {
    let epochs = match run.size() {
        Size::Quick => 3,
        Size::Normal => language.epochs,
        Size::Full => 3 * language.epochs,
    };
    Word2Vec::skip_gram()
        .dim(64)
        .epochs(epochs)
        .rate(0.05)
        .sample(3e-4)
        .mode(Mode::Reproducible)
        .seed(run.seed)
}

fn text(language: &Language) -> Result<String, Failure> {
    let path = workspace().join("fixtures/text").join(language.file);
    Ok(std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// The words of each speech of the plays.
pub(super) fn speeches(text: &str) -> Vec<Vec<&str>> {
    text.split("\n\n")
        .map(|speech| {
            speech.split(|c: char| !c.is_alphabetic() && c != '\'').filter(|word| !word.is_empty()).collect()
        })
        .collect()
}

/// English: speeches as sentences, lower-cased, letters and apostrophes only.
fn english(run: &RunArgs, dir: &Path) -> Result<(), Failure> {
    let text = text(&ENGLISH)?.to_lowercase();
    let speeches = speeches(&text);
    let corpus = Sentences::new(|| speeches.iter().map(|speech| speech.iter().copied()));
    let start = Instant::now();
    let model = settings(run, &ENGLISH).train(&corpus)?;
    describe(&ENGLISH, &model, start);
    let vectors = model.into_vectors();
    show(&ENGLISH, &vectors)?;
    scores(&vectors)?;
    save(&ENGLISH, &vectors, Names::Own(None), dir)
}

/// Chinese, without a dictionary: characters that belong together are joined, three times over.
fn chinese(run: &RunArgs, dir: &Path) -> Result<(), Failure> {
    let text = text(&CHINESE)?;
    let clauses: Vec<Vec<String>> = text
        .split(|c: char| !('\u{4e00}'..='\u{9fff}').contains(&c))
        .filter(|clause| !clause.is_empty())
        .map(|clause| clause.chars().map(String::from).collect())
        .collect();
    let start = Instant::now();
    // Sentences reach as far as the full stop; phrases do not reach across other marks either.
    let characters = Sentences::new(|| clauses.iter().map(|clause| clause.iter()));
    let joins = PhraseSettings {
        min_count: 8,
        threshold: 30.0,
        delimiter: String::new(),
        ..PhraseSettings::default()
    };
    let once = Phrases::learn(&characters, &joins)?;
    let twice = Phrases::learn(&once.over(&characters), &joins)?;
    println!(
        "{}: {} and {} pairs of characters and words found to belong together",
        CHINESE.name,
        once.len(),
        twice.len()
    );
    let join = |clause: &str| -> Vec<String> {
        let characters: Vec<String> = clause.chars().map(String::from).collect();
        twice.join(once.join(characters.iter().map(String::as_str)).iter().map(String::as_str))
    };
    let sentences: Vec<Vec<String>> = text
        .split(['。', '！', '？', '\n'])
        .map(|sentence| {
            sentence.split(|c: char| !('\u{4e00}'..='\u{9fff}').contains(&c)).flat_map(join).collect()
        })
        .collect();
    let corpus = Sentences::new(|| sentences.iter().map(|sentence| sentence.iter()));
    let mut settings = settings(run, &CHINESE);
    settings.vocab = VocabSettings::min_count(8);
    let model = settings.train(&corpus)?;
    describe(&CHINESE, &model, start);
    let vectors = model.into_vectors();
    show(&CHINESE, &vectors)?;
    save(&CHINESE, &vectors, chinese_names()?, dir)
}

/// The font of pictures has no Chinese: another is needed, or words are numbered.
fn chinese_names() -> Result<Names, Failure> {
    let font = data::chinese_font()?;
    if font.is_none() {
        println!(
            "  words are numbered on the map; `cargo xtask data fetch noto-sans-sc` obtains a font that writes them"
        );
        return Ok(Names::Numbers);
    }
    Ok(Names::Own(font))
}

fn describe(language: &Language, model: &embed::Model, start: Instant) {
    println!(
        "{}: {}, {} words of {} in the text\nskip-gram with negative sampling, {} dimensions, {} epochs, {:.1} s",
        language.name,
        language.file,
        model.vocab().len(),
        model.vocab().corpus_words(),
        model.settings().dim,
        model.settings().epochs,
        start.elapsed().as_secs_f64()
    );
}

fn show(language: &Language, vectors: &Vectors) -> Result<(), Failure> {
    for word in language.neighbours.iter().filter(|word| vectors.index(word).is_some()) {
        let near = vectors.nearest(word, 7)?;
        let list: Vec<String> = near.iter().map(|near| format!("{} {:.2}", near.word, near.score)).collect();
        println!("  {word}: {}", list.join(", "));
    }
    for [a, b, c] in language.analogies {
        if let Ok(found) = vectors.analogy(&[b, c], &[a], 3) {
            let list: Vec<&str> = found.iter().map(|found| found.word).collect();
            println!("  {a} is to {b} as {c} is to: {}", list.join(", "));
        }
    }
    for (a, b) in language.pairs {
        if let Ok(cosine) = vectors.similarity(a, b) {
            println!("  {a} ~ {b}: {cosine:.2}");
        }
    }
    Ok(())
}

/// How well similarities agree with people's, where the judgements have been fetched.
fn scores(vectors: &Vectors) -> Result<(), Failure> {
    let Some(sets) = Sets::standard(false) else {
        println!(
            "  `cargo xtask data fetch word-analogies` obtains judgements of similarity to score these vectors by"
        );
        return Ok(());
    };
    let sets = Sets { analogies: None, ..sets };
    for (name, score) in evaluate(vectors, &sets, &Rules::default())?.pairs {
        println!("  {name}: {score}");
    }
    Ok(())
}

/// How words are called on the map.
enum Names {
    /// As they are, in another font if one is needed.
    Own(Option<Font>),
    /// By numbers, to which a key is printed.
    Numbers,
}

/// Writes the vectors, and the map of some words and their neighbours.
fn save(language: &Language, vectors: &Vectors, names: Names, dir: &Path) -> Result<(), Failure> {
    let name = language.name.to_lowercase();
    vectors.save(dir.join(format!("{name}.bin")), Format::Word2VecBinary)?;
    let (mut rows, mut groups) = (Vec::new(), Vec::new());
    // Each in a group of its own, though it be a neighbour of another.
    let heads: Vec<usize> = language.map.iter().filter_map(|word| vectors.index(word)).collect();
    for &head in &heads {
        let word = vectors.word(head);
        let near = vectors.nearest(word, 8)?;
        let others = near.iter().map(|near| near.index);
        let others = others.filter(|row| !heads.contains(row) && !rows.contains(row));
        let group: Vec<usize> = std::iter::once(head).chain(others).collect();
        rows.extend(&group);
        groups.push((word, group.len()));
    }
    let map = vectors.map(&rows);
    let mut figure = Scatter::new(format!(
        "{}: words and their neighbours, by the two principal components",
        language.name
    ));
    let is_numbered = matches!(names, Names::Numbers);
    let mut at = 0;
    for (word, count) in groups {
        let label =
            |i: usize| if is_numbered { (i + 1).to_string() } else { vectors.word(rows[i]).to_owned() };
        let points: Vec<(f64, f64, String)> =
            (at..at + count).map(|i| (f64::from(map[i][0]), f64::from(map[i][1]), label(i))).collect();
        let title = if is_numbered { format!("{} to {}", at + 1, at + count) } else { word.to_owned() };
        if is_numbered {
            let key: Vec<String> =
                (at..at + count).map(|i| format!("{} {}", i + 1, vectors.word(rows[i]))).collect();
            println!("  on the map: {}", key.join("  "));
        }
        figure = figure.group(title, &points);
        at += count;
    }
    let mut picture = Figure::new().panel_size(1100, 760).add(figure);
    if let Names::Own(Some(font)) = names {
        picture = picture.other_font(font);
    }
    picture.save(dir.join(format!("{name}.png")))?;
    Ok(())
}
