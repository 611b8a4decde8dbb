//! Words with their parts of speech.

use std::ops::Range;

use super::cut::{Scratch, is_word, singles_from};
use super::route::best_route;
use super::segmenter::Segmenter;
use super::tag_model::{TagModel, Trellis};
use super::text::{Block, Class, HAN, is_ascii_word, single};

/// A word and its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged<'a> {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// Its part of speech in the notation of the dictionary: `n` noun, `v` verb, `a` adjective, `nr` name of a person,
    /// `m` number; `eng` for Latin letters, `x` for what has none.
    pub tag: &'a str,
}

/// The tag of what has none.
const NONE: &str = "x";

impl Segmenter {
    /// The words of `text` with their parts of speech, as Python's `jieba.posseg` 0.42.1 gives them.
    ///
    /// Words of the dictionary have the tag they have there. Unseen words, if `hmm` asks for them, are made and tagged
    /// by jieba's own second hidden Markov model, over places in words and tags together; so they are not always those
    /// of [`cut`](Self::cut). Neither [`load_hmm`](Self::load_hmm) nor removed words have a part in this.
    ///
    /// ```
    /// use tokenize::chinese::Segmenter;
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let segmenter = Segmenter::from_text("我 328841 r\n爱 14539 v\n北京 34488 ns\n")?;
    /// let tags: Vec<_> = segmenter.tag("我爱北京", true).map(|word| (&"我爱北京"[word.range], word.tag)).collect();
    /// assert_eq!(tags, [("我", "r"), ("爱", "v"), ("北京", "ns")]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tag<'a>(&'a self, text: &'a str, hmm: bool) -> Tags<'a> {
        let scratch = Scratch::default();
        Tags {
            segmenter: self,
            text,
            at: 0,
            hmm,
            block: Block::default(),
            scratch,
            tags: Vec::new(),
            next: 0,
            trellis: Trellis::default(),
        }
    }
}

/// The words of a text with their tags; see [`Segmenter::tag`].
pub struct Tags<'a> {
    segmenter: &'a Segmenter,
    text: &'a str,
    /// Where what has not been cut begins.
    at: usize,
    hmm: bool,
    block: Block,
    scratch: Scratch,
    /// Tags of the words in `scratch`.
    tags: Vec<&'a str>,
    /// The next word of the block.
    next: usize,
    trellis: Trellis,
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tagged<'a>;

    fn next(&mut self) -> Option<Tagged<'a>> {
        while self.next == self.tags.len() {
            let start = self.at;
            if start == self.text.len() {
                return None;
            }
            if !self.block.read(self.text, start, Class::Tags, self.segmenter.dictionary.codes()) {
                self.at = single(self.text, start);
                return Some(Tagged { range: start..self.at, tag: NONE });
            }
            self.at = self.block.bytes(0..self.block.len()).end;
            self.next = 0;
            self.scratch.words.clear();
            self.tags.clear();
            best_route(&self.segmenter.dictionary, &self.block.codes, &mut self.scratch.route);
            match self.hmm {
                true => self.with_model(),
                false => self.without_model(),
            }
        }
        let range = self.block.bytes(self.scratch.words[self.next].clone());
        self.next += 1;
        Some(Tagged { range, tag: self.tags[self.next - 1] })
    }
}

impl<'a> Tags<'a> {
    fn push(&mut self, word: Range<usize>, tag: &'a str) {
        self.scratch.words.push(word);
        self.tags.push(tag);
    }

    /// The word of the route that starts at a character, with the tag that the dictionary gives.
    fn push_known(&mut self, start: usize) {
        let word = start..self.scratch.route[start].end;
        let dictionary = &self.segmenter.dictionary;
        let node = dictionary.trie().find(&self.block.codes[word.clone()]);
        self.push(word, node.and_then(|node| dictionary.tag_at(node)).unwrap_or(NONE));
    }

    fn without_model(&mut self) {
        let mut start = 0;
        while start < self.block.len() {
            let letter = |tags: &Self, i: usize| {
                tags.scratch.route[i].end == i + 1 && is_ascii_word(tags.block.chars[i])
            };
            let mut end = self.scratch.route[start].end;
            if letter(self, start) {
                while end < self.block.len() && letter(self, end) {
                    end += 1;
                }
                self.push(start..end, "eng");
            } else {
                self.push_known(start);
            }
            start = end;
        }
    }

    fn with_model(&mut self) {
        let mut start = 0;
        while start < self.block.len() {
            let end = self.scratch.route[start].end;
            if end - start > 1 {
                self.push_known(start);
                start = end;
                continue;
            }
            let singles = singles_from(&self.scratch.route, start, self.block.len());
            start = singles.end;
            if singles.len() == 1 || is_word(&self.segmenter.dictionary, &self.block.codes[singles.clone()]) {
                singles.for_each(|i| self.push_known(i));
            } else {
                self.push_unseen(singles);
            }
        }
    }

    /// Single characters: runs of Han characters by the model, the others by their looks.
    fn push_unseen(&mut self, chars: Range<usize>) {
        let mut start = chars.start;
        while start < chars.end {
            let han = HAN.contains(&self.block.chars[start]);
            let length =
                self.block.chars[start..chars.end].iter().take_while(|c| HAN.contains(c) == han).count();
            match han {
                true => self.push_han(start..start + length),
                false => self.push_latin(start..start + length),
            }
            start += length;
        }
    }

    fn push_han(&mut self, run: Range<usize>) {
        let model = TagModel::jieba();
        model.states(&self.block.chars[run.clone()], &mut self.trellis);
        let (mut begin, mut rest) = (run.start, run.start);
        for i in run.clone() {
            let state = self.trellis.path[i - run.start];
            match model.place(state) {
                b'B' => begin = i,
                b'E' => {
                    self.push(begin..i + 1, model.tag(state));
                    rest = i + 1;
                }
                b'S' => {
                    self.push(i..i + 1, model.tag(state));
                    rest = i + 1;
                }
                _ => {}
            }
        }
        // Here a word may be left without an end, if nothing more probable remained.
        if rest < run.end {
            self.push(rest..run.end, model.tag(self.trellis.path[rest - run.start]));
        }
    }

    /// Cuts what is not Chinese as `[.0-9]+|[a-zA-Z0-9]+` and the stretches between.
    fn push_latin(&mut self, run: Range<usize>) {
        let number = |c: u16| c == u16::from(b'.') || (u16::from(b'0')..=u16::from(b'9')).contains(&c);
        let mut start = run.start;
        while start < run.end {
            let chars = &self.block.chars[start..run.end];
            let (tag, belongs): (_, &dyn Fn(u16) -> bool) = match chars[0] {
                c if number(c) => ("m", &number),
                c if is_ascii_word(c) => ("eng", &is_ascii_word),
                _ => (NONE, &|c| !number(c) && !is_ascii_word(c)),
            };
            let length = chars.iter().take_while(|&&c| belongs(c)).count();
            self.push(start..start + length, tag);
            start += length;
        }
    }
}
