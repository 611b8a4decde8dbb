//! `truncation` and `padding`.

use serde_json::Value;

use super::super::component::Component;
use super::super::ordered::Json;
use super::pre_tokenizer::name;
use crate::error::Error;
use crate::pipeline::{Padding, PaddingStrategy, Side, Truncation, TruncationStrategy};

const SIDES: [(&str, Side); 2] = [("Left", Side::Left), ("Right", Side::Right)];

const STRATEGIES: [(&str, TruncationStrategy); 3] = [
    ("LongestFirst", TruncationStrategy::LongestFirst),
    ("OnlyFirst", TruncationStrategy::OnlyFirst),
    ("OnlySecond", TruncationStrategy::OnlySecond),
];

pub(in super::super) fn read_truncation(file: &str, value: Value) -> Result<Option<Truncation>, Error> {
    if value.is_null() {
        return Ok(None);
    }
    let mut fields = Component::untyped(file, "truncation", value)?;
    let side = fields.optional_choice("direction", &SIDES)?;
    let truncation = Truncation {
        side: side.unwrap_or(Side::Right),
        max_length: fields.count("max_length")?,
        strategy: fields.choice("strategy", &STRATEGIES)?,
        stride: fields.count("stride")?,
    };
    fields.finish()?;
    Ok(Some(truncation))
}

pub(in super::super) fn write_truncation(truncation: &Truncation) -> Json {
    Json::object([
        ("direction", Json::text(name(&SIDES, truncation.side))),
        ("max_length", Json::Whole(truncation.max_length as u64)),
        ("strategy", Json::text(name(&STRATEGIES, truncation.strategy))),
        ("stride", Json::Whole(truncation.stride as u64)),
    ])
}

pub(in super::super) fn read_padding(file: &str, value: Value) -> Result<Option<Padding>, Error> {
    if value.is_null() {
        return Ok(None);
    }
    let length = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let mut fields = Component::untyped(file, "padding", value)?;
    let padding = Padding {
        strategy: fields.field("strategy", "BatchLongest or Fixed", |value| match value {
            Value::String(name) if name == "BatchLongest" => Some(PaddingStrategy::BatchLongest),
            Value::Object(fields) if fields.len() == 1 => {
                fields.get("Fixed").and_then(length).map(PaddingStrategy::Fixed)
            }
            _ => None,
        })?,
        side: fields.choice("direction", &SIDES)?,
        multiple_of: fields.optional_field("pad_to_multiple_of", "a number", length)?,
        id: fields.id("pad_id")?,
        type_id: fields.id("pad_type_id")?,
        token: fields.text("pad_token")?,
    };
    fields.finish()?;
    Ok(Some(padding))
}

pub(in super::super) fn write_padding(padding: &Padding) -> Json {
    let strategy = match padding.strategy {
        PaddingStrategy::BatchLongest => Json::text("BatchLongest"),
        PaddingStrategy::Fixed(length) => Json::object([("Fixed", Json::Whole(length as u64))]),
    };
    Json::object([
        ("strategy", strategy),
        ("direction", Json::text(name(&SIDES, padding.side))),
        ("pad_to_multiple_of", Json::option(padding.multiple_of, |multiple| Json::Whole(multiple as u64))),
        ("pad_id", Json::Whole(u64::from(padding.id))),
        ("pad_type_id", Json::Whole(u64::from(padding.type_id))),
        ("pad_token", Json::text(&padding.token)),
    ])
}
