//! Every instruction set this processor can run, and the AVX-512 kernels' shape on pairs of AVX2 vectors.

use super::super::blocked::{self, Operand, Product};
use super::super::isa::{self, Isa};
use super::super::skinny::{AxpyJob, DotJob};
use super::super::view::RawMut;
use super::{Layout, Matrix, naive};
use crate::kernels::gemm::{MatMut, NoEpilogue};
use crate::simd::{Level, level};

fn kernels() -> Vec<(&'static str, &'static Isa)> {
    let mut all = Vec::new();
    if level() >= Level::Avx2 {
        all.push(("avx2", &isa::avx2::ISA));
        all.push(("paired avx2", &isa::paired::ISA));
    }
    if level() >= Level::Avx512 {
        all.push(("avx512", &isa::avx512::ISA));
    }
    all
}

fn close(name: &str, found: &[f32], a: &Matrix<f32>, b: &Matrix<f32>) {
    let (sums, sizes) = naive(a.view(), b.view());
    for (i, &found) in found.iter().enumerate() {
        assert!((f64::from(found) - sums[i]).abs() <= 1e-5 * (1.0 + sizes[i]), "{name}: element {i}");
    }
}

#[test]
fn blocked_products() {
    for (name, isa) in kernels() {
        for (m, k, n) in [
            (1, 1, 1),
            (14, 9, 32),
            (13, 385, 33),
            (29, 100, 65),
            (250, 400, 70),
            (31, 770, 200),
            (3, 64, 129),
        ] {
            for la in [Layout::RowMajor, Layout::ColMajor, Layout::Strided] {
                for lb in [Layout::RowMajor, Layout::ColMajor, Layout::PaddedCols] {
                    let (a, b) = (Matrix::random(m, k, la, 1), Matrix::random(k, n, lb, 2));
                    let view = Operand::from(b.view());
                    let mut packed = vec![f32::NAN; blocked::packed_len(isa, k, n)];
                    // SAFETY: `b` is a checked view, `packed` has the room.
                    unsafe { blocked::pack_all(isa, view, k, n, packed.as_mut_ptr()) };
                    let panels = blocked::packed_panels(isa, k, n, packed.as_ptr());
                    for right in [blocked::Right::View(view), blocked::Right::Packed(panels)] {
                        let mut c = vec![f32::NAN; m * n];
                        let product = Product {
                            isa,
                            m,
                            k,
                            n,
                            a: a.view().into(),
                            b: right,
                            c: MatMut::row_major(&mut c, m, n).into_raw(),
                            accumulate: false,
                            epilogue: &NoEpilogue,
                        };
                        // SAFETY: operands and `C` have the shapes named.
                        unsafe { product.run(true) };
                        close(name, &c, &a, &b);
                    }
                }
            }
        }
    }
}

#[test]
fn skinny_products() {
    for (name, isa) in kernels() {
        for m in 1..=7 {
            for (k, n) in [(1, 3), (7, 40), (33, 37), (100, 600), (64, 3)] {
                let a = Matrix::random(m, k, Layout::RowMajor, 1);
                let by_rows = Matrix::random(k, n, Layout::RowMajor, 2);
                let by_cols = Matrix::random(k, n, Layout::ColMajor, 2);
                let mut c = vec![f32::NAN; m * n];
                let RawMut { ptr, row_stride } = MatMut::row_major(&mut c, m, n).into_raw();
                // SAFETY: operands and `C` have the shapes named.
                unsafe {
                    (isa.axpy)(&AxpyJob {
                        m,
                        k,
                        n,
                        a: a.data.as_ptr(),
                        a_row: k,
                        a_col: 1,
                        b: by_rows.data.as_ptr(),
                        b_row: n,
                        c: ptr,
                        c_row: row_stride,
                        accumulate: false,
                    });
                }
                close(name, &c, &a, &by_rows);
                c.fill(f32::NAN);
                // SAFETY: as above.
                unsafe {
                    (isa.dot)(&DotJob {
                        k,
                        x: a.data.as_ptr(),
                        x_row: k,
                        x_rows: m,
                        y: by_cols.data.as_ptr(),
                        y_row: k,
                        y_rows: n,
                        out: c.as_mut_ptr(),
                        out_x: n,
                        out_y: 1,
                        accumulate: false,
                    });
                }
                close(name, &c, &a, &by_cols);
            }
        }
    }
}
