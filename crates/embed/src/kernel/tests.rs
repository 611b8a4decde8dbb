//! Kernels of every instruction set this processor has, against autograd.

use autograd::Var;
use proptest::prelude::*;
use tensor::Tensor;

use super::*;
use crate::matrix::Matrix;

/// All kernels that can run here.
fn all() -> Vec<&'static Kernels> {
    let mut list = vec![&portable::KERNELS];
    #[cfg(target_arch = "x86_64")]
    {
        if tensor::level() >= Level::Avx2 {
            list.push(&avx2::KERNELS);
        }
        if tensor::level() >= Level::Avx512 {
            list.push(&avx512::KERNELS);
        }
    }
    list
}

/// A problem: two matrices, rows of them, signs.
#[derive(Clone, Debug)]
struct Case {
    dim: usize,
    input: Vec<f32>,
    output: Vec<f32>,
    inputs: Vec<u32>,
    targets: Vec<u32>,
    signs: Vec<f32>,
}

const INPUT_ROWS: usize = 4;
const OUTPUT_ROWS: usize = 11;

fn case() -> impl Strategy<Value = Case> {
    let values = |n: usize| prop::collection::vec(-1.5f32..1.5, n);
    (1usize..70, 1..=MAX_INPUTS, 1..=OUTPUT_ROWS).prop_flat_map(move |(dim, inputs, targets)| {
        (
            values(INPUT_ROWS * dim),
            values(OUTPUT_ROWS * dim),
            prop::collection::vec(0..INPUT_ROWS as u32, inputs),
            Just((0..OUTPUT_ROWS as u32).collect::<Vec<_>>()).prop_shuffle(),
            prop::collection::vec(prop::sample::select(vec![1.0f32, -1.0]), targets),
        )
            .prop_map(move |(input, output, inputs, mut targets, signs)| {
                targets.truncate(signs.len());
                Case { dim, input, output, inputs, targets, signs }
            })
    })
}

const RATE: f32 = 0.125;

/// The loss, and both matrices after a step, in exact arithmetic by autograd: `bag` is the scale of the sum of
/// inputs, none for pairs.
fn expected(case: &Case, bag: Option<f64>) -> (f64, Vec<f64>, Vec<f64>) {
    let leaf = |data: &[f32], rows: usize| {
        Var::leaf(Tensor::from_vec(data.iter().map(|&x| f64::from(x)).collect(), &[rows, case.dim]))
    };
    let (input, output) = (leaf(&case.input, INPUT_ROWS), leaf(&case.output, OUTPUT_ROWS));
    let ids = |ids: &[u32]| tensor::Ids::from_slice(ids);
    let mut v = input.index_select(0, &ids(&case.inputs)); // (m, dim)
    if let Some(scale) = bag {
        v = &v.sum_axis(0, true) * scale; // (1, dim)
    }
    let u = output.index_select(0, &ids(&case.targets)); // (n, dim)
    let signs = case.signs.iter().map(|&s| -f64::from(s)).collect();
    let signs = Var::constant(Tensor::from_vec(signs, &[1, case.signs.len()]));
    let loss = (&v.matmul(&u.t()) * &signs).softplus().sum(); // (m, n)
    let gradients = loss.backward().unwrap();
    let step = |leaf: &Var<f64>, rate: f64| {
        let gradient = gradients.get(leaf).unwrap().to_vec();
        leaf.value().to_vec().iter().zip(gradient).map(|(x, g)| x - rate * g).collect()
    };
    // With the mean, rows take the step of the bag itself.
    let rate = f64::from(RATE);
    (loss.value().to_vec()[0], step(&input, rate / bag.unwrap_or(1.0)), step(&output, rate))
}

