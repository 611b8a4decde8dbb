//! The pipeline that a `tokenizer.json` describes.

mod decode;
mod encode;
mod encoding;
mod fast;
mod ids;
mod input;
mod limits;
mod vocabulary;

use std::sync::Arc;

use rayon::prelude::*;

pub use encoding::{Encoding, Side};
pub use input::{Input, Sequence};
pub use limits::{Padding, PaddingStrategy, Truncation, TruncationStrategy};

use crate::added::AddedToken;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::model::Model;
use crate::normalise::Normalizer;
use crate::post::PostProcessor;
use crate::pre::PreTokenizer;
use crate::tokenizer::{Tokenizer, cut_after};
use encode::Unit;
use fast::Fast;
use vocabulary::AddedVocabulary;

/// A tokenizer made of parts: added tokens, normaliser, pre-tokenizer, model, post-processor, decoder, truncation and
/// padding. Ids, tokens, offsets and masks are those of Hugging Face's `tokenizers` with the same parts.
///
/// ```
/// use tokenize::{Pipeline, Tokenizer};
///
/// # let json = include_str!("../../tests/data/tiny-wordpiece.json");
/// let pipeline = Pipeline::from_json(json)?;
/// let encoding = pipeline.encode(("Unaffable", "words?"), true)?;
/// assert_eq!(encoding.tokens, ["[CLS]", "un", "##aff", "##able", "[SEP]", "word", "##s", "?", "[SEP]"]);
/// assert_eq!(encoding.offsets[3], 5..9);
/// assert_eq!(encoding.type_ids, [0, 0, 0, 0, 0, 1, 1, 1, 1]);
/// assert_eq!(pipeline.decode(&encoding.ids, true)?, "unaffable words?");
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pipeline {
    normalizer: Option<Normalizer>,
    pre_tokenizer: Option<PreTokenizer>,
    model: Model,
    post_processor: Option<PostProcessor>,
    decoder: Option<Decoder>,
    added: AddedVocabulary,
    truncation: Option<Truncation>,
    padding: Option<Padding>,
    specials_as_text: bool,
    /// A faster way to ids, where the parts allow one.
    fast: Option<Arc<Fast>>,
}

/// The parts of a [`Pipeline`]; all but the model may be missing.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What is done to a text first.
    pub normalizer: Option<Normalizer>,
    /// Where it is cut then.
    pub pre_tokenizer: Option<PreTokenizer>,
    /// What gives the pieces ids.
    pub model: Model,
    /// What is done to the encoding.
    pub post_processor: Option<PostProcessor>,
    /// How tokens become a text.
    pub decoder: Option<Decoder>,
    /// Tokens that are found in a text before anything else. Each has the id of the model's token with the same text,
    /// or one that no other token has.
    pub added_tokens: Vec<AddedToken>,
    /// Whether and how encodings are cut.
    pub truncation: Option<Truncation>,
    /// Whether and how they are padded.
    pub padding: Option<Padding>,
}

impl Parts {
    /// A model alone.
    pub fn new(model: Model) -> Self {
        Self {
            normalizer: None,
            pre_tokenizer: None,
            model,
            post_processor: None,
            decoder: None,
            added_tokens: Vec::new(),
            truncation: None,
            padding: None,
        }
    }
}

