//! From ids to a text.

use super::Pipeline;
use crate::error::Error;
use crate::stream::{StreamDecoder, TokenStream};
use crate::tokenizer::Tokenizer;

impl Pipeline {
    /// The text of ids, with or without special tokens.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for an id that no token has, [`Error::Pattern`] if a regular expression of the decoder
    /// gives up.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, Error> {
        let mut stream = self.token_stream(skip_special_tokens);
        let mut text = String::new();
        for (position, &id) in ids.iter().enumerate() {
            let vocab_size = self.vocab_size();
            let token = self.id_to_token(id).ok_or(Error::UnknownId { id, position, vocab_size })?;
            stream.push(token, &mut text)?;
        }
        stream.finish(&mut text)?;
        Ok(text)
    }

    /// The text of ids, with U+FFFD for ids that no token has (which `tokenizers` leaves out), for bytes that are not text
    /// and for what a decoder gives up on.
    pub fn decode_lossy(&self, ids: &[u32], skip_special_tokens: bool) -> String {
        let mut stream = self.token_stream(skip_special_tokens);
        let mut text = String::new();
        for token in ids.iter().map(|&id| self.id_to_token(id).unwrap_or("\u{fffd}")) {
            if stream.push(token, &mut text).is_err() {
                text.push('\u{fffd}');
                stream = self.token_stream(skip_special_tokens);
            }
        }
        if stream.finish(&mut text).is_err() {
            text.push('\u{fffd}');
        }
        text
    }

    /// Decodes ids as they come.
    ///
    /// ```
    /// # let json = include_str!("../../tests/data/tiny-wordpiece.json");
    /// let pipeline = tokenize::Pipeline::from_json(json)?;
    /// let mut stream = pipeline.stream_decoder(true);
    /// let mut text = String::new();
    /// for id in pipeline.encode("unaffable words", true)?.ids {
    ///     text += &stream.push(id)?;
    /// }
    /// text += &stream.finish();
    /// assert_eq!(text, "unaffable words");
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    pub fn stream_decoder(&self, skip_special_tokens: bool) -> StreamDecoder<'_> {
        StreamDecoder::of_tokens(self, self.token_stream(skip_special_tokens))
    }

    pub(super) fn token_stream(&self, skip_special_tokens: bool) -> TokenStream<'_> {
        let skipped = |token: &str| self.added.is_special(token);
        TokenStream::new(self.decoder.as_ref(), skip_special_tokens.then_some(Box::new(skipped)))
    }
}
