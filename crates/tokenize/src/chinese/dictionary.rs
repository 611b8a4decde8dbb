//! Words with their frequencies and tags, in the format of jieba's `dict.txt`.

use std::collections::HashMap;

use super::trie::{Moves, Node, Trie};
use crate::error::Error;
use crate::hash::PairState;

/// Words, frequencies and tags over a prefix trie.
#[derive(Clone)]
pub(super) struct Dictionary {
    trie: Trie,
    codes: Codes,
    /// Words of one frequency are one class; class 0 is that of no word.
    frequencies: Vec<u64>,
    /// Natural logarithms of the frequencies.
    logs: Vec<f64>,
    classes: HashMap<u64, u32, PairState>,
    total: u64,
    /// The tag of each slot of the trie, 0 for none.
    tags: Vec<u16>,
    tag_names: Vec<Box<str>>,
}

/// What a line of a dictionary says: word, frequency, tag.
pub(super) type Entry<'a> = (&'a str, u64, Option<&'a str>);

impl Dictionary {
    pub(super) fn empty() -> Self {
        Self {
            trie: Trie::new(),
            codes: Codes::new(),
            frequencies: vec![0],
            logs: vec![f64::NEG_INFINITY],
            classes: HashMap::default(),
            total: 0,
            tags: Vec::new(),
            tag_names: vec!["".into()],
        }
    }

    /// Reads lines `word frequency tag`; the tag may be missing. `file` is the name in errors.
    pub(super) fn from_text(text: &str, file: &str) -> Result<Self, Error> {
        let mut entries = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = trim(line);
            if !line.is_empty() {
                entries
                    .push(parse(line).map_err(|what| Error::format(file, format!("line {}", i + 1), what))?);
            }
        }
        let mut dictionary = Self::empty();
        dictionary.codes = Codes::by_count(&entries, file)?;
        dictionary.fill(&entries, file)?;
        Ok(dictionary)
    }

    fn fill(&mut self, entries: &[Entry<'_>], file: &str) -> Result<(), Error> {
        let mut letters = Vec::with_capacity(entries.len() * 3);
        let mut ends = Vec::with_capacity(entries.len());
        for (word, frequency, _) in entries {
            letters.extend(word.chars().map(|c| self.codes.get(c)));
            ends.push(letters.len());
            self.total = self
                .total
                .checked_add(*frequency)
                .ok_or_else(|| Error::format(file, "frequencies", "their sum exceeds 2^64"))?;
        }
        let word = |i: usize| &letters[if i == 0 { 0 } else { ends[i - 1] }..ends[i]];
        // Sorted by word, then by line. The first four characters decide nearly always.
        let mut order: Vec<(u64, u32)> =
            (0..entries.len()).map(|i| (prefix_key(word(i)), i as u32)).collect();
        order.sort_unstable();
        for same in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            same.sort_unstable_by_key(|&(_, i)| (word(i as usize), i));
        }
        // Of several lines with one word, the last counts.
        let last = order.chunk_by(|a, b| a.0 == b.0 && word(a.1 as usize) == word(b.1 as usize));
        let last: Vec<usize> = last.map(|lines| lines[lines.len() - 1].1 as usize).collect();
        let words: Vec<_> = last.iter().map(|&i| (word(i), self.class(entries[i].1))).collect();
        self.trie = Trie::from_sorted(&words);
        self.tags.resize(self.trie.slots(), 0);
        let mut known = HashMap::new();
        for &i in &last {
            if let Some(tag) = entries[i].2 {
                let number = match known.get(tag) {
                    Some(&number) => number,
                    None => *known.entry(tag).or_insert(self.tag_number(tag)?),
                };
                let node = self.trie.find(word(i)).expect("all words are in the trie");
                self.tags[node.slot as usize] = number;
            }
        }
        Ok(())
    }

    /// Sets the frequency of a word, and its tag where one is given. The frequency is added to the total.
    pub(super) fn insert(&mut self, (word, frequency, tag): Entry<'_>) -> Result<(), Error> {
        if word.is_empty() {
            return Err(Error::Config("the empty string cannot be a word".to_owned()));
        }
        let total = self.total.checked_add(frequency);
        let total =
            total.ok_or_else(|| Error::Config("the sum of all frequencies exceeds 2^64".to_owned()))?;
        let number = tag.map(|tag| self.tag_number(tag)).transpose()?;
        let codes = word.chars().map(|c| self.codes.get_or_add(c)).collect::<Result<Vec<_>, _>>()?;
        let class = self.class(frequency);
        let mut moves = Moves::new();
        let slot = self.trie.insert(&codes, &mut moves);
        self.tags.resize(self.trie.slots(), 0);
        for (from, to) in moves {
            self.tags[to as usize] = std::mem::take(&mut self.tags[from as usize]);
        }
        self.trie.set_word(slot, class);
        if let Some(number) = number {
            self.tags[slot as usize] = number;
        }
        self.total = total;
        Ok(())
    }

    fn class(&mut self, frequency: u64) -> u32 {
        if frequency == 0 {
            return 0;
        }
        *self.classes.entry(frequency).or_insert_with(|| {
            self.frequencies.push(frequency);
            self.logs.push((frequency as f64).ln());
            self.frequencies.len() as u32 - 1
        })
    }

    fn tag_number(&mut self, tag: &str) -> Result<u16, Error> {
        let number = self.tag_names.iter().position(|name| **name == *tag).unwrap_or(self.tag_names.len());
        let number16 = u16::try_from(number)
            .map_err(|_| Error::Config(format!("tag `{tag}`: more than {} different tags", u16::MAX)))?;
        if number == self.tag_names.len() {
            self.tag_names.push(tag.into());
        }
        Ok(number16)
    }

    #[inline]
    pub(super) fn trie(&self) -> &Trie {
        &self.trie
    }

    #[inline]
    pub(super) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// Logarithms of the frequencies by class; that of class 0 is minus infinity.
    #[inline]
    pub(super) fn logs(&self) -> &[f64] {
        &self.logs
    }

    /// The sum of the frequencies of all lines and additions.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    fn node(&self, word: &str) -> Option<Node> {
        let codes: Vec<u16> = word.chars().map(|c| self.codes.get(c)).collect();
        self.trie.find(&codes)
    }

    /// The frequency of a word; 0 for what only begins words, `None` for what does not even that.
    pub(super) fn frequency(&self, word: &str) -> Option<u64> {
        self.node(word).map(|node| self.frequencies[node.word as usize])
    }

    /// The tag of the word that ends at a node.
    pub(super) fn tag_at(&self, node: Node) -> Option<&str> {
        self.tag_name(*self.tags.get(node.slot as usize)?)
    }

    fn tag_name(&self, number: u16) -> Option<&str> {
        (number != 0).then(|| &*self.tag_names[usize::from(number)])
    }

    /// The tag of a word.
    pub(super) fn tag(&self, word: &str) -> Option<&str> {
        self.tag_at(self.node(word)?)
    }
}

