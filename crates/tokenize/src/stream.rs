//! Decoding ids as they come, without ever showing half a character.

use crate::decoder::{Decoder, Stages};
use crate::error::Error;
use crate::sentencepiece::Joiner;
use crate::tokenizer::Tokenizer;

/// Turns a stream of ids into text piece by piece.
///
/// A token can end in the middle of a character; its bytes are held back until the character is complete. Bytes that
/// can no longer become a character come out as U+FFFD. What the decoder of a pipeline may still change is held back
/// too, so that the pieces joined are always the text that all ids give at once (of bytes that are not text, as
/// [`decode_lossy`](Tokenizer::decode_lossy) gives it).
///
/// ```
/// use tokenize::{ByteTokenizer, StreamDecoder};
///
/// let mut stream = StreamDecoder::new(&ByteTokenizer);
/// assert_eq!(stream.push(0xe4).unwrap(), "");
/// assert_eq!(stream.push(0xb8).unwrap(), "");
/// assert_eq!(stream.push(0xad).unwrap(), "中");
/// assert_eq!(stream.finish(), "");
/// ```
pub struct StreamDecoder<'t> {
    tokenizer: &'t dyn Tokenizer,
    held: Held<'t>,
    pushed: usize,
}

/// What a stream holds back.
enum Held<'t> {
    /// The first bytes of a character whose others are still to come: at most three.
    Bytes(Vec<u8>),
    /// What the decoder of a pipeline does.
    Tokens(TokenStream<'t>),
    /// How a model of sentencepiece joins pieces.
    Pieces(Joiner<'t>),
}

impl<'t> StreamDecoder<'t> {
    /// A decoder at the start of a text.
    pub fn new(tokenizer: &'t dyn Tokenizer) -> Self {
        match (tokenizer.token_stream(false), tokenizer.joiner()) {
            (Some(tokens), _) => Self::of_tokens(tokenizer, tokens),
            (None, Some(joiner)) => Self { tokenizer, held: Held::Pieces(joiner), pushed: 0 },
            (None, None) => Self { tokenizer, held: Held::Bytes(Vec::new()), pushed: 0 },
        }
    }

    pub(crate) fn of_tokens(tokenizer: &'t dyn Tokenizer, tokens: TokenStream<'t>) -> Self {
        Self { tokenizer, held: Held::Tokens(tokens), pushed: 0 }
    }

    /// Takes one id and gives the text that is certain with it.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that no token has; the decoder then goes on as if the id had not come.
    /// [`Error::Pattern`] if a regular expression of a pipeline's decoder gives up.
    pub fn push(&mut self, id: u32) -> Result<String, Error> {
        let vocab_size = self.tokenizer.vocab_size();
        let unknown = Error::UnknownId { id, position: self.pushed, vocab_size };
        let token = self.tokenizer.token(id).ok_or(unknown)?;
        self.pushed += 1;
        match &mut self.held {
            Held::Bytes(bytes) => {
                bytes.extend_from_slice(token);
                let complete = bytes.len() - unfinished(bytes);
                let text = String::from_utf8_lossy(&bytes[..complete]).into_owned();
                bytes.drain(..complete);
                Ok(text)
            }
            Held::Pieces(joiner) => {
                let mut text = String::new();
                joiner.push(id, &mut text);
                Ok(text)
            }
            Held::Tokens(tokens) => {
                let mut text = String::new();
                tokens.push(&String::from_utf8_lossy(token), &mut text)?;
                Ok(text)
            }
        }
    }

    /// Ends the text: what was held back, with U+FFFD if it stops in the middle of a character.
    pub fn finish(self) -> String {
        match self.held {
            Held::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Held::Pieces(joiner) => {
                let mut text = String::new();
                joiner.finish(&mut text);
                text
            }
            Held::Tokens(tokens) => {
                let mut text = String::new();
                if tokens.finish(&mut text).is_err() {
                    text.push('\u{fffd}');
                }
                text
            }
        }
    }
}

/// The tokens of a pipeline on their way through its decoder.
pub struct TokenStream<'t> {
    /// `None`: tokens are joined with spaces.
    stages: Option<Stages<'t>>,
    skipped: Option<Skipped<'t>>,
    is_first: bool,
}

/// Whether a token is left out.
type Skipped<'t> = Box<dyn Fn(&str) -> bool + Send + Sync + 't>;

impl<'t> TokenStream<'t> {
    pub(crate) fn new<F>(decoder: Option<&'t Decoder>, skipped: Option<Box<F>>) -> Self
    where
        F: Fn(&str) -> bool + Send + Sync + 't,
    {
        let skipped = skipped.map(|skipped| skipped as Skipped<'t>);
        Self { stages: decoder.map(Stages::new), skipped, is_first: true }
    }

    /// Takes a token and appends what is certain with it.
    pub(crate) fn push(&mut self, token: &str, out: &mut String) -> Result<(), Error> {
        if self.skipped.as_ref().is_some_and(|skipped| skipped(token)) {
            return Ok(());
        }
        let is_first = std::mem::replace(&mut self.is_first, false);
        match &mut self.stages {
            Some(stages) => stages.push(token, out),
            None => {
                if !is_first {
                    out.push(' ');
                }
                out.push_str(token);
                Ok(())
            }
        }
    }

    /// Appends what is left.
    pub(crate) fn finish(mut self, out: &mut String) -> Result<(), Error> {
        self.stages.as_mut().map_or(Ok(()), |stages| stages.finish(out))
    }
}

/// How many bytes at the end of `bytes` begin a character that is not yet complete.
pub(crate) fn unfinished(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        Some(chunk) => match std::str::from_utf8(chunk.invalid()) {
            Err(error) if error.error_len().is_none() => chunk.invalid().len(),
            _ => 0,
        },
        None => 0,
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::ByteTokenizer;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_join_to_the_lossy_text(
            bytes in prop_oneof![
                any::<Vec<u8>>(),
                any::<String>().prop_map(String::into_bytes),
                prop::collection::vec(prop::sample::select(&[0xe4, 0xb8, 0xad, 0xf0, 0x9f, 0x98, 0x80, b'a'][..]), 0..40),
            ],
        ) {
            let ids: Vec<u32> = bytes.iter().map(|&byte| u32::from(byte)).collect();
            let mut stream = StreamDecoder::new(&ByteTokenizer);
            let mut text = String::new();
            for &id in &ids {
                text += &stream.push(id).unwrap();
            }
            text += &stream.finish();
            prop_assert_eq!(text, ByteTokenizer.decode_lossy(&ids));
        }
    }

    #[test]
    fn an_unknown_id_changes_nothing() {
        let mut stream = StreamDecoder::new(&ByteTokenizer);
        assert_eq!(stream.push(0xc3).unwrap(), "");
        assert!(matches!(stream.push(999), Err(Error::UnknownId { id: 999, position: 1, vocab_size: 256 })));
        assert_eq!(stream.push(0xa9).unwrap(), "é");
    }
}
