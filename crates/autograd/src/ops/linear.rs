//! Linear layers, with what follows them fused into the product, and embeddings.

use tensor::kernels::gemm::{Epilogue, MatMut, MatRef, NoEpilogue, Output, gemm};
use tensor::kernels::{map, reduce};
use tensor::shape::{self, agree};
use tensor::{Element, Ids, Tensor};

use crate::{Activation, Case, Gen, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("linear", |draw| {
        let [x, weight, bias, _] = inputs(draw);
        gradcheck(|v| v[0].linear(&v[1], Some(&v[2])), &[x, weight, bias])
    }),
    Case::new("linear without bias", |draw| {
        let [x, weight, ..] = inputs(draw);
        gradcheck(|v| v[0].linear(&v[1], None), &[x, weight])
    }),
    Case::new("linear_act", |draw| {
        let [x, weight, bias, _] = inputs(draw);
        let f = [Activation::Gelu, Activation::Relu, Activation::Silu, Activation::Tanh][draw.below(4)];
        gradcheck(
            |v| v[0].linear_act(&v[1], Some(&v[2]), f) + v[0].linear_act(&v[1], None, f),
            &[x, weight, bias],
        )
    }),
    Case::new("linear_add", |draw| {
        let [x, weight, bias, residual] = inputs(draw);
        let f = |v: &[Var<f64>]| {
            v[0].linear_add(&v[1], Some(&v[2]), &v[3]).exp() + v[0].linear_add(&v[1], None, &v[3])
        };
        gradcheck(f, &[x, weight, bias, residual])
    }),
    Case::new("embedding", |draw| {
        let [batch, time, vocab, d_model] = draw.dims();
        let (weight, ids) = (draw.normal(&[vocab, d_model]), draw.ids(&[batch, time], vocab));
        gradcheck(|v| v[0].embedding(&ids), &[weight])
    }),
    Case::new("dot and outer", |draw| {
        let [n, m] = draw.dims();
        let (a, b, c) = (draw.normal(&[n]), draw.normal(&[n]), draw.normal(&[m]));
        gradcheck(|v| v[0].outer(&v[2]) * v[0].dot(&v[1]), &[a, b, c])
    }),
];

/// `x (batch, time, input)`, `weight (output, input)`, `bias (output)` and a residual `(batch, time, output)`.
fn inputs(draw: &mut Gen) -> [Tensor<f64>; 4] {
    let [batch, time, input, output] = draw.dims();
    let (x, weight) = (draw.normal(&[batch, time, input]), draw.normal(&[output, input]));
    [x, weight, draw.normal(&[output]), draw.normal(&[batch, time, output])]
}

/// `c + bias`, then `f`, on each piece of the product while it is in the cache.
struct Finish<'a, E> {
    bias: Option<&'a [E]>,
    f: Option<Activation>,
}

impl<E: Element> Epilogue<E> for Finish<'_, E> {
    fn apply(&self, _row: usize, col: usize, c: &mut [E]) {
        if let Some(bias) = self.bias {
            map::binary_in_place(c, &bias[col..col + c.len()], |c, b| c + b);
        }
        if let Some(f) = self.f {
            f.forward_in_place(c);
        }
    }
}

/// A tensor of two dimensions as an operand of a product, transposed or not.
fn matrix<E: Element>(t: &Tensor<E>) -> MatRef<'_, E> {
    MatRef::new(t.strided_data(), t.shape()[0], t.shape()[1], t.strides()[0], t.strides()[1])
}

/// `a·b`, `a (m, k)`, `b (k, n)` → `(m, n)`.
fn product<E: Element>(a: MatRef<'_, E>, b: MatRef<'_, E>) -> Tensor<E> {
    let (m, n) = (a.rows(), b.cols());
    Tensor::build(&[m, n], |out| gemm(a, b, MatMut::row_major(out, m, n), Output::Replace, &NoEpilogue))
}

/// `x (.., cols)` → `(rows, cols)`.
fn flat<E: Element>(x: &Tensor<E>) -> Tensor<E> {
    let cols = x.dim(-1);
    x.reshape(&[x.shape()[..x.rank() - 1].iter().product(), cols])
}

/// The operands of a linear layer, checked, `x` flattened to `(rows, input)`.
struct Layer<E: Element> {
    x: Tensor<E>,
    weight: Tensor<E>,
    bias: Option<Tensor<E>>,
    /// `(.., input)`
    x_shape: Vec<usize>,
    /// `(.., output)`
    y_shape: Vec<usize>,
}

impl<E: Element> Layer<E> {
    #[track_caller]
    fn new(op: &str, x: &Var<E>, weight: &Var<E>, bias: Option<&Var<E>>) -> Self {
        match bias {
            None => agree(op, &[("x", ".. input", x.shape()), ("weight", "output input", weight.shape())]),
            Some(bias) => agree(
                op,
                &[
                    ("x", ".. input", x.shape()),
                    ("weight", "output input", weight.shape()),
                    ("bias", "output", bias.shape()),
                ],
            ),
        }
        Self {
            x: flat(x.value()),
            weight: weight.value().clone(),
            bias: bias.map(|bias| bias.value().contiguous()),
            x_shape: x.shape().to_vec(),
            y_shape: [&x.shape()[..x.rank() - 1], &weight.shape()[..1]].concat(),
        }
    }

