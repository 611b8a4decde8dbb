//! Reductions along axes: sums, means, extremes, variance, norms.

use tensor::kernels::{par, softmax};
use tensor::shape::{Dims, axis_index};
use tensor::{Element, Ids, Tensor};

use super::rows::{axis_back, axis_last};
use crate::{Case, Gen, GradcheckError, GradcheckReport, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("sum", |draw| {
        let dims = draw.dims::<3>();
        let x = draw.normal(&dims);
        gradcheck(|v| v[0].sum(), &[x])
    }),
    Case::new("sum_axes", |draw| {
        let dims = draw.dims::<4>();
        let (x, keep) = (draw.normal(&dims), draw.flip());
        let axes: &[isize] = [&[0, 1][..], &[-1], &[1, -1], &[0, 2, 3], &[]][draw.below(5)];
        gradcheck(|v| v[0].sum_axes(axes, keep), &[x])
    }),
    Case::new("mean", |draw| {
        let dims = draw.dims::<3>();
        let x = draw.normal(&dims);
        gradcheck(|v| v[0].mean(), &[x])
    }),
    Case::new("mean_axes", |draw| {
        let dims = draw.dims::<3>();
        let (x, keep) = (draw.normal(&dims), draw.flip());
        gradcheck(|v| v[0].mean_axes(&[0, -1], keep), &[x])
    }),
    Case::new("max_axis", |draw| check_axis(draw, |x, axis, keep| x.max_axis(axis, keep))),
    Case::new("min_axis", |draw| check_axis(draw, |x, axis, keep| x.min_axis(axis, keep))),
    Case::new("var_axis", |draw| {
        let [a, b] = draw.dims();
        let (x, keep, unbiased) = (draw.normal(&[a, 1 + b, 3]), draw.flip(), draw.flip());
        gradcheck(|v| v[0].var_axis(1, keep, unbiased), &[x])
    }),
    Case::new("logsumexp_axis", |draw| check_axis(draw, |x, axis, keep| x.logsumexp_axis(axis, keep))),
    Case::new("cumsum", |draw| check_axis(draw, |x, axis, _| x.cumsum(axis))),
    Case::new("prod_axis", |draw| check_axis(draw, |x, axis, keep| x.prod_axis(axis, keep))),
    Case::new("prod with zeros", |draw| {
        let mut x = draw.normal(&[3, 4]).contiguous();
        let data = x.data_mut();
        (data[1], data[4], data[6]) = (0.0, 0.0, 0.0); // One zero in row 0, two in row 1, none in row 2.
        gradcheck(|v| v[0].prod_axis(1, false), &[x])
    }),
    Case::new("norm", |draw| {
        let dims = draw.dims::<2>();
        let x = draw.normal(&dims);
        gradcheck(|v| v[0].norm(), &[x])
    }),
    Case::new("norm_axis", |draw| check_axis(draw, |x, axis, keep| x.norm_axis(axis, keep))),
];

/// `f(x, axis, keep)` at different values, along any axis.
fn check_axis(
    draw: &mut Gen,
    f: impl Fn(&Var<f64>, isize, bool) -> Var<f64>,
) -> Result<GradcheckReport, GradcheckError> {
    let dims = draw.dims::<3>();
    let x = draw.distinct(&dims);
    let (axis, keep) = (draw.below(6) as isize - 3, draw.flip());
    gradcheck(|v| f(&v[0], axis, keep), &[x])
}

/// `t` with the reduced axes back as dimensions of size 1.
fn with_kept<E: Element>(t: &Tensor<E>, shape: &[usize], axes: &[usize]) -> Tensor<E> {
    let mut kept = Dims::new(shape);
    axes.iter().for_each(|axis| kept[*axis] = 1);
    t.reshape(&kept)
}

impl<E: Element> Var<E> {
    /// `y = Σ x` over all elements, shape `()`; `dx = dy` everywhere.
    pub fn sum(&self) -> Self {
        let from = Dims::new(self.shape());
        Self::record("sum", [self], self.value().sum(), move |dy| [Some(dy.broadcast_to(&from))])
    }

