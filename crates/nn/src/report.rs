//! How a full list of differences between a file and a model is told.

use std::fmt;

/// Names that are missing, unexpected, or of another shape (expected, then found).
pub(crate) struct Mismatch<'a> {
    pub(crate) missing: &'a [String],
    pub(crate) unexpected: &'a [String],
    pub(crate) misshaped: &'a [(String, Vec<usize>, Vec<usize>)],
}

impl Mismatch<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misshaped.is_empty()
    }
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.missing.is_empty() {
            parts.push(format!("missing {}", self.missing.join(", ")));
        }
        if !self.unexpected.is_empty() {
            parts.push(format!("unexpected {}", self.unexpected.join(", ")));
        }
        for (name, expected, found) in self.misshaped {
            parts.push(format!("{name} has shape {found:?}, expected {expected:?}"));
        }
        f.write_str(&parts.join("; "))
    }
}
