//! English and Spanish verses, and which words of them render the same word of the original.

use std::collections::{BTreeSet, HashMap};
use std::io::Read as _;
use std::path::Path;

use flate2::read::ZlibDecoder;
use metrics::Link;

use super::task::{Example, Known, Task};
use crate::Failure;
use crate::args::{Size, workspace};
use crate::data;
use crate::seq2seq::{Pair, Symbols};

/// A word or mark, and the Strong's number of the Hebrew or Greek word it renders, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    strong: Option<String>,
}

/// A verse in both languages.
struct Verse {
    english: Vec<Word>,
    spanish: Vec<Word>,
}

/// Words that occur less often are unknown.
const RARE: usize = 3;
/// Words of the longest verses of the long run.
const LONGEST: usize = 40;
/// Every so many-th pair is held out.
const HELD_OUT: usize = 20;

/// All verses of up to 40 words for the long run, else those of up to 16, which lie with the source; one in twenty is
/// held out.
pub(super) fn task(size: Size) -> Result<Task, Failure> {
    let (name, mut verses) = match size {
        Size::Full => ("King James and Reina-Valera 1909", whole()?),
        _ => ("verses-en-es.tsv", excerpt()?),
    };
    if size == Size::Quick {
        verses.truncate(400);
    }
    // Some verses occur twice: a text is on one side only.
    let mut seen = BTreeSet::new();
    verses.retain(|verse| seen.insert(text(&verse.english)));
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (i, verse) in verses.into_iter().enumerate() {
        if i % HELD_OUT == HELD_OUT - 1 { test.push(verse) } else { train.push(verse) }
    }
    let english = frequent(train.iter().map(|verse| &verse.english));
    let spanish = frequent(train.iter().map(|verse| &verse.spanish));
    let about = format!(
        "{name}: {} pairs of verses to train on, {} held out; {} English and {} Spanish words and marks that occur at \
         least {RARE} times",
        train.len(),
        test.len(),
        english.len() - 4,
        spanish.len() - 4
    );
    let note = "lower case, words and marks apart, rare words unknown; AER: alignment error rate of the place each\n\
                Spanish word looks at most against the words with the same Strong's number"
        .to_owned();
    let pair =
        |verse: &Verse| Pair { source: ids(&english, &verse.english), target: ids(&spanish, &verse.spanish) };
    let example = |verse: &Verse| Example {
        pair: pair(verse),
        text: [text(&verse.english), text(&verse.spanish)],
        names: [&verse.english, &verse.spanish]
            .map(|words| words.iter().map(|word| word.text.clone()).collect()),
        known: Some(verse.known()),
    };
    let (train, test) = (train.iter().map(pair).collect(), test.iter().map(example).collect());
    let (src_vocab, tgt_vocab) = (english.len(), spanish.len());
    let say = Box::new(move |ids: &[u32]| {
        let words: Vec<&str> = ids.iter().map(|id| spanish.name(*id)).collect();
        words.join(" ")
    });
    Ok(Task { name: "en-es", about, note, src_vocab, tgt_vocab, train, test, say })
}

/// Both Bibles, verse by verse.
fn whole() -> Result<Vec<Verse>, Failure> {
    let [english, spanish] = data::folders("the long run needs both Bibles", ["bible-kjv", "bible-rv1909"])?;
    let texts = Path::new("usr/share/sword/modules/texts/ztext");
    let (english, spanish) =
        (english.join(texts).join("engKJV2006eb"), spanish.join(texts).join("spaRV1909eb"));
    let mut verses = Vec::new();
    for testament in ["ot", "nt"] {
        let (english, spanish) = (slots(&english, testament)?, slots(&spanish, testament)?);
        let both = english.iter().zip(&spanish);
        verses.extend(
            both.map(|(english, spanish)| Verse { english: words(english), spanish: words(spanish) }),
        );
    }
    let fits = |side: &Vec<Word>| (3..=LONGEST).contains(&side.len());
    verses.retain(|verse| fits(&verse.english) && fits(&verse.spanish));
    Ok(verses)
}

