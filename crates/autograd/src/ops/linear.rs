//! Linear layers, with what follows them fused into the product, and embeddings.

use tensor::shape::agree;
use tensor::{Element, Ids, Tensor};

use super::activation::each_activation;
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
        let inputs = [x, weight, bias];
        each_activation(|f| {
            gradcheck(|v| v[0].linear_act(&v[1], Some(&v[2]), f) + v[0].linear_act(&v[1], None, f), &inputs)
        })
    }),
    Case::new("linear_add", |draw| {
        let [x, weight, bias, residual] = inputs(draw);
        let f = |v: &[Var<f64>]| {
            v[0].linear_add(&v[1], Some(&v[2]), &v[3]).exp() + v[0].linear_add(&v[1], None, &v[3])
        };
        gradcheck(f, &[x, weight, bias, residual])
    }),
    Case::new("matmul", |draw| {
        let [batch, m, k, n] = draw.dims();
        // Every pair of these broadcasts.
        let batches = [vec![], vec![batch], vec![1, batch], vec![2, batch], vec![2, 1]];
        let a = [&batches[draw.below(5)][..], &[m, k]].concat();
        let b = [&batches[draw.below(5)][..], &[k, n]].concat();
        let inputs = [draw.normal(&a), draw.normal(&b)];
        gradcheck(|v| v[0].matmul(&v[1]), &inputs)
    }),
    Case::new("matvec", |draw| {
        let [batch, m, k] = draw.dims();
        let (a, v) = (draw.normal(&[batch, m, k]), draw.normal(&[k]));
        gradcheck(|v| v[0].matvec(&v[1]), &[a, v])
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

/// What the way back of a linear layer needs.
struct Layer<E: Element> {
    x: Tensor<E>,
    weight: Tensor<E>,
    has_bias: bool,
    /// Whether input, weight and bias want gradients.
    wanted: [bool; 3],
}

impl<E: Element> Layer<E> {
    fn new(x: &Var<E>, weight: &Var<E>, bias: Option<&Var<E>>) -> Self {
        Self {
            x: x.value().clone(),
            weight: weight.value().clone(),
            has_bias: bias.is_some(),
            wanted: [x.needs_grad(), weight.needs_grad(), bias.is_some_and(Var::needs_grad)],
        }
    }

    /// Gradients of input, weight and, where there is one, bias, from that of `x·weightᵀ + bias`.
    fn backward(&self, dy: &Tensor<E>) -> Vec<Option<Tensor<E>>> {
        let dy = dy.contiguous();
        let mut gradients = vec![
            self.wanted[0].then(|| dy.linear_grad_input(&self.weight)), // (.., input)
            self.wanted[1].then(|| dy.linear_grad_weight(&self.x)),     // (output, input)
        ];
        gradients.extend(self.has_bias.then(|| self.wanted[2].then(|| dy.linear_grad_bias()))); // (output)
        gradients
    }
}

/// The inputs of a linear layer that are there.
fn inputs_of<'a, E: Element>(x: &'a Var<E>, weight: &'a Var<E>, bias: Option<&'a Var<E>>) -> Vec<&'a Var<E>> {
    [Some(x), Some(weight), bias].into_iter().flatten().collect()
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
        let value = self.value().linear(weight.value(), bias.map(Self::value)); // (.., output)
        let layer = Layer::new(self, weight, bias);
        Self::record_many("linear", &inputs_of(self, weight, bias), value, move |dy| layer.backward(dy))
    }

    /// `y = f(x·weightᵀ + bias)`: [`linear`](Self::linear) and an activation function, in one pass over the
    /// product. The value before `f` is kept where a gradient is wanted, except for ReLU. With
    /// `d = f′(x·weightᵀ + bias)·dy`, gradients are as of `linear` with `dy = d`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn linear_act(&self, weight: &Self, bias: Option<&Self>, f: Activation) -> Self {
        let (x, inputs) = (self.value(), inputs_of(self, weight, bias));
        // The sign of the result tells ReLU's derivative as well as that of the input.
        let (kept, value) = if f == Activation::Relu || !Self::will_record(&inputs) {
            let mut value = x.linear(weight.value(), bias.map(Self::value)); // (.., output)
            f.apply_in_place(&mut value);
            (value.clone(), value)
        } else {
            f.after_linear(x, weight.value(), bias.map(Self::value)) // twice (.., output)
        };
        let layer = Layer::new(self, weight, bias);
        Self::record_many("linear_act", &inputs, value, move |dy| layer.backward(&f.backward(&kept, dy)))
    }

    /// `y = residual + x·weightᵀ + bias`, both added while the product is in the cache. Gradients as of
    /// [`linear`](Self::linear), and `dresidual = dy`.
    ///
    /// `residual (.., output)`, the others as for `linear`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn linear_add(&self, weight: &Self, bias: Option<&Self>, residual: &Self) -> Self {
        let value = self.value().linear_add(weight.value(), bias.map(Self::value), residual.value()); // (.., output)
        let (layer, mut inputs) = (Layer::new(self, weight, bias), inputs_of(self, weight, bias));
        inputs.push(residual);
        Self::record_many("linear_add", &inputs, value, move |dy| {
            let mut gradients = layer.backward(dy);
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

    /// `c = a·b`, the product of matrices: `a (.., m, k)`, `b (.., k, n)` → `(.., m, n)`, batch dimensions
    /// broadcast. `da = dc·bᵀ`, `db = aᵀ·dc`.
    ///
    /// # Panics
    /// If an operand has fewer than two dimensions or the shapes do not fit.
    ///
    /// ```
    /// use autograd::Var;
    /// use tensor::Tensor;
    /// let q = Var::leaf(Tensor::<f32>::ones(&[2, 3, 4]));           // (batch, time, d_head)
    /// let k = Var::leaf(Tensor::ones(&[2, 5, 4]));
    /// assert_eq!(q.matmul(&k.t()).shape(), [2, 3, 5]);              // (batch, time, time)
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Self {
        let (a, b) = (self.value().clone(), other.value().clone());
        let (need_a, need_b) = (self.needs_grad(), other.needs_grad());
        let value = a.matmul(&b); // (.., m, n)
        Self::record("matmul", [self, other], value, move |dc| {
            let da = need_a.then(|| dc.matmul(&b.t())); // (.., m, k)
            // One matrix for the whole batch: a single product over all rows instead of a sum of many.
            let db =
                need_b.then(|| if b.rank() == 2 { rows(&a).t().matmul(&rows(dc)) } else { a.t().matmul(dc) });
            [da, db]
        })
    }

    /// Matrix times vector: `(.., m, k)·(k)` → `(.., m)`; gradients as of [`matmul`](Self::matmul).
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn matvec(&self, vector: &Self) -> Self {
        agree("matvec", &[("matrix", ".. m k", self.shape()), ("vector", "k", vector.shape())]);
        self.matmul(&vector.unsqueeze(-1)).squeeze(-1) // (.., m)
    }

    /// `z = Σ x·y` of two vectors `(n)`, shape `()`; `dx = y·dz`, `dy = x·dz`.
    ///
    /// # Panics
    /// If they are not vectors of one length.
    #[track_caller]
    pub fn dot(&self, other: &Self) -> Self {
        let (x, y) = (self.value().clone(), other.value().clone());
        let value = x.dot(&y);
        Self::record("dot", [self, other], value, move |dz| [Some(&y * dz), Some(&x * dz)])
    }

    /// `zᵢⱼ = xᵢ·yⱼ` of two vectors, `x (n)`, `y (m)` → `(n, m)`; `dx = dz·y`, `dy = dzᵀ·x`.
    ///
    /// # Panics
    /// If they are not vectors.
    #[track_caller]
    pub fn outer(&self, other: &Self) -> Self {
        let (x, y) = (self.value().clone(), other.value().clone());
        let value = x.outer(&y); // (n, m)
        Self::record("outer", [self, other], value, move |dz| [Some(dz.matvec(&y)), Some(dz.t().matvec(&x))])
    }
}

/// `(.., n)` → `(rows, n)`.
fn rows<E: Element>(x: &Tensor<E>) -> Tensor<E> {
    x.reshape(&[x.shape()[..x.rank() - 1].iter().product(), x.dim(-1)])
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
