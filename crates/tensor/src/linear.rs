//! The linear layer, `y = x · Wᵀ + b`, with what usually follows it done while the product is in the cache.

use crate::element::Element;
use crate::kernels::activation::Activation;
use crate::kernels::gemm::{Epilogue, MatMut, MatRef, NoEpilogue, Output, gemm};
use crate::kernels::shared_rows::SharedRows;
use crate::shape::{self, Dims, Operand};
use crate::simd::{Kernel, dispatch};
use crate::tensor::Tensor;

impl<E: Element> Tensor<E> {
    /// `y = x · Wᵀ + b`: this `(.., input)`, `weight (output, input)`, `bias (output)` → `(.., output)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let x = Tensor::<f32>::arange(6).reshape(&[2, 3]);       // (batch, input)
    /// let weight = Tensor::ones(&[4, 3]);                      // (output, input)
    /// let y = x.linear(&weight, Some(&Tensor::ones(&[4])));    // (batch, output)
    /// assert_eq!(y.to_vec(), [4.0, 4.0, 4.0, 4.0, 13.0, 13.0, 13.0, 13.0]);
    /// ```
    #[track_caller]
    pub fn linear(&self, weight: &Self, bias: Option<&Self>) -> Self {
        let shape = linear_shape("linear", self, weight, bias, None);
        Self::build(&shape, |out| match bias {
            None => rows_times(self, &weight.t(), out, &NoEpilogue),
            Some(bias) => rows_times(self, &weight.t(), out, &Bias(bias.contiguous().data())),
        })
    }

    /// `z = x · Wᵀ + b` and `f(z)`, shapes as in [`linear`](Self::linear). The gradient of `f` needs `z`.
    ///
    /// # Panics
    /// If the shapes disagree.
    ///
    /// ```
    /// use tensor::{Tensor, kernels::activation::Relu};
    /// let x = Tensor::<f32>::from_slice(&[-1.0, 2.0], &[2, 1]);               // (batch, input)
    /// let (z, y) = x.linear_act(&Tensor::ones(&[1, 1]), None, Relu);          // (batch, output)
    /// assert_eq!((z.to_vec(), y.to_vec()), (vec![-1.0, 2.0], vec![0.0, 2.0]));
    /// ```
    #[track_caller]
    pub fn linear_act(&self, weight: &Self, bias: Option<&Self>, act: impl Activation) -> (Self, Self) {
        let shape = linear_shape("linear_act", self, weight, bias, None);
        let bias = bias.map(Self::contiguous);
        let mut before = None;
        let after = Self::build(&shape, |after| {
            before = Some(Self::build(&shape, |before| {
                let epilogue = BiasActivation {
                    bias: bias.as_ref().map(Self::data),
                    act,
                    after: SharedRows::new(after, weight.dim(0)),
                };
                rows_times(self, &weight.t(), before, &epilogue);
            }));
        });
        (before.expect("built with the other"), after)
    }

    /// `y = x · Wᵀ + b + residual`, shapes as in [`linear`](Self::linear), `residual (.., output)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn linear_add(&self, weight: &Self, bias: Option<&Self>, residual: &Self) -> Self {
        let shape = linear_shape("linear_add", self, weight, bias, Some(residual));
        let (bias, residual) = (bias.map(Self::contiguous), residual.contiguous());
        let epilogue = BiasResidual {
            bias: bias.as_ref().map(Self::data),
            residual: residual.data(),
            cols: weight.dim(0),
        };
        Self::build(&shape, |out| rows_times(self, &weight.t(), out, &epilogue))
    }

    /// The gradient of the input of [`linear`](Self::linear), `dx = dy · W`: this `dy (.., output)`,
    /// `weight (output, input)` → `(.., input)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn linear_grad_input(&self, weight: &Self) -> Self {
        let operands = [("dy", ".. output", self.shape()), ("weight", "output input", weight.shape())];
        shape::agree("linear_grad_input", &operands);
        let mut shape = self.shape;
        shape[self.rank() - 1] = weight.dim(1); // (.., input)
        Self::build(&shape, |out| rows_times(self, weight, out, &NoEpilogue))
    }

    /// The gradient of the weight of [`linear`](Self::linear), `dW = dyᵀ · x`: this `dy (.., output)`,
    /// `x (.., input)` → `(output, input)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn linear_grad_weight(&self, x: &Self) -> Self {
        let operands = [("dy", ".. output", self.shape()), ("x", ".. input", x.shape())];
        shape::agree("linear_grad_weight", &operands);
        if self.shape[..self.rank() - 1] != x.shape[..x.rank() - 1] {
            shape::fail("linear_grad_weight", &operands, "dimensions before the last differ");
        }
        as_rows(self).t().matmul(&as_rows(x)) // (output, input)
    }

    /// The gradient of the bias of [`linear`](Self::linear), `db = Σ dy`: this `dy (.., output)` → `(output)`.
    ///
    /// # Panics
    /// If there are no dimensions.
    #[track_caller]
    pub fn linear_grad_bias(&self) -> Self {
        shape::agree("linear_grad_bias", &[("dy", ".. output", self.shape())]);
        as_rows(self).sum_axis(0, false) // (output)
    }
}

