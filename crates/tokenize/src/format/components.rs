//! The pipeline's components in `tokenizer.json`: which are understood, and how ours are written.

use serde_json::{Value, json};

use super::component::Component;
use crate::error::Error;
use crate::split::Split;

/// A component that must be there: `expected` or another.
fn there<'f>(file: &'f str, place: &str, value: Value, expected: &str) -> Result<Component<'f>, Error> {
    match value {
        Value::Null => Err(Error::format(file, place, format!("expected {expected}, found null"))),
        value => Component::new(file, place, value),
    }
}

fn unsupported(component: &Component<'_>) -> Error {
    component.error(format!("component {} is not supported here", component.kind))
}

/// Refuses a component or setting that is there.
pub(super) fn absent(file: &str, place: &str, value: &Value) -> Result<(), Error> {
    match value {
        Value::Null => Ok(()),
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str).unwrap_or("(without a type)");
            Err(Error::format(file, place, format!("component {kind} is not supported here")))
        }
        other => Err(Error::format(file, place, format!("expected null, found {other}"))),
    }
}

/// The split that a byte-level model's `pre_tokenizer` makes.
pub(super) fn byte_level_split(file: &str, value: Value) -> Result<Split, Error> {
    let place = "pre_tokenizer";
    let mut component = there(file, place, value, "ByteLevel")?;
    match component.kind.as_str() {
        "ByteLevel" => Ok(if byte_level_uses_pattern(component)? { Split::Gpt2 } else { Split::Whole }),
        "Sequence" => {
            let steps = match component.take("pretokenizers") {
                Some(Value::Array(steps)) => steps,
                _ => return Err(component.error("Sequence: the list pretokenizers is missing")),
            };
            component.finish()?;
            let Ok([split, bytes]) = <[Value; 2]>::try_from(steps) else {
                return Err(Error::format(file, place, "Sequence: expected a Split and a ByteLevel"));
            };
            let known = pattern_split(file, "pre_tokenizer.pretokenizers[0]", split)?;
            let place = "pre_tokenizer.pretokenizers[1]";
            let component = there(file, place, bytes, "ByteLevel")?;
            if component.kind != "ByteLevel" {
                return Err(unsupported(&component));
            }
            if byte_level_uses_pattern(component)? {
                return Err(Error::format(file, place, "ByteLevel after a Split: use_regex must be false"));
            }
            Ok(known)
        }
        _ => Err(unsupported(&component)),
    }
}

/// Checks a ByteLevel pre-tokenizer and gives its `use_regex`.
fn byte_level_uses_pattern(mut component: Component<'_>) -> Result<bool, Error> {
    let uses_pattern = component.flag_or("use_regex", true)?;
    // Only the offsets that `tokenizers` reports depend on it.
    component.flag_or("trim_offsets", true)?;
    if component.flag_or("add_prefix_space", true)? {
        return Err(component.error("ByteLevel: add_prefix_space = true is not supported"));
    }
    component.finish()?;
    Ok(uses_pattern)
}

/// Checks that a pre-tokenizer is the one that cuts text into characters.
pub(super) fn split_into_characters(file: &str, place: &str, value: Value) -> Result<(), Error> {
    match pattern_split(file, place, value)? {
        Split::Chars => Ok(()),
        other => Err(Error::format(file, place, format!("Split: expected characters, found {other:?}"))),
    }
}

/// The split of a pre-tokenizer that cuts by a pattern.
fn pattern_split(file: &str, place: &str, value: Value) -> Result<Split, Error> {
    let mut component = there(file, place, value, "Split")?;
    if component.kind != "Split" {
        return Err(unsupported(&component));
    }
    let pattern = component.take("pattern").unwrap_or_default();
    let known = pattern.get("Regex").and_then(Value::as_str).and_then(Split::from_pattern);
    let Some(known) = known else {
        return Err(component.error(format!("Split: the pattern {pattern} is not supported")));
    };
    let behavior = component.take("behavior").unwrap_or_default();
    if behavior != "Isolated" {
        return Err(component.error(format!("Split: the behavior {behavior} is not supported")));
    }
    if component.flag_or("invert", false)? {
        return Err(component.error("Split: invert = true is not supported"));
    }
    component.finish()?;
    Ok(known)
}

/// Checks a component that must be of one kind; its fields do not matter to ids and text.
pub(super) fn of_kind(file: &str, place: &str, value: Value, kind: &str) -> Result<(), Error> {
    let component = there(file, place, value, kind)?;
    if component.kind == kind { Ok(()) } else { Err(unsupported(&component)) }
}

/// The pre-tokenizer of a byte-level model.
pub(super) fn write_split(split: Split) -> Value {
    match split {
        Split::Gpt2 => byte_level(true),
        Split::Whole => byte_level(false),
        _ => json!({ "type": "Sequence", "pretokenizers": [write_pattern(split), byte_level(false)] }),
    }
}

/// The pre-tokenizer of a character-level model.
pub(super) fn write_characters() -> Value {
    write_pattern(Split::Chars)
}

/// The pre-tokenizer that cuts by the pattern of a split.
fn write_pattern(split: Split) -> Value {
    json!({ "type": "Split", "pattern": { "Regex": split.pattern() }, "behavior": "Isolated", "invert": false })
}

/// The component ByteLevel, which is a pre-tokenizer, a post-processor and a decoder.
pub(super) fn byte_level(use_regex: bool) -> Value {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex })
}
