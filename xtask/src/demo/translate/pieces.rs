//! Chinese and English as ids: English in byte pairs, Chinese in characters or words.

use std::collections::HashMap;
use std::ops::Range;

use tokenize::chinese::Segmenter;
use tokenize::{ByteLevelBpe, ByteLevelBpeTrainer};

use crate::Failure;
use crate::seq2seq::{SPECIALS, UNKNOWN};

/// Characters or words that occur less often are unknown.
const RARE: usize = 2;

/// How Chinese is cut.
pub(super) enum Cut {
    /// Into characters.
    Characters,
    /// Into words, by a dictionary and jieba's model of words that it does not hold.
    Words(Box<Segmenter>),
}

/// A token of a Chinese text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    /// A character or word of its own.
    Symbol(&'t str),
    /// Latin letters, digits and their marks, to be cut as English is.
    Latin(&'t str),
}

/// Ids: the special ones, the pieces of English, the symbols of Chinese. Latin letters in Chinese text are pieces of
/// English too: a model can carry names over.
pub(super) struct Pieces {
    cut: Cut,
    english: ByteLevelBpe,
    symbols: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Cut {
    /// The tokens of a text, white space left out.
    fn tokens<'t>(&self, text: &'t str) -> Vec<Token<'t>> {
        let mut tokens = Vec::new();
        for run in text.split_whitespace() {
            let mut at = 0;
            while at < run.len() {
                let latin = run[at..].starts_with(|c: char| c.is_ascii());
                let other = |c: char| c.is_ascii() != latin;
                let end = run[at..].find(other).map_or(run.len(), |length| at + length);
                let part = &run[at..end];
                match self {
                    _ if latin => tokens.push(Token::Latin(part)),
                    Self::Characters => {
                        tokens.extend(
                            part.char_indices().map(|(i, c)| Token::Symbol(&part[i..i + c.len_utf8()])),
                        );
                    }
                    Self::Words(segmenter) => {
                        tokens
                            .extend(segmenter.cut(part).map(|word: Range<usize>| Token::Symbol(&part[word])));
                    }
                }
                at = end;
            }
        }
        tokens
    }
}

impl Pieces {
    /// Learns `vocab` pieces from the English sides and takes over the symbols of the Chinese ones.
    pub(super) fn learn(cut: Cut, vocab: usize, pairs: &[(String, String)]) -> Result<Self, Failure> {
        let english = ByteLevelBpeTrainer::new(vocab).train(pairs.iter().map(|(_, english)| english))?;
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for token in pairs.iter().flat_map(|(chinese, _)| cut.tokens(chinese)) {
            if let Token::Symbol(symbol) = token {
                *counts.entry(symbol).or_default() += 1;
            }
        }
        let usual = counts.into_iter().filter(|(_, count)| *count >= RARE);
        let mut symbols: Vec<String> = usual.map(|(symbol, _)| symbol.to_owned()).collect();
        symbols.sort_unstable();
        let first = SPECIALS + english.vocab_size() as u32;
        let ids = symbols.iter().cloned().zip(first..).collect();
        Ok(Self { cut, english, symbols, ids })
    }

    /// Characters or words of Chinese.
    pub(super) fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// Number of source ids.
    pub(super) fn src_vocab(&self) -> usize {
        self.tgt_vocab() + self.symbols.len()
    }

    /// Number of target ids.
    pub(super) fn tgt_vocab(&self) -> usize {
        SPECIALS as usize + self.english.vocab_size()
    }

    /// Ids of a Chinese text, and what they stand for in it.
    pub(super) fn chinese(&self, text: &str) -> (Vec<u32>, Vec<String>) {
        let (mut ids, mut names) = (Vec::new(), Vec::new());
        for token in self.cut.tokens(text) {
            match token {
                Token::Symbol(symbol) => {
                    ids.push(self.ids.get(symbol).copied().unwrap_or(UNKNOWN));
                    names.push(symbol.to_owned());
                }
                // As in the middle of an English sentence.
                Token::Latin(part) => {
                    let (pieces, spelt) = self.english(&format!(" {part}"));
                    ids.extend(pieces);
                    names.extend(spelt);
                }
            }
        }
        (ids, names)
    }

    /// Ids of an English text, and what they stand for in it.
    pub(super) fn english(&self, text: &str) -> (Vec<u32>, Vec<String>) {
        let pieces = self.english.encode(text);
        let names = pieces.iter().map(|piece| self.english.decode_lossy(&[*piece])).collect();
        (pieces.iter().map(|piece| piece + SPECIALS).collect(), names)
    }

    /// The English text of target ids; special ones have none.
    pub(super) fn say(&self, ids: &[u32]) -> String {
        let pieces: Vec<u32> = ids.iter().filter_map(|id| id.checked_sub(SPECIALS)).collect();
        self.english.decode_lossy(&pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(cut: Cut) -> Pieces {
        let pair = |chinese: &str, english: &str| (chinese.to_owned(), english.to_owned());
        let pairs = [
            pair("打开窗口。", "Open the window."),
            pair("窗口打开，app.on(x)", "The window opens, app.on(x)"),
        ];
        Pieces::learn(cut, 270, &pairs).unwrap()
    }

    #[test]
    fn chinese_is_cut_and_latin_letters_are_as_in_english() {
        let pieces = pieces(Cut::Characters);
        assert_eq!(pieces.symbols(), 4);
        let (ids, names) = pieces.chinese("打开 app.on 窗户");
        let (english, spelt) = pieces.english("Call app.on now");
        assert_eq!(names[..2], ["打", "开"]);
        assert_eq!(names[names.len() - 2..], ["窗", "户"]);
        assert_eq!(ids[ids.len() - 1], UNKNOWN);
        let inner = &ids[2..ids.len() - 2];
        assert_eq!(pieces.say(inner), " app.on");
        assert!(english.windows(inner.len()).any(|window| window == inner), "{spelt:?} {names:?}");
        assert!(ids.iter().all(|id| (*id as usize) < pieces.src_vocab()));
    }

    #[test]
    fn words_come_from_the_dictionary() {
        let segmenter = Segmenter::from_text("窗口 100 n\n打开 100 v\n").unwrap();
        let pieces = pieces(Cut::Words(Box::new(segmenter)));
        assert_eq!(pieces.symbols(), 2);
        assert_eq!(pieces.chinese("打开窗口").1, ["打开", "窗口"]);
    }

    #[test]
    fn english_comes_back() {
        let pieces = pieces(Cut::Characters);
        let (ids, _) = pieces.english("Ünlike “that”: x");
        assert_eq!(pieces.say(&[&[2], &ids[..]].concat()), "Ünlike “that”: x");
        assert!(ids.iter().all(|id| (*id as usize) < pieces.tgt_vocab()));
    }
}