/// Checks the operands; the shape of the result, `(.., output)`.
#[track_caller]
fn linear_shape<E: Element>(
    op: &str,
    x: &Tensor<E>,
    weight: &Tensor<E>,
    bias: Option<&Tensor<E>>,
    residual: Option<&Tensor<E>>,
) -> Dims {
    let none: Operand<'_> = ("", "..", &[]);
    let bias = bias.map_or(none, |bias| ("bias", "output", bias.shape()));
    let added = residual.map_or(none, |residual| ("residual", ".. output", residual.shape()));
    let all = [("x", ".. input", x.shape()), ("weight", "output input", weight.shape()), bias, added];
    let operands: Vec<Operand<'_>> = all.into_iter().filter(|operand| !operand.0.is_empty()).collect();
    shape::agree(op, &operands);
    let mut shape = x.shape;
    shape[x.rank() - 1] = weight.dim(0);
    if residual.is_some_and(|residual| residual.shape != shape) {
        shape::fail(op, &operands, "x and residual differ before the last dimension");
    }
    shape
}

/// `(.., n)` → `(rows, n)`; a view unless the rows are spaced unevenly.
fn as_rows<E: Element>(x: &Tensor<E>) -> Tensor<E> {
    let rows = shape::size(&x.shape()[..x.rank() - 1]);
    x.reshape(&[rows, x.dim(-1)])
}

fn matrix<E: Element>(x: &Tensor<E>) -> MatRef<'_, E> {
    MatRef::new(x.strided_data(), x.shape()[0], x.shape()[1], x.strides()[0], x.strides()[1])
}

/// `out = x · b`: `x (.., k)`, `b (k, n)`, `out (.., n)`.
///
/// The epilogue is called through a pointer, once for some hundred elements: one product to compile instead of
/// one for every activation.
fn rows_times<E: Element>(x: &Tensor<E>, b: &Tensor<E>, out: &mut [E], epilogue: &dyn Epilogue<E>) {
    let x = as_rows(x); // (rows, k)
    let out = MatMut::row_major(out, x.dim(0), b.dim(1));
    gemm(matrix(&x), matrix(b), out, Output::Replace, &Called(epilogue));
}

/// An epilogue known at run time.
struct Called<'a, E>(&'a dyn Epilogue<E>);

impl<E> Epilogue<E> for Called<'_, E> {
    #[inline(always)]
    fn apply(&self, row: usize, col: usize, c: &mut [E]) {
        self.0.apply(row, col, c);
    }
}

/// `c += bias`
struct Bias<'a, E>(&'a [E]);

impl<E: Element> Epilogue<E> for Bias<'_, E> {
    fn apply(&self, _row: usize, col: usize, c: &mut [E]) {
        dispatch(AddTo { c, bias: Some(&self.0[col..]), residual: None });
    }
}

/// `c += bias + residual`
struct BiasResidual<'a, E> {
    bias: Option<&'a [E]>,
    residual: &'a [E],
    cols: usize,
}

impl<E: Element> Epilogue<E> for BiasResidual<'_, E> {
    fn apply(&self, row: usize, col: usize, c: &mut [E]) {
        let residual = &self.residual[row * self.cols + col..];
        dispatch(AddTo { c, bias: self.bias.map(|bias| &bias[col..]), residual: Some(residual) });
    }
}

struct AddTo<'a, E> {
    c: &'a mut [E],
    bias: Option<&'a [E]>,
    residual: Option<&'a [E]>,
}

impl<E: Element> Kernel for AddTo<'_, E> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        if let Some(bias) = self.bias {
            self.c.iter_mut().zip(bias).for_each(|(c, b)| *c += *b);
        }
        if let Some(residual) = self.residual {
            self.c.iter_mut().zip(residual).for_each(|(c, r)| *c += *r);
        }
    }
}

/// `c += bias`, `after = f(c)`
struct BiasActivation<'a, E, A> {
    bias: Option<&'a [E]>,
    act: A,
    after: SharedRows<'a, E>,
}

