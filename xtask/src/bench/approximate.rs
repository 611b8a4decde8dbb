//! A hundred thousand vectors: what an index gains over looking at all of them, and what it misses.

use std::hint::black_box;
use std::time::Instant;

use embed::{Hnsw, Vectors, Words};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{Bench, measure};
use crate::Failure;
use crate::args::on_threads;

const WORDS: usize = 100_000;
const DIM: usize = 100;
/// Words asked for.
const COUNT: usize = 10;
/// Vectors lie about so many centres, as words do about topics.
const CENTRES: usize = 1000;
const QUERIES: usize = 200;

#[derive(Serialize)]
struct Indexed {
    case: String,
    /// Candidates that a search keeps.
    breadth: usize,
    build_s: f64,
    ms_per_query: f64,
    exact_ms_per_query: f64,
    /// How many of the nearest words are found, in per cent.
    recall: f64,
    peak_rss_mb: Option<f64>,
}

/// Builds on all threads, searches on one.
pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let vectors = clustered()?;
    if !bench.json {
        println!("{WORDS} vectors of {DIM} numbers about {CENTRES} centres, the {COUNT} nearest");
        println!("{:>8} {:>8} {:>13} {:>13} {:>8}", "breadth", "build s", "ms per query", "exact", "found");
    }
    for breadth in [50, 100, 200] {
        let start = Instant::now();
        let index = on_threads(Some(bench.threads), || Ok(Hnsw::new(&vectors, breadth, 1)))?;
        let build_s = start.elapsed().as_secs_f64();
        let indexed = on_threads(Some(1), || Ok(search(&vectors, &index, breadth, build_s)))?;
        if bench.json {
            println!("{}", serde_json::to_string(&indexed)?);
        } else {
            let Indexed { ms_per_query, exact_ms_per_query, recall, .. } = indexed;
            println!(
                "{breadth:>8} {build_s:>8.1} {ms_per_query:>13.3} {exact_ms_per_query:>13.3} {recall:>6.1} %"
            );
        }
    }
    Ok(())
}

/// Vectors that are alike for every run.
fn clustered() -> Result<Vectors, Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let mut unit = |scale: f32| (rng.random::<f32>() * 2.0 - 1.0) * scale;
    let centres: Vec<f32> = (0..CENTRES * DIM).map(|_| unit(1.0)).collect();
    let about = |row: usize| &centres[row % CENTRES * DIM..][..DIM];
    let data = (0..WORDS).flat_map(|row| about(row).iter()).map(|centre| centre + unit(0.7)).collect();
    Ok(Vectors::new(Words::from_words((0..WORDS).map(|i| format!("word{i}")))?, DIM, data)?)
}

fn search(vectors: &Vectors, index: &Hnsw<'_>, breadth: usize, build_s: f64) -> Indexed {
    let queries = || (0..QUERIES).map(|i| vectors.row(i * (WORDS / QUERIES)));
    black_box(vectors.nearest_to(vectors.row(0), COUNT, &[])); // computes the lengths
    let start = Instant::now();
    let exact: Vec<_> = queries().map(|query| black_box(vectors.nearest_to(query, COUNT, &[]))).collect();
    let exact_ms_per_query = start.elapsed().as_secs_f64() * 1e3 / QUERIES as f64;
    let start = Instant::now();
    let near: Vec<_> = queries().map(|query| black_box(index.nearest_to(query, COUNT))).collect();
    let ms_per_query = start.elapsed().as_secs_f64() * 1e3 / QUERIES as f64;
    let found = exact.iter().zip(&near).map(|(exact, near)| {
        near.iter().filter(|near| exact.iter().any(|exact| exact.index == near.index)).count()
    });
    let recall = 100.0 * found.sum::<usize>() as f64 / (QUERIES * COUNT) as f64;
    let case = "approximate-100k".to_owned();
    let peak_rss_mb = measure::peak_rss_mb();
    Indexed { case, breadth, build_s, ms_per_query, exact_ms_per_query, recall, peak_rss_mb }
}
