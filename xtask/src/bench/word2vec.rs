//! word2vec: words per second of one epoch, ours and the peers'.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use embed::word2vec::{Mode, Trainer};
use embed::{TextFiles, Vocab, Word2Vec};
use serde::{Deserialize, Serialize};

use super::measure::peak_rss_mb;
use super::{Bench, PEER, python};
use crate::Failure;
use crate::args::workspace;
use crate::data;

const CASES: [&str; 4] = ["sgns-100", "cbow-100", "sgns-300", "cbow-300"];
/// Rounds of all programs; the median counts.
const ROUNDS: usize = 3;
/// The status of a program that cannot be had here.
const MISSING: i32 = 3;

/// What a program says of a case.
#[derive(Clone, Serialize, Deserialize)]
struct Report {
    case: String,
    peer: String,
    threads: usize,
    /// Words of the text trained in a second, frequent and rare ones too.
    words_per_s: f64,
    peak_rss_mb: Option<f64>,
}

/// The text that all programs read: that asked for, else sentences of Wikipedia if they have been fetched, else the plays.
fn text(bench: &Bench) -> PathBuf {
    let wiki = || Some(data::folder("wikipedia-sentences")?.join("english-s.txt"));
    let plays = || workspace().join("fixtures/text/tiny-shakespeare.txt");
    bench.text.clone().or_else(wiki).unwrap_or_else(plays)
}

/// Ours alone, in this process.
pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let path = text(bench);
    let corpus = TextFiles::one(&path);
    if !bench.json {
        println!(
            "{}, {} threads\n{:>9} {:>12} {:>8}",
            path.display(),
            bench.threads,
            "case",
            "words/s",
            "peak MB"
        );
    }
    for case in bench.cases(&CASES)? {
        let report = ours(case, &corpus, bench.threads, Mode::Fast)?;
        if bench.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            let peak = report.peak_rss_mb.map_or("?".to_owned(), |mb| format!("{mb:.0}"));
            println!("{case:>9} {:>12.0} {peak:>8}", report.words_per_s);
        }
    }
    Ok(())
}

/// What more threads gain, and what the same bits on any number of them cost: the best of some rounds, in alternation.
pub(super) fn scaling(bench: &Bench) -> Result<(), Failure> {
    let path = text(bench);
    let corpus = TextFiles::one(&path);
    if !bench.json {
        println!("{}", path.display());
        println!(
            "{:>9} {:>7} {:>13} {:>12} {:>11} {:>10}",
            "case", "threads", "mode", "words/s", "/ 1 thread", "fast / it"
        );
    }
    let kinds: Vec<(Mode, usize)> = [Mode::Fast, Mode::Reproducible]
        .into_iter()
        .flat_map(|mode| (1..=bench.threads).map(move |threads| (mode, threads)))
        .collect();
    for case in bench.cases(&CASES)? {
        let mut best = vec![0.0f64; kinds.len()];
        for _ in 0..ROUNDS {
            for (best, &(mode, threads)) in best.iter_mut().zip(&kinds) {
                *best = best.max(ours(case, &corpus, threads, mode)?.words_per_s);
            }
        }
        let rate = |mode, threads| {
            let place = kinds.iter().position(|kind| *kind == (mode, threads));
            place.map_or(f64::NAN, |place| best[place])
        };
        for &(mode, threads) in &kinds {
            let words_per_s = rate(mode, threads);
            let gain = words_per_s / rate(mode, 1);
            let slowdown = rate(Mode::Fast, threads) / words_per_s;
            let mode = if mode == Mode::Fast { "fast" } else { "reproducible" };
            if bench.json {
                let row = serde_json::json!({
                    "case": case, "mode": mode, "threads": threads, "words_per_s": words_per_s,
                    "over_one_thread": gain, "fast_over_this": slowdown,
                });
                println!("{row}");
            } else {
                println!(
                    "{case:>9} {threads:>7} {mode:>13} {words_per_s:>12.0} {gain:>11.2} {slowdown:>10.2}"
                );
            }
        }
    }
    Ok(())
}

