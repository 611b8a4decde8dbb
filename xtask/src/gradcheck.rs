//! Every gradient of the workspace against finite differences, as a table.

use autograd::{Case, GradcheckReport};
use clap::Args;
use rayon::prelude::*;
use serde::Serialize;

use crate::Failure;
use crate::args::on_threads;

/// Check every operation and module against finite differences in f64; fails if one gradient is wrong
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask gradcheck                     everything, 20 random inputs each
  cargo xtask gradcheck attend --seeds 500  operations whose name contains `attend`, longer
  cargo xtask gradcheck --json              one JSON object per operation")]
pub(crate) struct Gradcheck {
    /// Only operations whose name contains this
    filter: Option<String>,
    /// Random inputs per operation: sizes, layouts and values
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// One JSON object per line instead of the table
    #[arg(long)]
    json: bool,
}

/// A row of the table.
#[derive(Serialize)]
struct Row {
    #[serde(rename = "crate")]
    krate: &'static str,
    op: &'static str,
    cases: u64,
    compared: usize,
    kinks: usize,
    worst: f64,
    error: Option<String>,
}

impl Gradcheck {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let suites = [
            ("autograd", autograd::cases()),
            ("nn", nn::cases()),
            ("attention", attention::cases()),
            ("recurrent", recurrent::cases()),
            ("transformer", transformer::cases()),
        ];
        let wanted =
            |case: &Case| self.filter.as_ref().is_none_or(|filter| case.name.contains(filter.as_str()));
        let cases: Vec<(&str, Case)> = suites
            .into_iter()
            .flat_map(|(krate, cases)| cases.into_iter().map(move |case| (krate, case)))
            .filter(|(_, case)| wanted(case))
            .collect();
        if cases.is_empty() {
            return Err(format!("no operation's name contains `{}`", self.filter.unwrap_or_default()).into());
        }
        let rows: Vec<Row> = on_threads(self.threads, || {
            Ok(cases.par_iter().map(|(krate, case)| self.check(krate, case)).collect())
        })?;
        if self.json {
            for row in &rows {
                println!("{}", serde_json::to_string(row)?);
            }
        } else {
            print_table(&rows);
        }
        let wrong = rows.iter().filter(|row| row.error.is_some()).count();
        if wrong == 0 { Ok(()) } else { Err(format!("{wrong} of {} gradients are wrong", rows.len()).into()) }
    }

    fn check(&self, krate: &'static str, case: &Case) -> Row {
        let result = case.run(self.seed, self.seeds);
        let error = result.as_ref().err().map(|(seed, error)| format!("seed {seed}: {error}"));
        let GradcheckReport { compared, kinks, worst } = result.unwrap_or_default();
        let error = error.or_else(|| (compared == 0).then(|| "nothing was compared".to_owned()));
        Row { krate, op: case.name, cases: self.seeds, compared, kinks, worst, error }
    }
}

fn print_table(rows: &[Row]) {
    let width = rows.iter().map(|row| row.op.len()).max().unwrap_or(0);
    println!(
        "{:<11} {:<width$} {:>6} {:>9} {:>6} {:>9}",
        "crate", "operation", "inputs", "compared", "kinks", "worst"
    );
    for Row { krate, op, cases, compared, kinks, worst, error } in rows {
        match error {
            None => println!("{krate:<11} {op:<width$} {cases:>6} {compared:>9} {kinks:>6} {worst:>9.1e}"),
            Some(error) => println!("{krate:<11} {op:<width$} WRONG  {error}"),
        }
    }
    let compared: usize = rows.iter().map(|row| row.compared).sum();
    let worst = rows.iter().map(|row| row.worst).fold(0.0, f64::max);
    println!("{} operations, {compared} comparisons, worst relative error {worst:.1e}", rows.len());
}