/// What lies with the source.
fn excerpt() -> Result<Vec<Verse>, Failure> {
    let path = workspace().join("fixtures/text/verses-en-es.tsv");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let verse = |(number, line): (usize, &str)| -> Result<Verse, Failure> {
        let (english, spanish) =
            line.split_once('\t').ok_or_else(|| format!("{} line {}: no tab", path.display(), number + 1))?;
        Ok(Verse { english: annotated(english), spanish: annotated(spanish) })
    };
    text.lines().enumerate().map(verse).collect()
}

fn ids(symbols: &Symbols, words: &[Word]) -> Vec<u32> {
    words.iter().map(|word| symbols.id(&word.text)).collect()
}

fn text(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn frequent<'a>(sides: impl Iterator<Item = &'a Vec<Word>>) -> Symbols {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    sides.flatten().for_each(|word| *counts.entry(&word.text).or_default() += 1);
    Symbols::new(counts.into_iter().filter(|(_, count)| *count >= RARE).map(|(word, _)| word))
}

impl Verse {
    fn known(&self) -> Known {
        let (sure, possible) = self.links();
        Known { sure, possible, asked: self.spanish.iter().map(|word| word.strong.is_some()).collect() }
    }

    /// Links between words that render the same original word: those that surely do, since its number occurs in one run
    /// of words on each side, and all others with a number in common.
    fn links(&self) -> (Vec<Link>, Vec<Link>) {
        let (mut sure, mut possible) = (Vec::new(), Vec::new());
        let numbers: BTreeSet<&String> =
            self.english.iter().filter_map(|word| word.strong.as_ref()).collect();
        for number in numbers {
            let places = |words: &[Word]| -> Vec<usize> {
                (0..words.len()).filter(|i| words[*i].strong.as_ref() == Some(number)).collect()
            };
            let (english, spanish) = (places(&self.english), places(&self.spanish));
            let once = |places: &[usize]| places.windows(2).all(|pair| pair[1] == pair[0] + 1);
            let links = if once(&english) && once(&spanish) { &mut sure } else { &mut possible };
            links.extend(english.iter().flat_map(|i| spanish.iter().map(|j| (*i, *j))));
        }
        (sure, possible)
    }
}

/// Words with their numbers behind a slash: `light/H0216`.
fn annotated(line: &str) -> Vec<Word> {
    let word = |field: &str| match field.rsplit_once('/') {
        Some((text, strong)) => Word { text: text.to_owned(), strong: Some(strong.to_owned()) },
        None => Word { text: field.to_owned(), strong: None },
    };
    line.split(' ').map(word).collect()
}

/// The words of a verse in OSIS; notes and titles are left out.
fn words(osis: &str) -> Vec<Word> {
    let (mut found, mut strong, mut skipping) = (Vec::new(), None, None);
    let mut rest = osis;
    while !rest.is_empty() {
        if let Some(tag) = rest.strip_prefix('<').and_then(|tag| tag.split_once('>')) {
            rest = tag.1;
            let name = tag.0.split([' ', '/']).next().unwrap_or_default();
            match (tag.0, skipping) {
                ("/note" | "/title", Some(_)) => skipping = None,
                (_, Some(_)) => {}
                (start, None) if matches!(name, "note" | "title") && !start.ends_with('/') => {
                    skipping = Some(());
                }
                (start, None) if name == "w" => strong = number(start),
                ("/w", None) => strong = None,
                _ => {}
            }
            continue;
        }
        // A bracket that closes nowhere is text, and begins it.
        let next = rest.char_indices().skip(1).find(|(_, c)| *c == '<');
        let end = next.map_or(rest.len(), |(end, _)| end);
        if skipping.is_none() {
            cut(&rest[..end].to_lowercase(), strong.as_deref(), &mut found);
        }
        rest = &rest[end..];
    }
    found
}

/// The first Strong's number in `w lemma="strong:H0216"`.
fn number(tag: &str) -> Option<String> {
    let (_, number) = tag.split_once("strong:")?;
    let end = number.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(number.len());
    Some(number[..end].to_owned())
}

