//! What all tokenizers have in common.

use std::ops::Range;

use rayon::prelude::*;

use crate::error::Error;

/// Turns text into ids and back.
///
/// The trait is object-safe, so that a program can take `&dyn Tokenizer` and leave the choice to a file; see
/// [`load`](crate::load).
///
/// ```
/// use tokenize::{ByteTokenizer, CharTokenizer, Tokenizer};
///
/// # fn main() -> Result<(), tokenize::Error> {
/// let chars = CharTokenizer::from_texts(["hello"]);
/// let all: [&dyn Tokenizer; 2] = [&chars, &ByteTokenizer];
/// for tokenizer in all {
///     let ids = tokenizer.encode("hello")?;
///     assert_eq!(tokenizer.decode(&ids)?, "hello");
///     assert_eq!(ids.len(), tokenizer.count("hello")?);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Tokenizer: Send + Sync {
    /// The ids of `text`, in which nothing is taken for a special token.
    ///
    /// # Errors
    /// [`Error::UnknownCharacter`] if the vocabulary cannot express the text.
    fn encode(&self, text: &str) -> Result<Vec<u32>, Error>;

    /// Number of ids: every id is below it.
    fn vocab_size(&self) -> usize;

    /// The bytes of a token.
    fn token(&self, id: u32) -> Option<&[u8]>;

    /// The id of the token with exactly these bytes.
    fn id(&self, token: &[u8]) -> Option<u32>;

    /// Number of ids that [`encode`](Self::encode) would give.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn count(&self, text: &str) -> Result<usize, Error> {
        Ok(self.encode(text)?.len())
    }

    /// The beginning of `text` that its first `most` ids stand for, and how many ids that are: fewer than `most` where
    /// the text has no more, or where the last ones would end inside a character.
    ///
    /// ```
    /// use tokenize::{ByteTokenizer, Tokenizer};
    ///
    /// let tokenizer: &dyn Tokenizer = &ByteTokenizer;
    /// assert_eq!(tokenizer.take_tokens("naïve", 3)?, ("na", 2));
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn take_tokens<'t>(&self, text: &'t str, most: usize) -> Result<(&'t str, usize), Error> {
        let mut end = 0;
        let offset = |&id: &u32| {
            let start = end;
            end += self.token(id).map_or(0, <[u8]>::len);
            start..end
        };
        let offsets: Vec<_> = self.encode(text)?.iter().map(offset).collect();
        Ok(cut_after(text, &offsets, most))
    }

    /// Encodes many texts in parallel; the result is in the order of the texts.
    ///
    /// # Errors
    /// The error of the first text, in order, that cannot be encoded.
    fn encode_batch(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, Error> {
        let encoded: Vec<_> = texts.par_iter().map(|text| self.encode(text)).collect();
        encoded.into_iter().collect()
    }

    /// The bytes of `ids`, one token after the other.
    ///
    /// # Errors
    /// [`Error::UnknownId`] at the first id that no token has.
    fn decode_bytes(&self, ids: &[u32]) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for (position, &id) in ids.iter().enumerate() {
            let vocab_size = self.vocab_size();
            bytes.extend_from_slice(self.token(id).ok_or(Error::UnknownId { id, position, vocab_size })?);
        }
        Ok(bytes)
    }

    /// The text of `ids`.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that no token has, [`Error::InvalidUtf8`] if the bytes are not text, as where a
    /// sequence of ids stops in the middle of a character.
    fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        String::from_utf8(self.decode_bytes(ids)?)
            .map_err(|error| Error::InvalidUtf8 { offset: error.utf8_error().valid_up_to() })
    }

    /// The text of `ids`, with U+FFFD for ids that no token has and for bytes that are not text.
    fn decode_lossy(&self, ids: &[u32]) -> String {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            bytes.extend_from_slice(self.token(id).unwrap_or("\u{fffd}".as_bytes()));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What decodes tokens one by one, for tokenizers whose text is more than the bytes of tokens joined.
    #[doc(hidden)]
    fn token_stream(&self, skip_special_tokens: bool) -> Option<crate::stream::TokenStream<'_>> {
        let _ = skip_special_tokens;
        None
    }

    /// What joins pieces of sentencepiece one by one.
    #[doc(hidden)]
    fn joiner(&self) -> Option<crate::sentencepiece::Joiner<'_>> {
        None
    }
}

/// The beginning of `text` that the first `most` of its ids, whose places are given, stand for, and how many those are.
/// Ids of parts of one character, which share its place or end within it, are taken together or not.
pub(crate) fn cut_after<'t>(text: &'t str, offsets: &[Range<usize>], most: usize) -> (&'t str, usize) {
    if offsets.len() <= most {
        return (text, offsets.len());
    }
    let is_end = |taken: &usize| {
        let end = offsets[taken - 1].end;
        text.is_char_boundary(end) && offsets[*taken].start >= end
    };
    let taken = (1..=most).rev().find(is_end).unwrap_or(0);
    (&text[..taken.checked_sub(1).map_or(0, |last| offsets[last].end)], taken)
}

/// Ids with the place in the text that each came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// The ids.
    pub ids: Vec<u32>,
    /// For each id, its range of bytes in the text. A range can begin or end inside a character, because a token can.
    pub offsets: Vec<Range<usize>>,
}
