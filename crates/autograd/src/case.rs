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