fn ours(case: &str, corpus: &TextFiles, threads: usize, mode: Mode) -> Result<Report, Failure> {
    let (method, dim) = case.split_once('-').ok_or("a case is METHOD-DIM")?;
    let settings = if method == "sgns" { Word2Vec::skip_gram() } else { Word2Vec::cbow() };
    let settings = settings.dim(dim.parse()?).sample(1e-4).epochs(1).threads(threads).mode(mode);
    let vocab = Vocab::count(corpus, &settings.vocab)?;
    let words = vocab.corpus_words() as f64;
    let mut trainer = Trainer::new(settings, vocab)?;
    let report = trainer.epoch(corpus, &mut |_| ControlFlow::Continue(()))?.ok_or("there was no epoch")?;
    let words_per_s = words / report.time.as_secs_f64();
    Ok(Report {
        case: case.to_owned(),
        peer: PEER.to_owned(),
        threads,
        words_per_s,
        peak_rss_mb: peak_rss_mb(),
    })
}

/// Ours, gensim, fastText and word2vec.c in alternation, each run in a process of its own.
pub(super) fn peers(bench: &Bench) -> Result<(), Failure> {
    let (path, python) = (text(bench), python()?);
    let script = workspace().join("xtask/peers/word2vec/bench.py");
    let command = |peer: &str| -> Result<Command, Failure> {
        if peer == PEER {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["bench", "word2vec", "--json", "--text"]).arg(&path);
            return Ok(command);
        }
        let mut command = Command::new(&python);
        command.arg(&script).arg(peer).arg(&path);
        Ok(command)
    };
    let mut programs = vec![PEER, "gensim", "fasttext", "word2vec.c"];
    for case in bench.cases(&CASES)? {
        let mut reports: BTreeMap<&str, Vec<Report>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for peer in programs.clone() {
                let mut command = command(peer)?;
                command.args(["--case", case, "--threads", &bench.threads.to_string()]);
                let output = command.stderr(Stdio::inherit()).output()?;
                if output.status.code() == Some(MISSING) {
                    programs.retain(|program| *program != peer);
                    continue;
                }
                if !output.status.success() {
                    return Err(format!("{peer} failed on {case}").into());
                }
                let report: Report = serde_json::from_slice(&output.stdout)?;
                eprintln!("{case} {peer}: {:.0} words/s", report.words_per_s);
                reports.entry(peer).or_default().push(report);
            }
        }
        print(bench, case, &programs, &reports, &path);
    }
    Ok(())
}

fn print(bench: &Bench, case: &str, programs: &[&str], reports: &BTreeMap<&str, Vec<Report>>, text: &Path) {
    let median = |peer: &str| {
        let mut rates: Vec<f64> = reports[peer].iter().map(|report| report.words_per_s).collect();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    if !bench.json && case == CASES[0] {
        println!("{}, {} threads", text.display(), bench.threads);
        println!("{:>9} {:>10} {:>12} {:>12} {:>8}", "case", "library", "words/s", "ours/theirs", "peak MB");
    }
    for &peer in programs {
        let (rate, ratio) = (median(peer), median(PEER) / median(peer));
        let peak = reports[peer].iter().filter_map(|report| report.peak_rss_mb).reduce(f64::max);
        if bench.json {
            let row = serde_json::json!({
                "case": case, "peer": peer, "threads": bench.threads, "words_per_s": rate, "ours_over_theirs": ratio,
                "peak_rss_mb": peak,
            });
            println!("{row}");
        } else {
            let peak = peak.map_or("?".to_owned(), |mb| format!("{mb:.0}"));
            println!("{case:>9} {peer:>10} {rate:>12.0} {ratio:>12.2} {peak:>8}");
        }
    }
}
