//! Special tokens around texts by a template.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::pipeline::Encoding;

/// Puts special tokens around one text or two, as templates say.
///
/// ```
/// use tokenize::model::{Model, WordLevel};
/// use tokenize::post::{PostProcessor, TemplateProcessing};
/// use tokenize::{Parts, Pipeline};
///
/// let bert = TemplateProcessing::new(
///     "[CLS] $A [SEP]",
///     "[CLS] $A [SEP] $B:1 [SEP]:1",
///     [("[CLS]", 101), ("[SEP]", 102)],
/// )?;
/// let vocab = [("to".to_owned(), 7), ("be".to_owned(), 8)];
/// let model = Model::WordLevel(WordLevel::new(vocab, "[UNK]")?);
/// let pipeline = Pipeline::new(Parts { post_processor: Some(PostProcessor::Template(bert)), ..Parts::new(model) })?;
/// assert_eq!(pipeline.encode("to", true)?.ids, [101, 7, 102]);
/// let pair = pipeline.encode(("to", "be"), true)?;
/// assert_eq!(pair.ids, [101, 7, 102, 8, 102]);
/// assert_eq!(pair.type_ids, [0, 0, 0, 1, 1]);
/// # Ok::<(), tokenize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProcessing {
    single: Vec<TemplatePiece>,
    pair: Vec<TemplatePiece>,
    special_tokens: BTreeMap<String, TemplateToken>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePiece {
    /// A text of the input.
    Sequence {
        /// 0 for the first, 1 for the second.
        sequence: usize,
        /// The type id of its tokens.
        type_id: u32,
    },
    /// A special token.
    SpecialToken {
        /// Its name among the template's tokens.
        name: String,
        /// Its type id.
        type_id: u32,
    },
}

/// What a special token of a template becomes: as a rule one token, but it can be several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateToken {
    /// The ids.
    pub ids: Vec<u32>,
    /// The tokens, as many.
    pub tokens: Vec<String>,
}

impl TemplateProcessing {
    /// Templates for one text and for two, with parts between spaces: `$A` and `$B` are the texts, everything else
    /// is a special token; `:1` after either gives its type id.
    ///
    /// # Errors
    /// [`Error::Config`] if a part is malformed, a special token has no id, or the template for one text asks for two.
    pub fn new<'t>(
        single: &str,
        pair: &str,
        special_tokens: impl IntoIterator<Item = (&'t str, u32)>,
    ) -> Result<Self, Error> {
        let parse =
            |template: &str| template.split(' ').map(TemplatePiece::parse).collect::<Result<Vec<_>, _>>();
        let token = |(name, id): (&str, u32)| {
            (name.to_owned(), TemplateToken { ids: vec![id], tokens: vec![name.to_owned()] })
        };
        Self::from_pieces(parse(single)?, parse(pair)?, special_tokens.into_iter().map(token).collect())
    }

    /// Templates from their parts.
    ///
    /// # Errors
    /// [`Error::Config`] if a special token is not in `special_tokens` or has as many ids as it has not tokens, or the
    /// template for one text asks for two.
    pub fn from_pieces(
        single: Vec<TemplatePiece>,
        pair: Vec<TemplatePiece>,
        special_tokens: BTreeMap<String, TemplateToken>,
    ) -> Result<Self, Error> {
        let error = |what: String| Err(Error::Config(format!("template: {what}")));
        for piece in single.iter().chain(&pair) {
            if let TemplatePiece::SpecialToken { name, .. } = piece
                && !special_tokens.contains_key(name)
            {
                return error(format!("special token {name:?} is not among its special tokens"));
            }
        }
        for (name, token) in &special_tokens {
            if token.ids.len() != token.tokens.len() {
                let (ids, tokens) = (token.ids.len(), token.tokens.len());
                return error(format!("special token {name:?} has {ids} ids and {tokens} tokens"));
            }
        }
        for (template, texts) in [(&single, 1), (&pair, 2)] {
            for piece in template {
                if let TemplatePiece::Sequence { sequence, .. } = piece
                    && *sequence >= texts
                {
                    return error(format!("text {sequence} is asked for, where there are {texts}"));
                }
            }
        }
        Ok(Self { single, pair, special_tokens })
    }

