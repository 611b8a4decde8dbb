//! JSON schemas as regular expressions.

use super::json::Json;
use super::{ConstraintError, RegexAutomaton, Vocabulary};

/// The longest pattern a schema may become; references can multiply it.
const LONGEST: usize = 1 << 20;

/// Keywords that say nothing about what is valid.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// A character of a string: itself, an escape, or two for one beyond the basic plane; half of such a pair is none.
const STRING_UNIT: &str = concat!(
    r#"(?:[^"\\\x00-\x1F\x7F]|\\(?:["\\/bfnrt]|u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"#,
    r"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})))"
);
const INTEGER: &str = r"-?(?:0|[1-9][0-9]*)";
const FRACTION: &str = r"(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?";

impl RegexAutomaton {
    /// Outputs that are JSON of a schema. See [`json_schema_pattern`] for what of JSON Schema is supported.
    ///
    /// ```
    /// use decode::{Constrained, RegexAutomaton, Vocabulary};
    /// let schema = r#"{"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}"#;
    /// let vocabulary = Vocabulary::new(&["", "{\"on\":", "true", "false", "}"]);
    /// let constraint = Constrained::new(RegexAutomaton::json_schema(schema, &vocabulary)?, &[0]);
    /// assert!(constraint.accepts(&[1, 3, 4]));                 // {"on":false}
    /// assert!(!constraint.accepts(&[1, 4]));
    /// # Ok::<(), decode::ConstraintError>(())
    /// ```
    ///
    /// # Errors
    /// As [`json_schema_pattern`] and [`RegexAutomaton::new`].
    pub fn json_schema(schema: &str, vocabulary: &Vocabulary) -> Result<Self, ConstraintError> {
        Self::new(&json_schema_pattern(schema)?, vocabulary)
    }
}

/// A regular expression for the JSON that a schema allows, with at most a space behind each colon and comma.
///
/// What is supported, and nothing else, so that no restriction is silently dropped:
///
/// | keyword | note |
/// |---|---|
/// | `type` | one or several; what holds of one type only goes with it alone |
/// | `enum`, `const` | any values, each written without spaces |
/// | `anyOf` | |
/// | `$ref` | within the schema, `#/…`, not to itself |
/// | `properties`, `required`, `additionalProperties` | properties come in the order of the schema; no others are generated |
/// | `items`, `minItems`, `maxItems` | `items` is needed |
/// | `minLength`, `maxLength` | an escape counts as the character it stands for |
///
/// Annotations (`title`, `description`, `default`, …) are ignored. A schema that allows any value at all, or
/// itself within itself, is no regular language.
///
/// ```
/// let pattern = decode::json_schema_pattern(r#"{"type": "array", "items": {"enum": ["a", 1]}, "maxItems": 2}"#)?;
/// assert_eq!(pattern, r#"\[(?:(?:"a"|1)(?:, ?(?:"a"|1)){0,1})?\]"#);
/// let error = decode::json_schema_pattern(r#"{"type": "string", "format": "date"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "the schema, #: the keyword \"format\" is not supported here");
/// # Ok::<(), decode::ConstraintError>(())
/// ```
///
/// # Errors
/// If the schema is no JSON, or has anything that is not supported: the error names the place.
pub fn json_schema_pattern(schema: &str) -> Result<String, ConstraintError> {
    let root: Json =
        serde_json::from_str(schema).map_err(|error| ConstraintError::Json { message: error.to_string() })?;
    let mut compiler = Compiler { root: &root, open: Vec::new(), written: 0 };
    compiler.schema(&root, "#")
}

struct Compiler<'s> {
    root: &'s Json,
    /// References that are being followed.
    open: Vec<String>,
    /// Length of all parts so far, those that became part of others included.
    written: usize,
}

type Pattern = Result<String, ConstraintError>;

fn error<T>(path: &str, message: impl Into<String>) -> Result<T, ConstraintError> {
    Err(ConstraintError::Schema { path: path.to_owned(), message: message.into() })
}

impl<'s> Compiler<'s> {
    fn schema(&mut self, schema: &'s Json, path: &str) -> Pattern {
        let pattern = self.any_schema(schema, path)?;
        self.written += pattern.len();
        if self.written > LONGEST {
            return error(path, format!("the pattern would be longer than {LONGEST} characters"));
        }
        Ok(pattern)
    }