    /// `f(x·weightᵀ + bias)`, added to `start` if there is one (before `f`).
    fn forward(&self, f: Option<Activation>, start: Option<&Tensor<E>>) -> Tensor<E> {
        let (rows, output) = (self.x.shape()[0], self.weight.shape()[0]);
        let finish = Finish { bias: self.bias.as_ref().map(Tensor::data), f };
        Tensor::build(&self.y_shape, |out| {
            let mode = match start {
                None => Output::Replace,
                Some(start) => {
                    map::copy(start.data(), out);
                    Output::Accumulate
                }
            };
            let y = MatMut::row_major(out, rows, output); // (rows, output)
            gemm(matrix(&self.x), matrix(&self.weight).t(), y, mode, &finish);
        })
    }

    /// Gradients of input, weight and bias, those wanted, from that of `x·weightᵀ + bias`.
    fn backward(&self, dy: &Tensor<E>, wanted: [bool; 3]) -> [Option<Tensor<E>>; 3] {
        let dy = flat(dy).contiguous(); // (rows, output)
        let dx = wanted[0].then(|| product(matrix(&dy), matrix(&self.weight)).reshape(&self.x_shape));
        let dweight = wanted[1].then(|| product(matrix(&dy).t(), matrix(&self.x)));
        let dbias = wanted[2].then(|| {
            Tensor::build(&self.y_shape[self.y_shape.len() - 1..], |db| {
                reduce::sum_columns(dy.data(), db);
            })
        });
        [dx, dweight, dbias]
    }
}

/// The inputs of a linear layer and which of them want gradients.
fn operands<'a, E: Element>(
    x: &'a Var<E>,
    weight: &'a Var<E>,
    bias: Option<&'a Var<E>>,
) -> (Vec<&'a Var<E>>, [bool; 3]) {
    let wanted = [x.needs_grad(), weight.needs_grad(), bias.is_some_and(Var::needs_grad)];
    ([Some(x), Some(weight), bias].into_iter().flatten().collect(), wanted)
}

/// One gradient for each of the inputs of [`operands`].
fn listed<E: Element>(
    [dx, dweight, dbias]: [Option<Tensor<E>>; 3],
    has_bias: bool,
) -> Vec<Option<Tensor<E>>> {
    let mut list = vec![dx, dweight];
    list.extend(has_bias.then_some(dbias));
    list
}

impl<E: Element> Var<E> {
    /// `y = x·weightᵀ + bias`, the bias added while the product is in the cache.
    ///
    /// `x (.., input)`, `weight (output, input)`, `bias (output)` → `(.., output)`.
    /// `dx = dy·weight`, `dweight = dyᵀ·x`, `dbias = Σ dy`.
    ///
    /// # Panics
    /// If the shapes disagree.
    ///
    /// ```
    /// use autograd::Var;
    /// use tensor::Tensor;
    /// let x = Var::constant(Tensor::<f32>::ones(&[2, 3, 5]));       // (batch, time, input)
    /// let weight = Var::leaf(Tensor::ones(&[7, 5]));                // (output, input)
    /// let bias = Var::leaf(Tensor::zeros(&[7]));
    /// let y = x.linear(&weight, Some(&bias));
    /// assert_eq!(y.shape(), [2, 3, 7]);                             // (batch, time, output)
    /// let grads = y.sum().backward()?;
    /// assert_eq!(grads.get(&bias).unwrap().to_vec(), [6.0; 7]);
    /// # Ok::<(), autograd::BackwardError>(())
    /// ```
    #[track_caller]
    pub fn linear(&self, weight: &Self, bias: Option<&Self>) -> Self {
        let layer = Layer::new("linear", self, weight, bias);
        let value = layer.forward(None, None);
        let (inputs, wanted) = operands(self, weight, bias);
        let has_bias = bias.is_some();
        Self::record_many("linear", &inputs, value, move |dy| listed(layer.backward(dy, wanted), has_bias))
    }

