//! The CMU dictionary, and who is held out.

use std::collections::{BTreeSet, HashMap};

use crate::Failure;
use crate::args::{Size, workspace};
use crate::data;
use crate::seq2seq::{Pair, Symbols, share};

/// A word and all its pronunciations.
pub(super) struct Word {
    pub(super) text: String,
    pub(super) source: Vec<u32>,
    /// As ids of sounds; the first is the most usual.
    pub(super) spoken: Vec<Vec<u32>>,
}

/// Words by their part of the split.
pub(super) struct Dictionary {
    pub(super) name: String,
    pub(super) letters: Symbols,
    pub(super) sounds: Symbols,
    pub(super) train: Vec<Word>,
    pub(super) valid: Vec<Word>,
    pub(super) test: Vec<Word>,
}

/// What is held out of a hundred: by a hash of the word, so that all its pronunciations are on one side and no later
/// edition of the dictionary moves a word across.
const TEST: u64 = 10;
const VALID: u64 = 2;

impl Dictionary {
    /// The whole dictionary for the long run, else the part of it that lies with the source.
    pub(super) fn load(size: Size, stress: bool) -> Result<Self, Failure> {
        let path = match size {
            Size::Full => data::folder("cmudict")
                .ok_or("the long run needs the whole dictionary: `cargo xtask data fetch cmudict`")?
                .join("cmudict/data/cmudict.dict"),
            _ => workspace().join("fixtures/text/cmudict-excerpt.dict"),
        };
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut dictionary =
            Self::parse(&text, stress).map_err(|error| format!("{}: {error}", path.display()))?;
        dictionary.name = name;
        if size == Size::Quick {
            dictionary.train = some(dictionary.train, 2_000);
            dictionary.valid = some(dictionary.valid, 100);
            dictionary.test = some(dictionary.test, 200);
        }
        Ok(dictionary)
    }

    /// Lines such as `abbey(2) AE1 B IY2 # a comment`; without `stress`, the digits behind vowels are left out.
    fn parse(text: &str, stress: bool) -> Result<Self, Failure> {
        let mut entries: Vec<(&str, Vec<Vec<String>>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let mut fields = line.split_whitespace();
            let Some(head) = fields.next() else { continue };
            let sounds: Vec<String> = fields
                .map(|sound| if stress { sound.to_owned() } else { unstressed(sound).to_owned() })
                .collect();
            if sounds.is_empty() {
                return Err(format!("line {}: no sounds for `{head}`", number + 1).into());
            }
            let word = head.split_once('(').map_or(head, |(word, _)| word);
            let at = *places.entry(word).or_insert_with(|| {
                entries.push((word, Vec::new()));
                entries.len() - 1
            });
            if !entries[at].1.contains(&sounds) {
                entries[at].1.push(sounds);
            }
        }
        let letters = Symbols::new(entries.iter().flat_map(|(word, _)| word.chars()).map(String::from));
        let all: BTreeSet<&String> = entries.iter().flat_map(|(_, spoken)| spoken.iter().flatten()).collect();
        let sounds = Symbols::new(all.into_iter().map(String::as_str));
        let (mut train, mut valid, mut test) = (Vec::new(), Vec::new(), Vec::new());
        for (word, spoken) in entries {
            let part = match share(word) {
                share if share < TEST => &mut test,
                share if share < TEST + VALID => &mut valid,
                _ => &mut train,
            };
            part.push(Word {
                source: word.chars().map(|letter| letters.id(letter.encode_utf8(&mut [0; 4]))).collect(),
                spoken: spoken
                    .iter()
                    .map(|sequence| sequence.iter().map(|sound| sounds.id(sound)).collect())
                    .collect(),
                text: word.to_owned(),
            });
        }
        Ok(Self { name: String::new(), letters, sounds, train, valid, test })
    }

    /// Every pronunciation of every training word.
    pub(super) fn pairs(&self) -> Vec<Pair> {
        let of = |word: &Word| -> Vec<Pair> {
            let pair = |target: &Vec<u32>| Pair { source: word.source.clone(), target: target.clone() };
            word.spoken.iter().map(pair).collect()
        };
        self.train.iter().flat_map(of).collect()
    }

    /// A pronunciation to read.
    pub(super) fn say(&self, sounds: &[u32]) -> String {
        sounds.iter().map(|sound| self.sounds.name(*sound)).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn describe(&self) -> String {
        format!(
            "{}: {} words to train on with {} pronunciations, {} for validation, {} held out for the test \
             (by a hash of the word), {} letters, {} sounds",
            self.name,
            self.train.len(),
            self.train.iter().map(|word| word.spoken.len()).sum::<usize>(),
            self.valid.len(),
            self.test.len(),
            self.letters.len() - 4,
            self.sounds.len() - 4,
        )
    }
}

/// `count` of the words, from all over the alphabet.
fn some(words: Vec<Word>, count: usize) -> Vec<Word> {
    let step = (words.len() / count).max(1);
    words.into_iter().step_by(step).take(count).collect()
}

/// `AH0` without its stress: `AH`.
pub(super) fn unstressed(sound: &str) -> &str {
    sound.trim_end_matches(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pronunciations_of_a_word_stay_together() {
        let text = "abbey AE1 B IY0\nabbey(2) AE1 B IY2 # rare\n\nread R EH1 D\nread(2) R IY1 D\n";
        let whole = Dictionary::parse(text, true).unwrap();
        let words: Vec<&Word> = whole.train.iter().chain(&whole.valid).chain(&whole.test).collect();
        assert_eq!(words.iter().map(|word| word.spoken.len()).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(whole.say(&words.iter().find(|word| word.text == "read").unwrap().spoken[1]), "R IY1 D");
        let plain = Dictionary::parse(text, false).unwrap();
        let words: Vec<&Word> = plain.train.iter().chain(&plain.valid).chain(&plain.test).collect();
        let abbey = words.iter().find(|word| word.text == "abbey").unwrap();
        assert_eq!(plain.say(&abbey.spoken[0]), "AE B IY");
        assert_eq!(abbey.spoken.len(), 1);
        let error = Dictionary::parse("a AH0\nb\n", true).err().unwrap().to_string();
        assert_eq!(error, "line 2: no sounds for `b`");
    }

    #[test]
    fn the_excerpt_is_split_as_stated() {
        let dictionary = Dictionary::load(Size::Normal, true).unwrap();
        let [train, valid, test] =
            [&dictionary.train, &dictionary.valid, &dictionary.test].map(|part| part.len() as f64);
        let all = train + valid + test;
        assert_eq!(all, 19_802.0);
        assert!(
            (test / all - 0.10).abs() < 0.01 && (valid / all - 0.02).abs() < 0.005,
            "{train} {valid} {test}"
        );
    }
}