    fn any_schema(&mut self, schema: &'s Json, path: &str) -> Pattern {
        if !matches!(schema, Json::Object(_)) {
            return error(path, format!("expected a schema that is an object, found {schema}"));
        }
        if let Some(reference) = schema.get("$ref") {
            only(schema, &["$ref"], path)?;
            return self.reference(reference, path);
        }
        if let Some(choices) = schema.get("anyOf") {
            only(schema, &["anyOf"], path)?;
            let Json::Array(choices) = choices else { return error(path, "anyOf must be an array") };
            let parts = choices.iter().enumerate();
            let parts: Result<Vec<String>, _> =
                parts.map(|(i, choice)| self.schema(choice, &format!("{path}/anyOf/{i}"))).collect();
            return alternatives(&parts?, path);
        }
        let kinds = kinds(schema, path)?;
        let values = match (schema.get("const"), schema.get("enum")) {
            (Some(value), None) => Some(std::slice::from_ref(value)),
            (None, Some(Json::Array(values))) => Some(values.as_slice()),
            (None, None) => None,
            _ => return error(path, "expected either const or an array as enum"),
        };
        if let Some(values) = values {
            only(schema, &["type", "const", "enum"], path)?;
            let fits = |value: &&Json| {
                kinds.is_empty()
                    || kinds.contains(&value.kind())
                    || (value.kind() == "integer" && kinds.contains(&"number"))
            };
            if let Some(value) = values.iter().find(|value| !fits(value)) {
                return error(path, format!("the value {value} is not of the type {}", kinds.join(" or ")));
            }
            let values: Vec<String> = values.iter().map(|value| literal(&value.to_string())).collect();
            return alternatives(&values, path);
        }
        match kinds[..] {
            [] => error(path, "expected type, enum, const, anyOf or $ref: any value is no regular language"),
            [kind] => self.kind(kind, schema, path),
            _ => {
                only(schema, &["type"], path)?;
                let parts: Result<Vec<String>, _> =
                    kinds.iter().map(|kind| self.kind(kind, schema, path)).collect();
                alternatives(&parts?, path)
            }
        }
    }

    fn kind(&mut self, kind: &str, schema: &'s Json, path: &str) -> Pattern {
        let allowed: &[&str] = match kind {
            "object" => &["type", "properties", "required", "additionalProperties"],
            "array" => &["type", "items", "minItems", "maxItems"],
            "string" => &["type", "minLength", "maxLength"],
            _ => &["type"],
        };
        only(schema, allowed, path)?;
        match kind {
            "null" => Ok("null".to_owned()),
            "boolean" => Ok("(?:true|false)".to_owned()),
            "integer" => Ok(INTEGER.to_owned()),
            "number" => Ok(format!("{INTEGER}{FRACTION}")),
            "string" => {
                let (least, most) = bounds(schema, "minLength", "maxLength", path)?;
                Ok(format!("\"{STRING_UNIT}{}\"", repeat(least, most)))
            }
            "array" => self.array(schema, path),
            "object" => self.object(schema, path),
            other => error(path, format!("the type {other:?} is unknown")),
        }
    }

    fn array(&mut self, schema: &'s Json, path: &str) -> Pattern {
        let Some(items) = schema.get("items") else {
            return error(path, "expected items: an array of any values is no regular language");
        };
        let (least, most) = bounds(schema, "minItems", "maxItems", path)?;
        if most == Some(0) {
            return Ok(r"\[\]".to_owned());
        }
        let item = self.schema(items, &format!("{path}/items"))?;
        let more = repeat(least.saturating_sub(1), most.map(|most| most - 1));
        let all = format!("{item}(?:, ?{item}){more}");
        Ok(if least == 0 { format!(r"\[(?:{all})?\]") } else { format!(r"\[{all}\]") })
    }

    fn object(&mut self, schema: &'s Json, path: &str) -> Pattern {
        let properties = match schema.get("properties") {
            None => &[][..],
            Some(Json::Object(properties)) => properties.as_slice(),
            Some(other) => return error(path, format!("properties must be an object, found {other}")),
        };
        if !matches!(schema.get("additionalProperties"), None | Some(Json::Bool(_))) {
            return error(path, "additionalProperties must be true or false");
        }
        let required = match schema.get("required") {
            None => Vec::new(),
            Some(Json::Array(names)) => names.iter().collect(),
            Some(other) => return error(path, format!("required must be an array, found {other}")),
        };
        for name in &required {
            if !matches!(name, Json::String(name) if properties.iter().any(|(key, _)| key == name)) {
                return error(path, format!("{name} is required, and no property"));
            }
        }
        let mut members = Vec::with_capacity(properties.len());
        for (name, value) in properties {
            let key = Json::String(name.clone());
            let value = self.schema(value, &format!("{path}/properties/{}", escaped(name)))?;
            members.push((format!("{}: ?{value}", literal(&key.to_string())), required.contains(&&key)));
        }
        Ok(format!(r"\{{{}\}}", sequence(&members)))
    }