    /// `y = f(x·weightᵀ + bias)`: [`linear`](Self::linear) and an activation function. Where no gradient is
    /// wanted, and for ReLU always, `f` too is applied while the product is in the cache; else the value before
    /// it is kept. With `d = f′(x·weightᵀ + bias)·dy`, gradients are as of `linear` with `dy = d`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn linear_act(&self, weight: &Self, bias: Option<&Self>, f: Activation) -> Self {
        let layer = Layer::new("linear", self, weight, bias);
        let (inputs, wanted) = operands(self, weight, bias);
        // The sign of the result tells ReLU's derivative as well as that of the input.
        let (kept, value) = if f == Activation::Relu || !Self::will_record(&inputs) {
            let value = layer.forward(Some(f), None);
            (value.clone(), value)
        } else {
            let kept = layer.forward(None, None);
            let value = f.forward(&kept);
            (kept, value)
        };
        let has_bias = bias.is_some();
        Self::record_many("linear_act", &inputs, value, move |dy| {
            listed(layer.backward(&f.backward(&kept, dy), wanted), has_bias)
        })
    }

    /// `y = residual + x·weightᵀ + bias`: the product adds to a copy of the residual connection. Gradients as of
    /// [`linear`](Self::linear), and `dresidual = dy`.
    ///
    /// `residual (.., output)`, the others as for `linear`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn linear_add(&self, weight: &Self, bias: Option<&Self>, residual: &Self) -> Self {
        let layer = Layer::new("linear_add", self, weight, bias);
        if residual.shape() != layer.y_shape {
            let operands = [
                ("x", ".. input", self.shape()),
                ("weight", "output input", weight.shape()),
                ("residual", "", residual.shape()),
            ];
            shape::fail("linear_add", &operands, "the residual has not the shape of the product");
        }
        let value = layer.forward(None, Some(&residual.value().contiguous()));
        let (mut inputs, wanted) = operands(self, weight, bias);
        inputs.push(residual);
        let has_bias = bias.is_some();
        Self::record_many("linear_add", &inputs, value, move |dy| {
            let mut gradients = listed(layer.backward(dy, wanted), has_bias);
            gradients.push(Some(dy.clone()));
            gradients
        })
    }

    /// Embedding lookup: row `ids[i]` of this weight `(vocab, d_model)` for every id; `ids (..)` →
    /// `(.., d_model)`. Each row of the weight gets the sum of `dy` over the places of its id.
    ///
    /// # Panics
    /// If this has not two dimensions, or an id is not below `vocab`: check ids where they enter the program
    /// ([`Ids::check_below`]).
    #[track_caller]
    pub fn embedding(&self, ids: &Ids) -> Self {
        let value = self.value().rows(ids); // (.., d_model)
        let (ids, vocab, d_model) = (ids.clone(), self.dim(0), self.dim(1));
        Self::record("embedding", [self], value, move |dy| {
            let mut dweight = Tensor::zeros(&[vocab, d_model]);
            dweight.scatter_add_rows(&ids, dy);
            [Some(dweight)]
        })
    }

    /// `z = Σ x·y` of two vectors `(n)`, shape `()`; `dx = y·dz`, `dy = x·dz`.
    ///
    /// # Panics
    /// If they are not vectors of one length.
    #[track_caller]
    pub fn dot(&self, other: &Self) -> Self {
        agree("dot", &[("x", "n", self.shape()), ("y", "n", other.shape())]);
        let (x, y) = (self.value().contiguous(), other.value().contiguous());
        let value = Tensor::scalar(reduce::dot(x.data(), y.data()));
        Self::record("dot", [self, other], value, move |dz| [Some(&y * dz), Some(&x * dz)])
    }

    /// `zᵢⱼ = xᵢ·yⱼ` of two vectors, `x (n)`, `y (m)` → `(n, m)`; `dx = dz·y`, `dy = dzᵀ·x`.
    ///
    /// # Panics
    /// If they are not vectors.
    #[track_caller]
    pub fn outer(&self, other: &Self) -> Self {
        agree("outer", &[("x", "n", self.shape()), ("y", "m", other.shape())]);
        let (x, y) = (self.value().clone(), other.value().clone());
        let value = &x.unsqueeze(1) * &y; // (n, m)
        Self::record("outer", [self, other], value, move |dz| {
            let dz = dz.contiguous();
            let dx = product(matrix(&dz), matrix(&y.unsqueeze(1))).reshape(x.shape());
            let dy = product(matrix(&dz).t(), matrix(&x.unsqueeze(1))).reshape(y.shape());
            [Some(dx), Some(dy)]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::no_grad;

    #[test]
    fn fused_equals_separate() {
        let draw = &mut Gen::new(5);
        let [x, weight, bias, residual] = inputs(draw).map(|t| Var::leaf(t.cast::<f32>()));
        let plain = x.linear(&weight, Some(&bias));
        let close = |a: &Var, b: &Var| assert!(a.value().all_close(b.value(), 1e-5, 1e-6), "{a:?} {b:?}");
        close(&x.linear_add(&weight, Some(&bias), &residual), &(&plain + &residual));
        for &f in Activation::ALL {
            close(&x.linear_act(&weight, Some(&bias), f), &plain.activation(f));
            close(&no_grad(|| x.linear_act(&weight, Some(&bias), f)), &plain.activation(f));
        }
    }

    #[test]
    #[should_panic(
        expected = "linear: x (2, 3, input=5), weight (output=7, input=4): `input` is 5 in x but 4"
    )]
    fn shapes_are_named() {
        let [x, weight] = [&[2, 3, 5][..], &[7, 4]].map(|shape| Var::constant(Tensor::<f32>::zeros(shape)));
        let _ = x.linear(&weight, None);
    }
}
