//! What a run prints and keeps.

use std::path::Path;

use crate::Failure;

/// Lines that are printed as they come, and kept.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) text: String,
}

impl Report {
    pub(crate) fn line(&mut self, line: &str) {
        println!("{line}");
        self.text += line;
        self.text.push('\n');
    }

    /// Writes what there is so far to `summary.txt`.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), Failure> {
        let path = dir.join("summary.txt");
        Ok(std::fs::write(&path, &self.text).map_err(|error| format!("{}: {error}", path.display()))?)
    }
}

/// Seconds below a minute, minutes above.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.0} s") } else { format!("{:.1} minutes", seconds / 60.0) }
}