    /// `y = Σ x` over `axes`, which disappear, or stay with size 1 if `keep`; `dx = dy` along them.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn sum_axes(&self, axes: &[isize], keep: bool) -> Self {
        let value = self.value().sum_axes(axes, keep);
        let from = Dims::new(self.shape());
        let axes: Vec<usize> = axes.iter().map(|axis| axis_index("sum", *axis, from.len())).collect();
        Self::record("sum", [self], value, move |dy| [Some(with_kept(dy, &from, &axes).broadcast_to(&from))])
    }

    /// [`sum_axes`](Self::sum_axes) of one axis.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn sum_axis(&self, axis: isize, keep: bool) -> Self {
        self.sum_axes(&[axis], keep)
    }

    /// `y = Σ x / n` over all elements, shape `()`; `dx = dy/n`. NaN of no elements.
    pub fn mean(&self) -> Self {
        let from = Dims::new(self.shape());
        let share = E::ONE / E::from_usize(self.value().len());
        Self::record("mean", [self], self.value().mean(), move |dy| [Some((dy * share).broadcast_to(&from))])
    }

    /// `y = Σ x / n` over `axes`, which disappear, or stay with size 1 if `keep`; `dx = dy/n` along them.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn mean_axes(&self, axes: &[isize], keep: bool) -> Self {
        let value = self.value().mean_axes(axes, keep);
        let from = Dims::new(self.shape());
        let axes: Vec<usize> = axes.iter().map(|axis| axis_index("mean", *axis, from.len())).collect();
        let share = E::ONE / E::from_usize(axes.iter().map(|axis| from[*axis]).product());
        Self::record("mean", [self], value, move |dy| {
            [Some(with_kept(&(dy * share), &from, &axes).broadcast_to(&from))]
        })
    }

    /// [`mean_axes`](Self::mean_axes) of one axis.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn mean_axis(&self, axis: isize, keep: bool) -> Self {
        self.mean_axes(&[axis], keep)
    }

    /// The largest element along `axis`, which disappears, or stays with size 1 if `keep`; `dy` goes to it alone,
    /// to the first of several.
    ///
    /// # Panics
    /// If there is no such axis or it has size 0.
    #[track_caller]
    pub fn max_axis(&self, axis: isize, keep: bool) -> Self {
        let value = self.value().max_axis(axis, keep);
        self.picked("max", axis, value, |x| x.argmax(axis))
    }

    /// The smallest element along `axis`, which disappears, or stays with size 1 if `keep`; `dy` goes to it
    /// alone, to the first of several.
    ///
    /// # Panics
    /// If there is no such axis or it has size 0.
    #[track_caller]
    pub fn min_axis(&self, axis: isize, keep: bool) -> Self {
        let value = self.value().min_axis(axis, keep);
        self.picked("min", axis, value, |x| x.argmin(axis))
    }

    /// The vjp of one element picked along `axis`.
    fn picked(
        &self,
        op: &'static str,
        axis: isize,
        value: Tensor<E>,
        index: impl Fn(&Tensor<E>) -> Ids,
    ) -> Self {
        if !self.needs_grad() {
            return Self::record(op, [self], value, |_| [None]);
        }
        let (from, picked) = (Dims::new(self.shape()), index(self.value()));
        let at = axis_index(op, axis, from.len());
        Self::record(op, [self], value, move |dy| {
            let mut rows = Dims::new(&from);
            let cols = rows.remove(at);
            rows.push(cols);
            let dy = dy.contiguous();
            let dx = Tensor::build(&rows, |out| {
                out.fill(E::ZERO);
                let places = out.chunks_exact_mut(cols).zip(picked.data());
                places.zip(dy.data()).for_each(|((row, &at), &dy)| row[at as usize] = dy);
            });
            [Some(axis_back(&dx, at))]
        })
    }

    /// The variance along `axis`, which disappears, or stays with size 1 if `keep`: `y = Σ (x − mean)²/n`, or
    /// `/(n − 1)` if `unbiased`; `dx = 2(x − mean)/n·dy`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn var_axis(&self, axis: isize, keep: bool, unbiased: bool) -> Self {
        let value = self.value().var_axis(axis, keep, unbiased);
        let x = self.value().clone();
        let at = axis_index("var", axis, x.rank());
        let count = E::from_usize(x.shape()[at]) - if unbiased { E::ONE } else { E::ZERO };
        Self::record("var", [self], value, move |dy| {
            let slope = with_kept(&(dy * ((E::ONE + E::ONE) / count)), x.shape(), &[at]);
            [Some(&(&x - &x.mean_axis(at as isize, true)) * &slope)]
        })
    }

    /// `y = ln Σ eˣ` along `axis`, which disappears, or stays with size 1 if `keep`; `dx = eˣ⁻ʸ·dy`, 0 where all
    /// are −∞.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn logsumexp_axis(&self, axis: isize, keep: bool) -> Self {
        let value = self.value().logsumexp_axis(axis, keep);
        let (x, y) = (self.value().clone(), value.contiguous());
        let at = axis_index("logsumexp", axis, x.rank());
        Self::record("logsumexp", [self], value, move |dy| {
            let (x, dy) = (axis_last(&x, at), dy.contiguous());
            let dx = Tensor::build(x.shape(), |dx| {
                softmax::logsumexp_backward(x.data(), y.data(), dy.data(), x.dim(-1), dx);
            });
            [Some(axis_back(&dx, at))]
        })
    }

    /// Running sums along `axis`: `yᵢ = x₀ + … + xᵢ`; `dxᵢ = dyᵢ + dyᵢ₊₁ + …`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Self {
        let value = self.value().cumsum(axis);
        Self::record("cumsum", [self], value, move |dy| [Some(dy.flip(axis).cumsum(axis).flip(axis))])
    }

    /// `y = Π x` along `axis`, which disappears, or stays with size 1 if `keep`; `dxᵢ = dy·Π xⱼ, j ≠ i`, right
    /// also where some are 0.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn prod_axis(&self, axis: isize, keep: bool) -> Self {
        let value = self.value().prod_axis(axis, keep);
        let x = self.value().clone();
        let at = axis_index("prod", axis, x.rank());
        Self::record("prod", [self], value, move |dy| {
            let (x, dy) = (axis_last(&x, at), dy.contiguous());
            let dx = Tensor::build(x.shape(), |dx| products_of_others(x.data(), dy.data(), x.dim(-1), dx));
            [Some(axis_back(&dx, at))]
        })
    }

    /// `y = Π x` over all elements, shape `()`; as [`prod_axis`](Self::prod_axis).
    pub fn prod(&self) -> Self {
        self.reshape(&[self.value().len()]).prod_axis(0, false)
    }

    /// The Euclidean norm of all elements, shape `()`: `y = √Σ x²`; `dx = x/y·dy`, 0 where `y` is 0.
    pub fn norm(&self) -> Self {
        self.reshape(&[self.value().len()]).norm_axis(0, false)
    }

    /// The Euclidean norm along `axis`, which disappears, or stays with size 1 if `keep`: `y = √Σ x²`;
    /// `dx = x/y·dy`, 0 where `y` is 0.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn norm_axis(&self, axis: isize, keep: bool) -> Self {
        let x = self.value().clone();
        let at = axis_index("norm", axis, x.rank());
        let value = x.square().sum_axis(axis, keep).sqrt();
        let y = value.clone();
        Self::record("norm", [self], value, move |dy| {
            let slope = y.zip(dy, |y, dy| if y == E::ZERO { E::ZERO } else { dy / y });
            [Some(&x * &with_kept(&slope, x.shape(), &[at]))]
        })
    }
}

