//! Functions of one element, and the larger or smaller of two.

use tensor::{Element, Tensor};

use crate::{Case, Gen, GradcheckError, GradcheckReport, Var, gradcheck};

pub(super) const CASES: &[Case] = &[
    Case::new("exp", |draw| check(draw, -2.0, 2.0, Var::exp)),
    Case::new("ln", |draw| check(draw, 0.2, 3.0, Var::ln)),
    Case::new("log1p", |draw| check(draw, -0.7, 3.0, Var::log1p)),
    Case::new("sqrt", |draw| check(draw, 0.2, 3.0, Var::sqrt)),
    Case::new("square", |draw| check(draw, -2.0, 2.0, Var::square)),
    Case::new("powf", |draw| {
        let exponent = draw.number(-2.0, 3.0);
        check(draw, 0.3, 2.0, |x| x.powf(exponent))
    }),
    Case::new("recip", |draw| check(draw, 0.3, 2.0, Var::recip)),
    Case::new("abs", |draw| check(draw, -2.0, 2.0, Var::abs)),
    Case::new("sin", |draw| check(draw, -4.0, 4.0, Var::sin)),
    Case::new("cos", |draw| check(draw, -4.0, 4.0, Var::cos)),
    Case::new("tanh", |draw| check(draw, -2.0, 2.0, Var::tanh)),
    Case::new("sigmoid", |draw| check(draw, -3.0, 3.0, Var::sigmoid)),
    Case::new("softplus", |draw| check(draw, -3.0, 3.0, Var::softplus)),
    Case::new("erf", |draw| check(draw, -2.0, 2.0, Var::erf)),
    Case::new("clamp", |draw| check(draw, -2.0, 2.0, |x| x.clamp(-0.8, 1.1))),
    Case::new("maximum", |draw| check_pair(draw, Var::maximum)),
    Case::new("minimum", |draw| check_pair(draw, Var::minimum)),
];

fn check(
    draw: &mut Gen,
    low: f64,
    high: f64,
    f: impl Fn(&Var<f64>) -> Var<f64>,
) -> Result<GradcheckReport, GradcheckError> {
    let dims = draw.dims::<3>();
    let x = draw.uniform(&dims, low, high);
    gradcheck(|v| f(&v[0]), &[x])
}

fn check_pair(
    draw: &mut Gen,
    f: impl Fn(&Var<f64>, &Var<f64>) -> Var<f64>,
) -> Result<GradcheckReport, GradcheckError> {
    let [rows, cols] = draw.dims();
    let (a, b) = (draw.normal(&[rows, cols]), draw.normal(&[cols]));
    gradcheck(|v| f(&v[0], &v[1]), &[a, b])
}

impl<E: Element> Var<E> {
    /// `y = f(x)` with `dx = derivative(x, dy)`.
    fn keeping_input(
        &self,
        op: &'static str,
        value: Tensor<E>,
        derivative: impl Fn(E, E) -> E + Send + Sync + Copy + 'static,
    ) -> Self {
        let x = self.value().clone();
        Self::record(op, [self], value, move |dy| [Some(x.zip(dy, derivative))])
    }

    /// `y = f(x)` with `dx = derivative(y, dy)`: keeps the result, which lives on anyway, and not the input.
    fn keeping_output(
        &self,
        op: &'static str,
        value: Tensor<E>,
        derivative: impl Fn(E, E) -> E + Send + Sync + Copy + 'static,
    ) -> Self {
        let y = value.clone();
        Self::record(op, [self], value, move |dy| [Some(y.zip(dy, derivative))])
    }

    /// `y = eˣ`; `dx = y·dy`.
    pub fn exp(&self) -> Self {
        self.keeping_output("exp", self.value().exp(), |y, dy| y * dy)
    }

    /// `y = ln x`; `dx = dy/x`.
    pub fn ln(&self) -> Self {
        self.keeping_input("ln", self.value().ln(), |x, dy| dy / x)
    }

    /// `y = ln(1 + x)`, accurate near 0; `dx = dy/(1 + x)`.
    pub fn log1p(&self) -> Self {
        self.keeping_input("log1p", self.value().ln_1p(), |x, dy| dy / (E::ONE + x))
    }

    /// `y = √x`; `dx = dy/(2y)`.
    pub fn sqrt(&self) -> Self {
        self.keeping_output("sqrt", self.value().sqrt(), |y, dy| dy / (y + y))
    }

    /// `y = x²`; `dx = 2x·dy`.
    pub fn square(&self) -> Self {
        self.keeping_input("square", self.value().square(), |x, dy| (x + x) * dy)
    }

    /// `y = xᵃ`; `dx = a·xᵃ⁻¹·dy`.
    pub fn powf(&self, exponent: E) -> Self {
        self.keeping_input("powf", self.value().powf(exponent), move |x, dy| {
            if exponent == E::ZERO { E::ZERO } else { exponent * x.powf(exponent - E::ONE) * dy }
        })
    }

    /// `y = 1/x`; `dx = −y²·dy`.
    pub fn recip(&self) -> Self {
        self.keeping_output("recip", self.value().map(|x| E::ONE / x), |y, dy| -y * y * dy)
    }