/// Words of letters, with apostrophes and hyphens between letters, and single marks.
fn cut(text: &str, strong: Option<&str>, found: &mut Vec<Word>) {
    let chars: Vec<char> = text.chars().collect();
    let letter = |i: usize| chars.get(i).is_some_and(|c| c.is_alphabetic());
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        at += 1;
        if letter(start) {
            while letter(at) || (matches!(chars.get(at), Some('\'' | '’' | '-')) && letter(at + 1)) {
                at += 1;
            }
        } else if chars[start].is_whitespace() || chars[start].is_numeric() {
            continue;
        }
        let strong = strong.filter(|_| letter(start)).map(str::to_owned);
        found.push(Word { text: chars[start..at].iter().collect(), strong });
    }
}

/// The verses of a testament by their slots: zText, blocks of verses under zlib.
fn slots(folder: &Path, testament: &str) -> Result<Vec<String>, Failure> {
    let read = |kind: &str| {
        let path = folder.join(format!("{testament}.{kind}"));
        std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let (index, blocks, verses) = (read("bzs")?, read("bzz")?, read("bzv")?);
    let outside = |what: &str| format!("{}: {testament}: {what} lies outside its file", folder.display());
    let number =
        |bytes: &[u8]| bytes.iter().rev().fold(0_usize, |value, byte| value << 8 | usize::from(*byte));
    let mut texts = Vec::new();
    for entry in index.chunks_exact(12) {
        let (offset, size) = (number(&entry[..4]), number(&entry[4..8]));
        let block = blocks.get(offset..offset + size).ok_or_else(|| outside("a block"))?;
        let mut text = Vec::new();
        // What the entry says it unpacks to is the limit.
        ZlibDecoder::new(block).take(number(&entry[8..]) as u64).read_to_end(&mut text)?;
        texts.push(text);
    }
    let verse = |entry: &[u8]| -> Result<String, Failure> {
        let (block, start, length) = (number(&entry[..4]), number(&entry[4..8]), number(&entry[8..]));
        if length == 0 {
            return Ok(String::new());
        }
        let bytes = texts.get(block).and_then(|text| text.get(start..start + length));
        Ok(String::from_utf8(bytes.ok_or_else(|| outside("a verse"))?.to_vec())?)
    };
    verses.chunks_exact(10).map(verse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn osis_gives_words_with_their_numbers() {
        let osis = "<title>I</title><w lemma=\"strong:G2532\">Y la</w> luz<note n=\"a\">o</note>, <w \
                    lemma=\"strong:G5457 strong:G1\">Tal-cual</w>. á <";
        let text: Vec<String> = words(osis)
            .into_iter()
            .map(|word| word.strong.map_or(word.text.clone(), |number| format!("{}/{number}", word.text)))
            .collect();
        assert_eq!(text.join(" "), "y/G2532 la/G2532 luz , tal-cual/G5457 . á <");
    }

    #[test]
    fn a_number_that_comes_twice_links_possibly() {
        let verse = Verse { english: annotated("a/1 b/2 c a/1"), spanish: annotated("x/2 y/1 z/2 z/2") };
        let (sure, possible) = verse.links();
        assert_eq!((sure.len(), possible.len()), (0, 5));
        let verse = Verse { english: annotated("a/1 b/2"), spanish: annotated("y/2 x/1 x/1") };
        assert_eq!(verse.links(), (vec![(0, 1), (0, 2), (1, 0)], vec![]));
    }

    /// The excerpt was cut by a script of its own: both readers agree.
    #[test]
    fn the_excerpt_is_what_the_modules_say() {
        if data::folder("bible-kjv").is_none() || data::folder("bible-rv1909").is_none() {
            eprintln!("skipped: `cargo xtask data fetch bible-kjv bible-rv1909` obtains both Bibles");
            return;
        }
        let key = |verse: &Verse| (text(&verse.english), text(&verse.spanish));
        let whole: BTreeSet<_> = whole().unwrap().iter().map(key).collect();
        let missing = excerpt().unwrap().iter().filter(|verse| !whole.contains(&key(verse))).count();
        assert_eq!(missing, 0);
    }
}
