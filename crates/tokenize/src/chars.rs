//! One id per character.

use std::collections::{BTreeSet, HashMap};

use crate::error::Error;
use crate::tokenizer::Tokenizer;

/// A character-level vocabulary: the distinct characters of some text, sorted by code point, numbered from 0.
///
/// ```
/// use tokenize::{CharTokenizer, Error, Tokenizer};
///
/// let tokenizer = CharTokenizer::from_texts(["to be or not to be"]);
/// assert_eq!(tokenizer.encode("bet").unwrap(), [1, 2, 6]);
/// assert_eq!(tokenizer.decode(&[1, 2, 6]).unwrap(), "bet");
/// let error = tokenizer.encode("beé").unwrap_err();
/// assert_eq!(error.to_string(), "character 'é' (U+00E9) at byte 2 is not in the vocabulary");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharTokenizer {
    tokens: Vec<String>,
    ids: HashMap<char, u32>,
}

impl CharTokenizer {
    /// The vocabulary of all characters that occur in `texts`.
    pub fn from_texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut seen = BTreeSet::new();
        for text in texts {
            seen.extend(text.as_ref().chars());
        }
        Self::numbered(seen)
    }

    /// The vocabulary in which the characters have the ids 0, 1, 2, … in the order given.
    ///
    /// # Errors
    /// [`Error::Config`] if a character comes twice.
    pub fn from_chars(chars: impl IntoIterator<Item = char>) -> Result<Self, Error> {
        let chars: Vec<char> = chars.into_iter().collect();
        let tokenizer = Self::numbered(chars.iter().copied());
        if tokenizer.ids.len() == chars.len() {
            return Ok(tokenizer);
        }
        let twice = chars.iter().enumerate().find(|&(id, c)| tokenizer.ids[c] != id as u32);
        Err(Error::Config(format!("character {:?} comes twice", twice.map_or('\0', |(_, &c)| c))))
    }

    fn numbered(chars: impl IntoIterator<Item = char>) -> Self {
        let tokens: Vec<String> = chars.into_iter().map(String::from).collect();
        let ids = tokens.iter().flat_map(|token| token.chars()).zip(0..).collect();
        Self { tokens, ids }
    }

    /// The characters in the order of their ids.
    pub fn chars(&self) -> impl Iterator<Item = char> {
        self.tokens.iter().flat_map(|token| token.chars())
    }
}

impl Tokenizer for CharTokenizer {
    fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let id = |(offset, character)| {
            self.ids.get(&character).copied().ok_or(Error::UnknownCharacter { character, offset })
        };
        text.char_indices().map(id).collect()
    }

    fn vocab_size(&self) -> usize {
        self.tokens.len()
    }

    fn token(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id as usize).map(String::as_bytes)
    }

    fn id(&self, token: &[u8]) -> Option<u32> {
        let mut chars = std::str::from_utf8(token).ok()?.chars();
        let character = chars.next()?;
        if chars.next().is_some() { None } else { self.ids.get(&character).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_sorted_characters() {
        let tokenizer = CharTokenizer::from_texts(["zebra 中é", "a\n"]);
        assert_eq!(tokenizer.chars().collect::<String>(), "\n aberzé中");
        assert_eq!(tokenizer.vocab_size(), 9);
        assert_eq!(tokenizer.id("中".as_bytes()), Some(8));
        assert_eq!(tokenizer.id(b"ab"), None);
        assert_eq!(tokenizer.id(b""), None);
        assert_eq!(tokenizer.id(&[0xff]), None);
        assert_eq!(tokenizer.token(8), Some("中".as_bytes()));
        assert_eq!(tokenizer.token(9), None);
        assert!(matches!(
            tokenizer.decode(&[0, 9]),
            Err(Error::UnknownId { id: 9, position: 1, vocab_size: 9 })
        ));
        assert_eq!(tokenizer.decode_lossy(&[8, 9]), "中\u{fffd}");
    }

    #[test]
    fn a_repeated_character_is_named() {
        let error = CharTokenizer::from_chars("abca".chars()).unwrap_err();
        assert_eq!(error.to_string(), "character 'a' comes twice");
    }
}