    /// `y = |x|`; `dx = sign(x)·dy`, 0 at 0.
    pub fn abs(&self) -> Self {
        self.keeping_input("abs", self.value().abs(), |x, dy| {
            if x > E::ZERO {
                dy
            } else if x < E::ZERO {
                -dy
            } else {
                x * dy
            }
        })
    }

    /// `y = sin x`; `dx = cos x·dy`.
    pub fn sin(&self) -> Self {
        let x = self.value().clone();
        Self::record("sin", [self], x.sin(), move |dy| [Some(&x.cos() * dy)])
    }

    /// `y = cos x`; `dx = −sin x·dy`.
    pub fn cos(&self) -> Self {
        let x = self.value().clone();
        Self::record("cos", [self], x.cos(), move |dy| [Some(x.sin().zip(dy, |s, dy| -s * dy))])
    }

    /// `y = tanh x`; `dx = (1 − y²)·dy`.
    pub fn tanh(&self) -> Self {
        self.keeping_output("tanh", self.value().tanh(), |y, dy| (E::ONE - y * y) * dy)
    }

    /// `y = 1/(1 + e⁻ˣ)`; `dx = y·(1 − y)·dy`.
    pub fn sigmoid(&self) -> Self {
        self.keeping_output("sigmoid", self.value().sigmoid(), |y, dy| y * (E::ONE - y) * dy)
    }

    /// `y = ln(1 + eˣ)`; `dx = sigmoid(x)·dy`.
    pub fn softplus(&self) -> Self {
        let x = self.value().clone();
        Self::record("softplus", [self], x.softplus(), move |dy| [Some(&x.sigmoid() * dy)])
    }

    /// `y = erf x = 2/√π ∫₀ˣ e^(−t²) dt`; `dx = 2/√π·e^(−x²)·dy`.
    pub fn erf(&self) -> Self {
        let slope = E::from_f64(std::f64::consts::FRAC_2_SQRT_PI);
        self.keeping_input("erf", self.value().erf(), move |x, dy| slope * (-x * x).exp() * dy)
    }

    /// `y = x` limited to `[low, high]`; `dx = dy` where `low ≤ x ≤ high`, else 0.
    pub fn clamp(&self, low: E, high: E) -> Self {
        let value = self.value().clamp(low, high);
        self.keeping_input("clamp", value, move |x, dy| if x < low || x > high { E::ZERO } else { dy })
    }

    /// `z = max(x, y)` with broadcasting; `dz` goes to the larger, half to each where both are equal.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(&self, other: &Self) -> Self {
        let value = self.value().maximum(other.value());
        self.chosen("maximum", other, value, |x, y| x > y)
    }

    /// `z = min(x, y)` with broadcasting; `dz` goes to the smaller, half to each where both are equal.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(&self, other: &Self) -> Self {
        let value = self.value().minimum(other.value());
        self.chosen("minimum", other, value, |x, y| x < y)
    }

    /// The vjp of an element chosen from two.
    fn chosen(
        &self,
        op: &'static str,
        other: &Self,
        value: Tensor<E>,
        first: impl Fn(E, E) -> bool + Send + Sync + Copy + 'static,
    ) -> Self {
        let (x, y) = (self.value().clone(), other.value().clone());
        let (need_x, need_y) = (self.needs_grad(), other.needs_grad());
        let half = E::from_f64(0.5);
        let share = move |x: E, y: E| {
            if x == y {
                half
            } else if first(x, y) {
                E::ONE
            } else {
                E::ZERO
            }
        };
        Self::record(op, [self, other], value, move |dz| {
            let part = x.zip(&y, share);
            let dy = need_y.then(|| part.zip(dz, |part, dz| (E::ONE - part) * dz));
            [need_x.then(|| &part * dz), dy]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_gradient() {
        let x = Var::leaf(Tensor::from_vec(vec![1.0_f32, 2.0, 3.0], &[3]));
        let y = Var::leaf(Tensor::from_vec(vec![2.0_f32, 2.0, 2.0], &[3]));
        let grads = x.maximum(&y).backward_from(&Tensor::ones(&[3])).unwrap();
        assert_eq!(grads.get(&x).unwrap().to_vec(), [0.0, 0.5, 1.0]);
        assert_eq!(grads.get(&y).unwrap().to_vec(), [1.0, 0.5, 0.0]);
    }

    #[test]
    fn slopes_where_they_are_a_convention() {
        let x = Var::leaf(Tensor::from_vec(vec![-1.0_f32, 0.0, 1.0], &[3]));
        let slope = |y: Var| y.backward_from(&Tensor::ones(&[3])).unwrap().get(&x).unwrap().to_vec();
        assert_eq!(slope(x.abs()), [-1.0, 0.0, 1.0]);
        assert_eq!(slope(x.clamp(-1.0, 0.5)), [1.0, 1.0, 0.0]);
        assert_eq!(slope(x.powf(0.0)), [0.0, 0.0, 0.0]);
    }
}
