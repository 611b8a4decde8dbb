//! What an optimiser remembers, as data.

use serde::{Deserialize, Serialize};

use crate::values::Values;

/// The state of an optimiser: save it beside the weights, and a resumed run continues exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OptimizerState {
    /// Name of the update rule.
    pub rule: String,
    /// State of every parameter that has been updated, in the order of the model.
    pub parameters: Vec<ParameterState>,
}

/// The state of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterState {
    /// Path of the parameter.
    pub path: String,
    /// Updates it has had.
    pub step: u64,
    /// The rule's buffers.
    pub buffers: Vec<SavedBuffer>,
}

/// One buffer of a parameter's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedBuffer {
    /// Name, such as `exp_avg`.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Values,
}

/// A saved state that does not fit the model and rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The state was saved by another rule.
    #[error("optimiser state: saved by `{found}`, expected `{expected}`")]
    Rule {
        /// This rule.
        expected: String,
        /// The rule that saved the state.
        found: String,
    },
    /// The state of some parameters does not fit; all of them are listed.
    #[error("optimiser state: {}", describe(.missing, .unexpected, .misshaped))]
    Mismatch {
        /// Trainable parameters without state, or without one of their buffers.
        missing: Vec<String>,
        /// Saved parameters or buffers that the model or the rule does not have.
        unexpected: Vec<String>,
        /// Buffers of another shape: name, shape expected, shape found (or what else is wrong).
        misshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
    },
}

fn describe(
    missing: &[String],
    unexpected: &[String],
    misshaped: &[(String, Vec<usize>, Vec<usize>)],
) -> String {
    crate::report::Mismatch { missing, unexpected, misshaped }.to_string()
}
