//! Post-processors: special tokens around texts, and offsets without spaces.

mod template;

pub use crate::pre::ByteLevel;
pub use template::{TemplatePiece, TemplateProcessing, TemplateToken};

use crate::error::Error;
use crate::pipeline::Encoding;

/// What is done to the encodings of a text or a pair of texts. Names and effects are those of Hugging Face's
/// `tokenizers`.
///
/// ```
/// use tokenize::model::{Model, WordLevel};
/// use tokenize::post::{BertProcessing, ByteLevel, PostProcessor, RobertaProcessing};
/// use tokenize::{Parts, Pipeline};
///
/// let vocab = ["<s>", "</s>", "to"].map(String::from).into_iter().zip(0..);
/// let model = Model::WordLevel(WordLevel::new(vocab, "<unk>")?);
/// let (cls, sep) = (("<s>".to_owned(), 0), ("</s>".to_owned(), 1));
/// let bert = PostProcessor::Bert(BertProcessing { sep: sep.clone(), cls: cls.clone() });
/// let roberta = RobertaProcessing { sep, cls, trim_offsets: true, add_prefix_space: false };
/// for (post_processor, one, two) in [
///     (bert.clone(), &[0, 2, 1][..], &[0, 2, 1, 2, 1][..]),
///     (PostProcessor::Roberta(roberta), &[0, 2, 1], &[0, 2, 1, 1, 2, 1]),
///     (PostProcessor::ByteLevel(ByteLevel::default()), &[2], &[2, 2]),
///     (PostProcessor::Sequence(vec![PostProcessor::ByteLevel(ByteLevel::default()), bert]), &[0, 2, 1], &[0, 2, 1, 2, 1]),
/// ] {
///     let pipeline = Pipeline::new(Parts { post_processor: Some(post_processor), ..Parts::new(model.clone()) })?;
///     assert_eq!(pipeline.encode("to", true)?.ids, one);
///     assert_eq!(pipeline.encode(("to", "to"), true)?.ids, two);
/// }
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostProcessor {
    /// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, B of type 1.
    Bert(BertProcessing),
    /// `<s> A </s>` and `<s> A </s> </s> B </s>`, all of type 0.
    Roberta(RobertaProcessing),
    /// Leaves spaces out of offsets.
    ByteLevel(ByteLevel),
    /// As templates say.
    Template(TemplateProcessing),
    /// One after the other.
    Sequence(Vec<PostProcessor>),
}

/// The two special tokens of BERT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BertProcessing {
    /// The token after each text, with its id.
    pub sep: (String, u32),
    /// The token before the first text.
    pub cls: (String, u32),
}

/// The two special tokens of RoBERTa, and what it does to offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobertaProcessing {
    /// The token after each text and between two, with its id.
    pub sep: (String, u32),
    /// The token before the first text.
    pub cls: (String, u32),
    /// Leave spaces out of offsets.
    pub trim_offsets: bool,
    /// Whether the pre-tokenizer adds a space before the text.
    pub add_prefix_space: bool,
}

impl PostProcessor {
    /// How many special tokens are added to one text or to two.
    pub fn added_tokens(&self, is_pair: bool) -> usize {
        match self {
            Self::Bert(_) => 2 + usize::from(is_pair),
            Self::Roberta(_) => 2 + 2 * usize::from(is_pair),
            Self::ByteLevel(_) => 0,
            Self::Template(template) => template.added_tokens(is_pair),
            Self::Sequence(steps) => steps.iter().map(|step| step.added_tokens(is_pair)).sum(),
        }
    }

    /// The whole of one text or two.
    pub(crate) fn process(
        &self,
        mut encodings: Vec<Encoding>,
        add_special_tokens: bool,
    ) -> Result<Encoding, Error> {
        for (sequence, encoding) in encodings.iter_mut().enumerate() {
            encoding.set_sequence(sequence);
            encoding.overflowing.iter_mut().for_each(|part| part.set_sequence(sequence));
            encoding.set_type_ids(sequence as u32);
        }
        Ok(Encoding::joined(self.step(encodings, add_special_tokens)?))
    }

