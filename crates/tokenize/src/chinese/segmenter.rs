//! The segmenter: a dictionary, a model of unseen words, and text cut by them.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use super::cut::{Scratch, Unseen, all_words, with_inner_words, with_model, without_model};
use super::dictionary::{Dictionary, trim};
use super::hmm::Hmm;
use super::text::{Block, Class, is_space, single};
use crate::error::Error;

/// How [`Segmenter::cut_as`] cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Along the most probable route, each character in exactly one word.
    Precise {
        /// Make words that the dictionary does not hold out of single characters that follow each other, by the hidden
        /// Markov model.
        hmm: bool,
    },
    /// All words of the dictionary that are in the text, overlapping, and what no word covers.
    Full,
    /// As precise, with the dictionary's words of two and of three characters within a longer word put before it: for
    /// search engines.
    Search {
        /// As in [`Mode::Precise`].
        hmm: bool,
    },
}

impl Default for Mode {
    fn default() -> Self {
        Mode::Precise { hmm: true }
    }
}

/// Cuts Chinese text into words as [jieba](https://github.com/fxsjy/jieba) 0.42.1 does, and tags them.
///
/// ```
/// use tokenize::chinese::{Mode, Segmenter};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// // Usually `Segmenter::from_file("dict.txt")?`.
/// let mut segmenter = Segmenter::from_text("清华 2224 nz\n清华大学 2053 nt\n华 2502 b\n大学 20025 n\n来 110999 v\n")?;
/// let words = |segmenter: &Segmenter, text, mode| -> Vec<String> {
///     segmenter.cut_as(text, mode).map(|range| text[range].to_owned()).collect()
/// };
/// assert_eq!(words(&segmenter, "来清华大学。", Mode::default()), ["来", "清华大学", "。"]);
/// assert_eq!(words(&segmenter, "清华大学", Mode::Full), ["清华", "清华大学", "大学"]);
/// assert_eq!(words(&segmenter, "清华大学", Mode::Search { hmm: true }), ["清华", "大学", "清华大学"]);
///
/// segmenter.add_word("来清华", None, None)?;
/// assert_eq!(words(&segmenter, "来清华", Mode::default()), ["来清华"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Segmenter {
    pub(super) dictionary: Dictionary,
    hmm: Option<Box<Hmm>>,
    /// Words that were given the frequency 0.
    forbidden: HashSet<Box<str>>,
}

impl std::fmt::Debug for Segmenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segmenter").field("total", &self.dictionary.total()).finish_non_exhaustive()
    }
}

impl Default for Segmenter {
    fn default() -> Self {
        Self::new()
    }
}

impl Segmenter {
    /// A segmenter without a dictionary: all words are unseen.
    pub fn new() -> Self {
        Self::over(Dictionary::empty())
    }

    fn over(dictionary: Dictionary) -> Self {
        Self { dictionary, hmm: None, forbidden: HashSet::new() }
    }

