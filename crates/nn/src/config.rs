//! The error of a setting that makes no sense.

use std::fmt::Display;

/// A setting outside its range: which, what it was, and what would do.
///
/// ```
/// let error = nn::Dropout::new(1.5).unwrap_err();
/// assert_eq!(error.to_string(), "dropout: `p` is 1.5, expected a number in [0, 1)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: `{setting}` is {found}, expected {expected}")]
pub struct ConfigError {
    /// The layer, loss, optimiser or schedule.
    pub what: &'static str,
    /// Name of the setting.
    pub setting: &'static str,
    /// Its value.
    pub found: String,
    /// The values it may have.
    pub expected: &'static str,
}

impl ConfigError {
    /// An error from its parts.
    pub fn new(
        what: &'static str,
        setting: &'static str,
        found: impl Display,
        expected: &'static str,
    ) -> Self {
        Self { what, setting, found: found.to_string(), expected }
    }
}

/// Checks one setting.
pub(crate) fn require(
    holds: bool,
    what: &'static str,
    setting: &'static str,
    found: impl Display,
    expected: &'static str,
) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError::new(what, setting, found, expected)) }
}

/// A size of at least 1.
pub(crate) fn positive_size(
    what: &'static str,
    setting: &'static str,
    size: usize,
) -> Result<(), ConfigError> {
    require(size > 0, what, setting, size, "at least 1")
}

/// A probability or share.
pub(crate) fn unit(what: &'static str, setting: &'static str, p: f64) -> Result<(), ConfigError> {
    require((0.0..=1.0).contains(&p), what, setting, p, "a number in [0, 1]")
}

/// A decay of a running average: below 1.
pub(crate) fn decay(what: &'static str, setting: &'static str, beta: f64) -> Result<(), ConfigError> {
    require((0.0..1.0).contains(&beta), what, setting, beta, "a number in [0, 1)")
}

/// A finite number of at least 0.
pub(crate) fn non_negative(what: &'static str, setting: &'static str, x: f64) -> Result<(), ConfigError> {
    require(x >= 0.0 && x.is_finite(), what, setting, x, "a finite number of at least 0")
}

/// A finite number above 0.
pub(crate) fn positive(what: &'static str, setting: &'static str, x: f64) -> Result<(), ConfigError> {
    require(x > 0.0 && x.is_finite(), what, setting, x, "a finite number above 0")
}
