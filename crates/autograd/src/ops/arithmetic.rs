//! `+ − × ÷`, negation and operations with one number; all broadcast.

use std::ops::{Add, Div, Mul, Neg, Sub};

use tensor::Element;

use crate::{Case, Gen, GradcheckError, GradcheckReport, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("add", |draw| check_pair(draw, |a, b| a + b)),
    Case::new("sub", |draw| check_pair(draw, |a, b| a - b)),
    Case::new("mul", |draw| check_pair(draw, |a, b| a * b)),
    Case::new("div", |draw| {
        let [rows, cols] = draw.dims();
        let (a, b) = (draw.normal(&[rows, cols]), draw.uniform(&[cols], 0.5, 2.0));
        gradcheck(|v| &v[0] / &v[1], &[a, b])
    }),
    Case::new("neg", |draw| {
        let dims = draw.dims::<2>();
        let x = draw.normal(&dims);
        gradcheck(|v| -&v[0], &[x])
    }),
    Case::new("scalar arithmetic", |draw| {
        let dims = draw.dims::<2>();
        let x = draw.normal(&dims);
        gradcheck(|v| (((&v[0] + 0.5) * 3.0) - 1.0) / 7.0, &[x])
    }),
];

/// `f` over two operands that broadcast in one of several ways.
fn check_pair(
    draw: &mut Gen,
    f: impl Fn(&Var<f64>, &Var<f64>) -> Var<f64>,
) -> Result<GradcheckReport, GradcheckError> {
    let [batch, rows, cols] = draw.dims();
    let left: &[usize] = &[batch, rows, cols];
    let right: &[&[usize]] = &[left, &[rows, cols], &[cols], &[], &[batch, 1, cols], &[rows, 1]];
    let right = right[draw.below(right.len())];
    let (mut a, mut b) = (draw.normal(left), draw.normal(right));
    if draw.flip() {
        std::mem::swap(&mut a, &mut b);
    }
    gradcheck(|v| f(&v[0], &v[1]), &[a, b])
}

impl<E: Element> Var<E> {
    /// `z = x + y`; `dx = dz`, `dy = dz`.
    #[track_caller]
    fn add_var(&self, other: &Self) -> Self {
        let value = self.value() + other.value();
        Self::record("add", [self, other], value, |dz| [Some(dz.clone()), Some(dz.clone())])
    }

    /// `z = x − y`; `dx = dz`, `dy = −dz`.
    #[track_caller]
    fn sub_var(&self, other: &Self) -> Self {
        let value = self.value() - other.value();
        Self::record("sub", [self, other], value, |dz| [Some(dz.clone()), Some(-dz)])
    }

    /// `z = x·y`; `dx = y·dz`, `dy = x·dz`.
    #[track_caller]
    fn mul_var(&self, other: &Self) -> Self {
        let value = self.value() * other.value();
        let x = other.needs_grad().then(|| self.value().clone());
        let y = self.needs_grad().then(|| other.value().clone());
        Self::record("mul", [self, other], value, move |dz| {
            [y.as_ref().map(|y| dz * y), x.as_ref().map(|x| dz * x)]
        })
    }

    /// `z = x/y`; `dx = dz/y`, `dy = −z/y·dz`.
    #[track_caller]
    fn div_var(&self, other: &Self) -> Self {
        let value = self.value() / other.value();
        let (y, z) = (other.value().clone(), value.clone());
        let (need_x, need_y) = (self.needs_grad(), other.needs_grad());
        Self::record("div", [self, other], value, move |dz| {
            let dx = dz / &y;
            let dy = need_y.then(|| z.zip(&dx, |z, dx| -z * dx));
            [need_x.then_some(dx), dy]
        })
    }

    /// `y = x + a`; `dx = dy`.
    fn add_scalar(&self, a: E) -> Self {
        Self::record("add scalar", [self], self.value() + a, |dy| [Some(dy.clone())])
    }

    /// `y = a·x`; `dx = a·dy`.
    fn mul_scalar(&self, a: E) -> Self {
        Self::record("mul scalar", [self], self.value() * a, move |dy| [Some(dy * a)])
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $var:ident, |$x:ident, $a:ident| $scalar:expr) => {
        /// With broadcasting. Panics if the shapes do not broadcast.
        impl<E: Element> $trait<&Var<E>> for &Var<E> {
            type Output = Var<E>;
            #[track_caller]
            fn $method(self, other: &Var<E>) -> Var<E> {
                self.$var(other)
            }
        }
        /// With broadcasting. Panics if the shapes do not broadcast.
        impl<E: Element> $trait<&Var<E>> for Var<E> {
            type Output = Var<E>;
            #[track_caller]
            fn $method(self, other: &Var<E>) -> Var<E> {
                self.$var(other)
            }
        }
        /// With broadcasting. Panics if the shapes do not broadcast.
        impl<E: Element> $trait<Var<E>> for &Var<E> {
            type Output = Var<E>;
            #[track_caller]
            fn $method(self, other: Var<E>) -> Var<E> {
                self.$var(&other)
            }
        }
        /// With broadcasting. Panics if the shapes do not broadcast.
        impl<E: Element> $trait<Var<E>> for Var<E> {
            type Output = Var<E>;
            #[track_caller]
            fn $method(self, other: Var<E>) -> Var<E> {
                self.$var(&other)
            }
        }
        impl<E: Element> $trait<E> for &Var<E> {
            type Output = Var<E>;
            fn $method(self, $a: E) -> Var<E> {
                let $x = self;
                $scalar
            }
        }
        impl<E: Element> $trait<E> for Var<E> {
            type Output = Var<E>;
            fn $method(self, $a: E) -> Var<E> {
                let $x = &self;
                $scalar
            }
        }
    };
}
operator!(Add, add, add_var, |x, a| x.add_scalar(a));
operator!(Sub, sub, sub_var, |x, a| x.add_scalar(-a));
operator!(Mul, mul, mul_var, |x, a| x.mul_scalar(a));
operator!(Div, div, div_var, |x, a| x.mul_scalar(E::ONE / a));

impl<E: Element> Neg for &Var<E> {
    type Output = Var<E>;
    fn neg(self) -> Var<E> {
        self.mul_scalar(-E::ONE)
    }
}

impl<E: Element> Neg for Var<E> {
    type Output = Var<E>;
    fn neg(self) -> Var<E> {
        self.mul_scalar(-E::ONE)
    }
}