    /// The template for one text.
    pub fn single(&self) -> &[TemplatePiece] {
        &self.single
    }

    /// The template for two.
    pub fn pair(&self) -> &[TemplatePiece] {
        &self.pair
    }

    /// What its special tokens become, by name.
    pub fn special_tokens(&self) -> &BTreeMap<String, TemplateToken> {
        &self.special_tokens
    }

    pub(super) fn added_tokens(&self, is_pair: bool) -> usize {
        let template = if is_pair { &self.pair } else { &self.single };
        let ids = |piece: &TemplatePiece| match piece {
            TemplatePiece::Sequence { .. } => 0,
            TemplatePiece::SpecialToken { name, .. } => self.special_tokens[name].ids.len(),
        };
        template.iter().map(ids).sum()
    }

    pub(super) fn process(
        &self,
        mut encodings: Vec<Encoding>,
        add_special_tokens: bool,
    ) -> Result<Vec<Encoding>, Error> {
        let template = match encodings.len() {
            1 => &self.single,
            2 => &self.pair,
            count => {
                return Err(Error::Config(format!(
                    "a template after a post-processor that has made {count} parts of the input"
                )));
            }
        };
        let mut parts = Vec::with_capacity(template.len());
        for piece in template {
            match piece {
                TemplatePiece::Sequence { sequence, type_id } => {
                    let encoding = &mut encodings[*sequence];
                    encoding.set_type_ids(*type_id);
                    encoding.set_sequence(*sequence);
                    parts.push(encoding.clone());
                }
                TemplatePiece::SpecialToken { name, type_id } if add_special_tokens => {
                    let TemplateToken { ids, tokens } = &self.special_tokens[name];
                    let specials = ids.iter().copied().zip(tokens.iter().map(String::as_str));
                    parts.push(Encoding::of_specials(specials, *type_id));
                }
                TemplatePiece::SpecialToken { .. } => {}
            }
        }
        Ok(parts)
    }

    /// The ids that one text with the ids `ids` becomes.
    pub(super) fn single_ids(&self, ids: &mut Vec<u32>) {
        let text = std::mem::take(ids);
        for piece in &self.single {
            match piece {
                TemplatePiece::Sequence { .. } => ids.extend_from_slice(&text),
                TemplatePiece::SpecialToken { name, .. } => {
                    ids.extend_from_slice(&self.special_tokens[name].ids);
                }
            }
        }
    }
}

impl TemplatePiece {
    /// `$A`, `$B:1`, `$1` (the first text with type id 1), `[SEP]`, `[SEP]:1`.
    fn parse(part: &str) -> Result<Self, Error> {
        let error = || Error::Config(format!("template: {part:?} is not a part of a template"));
        let number = |text: &str| text.parse::<u32>().map_err(|_| error());
        let (name, given) = match part.split_once(':') {
            Some((name, type_id)) => (name, Some(number(type_id)?)),
            None => (part, None),
        };
        let Some(text) = name.strip_prefix('$') else {
            return Ok(Self::SpecialToken { name: name.to_owned(), type_id: given.unwrap_or(0) });
        };
        let (sequence, type_id) = match text {
            "" | "A" | "a" => (0, 0),
            "B" | "b" => (1, 0),
            digits => (0, number(digits)?),
        };
        Ok(Self::Sequence { sequence, type_id: given.unwrap_or(type_id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_template() {
        let sequence = |sequence, type_id| TemplatePiece::Sequence { sequence, type_id };
        assert_eq!(TemplatePiece::parse("$").unwrap(), sequence(0, 0));
        assert_eq!(TemplatePiece::parse("$B:2").unwrap(), sequence(1, 2));
        assert_eq!(TemplatePiece::parse("$1").unwrap(), sequence(0, 1));
        for bad in ["$C", "[SEP]:x", "[SEP]:1:2"] {
            assert!(TemplatePiece::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn templates_must_be_possible() {
        let check = |single, expected: &str| {
            let error = TemplateProcessing::new(single, "$A $B", []).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("[CLS] $A", "\"[CLS]\" is not among its special tokens");
        check("$A $B", "text 1 is asked for, where there are 1");
    }
}