    /// What a reference within the schema points to.
    fn reference(&mut self, reference: &Json, path: &str) -> Pattern {
        let Json::String(pointer) = reference else { return error(path, "$ref must be a string") };
        let Some(parts) = pointer.strip_prefix('#') else {
            return error(path, format!("$ref {pointer:?} does not stay within the schema"));
        };
        if self.open.contains(pointer) || parts.is_empty() {
            return error(path, format!("$ref {pointer:?} leads back to itself: no regular language"));
        }
        let mut target = self.root;
        for part in parts.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let found = match target {
                Json::Array(items) => part.parse().ok().and_then(|at: usize| items.get(at)),
                object => object.get(&part),
            };
            let Some(found) = found else {
                return error(path, format!("$ref {pointer:?} leads nowhere"));
            };
            target = found;
        }
        self.open.push(pointer.clone());
        let pattern = self.schema(target, pointer);
        self.open.pop();
        pattern
    }
}

/// Members in order, those that are not required optional, with commas between those that are there.
fn sequence(members: &[(String, bool)]) -> String {
    let optional = |text: String, required: bool| if required { text } else { format!("(?:{text})?") };
    if let Some(first) = members.iter().position(|(_, required)| *required) {
        // Commas go with the members before and after the first that is always there.
        let before = members[..first].iter().map(|(member, _)| format!("(?:{member}, ?)?"));
        let after =
            members[first + 1..].iter().map(|(member, required)| optional(format!(", ?{member}"), *required));
        return before.chain([members[first].0.clone()]).chain(after).collect();
    }
    // Any of them may be the first that is there.
    let from = |i: usize| -> String {
        let rest = members[i + 1..].iter().map(|(member, _)| format!("(?:, ?{member})?"));
        [members[i].0.clone()].into_iter().chain(rest).collect()
    };
    let choices: Vec<String> = (0..members.len()).map(from).collect();
    if choices.is_empty() { String::new() } else { format!("(?:{})?", choices.join("|")) }
}

/// The types that a schema names; none if it names none.
fn kinds<'s>(schema: &'s Json, path: &str) -> Result<Vec<&'s str>, ConstraintError> {
    let name = |json: &'s Json| match json {
        Json::String(name) => Ok(name.as_str()),
        other => error(path, format!("type must be a name or several, found {other}")),
    };
    match schema.get("type") {
        None => Ok(Vec::new()),
        Some(Json::Array(names)) => names.iter().map(name).collect(),
        Some(json) => Ok(vec![name(json)?]),
    }
}

/// An error for the first keyword that is neither among `keywords` nor an annotation.
fn only(schema: &Json, keywords: &[&str], path: &str) -> Result<(), ConstraintError> {
    let Json::Object(entries) = schema else { return Ok(()) };
    let known = |key: &str| keywords.contains(&key) || ANNOTATIONS.contains(&key);
    match entries.iter().find(|(key, _)| !known(key)) {
        Some((key, _)) => error(path, format!("the keyword {key:?} is not supported here")),
        None => Ok(()),
    }
}

/// A least and a most number of repetitions.
fn bounds(
    schema: &Json,
    least: &str,
    most: &str,
    path: &str,
) -> Result<(usize, Option<usize>), ConstraintError> {
    let number = |key: &str| match schema.get(key) {
        None => Ok(None),
        Some(Json::Number(number)) if number.as_u64().is_some_and(|n| n <= 10_000) => {
            Ok(number.as_u64().map(|n| n as usize))
        }
        Some(other) => error(path, format!("{key} must be a whole number up to 10,000, found {other}")),
    };
    let (low, high) = (number(least)?.unwrap_or(0), number(most)?);
    match high {
        Some(high) if high < low => error(path, format!("{least} is {low}, and {most} only {high}")),
        _ => Ok((low, high)),
    }
}

fn repeat(least: usize, most: Option<usize>) -> String {
    match (least, most) {
        (0, None) => "*".to_owned(),
        (_, None) => format!("{{{least},}}"),
        (_, Some(most)) => format!("{{{least},{most}}}"),
    }
}

fn alternatives(patterns: &[String], path: &str) -> Pattern {
    if patterns.is_empty() {
        return error(path, "allows no value at all");
    }
    Ok(format!("(?:{})", patterns.join("|")))
}

/// A pattern for a text itself.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation()
            && !matches!(
                c,
                '"' | '\'' | ',' | ':' | '/' | '_' | '<' | '>' | '%' | '@' | '=' | '!' | ';' | '`'
            )
        {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
