//! `pre_tokenizer`, and the two components that are a pre-tokenizer and a decoder.

use std::num::NonZeroUsize;

use serde_json::Value;

use super::super::component::Component;
use super::super::ordered::Json;
use super::{read_pattern, write_pattern};
use crate::error::Error;
use crate::pre::{
    ByteLevel, ChineseWords, Metaspace, PatternSplit, PreTokenizer, PrependScheme, SplitBehavior,
};

const BEHAVIORS: [(&str, SplitBehavior); 5] = [
    ("Removed", SplitBehavior::Removed),
    ("Isolated", SplitBehavior::Isolated),
    ("MergedWithPrevious", SplitBehavior::MergedWithPrevious),
    ("MergedWithNext", SplitBehavior::MergedWithNext),
    ("Contiguous", SplitBehavior::Contiguous),
];

const SCHEMES: [(&str, PrependScheme); 3] =
    [("first", PrependScheme::First), ("never", PrependScheme::Never), ("always", PrependScheme::Always)];

pub(in super::super) fn read_pre_tokenizer(mut component: Component<'_>) -> Result<PreTokenizer, Error> {
    let pre_tokenizer = match component.kind.as_str() {
        "BertPreTokenizer" => PreTokenizer::Bert,
        "ByteLevel" => PreTokenizer::ByteLevel(read_byte_level(&mut component)?),
        "CharDelimiterSplit" => PreTokenizer::CharDelimiterSplit(component.character("delimiter")?),
        "Metaspace" => PreTokenizer::Metaspace(read_metaspace(&mut component)?),
        "Whitespace" => PreTokenizer::Whitespace,
        "WhitespaceSplit" => PreTokenizer::WhitespaceSplit,
        "Sequence" => PreTokenizer::Sequence(component.components("pretokenizers", read_pre_tokenizer)?),
        "Split" => {
            let pattern = read_pattern(&mut component)?;
            let behavior = component.choice("behavior", &BEHAVIORS)?;
            PreTokenizer::Split(PatternSplit::new(pattern, behavior, component.flag("invert")?))
        }
        "Punctuation" => {
            let behavior = component.optional_choice("behavior", &BEHAVIORS)?;
            PreTokenizer::Punctuation(behavior.unwrap_or(SplitBehavior::Isolated))
        }
        "Digits" => PreTokenizer::Digits { individual_digits: component.flag("individual_digits")? },
        "UnicodeScripts" => PreTokenizer::UnicodeScripts,
        "FixedLength" => {
            let read = |value: &Value| NonZeroUsize::new(usize::try_from(value.as_u64()?).ok()?);
            let length = component.optional_field("length", "a number of characters from 1", read)?;
            const FIVE: NonZeroUsize = NonZeroUsize::new(5).unwrap();
            PreTokenizer::FixedLength(length.unwrap_or(FIVE))
        }
        "ChineseWords" => {
            let hmm = component.flag("hmm")?;
            let dictionary = component.text("dictionary")?;
            PreTokenizer::ChineseWords(component.lift(ChineseWords::new(dictionary, hmm))?)
        }
        _ => return Err(component.unknown()),
    };
    component.finish()?;
    Ok(pre_tokenizer)
}

pub(super) fn read_byte_level(component: &mut Component<'_>) -> Result<ByteLevel, Error> {
    Ok(ByteLevel {
        add_prefix_space: component.flag("add_prefix_space")?,
        trim_offsets: component.flag("trim_offsets")?,
        use_regex: component.flag_or("use_regex", true)?,
    })
}

pub(super) fn read_metaspace(component: &mut Component<'_>) -> Result<Metaspace, Error> {
    let replacement = component.character("replacement")?;
    // Files of before 2024 say with `add_prefix_space` what the scheme says now, and repeat the replacement.
    component.take("str_rep");
    let adds = component.optional_field("add_prefix_space", "true or false", Value::as_bool)?;
    let scheme = component.optional_choice("prepend_scheme", &SCHEMES)?;
    let prepend_scheme = scheme.unwrap_or(PrependScheme::Always);
    if adds == Some(false) && prepend_scheme != PrependScheme::Never {
        return Err(component.error("add_prefix_space = false, where the prepend_scheme is not never"));
    }
    Ok(Metaspace { replacement, prepend_scheme, split: component.flag_or("split", true)? })
}

pub(in super::super) fn write_pre_tokenizer(pre_tokenizer: &PreTokenizer) -> Json {
    match pre_tokenizer {
        PreTokenizer::Bert => Json::component("BertPreTokenizer", []),
        PreTokenizer::ByteLevel(level) => write_byte_level(*level),
        PreTokenizer::CharDelimiterSplit(delimiter) => {
            Json::component("CharDelimiterSplit", [("delimiter", Json::text(*delimiter))])
        }
        PreTokenizer::Metaspace(metaspace) => write_metaspace(*metaspace),
        PreTokenizer::Whitespace => Json::component("Whitespace", []),
        PreTokenizer::WhitespaceSplit => Json::component("WhitespaceSplit", []),
        PreTokenizer::Sequence(steps) => {
            Json::component("Sequence", [("pretokenizers", Json::list(steps, write_pre_tokenizer))])
        }
        PreTokenizer::Split(split) => Json::component(
            "Split",
            [
                ("pattern", write_pattern(split.pattern())),
                ("behavior", Json::text(name(&BEHAVIORS, split.behavior()))),
                ("invert", Json::Bool(split.invert())),
            ],
        ),
        PreTokenizer::Punctuation(behavior) => {
            Json::component("Punctuation", [("behavior", Json::text(name(&BEHAVIORS, *behavior)))])
        }
        PreTokenizer::Digits { individual_digits } => {
            Json::component("Digits", [("individual_digits", Json::Bool(*individual_digits))])
        }
        PreTokenizer::UnicodeScripts => Json::component("UnicodeScripts", []),
        PreTokenizer::ChineseWords(words) => Json::component(
            "ChineseWords",
            [("hmm", Json::Bool(words.hmm())), ("dictionary", Json::text(words.dictionary()))],
        ),
        PreTokenizer::FixedLength(length) => {
            Json::component("FixedLength", [("length", Json::Whole(length.get() as u64))])
        }
    }
}

pub(super) fn write_byte_level(level: ByteLevel) -> Json {
    Json::component(
        "ByteLevel",
        [
            ("add_prefix_space", Json::Bool(level.add_prefix_space)),
            ("trim_offsets", Json::Bool(level.trim_offsets)),
            ("use_regex", Json::Bool(level.use_regex)),
        ],
    )
}

pub(super) fn write_metaspace(metaspace: Metaspace) -> Json {
    Json::component(
        "Metaspace",
        [
            ("replacement", Json::text(metaspace.replacement)),
            ("prepend_scheme", Json::text(name(&SCHEMES, metaspace.prepend_scheme))),
            ("split", Json::Bool(metaspace.split)),
        ],
    )
}

/// The name of a choice.
pub(super) fn name<T: Copy + PartialEq>(choices: &[(&'static str, T)], choice: T) -> &'static str {
    choices.iter().find(|(_, each)| *each == choice).map_or("", |(name, _)| name)
}