    /// Reads a dictionary in the format of jieba's `dict.txt`: lines `word frequency tag`, of which the tag may be
    /// missing. Of several lines with one word the last counts.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] with the line that is no such line, or if the frequencies together exceed
    /// 2⁶⁴ or the words have more than 65,535 different characters.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = super::read_text(path)?;
        Ok(Self::over(Dictionary::from_text(&text, &path.display().to_string())?))
    }

    /// As [`from_file`](Self::from_file), from text.
    ///
    /// # Errors
    /// [`Error::Format`] as there.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        Ok(Self::over(Dictionary::from_text(text, "dictionary")?))
    }

    /// Replaces jieba's model of unseen words by one in the text format of cppjieba and jieba-rs (`hmm_model.utf8`):
    /// the logarithms of start, transition and emission probabilities of B, E, M and S.
    ///
    /// ```
    /// use tokenize::chinese::Segmenter;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("hmm_model.utf8");
    /// let model = "\
    /// #start: words of two characters, or of one
    /// -0.1 -3e100 -3e100 -2
    /// #transitions from B, E, M, S
    /// -3e100 -0.1 -2 -3e100
    /// -1 -3e100 -3e100 -1
    /// -3e100 -1 -1 -3e100
    /// -1 -3e100 -3e100 -1
    /// #emissions of B, E, M, S
    /// 甲:-1,乙:-9
    /// 乙:-1,甲:-9
    /// 甲:-9
    /// 甲:-5,乙:-5
    /// ";
    /// std::fs::write(&path, model)?;
    /// let mut segmenter = Segmenter::new();
    /// segmenter.load_hmm(&path)?;
    /// let words: Vec<_> = segmenter.cut("甲乙甲乙").collect();
    /// assert_eq!(words, [0..6, 6..12]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] with the line that is not as the format asks.
    pub fn load_hmm(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let text = super::read_text(path)?;
        self.hmm = Some(Box::new(Hmm::from_text(&text, &path.display().to_string())?));
        Ok(())
    }

    /// The words of `text`, as ranges of bytes: precise, with words that the dictionary does not hold.
    ///
    /// They follow each other without gap or overlap; white space and punctuation are words of one character (`\r\n`
    /// of two).
    pub fn cut<'a>(&'a self, text: &'a str) -> Cut<'a> {
        self.cut_as(text, Mode::default())
    }

    /// The words of `text` in a mode, as ranges of bytes.
    ///
    /// Every mode gives the words of Python's jieba 0.42.1 in its order, but for two things in full mode: jieba's
    /// empty words beside white space are left out, and letters are joined to a word only if they stand side by side
    /// (jieba joins across a word of the dictionary that it found in between).
    pub fn cut_as<'a>(&'a self, text: &'a str, mode: Mode) -> Cut<'a> {
        Cut {
            segmenter: self,
            text,
            at: 0,
            mode,
            block: Block::default(),
            scratch: Scratch::default(),
            next: 0,
        }
    }

    /// The words of `text` with their places in bytes and in characters.
    ///
    /// ```
    /// use tokenize::chinese::{Mode, Segmenter};
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let segmenter = Segmenter::from_text("大学 20025 n\n")?;
    /// let words: Vec<_> = segmenter.words("上大学", Mode::Precise { hmm: false }).collect();
    /// assert_eq!((words[1].text, words[1].bytes.clone(), words[1].chars.clone()), ("大学", 3..9, 1..3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn words<'a>(&'a self, text: &'a str, mode: Mode) -> Words<'a> {
        Words { cut: self.cut_as(text, mode), place: (0, 0) }
    }

    /// Sets the frequency of a word, of the user or of the dictionary, and its tag where one is given. Without a
    /// frequency it is [`suggest_frequency`](Self::suggest_frequency). Returns the frequency.
    ///
    /// # Errors
    /// [`Error::Config`] if the word is empty, the frequencies together exceed 2⁶⁴, or there are more than 65,535
    /// different characters or tags.
    pub fn add_word(&mut self, word: &str, frequency: Option<u64>, tag: Option<&str>) -> Result<u64, Error> {
        let frequency = frequency.unwrap_or_else(|| self.suggest_frequency(word));
        self.dictionary.insert((word, frequency, tag))?;
        if frequency == 0 {
            self.forbidden.insert(word.into());
        }
        Ok(frequency)
    }

    /// Gives a word the frequency 0: neither the dictionary nor the model of unseen words makes it any more.
    ///
    /// # Errors
    /// As [`add_word`](Self::add_word).
    pub fn remove_word(&mut self, word: &str) -> Result<(), Error> {
        self.add_word(word, Some(0), None).map(drop)
    }

    /// Adds the words of a user's dictionary: lines `word`, `word frequency`, `word tag` or `word frequency tag`.
    ///
    /// ```
    /// use tokenize::chinese::Segmenter;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("user.txt");
    /// std::fs::write(&path, "云计算\n台中 5 n\n")?;
    /// let mut segmenter = Segmenter::from_text("云 100 n\n计算 200 v\n")?;
    /// segmenter.load_user_words(&path)?;
    /// let words: Vec<_> = segmenter.cut("台中云计算").collect();
    /// assert_eq!(words, [0..6, 6..15]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] with the line, as [`add_word`](Self::add_word). Words before it are added.
    pub fn load_user_words(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let text = super::read_text(path)?;
        self.add_lines(&text, &path.display().to_string())
    }

    /// As [`load_user_words`](Self::load_user_words), from text.
    ///
    /// # Errors
    /// [`Error::Format`] as there.
    pub fn add_user_words(&mut self, text: &str) -> Result<(), Error> {
        self.add_lines(text, "user dictionary")
    }

    fn add_lines(&mut self, text: &str, file: &str) -> Result<(), Error> {
        for (i, line) in text.lines().enumerate() {
            let fault = |what: String| Error::format(file, format!("line {}", i + 1), what);
            let line = trim(line).trim_start_matches('\u{feff}');
            if line.is_empty() {
                continue;
            }
            let (word, frequency, tag) = user_line(line);
            let frequency = frequency.map(str::parse).transpose();
            let frequency =
                frequency.map_err(|_| fault(format!("expected a frequency below 2^64 in `{line}`")))?;
            self.add_word(word, frequency, tag).map_err(|error| fault(error.to_string()))?;
        }
        Ok(())
    }

    /// The frequency that makes a word come out whole where it is now cut: one more than the product of the
    /// probabilities of its parts asks, and at least its present one.
    pub fn suggest_frequency(&self, word: &str) -> u64 {
        let parts = self.cut_as(word, Mode::Precise { hmm: false });
        let product = self.product(parts.map(|range| &word[range]));
        let now = self.dictionary.frequency(word).unwrap_or(1);
        ((product * self.dictionary.total() as f64) as u64).saturating_add(1).max(now)
    }

    /// The frequency of the word `parts` make together at which it is cut into these parts: what the product of their
    /// probabilities asks, and at most its present one.
    ///
    /// ```
    /// use tokenize::chinese::Segmenter;
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let mut segmenter = Segmenter::from_text("的 1000000 uj\n中 9000 f\n将 9000 d\n中将 10 n\n")?;
    /// let words = |segmenter: &Segmenter| segmenter.cut("中将").map(|range| &"中将"[range]).collect::<Vec<_>>();
    /// assert_eq!(words(&segmenter), ["中", "将"]);
    /// segmenter.add_word("中将", None, None)?;
    /// assert_eq!(words(&segmenter), ["中将"]);
    /// let frequency = segmenter.suggest_split_frequency(&["中", "将"]);
    /// segmenter.add_word("中将", Some(frequency), None)?;
    /// assert_eq!(words(&segmenter), ["中", "将"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn suggest_split_frequency(&self, parts: &[&str]) -> u64 {
        let product = self.product(parts.iter().copied());
        let now = self.dictionary.frequency(&parts.concat()).unwrap_or(0);
        ((product * self.dictionary.total() as f64) as u64).min(now)
    }

    fn product<'t>(&self, parts: impl Iterator<Item = &'t str>) -> f64 {
        let total = self.dictionary.total() as f64;
        parts
            .map(|part| self.dictionary.frequency(part).unwrap_or(1) as f64 / total)
            .fold(1.0, |all, part| all * part)
    }

    /// The frequency of a word; `None` if it is not in the dictionary.
    pub fn frequency(&self, word: &str) -> Option<u64> {
        self.dictionary.frequency(word).filter(|&frequency| frequency > 0)
    }

    /// The tag that the dictionary or the user gave to a word.
    pub fn tag_of(&self, word: &str) -> Option<&str> {
        self.dictionary.tag(word)
    }

    /// Fills `scratch.words` for a block.
    fn cut_block(&self, block: &Block, mode: Mode, scratch: &mut Scratch) {
        match mode {
            Mode::Precise { hmm } | Mode::Search { hmm } => {
                if hmm {
                    let hmm = self.hmm.as_deref().unwrap_or_else(|| Hmm::jieba());
                    with_model(&self.dictionary, Unseen { hmm, forbidden: &self.forbidden }, block, scratch);
                } else {
                    without_model(&self.dictionary, block, scratch);
                }
                if let Mode::Search { .. } = mode {
                    with_inner_words(&self.dictionary, block, &mut scratch.words);
                }
            }
            Mode::Full => all_words(&self.dictionary, block, &mut scratch.words),
        }
    }
}

