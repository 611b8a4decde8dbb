//! The shape of `tokenizer.json` and `vocab.json`, before anything in them is believed.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::error::Error;

/// Parses JSON; an error names the line and column.
pub(super) fn parse<'j, T: Deserialize<'j>>(file: &str, json: &'j str) -> Result<T, Error> {
    if json.starts_with('\u{feff}') {
        return Err(Error::format(file, "line 1 column 1", "expected JSON, found a byte order mark"));
    }
    serde_json::from_str(json).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        // The message ends with the place, which stands before it already.
        let what = error.to_string();
        let what = what.strip_suffix(&format!(" at {place}")).unwrap_or(&what);
        Error::format(file, place, what)
    })
}

/// Just the kind of model, to name one that cannot be read before its other fields confuse.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Outline {
    pub(super) model: OutlineModel,
}

/// See [`Outline`].
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct OutlineModel {
    /// Files of before 2020 leave it out and mean BPE.
    #[serde(rename = "type", default = "bpe")]
    pub(super) kind: String,
}

fn bpe() -> String {
    "BPE".to_owned()
}

/// `tokenizer.json`.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct File {
    #[serde(default)]
    pub(super) version: Value,
    #[serde(default)]
    pub(super) truncation: Value,
    #[serde(default)]
    pub(super) padding: Value,
    #[serde(default)]
    pub(super) added_tokens: Vec<Added>,
    #[serde(default)]
    pub(super) normalizer: Value,
    #[serde(default)]
    pub(super) pre_tokenizer: Value,
    #[serde(default)]
    pub(super) post_processor: Value,
    #[serde(default)]
    pub(super) decoder: Value,
    pub(super) model: Model,
}

/// An entry of `added_tokens`.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Added {
    pub(super) id: u32,
    pub(super) content: String,
    #[serde(default)]
    pub(super) single_word: bool,
    #[serde(default)]
    pub(super) lstrip: bool,
    #[serde(default)]
    pub(super) rstrip: bool,
    #[serde(default)]
    pub(super) normalized: bool,
    #[serde(default)]
    pub(super) special: bool,
}

/// `model`: the fields of the kinds BPE and WordLevel.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Model {
    #[serde(rename = "type", default = "bpe")]
    pub(super) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dropout: Option<f64>,
    #[serde(default)]
    pub(super) unk_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) continuing_subword_prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end_of_word_suffix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fuse_unk: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) byte_fallback: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ignore_merges: Option<bool>,
    pub(super) vocab: Entries,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) merges: Option<Vec<MergePair>>,
}

/// A JSON object of tokens and ids, in the order of the file.
pub(super) struct Entries(pub(super) Vec<(String, u32)>);

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (token, id) in &self.0 {
            map.serialize_entry(token, id)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens and ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// A merge: `"left right"`, or `["left", "right"]` in newer files.
pub(super) struct MergePair(pub(super) String, pub(super) String);

impl MergePair {
    /// The two sides of `"left right"`.
    pub(super) fn from_line(line: &str) -> Option<Self> {
        let (left, right) = line.split_once(' ')?;
        let whole = !left.is_empty() && !right.is_empty() && !right.contains(' ');
        whole.then(|| Self(left.to_owned(), right.to_owned()))
    }
}

impl Serialize for MergePair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} {}", self.0, self.1))
    }
}

impl<'de> Deserialize<'de> for MergePair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MergeVisitor;

        impl<'de> Visitor<'de> for MergeVisitor {
            type Value = MergePair;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge, \"left right\" or [\"left\", \"right\"]")
            }

            fn visit_str<E: de::Error>(self, line: &str) -> Result<MergePair, E> {
                MergePair::from_line(line).ok_or_else(|| E::invalid_value(de::Unexpected::Str(line), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<MergePair, A::Error> {
                let mut side =
                    |index| seq.next_element()?.ok_or_else(|| de::Error::invalid_length(index, &self));
                let pair = MergePair(side(0)?, side(1)?);
                match seq.next_element::<de::IgnoredAny>()? {
                    None => Ok(pair),
                    Some(_) => Err(de::Error::invalid_length(3, &self)),
                }
            }
        }

        deserializer.deserialize_any(MergeVisitor)
    }
}