impl<E: Element, A: Activation> Epilogue<E> for BiasActivation<'_, E, A> {
    fn apply(&self, row: usize, col: usize, c: &mut [E]) {
        // SAFETY: a product calls its epilogue once for each element, so no two calls see the same segment.
        let after = unsafe { self.after.segment(row, col, c.len()) };
        dispatch(Activate { c, bias: self.bias.map(|bias| &bias[col..]), act: self.act, after });
    }
}

struct Activate<'a, E, A> {
    c: &'a mut [E],
    bias: Option<&'a [E]>,
    act: A,
    after: &'a mut [E],
}

impl<E: Element, A: Activation> Kernel for Activate<'_, E, A> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        if let Some(bias) = self.bias {
            self.c.iter_mut().zip(bias).for_each(|(c, b)| *c += *b);
        }
        self.after.iter_mut().zip(&*self.c).for_each(|(y, z)| *y = self.act.value::<FMA, E>(*z));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::activation::{GeluTanh, Relu};
    use crate::kernels::par::tests::same_on_any_threads;
    use crate::test_views::reshown;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_product_and_sum(
            lead in prop::collection::vec(0_usize..4, 0..3),
            (input, output) in (0_usize..20, 0_usize..19),
            kinds in (0_usize..5, 0_usize..5, 0_usize..5),
            axis in 0_usize..4,
        ) {
            let x_shape = [&lead[..], &[input]].concat();
            let y_shape = [&lead[..], &[output]].concat();
            let x = reshown(&x_shape, kinds.0, axis % x_shape.len(), 1);
            let w = reshown(&[output, input], kinds.1, axis % 2, 1);
            let b = reshown(&[output], kinds.2, 0, 1);
            let residual = reshown(&y_shape, kinds.2, axis % y_shape.len(), 1);
            let rows: usize = lead.iter().product();
            let bare = x.reshape(&[rows, input]).matmul(&w.t()).reshape(&y_shape);
            prop_assert_eq!(&x.linear(&w, None), &bare);
            let expected = &bare + &b;
            prop_assert_eq!(&x.linear(&w, Some(&b)), &expected);
            prop_assert_eq!(&x.linear_add(&w, Some(&b), &residual), &(&expected + &residual));
            prop_assert_eq!(&x.linear_add(&w, None, &residual), &(&bare + &residual));
            let (z, y) = x.linear_act(&w, Some(&b), Relu);
            prop_assert_eq!(&z, &expected);
            prop_assert_eq!(y, expected.map(|z| z.max(0.0)));
            prop_assert_eq!(x.cast::<f32>().linear(&w.cast(), Some(&b.cast())).cast(), expected);
        }

        #[test]
        fn gradients_are_those_of_the_product(
            lead in prop::collection::vec(0_usize..4, 0..3),
            (input, output) in (0_usize..9, 0_usize..8),
            kinds in (0_usize..5, 0_usize..5),
        ) {
            let rows: usize = lead.iter().product();
            let x = reshown(&[&lead[..], &[input]].concat(), kinds.0, 0, 1);
            let dy = reshown(&[&lead[..], &[output]].concat(), kinds.1, lead.len(), 2);
            let w = reshown(&[output, input], kinds.0, 1, 1);
            let (flat_x, flat_dy) = (x.reshape(&[rows, input]), dy.reshape(&[rows, output]));
            prop_assert_eq!(dy.linear_grad_input(&w), flat_dy.matmul(&w).reshape(x.shape()));
            prop_assert_eq!(dy.linear_grad_weight(&x), flat_dy.t().matmul(&flat_x));
            prop_assert_eq!(dy.linear_grad_bias(), dy.sum_to(&[output]));
        }
    }

    #[test]
    fn same_bits_on_any_number_of_threads() {
        let x = Tensor::<f32>::arange(4 * 70 * 130).map(|x| (x * 0.3).sin()).reshape(&[4, 70, 130]);
        let w = Tensor::<f32>::arange(130 * 170).map(|x| (x * 0.7).cos()).reshape(&[170, 130]);
        let b = Tensor::<f32>::arange(170);
        let (z, y) = same_on_any_threads(|| {
            let (z, y) = x.linear_act(&w, Some(&b), GeluTanh);
            (z.to_vec(), y.to_vec())
        });
        assert_eq!(z, x.linear(&w, Some(&b)).to_vec());
        let separately = Tensor::from_vec(z, &[4, 70, 170]).activate(GeluTanh);
        assert_eq!(y, separately.to_vec());
    }

    #[test]
    #[should_panic(expected = "linear: x (2, 3, input=5), weight (output=7, input=5), bias (output=6): \
                               `output` is 7 in weight but 6 in bias")]
    fn mismatch_names_the_dimension() {
        let _ = Tensor::<f32>::zeros(&[2, 3, 5]).linear(&Tensor::zeros(&[7, 5]), Some(&Tensor::zeros(&[6])));
    }
}