/// The fields of a line of a user's dictionary: as jieba, the shortest word that leaves a number or a tag of small
/// letters or both, or else nothing.
fn user_line(line: &str) -> (&str, Option<&str>, Option<&str>) {
    let field = |line: &'_ str, fits: fn(&u8) -> bool| -> Option<usize> {
        let at = line.rfind(' ').filter(|&at| at > 0)?;
        let field = &line.as_bytes()[at + 1..];
        (!field.is_empty() && field.iter().all(fits)).then_some(at)
    };
    let (rest, tag) = match field(line, u8::is_ascii_lowercase) {
        Some(at) => (&line[..at], Some(&line[at + 1..])),
        None => (line, None),
    };
    match field(rest, u8::is_ascii_digit) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..]), tag),
        None => (rest, None, tag),
    }
}

/// The words of a text as ranges of bytes; see [`Segmenter::cut_as`].
pub struct Cut<'a> {
    segmenter: &'a Segmenter,
    text: &'a str,
    /// Where what has not been cut begins.
    at: usize,
    mode: Mode,
    block: Block,
    scratch: Scratch,
    /// The next word of the block.
    next: usize,
}

impl Iterator for Cut<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        if let Some(word) = self.scratch.words.get(self.next) {
            self.next += 1;
            return Some(self.block.bytes(word.clone()));
        }
        self.advance()
    }
}

