//! Simplified and traditional characters, by OpenCC's tables.

use std::ops::Range;
use std::sync::OnceLock;

use super::dictionary::Codes;
use super::tables::{self, Reader};
use super::trie::Trie;

/// How Chinese is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Script {
    /// Simplified characters.
    Simplified,
    /// Traditional characters, in OpenCC's own standard.
    Traditional,
}

/// A character in the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The bytes of the one character that is replaced.
    pub range: Range<usize>,
    /// What takes its place.
    pub with: char,
}

/// `text` in simplified characters, as OpenCC 1.4's configuration `t2s` gives it.
///
/// ```
/// assert_eq!(tokenize::chinese::to_simplified("後來皇后乾隆，乾淨的頭髮"), "后来皇后乾隆，干净的头发");
/// ```
pub fn to_simplified(text: &str) -> String {
    convert(text, Script::Simplified)
}

/// `text` in traditional characters, as OpenCC 1.4's configuration `s2t` gives it.
///
/// One simplified character can stand for several traditional ones; the longest phrase known at each place decides.
///
/// ```
/// assert_eq!(tokenize::chinese::to_traditional("头发和发展，后来的皇后"), "頭髮和發展，後來的皇后");
/// ```
pub fn to_traditional(text: &str) -> String {
    convert(text, Script::Traditional)
}

fn convert(text: &str, script: Script) -> String {
    let mut converted = String::with_capacity(text.len());
    let mut end = 0;
    for Replacement { range, with } in replacements(text, script) {
        converted.push_str(&text[end..range.start]);
        converted.push(with);
        end = range.end;
    }
    converted.push_str(&text[end..]);
    converted
}

/// The characters of `text` that `script` writes otherwise, in order, each with what takes its place: one character
/// for one character always, also within phrases, so that offsets in characters stay what they are.
///
/// ```
/// use tokenize::chinese::{Replacement, Script, replacements};
///
/// let found: Vec<_> = replacements("理发", Script::Traditional).collect();
/// assert_eq!(found, [Replacement { range: 3..6, with: '髮' }]);
/// ```
pub fn replacements(text: &str, script: Script) -> Replacements<'_> {
    Replacements { converter: Converter::of(script), text, at: 0, pending: 0..0 }
}

/// The characters of a text that are written otherwise; see [`replacements`].
#[derive(Clone)]
pub struct Replacements<'a> {
    converter: &'static Converter,
    text: &'a str,
    /// Where what has not been looked at begins.
    at: usize,
    /// What replaces the next characters, as a range of the converter's `outputs`.
    pending: Range<usize>,
}

impl Iterator for Replacements<'_> {
    type Item = Replacement;

    fn next(&mut self) -> Option<Replacement> {
        loop {
            let rest = &self.text[self.at..];
            let from = rest.chars().next()?;
            // Phrases of ASCII alone do not change.
            let with = match self.pending.next() {
                Some(i) => self.converter.outputs[i],
                None => {
                    self.pending = self.converter.longest(rest);
                    match self.pending.next() {
                        Some(i) => self.converter.outputs[i],
                        None => self.converter.single(from),
                    }
                }
            };
            let range = self.at..self.at + from.len_utf8();
            self.at = range.end;
            if with != from {
                return Some(Replacement { range, with });
            }
        }
    }
}

/// The tables of one direction.
struct Converter {
    /// Characters that occur in phrases or are replaced; the code of a character is its number and one.
    codes: &'static Codes,
    /// For each code, what it is as part of a phrase: itself, or what a compatibility ideograph stands for.
    plain: &'static [u16],
    /// For each code, what replaces the character alone.
    singles: Vec<char>,
    phrases: Trie,
    /// Where in `outputs` the replacement of each class of the trie begins.
    starts: Vec<u32>,
    outputs: Vec<char>,
}

/// The tables of both.
struct Tables {
    codes: Codes,
    plain: Vec<u16>,
    chars: Vec<char>,
    /// Packed tables: simplified to traditional, and the other way.
    converters: [OnceLock<Converter>; 2],
    packed: [Reader; 2],
}