/// The same by a kernel; columns are updated in two parts.
fn found(kernels: &Kernels, case: &Case, bag: Option<f32>) -> (f64, Vec<f32>, Vec<f32>) {
    let (mut input, mut output) =
        (Matrix::from_rows(&case.input, case.dim), Matrix::from_rows(&case.output, case.dim));
    let width = case.dim.next_multiple_of(kernels.lanes);
    let mut loss = Loss::default();
    {
        let (input, output) = (input.share(), output.share());
        let inputs: Vec<_> = case.inputs.iter().map(|&id| input.row(id)).collect();
        let targets: Vec<_> = case.targets.iter().map(|&id| output.row(id)).collect();
        let rows = Rows { inputs: &inputs, targets: &targets };
        let aim = Aim { signs: &case.signs, rate: RATE };
        let mut g = vec![f32::NAN; scores_len(inputs.len(), targets.len())];
        let mut h = Matrix::zeros(1, case.dim);
        let cut = (width / 2).next_multiple_of(kernels.lanes).min(width);
        // SAFETY: rows and buffers have the width, and this thread alone uses them.
        unsafe {
            if let Some(scale) = bag {
                let h = h.share().row(0);
                (kernels.grade_bag)(rows, scale, aim, width, h, &mut g, &mut loss);
                (kernels.apply_bag)(rows, h, &g, 0, cut);
                (kernels.apply_bag)(rows, h, &g, cut, width);
            } else {
                (kernels.grade_pairs)(rows, aim, width, &mut g, &mut loss);
                (kernels.apply_pairs)(rows, &g, cut, width);
                (kernels.apply_pairs)(rows, &g, 0, cut);
            }
        }
    }
    (loss.take(), input.into_rows(), output.into_rows())
}

fn close(found: &[f32], expected: &[f64]) -> Result<(), TestCaseError> {
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        prop_assert!(error < 2e-5 * expected.abs().max(1.0), "value {i}: {found}, expected {expected}");
    }
    Ok(())
}

fn check(case: &Case, bag: Option<f32>) -> Result<(), TestCaseError> {
    let (loss, input, output) = expected(case, bag.map(f64::from));
    for kernels in all() {
        let (found_loss, found_input, found_output) = found(kernels, case, bag);
        prop_assert!((found_loss - loss).abs() < 2e-5 * loss.max(1.0), "loss {found_loss}, expected {loss}");
        close(&found_input, &input)?;
        close(&found_output, &output)?;
    }
    Ok(())
}

proptest! {
    /// Whatever the number of vectors and rows, each product is right, and the same bits wherever vector and row stand.
    #[test]
    fn scans_are_products(dim in 1usize..70, rows in 0usize..60, number in 1usize..9, seed in any::<u64>()) {
        let mut random = crate::random::Random::new(seed);
        let mut values = |n: usize| (0..n).map(|_| random.unit() - 0.5).collect::<Vec<f32>>();
        let (matrix, vectors) = (values(rows * dim), values(number * dim));
        for kernels in all() {
            let scan = |rows: &[f32], vectors: &[f32]| {
                let mut products = vec![f32::NAN; rows.len() / dim * (vectors.len() / dim)];
                // SAFETY: the instruction set is there.
                unsafe { (kernels.scan)(rows, vectors, dim, &mut products) };
                products
            };
            let all = scan(&matrix, &vectors);
            for (v, vector) in vectors.chunks_exact(dim).enumerate() {
                for (r, row) in matrix.chunks_exact(dim).enumerate() {
                    let product = all[v * rows + r];
                    let exact: f64 = row.iter().zip(vector).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                    prop_assert!((f64::from(product) - exact).abs() < 1e-5, "{product}, expected {exact}");
                    prop_assert_eq!(scan(row, vector)[0].to_bits(), product.to_bits());
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn a_step_of_pairs_descends_the_gradient(case in case()) {
        check(&case, None)?;
    }

    #[test]
    fn a_step_of_a_summed_bag_descends_the_gradient(case in case()) {
        check(&case, Some(1.0))?;
    }

    #[test]
    fn a_step_of_an_averaged_bag_descends_the_gradient(case in case()) {
        check(&case, Some(1.0 / case.inputs.len() as f32))?;
    }

    #[test]
    fn a_target_that_occurs_twice_takes_both_changes(case in case()) {
        let mut twice = case;
        twice.targets = vec![3; 5];
        twice.signs = vec![-1.0; 5];
        let (_, _, output) = expected(&twice, None);
        for kernels in all() {
            close(&found(kernels, &twice, None).2, &output)?;
        }
    }
}
