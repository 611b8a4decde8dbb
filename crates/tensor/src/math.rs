//! Transcendental functions and activations of every element, vectorised.

use crate::element::Element;
use crate::kernels::activation::{self, Activation};
use crate::kernels::map::{self, Unary};
use crate::kernels::math;
use crate::shape;
use crate::tensor::Tensor;

macro_rules! functions {
    ($($name:ident $in_place:ident $op:ident $what:literal)*) => {
        /// The errors of the `f32` forms are stated in [`kernels::math`](crate::kernels::math).
        impl<E: Element> Tensor<E> {
            $(
                #[doc = concat!($what, " of every element.")]
                pub fn $name(&self) -> Self {
                    self.apply(math::$op)
                }

                #[doc = concat!($what, " of every element, in place.")]
                pub fn $in_place(&mut self) {
                    map::unary_in_place(self.data_mut(), math::$op);
                }
            )*
        }
    };
}

functions! {
    exp exp_in_place Exp "`eˣ`"
    exp_m1 exp_m1_in_place ExpM1 "`eˣ − 1`, accurate near 0,"
    ln ln_in_place Ln "The natural logarithm"
    ln_1p ln_1p_in_place Ln1p "`ln(1 + x)`, accurate near 0,"
    tanh tanh_in_place Tanh "The hyperbolic tangent"
    sigmoid sigmoid_in_place Sigmoid "`1 / (1 + e⁻ˣ)`"
    softplus softplus_in_place Softplus "`ln(1 + eˣ)`"
    erf erf_in_place Erf "The error function"
    rsqrt rsqrt_in_place Rsqrt "`1 / √x`"
}

impl<E: Element> Tensor<E> {
    fn apply(&self, f: impl Unary<E>) -> Self {
        if self.is_contiguous() {
            return Self::build(self.shape(), |y| map::unary(self.data(), y, f));
        }
        let mut y = self.contiguous();
        map::unary_in_place(y.data_mut(), f);
        y
    }

    /// An activation function of every element.
    ///
    /// ```
    /// use tensor::{Tensor, kernels::activation::Relu};
    /// let x = Tensor::from_slice(&[-2.0_f32, 3.0], &[2]);
    /// assert_eq!(x.activate(Relu).to_vec(), [0.0, 3.0]);
    /// ```
    pub fn activate(&self, act: impl Activation) -> Self {
        let x = self.contiguous();
        Self::build(self.shape(), |y| activation::forward(x.data(), y, act))
    }

    /// An activation function of every element, in place.
    pub fn activate_in_place(&mut self, act: impl Activation) {
        activation::forward_in_place(self.data_mut(), act);
    }

    /// `dy · f′(x)` for this `x`: the gradient of [`activate`](Self::activate).
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn activate_backward(&self, dy: &Self, act: impl Activation) -> Self {
        if self.shape != dy.shape {
            let operands = [("x", "", self.shape()), ("dy", "", dy.shape())];
            shape::fail("activate_backward", &operands, "shapes differ");
        }
        let (x, dy) = (self.contiguous(), dy.contiguous());
        Self::build(self.shape(), |dx| activation::backward(x.data(), dy.data(), dx, act))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::activation::Tanh;
    use crate::test_views::view;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn functions_of_any_view(x in view(0..5)) {
            let view = &x / 8.0;
            let view = if view.rank() > 0 { view.transpose(0, -1) } else { view };
            prop_assert!(view.exp().all_close(&view.map(f64::exp), 1e-15, 0.0));
            prop_assert!(view.tanh().all_close(&view.map(f64::tanh), 1e-14, 0.0));
            prop_assert!(view.softplus().all_close(&view.map(|x| x.exp().ln_1p()), 1e-13, 0.0));
            prop_assert!(view.exp().ln().all_close(&view, 1e-12, 1e-13));
            prop_assert!(view.exp_m1().ln_1p().all_close(&view, 1e-12, 1e-13));
            prop_assert!(view.sigmoid().all_close(&view.map(|x| 1.0 / (1.0 + (-x).exp())), 1e-13, 0.0));
            prop_assert_eq!((-&view).erf(), -&view.erf());
            let mut in_place = view.clone();
            in_place.exp_in_place();
            prop_assert_eq!(in_place.rsqrt(), view.exp().map(|x| 1.0 / x.sqrt()));
            in_place.activate_in_place(Tanh);
            prop_assert_eq!(&in_place, &view.exp().activate(Tanh));
            let slope = view.activate_backward(&Tensor::ones(view.shape()), Tanh);
            prop_assert!(slope.all_close(&view.tanh().map(|y| 1.0 - y * y), 1e-12, 1e-12));
        }
    }

    #[test]
    fn single_precision_is_close_too() {
        let x = Tensor::<f32>::arange(100_001).map(|x| x * 4e-4 - 20.0);
        let exact = x.cast::<f64>();
        assert!(x.exp().cast().all_close(&exact.exp(), 2e-7, 0.0));
        assert!(x.erf().cast().all_close(&exact.erf(), 4e-7, 1e-30));
        assert!(x.sigmoid().cast().all_close(&exact.sigmoid(), 4e-7, 0.0));
    }
}