/// `dx[r, i] = dy[r]·Π x[r, j], j ≠ i`, as the product of all before times the product of all after: without
/// division, so zeros are no exception.
fn products_of_others<E: Element>(x: &[E], dy: &[E], cols: usize, dx: &mut [E]) {
    if cols == 0 {
        return;
    }
    let data = (par::rows(x, cols), dy, par::rows(dx, cols));
    par::for_each(data, dy.len(), par::rows_per_chunk(4 * cols), |_, (x, dy, dx)| {
        for ((x, dx), &dy) in x.data.chunks_exact(cols).zip(dx.data.chunks_exact_mut(cols)).zip(dy) {
            let mut before = dy;
            for (dx, &x) in dx.iter_mut().zip(x) {
                *dx = before;
                before *= x;
            }
            let mut after = E::ONE;
            for (dx, &x) in dx.iter_mut().zip(x).rev() {
                *dx *= after;
                after *= x;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_maxima_gets_the_gradient() {
        let x = Var::leaf(Tensor::from_vec(vec![1.0_f32, 3.0, 3.0, 2.0, 2.0, 2.0], &[2, 3]));
        let grads = x.max_axis(1, false).sum().backward().unwrap();
        assert_eq!(grads.get(&x).unwrap().to_vec(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn the_norm_of_zero_has_gradient_zero() {
        let x = Var::leaf(Tensor::<f32>::zeros(&[3]));
        assert_eq!(x.norm().backward().unwrap().get(&x).unwrap().to_vec(), [0.0; 3]);
    }

    #[test]
    fn sums_and_products_of_no_elements() {
        let x = Var::leaf(Tensor::<f32>::zeros(&[2, 0]));
        assert_eq!(*x.prod_axis(1, false).value(), Tensor::ones(&[2]));
        let products = x.prod_axis(1, false).sum() + x.prod_axis(0, false).sum() + x.prod();
        let grads = (x.sum_axis(1, false).sum() + x.sum() + products).backward().unwrap();
        assert_eq!(grads.get(&x).unwrap().shape(), [2, 0]);
    }
}
