//! Manuals and messages of programs in Chinese and English.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tokenize::chinese::Segmenter;

use super::catalogue;
use super::html::blocks;
use super::pieces::{Cut, Pieces};
use super::task::{Example, Task};
use crate::Failure;
use crate::args::{Size, workspace};
use crate::data;
use crate::seq2seq::{Pair, share};

/// A Chinese text and the English one that it translates.
type Texts = (String, String);

/// What is held out, of a hundred.
const HELD_OUT: u64 = 5;
/// English texts of fewer words are mostly names.
const SHORTEST: usize = 3;

/// The sets of the long run beside what lies with the source: pages, and catalogues of messages.
const SETS: [&str; 8] = [
    "libreoffice-help-en",
    "libreoffice-help-zh",
    "debian-reference-en",
    "debian-reference-zh",
    CATALOGUES[0],
    CATALOGUES[1],
    CATALOGUES[2],
    CATALOGUES[3],
];
const CATALOGUES: [&str; 4] = ["libreoffice-zh", "git-zh", "gcc-zh", "jupyterlab-zh"];

/// Short pairs, with a vocabulary of their own. The long run takes all sets, the quick one few pairs.
pub(super) fn task(size: Size, words: bool) -> Result<Task, Failure> {
    let cut = if words { by_words()? } else { Cut::Characters };
    let (name, texts) = match size {
        Size::Full => {
            ("manuals and messages of six projects", distinct(excerpt()?.into_iter().chain(fetched()?)))
        }
        _ => ("electron-zh-en.tsv", distinct(excerpt()?.into_iter())),
    };
    let (vocab, longest) = match size {
        Size::Quick => (500, 24),
        Size::Normal => (2_000, 40),
        Size::Full => (4_000, 48),
    };
    // Whatever the cut: results with characters and with words are of the same texts.
    let short = |(chinese, _): &Texts| chinese.chars().count() <= longest * 3 / 2;
    let (mut test, mut train): (Vec<Texts>, Vec<Texts>) =
        texts.into_iter().filter(short).partition(|(_, english)| share(english) < HELD_OUT);
    if size == Size::Quick {
        train.truncate(500);
        test.truncate(40);
    }
    let pieces = Pieces::learn(cut, vocab, &train)?;
    let pair = |(chinese, english): &Texts| -> Example {
        let ((source, source_names), (target, target_names)) =
            (pieces.chinese(chinese), pieces.english(english));
        Example {
            pair: Pair { source, target },
            text: [chinese.clone(), english.clone()],
            names: [source_names, target_names],
            known: None,
        }
    };
    let fits = |example: &Example| example.pair.target.len() <= longest;
    let train: Vec<Pair> = train.iter().map(pair).filter(fits).map(|example| example.pair).collect();
    let test: Vec<Example> = test.iter().map(pair).filter(fits).collect();
    let about = format!(
        "{name}: {} pairs of up to {longest} tokens to train on, {} held out (by a hash of the English text); {} \
         Chinese {} that occur at least twice, {} pieces of English",
        train.len(),
        test.len(),
        pieces.symbols(),
        if words { "words" } else { "characters" },
        pieces.tgt_vocab() - 4,
    );
    let (src_vocab, tgt_vocab) = (pieces.src_vocab(), pieces.tgt_vocab());
    let say = Box::new(move |ids: &[u32]| pieces.say(ids));
    let note = "whole texts as they are written".to_owned();
    Ok(Task { name: "zh-en", about, note, src_vocab, tgt_vocab, train, test, say })
}

fn by_words() -> Result<Cut, Failure> {
    let folder =
        data::folder("jieba").ok_or("words need jieba's dictionary: `cargo xtask data fetch jieba`")?;
    Ok(Cut::Words(Box::new(Segmenter::from_file(folder.join("jieba/dict.txt"))?)))
}

/// Pairs to learn from, the first of those with one Chinese or one English text.
fn distinct(pairs: impl Iterator<Item = Texts>) -> Vec<Texts> {
    let (mut chinese, mut english) = (BTreeSet::new(), BTreeSet::new());
    pairs
        .filter(|pair| is_pair(pair) && chinese.insert(pair.0.clone()) && english.insert(pair.1.clone()))
        .collect()
}

fn is_pair((chinese, english): &Texts) -> bool {
    chinese.contains(|c: char| ('\u{4e00}'..='\u{9fff}').contains(&c))
        && english.split_whitespace().count() >= SHORTEST
}

/// What lies with the source.
fn excerpt() -> Result<Vec<Texts>, Failure> {
    let path = workspace().join("fixtures/text/electron-zh-en.tsv");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let pair = |(number, line): (usize, &str)| -> Result<Texts, Failure> {
        let (chinese, english) =
            line.split_once('\t').ok_or_else(|| format!("{} line {}: no tab", path.display(), number + 1))?;
        Ok((chinese.to_owned(), english.to_owned()))
    };
    text.lines().enumerate().map(pair).collect()
}