impl Converter {
    fn of(script: Script) -> &'static Self {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        let tables = TABLES.get_or_init(Tables::read);
        let which = usize::from(script == Script::Simplified);
        tables.converters[which].get_or_init(|| Self::read(tables, tables.packed[which].clone()))
    }

    fn read(tables: &'static Tables, mut reader: Reader) -> Self {
        let alone = read_singles(&mut reader, tables.chars.len());
        let singles: Vec<u16> = tables.plain.iter().map(|&code| alone[usize::from(code)]).collect();
        let char_of = |code: u16| tables.chars[usize::from(code)];
        let mut outputs = Vec::new();
        let (mut letters, mut starts) = (Vec::new(), vec![0]);
        read_phrases(&mut reader, |phrase, differing| {
            letters.extend_from_slice(phrase);
            starts.push(letters.len() as u32);
            outputs.extend(phrase.iter().map(|&code| char_of(alone[usize::from(code)])));
            let start = outputs.len() - phrase.len();
            differing.iter().for_each(|&(place, code)| outputs[start + place] = char_of(code));
        });
        let word = |i: usize| &letters[starts[i] as usize..starts[i + 1] as usize];
        let words: Vec<(&[u16], u32)> = (0..starts.len() - 1).map(|i| (word(i), i as u32 + 1)).collect();
        let phrases = Trie::from_sorted(&words);
        let singles = singles.into_iter().map(char_of).collect();
        Self { codes: &tables.codes, plain: &tables.plain, singles, phrases, starts, outputs }
    }

    /// Where the replacement of the longest phrase that begins `text` lies; nothing if there is none.
    fn longest(&self, text: &str) -> Range<usize> {
        let mut codes = text.chars().map(|c| self.plain[usize::from(self.codes.get(c))]);
        let mut class = 0;
        let mut node = codes.next().and_then(|code| self.phrases.first(code));
        while let Some(prefix) = node {
            class = if prefix.word == 0 { class } else { prefix.word as usize };
            node = codes.next().and_then(|code| self.phrases.step(prefix, code));
        }
        match class {
            0 => 0..0,
            class => self.starts[class - 1] as usize..self.starts[class] as usize,
        }
    }

    fn single(&self, c: char) -> char {
        match self.codes.get(c) {
            0 => c,
            code => self.singles[usize::from(code)],
        }
    }
}

impl Tables {
    fn read() -> Self {
        let mut reader = Reader::new(tables::SCRIPTS);
        // Code 0 is that of all other characters, of which nothing is asked.
        let chars: Vec<char> = std::iter::once('\0').chain(reader.string().chars()).collect();
        let codes = Codes::of(&chars[1..]);
        let plain = read_singles(&mut reader, chars.len());
        read_phrases(&mut reader, |_, _| {});
        let traditional = reader.clone();
        read_singles(&mut reader, chars.len());
        read_phrases(&mut reader, |_, _| {});
        let converters = [const { OnceLock::new() }; 2];
        Self { codes, plain, chars, converters, packed: [traditional, reader] }
    }
}

/// The code that replaces each of `count` codes.
fn read_singles(reader: &mut Reader, count: usize) -> Vec<u16> {
    let mut singles: Vec<u16> = (0..count).map(|code| code as u16).collect();
    let mut code = 1;
    for _ in 0..reader.number() {
        code += reader.number() as usize;
        singles[code] = reader.number() as u16 + 1;
    }
    singles
}

/// Tells all phrases, with the places and codes that they replace in their own way.
fn read_phrases(reader: &mut Reader, mut tell: impl FnMut(&[u16], &[(usize, u16)])) {
    let (mut phrase, mut differing) = (Vec::new(), Vec::new());
    for _ in 0..reader.number() {
        let head = reader.byte();
        phrase.truncate(usize::from(head >> 5));
        for _ in 0..head >> 1 & 15 {
            phrase.push(reader.number() as u16 + 1);
        }
        differing.clear();
        if head & 1 == 1 {
            for _ in 0..reader.number() {
                let place = reader.number() as usize;
                differing.push((place, reader.number() as u16 + 1));
            }
        }
        tell(&phrase, &differing);
    }
}