    fn step(&self, mut encodings: Vec<Encoding>, add_special_tokens: bool) -> Result<Vec<Encoding>, Error> {
        match self {
            Self::Bert(BertProcessing { sep, cls }) => {
                if add_special_tokens {
                    for (sequence, encoding) in encodings.iter_mut().enumerate() {
                        let before = (sequence == 0).then_some((cls.1, cls.0.as_str()));
                        encoding.surround(before, (sep.1, &sep.0), u32::from(sequence > 0), sequence.min(1));
                    }
                }
                Ok(encodings)
            }
            Self::Roberta(roberta) => {
                if roberta.trim_offsets {
                    trim_all(&mut encodings, roberta.add_prefix_space);
                }
                encodings.iter_mut().for_each(|encoding| encoding.set_type_ids(0));
                if add_special_tokens {
                    roberta.add_special_tokens(&mut encodings);
                }
                Ok(encodings)
            }
            Self::ByteLevel(level) => {
                if level.trim_offsets {
                    trim_all(&mut encodings, level.add_prefix_space);
                }
                for (sequence, encoding) in encodings.iter_mut().enumerate() {
                    encoding.set_sequence(sequence);
                }
                Ok(encodings)
            }
            Self::Template(template) => template.process(encodings, add_special_tokens),
            Self::Sequence(steps) => {
                steps.iter().try_fold(encodings, |encodings, step| step.step(encodings, add_special_tokens))
            }
        }
    }

    /// Puts the special tokens around the ids of one text, without an [`Encoding`].
    pub(crate) fn add_special_ids(&self, ids: &mut Vec<u32>) {
        let mut surround = |cls: &(String, u32), sep: &(String, u32)| {
            ids.insert(0, cls.1);
            ids.push(sep.1);
        };
        match self {
            Self::Bert(BertProcessing { sep, cls }) => surround(cls, sep),
            Self::Roberta(RobertaProcessing { sep, cls, .. }) => surround(cls, sep),
            Self::ByteLevel(_) => {}
            Self::Template(template) => template.single_ids(ids),
            Self::Sequence(steps) => steps.iter().for_each(|step| step.add_special_ids(ids)),
        }
    }

    /// Whether [`add_special_ids`](Self::add_special_ids) gives the ids that [`process`](Self::process) does: where
    /// two steps add tokens, the second would see parts instead of a text.
    pub(crate) fn adds_to_a_text(&self) -> bool {
        match self {
            Self::Sequence(steps) => {
                let adds =
                    |step: &&PostProcessor| step.added_tokens(false) > 0 || matches!(step, Self::Template(_));
                steps.iter().filter(adds).count() <= 1 && steps.iter().all(Self::adds_to_a_text)
            }
            _ => true,
        }
    }
}

impl RobertaProcessing {
    fn add_special_tokens(&self, encodings: &mut [Encoding]) {
        for (sequence, encoding) in encodings.iter_mut().enumerate() {
            let first = if sequence == 0 { &self.cls } else { &self.sep };
            encoding.overflowing.iter_mut().for_each(|part| part.set_type_ids(0));
            encoding.surround(Some((first.1, &first.0)), (self.sep.1, &self.sep.0), 0, sequence.min(1));
        }
    }
}

/// [`trim`] of encodings and what overflows of them.
fn trim_all(encodings: &mut [Encoding], add_prefix_space: bool) {
    for encoding in encodings {
        trim(encoding, add_prefix_space);
        encoding.overflowing.iter_mut().for_each(|part| trim(part, add_prefix_space));
    }
}

/// Takes the spaces at the ends of each token out of its offsets, but not the one that was added before the text.
fn trim(encoding: &mut Encoding, add_prefix_space: bool) {
    // GPT-2's character for a space.
    let is_space = |character: &char| *character == 'Ġ' || character.is_whitespace();
    for (index, (token, offsets)) in encoding.tokens.iter().zip(&mut encoding.offsets).enumerate() {
        let mut leading = token.chars().take_while(is_space).count();
        let trailing = token.chars().rev().take_while(is_space).count();
        let is_first = index == 0 || offsets.start == 0;
        if is_first && add_prefix_space && leading == 1 {
            leading = 0;
        }
        if leading > 0 {
            offsets.start = (offsets.start + leading).min(offsets.end);
        }
        if trailing > 0 && offsets.end >= trailing {
            offsets.end = (offsets.end - trailing).max(offsets.start);
        }
    }
}
