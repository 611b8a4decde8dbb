//! A component of `tokenizer.json` while it is read.

use serde_json::{Map, Value};

use crate::error::Error;

/// A component under its name, with the fields that have been looked at taken out.
pub(super) struct Component<'f> {
    file: &'f str,
    pub(super) place: String,
    pub(super) kind: String,
    fields: Map<String, Value>,
}

impl<'f> Component<'f> {
    /// A component with its type.
    pub(super) fn new(file: &'f str, place: &str, value: Value) -> Result<Self, Error> {
        let mut component = Self::untyped(file, place, value)?;
        match component.fields.remove("type") {
            Some(Value::String(kind)) => component.kind = kind,
            _ => return Err(component.error("the component's type is missing")),
        }
        Ok(component)
    }

    /// An object without a type.
    pub(super) fn untyped(file: &'f str, place: &str, value: Value) -> Result<Self, Error> {
        match value {
            Value::Object(fields) => Ok(Self { file, place: place.to_owned(), kind: String::new(), fields }),
            other => Err(Error::format(file, place, format!("expected an object, found {}", brief(&other)))),
        }
    }

    /// Reads a component or, for `null`, nothing.
    pub(super) fn optional<T>(
        file: &'f str,
        place: &str,
        value: Value,
        read: impl FnOnce(Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        if value.is_null() { Ok(None) } else { Self::new(file, place, value).and_then(read).map(Some) }
    }

    pub(super) fn error(&self, what: impl Into<String>) -> Error {
        Error::format(self.file, self.place.clone(), what)
    }

    /// The component is of a kind that is not known at its place.
    pub(super) fn unknown(&self) -> Error {
        self.error(format!("unknown component {}", self.kind))
    }

    /// An error of what the component was made into, at its place.
    pub(super) fn lift<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| self.error(error.to_string()))
    }

    /// Takes out a field that need not be there.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// Takes out a field as what `read` makes of it.
    pub(super) fn field<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, Error> {
        match self.optional_field(name, expected, read)? {
            Some(value) => Ok(value),
            None => Err(self.error(format!("the field {name} is missing: expected {expected}"))),
        }
    }

    /// [`field`](Self::field) that may be missing or null.
    pub(super) fn optional_field<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match read(&value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error(format!("{name}: expected {expected}, found {}", brief(&value)))),
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Error> {
        self.field(name, "true or false", Value::as_bool)
    }

    pub(super) fn flag_or(&mut self, name: &str, default: bool) -> Result<bool, Error> {
        Ok(self.optional_field(name, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, Error> {
        self.field(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn character(&mut self, name: &str) -> Result<char, Error> {
        self.field(name, "one character", |value| {
            let mut chars = value.as_str()?.chars();
            chars.next().filter(|_| chars.next().is_none())
        })
    }

    pub(super) fn id(&mut self, name: &str) -> Result<u32, Error> {
        self.field(name, "an id", |value| u32::try_from(value.as_u64()?).ok())
    }

    pub(super) fn count(&mut self, name: &str) -> Result<usize, Error> {
        self.field(name, "a number", |value| usize::try_from(value.as_u64()?).ok())
    }

    /// One of the names.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<T, Error> {
        let choice = self.optional_choice(name, choices)?;
        choice.ok_or_else(|| self.error(format!("the field {name} is missing: expected {}", names(choices))))
    }

    /// [`choice`](Self::choice) that may be missing or null.
    pub(super) fn optional_choice<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Error> {
        self.optional_field(name, &names(choices), |value| {
            let found = value.as_str()?;
            choices.iter().find(|(name, _)| *name == found).map(|&(_, choice)| choice)
        })
    }

    /// A list of components, each read by `read`.
    pub(super) fn components<T>(
        &mut self,
        name: &str,
        read: impl Fn(Component<'f>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let values = match self.take(name) {
            Some(Value::Array(values)) => values,
            _ => return Err(self.error(format!("{}: the list {name} is missing", self.kind))),
        };
        let read = |(index, value)| {
            Component::new(self.file, &format!("{}.{name}[{index}]", self.place), value).and_then(&read)
        };
        values.into_iter().enumerate().map(read).collect()
    }

    /// An object in a field, to be read like a component.
    pub(super) fn inner(&self, name: &str, value: Value) -> Result<Component<'f>, Error> {
        Component::untyped(self.file, &format!("{}.{name}", self.place), value)
    }

    /// The names and values of all fields that are left.
    pub(super) fn drain(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.fields)
    }

    /// All fields must have been taken out.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.error(format!("unknown field {name} of {}", self.kind))),
        }
    }
}

fn names<T>(choices: &[(&str, T)]) -> String {
    choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ")
}

/// The start of a value, for messages.
pub(super) fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
