//! Every path against a plain product in `f64`, and the promises: bits, epilogue, strides.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// How an operand lies in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    RowMajor,
    ColMajor,
    /// Row-major rows inside longer ones.
    Padded,
    /// Column-major columns inside longer ones.
    PaddedCols,
    /// Every second element of every second row.
    Strided,
    /// One row, repeated.
    OneRow,
    /// One column, repeated.
    OneCol,
}

const LAYOUTS: [Layout; 7] = [
    Layout::RowMajor,
    Layout::ColMajor,
    Layout::Padded,
    Layout::PaddedCols,
    Layout::Strided,
    Layout::OneRow,
    Layout::OneCol,
];

/// A random matrix that fills its slice to the last element, so that reading past the view is caught by tools
/// that watch memory.
struct Matrix<E> {
    data: Vec<E>,
    rows: usize,
    cols: usize,
    strides: (usize, usize),
}

impl<E: Element> Matrix<E> {
    fn random(rows: usize, cols: usize, layout: Layout, seed: u64) -> Self {
        let strides = match layout {
            Layout::RowMajor => (cols, 1),
            Layout::ColMajor => (1, rows),
            Layout::Padded => (cols + 3, 1),
            Layout::PaddedCols => (1, rows + 5),
            Layout::Strided => (4 * cols, 2),
            Layout::OneRow => (0, 1),
            Layout::OneCol => (1, 0),
        };
        let len = if rows * cols == 0 { 0 } else { (rows - 1) * strides.0 + (cols - 1) * strides.1 + 1 };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let data = (0..len).map(|_| E::from_f64(rng.random_range(-1.0..1.0))).collect();
        Self { data, rows, cols, strides }
    }

    fn view(&self) -> MatRef<'_, E> {
        MatRef::new(&self.data, self.rows, self.cols, self.strides.0, self.strides.1)
    }
}

/// The product in `f64`, and for each element the sum of the terms' magnitudes: what rounding is measured by.
fn naive<E: Element>(a: MatRef<'_, E>, b: MatRef<'_, E>) -> (Vec<f64>, Vec<f64>) {
    let line = |m: MatRef<'_, E>, i: usize| (0..m.cols()).map(|p| m.at(i, p).to_f64()).collect::<Vec<_>>();
    let columns: Vec<_> = (0..b.cols()).map(|j| line(b.t(), j)).collect();
    let (mut sums, mut sizes) = (Vec::new(), Vec::new());
    for i in 0..a.rows() {
        let row = line(a, i);
        for column in &columns {
            let (mut sum, mut size) = (0.0, 0.0_f64);
            for (x, y) in row.iter().zip(column) {
                sum += x * y;
                size += (x * y).abs();
            }
            sums.push(sum);
            sizes.push(size);
        }
    }
    (sums, sizes)
}

/// Adds `row + 2 · col` and counts its calls for each element.
struct Counting {
    cols: usize,
    calls: Vec<AtomicU32>,
}

impl Counting {
    fn new(rows: usize, cols: usize) -> Self {
        Self { cols, calls: (0..rows * cols).map(|_| AtomicU32::new(0)).collect() }
    }

    fn value(row: usize, col: usize) -> f64 {
        row as f64 + 2.0 * col as f64
    }
}

