//! Tokens as text with ids of any kind.

use crate::error::Error;
use crate::interner::Interner;

/// A vocabulary read from outside: distinct tokens, each with an id of its own. Ids may be missing, so memory follows
/// the number of tokens and not the largest id.
#[derive(Clone, Default)]
pub(super) struct TokenTable {
    /// In the order of the ids.
    tokens: Interner,
    /// The ids in that order; empty where they are 0, 1, 2, …
    ids: Vec<u32>,
}

impl TokenTable {
    /// # Errors
    /// [`Error::Config`] if a token or an id comes twice.
    pub(super) fn new(vocab: impl IntoIterator<Item = (String, u32)>) -> Result<Self, Error> {
        let mut vocab: Vec<(String, u32)> = vocab.into_iter().collect();
        vocab.sort_unstable_by(|(left, l), (right, r)| (l, left).cmp(&(r, right)));
        let mut table = Self::default();
        for (index, (token, id)) in vocab.iter().enumerate() {
            if index > 0 && vocab[index - 1].1 == *id {
                let other = &vocab[index - 1].0;
                return Err(Error::Config(format!("vocab[{token:?}]: id {id} is that of {other:?} too")));
            }
            if table.tokens.intern(token.as_bytes()) as usize != index {
                return Err(Error::Config(format!("vocab[{token:?}]: the token comes twice")));
            }
        }
        if vocab.iter().zip(0..).any(|(&(_, id), index)| id != index) {
            table.ids = vocab.iter().map(|&(_, id)| id).collect();
        }
        Ok(table)
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The largest id plus 1.
    pub(super) fn id_bound(&self) -> u64 {
        self.ids.last().map_or(self.len() as u64, |&last| u64::from(last) + 1)
    }

    #[inline]
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        let index = self.tokens.find(token.as_bytes())?;
        Some(if self.ids.is_empty() { index } else { self.ids[index as usize] })
    }

    #[inline]
    pub(super) fn token(&self, id: u32) -> Option<&str> {
        let index = if self.ids.is_empty() { id } else { self.ids.binary_search(&id).ok()? as u32 };
        std::str::from_utf8(self.tokens.get(index)?).ok()
    }

    /// Tokens with their ids, in the order of the ids.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, u32)> {
        (0..self.len()).map(|index| {
            let id = self.ids.get(index).map_or(index as u32, |&id| id);
            let token = self.tokens.get(index as u32).and_then(|bytes| std::str::from_utf8(bytes).ok());
            (token.unwrap_or_default(), id)
        })
    }
}

/// What every model whose field `vocab` is a [`TokenTable`] tells of its vocabulary.
macro_rules! vocabulary_methods {
    ($model:ty) => {
        impl $model {
            /// The tokens with their ids, in the order of the ids.
            pub fn vocab(&self) -> impl ExactSizeIterator<Item = (&str, u32)> {
                self.vocab.iter()
            }

            /// The text of a token.
            pub fn token(&self, id: u32) -> Option<&str> {
                self.vocab.token(id)
            }

            /// The id of the token with exactly this text.
            pub fn id(&self, token: &str) -> Option<u32> {
                self.vocab.id(token)
            }

            /// Number of tokens.
            pub fn len(&self) -> usize {
                self.vocab.len()
            }

            /// Whether there is no token.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// The largest id plus 1.
            pub fn id_bound(&self) -> u64 {
                self.vocab.id_bound()
            }
        }
    };
}
pub(super) use vocabulary_methods;

#[cfg(test)]
mod tests {
    use super::*;

    fn table(vocab: &[(&str, u32)]) -> Result<TokenTable, Error> {
        TokenTable::new(vocab.iter().map(|&(token, id)| (token.to_owned(), id)))
    }

    #[test]
    fn ids_may_be_missing() {
        let table = table(&[("c", u32::MAX), ("", 7), ("a", 0)]).unwrap();
        assert_eq!(table.iter().collect::<Vec<_>>(), [("a", 0), ("", 7), ("c", u32::MAX)]);
        assert_eq!((table.id("c"), table.id(""), table.id("b")), (Some(u32::MAX), Some(7), None));
        assert_eq!((table.token(7), table.token(1)), (Some(""), None));
        assert_eq!((table.len(), table.id_bound()), (3, 1 << 32));
    }

    #[test]
    fn what_comes_twice_is_named() {
        let error = table(&[("a", 0), ("b", 1), ("c", 1)]).err().unwrap();
        assert_eq!(error.to_string(), r#"vocab["c"]: id 1 is that of "b" too"#);
        let error = table(&[("a", 0), ("b", 1), ("a", 2)]).err().unwrap();
        assert_eq!(error.to_string(), r#"vocab["a"]: the token comes twice"#);
    }
}
