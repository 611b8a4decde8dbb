//! Matrix products.

use crate::element::Element;
use crate::kernels::gemm::{BatchMut, BatchRef, NoEpilogue, Output, gemm_batch};
use crate::kernels::reduce;
use crate::shape::{self, Dims};
use crate::tensor::Tensor;

impl<E: Element> Tensor<E> {
    /// The matrix product over the last two dimensions: `(.., m, k) · (.., k, n)` → `(.., m, n)`. Batch
    /// dimensions broadcast.
    ///
    /// Operands are read where they lie, whatever their strides: multiplying by a transpose copies nothing.
    ///
    /// # Panics
    /// If an operand has fewer than two dimensions or the shapes do not fit.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let q = Tensor::<f32>::ones(&[2, 3, 4]);                 // (batch, time, d_head)
    /// let k = Tensor::<f32>::ones(&[2, 5, 4]);
    /// let scores = q.matmul(&k.t());                           // (batch, time, time)
    /// assert_eq!(scores.shape(), [2, 3, 5]);
    /// assert_eq!(scores.at(&[1, 2, 4]), 4.0);
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Self {
        let shape = product_shape("matmul", self, other);
        Self::build(&shape, |out| multiply(self, other, &shape, out, Output::Replace))
    }

    /// `self += a · b`, shapes as in [`matmul`](Self::matmul): `(.., m, k) · (.., k, n)` onto `(.., m, n)`.
    ///
    /// # Panics
    /// If an operand has fewer than two dimensions or the shapes do not fit.
    #[track_caller]
    pub fn addmm_into(&mut self, a: &Self, b: &Self) {
        let shape = product_shape("addmm_into", a, b);
        if self.shape != shape {
            let operands = [("out", "", self.shape()), ("a", "", a.shape()), ("b", "", b.shape())];
            shape::fail("addmm_into", &operands, "out must have the shape of the product");
        }
        multiply(a, b, &shape, self.data_mut(), Output::Accumulate);
    }

    /// `Σ xᵢ yᵢ` of two vectors `(n)`, shape `()`.
    ///
    /// # Panics
    /// If the shapes are not one and the same `(n)`.
    #[track_caller]
    pub fn dot(&self, other: &Self) -> Self {
        shape::agree("dot", &[("left", "n", self.shape()), ("right", "n", other.shape())]);
        Self::scalar(reduce::dot(self.contiguous().data(), other.contiguous().data()))
    }

    /// Matrix times vector: `(.., m, k) · (k)` → `(.., m)`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn matvec(&self, vector: &Self) -> Self {
        shape::agree("matvec", &[("matrix", ".. m k", self.shape()), ("vector", "k", vector.shape())]);
        self.matmul(&vector.unsqueeze(-1)).squeeze(-1) // (.., m)
    }

    /// All products of two vectors: `(m), (n)` → `(m, n)`.
    ///
    /// # Panics
    /// If an operand has not one dimension.
    #[track_caller]
    pub fn outer(&self, other: &Self) -> Self {
        shape::agree("outer", &[("left", "m", self.shape()), ("right", "n", other.shape())]);
        &self.unsqueeze(-1) * other // (m, n)
    }
}

#[track_caller]
fn product_shape<E: Element>(op: &str, a: &Tensor<E>, b: &Tensor<E>) -> Dims {
    let operands = [("left", ".. m k", a.shape()), ("right", ".. k n", b.shape())];
    shape::agree(op, &operands);
    let (a_batch, b_batch) = (&a.shape()[..a.rank() - 2], &b.shape()[..b.rank() - 2]);
    let Some(mut shape) = shape::broadcast(a_batch, b_batch) else {
        shape::fail(op, &operands, "batch dimensions do not broadcast");
    };
    shape.push(a.dim(-2));
    shape.push(b.dim(-1));
    shape // (.., m, n)
}

/// `out (+)= a · b`, row-major with this shape.
fn multiply<E: Element>(a: &Tensor<E>, b: &Tensor<E>, shape: &[usize], out: &mut [E], output: Output) {
    let (batch, matrix) = shape.split_at(shape.len() - 2);
    let (a_strides, b_strides) = (batch_strides(a, batch), batch_strides(b, batch));
    let out = BatchMut::contiguous(out, matrix[0], matrix[1]);
    gemm_batch(batch, matrices(a, &a_strides), matrices(b, &b_strides), out, output, &NoEpilogue);
}

