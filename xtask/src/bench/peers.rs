//! The same work in other libraries, in alternation with ours, from the same weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use transformer::Gpt;

use super::gpt::{CASES, Case, Report, random_tokens};
use super::{Bench, PEER, gemm, recurrent};
use crate::Failure;
use crate::args::workspace;

/// Rounds of all programs; the median of the medians counts.
const ROUNDS: usize = 3;
/// How far the losses of the first steps may differ from ours, relatively.
const SAME_LOSS: f64 = 2e-3;

/// A Python with the peers of `xtask/peers/requirements.txt` in `target/peers`, made on first use and when that file
/// has changed.
pub(crate) fn python() -> Result<PathBuf, Failure> {
    let venv = workspace().join("target/peers");
    let python = venv.join("bin/python");
    let ready = venv.join("ready");
    let requirements = workspace().join("xtask/peers/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .map_err(|error| format!("{}: {error}", requirements.display()))?;
    if std::fs::read_to_string(&ready).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("setting up PyTorch and other peers in {} (once, some minutes)", venv.display());
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    std::fs::write(ready, wanted)?;
    Ok(python)
}

pub(super) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if status.success() { Ok(()) } else { Err(format!("{:?} failed", command.get_program()).into()) }
}

/// A program that speaks the protocol, and how many steps of it are worth the time.
struct Program {
    name: &'static str,
    command: PathBuf,
    arguments: Vec<String>,
    steps: usize,
    cases: &'static [&'static str],
}

/// candle and burn are measured at the sizes for which a step takes them seconds, not more.
const SMALLER: &[&str] = &["gpt-0.8m", "gpt-10.8m"];
const ALL: &[&str] = &["gpt-0.8m", "gpt-10.8m", "gpt-23m"];

/// Builds the programs in Rust and says where they are.
fn build() -> Result<PathBuf, Failure> {
    let peers = workspace().join("xtask/peers");
    eprintln!("building candle and burn programs (the first time, some minutes)");
    run(Command::new("cargo").args(["build", "--release", "--quiet"]).current_dir(&peers))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(peers.join(target.unwrap_or_else(|| PathBuf::from("target"))).join("release"))
}

fn programs(bench: &Bench) -> Result<Vec<Program>, Failure> {
    let (python, programs) = (python()?, build()?);
    let script = workspace().join("xtask/peers/pytorch/gpt.py").display().to_string();
    let ours = ["bench", "gpt", "--json"].map(str::to_owned).to_vec();
    let bf16 = vec![script.clone(), "--dtype".to_owned(), "bf16".to_owned()];
    let built = |name: &str| programs.join(name);
    let program = |name, command, arguments, steps, cases| Program { name, command, arguments, steps, cases };
    Ok(vec![
        program(PEER, std::env::current_exe()?, ours, bench.steps, ALL),
        program("pytorch", python.clone(), vec![script], bench.steps, ALL),
        // Quick only where the processor has bf16 instructions.
        program("pytorch-bf16", python, bf16, 3, ALL),
        program("candle", built("candle_gpt"), Vec::new(), 3, SMALLER),
        program("burn", built("burn_gpt"), Vec::new(), 3, SMALLER),
    ])
}

pub(super) fn gpt(bench: &Bench) -> Result<(), Failure> {
    let wanted = bench.cases(&CASES.iter().map(|case| case.name).collect::<Vec<_>>())?;
    let programs = programs(bench)?;
    let dir = tempfile::tempdir()?;
    let mut table = Vec::new();
    for case in CASES.iter().filter(|case| wanted.contains(&case.name)) {
        let (weights, tokens) = shared_start(case, dir.path())?;
        let mut reports: BTreeMap<&str, Vec<Report>> = BTreeMap::new();
        for round in 0..ROUNDS {
            for program in programs.iter().filter(|program| program.cases.contains(&case.name)) {
                // The slow ones only once: their spread matters little against their distance.
                if round > 0 && is_far_slower(program.name, &reports) {
                    continue;
                }
                let report = call(program, case.name, bench, &weights, &tokens)?;
                eprintln!("{} {}: {:.1} ms", case.name, program.name, report.ms_per_step.median);
                reports.entry(program.name).or_default().push(report);
            }
        }
        check_losses(case.name, &reports)?;
        table.extend(programs.iter().filter_map(|program| summarise(program.name, &reports)));
    }
    print(&table, bench.json)
}

