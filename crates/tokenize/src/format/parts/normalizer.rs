//! `normalizer`.

use super::super::base64;
use super::super::component::Component;
use super::super::ordered::Json;
use super::pre_tokenizer::name;
use super::{read_pattern, write_pattern};
use crate::chinese::Script;
use crate::error::Error;
use crate::normalise::{BertNormalizer, Charsmap, Normalizer};

const SCRIPTS: [(&str, Script); 2] =
    [("Simplified", Script::Simplified), ("Traditional", Script::Traditional)];

pub(in super::super) fn read_normalizer(mut component: Component<'_>) -> Result<Normalizer, Error> {
    let normalizer = match component.kind.as_str() {
        "BertNormalizer" => Normalizer::Bert(BertNormalizer {
            clean_text: component.flag("clean_text")?,
            handle_chinese_chars: component.flag("handle_chinese_chars")?,
            strip_accents: component.optional_field(
                "strip_accents",
                "true, false or null",
                serde_json::Value::as_bool,
            )?,
            lowercase: component.flag("lowercase")?,
        }),
        "Strip" => {
            Normalizer::Strip { left: component.flag("strip_left")?, right: component.flag("strip_right")? }
        }
        "StripAccents" => Normalizer::StripAccents,
        "NFC" => Normalizer::Nfc,
        "NFD" => Normalizer::Nfd,
        "NFKC" => Normalizer::Nfkc,
        "NFKD" => Normalizer::Nfkd,
        "Lowercase" => Normalizer::Lowercase,
        "Nmt" => Normalizer::Nmt,
        "ByteLevel" => Normalizer::ByteLevel,
        "Sequence" => Normalizer::Sequence(component.components("normalizers", read_normalizer)?),
        "Precompiled" => {
            let blob = component
                .field("precompiled_charsmap", "base 64", |value| base64::decode(value.as_str()?))?;
            Normalizer::Precompiled(component.lift(Charsmap::new(blob))?)
        }
        "Replace" => Normalizer::Replace {
            pattern: read_pattern(&mut component)?,
            content: component.text("content")?,
        },
        "Prepend" => Normalizer::Prepend(component.text("prepend")?),
        "ChineseScript" => Normalizer::ChineseScript(component.choice("script", &SCRIPTS)?),
        _ => return Err(component.unknown()),
    };
    component.finish()?;
    Ok(normalizer)
}

pub(in super::super) fn write_normalizer(normalizer: &Normalizer) -> Json {
    match normalizer {
        Normalizer::Bert(bert) => Json::component(
            "BertNormalizer",
            [
                ("clean_text", Json::Bool(bert.clean_text)),
                ("handle_chinese_chars", Json::Bool(bert.handle_chinese_chars)),
                ("strip_accents", Json::option(bert.strip_accents, Json::Bool)),
                ("lowercase", Json::Bool(bert.lowercase)),
            ],
        ),
        Normalizer::Strip { left, right } => {
            Json::component("Strip", [("strip_left", Json::Bool(*left)), ("strip_right", Json::Bool(*right))])
        }
        Normalizer::StripAccents => Json::component("StripAccents", []),
        Normalizer::Nfc => Json::component("NFC", []),
        Normalizer::Nfd => Json::component("NFD", []),
        Normalizer::Nfkc => Json::component("NFKC", []),
        Normalizer::Nfkd => Json::component("NFKD", []),
        Normalizer::Lowercase => Json::component("Lowercase", []),
        Normalizer::Nmt => Json::component("Nmt", []),
        Normalizer::ByteLevel => Json::component("ByteLevel", []),
        Normalizer::Sequence(steps) => {
            Json::component("Sequence", [("normalizers", Json::list(steps, write_normalizer))])
        }
        Normalizer::Precompiled(charsmap) => Json::component(
            "Precompiled",
            [("precompiled_charsmap", Json::text(base64::encode(charsmap.as_bytes())))],
        ),
        Normalizer::Replace { pattern, content } => Json::component(
            "Replace",
            [("pattern", write_pattern(pattern)), ("content", Json::text(content))],
        ),
        Normalizer::ChineseScript(script) => {
            Json::component("ChineseScript", [("script", Json::text(name(&SCRIPTS, *script)))])
        }
        Normalizer::Prepend(prefix) => Json::component("Prepend", [("prepend", Json::text(prefix))]),
    }
}