/// Strides of the batch dimensions of `x` stretched to `batch`.
fn batch_strides<E: Element>(x: &Tensor<E>, batch: &[usize]) -> Dims {
    let own = x.rank() - 2;
    shape::broadcast_strides(&x.shape()[..own], &x.strides()[..own], batch)
}

/// The matrices in the last two dimensions of `x`.
fn matrices<'a, E: Element>(x: &'a Tensor<E>, batch_strides: &'a [usize]) -> BatchRef<'a, E> {
    let (shape, strides) = (&x.shape()[x.rank() - 2..], &x.strides()[x.rank() - 2..]);
    BatchRef::new(x.strided_data(), shape[0], shape[1], strides[0], strides[1], batch_strides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::par::tests::same_on_any_threads;
    use crate::test_views::reshown;
    use proptest::prelude::*;

    /// The product by definition, from elementwise operations.
    fn naive(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
        (&a.unsqueeze(-1) * &b.unsqueeze(-3)).sum_axis(-2, false) // (.., m, k, 1) · (.., 1, k, n)
    }

    proptest! {
        #[test]
        fn any_batch_and_strides(
            batch in prop::collection::vec(0_usize..4, 0..3),
            (m, k, n) in (0_usize..7, 0_usize..9, 0_usize..8),
            (cut_a, cut_b) in (0_usize..3, 0_usize..3),
            ones in prop::collection::vec(any::<bool>(), 6),
            kinds in (0_usize..5, 0_usize..5),
            axes in (0_usize..4, 0_usize..4),
            turn in 0_usize..24,
        ) {
            let shape = |cut: usize, ones: &[bool], matrix: [usize; 2]| {
                let batch = batch[cut.min(batch.len())..].iter().zip(ones);
                batch.map(|(d, one)| if *one { 1 } else { *d }).chain(matrix).collect::<Vec<_>>()
            };
            let (a_shape, b_shape) = (shape(cut_a, &ones[..3], [m, k]), shape(cut_b, &ones[3..], [k, n]));
            let a = reshown(&a_shape, kinds.0, axes.0 % a_shape.len(), turn);
            let b = reshown(&b_shape, kinds.1, axes.1 % b_shape.len(), turn / 2);
            let (product, expected) = (a.matmul(&b), naive(&a, &b));
            prop_assert_eq!(&product, &expected);
            prop_assert_eq!(a.cast::<f32>().matmul(&b.cast::<f32>()).cast(), expected);
            let mut twice = product.clone();
            twice.addmm_into(&a, &b);
            prop_assert_eq!(twice, &product * 2.0);
        }

        #[test]
        fn vectors(m in 0_usize..6, n in 0_usize..40, kind in 0_usize..5) {
            let (a, x) = (reshown(&[3, m, n], kind, 1, 1), reshown(&[n], kind, 0, 0));
            prop_assert_eq!(a.matvec(&x), (&a * &x).sum_axis(-1, false));
            prop_assert_eq!(x.dot(&x).item(), x.sum_squares());
            let y = Tensor::arange(m);
            prop_assert_eq!(y.outer(&x), y.reshape(&[m, 1]).matmul(&x.reshape(&[1, n])));
        }
    }

    #[test]
    fn same_bits_on_any_number_of_threads() {
        let x = Tensor::<f32>::arange(6 * 150 * 130).map(|x| (x * 0.3).sin()).reshape(&[6, 150, 130]);
        let w = Tensor::<f32>::arange(130 * 170).map(|x| (x * 0.7).cos()).reshape(&[130, 170]);
        same_on_any_threads(|| {
            let products = [x.matmul(&w), x.matmul(&x.t()), x.select(0, 1).matmul(&w), x.t().matmul(&x)];
            products.iter().flat_map(Tensor::to_vec).map(f32::to_bits).collect::<Vec<_>>()
        });
    }

    #[test]
    #[should_panic(
        expected = "matmul: left (2, m=3, k=4), right (k=5, n=6): `k` is 4 in left but 5 in right"
    )]
    fn mismatch_names_the_dimension() {
        let _ = Tensor::<f32>::zeros(&[2, 3, 4]).matmul(&Tensor::zeros(&[5, 6]));
    }

    #[test]
    #[should_panic(expected = "batch dimensions do not broadcast")]
    fn batches_must_broadcast() {
        let _ = Tensor::<f32>::zeros(&[2, 3, 4]).matmul(&Tensor::zeros(&[3, 4, 6]));
    }
}
