//! What a run prints and keeps.

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
}
