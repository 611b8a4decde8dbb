//! Matrix products: the shapes of a GPT's training step and of the usual tables.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::Serialize;
use tensor::kernels::gemm::{MatMut, MatRef, NoEpilogue, Output, gemm};

use super::{Bench, measure};
use crate::Failure;
use crate::args::on_threads;

/// `(m, k, n)` of `C (m, n) = A (m, k) · B (k, n)`.
type Shape = (usize, usize, usize);

const SHAPES: &[Shape] = &[
    (64, 64, 64),
    (256, 256, 256),
    (512, 512, 512),
    (1024, 1024, 1024),
    (2048, 384, 1152),
    (2048, 1152, 384),
    (2048, 384, 1536),
    (2048, 1536, 384),
    (256, 64, 256),
    (256, 256, 64),
    (1, 384, 1536),
    (1, 2048, 2048),
    (1, 8192, 8192),
    (64, 512, 2048),
];

/// One measured product.
#[derive(Serialize)]
struct Report {
    case: String,
    ms_per_step: measure::Times,
    gflops: f64,
    /// Operands and result, each counted once, against the time: what limits a product with a vector.
    gb_per_s: f64,
    /// A product has no tokens; the field is there for programs that read every group.
    tokens_per_s: Option<f64>,
    threads: usize,
    /// Of the process so far.
    peak_rss_mb: Option<f64>,
}

/// The products that were asked for, by name.
pub(super) fn wanted(bench: &Bench) -> Result<Vec<(String, Shape)>, Failure> {
    let all: Vec<_> = SHAPES.iter().map(|&(m, k, n)| (format!("gemm-{m}x{k}x{n}"), (m, k, n))).collect();
    let names = bench.cases(&all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
    Ok(all.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect())
}

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let wanted = wanted(bench)?;
    if !bench.json {
        println!("instruction set: {:?}, {} threads", tensor::level(), bench.threads);
        let bandwidth = on_threads(Some(bench.threads), || Ok(memory_bandwidth()))?;
        println!("reading memory: {bandwidth:.1} GB/s");
        println!("{:>16} {:>10} {:>9} {:>7}", "m x k x n", "best ms", "GFLOP/s", "GB/s");
    }
    for (case, shape) in wanted {
        let times = on_threads(Some(bench.threads), || Ok(measure(shape)))?;
        let (m, k, n) = shape;
        let gflops = 2.0 * (m * k * n) as f64 / times.min / 1e6;
        let gb_per_s = 4.0 * (m * k + k * n + m * n) as f64 / times.min / 1e6;
        if bench.json {
            let peak_rss_mb = measure::peak_rss_mb();
            let report = Report {
                case,
                ms_per_step: times,
                gflops,
                gb_per_s,
                tokens_per_s: None,
                threads: bench.threads,
                peak_rss_mb,
            };
            println!("{}", serde_json::to_string(&report)?);
        } else {
            println!("{:>16} {:>10.4} {gflops:>9.0} {gb_per_s:>7.1}", format!("{m}x{k}x{n}"), times.min);
        }
    }
    Ok(())
}

/// Best rate of one product, in 10⁹ operations per second.
pub(super) fn gflops(shape: Shape, threads: usize) -> Result<f64, Failure> {
    let (m, k, n) = shape;
    let times = on_threads(Some(threads), || Ok(measure(shape)))?;
    Ok(2.0 * (m * k * n) as f64 / times.min / 1e6)
}

/// Best rate at which the threads sum numbers that no cache holds, in 10⁹ bytes per second: eight rows side by side,
/// since a core waits for memory less when it reads from several places.
pub(super) fn memory_bandwidth() -> f64 {
    const ROW: usize = 8 << 10;
    let numbers = vec![1.0_f32; 1 << 26];
    let sum = |block: &[f32]| {
        let mut sums = [0.0_f32; 16];
        for at in (0..ROW).step_by(sums.len()) {
            for row in block.chunks_exact(ROW) {
                for (sum, number) in sums.iter_mut().zip(&row[at..]) {
                    *sum += number;
                }
            }
        }
        sums.iter().sum::<f32>()
    };
    let pass = || black_box(numbers.par_chunks_exact(8 * ROW).map(sum).sum::<f32>());
    let best = (0..10).map(|_| measure::milliseconds(pass).0).fold(f64::INFINITY, f64::min);
    4.0 * numbers.len() as f64 / best / 1e6
}

/// At least half a second of products.
fn measure((m, k, n): Shape) -> measure::Times {
    let values = |len: usize| (0..len).map(|i| (i * 7919 % 1000) as f32 / 1000.0 - 0.5).collect::<Vec<_>>();
    let (a, b, mut c) = (values(m * k), values(k * n), vec![0.0; m * n]);
    let mut product = || {
        let (a, b) = (MatRef::row_major(&a, m, k), MatRef::row_major(&b, k, n));
        gemm(a, b, MatMut::row_major(&mut c, m, n), Output::Replace, &NoEpilogue);
    };
    product();
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) || times.len() < 5 {
        times.push(measure::milliseconds(&mut product).0);
    }
    measure::Times::of(&times)
}