impl<E: Element> Epilogue<E> for Counting {
    fn apply(&self, row: usize, col: usize, c: &mut [E]) {
        for (j, c) in c.iter_mut().enumerate() {
            *c += E::from_f64(Self::value(row, col + j));
            self.calls[row * self.cols + col + j].fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Parallel,
    Serial,
    Packed,
    PackedSerial,
}

/// Runs one product with an epilogue into a `C` with padded rows, and compares all of it with [`naive`].
fn check_product<E: Element>(
    m: usize,
    k: usize,
    n: usize,
    layouts: (Layout, Layout),
    output: Output,
    way: Way,
) {
    let a = Matrix::<E>::random(m, k, layouts.0, 1);
    let b = Matrix::<E>::random(k, n, layouts.1, 2);
    let row_stride = n + 3;
    let old = Matrix::<E>::random(m, row_stride, Layout::RowMajor, 3).data;
    let mut c = old.clone();
    // What `Replace` must not read.
    if output == Output::Replace {
        for i in 0..m {
            c[i * row_stride..][..n].fill(E::from_f64(f64::NAN));
        }
    }
    let counting = Counting::new(m, n);
    let to = MatMut::new(&mut c, m, n, row_stride);
    match way {
        Way::Parallel => gemm(a.view(), b.view(), to, output, &counting),
        Way::Serial => gemm_serial(a.view(), b.view(), to, output, &counting),
        Way::Packed => gemm_packed(a.view(), &PackedB::new(b.view()), to, output, &counting),
        Way::PackedSerial => gemm_packed_serial(a.view(), &PackedB::new(b.view()), to, output, &counting),
    }
    let (sums, sizes) = naive(a.view(), b.view());
    for i in 0..m {
        for j in 0..row_stride {
            let (at, found) = (i * row_stride + j, c[i * row_stride + j].to_f64());
            if j >= n {
                assert_eq!(found, old[at].to_f64(), "padding of row {i} was written");
                continue;
            }
            let before = if output == Output::Accumulate { old[at].to_f64() } else { 0.0 };
            let expected = before + sums[i * n + j] + Counting::value(i, j);
            let size = 1.0 + sizes[i * n + j] + Counting::value(i, j);
            let bound = 4.0 * E::EPSILON.to_f64() * size * (k as f64).sqrt().max(1.0);
            assert!(
                (found - expected).abs() <= bound,
                "{m}×{k}×{n} {layouts:?} {output:?} {way:?}: C[{i}, {j}] = {found}, expected {expected}"
            );
        }
    }
    assert!(
        counting.calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1),
        "epilogue missed or repeated"
    );
}

#[test]
fn small_shapes_in_all_layouts() {
    let sizes = [0, 1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 33];
    let mut turn = 0;
    for m in sizes {
        for k in sizes {
            for n in sizes {
                let layouts = (LAYOUTS[turn % 7], LAYOUTS[turn / 7 % 7]);
                let output = if turn % 2 == 0 { Output::Replace } else { Output::Accumulate };
                let way = [Way::Parallel, Way::Serial, Way::Packed, Way::PackedSerial][turn % 4];
                check_product::<f32>(m, k, n, layouts, output, way);
                check_product::<f64>(m, k, n, layouts, output, way);
                turn += 1;
            }
        }
    }
}

#[test]
fn shapes_around_block_edges() {
    for (m, k, n) in [
        (6, 256, 16),
        (7, 257, 17),
        (95, 255, 31),
        (97, 513, 33),
        (193, 300, 65),
        (14, 384, 32),
        (225, 385, 47),
        (61, 1031, 127),
        (300, 37, 301),
        (19, 8200, 40),
    ] {
        for a in [Layout::RowMajor, Layout::PaddedCols] {
            for b in [Layout::Padded, Layout::ColMajor] {
                check_product::<f32>(m, k, n, (a, b), Output::Replace, Way::Parallel);
                check_product::<f32>(m, k, n, (a, b), Output::Accumulate, Way::Packed);
                check_product::<f32>(m, k, n, (a, b), Output::Accumulate, Way::Serial);
            }
        }
    }
}

#[test]
fn skinny_shapes() {
    for few in 1..=9 {
        for (k, many) in [(31, 100), (32, 67), (100, 131), (257, 300), (1031, 1500), (70, 2100)] {
            for a in [Layout::RowMajor, Layout::ColMajor, Layout::Strided] {
                for b in [Layout::RowMajor, Layout::ColMajor] {
                    check_product::<f32>(few, k, many, (a, b), Output::Replace, Way::Parallel);
                    check_product::<f32>(many, k, few, (a, b), Output::Accumulate, Way::Parallel);
                }
            }
            check_product::<f32>(
                few,
                k,
                many,
                (Layout::RowMajor, Layout::ColMajor),
                Output::Replace,
                Way::Packed,
            );
        }
    }
}

#[test]
fn columns_that_are_contiguous_in_c() {
    for k in [1, 3, 4, 40, 1000] {
        let a = Matrix::<f32>::random(777, k, Layout::ColMajor, 1);
        let b = Matrix::<f32>::random(k, 1, Layout::RowMajor, 2);
        let mut c = vec![f32::NAN; 777];
        gemm(a.view(), b.view(), MatMut::row_major(&mut c, 777, 1), Output::Replace, &NoEpilogue);
        let (sums, sizes) = naive(a.view(), b.view());
        for i in 0..777 {
            assert!((f64::from(c[i]) - sums[i]).abs() <= 1e-5 * (1.0 + sizes[i]), "{k}: row {i}");
        }
    }
}

#[test]
fn infinities_and_nan_reach_the_result() {
    for (m, k, n) in [(1, 40, 40), (5, 9, 7), (40, 70, 50), (40, 300, 1)] {
        for layout in [Layout::RowMajor, Layout::ColMajor] {
            let a = Matrix::<f32>::random(m, k, layout, 1);
            let mut b = Matrix::<f32>::random(k, n, layout, 2);
            let (row, col) = b.strides;
            b.data[(k - 1) * row + (n - 1) * col] = f32::INFINITY;
            b.data[0] = f32::NAN;
            let mut c = vec![0.0; m * n];
            gemm(a.view(), b.view(), MatMut::row_major(&mut c, m, n), Output::Replace, &NoEpilogue);
            let (sums, _) = naive(a.view(), b.view());
            for (found, expected) in c.iter().zip(sums) {
                assert_eq!(found.is_nan(), expected.is_nan());
                assert_eq!(found.is_infinite(), expected.is_infinite());
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for (m, k, n) in
        [(256, 300, 257), (770, 512, 128), (1, 2048, 2048), (8, 700, 900), (2000, 600, 3), (64, 3000, 64)]
    {
        for (la, lb) in [
            (Layout::RowMajor, Layout::RowMajor),
            (Layout::RowMajor, Layout::ColMajor),
            (Layout::ColMajor, Layout::RowMajor),
        ] {
            let (a, b) = (Matrix::<f32>::random(m, k, la, 1), Matrix::<f32>::random(k, n, lb, 2));
            let packed = PackedB::new(b.view());
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                let (mut c, mut d) = (vec![0.0; m * n], vec![0.0; m * n]);
                pool.install(|| {
                    gemm(a.view(), b.view(), MatMut::row_major(&mut c, m, n), Output::Replace, &NoEpilogue);
                    gemm_packed(
                        a.view(),
                        &packed,
                        MatMut::row_major(&mut d, m, n),
                        Output::Replace,
                        &NoEpilogue,
                    );
                });
                c.iter().chain(&d).map(|x: &f32| x.to_bits()).collect::<Vec<_>>()
            };
            let one = run(1);
            assert!(one == run(2) && one == run(4) && one == run(5), "{m}×{k}×{n}");
            let mut serial = vec![0.0; m * n];
            gemm_serial(
                a.view(),
                b.view(),
                MatMut::row_major(&mut serial, m, n),
                Output::Replace,
                &NoEpilogue,
            );
            assert!(serial.iter().zip(&one).all(|(x, &bits)| x.to_bits() == bits), "{m}×{k}×{n} serial");
        }
    }
}

#[test]
fn batches_equal_single_products() {
    // Attention scores: Q and K are (batch, time, heads · d_head), read as (batch, heads, time, d_head).
    let (batch, heads, time, d_head) = (3, 4, 19, 8);
    let q = Matrix::<f32>::random(batch * time, heads * d_head, Layout::RowMajor, 1);
    let key = Matrix::<f32>::random(batch * time, heads * d_head, Layout::RowMajor, 2);
    let strides = [time * heads * d_head, d_head];
    let mut scores = vec![0.0; batch * heads * time * time];
    let counting = Counting::new(batch * heads * time, time);
    gemm_batch(
        &[batch, heads],
        BatchRef::new(&q.data, time, d_head, heads * d_head, 1, &strides),
        BatchRef::new(&key.data, time, d_head, heads * d_head, 1, &strides).t(),
        BatchMut::contiguous(&mut scores, time, time),
        Output::Replace,
        &counting,
    );
    for b in 0..batch {
        for h in 0..heads {
            let part = |x: &Matrix<f32>| {
                let view =
                    x.view().rows_range(b * time..(b + 1) * time).cols_range(h * d_head..(h + 1) * d_head);
                (0..time * d_head).map(|i| view.at(i / d_head, i % d_head)).collect::<Vec<_>>()
            };
            let (q, key) = (part(&q), part(&key));
            let (sums, _) =
                naive(MatRef::row_major(&q, time, d_head), MatRef::row_major(&key, time, d_head).t());
            for (i, sum) in sums.iter().enumerate() {
                let row = (b * heads + h) * time + i / time;
                let expected = sum + Counting::value(row, i % time);
                assert!((f64::from(scores[row * time + i % time]) - expected).abs() < 1e-3);
            }
        }
    }
    assert!(counting.calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1));
}

#[test]
fn batches_with_a_shared_operand() {
    for (batch, m, k, n) in [(5, 7, 11, 13), (2, 200, 300, 100), (64, 16, 24, 40)] {
        let a = Matrix::<f32>::random(batch * m, k, Layout::RowMajor, 1);
        let b = Matrix::<f32>::random(k, n, Layout::RowMajor, 2);
        let gap = 5;
        for batch_stride in [m * n, m * n + gap] {
            let mut c = vec![1.0; (batch - 1) * batch_stride + m * n];
            gemm_batch(
                &[batch],
                BatchRef::new(&a.data, m, k, k, 1, &[m * k]),
                BatchRef::new(&b.data, k, n, n, 1, &[0]),
                BatchMut::new(&mut c, m, n, n, batch_stride),
                Output::Accumulate,
                &NoEpilogue,
            );
            let (sums, _) = naive(a.view(), b.view());
            for (i, sum) in sums.iter().enumerate() {
                let found = f64::from(c[i / (m * n) * batch_stride + i % (m * n)]);
                assert!((found - 1.0 - sum).abs() < 1e-3);
            }
        }
    }
}

#[test]
#[should_panic(expected = "does not fit in 5 elements")]
fn a_view_past_its_slice_is_refused() {
    let _ = MatRef::new(&[0.0_f32; 5], 2, 3, 3, 1);
}

#[test]
#[should_panic(expected = "does not fit C (2, 2)")]
fn shapes_that_do_not_fit_are_refused() {
    let (a, b, mut c) = ([0.0_f32; 6], [0.0_f32; 6], [0.0_f32; 4]);
    let (a, b) = (MatRef::row_major(&a, 2, 3), MatRef::row_major(&b, 2, 3));
    gemm(a, b, MatMut::row_major(&mut c, 2, 2), Output::Replace, &NoEpilogue);
}

#[test]
fn sub_views_are_parts() {
    let a = Matrix::<f32>::random(9, 11, Layout::Padded, 1);
    let part = a.view().rows_range(2..7).cols_range(3..11);
    assert_eq!((part.rows(), part.cols()), (5, 8));
    assert_eq!(part.at(1, 2), a.view().at(3, 5));
    assert_eq!(part.t().at(2, 1), a.view().at(3, 5));
    assert_eq!(a.view().rows_range(9..9).rows(), 0);
    assert_eq!(a.view().cols_range(11..11).rows_range(9..9).cols(), 0);
}

fn layout() -> impl Strategy<Value = Layout> {
    proptest::sample::select(&LAYOUTS)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_product((m, k, n) in (0_usize..70, 0_usize..90, 0_usize..70), a in layout(), b in layout(),
        accumulate: bool, way in 0_usize..4)
    {
        let output = if accumulate { Output::Accumulate } else { Output::Replace };
        let way = [Way::Parallel, Way::Serial, Way::Packed, Way::PackedSerial][way];
        check_product::<f32>(m, k, n, (a, b), output, way);
        check_product::<f64>(m, k, n, (a, b), output, way);
    }
}

#[cfg(target_arch = "x86_64")]
mod kernels;
