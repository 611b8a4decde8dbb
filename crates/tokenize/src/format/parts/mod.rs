//! The components of a pipeline, each read and written.

mod decoder;
mod limits;
mod model;
mod normalizer;
mod post_processor;
mod pre_tokenizer;

pub(super) use decoder::{read_decoder, write_decoder};
pub(super) use limits::{read_padding, read_truncation, write_padding, write_truncation};
pub(super) use model::{BpeFile, ModelFile, UnigramFile, WordLevelFile, WordPieceFile, write_model};
pub(super) use normalizer::{read_normalizer, write_normalizer};
pub(super) use post_processor::{read_post_processor, write_post_processor};
pub(super) use pre_tokenizer::{read_pre_tokenizer, write_pre_tokenizer};

use serde_json::Value;

use super::component::Component;
use super::ordered::Json;
use crate::error::Error;
use crate::pattern::Pattern;

/// `{"String": …}` or `{"Regex": …}`.
fn read_pattern(component: &mut Component<'_>) -> Result<Pattern, Error> {
    let expected = "an object with String or Regex";
    let (is_regex, source) = component.field("pattern", expected, |value| {
        let fields = value.as_object().filter(|fields| fields.len() == 1)?;
        let (kind, source) = fields.iter().next()?;
        let is_regex = match kind.as_str() {
            "String" => false,
            "Regex" => true,
            _ => return None,
        };
        Some((is_regex, source.as_str()?.to_owned()))
    })?;
    component.lift(if is_regex { Pattern::regex(source) } else { Ok(Pattern::literal(source)) })
}

fn write_pattern(pattern: &Pattern) -> Json {
    let kind = if pattern.is_regex() { "Regex" } else { "String" };
    Json::object([(kind, Json::text(pattern.source()))])
}

/// `["[SEP]", 102]`.
fn read_token(component: &mut Component<'_>, name: &str) -> Result<(String, u32), Error> {
    component.field(name, "a token and its id", |value| match value.as_array()?.as_slice() {
        [Value::String(token), id] => Some((token.clone(), u32::try_from(id.as_u64()?).ok()?)),
        _ => None,
    })
}

fn write_token((token, id): &(String, u32)) -> Json {
    Json::List(vec![Json::text(token), Json::Whole(u64::from(*id))])
}
