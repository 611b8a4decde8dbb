//! The same work in other libraries, in alternation with ours.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::peers::run as run_program;
use super::cases::{self, Case, Inputs};
use super::{Bench, PEER, Report, wanted};
use crate::Failure;
use crate::args::workspace;

/// Rounds of all programs; the best of each counts.
const ROUNDS: usize = 3;

pub(in super::super) fn run(bench: &Bench) -> Result<(), Failure> {
    let folder = workspace().join("xtask/peers");
    eprintln!("building the tokenizers' peers (the first time, some minutes)");
    let arguments = ["build", "--release", "--quiet", "-p", "tokenizer_peers"];
    run_program(Command::new("cargo").args(arguments).env_remove("CARGO_TARGET_DIR").current_dir(&folder))?;
    let program = folder.join("target/release/tokenizer_peers");
    if !bench.json {
        println!(
            "{:>18} {:>12} {:>9} {:>9} {:>11} {:>8}",
            "case, one thread", "library", "ms", "MB/s", "ours/theirs", "peak MB"
        );
    }
    for case in wanted(bench)? {
        let Some(inputs) = cases::inputs(case)? else { continue };
        let mut best: BTreeMap<&str, Report> = BTreeMap::new();
        for round in 0..ROUNDS {
            for &library in [PEER].iter().chain(case.libraries) {
                // Those far slower once only: their spread matters little against their distance.
                let far = |theirs: &Report| theirs.seconds > 5.0 * best[PEER].seconds && theirs.seconds > 1.0;
                if round > 0 && library != PEER && best.get(library).is_some_and(far) {
                    continue;
                }
                let report = match library {
                    PEER => call(
                        Command::new(std::env::current_exe()?)
                            .args(["bench", "tokenize", "--json", "--case", case.name]),
                    )?,
                    _ => call(&mut theirs(&program, library, case, &inputs))?,
                };
                match best.get_mut(library) {
                    Some(best) if best.seconds <= report.seconds => {}
                    _ => _ = best.insert(library, report),
                }
            }
        }
        for &library in [PEER].iter().chain(case.libraries) {
            print(library, case, &inputs, &best, bench.json);
        }
    }
    Ok(())
}

fn theirs(program: &Path, library: &str, case: &Case, inputs: &Inputs) -> Command {
    let mut command = Command::new(program);
    command.args(["--work", case.work.name(), "--library", library]).arg("--text").arg(&inputs.text);
    if let Some(model) = &inputs.model {
        command.arg("--model").arg(model);
    }
    command
}

fn call(command: &mut Command) -> Result<Report, Failure> {
    for variable in ["RAYON_NUM_THREADS", "RAYON_RS_NUM_THREADS"] {
        command.env(variable, "1");
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?} failed").into());
    }
    Ok(serde_json::from_slice(&output.stdout).map_err(|error| format!("{command:?}: {error}"))?)
}

fn print(library: &str, case: &Case, inputs: &Inputs, best: &BTreeMap<&str, Report>, json: bool) {
    let (ours, report) = (&best[PEER], &best[library]);
    let rate = inputs.bytes as f64 / report.seconds / 1e6;
    // How many times as fast ours is.
    let ratio = report.seconds / ours.seconds;
    let same = report.checksum == ours.checksum;
    if json {
        let row = serde_json::json!({
            "case": case.name, "peer": library, "version": report.version, "seconds": report.seconds,
            "mb_per_s": rate, "ratio": ratio, "same": same, "peak_rss_mb": report.peak_rss_mb
        });
        println!("{row}");
        return;
    }
    let peak = report.peak_rss_mb.map_or("?".to_owned(), |mb| format!("{mb:.0}"));
    let note = if same { "" } else { "  (another result)" };
    println!(
        "{:>18} {library:>12} {:>9.2} {rate:>9.1} {ratio:>11.2} {peak:>8}{note}",
        case.name,
        report.seconds * 1e3
    );
}
