//! What a replacement or a split looks for: a string or a regular expression.

use std::ops::Range;

use fancy_regex::{Regex, RegexBuilder};

use crate::error::Error;
use crate::oniguruma;

/// What a compiled expression may take.
const MOST_BYTES: usize = 1 << 22;

/// A string to look for, or a regular expression in Oniguruma's dialect, as `tokenizer.json` writes them.
///
/// ```
/// use tokenize::normalise::Pattern;
///
/// # fn main() -> Result<(), tokenize::Error> {
/// assert_eq!(Pattern::regex(r"\p{L}+(?=!)")?.source(), r"\p{L}+(?=!)");
/// assert!(Pattern::regex("(").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    /// The compiled expression; `None` for a string.
    regex: Option<Box<Regex>>,
}

/// A stretch of a text, and whether it matches.
pub(crate) type Stretch = (Range<usize>, bool);

impl Pattern {
    /// The string itself, in which no character has a meaning of its own.
    pub fn literal(string: impl Into<String>) -> Self {
        Self { source: string.into(), regex: None }
    }

    /// A regular expression with look-around, Unicode classes and possessive quantifiers.
    ///
    /// # Errors
    /// [`Error::Config`] if it is none, or would take more than a few megabytes when compiled.
    pub fn regex(expression: impl Into<String>) -> Result<Self, Error> {
        let source = expression.into();
        let compile = |source: &str| {
            let expression = oniguruma::translate(source)?;
            let mut builder = RegexBuilder::new(&expression);
            builder
                .oniguruma_mode(true)
                .delegate_size_limit(MOST_BYTES)
                .build()
                .map_err(|error| error.to_string())
        };
        match compile(&source) {
            Ok(regex) => Ok(Self { source, regex: Some(Box::new(regex)) }),
            Err(error) => Err(Error::Config(format!("the regular expression {source:?}: {error}"))),
        }
    }

    /// The string or expression as it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether this is a regular expression.
    pub fn is_regex(&self) -> bool {
        self.regex.is_some()
    }

    /// Cuts all of `text` into stretches that match and stretches between, and appends them to `stretches`. An empty
    /// text is one stretch that does not match.
    ///
    /// # Errors
    /// [`Error::Pattern`] if the expression backtracks beyond its limit.
    pub(crate) fn cut(&self, text: &str, stretches: &mut Vec<Stretch>) -> Result<(), Error> {
        if text.is_empty() {
            stretches.push((0..0, false));
            return Ok(());
        }
        let mut end = 0;
        let mut push = |found: Range<usize>| {
            if end != found.start {
                stretches.push((end..found.start, false));
            }
            end = found.end;
            stretches.push((found, true));
        };
        match &self.regex {
            None => text.match_indices(&self.source).for_each(|(at, found)| push(at..at + found.len())),
            Some(regex) => {
                for found in regex.find_iter(text) {
                    let found = found.map_err(|error| Error::Pattern {
                        pattern: self.source.clone(),
                        what: error.to_string(),
                    })?;
                    push(found.start()..found.end());
                }
            }
        }
        if end != text.len() {
            stretches.push((end..text.len(), false));
        }
        Ok(())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.is_regex() == other.is_regex()
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: Pattern, text: &str, expected: &[(&str, bool)]) {
        let mut stretches = Vec::new();
        pattern.cut(text, &mut stretches).unwrap();
        let found: Vec<(&str, bool)> =
            stretches.into_iter().map(|(range, matches)| (&text[range], matches)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn stretches_cover_the_text() {
        check(Pattern::literal("--"), "a----b", &[("a", false), ("--", true), ("--", true), ("b", false)]);
        check(Pattern::literal("."), "a.", &[("a", false), (".", true)]);
        check(Pattern::literal("x"), "", &[("", false)]);
        check(Pattern::regex(r"\s+(?!\S)").unwrap(), "a  b", &[("a", false), (" ", true), (" b", false)]);
        check(Pattern::regex("").unwrap(), "é", &[("", true), ("é", false), ("", true)]);
        check(Pattern::literal(""), "é", &[("", true), ("é", false), ("", true)]);
    }

    #[test]
    fn runaway_backtracking_is_an_error() {
        let pattern = Pattern::regex(r"(a|b|ab)*(?=c)\1d").unwrap();
        let error = pattern.cut(&"ab".repeat(200), &mut Vec::new()).unwrap_err();
        assert!(matches!(error, Error::Pattern { .. }), "{error}");
    }
}