/// Whether a program's first round took more than four times ours.
fn is_far_slower(name: &str, reports: &BTreeMap<&str, Vec<Report>>) -> bool {
    let first =
        |name: &str| reports.get(name).and_then(|reports| reports.first()).map(|r| r.ms_per_step.median);
    matches!((first(PEER), first(name)), (Some(ours), Some(theirs)) if theirs > 4.0 * ours)
}

/// One row of the table.
struct Row {
    name: &'static str,
    case: String,
    median: f64,
    /// Our time divided by theirs.
    ratio: f64,
    peak: Option<f64>,
}

fn summarise(name: &'static str, reports: &BTreeMap<&str, Vec<Report>>) -> Option<Row> {
    let median = |reports: &[Report]| {
        let mut medians: Vec<f64> = reports.iter().map(|report| report.ms_per_step.median).collect();
        medians.sort_by(f64::total_cmp);
        medians[medians.len() / 2]
    };
    let theirs = reports.get(name)?;
    let (ours, median) = (median(&reports[PEER]), median(theirs));
    let peak = theirs.iter().filter_map(|report| report.peak_rss_mb).reduce(f64::max);
    Some(Row { name, case: theirs[0].case.clone(), median, ratio: ours / median, peak })
}

fn print(table: &[Row], json: bool) -> Result<(), Failure> {
    if !json {
        println!("{:>20} {:>13} {:>10} {:>13} {:>9}", "case", "library", "ms/step", "ours/theirs", "peak MB");
    }
    for Row { name, case, median, ratio, peak } in table {
        if json {
            let row = serde_json::json!({
                "case": case, "peer": name, "ms_per_step": median, "ratio": ratio, "peak_rss_mb": peak
            });
            println!("{row}");
        } else {
            let peak = peak.map_or("?".to_owned(), |mb| format!("{mb:.0}"));
            println!("{case:>20} {name:>13} {median:>10.2} {ratio:>13.2} {peak:>9}");
        }
    }
    Ok(())
}

/// Weights and tokens that all programs start from.
fn shared_start(case: &Case, dir: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let (weights, tokens) = (dir.join("weights.safetensors"), dir.join("tokens.u32"));
    let model = Gpt::<f32>::new(case.model, &mut ChaCha8Rng::seed_from_u64(0))?;
    nn::weights::save(&model, &weights, &nn::weights::Metadata::new())?;
    let bytes: Vec<u8> = random_tokens(*case, 16).iter().flat_map(|id| id.to_le_bytes()).collect();
    std::fs::write(&tokens, bytes)?;
    Ok((weights, tokens))
}

fn call(
    program: &Program,
    case: &str,
    bench: &Bench,
    weights: &Path,
    tokens: &Path,
) -> Result<Report, Failure> {
    let mut command = Command::new(&program.command);
    command.args(&program.arguments).args(["--case", case]);
    command.arg("--weights").arg(weights).arg("--tokens").arg(tokens);
    command.args(["--steps", &program.steps.to_string(), "--warmup", &bench.warmup.to_string()]);
    command.args(["--threads", &bench.threads.to_string()]);
    for variable in ["RAYON_NUM_THREADS", "MATMUL_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env(variable, bench.threads.to_string());
    }
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| format!("{}: {error}", program.name))?;
    if !output.status.success() {
        return Err(format!("{} failed on {case}", program.name).into());
    }
    Ok(serde_json::from_slice(&output.stdout).map_err(|error| format!("{}: {error}", program.name))?)
}

/// All programs in f32 must see the same losses from the same start.
fn check_losses(case: &str, reports: &BTreeMap<&str, Vec<Report>>) -> Result<(), Failure> {
    let ours = &reports[PEER][0].losses;
    for (name, reports) in reports.iter().filter(|(name, _)| !name.ends_with("bf16")) {
        for (step, (a, b)) in ours.iter().zip(&reports[0].losses).enumerate() {
            if (a - b).abs() > SAME_LOSS * a.abs() {
                return Err(format!("{case}: step {step} has loss {a} here and {b} in {name}").into());
            }
        }
    }
    Ok(())
}

