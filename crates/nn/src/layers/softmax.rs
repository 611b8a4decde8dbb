//! Distributions from logits, as layers to end a [`Sequential`](super::Sequential) with.

use std::fmt;

use autograd::{Case, Var, gradcheck};
use tensor::Element;

pub(super) const CASES: &[Case] = &[Case::new("Softmax, LogSoftmax, Sparsemax", |draw| {
    let dims = draw.dims::<2>();
    let x = draw.normal(&dims);
    let f = |x: &Var<f64>| Softmax.forward(x) + LogSoftmax.forward(x) * 2.0 + Sparsemax.forward(x) * 3.0;
    gradcheck(|v| f(&v[0]), &[x])
})];

macro_rules! layers {
    ($($(#[$doc:meta])* $name:ident |$x:ident| $forward:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl $name {
            /// `x (.., classes)` → `(.., classes)`
            ///
            /// # Panics
            /// If `x` has no dimensions.
            #[track_caller]
            pub fn forward<E: Element>(self, $x: &Var<E>) -> Var<E> {
                $forward
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

layers! {
    /// `y_c = eˣᶜ / Σ_k eˣᵏ` along the last dimension.
    ///
    /// ```
    /// use autograd::Var;
    /// use tensor::Tensor;
    /// let x = Var::constant(Tensor::<f32>::zeros(&[3, 4]));
    /// assert_eq!(*nn::Softmax.forward(&x).value(), Tensor::full(&[3, 4], 0.25));
    /// ```
    Softmax |x| x.softmax(-1);
    /// `y_c = x_c − ln Σ_k eˣᵏ` along the last dimension.
    LogSoftmax |x| x.log_softmax(-1);
    /// The nearest point of the simplex (Martins & Astudillo 2016) along the last dimension: a distribution most of
    /// whose classes may have none of it.
    Sparsemax |x| x.sparsemax(-1);
}
