//! Rates of matrix products in GFLOP/s, for one and two threads, beside `matrixmultiply` on one.
//!
//! `cargo run --release -p tensor --example gemm_rates [SHAPE-PREFIX]`

use std::hint::black_box;
use std::time::{Duration, Instant};

use tensor::kernels::gemm::{MatMut, MatRef, NoEpilogue, Output, PackedB, gemm, gemm_packed};

/// `(m, k, n)` of the products a language model makes.
const SHAPES: &[(usize, usize, usize)] = &[
    (64, 32, 64),
    (64, 64, 64),
    (256, 256, 256),
    (1024, 1024, 1024),
    (2048, 384, 1152),
    (2048, 1152, 384),
    (2048, 384, 1536),
    (2048, 1536, 384),
    (256, 64, 256),
    (256, 256, 64),
    (768, 128, 512),
    (770, 512, 128),
    (768, 128, 65),
    (384, 2048, 1536),
    (64, 512, 2048),
    (16, 512, 2048),
    (4, 384, 1536),
    (1, 384, 1536),
    (1, 2048, 2048),
    (512, 384, 50257),
];

/// Which operands are the transposes of row-major matrices.
const VARIANTS: [(&str, bool, bool); 3] =
    [("A·B", false, false), ("A·Bᵀ", false, true), ("Aᵀ·B", true, false)];

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let pools = [1, 2]
        .map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start"));
    println!("instruction set: {:?}; GFLOP/s, best of many", tensor::level());
    println!(
        "{:>16} {:>6} {:>9} {:>9} {:>9} {:>9} {:>15}",
        "m×k×n", "", "1 thread", "2 threads", "packed, 1", "packed, 2", "matrixmultiply"
    );
    for &(m, k, n) in SHAPES {
        let shape = format!("{m}x{k}x{n}");
        if !shape.starts_with(&only) {
            continue;
        }
        let (a_data, b_data) = (values(m * k), values(k * n));
        let mut c = vec![0.0_f32; m * n];
        let flops = 2.0 * (m * k * n) as f64;
        for (name, a_transposed, b_transposed) in VARIANTS {
            let a_strides = if a_transposed { (1, m) } else { (k, 1) };
            let b_strides = if b_transposed { (1, k) } else { (n, 1) };
            let a = MatRef::new(&a_data, m, k, a_strides.0, a_strides.1);
            let b = MatRef::new(&b_data, k, n, b_strides.0, b_strides.1);
            let packed = PackedB::new(b);
            let mut rates = Vec::new();
            for pool in &pools {
                rates.push(pool.install(|| {
                    rate(flops, || {
                        let c = MatMut::row_major(&mut c, m, n);
                        gemm(black_box(a), b, c, Output::Replace, &NoEpilogue);
                    })
                }));
            }
            for pool in &pools {
                rates.push(pool.install(|| {
                    rate(flops, || {
                        let c = MatMut::row_major(&mut c, m, n);
                        gemm_packed(black_box(a), &packed, c, Output::Replace, &NoEpilogue);
                    })
                }));
            }
            rates.push(rate(flops, || {
                matrixmultiply((m, k, n), (&a_data, a_strides), (&b_data, b_strides), &mut c);
            }));
            print!("{shape:>16} {name:>6}");
            for (rate, width) in rates.iter().zip([9, 9, 9, 9, 15]) {
                print!(" {rate:>width$.1}");
            }
            println!();
        }
    }
}

/// Numbers that are neither tiny nor special.
fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// The best rate of `work` within a third of a second.
fn rate(flops: f64, mut work: impl FnMut()) -> f64 {
    work();
    let start = Instant::now();
    let mut best = Duration::MAX;
    // Short products are timed in groups, so that reading the clock does not count.
    let group = (2e7 / flops).ceil() as u32;
    while start.elapsed() < Duration::from_millis(300) {
        let from = Instant::now();
        for _ in 0..group {
            work();
        }
        best = best.min(from.elapsed() / group);
    }
    flops / best.as_secs_f64() / 1e9
}

/// An operand's elements and its row and column stride.
type Strided<'a> = (&'a [f32], (usize, usize));

/// The same product by `matrixmultiply`.
fn matrixmultiply((m, k, n): (usize, usize, usize), a: Strided<'_>, b: Strided<'_>, c: &mut [f32]) {
    let (a, (a_row, a_col)) = a;
    let (b, (b_row, b_col)) = b;
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
    // SAFETY: dense operands of the shapes asserted; `c` is exclusive.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            a_row as isize,
            a_col as isize,
            b.as_ptr(),
            b_row as isize,
            b_col as isize,
            0.0,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}
