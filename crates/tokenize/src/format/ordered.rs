//! JSON whose objects keep the order of their fields, so that files are written as `tokenizers` writes them.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A JSON value.
pub(super) enum Json {
    Null,
    Bool(bool),
    Whole(u64),
    Single(f32),
    Double(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Json::Text(text.into())
    }

    /// An object with these fields in this order.
    pub(super) fn object<const N: usize>(fields: [(&str, Json); N]) -> Self {
        Json::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// A component: its type, then its fields.
    pub(super) fn component<const N: usize>(kind: &str, fields: [(&str, Json); N]) -> Self {
        let mut all = vec![("type".to_owned(), Json::text(kind))];
        all.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        Json::Object(all)
    }

    /// `null` for nothing.
    pub(super) fn option<T>(value: Option<T>, write: impl FnOnce(T) -> Json) -> Self {
        value.map_or(Json::Null, write)
    }

    pub(super) fn list<T>(values: impl IntoIterator<Item = T>, write: impl FnMut(T) -> Json) -> Self {
        Json::List(values.into_iter().map(write).collect())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Whole(value) => serializer.serialize_u64(*value),
            Json::Single(value) => serializer.serialize_f32(*value),
            Json::Double(value) => serializer.serialize_f64(*value),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(values) => serializer.collect_seq(values),
            Json::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}
