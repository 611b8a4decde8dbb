//! How far the training of a tokenizer is: a bar on a terminal, now and then a line elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokenize::train::Progress;

/// Nothing is shown of what is done in less.
const QUIET: Duration = Duration::from_secs(1);

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Shows what a tokenizer's trainer tells, on standard error.
pub(crate) struct Learning {
    what: &'static str,
    bar: Option<ProgressBar>,
    started: Instant,
    last_line: Instant,
}

impl Learning {
    /// Of `what`, such as "byte pairs".
    pub(crate) fn new(what: &'static str) -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(bar);
        Self { what, bar, started: now, last_line: now }
    }

    /// What a trainer calls.
    pub(crate) fn update(&mut self, progress: Progress<'_>) {
        let Some((done, total, message)) = describe(progress) else { return };
        let now = Instant::now();
        if now - self.started < QUIET {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(format!("{}: {message}", self.what));
        } else if now - self.last_line >= LINE_EVERY {
            self.last_line = now;
            eprintln!("{}: {done}/{total} {message}", self.what);
        }
    }
}

impl Drop for Learning {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:16} {pos}/{len} · {msg} · {per_sec} · {eta} left")
    {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar
}

/// Done, of how many, and of what.
fn describe(progress: Progress<'_>) -> Option<(u64, u64, String)> {
    Some(match progress {
        Progress::Counting { bytes } => (bytes, bytes, "bytes of text counted".to_owned()),
        Progress::Merging { done, total, count, .. } => {
            (done as u64, total as u64, format!("merges, the last of {count} pairs"))
        }
        Progress::Estimating { done, expected, pieces, .. } => {
            (done as u64, expected.max(done) as u64, format!("estimations, {pieces} pieces left"))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trainers_tell_is_described() {
        let merging = Progress::Merging { done: 3, total: 9, left: b"a", right: b"b", count: 7 };
        assert_eq!(describe(merging), Some((3, 9, "merges, the last of 7 pairs".to_owned())));
        let estimating = Progress::Estimating { done: 4, expected: 3, pieces: 50, loss: 1.0 };
        assert_eq!(describe(estimating), Some((4, 4, "estimations, 50 pieces left".to_owned())));
        assert_eq!(describe(Progress::Dropped { words: 1, least_count: 2 }), None);
    }
}
