//! Golden numbers, made again by the scripts that made them.

use std::process::Command;

use clap::Args;

use crate::Failure;
use crate::args::workspace;
use crate::bench::python;

/// Make the golden numbers in fixtures/goldens again (needs Python; installs what the scripts use under target/)
#[derive(Args)]
pub(crate) struct Fixtures {
    /// Only the script of this name, such as `layers`
    topic: Option<String>,
}

/// What the scripts share; it makes nothing by itself.
const SHARED: &str = "golden";

/// The scripts in `fixtures/goldens`.
fn topics() -> Result<Vec<String>, Failure> {
    let mut topics = Vec::new();
    for file in std::fs::read_dir(workspace().join("fixtures/goldens"))? {
        let name = file?.file_name().to_string_lossy().into_owned();
        topics.extend(name.strip_suffix(".py").filter(|topic| *topic != SHARED).map(str::to_owned));
    }
    topics.sort();
    Ok(topics)
}

impl Fixtures {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut wanted = topics()?;
        if let Some(topic) = &self.topic {
            if !wanted.contains(topic) {
                return Err(format!("no script `{topic}`; there are {}", wanted.join(", ")).into());
            }
            wanted.retain(|name| name == topic);
        }
        let python = python()?;
        for topic in wanted {
            println!("{topic}");
            let status = Command::new(&python)
                .arg(format!("{topic}.py"))
                .current_dir(workspace().join("fixtures/goldens"))
                .status()?;
            if !status.success() {
                return Err(format!("{topic}.py failed").into());
            }
        }
        Ok(())
    }
}