impl Pipeline {
    /// A pipeline of parts.
    ///
    /// ```
    /// use tokenize::model::{Model, WordLevel};
    /// use tokenize::pre::PreTokenizer;
    /// use tokenize::{Parts, Pipeline};
    ///
    /// let vocab = ["[UNK]", "to", "be"].map(String::from).into_iter().zip(0..);
    /// let model = Model::WordLevel(WordLevel::new(vocab, "[UNK]")?);
    /// let pipeline =
    ///     Pipeline::new(Parts { pre_tokenizer: Some(PreTokenizer::Whitespace), ..Parts::new(model) })?;
    /// assert_eq!(pipeline.encode("to be?", false)?.ids, [1, 2, 0]);
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] if an added token is empty or comes twice, if its id is another token's or not its own, or
    /// if padding would be longer than [`Padding::MAX_LENGTH`].
    pub fn new(parts: Parts) -> Result<Self, Error> {
        Self::assemble(parts).map_err(|(_, error)| error)
    }

    /// [`new`](Self::new) whose error says which added token is at fault.
    pub(crate) fn assemble(parts: Parts) -> Result<Self, (Option<usize>, Error)> {
        let Parts {
            normalizer,
            pre_tokenizer,
            model,
            post_processor,
            decoder,
            added_tokens,
            truncation,
            padding,
        } = parts;
        let added = AddedVocabulary::new(added_tokens, &model, normalizer.as_ref())
            .map_err(|(index, error)| (Some(index), error))?;
        if let Some(padding) = &padding {
            padding.check().map_err(|error| (None, error))?;
        }
        let fast = Fast::new(normalizer.as_ref(), pre_tokenizer.as_ref(), &model);
        Ok(Self {
            normalizer,
            pre_tokenizer,
            model,
            post_processor,
            decoder,
            added,
            truncation,
            padding,
            specials_as_text: false,
            fast: fast.map(Arc::new),
        })
    }

    /// The same pipeline, which cuts encodings otherwise or no more.
    #[must_use]
    pub fn with_truncation(mut self, truncation: Option<Truncation>) -> Self {
        self.truncation = truncation;
        self
    }

    /// The same pipeline, which pads encodings otherwise or no more.
    ///
    /// # Errors
    /// [`Error::Config`] if padding would be longer than [`Padding::MAX_LENGTH`].
    pub fn with_padding(mut self, padding: Option<Padding>) -> Result<Self, Error> {
        if let Some(padding) = &padding {
            padding.check()?;
        }
        self.padding = padding;
        Ok(self)
    }

    /// The same pipeline, in which special tokens that stand in a text are text (`true`) or themselves (`false`, as at
    /// first). Text from users should not be able to end a document by naming the token that does.
    ///
    /// ```
    /// let json = include_str!("../../tests/data/tiny-wordpiece.json");
    /// let pipeline = tokenize::Pipeline::from_json(json)?;
    /// assert_eq!(pipeline.encode_ids("[SEP]", false)?, [3]);
    /// assert_eq!(pipeline.with_specials_as_text(true).encode_ids("[SEP]", false)?, [1, 1, 1]);
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    #[must_use]
    pub fn with_specials_as_text(mut self, specials_as_text: bool) -> Self {
        self.specials_as_text = specials_as_text;
        self
    }

    /// What is done to a text first.
    pub fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    /// Where a text is cut.
    pub fn pre_tokenizer(&self) -> Option<&PreTokenizer> {
        self.pre_tokenizer.as_ref()
    }

    /// What gives the pieces ids.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What is done to encodings.
    pub fn post_processor(&self) -> Option<&PostProcessor> {
        self.post_processor.as_ref()
    }

    /// How tokens become a text.
    pub fn decoder(&self) -> Option<&Decoder> {
        self.decoder.as_ref()
    }

    /// The added tokens in the order of their ids.
    pub fn added_tokens(&self) -> &[AddedToken] {
        self.added.tokens()
    }

    /// How encodings are cut.
    pub fn truncation(&self) -> Option<&Truncation> {
        self.truncation.as_ref()
    }

    /// How encodings are padded.
    pub fn padding(&self) -> Option<&Padding> {
        self.padding.as_ref()
    }

    /// Number of tokens, added ones included. Where ids are missing, larger ids than this can be used.
    pub fn len(&self) -> usize {
        self.model.len() + self.added.beyond(&self.model)
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The string of a token. An added token that is looked for in normalised text has its normalised form.
    pub fn id_to_token(&self, id: u32) -> Option<&str> {
        self.added.token(id).or_else(|| self.model.token(id))
    }

    /// The id of a token.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.added.id(token).or_else(|| self.model.id(token))
    }

    /// Encodes a text, words, or a pair of either, with offsets in bytes.
    ///
    /// # Errors
    /// [`Error::NoUnknownToken`] if the vocabulary cannot express the text, [`Error::Pattern`] if a regular expression
    /// of the pipeline gives up, [`Error::Config`] if truncation leaves no room, if normalising or padding would make
    /// too much of the text, or if it is longer than 4 GiB.
    pub fn encode<'t>(
        &self,
        input: impl Into<Input<'t>>,
        add_special_tokens: bool,
    ) -> Result<Encoding, Error> {
        self.encode_input(input.into(), add_special_tokens, Unit::Bytes)
    }

    /// [`encode`](Self::encode) with offsets in characters.
    ///
    /// ```
    /// let json = include_str!("../../tests/data/tiny-wordpiece.json");
    /// let pipeline = tokenize::Pipeline::from_json(json)?;
    /// assert_eq!(pipeline.encode("é word", false)?.offsets, [0..2, 3..7]);
    /// assert_eq!(pipeline.encode_char_offsets("é word", false)?.offsets, [0..1, 2..6]);
    /// # Ok::<(), tokenize::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_char_offsets<'t>(
        &self,
        input: impl Into<Input<'t>>,
        add_special_tokens: bool,
    ) -> Result<Encoding, Error> {
        self.encode_input(input.into(), add_special_tokens, Unit::Chars)
    }

    /// Encodes many inputs in parallel, and pads them to one length if the pipeline pads.
    ///
    /// # Errors
    /// The error of the first input, in order, that cannot be encoded; [`Error::Config`] if padding all of them to one
    /// length would take many times their memory.
    pub fn encode_batch<'t, I: Into<Input<'t>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        add_special_tokens: bool,
    ) -> Result<Vec<Encoding>, Error> {
        self.batch(inputs.into_iter().map(Into::into).collect(), add_special_tokens, Unit::Bytes)
    }

    /// [`encode_batch`](Self::encode_batch) with offsets in characters.
    ///
    /// # Errors
    /// As [`encode_batch`](Self::encode_batch).
    pub fn encode_batch_char_offsets<'t, I: Into<Input<'t>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        add_special_tokens: bool,
    ) -> Result<Vec<Encoding>, Error> {
        self.batch(inputs.into_iter().map(Into::into).collect(), add_special_tokens, Unit::Chars)
    }

    fn batch(
        &self,
        inputs: Vec<Input<'_>>,
        add_special_tokens: bool,
        unit: Unit,
    ) -> Result<Vec<Encoding>, Error> {
        let encode = |&input: &Input<'_>| self.encode_unpadded(input, add_special_tokens, unit);
        let encoded: Vec<_> = inputs.par_iter().map(encode).collect();
        let mut encodings = encoded.into_iter().collect::<Result<Vec<_>, _>>()?;
        if let Some(padding) = &self.padding {
            padding.apply(&mut encodings)?;
        }
        Ok(encodings)
    }
}

impl Tokenizer for Pipeline {
    fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.ids(text, true)
    }

    /// One more than the largest id.
    fn vocab_size(&self) -> usize {
        self.model.id_bound().max(self.added.id_bound()) as usize
    }

    fn token(&self, id: u32) -> Option<&[u8]> {
        self.id_to_token(id).map(str::as_bytes)
    }

    fn id(&self, token: &[u8]) -> Option<u32> {
        self.token_to_id(std::str::from_utf8(token).ok()?)
    }

    fn decode_bytes(&self, ids: &[u32]) -> Result<Vec<u8>, Error> {
        self.decode(ids, false).map(String::into_bytes)
    }

    fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        self.decode(ids, false)
    }

    fn decode_lossy(&self, ids: &[u32]) -> String {
        Self::decode_lossy(self, ids, false)
    }

    fn take_tokens<'t>(&self, text: &'t str, most: usize) -> Result<(&'t str, usize), Error> {
        let encoding = self.encode_text(text, 0, None, Unit::Bytes, true)?;
        Ok(cut_after(text, &encoding.offsets, most))
    }

    fn token_stream(&self, skip_special_tokens: bool) -> Option<crate::stream::TokenStream<'_>> {
        Some(self.token_stream(skip_special_tokens))
    }
}
