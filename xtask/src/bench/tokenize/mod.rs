//! Tokenizers: texts to ids, words, training and loading, on one thread.

mod cases;
mod peers;
mod work;

use serde::{Deserialize, Serialize};

use super::{Bench, PEER, measure};
use crate::Failure;
use crate::args::on_threads;
use cases::{CASES, Case, Inputs};

/// What one run prints; peers print the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Report {
    peer: String,
    version: String,
    case: String,
    threads: usize,
    /// Least time of a pass.
    seconds: f64,
    /// Of all ids, words or tokens that came out.
    checksum: String,
    peak_rss_mb: Option<f64>,
}

/// The cases that were asked for.
fn wanted(bench: &Bench) -> Result<Vec<&'static Case>, Failure> {
    let names = bench.cases(&CASES.iter().map(|case| case.name).collect::<Vec<_>>())?;
    Ok(CASES.iter().filter(|case| names.contains(&case.name)).collect())
}

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    if !bench.json {
        println!("{:>20} {:>9} {:>9}", "case, one thread", "ms", "MB/s");
    }
    for case in wanted(bench)? {
        let Some(inputs) = cases::inputs(case)? else { continue };
        let report = ours(case, &inputs)?;
        if bench.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            let rate = inputs.bytes as f64 / report.seconds / 1e6;
            println!("{:>20} {:>9.2} {rate:>9.1}", case.name, report.seconds * 1e3);
        }
    }
    Ok(())
}

pub(super) use peers::run as run_with_peers;

fn ours(case: &Case, inputs: &Inputs) -> Result<Report, Failure> {
    let (seconds, checksum) = on_threads(Some(1), || work::measure(case, inputs))?;
    Ok(Report {
        peer: PEER.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        case: case.name.to_owned(),
        threads: 1,
        seconds,
        checksum,
        peak_rss_mb: measure::peak_rss_mb(),
    })
}
