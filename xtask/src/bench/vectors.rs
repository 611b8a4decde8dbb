//! A million vectors: how long a search takes beside reading memory, and how long a file takes to open.

use std::hint::black_box;
use std::path::Path;

use embed::io::Format;
use embed::{Vectors, Words};
use serde::Serialize;

use super::{Bench, approximate, gemm, measure};
use crate::Failure;
use crate::args::on_threads;

const CASES: [&str; 5] = ["search-1m", "search-1m-8", "search-1m-256", "open-1m", "approximate-100k"];
const WORDS: usize = 1_000_000;
const DIM: usize = 100;
/// Words asked for.
const COUNT: usize = 10;

/// A search.
#[derive(Serialize)]
struct Searched {
    case: String,
    threads: usize,
    /// Vectors searched for at once.
    queries: usize,
    ms_per_step: measure::Times,
    /// The matrix, counted once, against the time.
    gb_per_s: f64,
    /// What the threads read at most.
    memory_gb_per_s: f64,
    /// 10⁹ products of two vectors in a second.
    products_per_ns: f64,
    peak_rss_mb: Option<f64>,
}

/// The opening of a file.
#[derive(Serialize)]
struct Opened {
    case: String,
    format: String,
    megabytes: f64,
    ms: measure::Times,
}

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let cases = bench.cases(&CASES)?;
    if cases.contains(&"approximate-100k") {
        approximate::run(bench)?;
    }
    let searches: Vec<&str> = cases.iter().copied().filter(|case| case.starts_with("search")).collect();
    if searches.is_empty() && !cases.contains(&"open-1m") {
        return Ok(());
    }
    let vectors = random()?;
    for (i, case) in searches.iter().enumerate() {
        if !bench.json && i == 0 {
            println!("{WORDS} vectors of {DIM} numbers, the {COUNT} nearest");
            println!(
                "{:>13} {:>7} {:>9} {:>12} {:>6} {:>12} {:>12}",
                "case", "threads", "ms", "ms per query", "GB/s", "memory GB/s", "products/ns"
            );
        }
        for threads in 1..=bench.threads {
            let searched = on_threads(Some(threads), || Ok(search(case, &vectors, threads)))?;
            print(bench, &searched)?;
        }
    }
    if cases.contains(&"open-1m") { open(bench, &vectors) } else { Ok(()) }
}

/// Vectors that are alike for every run.
fn random() -> Result<Vectors, Failure> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let data = (0..WORDS * DIM).map(|_| next()).collect();
    Ok(Vectors::new(Words::from_words((0..WORDS).map(|i| format!("word{i}")))?, DIM, data)?)
}

/// The best of at least ten searches, after one that computes the lengths of the vectors.
fn search(case: &str, vectors: &Vectors, threads: usize) -> Searched {
    let queries = case.rsplit_once("1m-").map_or(1, |(_, queries)| queries.parse().unwrap_or(1));
    let (first, each) = (vectors.row(0), &vectors.data()[..queries * DIM]);
    let pass = || match queries {
        1 => black_box(vectors.nearest_to(first, COUNT, &[0])).len(),
        _ => black_box(vectors.nearest_to_each(each, COUNT, WORDS, |query| [query])).len(),
    };
    pass();
    let steps = if queries > 16 { 5 } else { 15 };
    let times: Vec<f64> = (0..steps).map(|_| measure::milliseconds(pass).0).collect();
    let ms_per_step = measure::Times::of(&times);
    Searched {
        case: case.to_owned(),
        threads,
        queries,
        gb_per_s: (WORDS * DIM * 4) as f64 / ms_per_step.min / 1e6,
        products_per_ns: (WORDS * queries) as f64 / ms_per_step.min / 1e6,
        ms_per_step,
        memory_gb_per_s: gemm::memory_bandwidth(),
        peak_rss_mb: measure::peak_rss_mb(),
    }
}

fn print(bench: &Bench, searched: &Searched) -> Result<(), Failure> {
    if bench.json {
        println!("{}", serde_json::to_string(searched)?);
        return Ok(());
    }
    let Searched { case, threads, queries, gb_per_s, memory_gb_per_s, products_per_ns, .. } = searched;
    let ms = searched.ms_per_step.min;
    println!(
        "{case:>13} {threads:>7} {ms:>9.2} {:>12.2} {gb_per_s:>6.1} {memory_gb_per_s:>12.1} {products_per_ns:>12.2}",
        ms / *queries as f64
    );
    Ok(())
}

/// Files of all formats that can be mapped, and one that cannot, opened and asked for a word.
fn open(bench: &Bench, vectors: &Vectors) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    if !bench.json {
        println!("{WORDS} vectors of {DIM} numbers opened, and one looked up");
        println!("{:>24} {:>9} {:>9}", "file", "MB", "ms");
    }
    type Open = fn(&Path) -> embed::Result<Vectors>;
    let mapped: Open = |path| Vectors::open(path);
    let read: Open = |path| Vectors::load(path);
    let files = [
        (Format::Safetensors, "safetensors", "safetensors, mapped", mapped),
        (Format::Npy, "npy", ".npy, mapped", mapped),
        (Format::Safetensors, "safetensors", "safetensors, read", read),
        (Format::Word2VecBinary, "bin", "word2vec binary, read", read),
    ];
    for (format, ending, name, open) in files {
        let path = dir.path().join("vectors").with_extension(ending);
        if !path.exists() {
            vectors.save(&path, format)?;
        }
        let mut times = Vec::new();
        for _ in 0..5 {
            let (ms, found) = measure::milliseconds(|| -> Result<bool, Failure> {
                Ok(open(&path)?.get("word999999") == vectors.get("word999999"))
            });
            if !found? {
                return Err(format!("{name}: not the vector that was written").into());
            }
            times.push(ms);
        }
        let ms = measure::Times::of(&times);
        let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
        if bench.json {
            let opened = Opened { case: "open-1m".to_owned(), format: name.to_owned(), megabytes, ms };
            println!("{}", serde_json::to_string(&opened)?);
        } else {
            println!("{name:>24} {megabytes:>9.1} {:>9.3}", ms.median);
        }
    }
    Ok(())
}
