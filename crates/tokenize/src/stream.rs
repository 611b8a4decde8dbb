//! Decoding ids as they come, without ever showing half a character.

use crate::error::Error;
use crate::tokenizer::Tokenizer;

/// Turns a stream of ids into text piece by piece.
///
/// A token can end in the middle of a character; its bytes are held back until the character is complete. Bytes that
/// can no longer become a character come out as U+FFFD, so the pieces joined are what
/// [`decode_lossy`](Tokenizer::decode_lossy) gives for all ids at once.
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
    /// The first bytes of a character whose others are still to come: at most three.
    pending: Vec<u8>,
    pushed: usize,
}

impl<'t> StreamDecoder<'t> {
    /// A decoder at the start of a text.
    pub fn new(tokenizer: &'t dyn Tokenizer) -> Self {
        Self { tokenizer, pending: Vec::new(), pushed: 0 }
    }

    /// Takes one id and gives the characters that are complete with it.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that no token has; the decoder then goes on as if the id had not come.
    pub fn push(&mut self, id: u32) -> Result<String, Error> {
        let vocab_size = self.tokenizer.vocab_size();
        let unknown = Error::UnknownId { id, position: self.pushed, vocab_size };
        let token = self.tokenizer.token(id).ok_or(unknown)?;
        self.pushed += 1;
        self.pending.extend_from_slice(token);
        let complete = self.pending.len() - unfinished(&self.pending);
        let text = String::from_utf8_lossy(&self.pending[..complete]).into_owned();
        self.pending.drain(..complete);
        Ok(text)
    }

    /// Ends the text: U+FFFD if it stops in the middle of a character, else nothing.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}

/// How many bytes at the end of `bytes` begin a character that is not yet complete.
fn unfinished(bytes: &[u8]) -> usize {
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