/// All sets.
fn fetched() -> Result<Vec<Texts>, Failure> {
    data::folders("the long run needs more pairs", SETS)?;
    let mut pairs = pages(("libreoffice-help-zh", "/zh-CN/"), ("libreoffice-help-en", "/en-US/"))?;
    pairs.extend(pages(("debian-reference-zh", ".zh-cn."), ("debian-reference-en", ".en."))?);
    for set in CATALOGUES {
        for (_, path) in files(set)? {
            let messages = catalogue::messages(&read(&path)?);
            let messages = messages.map_err(|error| format!("{}: {error}", path.display()))?;
            pairs.extend(messages.into_iter().map(|(english, chinese)| (chinese, english)));
        }
    }
    Ok(pairs)
}

/// The blocks of pages of the same name in two sets, where both pages have as many. Names differ in the language alone,
/// which stands with each set.
fn pages(chinese: (&str, &str), english: (&str, &str)) -> Result<Vec<Texts>, Failure> {
    let named = |(set, language): (&str, &str)| -> Result<BTreeMap<String, PathBuf>, Failure> {
        Ok(files(set)?.into_iter().map(|(name, path)| (name.replace(language, "/*/"), path)).collect())
    };
    let (chinese, mut pairs) = (named(chinese)?, Vec::new());
    for (name, path) in named(english)? {
        let Some(other) = chinese.get(&name) else { continue };
        pairs.extend(aligned(page(other)?, page(&path)?));
    }
    Ok(pairs)
}

/// The blocks of two pages one to one, if there are as many.
fn aligned(chinese: Vec<String>, english: Vec<String>) -> impl Iterator<Item = Texts> {
    let same = chinese.len() == english.len();
    chinese.into_iter().zip(english).filter(move |_| same)
}

fn page(path: &Path) -> Result<Vec<String>, Failure> {
    let text = String::from_utf8(read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(blocks(&text))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// The files of a set that was fetched, by name.
fn files(set: &str) -> Result<Vec<(String, PathBuf)>, Failure> {
    let folder = data::folder(set).ok_or_else(|| format!("`cargo xtask data fetch {set}` obtains {set}"))?;
    let names = data::files_under(&folder)?;
    Ok(names.into_iter().map(|name| (name.clone(), folder.join(name))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excerpt_is_whole_and_each_text_is_on_one_side() {
        let texts = excerpt().unwrap();
        assert_eq!(texts.len(), 3_836);
        assert!(texts.iter().all(is_pair));
        let task = task(Size::Normal, false).unwrap();
        let held_out: BTreeSet<&str> = task.test.iter().map(|example| example.text[1].as_str()).collect();
        assert!(task.train.iter().all(|pair| !held_out.contains((task.say)(&pair.target).as_str())));
        assert!(task.test.len() > 100 && task.train.len() > 15 * task.test.len());
        for example in &task.test {
            assert_eq!((task.say)(&example.pair.target), example.text[1]);
        }
    }

    #[test]
    fn pairs_are_distinct_on_both_sides() {
        let pair = |chinese: &str, english: &str| (chinese.to_owned(), english.to_owned());
        let pairs = [
            pair("甲", "one two three"),
            pair("乙", "one two three"),
            pair("甲", "four five six"),
            pair("丙", "seven eight"),
            pair("a", "nine ten eleven"),
            pair("丁", "nine ten eleven"),
        ];
        let kept = distinct(pairs.into_iter());
        assert_eq!(kept, [pair("甲", "one two three"), pair("丁", "nine ten eleven")]);
    }

    /// The excerpt was cut by a script of its own: both readers agree.
    #[test]
    fn the_excerpt_is_what_the_package_says() {
        let Some(folder) = data::folder("electron-docs") else {
            eprintln!("skipped: `cargo xtask data fetch electron-docs` obtains the pages");
            return;
        };
        let bytes = read(&folder.join("dist/docs.json")).unwrap();
        let docs: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let html = |language: &str, name: &str| blocks(docs[language][name]["html"].as_str().unwrap());
        let names = docs["en-US"].as_object().unwrap().keys();
        let pairs = names.flat_map(|name| aligned(html("zh-CN", name), html("en-US", name)));
        let found: BTreeSet<Texts> = pairs.filter(is_pair).collect();
        assert_eq!(found, excerpt().unwrap().into_iter().collect());
    }

    #[test]
    fn fetched_pages_and_messages_are_as_many_as_counted() {
        if SETS.into_iter().any(|set| data::folder(set).is_none()) {
            eprintln!("skipped: `cargo xtask data fetch {}` obtains the pairs", SETS.join(" "));
            return;
        }
        let found: BTreeSet<Texts> = fetched().unwrap().into_iter().filter(is_pair).collect();
        assert!((45_000..50_000).contains(&found.len()), "{}", found.len());
    }
}
