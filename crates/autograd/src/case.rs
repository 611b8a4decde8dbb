//! Every operation brings its gradient check; together they are the suite.

use crate::Gen;
use crate::gradcheck::{GradcheckError, GradcheckReport};

/// One operation or module and the check of its gradient at inputs drawn from a [`Gen`].
#[derive(Clone, Copy)]
pub struct Case {
    /// Name of the operation.
    pub name: &'static str,
    /// Draws inputs and checks.
    pub check: fn(&mut Gen) -> Result<GradcheckReport, GradcheckError>,
}

impl Case {
    /// A case from its name and check.
    pub const fn new(
        name: &'static str,
        check: fn(&mut Gen) -> Result<GradcheckReport, GradcheckError>,
    ) -> Self {
        Self { name, check }
    }

    /// Checks at inputs drawn from the seeds `first..first + count` and returns the reports together.
    ///
    /// # Errors
    /// The first mismatch, with its seed.
    pub fn run(&self, first: u64, count: u64) -> Result<GradcheckReport, (u64, GradcheckError)> {
        (first..first + count).try_fold(GradcheckReport::default(), |sum, seed| {
            (self.check)(&mut Gen::new(seed)).map(|report| sum.merge(report)).map_err(|error| (seed, error))
        })
    }
}

/// The gradient checks of all operations of this crate.
pub fn cases() -> Vec<Case> {
    crate::ops::cases()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Operations without a case of their own, and the case that checks them.
    const WITHIN: &[(&str, &str)] = &[
        ("activation", "activations"),
        ("leaky_relu", "activations"),
        ("elu", "activations"),
        ("gated", "glu"),
        ("reduced", "mse"),
        ("sum_axis", "sum_axes"),
        ("mean_axis", "mean"),
        ("chunk", "split"),
        ("slice_step", "slice"),
        ("flatten", "reshape"),
        ("transpose", "permute"),
        ("t", "permute"),
    ];

    #[test]
    fn every_operation_has_a_case() {
        let names: Vec<&str> = cases().iter().map(|case| case.name).collect();
        let words: BTreeSet<&str> =
            names.iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
        for (op, case) in WITHIN {
            assert!(!words.contains(op), "{op} has a case of its own");
            assert!(names.contains(case), "{op} is checked by {case}, which there is not");
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let mut of_var = false;
            for line in text.lines() {
                if line.starts_with("impl") {
                    of_var = line.contains(" Var<");
                }
                let Some(line) = line.strip_prefix("    pub fn ").filter(|_| of_var) else { continue };
                let op = line.split(['(', '<']).next().unwrap();
                let within = WITHIN.iter().any(|(name, _)| *name == op);
                assert!(op == "$name" || within || words.contains(op), "`{op}` has no gradient check");
            }
        }
    }
}