/// Without white space around, of which Python's bytes know six kinds.
pub(super) fn trim(line: &str) -> &str {
    line.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
}

/// `word frequency` or `word frequency tag`.
fn parse(line: &str) -> Result<Entry<'_>, String> {
    let mut fields = line.split(' ');
    let (word, frequency, tag) = (fields.next().unwrap_or_default(), fields.next(), fields.next());
    let frequency = frequency.ok_or_else(|| format!("expected `word frequency tag`, found `{line}`"))?;
    if fields.next().is_some() {
        return Err(format!("expected `word frequency tag`, found more in `{line}`"));
    }
    let number = frequency.parse().map_err(|_| format!("expected a frequency, found `{frequency}`"))?;
    Ok((word, number, tag))
}

/// Orders words as their codes do, but for what comes after the fourth.
fn prefix_key(codes: &[u16]) -> u64 {
    (0..4).fold(0, |key, i| key << 16 | u64::from(codes.get(i).copied().unwrap_or(0)))
}

/// Numbers for the characters that occur in words, from 1, frequent ones first; 0 for all others.
#[derive(Clone)]
pub(super) struct Codes {
    /// By code point, in the basic plane.
    basic: Vec<u16>,
    beyond: HashMap<char, u16>,
    len: u16,
}

impl Codes {
    fn new() -> Self {
        Self { basic: vec![0; 0x1_0000], beyond: HashMap::new(), len: 0 }
    }

    /// Codes in the order of `chars`, fewer than 65,536.
    pub(super) fn of(chars: &[char]) -> Self {
        let mut codes = Self::new();
        for &c in chars {
            codes.get_or_add(c).expect("there are fewer characters than codes");
        }
        codes
    }

    /// Codes in order of how often words have the character: the children of most nodes get small codes, and so lie
    /// near each other.
    fn by_count(entries: &[Entry<'_>], file: &str) -> Result<Self, Error> {
        let mut basic = vec![0u32; 0x1_0000];
        let mut beyond: HashMap<char, u32> = HashMap::new();
        for c in entries.iter().flat_map(|(word, ..)| word.chars()) {
            match basic.get_mut(c as usize) {
                Some(count) => *count += 1,
                None => *beyond.entry(c).or_default() += 1,
            }
        }
        let basic = (0..).zip(basic).filter_map(|(i, count)| Some((char::from_u32(i)?, count)));
        let mut counts: Vec<(char, u32)> = basic.filter(|&(_, count)| count > 0).chain(beyond).collect();
        counts.sort_unstable_by_key(|&(c, count)| (std::cmp::Reverse(count), c));
        let mut codes = Self::new();
        for (c, _) in counts {
            codes.get_or_add(c).map_err(|error| Error::format(file, "words", error.to_string()))?;
        }
        Ok(codes)
    }

    /// The code of a character.
    #[inline]
    pub(super) fn get(&self, c: char) -> u16 {
        match self.basic.get(c as usize) {
            Some(&code) => code,
            None => self.beyond.get(&c).copied().unwrap_or(0),
        }
    }

    /// The code of a character of the basic plane.
    #[inline]
    pub(super) fn basic(&self, c: u16) -> u16 {
        self.basic[usize::from(c)]
    }

    fn get_or_add(&mut self, c: char) -> Result<u16, Error> {
        let code = self.get(c);
        if code != 0 {
            return Ok(code);
        }
        self.len = self.len.checked_add(1).ok_or_else(|| {
            Error::Config(format!("character {c:?}: words may have up to {} different characters", u16::MAX))
        })?;
        match self.basic.get_mut(c as usize) {
            Some(code) => *code = self.len,
            None => drop(self.beyond.insert(c, self.len)),
        }
        Ok(self.len)
    }
}