impl Cut<'_> {
    /// The first word of the next block, or the next word outside blocks.
    fn advance(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if start == self.text.len() {
            return None;
        }
        if self.block.read(self.text, start, Class::Words, self.segmenter.dictionary.codes()) {
            self.segmenter.cut_block(&self.block, self.mode, &mut self.scratch);
            self.at = self.block.bytes(0..self.block.len()).end;
            self.next = 1;
            return Some(self.block.bytes(self.scratch.words[0].clone()));
        }
        self.scratch.words.clear();
        self.at = match self.mode {
            Mode::Full => stretch(self.text, start),
            _ => single(self.text, start),
        };
        Some(start..self.at)
    }
}

/// The end of what full mode takes for one word outside blocks: a character of white space, or all up to one.
fn stretch(text: &str, start: usize) -> usize {
    let end = single(text, start);
    if text[start..end].starts_with(is_space) {
        return end;
    }
    let other = |c: char| is_space(c) || Class::Words.contains(c);
    text[start..].find(other).map_or(text.len(), |length| start + length)
}

/// A word and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word.
    pub text: &'a str,
    /// Its bytes in the text.
    pub bytes: Range<usize>,
    /// Its characters in the text.
    pub chars: Range<usize>,
}

/// The words of a text with their places; see [`Segmenter::words`].
pub struct Words<'a> {
    cut: Cut<'a>,
    /// A place from which characters are counted: in bytes and in characters.
    place: (usize, usize),
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let bytes = self.cut.next()?;
        let text = &self.cut.text[bytes.clone()];
        // Words that overlap start before the place, but not far.
        let start = match bytes.start.cmp(&self.place.0) {
            std::cmp::Ordering::Less => {
                self.place.1 - self.cut.text[bytes.start..self.place.0].chars().count()
            }
            _ => self.place.1 + self.cut.text[self.place.0..bytes.start].chars().count(),
        };
        self.place = (bytes.start, start);
        let chars = start..start + text.chars().count();
        Some(Word { text, bytes, chars })
    }
}
