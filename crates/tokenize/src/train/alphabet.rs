//! The characters of a corpus as the symbols that merging begins with.

use std::cmp::Reverse;

use super::words::WordSource;
use crate::error::Error;
use crate::hash::PairHashMap;
use crate::vocab::Vocab;

/// Not a symbol.
const NONE: u32 = u32::MAX;
/// Form of a character that does not begin its word, where such have a prefix.
const CONTINUES: usize = 1;
/// Form of a character that ends its word, where such have a suffix. A character can have both.
const ENDS: usize = 2;

/// Which characters become symbols, and how they are spelled.
pub(super) struct Spelling<'s> {
    /// At most so many characters, the most frequent.
    pub(super) limit: Option<usize>,
    /// Characters that are in whether they occur or not.
    pub(super) initial: &'s [char],
    /// What stands before a character that does not begin its word.
    pub(super) prefix: &'s str,
    /// What stands after a character that ends its word.
    pub(super) suffix: &'s str,
}

/// The id of every character in each of its forms.
pub(super) struct Alphabet {
    ids: PairHashMap<[u32; 4]>,
    has_prefix: bool,
    has_suffix: bool,
}

/// What is known of a character.
#[derive(Clone, Copy, Default)]
struct Seen {
    count: u64,
    /// One bit per form.
    forms: u8,
}

impl Alphabet {
    /// Collects the characters of the words and appends their symbols to `vocab`: first the characters as they are,
    /// by code point, then their other forms as far as they occur, by code point again. A symbol that is in `vocab`
    /// already, being a special token, keeps its id.
    pub(super) fn new(
        words: &dyn WordSource,
        spelling: &Spelling<'_>,
        vocab: &mut Vocab,
    ) -> Result<Self, Error> {
        let mut alphabet = Self {
            ids: PairHashMap::default(),
            has_prefix: !spelling.prefix.is_empty(),
            has_suffix: !spelling.suffix.is_empty(),
        };
        let mut kept: Vec<(char, Seen)> = alphabet.characters(words, spelling.initial)?;
        if let Some(limit) = spelling.limit {
            kept.sort_unstable_by_key(|&(character, seen)| (Reverse(seen.count), character));
            kept.truncate(limit);
        }
        kept.sort_unstable_by_key(|&(character, _)| character);
        let mut intern =
            |token: &str| vocab.id(token.as_bytes()).unwrap_or_else(|| vocab.push(token.as_bytes()));
        for &(character, _) in &kept {
            let id = intern(character.encode_utf8(&mut [0; 4]));
            alphabet.ids.insert(character.into(), [id, NONE, NONE, NONE]);
        }
        for (character, seen) in kept {
            for form in (1..4).filter(|form| seen.forms & (1 << form) != 0) {
                let prefix = if form & CONTINUES != 0 { spelling.prefix } else { "" };
                let suffix = if form & ENDS != 0 { spelling.suffix } else { "" };
                let id = intern(&format!("{prefix}{character}{suffix}"));
                alphabet.ids.entry(character.into()).or_insert([NONE; 4])[form] = id;
            }
        }
        Ok(alphabet)
    }

    /// All characters, in no particular order.
    fn characters(&self, words: &dyn WordSource, initial: &[char]) -> Result<Vec<(char, Seen)>, Error> {
        let mut seen: PairHashMap<(char, Seen)> = PairHashMap::default();
        let mut invalid = None;
        words.for_each(&mut |word, count| match std::str::from_utf8(word) {
            Ok(word) if count > 0 => self.for_each_form(word, |character, form| {
                let (_, seen) = seen.entry(character.into()).or_insert((character, Seen::default()));
                seen.count = seen.count.saturating_add(count);
                seen.forms |= 1 << form;
            }),
            Ok(_) => {}
            Err(_) => invalid = Some(String::from_utf8_lossy(word).into_owned()),
        })?;
        if let Some(word) = invalid {
            return Err(Error::Config(format!(
                "the word {word:?} is not UTF-8, of which characters can be taken"
            )));
        }
        for &character in initial {
            seen.entry(character.into()).or_insert((character, Seen::default())).1.count = u64::MAX;
        }
        Ok(seen.into_values().collect())
    }

    /// Appends the ids of the symbols of `word`. Characters that are not in the alphabet vanish.
    pub(super) fn symbols(&self, word: &[u8], ids: &mut Vec<u32>) {
        // Words that are not UTF-8 have been refused.
        let word = std::str::from_utf8(word).unwrap_or_default();
        self.for_each_form(word, |character, form| {
            ids.extend(self.ids.get(&character.into()).map(|forms| forms[form]));
        });
    }

    /// Calls `visit` on every character with its form.
    #[inline]
    fn for_each_form(&self, word: &str, mut visit: impl FnMut(char, usize)) {
        for (at, character) in word.char_indices() {
            let continues = self.has_prefix && at > 0;
            let ends = self.has_suffix && at + character.len_utf8() == word.len();
            visit(character, usize::from(continues) * CONTINUES + usize::from(ends) * ENDS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::WordCounts;

    fn alphabet(limit: Option<usize>, prefix: &str, suffix: &str) -> (Vec<String>, Vec<Vec<u32>>) {
        let words: WordCounts = [("abc", 3), ("b", 1), ("zz", 0)].into_iter().collect();
        let mut vocab = Vocab::default();
        vocab.push(b"<s>");
        vocab.push(b"b");
        let spelling = Spelling { limit, initial: &['x'], prefix, suffix };
        let alphabet = Alphabet::new(&words, &spelling, &mut vocab).unwrap();
        let tokens = vocab.iter().map(|token| String::from_utf8(token.to_vec()).unwrap()).collect();
        let symbols = |word: &str| {
            let mut ids = Vec::new();
            alphabet.symbols(word.as_bytes(), &mut ids);
            ids
        };
        (tokens, vec![symbols("abc"), symbols("b"), symbols("q")])
    }

    #[test]
    fn characters_come_by_code_point_and_forms_after_them() {
        let (tokens, symbols) = alphabet(None, "", "");
        assert_eq!(tokens, ["<s>", "b", "a", "c", "x"]);
        assert_eq!(symbols, [vec![2, 1, 3], vec![1], vec![]]);
        let (tokens, symbols) = alphabet(None, "##", "$");
        assert_eq!(tokens, ["<s>", "b", "a", "c", "x", "##b", "b$", "##c$"]);
        assert_eq!(symbols, [vec![2, 5, 7], vec![6], vec![]]);
    }

    #[test]
    fn the_limit_keeps_the_most_frequent_and_of_these_the_first() {
        // b: 4, a and c: 3, and x counts as endless.
        let (tokens, symbols) = alphabet(Some(3), "", "");
        assert_eq!(tokens, ["<s>", "b", "a", "x"]);
        assert_eq!(symbols, [vec![2, 1], vec![1], vec![]]);
    }

    #[test]
    fn words_that_are_not_text_are_refused() {
        let words: WordCounts = [(&b"a\xff"[..], 1)].into_iter().collect();
        let spelling = Spelling { limit: None, initial: &[], prefix: "", suffix: "" };
        let error = Alphabet::new(&words, &spelling, &mut Vocab::default()).err().unwrap();
        assert!(error.to_string().contains("a\u{fffd}"));
    }
}
