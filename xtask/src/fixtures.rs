//! Golden numbers, made again by the scripts that made them.

use std::process::Command;

use clap::Args;

use crate::Failure;
use crate::args::workspace;
use crate::bench::python;

/// Make the golden numbers in fixtures/goldens again (needs Python; installs PyTorch under target/)
#[derive(Args)]
pub(crate) struct Fixtures {
    /// Only the script of this name, such as `layers`
    topic: Option<String>,
}

/// Scripts in `fixtures/goldens`.
const TOPICS: &[&str] = &["layers", "attention", "losses", "optim", "schedules", "gpt_tiny"];

impl Fixtures {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let wanted: Vec<&str> = match &self.topic {
            None => TOPICS.to_vec(),
            Some(topic) => match TOPICS.iter().find(|name| *name == topic) {
                Some(name) => vec![name],
                None => return Err(format!("no script `{topic}`; there are {}", TOPICS.join(", ")).into()),
            },
        };
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