/// Recurrent models, their Transformer and beam search beside PyTorch's, the LSTM language model also beside candle's
/// and burn's.
pub(super) fn recurrent(bench: &Bench) -> Result<(), Failure> {
    let wanted = bench.cases(&recurrent::CASES)?;
    let script = workspace().join("xtask/peers/pytorch/recurrent.py").display().to_string();
    let ours = ["bench", "recurrent", "--json"].map(str::to_owned).to_vec();
    let program = |name, command, arguments, steps, cases| Program { name, command, arguments, steps, cases };
    let mut programs = vec![
        program(PEER, std::env::current_exe()?, ours, bench.steps, &recurrent::CASES[..]),
        program("pytorch", python()?, vec![script], bench.steps, &recurrent::CASES[..]),
    ];
    if wanted.contains(&recurrent::TRAINED_BY_ALL) {
        let built = build()?;
        for (name, file) in [("candle", "candle_lstm"), ("burn", "burn_lstm")] {
            programs.push(program(name, built.join(file), Vec::new(), 3, &[recurrent::TRAINED_BY_ALL]));
        }
    }
    let dir = tempfile::tempdir()?;
    let mut table = Vec::new();
    for case in wanted {
        let (weights, tokens) = (dir.path().join("weights.safetensors"), dir.path().join("tokens.u32"));
        recurrent::save_weights(case, &weights)?;
        let ids = recurrent::tokens(case, 16)?;
        std::fs::write(&tokens, ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>())?;
        let mut reports: BTreeMap<&str, Vec<Report>> = BTreeMap::new();
        for round in 0..ROUNDS {
            for program in programs.iter().filter(|program| program.cases.contains(&case)) {
                if round > 0 && is_far_slower(program.name, &reports) {
                    continue;
                }
                let report = call(program, case, bench, &weights, &tokens)?;
                eprintln!("{case} {}: {:.2} ms", program.name, report.ms_per_step.median);
                reports.entry(program.name).or_default().push(report);
            }
        }
        check_losses(case, &reports)?;
        check_outputs(case, &reports)?;
        table.extend(programs.iter().filter_map(|program| summarise(program.name, &reports)));
    }
    print(&table, bench.json)
}

/// Searches must find the same tokens, but for a few that are as good as others within rounding.
fn check_outputs(case: &str, reports: &BTreeMap<&str, Vec<Report>>) -> Result<(), Failure> {
    let ours = &reports[PEER][0].outputs;
    for (name, reports) in reports {
        let theirs = &reports[0].outputs;
        let same = ours.iter().zip(theirs).filter(|(a, b)| a == b).count();
        if theirs.len() != ours.len() || same * 100 < ours.len() * 99 {
            let (all, found) = (ours.len(), theirs.len());
            return Err(
                format!("{case}: {same} of {all} tokens are those of {name}, which has {found}").into()
            );
        }
    }
    Ok(())
}

/// Matrix products beside PyTorch's.
pub(super) fn gemm(bench: &Bench) -> Result<(), Failure> {
    let wanted = gemm::wanted(bench)?;
    let theirs = Command::new(python()?)
        .arg(workspace().join("xtask/peers/pytorch/gemm.py"))
        .args(["--threads", &bench.threads.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    if !theirs.status.success() {
        return Err("gemm.py failed".into());
    }
    let text = String::from_utf8(theirs.stdout)?;
    let parsed: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if !bench.json {
        println!("{:>20} {:>9} {:>9} {:>7}", "GFLOP/s", "ours", "PyTorch", "ratio");
    }
    for (name, shape) in wanted {
        let same = |row: &&Value| {
            row["case"] == name.as_str() && row["dtype"] == "f32" && row["threads"] == bench.threads
        };
        let Some(theirs) = parsed.iter().find(same).and_then(|row| row["gflops"].as_f64()) else { continue };
        let ours = gemm::gflops(shape, bench.threads)?;
        let ratio = ours / theirs;
        if bench.json {
            let row = serde_json::json!({
                "case": name, "peer": "pytorch", "gflops": theirs, "ours_gflops": ours, "ratio": ratio,
                "threads": bench.threads
            });
            println!("{row}");
        } else {
            println!("{name:>20} {ours:>9.0} {theirs:>9.0} {ratio:>7.2}");
        }
    }
    Ok(())
}
