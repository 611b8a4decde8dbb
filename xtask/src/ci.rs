//! Continuous integration: what must hold on every commit.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Args;

use crate::Failure;
use crate::args::workspace;

/// Format, lints, docs, all tests, gradient checks and the quick demos; stops at the first failure
#[derive(Args)]
pub(crate) struct Ci {}

/// What a step runs, with its arguments.
enum Step {
    Cargo(&'static [&'static str]),
    /// This program, as it was built.
    Xtask(&'static [&'static str]),
}

const STEPS: &[(&str, Step)] = &[
    ("format", Step::Cargo(&["fmt", "--all", "--", "--check"])),
    ("lints", Step::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("docs", Step::Cargo(&["doc", "--workspace", "--no-deps"])),
    ("tests", Step::Cargo(&["test", "--workspace"])),
    ("gradient checks", Step::Xtask(&["gradcheck", "--seeds", "3"])),
    ("demos", Step::Xtask(&["demo", "--quick"])),
];

impl Ci {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut tally = Tally::default();
        for (name, step) in STEPS {
            println!("\n== {name}: {step}");
            let start = Instant::now();
            step.run(&mut tally)?;
            println!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
        }
        println!("\nci: {} passed, {} failed", tally.passed, tally.failed);
        Ok(())
    }
}

/// Tests counted from cargo's own summary lines.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    /// Reads `test result: ok. 12 passed; 0 failed; …`.
    fn read(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = summary.split_whitespace().collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<usize>() else { continue };
            match pair[1].trim_end_matches(';') {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                _ => {}
            }
        }
    }
}

impl Step {
    fn run(&self, tally: &mut Tally) -> Result<(), Failure> {
        let (program, arguments) = match self {
            Self::Cargo(arguments) => ("cargo".into(), arguments),
            Self::Xtask(arguments) => (std::env::current_exe()?, arguments),
        };
        let mut child = Command::new(program)
            .args(*arguments)
            .current_dir(workspace())
            .env("RUSTDOCFLAGS", "-D warnings")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start `{self}`: {error}"))?;
        let output = child.stdout.take().ok_or("the child has no output")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            tally.read(&line);
        }
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("`{self}` failed").into()) }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cargo(arguments) => write!(f, "cargo {}", arguments.join(" ")),
            Self::Xtask(arguments) => write!(f, "xtask {}", arguments.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_tests_from_summaries() {
        let mut tally = Tally::default();
        tally.read(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        tally.read("test result: FAILED. 3 passed; 2 failed; 0 ignored");
        tally.read("12 passed; not a summary");
        assert_eq!((tally.passed, tally.failed), (15, 2));
    }
}
